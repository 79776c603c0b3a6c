"""The loop against Keras' own `train_on_batch`, the forward pass against NumPy, and a run against itself in pieces.

TensorFlow is imported here, and every `Training` is compiled, which takes seconds: one is used for all it can show.
"""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
from scipy.special import softmax

from core import models
from core.config import TrainingConfig
from core.data import Dataset, DatasetError, split
from core.runs.checkpoint import CheckpointError
from core.training import loop
from core.training.loop import Diverged, Epoch, Progress, Training
from core.training.schedule import warm_up_and_decay
from core.training.step import Steps

pytestmark = pytest.mark.slow

CLASSIC = TrainingConfig("seed", epochs=5, batch_size=32)
DENSE = TrainingConfig("dense", epochs=4, batch_size=32, hidden_layers=(32, 16), training_images=1024)
DROPOUT = TrainingConfig(
    "dense", epochs=5, batch_size=64, hidden_layers=(32,), dropout=0.3, augment=True, training_images=1098
)
CNN = TrainingConfig("cnn", epochs=3, batch_size=64, training_images=640, learning_rate=0.005)


def through_a_file(checkpoint: dict) -> dict:
    """A checkpoint as the worker keeps it: written by `np.savez`, read without pickle."""
    file = io.BytesIO()
    np.savez(file, **checkpoint)
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


class Watched:
    """A training run to its end, with what it said and a checkpoint after every event."""

    def __init__(self, config: TrainingConfig, digits: Dataset, **more) -> None:
        self.training = Training(config, digits, **more)
        self.events: list[Progress | Epoch] = []
        self.checkpoints: list[tuple[int, dict]] = []
        self.rate_from: dict[int, float] = {}  # step: the learning rate that was set there

    def train(self, new_rates: dict[int, float] | None = None) -> Watched:
        """Train; `new_rates` are set when so many steps are done."""
        waiting = dict(new_rates or {})
        for event in self.training:
            self.events.append(event)
            self.checkpoints.append((event.step, self.training.checkpoint()))
            for step in [step for step in waiting if step <= event.step]:
                self.training.position.learning_rate = waiting.pop(step)
                self.rate_from[event.step] = self.training.position.learning_rate
        return self

    @property
    def chunks(self) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress)]

    @property
    def epochs(self) -> list[Epoch]:
        return [event for event in self.events if isinstance(event, Epoch)]


def schedule(step: int, steps: int) -> float:
    """The part of the peak that a decaying learning rate has: linear up in the first 15 %, linear down to 0."""
    rise = max(1, round(0.15 * steps))
    return (step + 1) / rise if step < rise else (steps - step) / (steps - rise)


def keras_losses(config: TrainingConfig, digits: Dataset, rates: list[float]) -> tuple[list[float], list[int]]:
    """Loss and size of each batch as Keras trains them, one learning rate a step."""
    held_out = 0 if config.model == "seed" else 1400 // 6
    count = min(config.training_images or 1400, 1400 - held_out)
    model = models.build(config)
    losses, sizes = [], []
    while len(losses) < len(rates):
        epoch = len(losses) * config.batch_size // count
        order = np.random.default_rng([config.seed, epoch]).permutation(count)
        for at in range(0, count, config.batch_size):
            chosen = order[at : at + config.batch_size]
            model.optimizer.learning_rate.assign(rates[len(losses)])
            model.reset_metrics()
            losses.append(float(model.train_on_batch(digits.x_train[chosen], digits.y_train[chosen])[0]))
            sizes.append(len(chosen))
            if len(losses) == len(rates):
                break
    return losses, sizes


def largest_difference(chunks: list[Progress], losses: list[float], sizes: list[int]) -> float:
    """Between the mean losses of our chunks and those of Keras' batches in them."""
    first, differences = 0, []
    for chunk in chunks:
        last = min(chunk.step, len(losses))
        if first < last == chunk.step:
            differences.append(abs(chunk.loss - np.average(losses[first:last], weights=sizes[first:last])))
        first = chunk.step
    assert differences
    return max(differences)


