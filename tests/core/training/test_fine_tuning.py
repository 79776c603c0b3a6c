"""A run that starts from another one: what it learns, what it reports, and why it may not begin."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.config import TrainingConfig
from core.data.my_digits import MyDigits
from core.runs import Run, RunStore
from core.training import fine_tuning, worker

pytestmark = pytest.mark.slow

BASE = TrainingConfig("dense", epochs=3, hidden_layers=(32,))


def train(run, digits):
    with run.lock():
        worker.train(run, worker.Ready(digits))
    return run


@pytest.fixture(scope="module")
def home(tmp_path_factory, digits):
    """A home with a trained run and twelve digits of mine: photographic negatives, which it has never seen."""
    store = RunStore(tmp_path_factory.mktemp("home"))
    train(store.create(BASE), digits)
    mine = MyDigits(store.home)
    chosen = np.concatenate([np.flatnonzero(digits.y_test == label)[:6] for label in (3, 8)])
    for index in chosen:
        mine.add(255 - digits.x_test[index], int(digits.y_test[index]), said=None, run_id="")
    return store


def fine_tuned(home, digits, **settings):
    [base] = [run for run in home.runs() if not run.config.start_from]
    config = TrainingConfig("dense", epochs=4, hidden_layers=(32,), start_from=base.id)
    return train(home.create(TrainingConfig.from_dict({**config.as_dict(), **settings})), digits), base


@pytest.fixture(scope="module")
def tuned(home, digits):
    """A run that learned the digits of mine, and its base."""
    return fine_tuned(home, digits)


def test_a_fine_tuned_run_reads_my_digits_better_and_says_so_before_and_after(tuned):
    run, base = tuned
    assert (run.state.name, run.state.message) == ("finished", "")
    report = run.summary["my_digits"]
    assert (report["from"], report["trained"], report["held_out"]) == (base.id, 8, 4)
    assert report["before"]["test"] == pytest.approx(base.test_accuracy)
    assert report["after"]["test"] == pytest.approx(run.test_accuracy)
    assert report["after"]["test"] > report["before"]["test"] - 0.05
    assert report["after"]["mine"] > report["before"]["mine"]
    assert report["after"]["mine_held_out"] >= report["before"]["mine_held_out"]
    assert base.state.name == "finished"
    with np.load(run.path / "my_digits.npz") as kept:
        assert kept["held_out"].tolist() == 2 * [False, False, True, False, False, True]


def test_what_a_run_learns_stays_as_it_was_when_it_began(home, tuned, digits):
    run, _ = tuned
    first = fine_tuning.material(run)
    mine = MyDigits(home.home)
    extra = mine.add(digits.x_test[0], int(digits.y_test[0]), said=None, run_id="")
    assert len(mine.arrays()[0]) == 13
    assert np.array_equal(fine_tuning.material(run).images, first.images)
    mine.delete(extra)


@pytest.mark.parametrize(("where", "path"), [("runs", "{id}"), (".", "runs/{id}"), ("runs/{id}", ".")])
def test_base_and_digits_are_found_in_the_home_of_a_run_that_is_given_as_a_relative_path(
    home, monkeypatch, where, path
):
    [base] = [run for run in home.runs() if not run.config.start_from]
    run = home.create(TrainingConfig("dense", hidden_layers=(32,), start_from=base.id))
    monkeypatch.chdir(home.home / where.format(id=run.id))
    relative = Run(Path(path.format(id=run.id)))
    assert relative.config.start_from == base.id
    assert len(fine_tuning.material(relative).labels) == 12
    assert fine_tuning.first_weights(relative)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_layers": [16]}, "different architecture"),
        ({"start_from": "gone"}, "is gone"),
        ({"model": "cnn"}, "different architecture"),
    ],
)
def test_a_start_that_cannot_be_is_said_in_words(home, digits, settings, words):
    run, _ = fine_tuned(home, digits, **settings)
    assert run.state.name == "failed"
    assert words in run.state.message
    assert "unexpected" not in run.state.message


def test_without_digits_of_mine_or_with_damaged_weights_it_says_what_is_wrong(tmp_path, digits):
    store = RunStore(tmp_path)
    base = store.create(TrainingConfig("dense", hidden_layers=(32,)))
    (base.path / "checkpoint.npz").write_bytes(b"PK\x03\x04 half of it")
    config = TrainingConfig("dense", hidden_layers=(32,), start_from=base.id)
    run = train(store.create(config), digits)
    assert "Draw and label some digits" in run.state.message
    MyDigits(store.home).add(digits.x_test[0], 1, said=2, run_id=base.id)
    run = train(store.create(config), digits)
    assert "missing or damaged" in run.state.message
    assert json.loads((run.path / "state.json").read_text())["name"] == "failed"
