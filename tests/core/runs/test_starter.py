"""The shipped network is what its summary says, and reads digits before anything is trained."""

from dataclasses import replace

import numpy as np
import pytest

from core.data import load_dataset
from core.data.synthetic_digits import write_digits
from core.predictor import Predictor
from core.runs import starter
from core.runs.starter import FOLDER, Starter
from core.training import make_starter


@pytest.fixture
def shipped():
    return Starter()


def test_the_model_is_the_one_of_the_summary_and_small_enough_to_ship(shipped):
    assert shipped.is_whole
    assert shipped.has_model
    assert replace(shipped.config, network="") == make_starter.CONFIG  # trained by an earlier version, whose layers
    assert shipped.config.layers.parameters == shipped.summary["parameters"]  # were others
    assert shipped.summary["epochs"] == make_starter.CONFIG.epochs
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
    assert {path.suffix for path in FOLDER.iterdir()} <= {".json", ".tflite", ".npz"}


def test_it_reads_what_the_summary_says(shipped):
    dataset = load_dataset(allow_download=False)
    reader = Predictor.load(FOLDER)
    accuracy = (reader.probabilities(dataset.x_test).argmax(axis=1) == dataset.y_test).mean()
    if dataset.fingerprint == shipped.summary["dataset"]["fingerprint"]:
        assert accuracy == pytest.approx(shipped.test_accuracy, abs=2e-4)
    else:  # scikit-learn's digits, coarser and written by others
        assert accuracy > 0.8
    images, labels = write_digits(np.random.default_rng(99), 400)
    assert (reader.probabilities(images).argmax(axis=1) == labels).mean() > 0.97


def test_another_model_or_a_damaged_summary_is_noticed(shipped, tmp_path, monkeypatch):
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(starter, "FOLDER", tmp_path)
    assert Starter().is_whole
    model = tmp_path / "model.tflite"
    model.write_bytes(model.read_bytes() + b"\0")
    assert not Starter().is_whole
    (tmp_path / "summary.json").write_text("{")
    assert not Starter().is_whole
    assert Starter().test_accuracy is None
    model.unlink()
    assert not Starter().is_whole
    assert not Starter().has_model