@pytest.fixture(scope="module", autouse=True)
def one_step_a_chunk():
    """The loop looks up after each step (after the first eight of an epoch, which are one chunk)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "REPORT_SECONDS", 0)
        yield


@pytest.fixture(scope="module")
def classic(digits):
    """The classic network, trained: 44 steps an epoch, of which the last has 24 images."""
    return Watched(CLASSIC, digits).train()


@pytest.fixture(scope="module")
def convolutional(digits):
    """A CNN, trained without a break, 10 steps an epoch."""
    return Watched(CNN, digits).train()


@pytest.fixture(scope="module")
def with_dropout(digits):
    """A dense network with dropout and augmentation, trained without a break, 18 whole steps an epoch."""
    return Watched(DROPOUT, digits).train()


# The networks


def test_the_classic_network_is_the_classic_network():
    model = models.build(CLASSIC)
    rows = [(row["kind"], row["shape"], row["parameters"]) for row in models.architecture_rows(model)]
    assert rows == [
        ("Rescaling", [28, 28], 0),
        ("Reshape", [28, 28, 1], 0),
        ("Flatten", [784], 0),
        ("Dense", [100], 78_500),
        ("Activation", [100], 0),
        ("Dense", [10], 1_010),
    ]
    assert model.count_params() == 79_510
    assert [layer.activation.__name__ for layer in model.layers[3:]] == ["linear", "relu", "sigmoid"]
    assert type(model.optimizer) is keras.optimizers.Adam
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert (model.loss, model.optimizer.beta_1, model.optimizer.beta_2) == (
        "sparse_categorical_crossentropy",
        0.9,
        0.999,
    )


def test_hidden_layers_and_dropout_are_what_was_asked_for():
    rows = models.architecture_rows(models.build(TrainingConfig("dense", hidden_layers=(64, 32), dropout=0.5)))
    assert [(row["kind"], row["shape"]) for row in rows[3:]] == [
        ("Dense", [64]),
        ("Activation", [64]),
        ("Dropout", [64]),
        ("Dense", [32]),
        ("Activation", [32]),
        ("Dropout", [32]),
        ("Dense", [10]),
    ]


def test_the_exported_network_is_the_trained_one_with_probabilities_that_sum_to_1(classic, digits):
    images = digits.x_test
    outputs = models.for_export(classic.training.model)({"images": images})
    first, first_bias, last, last_bias = (np.float64(weight) for weight in classic.training.model.get_weights())
    hidden = np.maximum(images.reshape(len(images), -1) / 255 @ first + first_bias, 0)
    logits = hidden @ last + last_bias
    scores = 1 / (1 + np.exp(-logits))
    expected = {"hidden": hidden, "scores": scores, "probabilities": softmax(logits, axis=1)}
    assert set(outputs) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-4 if name == "hidden" else 1e-5, err_msg=name)
    np.testing.assert_allclose(np.sum(outputs["probabilities"], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(classic.epochs[-1].probabilities, expected["probabilities"], atol=1e-5)
    _, losses = classic.training.evaluate(images, digits.y_test)
    chosen = logits[np.arange(len(images)), digits.y_test]  # Keras takes the sigmoid's input, not its output
    np.testing.assert_allclose(losses, np.log(np.exp(logits).sum(axis=1)) - chosen, atol=1e-4)
    assert classic.training.model.evaluate(images, digits.y_test, verbose=0)[0] == pytest.approx(
        losses.mean(), abs=1e-5
    )


# What is trained on


def test_validation_images_are_the_end_of_the_training_set_and_never_trained_on(digits):
    held_out = 1400 // 6
    found = split.split(digits, TrainingConfig("dense"))
    assert np.array_equal(found.x_train, digits.x_train[:-held_out])
    assert np.array_equal(found.x_val, digits.x_train[-held_out:])
    assert np.array_equal(found.y_val, digits.y_train[-held_out:])
    fewer = split.split(digits, TrainingConfig("cnn", validation_images=100, training_images=1000))
    assert (len(fewer.x_train), len(fewer.x_val)) == (1000, 100)
    assert len(split.split(digits, TrainingConfig("cnn", training_images=1_000_000)).x_train) == 1400 - held_out
    classic = split.split(digits, TrainingConfig("seed"))
    assert (len(classic.x_train), classic.x_val is digits.x_test) == (1400, True)


def test_my_digits_are_seen_often_and_the_training_images_are_not_forgotten(digits):
    config = TrainingConfig("dense", seed=3)
    images = split.split(digits, config)
    mine = digits.x_test[:7], digits.y_test[:7]
    x, y = split.training_images(images, config, mine)
    known = {image.tobytes() for image in images.x_train}
    learned = np.array([image.tobytes() in known for image in x])
    assert learned.sum() == len(images.x_train)
    assert 0.05 < (~learned).mean() < 0.15
    for image, label in zip(*mine, strict=True):
        places = np.flatnonzero((x == image).all(axis=(1, 2)))
        assert len(places) == (~learned).sum() / 7
        assert (y[places] == label).all()
    again = split.training_images(images, config, mine)
    assert np.array_equal(again[0], x)


def test_augmentation_mixes_in_one_written_digit_to_twenty(digits):
    config = TrainingConfig("dense", augment=True)
    images = split.split(digits, config)
    x, y = split.training_images(images, config)
    count = len(images.x_train)
    assert np.array_equal(x[:count], images.x_train)
    assert len(x) == len(y) == count + count // 20
    assert set(y[count:]) == {1, 4, 7, 9}


# The loop


def test_the_classic_network_learns_with_the_losses_of_keras_partial_batches_included(classic, digits):
    losses, sizes = keras_losses(CLASSIC, digits, [0.001] * 100)
    assert 24 in sizes
    assert largest_difference(classic.chunks, losses, sizes) < 1e-4
    assert classic.epochs[-1].val_accuracy > 0.85


def test_a_dense_network_learns_with_the_losses_of_keras_also_after_its_learning_rate_was_changed(digits):
    ours = Watched(DENSE, digits).train(new_rates={50: 0.004})
    ((changed_at, rate),) = ours.rate_from.items()
    assert 50 <= changed_at < 60
    rates = [0.001] * changed_at + [rate] * (100 - changed_at)
    assert largest_difference(ours.chunks, *keras_losses(DENSE, digits, rates)) < 1e-4
    assert [epoch.learning_rate for epoch in ours.epochs] == pytest.approx([0.001] + [0.004] * 3)


def test_a_cnn_learns_with_the_losses_of_keras_on_its_schedule(convolutional, digits):
    rates = [0.005 * schedule(step, 30) for step in range(30)]
    assert largest_difference(convolutional.chunks, *keras_losses(CNN, digits, rates)) < 1e-4
    for chunk in convolutional.chunks:
        assert chunk.learning_rate == pytest.approx(rates[chunk.step - 1], rel=1e-5)


def test_progress_counts_every_image_once_and_ends_each_epoch_with_all_of_them(classic):
    assert [epoch.epoch for epoch in classic.epochs] == [1, 2, 3, 4, 5]
    assert [epoch.step for epoch in classic.epochs] == [44, 88, 132, 176, 220]
    for epoch in classic.epochs:
        chunks = [chunk for chunk in classic.chunks if chunk.epoch == epoch.epoch]
        images = np.diff([0, *(chunk.images for chunk in chunks)])
        assert (chunks[-1].images, chunks[-1].position) == (1400, epoch.epoch)
        assert epoch.loss == pytest.approx(np.average([chunk.loss for chunk in chunks], weights=images))
        assert epoch.accuracy == pytest.approx(np.average([chunk.accuracy for chunk in chunks], weights=images))
        assert chunks[-1].epoch_loss == pytest.approx(epoch.loss)
    seconds = [event.training_seconds for event in classic.events]
    assert seconds == sorted(seconds)


def test_a_decaying_learning_rate_rises_then_falls_to_almost_0(digits):
    whole = list(warm_up_and_decay(np.arange(160), 160))
    peak = whole.index(1)
    assert whole == pytest.approx([schedule(step, 160) for step in range(160)])
    assert (np.diff(whole[: peak + 1]) > 0).all()
    assert whole[peak + 1] == 1  # the rise's last step and the fall's first
    assert (np.diff(whole[peak + 1 :]) < 0).all()
    assert max(whole) == 1
    assert 0 < whole[-1] < 0.01
    run = Training(TrainingConfig("cnn", epochs=20, batch_size=128, training_images=1024), digits)
    run.position.epoch, run.position.batch = 7, 5  # how far into the epoch does not matter
    assert list(run._learning_rates()) == whole[7 * 8 : 8 * 8]


# Stopping and going on


def same_history(epochs: list[Epoch], expected: list[Epoch]) -> None:
    """The same numbers up to the order in which float32 sums are added.

    Every step is the same program on the same numbers. Only the epoch's loss is summed in other pieces where chunks
    end elsewhere, and a library may share out a sum among threads in another way: 1e-4 is a thousand times what that
    makes here (1e-8), and a thirtieth of the least that one lost step or other dropout makes (3e-3 and more).
    """
    assert [epoch.epoch for epoch in epochs] == [epoch.epoch for epoch in expected]
    for ours, theirs in zip(epochs, expected, strict=True):
        assert ours.step == theirs.step
        for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "probabilities"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-4, err_msg=name)


def test_a_dense_run_paused_in_an_epoch_and_then_extended_ends_as_one_that_was_not(with_dropout, digits):
    paused = next(checkpoint for step, checkpoint in with_dropout.checkpoints if step > 18 and step % 18)
    resumed = Watched(DROPOUT, digits, target_epochs=3, checkpoint=through_a_file(paused)).train()
    same_history(resumed.epochs, with_dropout.epochs[1:3])
    ended = through_a_file(resumed.training.checkpoint())
    extended = Watched(DROPOUT, digits, target_epochs=5, checkpoint=ended, extended_from=3).train()
    same_history(extended.epochs, with_dropout.epochs[3:])
    assert extended.epochs[-1].training_seconds > resumed.epochs[-1].training_seconds


def test_a_cnn_paused_between_the_last_batch_and_the_end_of_an_epoch_ends_as_one_that_was_not(convolutional, digits):
    step, paused = convolutional.checkpoints[convolutional.events.index(convolutional.epochs[1]) - 1]
    assert step == 20
    resumed = Watched(CNN, digits, checkpoint=through_a_file(paused)).train()
    same_history(resumed.epochs, convolutional.epochs[1:])


def test_the_best_network_is_tested_with_a_running_average_of_its_weights_also_after_a_pause(digits):
    config = TrainingConfig("best", epochs=2, batch_size=64, augment=True, training_images=600)
    whole = Watched(config, digits).train()
    network = whole.training.network
    names = [f"variable_{number:03d}" for number in range(len(network.variables()))]
    count = len(network.model.weights)
    learned = {id(variable): name for variable, name in zip(network.variables(), names, strict=True)}
    learned = [learned[id(weight)] for weight in network.trained.weights]
    checkpoints = dict(whole.checkpoints)
    for step in (9, 10, 20):  # each a chunk of its own
        before, after = checkpoints[step - 1], checkpoints[step]
        part = max(1 / 500, 10 / (10 + step))
        for average, weight in zip(names[-count:], learned, strict=True):
            expected = before[average] + part * (after[weight] - before[average])
            np.testing.assert_allclose(after[average], expected, atol=1e-5)
    assert not np.allclose(network.model.get_weights()[0], network.trained.get_weights()[0], atol=1e-4)
    step, paused = next(pair for pair in whole.checkpoints if 10 < pair[0] < 20)
    resumed = Watched(config, digits, checkpoint=through_a_file(paused)).train()
    same_history(resumed.epochs, whole.epochs[1:])


def test_a_checkpoint_does_not_change_when_training_goes_on(with_dropout):
    early, late = with_dropout.checkpoints[0][1], with_dropout.checkpoints[-1][1]
    assert any(not np.array_equal(early[name], late[name]) for name in early if name != "position")
    assert '"step": 8,' in str(early["position"])


def test_a_checkpoint_of_another_network_is_refused(convolutional, digits):
    other = convolutional.checkpoints[0][1]
    for damaged in (other, {}, {"position": other["position"]}, {**other, "position": np.array("{")}):
        with pytest.raises(CheckpointError, match="does not fit"):
            Training(DENSE, digits, checkpoint=damaged)


def test_a_schedule_begins_anew_where_a_run_is_extended_and_goes_on_where_it_is_resumed(convolutional, digits):
    ended = through_a_file(convolutional.checkpoints[-1][1])
    extended = Training(CNN, digits, target_epochs=6, checkpoint=ended)
    rates = list(extended._learning_rates())
    assert rates == pytest.approx([schedule(step, 30) for step in range(10)])
    half = through_a_file(convolutional.checkpoints[len(convolutional.checkpoints) // 2][1])
    resumed = Training(CNN, digits, checkpoint=half)
    assert resumed.position.stages == [[0, 3]]


# Ends


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_loss_that_is_no_number_ends_the_run_with_the_last_good_weights(classic, broken):
    run = classic.training
    good = run.checkpoint()
    weights = [np.array(weight) for weight in run.model.get_weights()]
    kernel = run.model.get_layer("output").kernel
    run.target_epochs = 6
    try:
        events = iter(run)
        next(events)
        kernel.assign(np.full_like(kernel, broken))
        with pytest.raises(Diverged):
            next(events)
    finally:
        run.target_epochs = 5
    for now, then in zip(run.model.get_weights(), weights, strict=True):
        assert np.array_equal(now, then)
    assert run.position.epoch == 5
    assert all(np.array_equal(array, good[name]) for name, array in run.checkpoint().items())


def test_a_checkpoint_is_never_made_of_weights_that_are_no_numbers(classic):
    run = classic.training
    good = run.checkpoint()
    bias = run.model.get_layer("output").bias
    before = bias.numpy()
    bias.assign(np.full_like(before, np.nan))
    assert run.checkpoint() is good
    bias.assign(before)


@pytest.fixture
def scripted(digits, monkeypatch):
    """Make trainings that learn nothing, and have the validation losses that a test writes down."""
    monkeypatch.setattr(Steps, "train", lambda self, order, rates, first, last, loss_sum: (loss_sum + 1.0, 1))

    def make(losses, patience, **more):
        run = Training(TrainingConfig("dense", epochs=10, patience=patience), digits, **more)
        script = iter(losses)

        def evaluate(images, labels):
            loss = next(script) if len(images) < 397 else 0.0  # asked of the test set and the validation images
            return np.eye(10, dtype=np.float32)[labels], np.full(len(images), loss)

        monkeypatch.setattr(run, "evaluate", evaluate)
        return run

    return make


def test_early_stopping_waits_as_long_as_it_was_told_for_a_lower_validation_loss(scripted):
    losses = [3, 2, 2.5, 1.9, 2, 1.95, 1.9, 1, 1, 1]  # equal is not lower
    runs = {patience: scripted(losses, patience) for patience in (0, 1, 2, 3, 4)}
    ended = {patience: [event.epoch for event in run if isinstance(event, Epoch)][-1] for patience, run in runs.items()}
    assert ended == {0: 10, 1: 3, 2: 6, 3: 7, 4: 10}
    assert [runs[patience].position.best_epoch for patience in (1, 2, 3, 4)] == [2, 4, 4, 8]


def test_a_run_that_stopped_early_has_ended_when_resumed_and_goes_on_when_extended(scripted):
    first = scripted([2, 3, 4], patience=2)
    assert [event.epoch for event in first if isinstance(event, Epoch)] == [1, 2, 3]
    checkpoint = through_a_file(first.checkpoint())
    assert list(scripted([], patience=2, checkpoint=checkpoint)) == []
    for target in (10, 5):  # 10 is where it would have ended without stopping early
        more = scripted([5] * 7, patience=2, target_epochs=target, checkpoint=checkpoint, extended_from=3)
        assert [event.epoch for event in more if isinstance(event, Epoch)] == [4, 5]
        again = through_a_file(more.checkpoint())
        assert list(scripted([], 2, target_epochs=target, checkpoint=again, extended_from=3)) == []


def test_a_training_made_ready_is_the_one_that_would_have_been_made(digits):
    wanted = TrainingConfig("dense", epochs=1, dropout=0.3, learning_rate=0.004, seed=5)
    ready = Training(TrainingConfig("dense", epochs=7, dropout=0.3, patience=2, seed=5), digits)
    ready.compile_ahead()
    assert ready.position.step == 0
    assert not ready.reuse_for(TrainingConfig("dense", epochs=1, dropout=0.2, seed=5))
    assert ready.reuse_for(wanted)
    [*_, made_ready], [*_, fresh] = ready, Training(wanted, digits)
    assert (made_ready.epoch, made_ready.step) == (1, fresh.step)
    assert made_ready.loss == pytest.approx(fresh.loss, abs=1e-5)
    np.testing.assert_allclose(made_ready.probabilities, fresh.probabilities, atol=1e-5)
    assert not ready.reuse_for(wanted)  # it has learned something by now


def test_training_accuracy_counts_what_is_read_right_by_the_rule_of_validation_also_where_sigmoids_tie(digits):
    config = TrainingConfig("seed", epochs=1, batch_size=1400)  # one batch, counted before its step
    run = Training(config, digits)
    kernel = run.network.trained.get_layer("output").kernel
    kernel.assign(kernel * 1000)  # nearly all sigmoids are 0 or 1
    accuracy = run.accuracy(digits.x_train, digits.y_train)
    progress = next(iter(run))
    assert progress.images == 1400
    assert progress.epoch_accuracy == pytest.approx(accuracy)


def test_training_images_are_read_again_without_dropout_and_augmentation_as_keras_evaluates_them(
    with_dropout, convolutional, digits
):
    x, y = split.training_images(split.split(digits, DROPOUT), DROPOUT)
    sample = np.linspace(0, len(x) - 1, 1000).astype(int)
    loss, accuracy = with_dropout.training.model.evaluate(x[sample], y[sample], verbose=0)
    last = with_dropout.epochs[-1]
    assert (last.train_loss, last.train_accuracy) == (pytest.approx(loss, abs=1e-5), pytest.approx(accuracy))
    assert last.train_loss < last.loss  # they are easier so
    assert {epoch.train_loss for epoch in convolutional.epochs} == {None}  # which has neither


@pytest.mark.parametrize("count", [1, 5, 6])
def test_too_few_images_to_hold_one_out_are_refused_in_words_and_the_classic_network_needs_none(digits, count):
    few = Dataset("Own digits", "few", digits.x_train[:count], digits.y_train[:count], digits.x_test, digits.y_test)
    classic, dense = (TrainingConfig(model, epochs=1, hidden_layers=(8,)) for model in ("seed", "dense"))
    assert [type(event) for event in Training(classic, few)] == [Progress, Epoch]
    if count < 6:
        with pytest.raises(DatasetError, match=f"has {count} training images, too few to hold one out"):
            Training(dense, few)
    else:
        assert [type(event) for event in Training(dense, few)] == [Progress, Epoch]
