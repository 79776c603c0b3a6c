"""Weights by name and epoch: kept small, read whole or not at all, and what is missing is said in words."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.config import TrainingConfig
from core.interpretability.inside import load_inside, only_newest, weight_epochs, why_not
from core.predictor import Predictor
from core.runs.starter import Starter
from core.runs.weights import MOST_BYTES, read_file, thinned, weights_path, write_epoch_weights
from tests.support.networks import random_images, random_weights

SMALL = TrainingConfig(network="conv 4 5 stride 2, norm, relu, flatten, dense 8, relu, output softmax")


@pytest.fixture
def run(store):
    """A run in training, with the weights of three epochs."""
    run = store.create(SMALL, "Mine")
    for epoch in range(4):
        run.write_epoch_weights(random_weights(SMALL.layers, epoch), epoch)
    return run


@pytest.mark.parametrize("room", [2, 9, 10, 12, 30, 66, 67, 125, 200, 201])
def test_two_hundred_epochs_are_thinned_evenly_to_the_room_there_is_and_none_is_missed(room):
    there = set()
    for epoch in range(201):
        there.add(epoch)
        kept = thinned(epoch, room)
        assert len(kept) <= room
        assert {0, epoch} <= set(kept) <= there  # nothing that was left out before
        there = set(kept)
    if room >= 30:
        gaps = np.diff([epoch for epoch in kept if epoch >= 32])[:-1]
        assert {1, 2, 4, 8} <= there
        assert len(set(gaps.tolist())) == 1
        assert len(kept) > room / 2 - 8


def test_a_long_run_stays_below_twenty_megabytes(tmp_path: Path):
    weights = {"dense_1": {"kernel": np.ones((1000, 1000), np.float32)}}  # 2 MB as half floats
    for epoch in range(24):
        write_epoch_weights(tmp_path, weights, epoch)
        assert sum(path.stat().st_size for path in (tmp_path / "weights").iterdir()) <= MOST_BYTES == 20_000_000
    assert sorted(path.name[6:10] for path in (tmp_path / "weights").iterdir())[0] == "0000"
    assert (tmp_path / "weights" / "epoch-0023.npz").exists()


def test_a_network_whose_first_and_last_weights_do_not_fit_keeps_none_of_its_epochs(tmp_path: Path):
    write_epoch_weights(tmp_path, {"dense_1": {"kernel": np.zeros((784, 8000), np.float32)}}, 0)
    assert not list(tmp_path.iterdir())


def test_weights_come_back_as_half_floats_and_what_is_too_large_for_those_as_it_was(run):
    weights = random_weights(SMALL.layers, 7)
    weights["output"]["bias"] = np.full(10, 1e6, np.float32)
    run.write_epoch_weights(weights, 4)
    read, epoch = read_file(weights_path(run, 4), SMALL.layers)
    assert epoch == 4
    np.testing.assert_array_equal(read["output"]["bias"], 1e6)
    kernel = weights["conv_1"]["kernel"]
    np.testing.assert_array_equal(read["conv_1"]["kernel"], kernel.astype(np.float16).astype(np.float32))
    with pytest.raises(ValueError, match="read-only"):
        read["conv_1"]["kernel"][0] = 0


def test_a_copy_of_a_run_has_its_final_weights_whatever_the_times_of_its_files(run):
    final = random_weights(SMALL.layers, 9)
    run.write_weights(final, 3)
    os.utime(weights_path(run, 3), (2e9, 2e9))
    np.testing.assert_array_equal(load_inside(run).weights["dense_1"]["kernel"], final["dense_1"]["kernel"])


def test_the_newest_weights_are_those_written_last(run):
    assert (weight_epochs(run), load_inside(run).epoch) == ([0, 1, 2, 3], 3)
    final = random_weights(SMALL.layers, 9)
    run.write_weights(final, 3)
    np.testing.assert_array_equal(load_inside(run).weights["dense_1"]["kernel"], final["dense_1"]["kernel"])
    run.write_epoch_weights(random_weights(SMALL.layers, 10), 4)
    assert load_inside(run).epoch == 4
    assert load_inside(run) is load_inside(run)
    run.forget_later_weights(2)
    assert weight_epochs(run) == [0, 1, 2]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: path.write_bytes(b""),
        lambda path: np.savez(path, epoch=2),
        lambda path: _write(path, {**_flat(2), "output/bias": np.full(10, np.nan, np.float32)}),
        lambda path: _write(path, {**_flat(2), "output/bias": np.zeros(11, np.float32)}),
        lambda path: _write(path, {**_flat(2), "output/bias": np.array([None] * 10)}),
        lambda path: _write(path, {**_flat(2), "epoch": np.array("two")}),
    ],
    ids=["cut", "empty", "no weights", "not a number", "another shape", "objects", "no epoch"],
)
def test_damaged_weights_are_none_and_are_named(run, damage):
    damage(run.path / "weights" / "epoch-0002.npz")
    assert load_inside(run, 2) is None
    assert why_not(run, 2) == "The weights of Mine are damaged. Train it again, or choose another epoch or run."
    assert why_not(run, 1) == ""


def _flat(seed: int) -> dict[str, np.ndarray]:
    weights = random_weights(SMALL.layers, seed)
    return {"epoch": np.int64(2)} | {f"{a}/{b}": array for a, named in weights.items() for b, array in named.items()}


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(path, **arrays)


def test_damaged_newest_weights_are_among_what_is_damaged_in_the_folder(run):
    run.write_weights(random_weights(SMALL.layers), 3)
    run.set_state("finished")
    (run.path / "weights.npz").write_bytes(b"PK nothing")
    assert any("weights.npz of Mine is damaged" in sentence for sentence in run.damage())


def test_what_is_missing_is_said_in_words(store, run):
    assert why_not(run, 17) == "The weights after epoch 17 were not kept. Choose another epoch."
    waiting = store.create(SMALL, "New")
    assert why_not(waiting) == "The weights appear as soon as training begins."
    waiting.set_state("paused")
    assert why_not(waiting) == "New has not been trained yet."
    waiting.write_imported({"file": "new.zip", "when": 1.0, "proof": None})
    assert "was imported without its weights" in why_not(waiting)
    waiting.write_weights(random_weights(SMALL.layers), 3)
    assert (why_not(waiting), load_inside(waiting).epoch) == ("", 3)
    assert only_newest(waiting) == "New was imported with its newest weights only."
    assert only_newest(run) == ""
    (waiting.path / "config.json").write_text("{")
    assert (load_inside(waiting), why_not(waiting) != "") == (None, True)


def test_weights_of_another_network_are_not_taken_for_the_runs(store):
    run = store.create(TrainingConfig("mlp"), "Other")
    run.write_weights(random_weights(SMALL.layers), 3)
    assert load_inside(run) is None


def test_the_starter_can_be_looked_into_and_is_the_model_that_is_shipped():
    images = random_images(20)
    inside = load_inside(Starter())
    expected = Predictor.load(Starter().path).probabilities(images)
    np.testing.assert_allclose(inside.probabilities(images), expected, atol=1e-5)
    assert only_newest(Starter()) == "The starter is shipped with its final weights only."
