"""The process that trains, as the system sees it: started, asked, killed, started again."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import TrainingConfig
from core.interpretability.inside import load_inside, only_newest, weight_epochs, why_not
from core.predictor import Predictor
from core.runs import Run, RunStore

pytestmark = pytest.mark.slow

SHORT = TrainingConfig("dense", epochs=3, hidden_layers=(32,), dropout=0.1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, start):
    """A run that a worker trained from beginning to end."""
    run = RunStore(tmp_path_factory.mktemp("finished")).create(SHORT)
    assert start(run).wait(timeout=120) == 0, run.log_tail()
    return run


def copy(run: Run, folder: Path) -> Run:
    return Run(shutil.copytree(run.path, folder / "runs" / run.id))


def train_here(run: Run, dataset) -> None:
    """What the worker's process does, in this one: TensorFlow's import is saved."""
    from core.training import worker

    with run.lock():
        worker.train(run, worker.Ready(dataset))


def assert_trained_once(run: Run, epochs: int) -> None:
    """Each epoch and each step is in the history once, in order, with its probabilities."""
    history = run.history()
    steps_per_epoch = -(-history.epoch_images // run.config.batch_size)
    assert [epoch["epoch"] for epoch in history.epochs] == list(range(1, epochs + 1))
    assert [epoch["step"] for epoch in history.epochs] == [steps_per_epoch * (n + 1) for n in range(epochs)]
    steps = [batch["step"] for batch in history.batches]
    assert steps == sorted(set(steps))
    assert run.predicted_epochs() == list(range(1, epochs + 1))


def assert_usable_model(run: Run, digits) -> None:
    """The exported model reads digits as well as the run says."""
    predictions = Predictor.load(run.path).probabilities(digits.x_test).argmax(axis=1)
    assert (predictions == digits.y_test).mean() == pytest.approx(run.test_accuracy)
    assert run.test_accuracy > 0.6


def test_a_finished_run_holds_all_that_others_read(finished, digits):
    run = finished
    assert (run.state.name, run.state.message) == ("finished", "")
    assert not run.has_worker()
    assert_trained_once(run, 3)
    assert (run.history().phase, run.history().epoch_images) == ("finishing", 1400 - 1400 // 6)
    kinds = [json.loads(line)["type"] for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert (kinds[:2], kinds[-1], kinds.count("epoch")) == (["taken", "start"], "finishing", 3)
    for number, epoch in enumerate(run.history().epochs, start=1):
        kept = np.load(run.path / "predictions" / f"epoch-{number:04d}.npy")
        assert (kept.dtype, kept.shape) == (np.float16, (397, 10))
        np.testing.assert_allclose(kept.sum(axis=1, dtype=np.float64), 1, atol=5e-3)
        assert set(epoch) >= {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "training_seconds"}
    losses = [epoch["loss"] for epoch in run.history().epochs]
    assert losses == sorted(losses, reverse=True)
    source = f"{digits.source} (DIGITLAB_DATA)"
    assert run.dataset == {"name": "Own digits", "source": source, "fingerprint": digits.fingerprint}
    layers = [row["name"] for row in run.architecture]
    assert layers == ["rescaling", "channel", "flatten_1", "dense_1", "relu_1", "dropout_1", "output"]
    partial = [path.name for path in run.path.iterdir() if "partial" in path.name]
    assert partial == []


def test_the_summary_says_what_the_contract_promises_and_what_is_true(finished, digits):
    summary, history = finished.summary, finished.history()
    assert (summary["model"], summary["epochs"], summary["dataset"]) == ("dense", 3, finished.dataset)
    assert summary["parameters"] == 784 * 32 + 32 + 32 * 10 + 10
    assert (summary["training_images"], summary["validation_images"]) == (1167, 233)
    assert set(summary["versions"]) >= {"python", "tensorflow", "keras", "numpy"}
    assert summary["training_seconds"] == history.epochs[-1]["training_seconds"] > 0
    assert summary["parity"]["different_predictions"] == 0
    assert summary["parity"]["max_abs_difference"] < 1e-5
    probabilities = np.load(finished.path / "probabilities.npy")
    assert (probabilities.dtype, probabilities.shape) == (np.float16, (397, 10))
    assert summary["test_accuracy"] == (probabilities.argmax(axis=1) == digits.y_test).mean()
    chosen = probabilities[np.arange(397), digits.y_test].astype(float)
    assert summary["test_loss"] == pytest.approx(-np.log(chosen).mean(), rel=1e-2)


def test_keras_loads_the_model_reads_the_same_and_can_train_it_further(finished, digits):
    import keras

    model = keras.models.load_model(finished.path / "model.keras")
    probabilities = model.predict(digits.x_test, verbose=0)
    np.testing.assert_allclose(Predictor.load(finished.path).probabilities(digits.x_test), probabilities, atol=1e-5)
    loss, accuracy = model.evaluate(digits.x_test, digits.y_test, verbose=0)
    assert accuracy == pytest.approx(finished.summary["test_accuracy"])
    assert loss == pytest.approx(finished.summary["test_loss"], rel=1e-4)
    steps = int(model.optimizer.iterations)
    history = model.fit(digits.x_train, digits.y_train, epochs=1, verbose=0).history
    assert steps == 3 * -(-1167 // SHORT.batch_size)
    assert history["loss"][0] < finished.history().epochs[-1]["loss"]


def test_the_weights_of_every_epoch_are_those_whose_predictions_are_kept(finished, digits):
    assert weight_epochs(finished) == [0, 1, 2, 3]
    np.testing.assert_allclose(load_inside(finished).probabilities(digits.x_test), finished.probabilities(), atol=1e-3)
    assert load_inside(finished).epoch == 3
    for epoch in (1, 2, 3):
        found = load_inside(finished, epoch).probabilities(digits.x_test)
        np.testing.assert_allclose(found, finished.probabilities(epoch), atol=5e-3)
    limit = np.sqrt(6 / (784 + 32))  # of Glorot's uniform distribution, from which the first weights come
    first = load_inside(finished, 0).weights["dense_1"]["kernel"]
    assert limit * 0.95 < np.abs(first).max() <= limit * 1.001


def test_weights_of_a_run_of_an_earlier_version_are_those_in_its_keras_file(finished, digits, tmp_path):
    run = copy(finished, tmp_path)
    shutil.rmtree(run.path / "weights")
    (run.path / "weights.npz").unlink()
    np.testing.assert_allclose(load_inside(run).probabilities(digits.x_test), run.probabilities(), atol=1e-3)
    assert (weight_epochs(run), load_inside(run).epoch) == ([], None)
    assert "trained by an earlier version" in only_newest(run)
    (run.path / "model.keras").write_bytes(b"PK")
    assert "damaged" in why_not(run)


def test_of_averaged_weights_the_average_is_kept_since_that_is_tested(store, digits):
    run = store.create(TrainingConfig("best", epochs=1, training_images=300))
    train_here(run, digits)
    for epoch in (1, None):
        found = load_inside(run, epoch).probabilities(digits.x_test)
        np.testing.assert_allclose(found, run.probabilities(), atol=1e-2)
    keras_file = load_inside(run).weights
    (run.path / "weights.npz").unlink()
    shutil.rmtree(run.path / "weights")
    for layer, arrays in load_inside(run).weights.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(keras_file[layer][name], array)


def test_a_worker_is_ready_for_several_networks_on_one_copy_of_the_images_and_each_learns_as_if_alone(digits):
    from core.training.loop import Training
    from core.training.worker import Ready

    ready, wanted = Ready(digits), [TrainingConfig("linear"), TrainingConfig("cnn", training_images=300, dropout=0.2)]
    ready.compile([*wanted, wanted[0]])
    other = replace(wanted[0], epochs=1, learning_rate=0.01)
    linear, cnn = ready.take(other), ready.take(replace(wanted[1], epochs=1))
    assert ready.take(wanted[0]) is None  # once was enough, and it is taken
    assert linear.images._images is cnn.images._images
    for found, config in ((linear, linear.config), (cnn, cnn.config)):
        alone = list(Training(config, digits))[-1]
        np.testing.assert_array_equal(list(found)[-1].probabilities, alone.probabilities)
        ready.keep(found)
        again = ready.take(config)
        assert again is found
        np.testing.assert_array_equal(list(again)[-1].probabilities, alone.probabilities)
    assert linear.config == other


def test_of_trainings_that_are_not_as_they_are_offered_a_worker_keeps_the_newest(digits):
    from core.training.loop import Training
    from core.training.worker import Ready

    ready, configs = Ready(digits), [TrainingConfig("linear", seed=seed) for seed in (0, 1, 2)]  # the first is offered
    for config in configs:
        training = Training(config, digits)
        training.compile_ahead()
        ready.keep(training)
    assert [ready.take(config) is not None for config in configs] == [True, False, True]


def test_a_worker_that_comes_when_a_run_has_finished_leaves_it_alone(finished, monkeypatch):
    from core.training import worker

    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    before = {path: path.stat().st_mtime_ns for path in finished.path.glob("*.*") if path.suffix != ".lock"}
    assert worker.main([str(finished.path)]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def damage_checkpoint(run: Run, damage: str) -> None:
    checkpoint = run.path / "checkpoint.npz"
    with np.load(checkpoint) as arrays:
        arrays = dict(arrays)
    if damage == "gone":
        checkpoint.unlink()
    elif damage == "cut":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    elif damage == "not a number":
        np.savez(checkpoint, **{**arrays, "variable_000": np.full_like(arrays["variable_000"], np.nan)})
    elif damage == "half an epoch":
        position = {**json.loads(str(arrays["position"])), "epoch": 2.5}
        np.savez(checkpoint, **{**arrays, "position": np.array(json.dumps(position))})
    else:
        np.savez(checkpoint, **{name: array for name, array in arrays.items() if name != "position"})


@pytest.mark.parametrize("damage", ["gone", "cut", "not a number", "half an epoch", "no position"])
def test_a_checkpoint_that_cannot_be_used_is_found_before_a_run_is_trained_further(finished, tmp_path, damage):
    run = copy(finished, tmp_path)
    assert run.damage() == ()
    damage_checkpoint(run, damage)
    word = "missing" if damage == "gone" else "damaged"
    assert run.damage() == (f"checkpoint.npz of {run.name} is {word}, so training it further begins at epoch 1.",)
    assert run.checkpoint_flaw == word


@pytest.mark.parametrize(("damage", "word"), [("gone", "missing"), ("not a number", "damaged")])
def test_a_run_whose_checkpoint_cannot_be_used_says_so_and_begins_again_at_epoch_1(
    finished, digits, tmp_path, damage, word
):
    run = copy(finished, tmp_path)
    damage_checkpoint(run, damage)
    run.extend(1)
    said = []
    set_state = run.set_state
    run.set_state = lambda name, message="", **more: (said.append((name, message)), set_state(name, message, **more))
    train_here(run, digits)
    assert ("running", f"It begins again at epoch 1, since its checkpoint is {word}.") in said
    assert run.state.name == "finished"
    assert [epoch["epoch"] for epoch in run.history().epochs] == [1, 2, 3, 4]
    for before, again in zip(finished.history().epochs, run.history().epochs, strict=False):
        assert (before["epoch"], before["loss"]) == (again["epoch"], again["loss"])


@pytest.mark.parametrize(("request_", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_a_run_that_the_teacher_ends_within_an_epoch_says_so_and_how_far_it_came(store, digits, request_, state):
    run = store.create(SHORT)
    run.request(request=request_, reason="By somebody.")
    train_here(run, digits)  # up to the first look at what is asked
    assert (run.state.name, run.state.message) == (state, "By somebody.")
    assert 0 < run.epochs_learned < 1 == run.history().epoch_under_way


def test_a_checkpoint_of_an_epoch_that_its_steps_do_not_reach_ends_a_run_with_words(finished, digits, tmp_path):
    run = copy(finished, tmp_path)
    with np.load(run.path / "checkpoint.npz") as arrays:
        arrays = dict(arrays)
    position = {**json.loads(str(arrays["position"])), "epoch": 7}
    np.savez(run.path / "checkpoint.npz", **{**arrays, "position": np.array(json.dumps(position))})
    run.extend(1)
    train_here(run, digits)
    assert run.state.name == "failed"
    assert "does not fit this network" in run.state.message


def test_a_full_disk_ends_a_run_with_words_and_it_can_go_on(finished, digits, tmp_path, monkeypatch):
    run = copy(finished, tmp_path)
    run.extend(1)
    fsync = os.fsync

    def full(descriptor):
        if os.fstat(descriptor).st_size > 4096:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        train_here(run, digits)
    assert run.state.name == "failed"
    assert "No space is left on the disk" in run.state.message
    assert run.damage() == ()
    run.resume()
    train_here(run, digits)
    assert run.state.name == "finished"
    assert_trained_once(run, 4)


def test_a_worker_that_died_of_a_full_disk_is_told_from_one_that_was_killed(finished, tmp_path):
    run = copy(finished, tmp_path)
    run.set_state("running")
    assert (run.state.name, run.state.message) == ("interrupted", "Training stopped unexpectedly.")
    (run.path / "log.txt").write_text("OSError: [Errno 28] No space left on device\n")
    assert "No space was left on the disk" in run.state.message


def test_a_checkpoint_of_other_settings_ends_a_run_with_words(finished, digits, tmp_path):
    run = copy(finished, tmp_path)
    (run.path / "config.json").write_text(json.dumps({**SHORT.as_dict(), "hidden_layers": [16]}))
    run.extend(1)
    train_here(run, digits)
    assert run.state.name == "failed"
    assert "The checkpoint does not fit this network." in run.state.message


def test_a_run_does_not_go_on_with_other_digits(finished, digits, tmp_path):
    run = copy(finished, tmp_path)
    run.extend(1)
    train_here(run, replace(digits, name="MNIST", source="somewhere else", x_test=255 - digits.x_test))
    assert run.state.name == "failed"
    assert "trained and tested on Own digits" in run.state.message
    assert "which is not here. Add it on Train" in run.state.message
    assert run.dataset == finished.dataset
    assert [epoch["epoch"] for epoch in run.history().epochs] == [1, 2, 3]


def test_a_run_that_diverges_keeps_the_last_good_model_and_says_what_to_try(finished, digits, tmp_path):
    run = copy(finished, tmp_path)
    run.extend(1)
    run.request(learning_rate=1e30)  # as a page never would, but a hand in control.json can
    train_here(run, digits)
    assert run.state.name == "failed"
    assert "last good model was kept" in run.state.message
    assert "try a tenth" in run.state.message
    assert run.summary["epochs"] == 3
    assert_usable_model(run, digits)
