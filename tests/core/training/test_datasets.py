"""Runs of several datasets, one after the other in the same worker, as the launcher names them."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from core.compute.process import start_process
from core.config import TrainingConfig
from core.data.kept import Datasets
from core.runs.state import ENDED

pytestmark = pytest.mark.slow
SHORT = TrainingConfig("linear", epochs=1)


@pytest.fixture
def train(store, digits_file, monkeypatch, wait_until):
    """Have one worker, which stays warm, train runs with these settings; returns each when it has ended."""
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    store.home.mkdir(parents=True)
    worker = start_process(
        "core.training.worker", "--wait", store.home, log=store.home / "worker.log", takes_input=True
    )

    def one(config):
        run = store.create(config)
        worker.stdin.write(os.fsencode(run.path) + b"\n")
        worker.stdin.flush()
        wait_until(lambda: run.state.name in ENDED and not run.has_worker(), "the end of the run")
        return run

    yield one
    worker.stdin.close()
    assert worker.wait(timeout=120) == 0


def test_a_warm_worker_trains_each_run_on_its_own_dataset(store, digits, train):
    fewer = {"x_train": digits.x_train[:900, ::-1], "y_train": digits.y_train[:900]}
    turned = replace(digits, **fewer, x_test=digits.x_test[:90], y_test=digits.y_test[:90])
    datasets = Datasets(store.home)
    kept = datasets.add(turned, "Turned")
    on_kept = replace(SHORT, dataset=kept.fingerprint)
    runs = [train(config) for config in (SHORT, on_kept, on_kept, SHORT)]
    assert [run.state.name for run in runs] == ["finished"] * 4
    assert [run.dataset["name"] for run in runs] == ["Own digits", "Turned", "Turned", "Own digits"]
    assert [len(run.probabilities()) for run in runs] == [397, 90, 90, 397]
    assert [run.summary["training_images"] for run in runs] == [1167, 750, 750, 1167]
    for first, again in ((0, 3), (1, 2)):  # the same settings and data give the same run
        np.testing.assert_array_equal(runs[first].probabilities(), runs[again].probabilities())
    assert runs[1].foreign_dataset(datasets.open(kept.fingerprint)) is None
    datasets.remove(kept)
    gone = train(on_kept)
    assert gone.state.name == "failed"
    assert "The dataset that this run is to be trained on was removed" in gone.state.message
