"""The training loop: many batches a call, with the data resident as tensors, and able to stop after any of them.

It does what `model.fit` does, batch for batch, without its overhead. The order of images is a function of seed and
epoch alone and dropout's random state is a variable of the model, so weights, optimizer and position are all that a
checkpoint needs: a run that stopped anywhere and went on ends as if it had not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf

from core import models
from core.config import TrainingConfig
from core.data import Dataset, DatasetError
from core.data.split import split, training_images
from core.runs.checkpoint import CheckpointError, Position, read_position
from core.training.augmentation import Warps, draw_warps, warp

CHUNK_SECONDS = 0.12  # how long the loop runs before it looks up: progress, pause and learning rate wait that long
WARM_UP = 0.15  # share of a decaying schedule in which the learning rate rises
AVERAGED = 500  # steps: how far back a running average of the weights reaches
DOES_NOT_FIT = "The checkpoint does not fit this network. Start a new run with the same settings."
WARPED_AT_ONCE = 1024  # images: few enough to look up in between


class Diverged(RuntimeError):
    """The loss is no longer a number; the model has been put back to the last good checkpoint."""


@dataclass(frozen=True)
class Progress:
    """A chunk of batches that was just trained: means over the chunk and, `epoch_…`, over the epoch so far."""

    epoch: int  # the one under way, from 1
    step: int
    position: float  # epochs done, with the part of the one under way
    images: int  # of the epoch under way
    loss: float
    accuracy: float
    epoch_loss: float
    epoch_accuracy: float
    images_per_second: float
    learning_rate: float
    training_seconds: float


@dataclass(frozen=True)
class Epoch:
    """An epoch that was just completed; `probabilities` float32 (n, 10) are those of the test set."""

    epoch: int
    step: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    training_seconds: float
    probabilities: np.ndarray


class Training:
    """A network, its optimizer and a position in its epochs; `model` is what is tested and kept.

    Args:
        config: the run's settings.
        dataset: what to train, validate and test on.
        target_epochs: where to end; more than the config's when a run is trained further.
        checkpoint: what `checkpoint()` returned, to go on from there.
        extended_from: complete epochs when someone asked for more; a run that stopped early there goes on.
        start: the checkpoint of another run of the same architecture, whose weights are begun with.
        mine: images and labels to learn besides (core.data.split.training_images).

    Raises:
        CheckpointError: where `checkpoint` or `start` does not fit the network.
        DatasetError: where there are too few images to hold one out.
    """

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        target_epochs: int | None = None,
        checkpoint: dict[str, np.ndarray] | None = None,
        extended_from: int = -1,
        *,
        start: dict[str, np.ndarray] | None = None,
        mine: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self.config = config
        self.split = split(dataset, config)
        if not len(self.split.x_val):
            raise DatasetError(
                f"{dataset.name} has {len(dataset.x_train)} training images, too few to hold one out for validation. "
                "Use at least 6, or the classic network, which validates on the test images."
            )
        self.x_train, self.y_train = training_images(self.split, config, mine)
        self.x_test, self.y_test = dataset.x_test, dataset.y_test
        self._learner = models.build(config)
        self.model = models.build(config) if config.info.averages else self._learner
        self._hidden = keras.Model(self.model.inputs, self.model.get_layer("output").input)
        self.position = Position(learning_rate=config.learning_rate)
        self.target_epochs = target_epochs or config.epochs
        self.steps_per_epoch = -(-len(self.x_train) // config.batch_size)
        if checkpoint is not None:
            self._restore(checkpoint)
        elif start is not None:
            self._assign(self._weights(), start)
            self._take_averages()
        stages = self.position.stages
        asked_for_more = self.position.stopped_early and self.position.epoch == extended_from
        if not stages or stages[-1][1] != self.target_epochs or asked_for_more:
            stages.append([self.position.step, self.target_epochs])
            self.position.stopped_early, self.position.best_epoch = False, self.position.epoch
        self._good = self.checkpoint()
        self._shown = tf.Variable(self.x_train if config.augment else self.x_train[:0], trainable=False)
        self._shown_count = 0  # how many of this epoch's images are warped
        self._train_batches = self._compile()

    # Getting ready before it is known what for

    def compile_ahead(self) -> None:
        """Compile the loop before it is needed, by training no batch at all; the time counts as training."""
        began = time.perf_counter()
        order, rates = tf.constant(self._order()), tf.constant(self._learning_rates(), tf.float32)
        if self.config.augment:
            self._show(order.numpy(), self._warps(), until=1)
        for size in self._batch_sizes():
            self._train_batches(order, rates, tf.constant(0), tf.constant(0), size, tf.constant(0.0, tf.float64))
        self.position.training_seconds += time.perf_counter() - began

    def take_up(self, config: TrainingConfig) -> bool:
        """Become the training of `config` where nothing is trained yet and it differs in no more than its course.

        Epochs, learning rate and patience may differ: neither the first weights nor the compiled loop know them.
        """
        course = {"epochs": self.config.epochs, "learning_rate": self.config.learning_rate}
        if self.position.step > 0 or replace(config, **course, patience=self.config.patience) != self.config:
            return False
        self.config, self.target_epochs = config, config.epochs
        self.position.learning_rate = config.learning_rate
        self.position.stages = [[0, config.epochs]]
        self._good = self.checkpoint()
        return True

    # The loop

    def __iter__(self) -> Iterator[Progress | Epoch]:
        """Train to the target, and look up after every chunk and every epoch.

        Raises:
            Diverged: where the loss or a weight is NaN or infinite.
        """
        position = self.position
        while position.epoch < self.target_epochs and not position.stopped_early:
            order = self._order()
            warps = self._warps()
            self._shown_count = position.images
            rates = self._learning_rates()
            steps = 8
            while position.batch < self.steps_per_epoch:
                last = min(position.batch + steps, self.steps_per_epoch)
                began = time.perf_counter()
                progress = self._chunk(order, warps, rates * position.learning_rate, last)
                seconds = time.perf_counter() - began
                steps = max(1, min(2 * steps, round(steps * CHUNK_SECONDS / seconds)))
                yield progress
            yield self._end_epoch()

    def _chunk(self, order: np.ndarray, warps: Warps | None, rates: np.ndarray, last: int) -> Progress:
        """Train batches up to, not including, `last` of this epoch."""
        began = time.perf_counter()
        position = self.position
        first = position.batch
        if warps is not None:
            self._show(order, warps, last * self.config.batch_size)
        loss_sum, correct = self._train_up_to(tf.constant(order), tf.constant(rates, tf.float32), first, last)
        loss = loss_sum - position.loss_sum
        images = min(last * self.config.batch_size, len(self.x_train)) - position.images
        seconds = time.perf_counter() - began
        if not np.isfinite(loss_sum):
            self._restore(self._good)
            raise Diverged
        position.batch, position.step = last, position.step + last - first
        position.images += images
        position.loss_sum = loss_sum
        position.correct += correct
        position.training_seconds += seconds
        return Progress(
            epoch=position.epoch + 1,
            step=position.step,
            position=position.epoch + position.images / len(self.x_train),
            images=position.images,
            loss=loss / images,
            accuracy=correct / images,
            epoch_loss=position.loss_sum / position.images,
            epoch_accuracy=position.correct / position.images,
            images_per_second=images / seconds,
            learning_rate=float(rates[last - 1]),
            training_seconds=position.training_seconds,
        )

    def _end_epoch(self) -> Epoch:
        position = self.position
        probabilities, losses = self.evaluate(self.x_test, self.y_test)
        val_probabilities, labels = probabilities, self.y_test
        if not self.config.info.validates_on_test:
            labels = self.split.y_val
            val_probabilities, losses = self.evaluate(self.split.x_val, labels)
        val_loss = float(losses.mean())
        if not np.isfinite(val_loss):
            self._restore(self._good)
            raise Diverged
        if val_loss < position.best_loss:
            position.best_loss, position.best_epoch = val_loss, position.epoch + 1
        position.epoch += 1
        patience = self.config.patience
        position.stopped_early = 0 < patience <= position.epoch - position.best_epoch
        epoch = Epoch(
            epoch=position.epoch,
            step=position.step,
            loss=position.loss_sum / position.images,
            accuracy=position.correct / position.images,
            val_loss=val_loss,
            val_accuracy=float((val_probabilities.argmax(axis=1) == labels).mean()),
            learning_rate=float(self._learner.optimizer.learning_rate.numpy()),
            training_seconds=position.training_seconds,
            probabilities=probabilities,
        )
        position.batch = position.images = position.correct = 0
        position.loss_sum = 0.0
        return epoch

    def _compile(self) -> Callable:
        """The function that trains batches `first` to `last`, of `size` images; returns Σ loss and Σ correct.

        Σ loss goes on from `before`, so that an epoch's loss does not depend on where the loop looked up.
        Dense networks go through XLA, which makes one machine program of the loop; on convolutions it is slower.
        """
        model, optimizer, batch_size = self._learner, self._learner.optimizer, self.config.batch_size
        averages = list(zip(self.model.weights, model.weights, strict=True)) if self.config.info.averages else []
        x_train = tf.constant(self.x_train)
        y_train = tf.constant(self.y_train.astype(np.int32))
        shown = self._shown if self.config.augment else None

        def train(order: tf.Tensor, rates: tf.Tensor, first: tf.Tensor, last: tf.Tensor, size: int, before: tf.Tensor):
            loss_sum, correct = before, tf.constant(0)
            batch = first
            while batch < last:  # not tf.range, whose bounds XLA would compile in
                chosen = tf.slice(order, [batch * batch_size], [size])
                labels = tf.gather(y_train, chosen)
                if shown is None:
                    images = tf.gather(x_train, chosen)
                else:
                    images = tf.gather(shown, batch * batch_size + tf.range(size))  # a slice would copy it all
                optimizer.learning_rate.assign(rates[batch])
                with tf.GradientTape() as tape:
                    outputs = model(images, training=True)
                    losses = keras.losses.sparse_categorical_crossentropy(labels, outputs)
                    loss = tf.reduce_mean(losses)
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply(gradients, model.trainable_variables)
                part = tf.maximum(1 / AVERAGED, 10 / (10 + tf.cast(optimizer.iterations, tf.float32)))
                for average, weight in averages:
                    average.assign_add(part * (weight - average))
                loss_sum += tf.cast(tf.reduce_sum(losses), tf.float64)
                # By the values before the activation, as `evaluate` counts: of two sigmoids of 1 the first would win.
                logits = getattr(outputs, "_keras_logits", outputs)
                hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
                correct += tf.reduce_sum(tf.cast(hits, tf.int32))
                batch += 1
            return loss_sum, correct

        if not self.config.info.convolutional:
            return tf.function(train, jit_compile=True)  # a program for each size, which XLA must know beforehand
        any_size = tf.function(train)
        return lambda order, rates, first, last, size, before: any_size(
            order, rates, first, last, tf.constant(size), before
        )

    def _batch_sizes(self) -> list[int]:
        """The sizes of an epoch's batches: whole ones, and one for the rest."""
        whole, rest = divmod(len(self.x_train), self.config.batch_size)
        return [self.config.batch_size] * (whole > 0) + [rest] * (rest > 0)

    def _train_up_to(self, order: tf.Tensor, rates: tf.Tensor, first: int, last: int) -> tuple[float, int]:
        """Train batches `first` to `last`, the last maybe smaller; returns the epoch's Σ loss and their Σ correct."""
        whole, rest = divmod(len(self.x_train), self.config.batch_size)
        until = min(last, whole)
        loss_sum, correct = self.position.loss_sum, 0
        for begin, end, size in ((first, until, self.config.batch_size), (max(first, until), last, rest)):
            if begin < end:
                before = tf.constant(loss_sum, tf.float64)
                part = self._train_batches(order, rates, tf.constant(begin), tf.constant(end), size, before)
                loss_sum, correct = float(part[0]), correct + int(part[1])
        return loss_sum, correct

    def _order(self) -> np.ndarray:
        """The order of the training images in this epoch, int32 (n,)."""
        random = np.random.default_rng([self.config.seed, self.position.epoch])
        return random.permutation(len(self.x_train)).astype(np.int32)

    def _warps(self) -> Warps | None:
        """How the images of this epoch are changed, in their order; None without augmentation."""
        if not self.config.augment:
            return None
        return draw_warps(np.random.default_rng([self.config.seed, self.position.epoch, 1]), len(self.x_train))

    def _show(self, order: np.ndarray, warps: Warps, until: int) -> None:
        """Warp the images of this epoch up to the one at `until`, always as many at once, since XLA compiles a size."""
        count = len(self.x_train)
        size = min(WARPED_AT_ONCE, count)
        while self._shown_count < min(until, count):
            first = min(self._shown_count, count - size)
            part = slice(first, first + size)
            warped = warp(self.x_train[order[part]], warps.fields[part], warps.pens[part])
            self._shown.scatter_update(tf.IndexedSlices(warped, tf.range(first, first + size)))
            self._shown_count = first + size

    def _learning_rates(self) -> np.ndarray:
        """The learning rate of each step of this epoch as a fraction of the peak, float (steps,)."""
        if not self.config.info.decays:
            return np.ones(self.steps_per_epoch)
        first, last_epoch = self.position.stages[-1]
        total = last_epoch * self.steps_per_epoch - first
        steps = self.position.epoch * self.steps_per_epoch + np.arange(self.steps_per_epoch) - first
        rise = max(1, round(WARM_UP * total))
        return np.clip(np.minimum((steps + 1) / rise, (total - steps) / max(1, total - rise)), 0, 1)

    # Looking

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 (n, 10) and cross-entropy float32 (n,) of uint8 (n, 28, 28), dropout off."""
        parts = []
        for at in range(0, len(images), 1000):
            part = slice(at, at + 1000)
            parts.append(self._evaluate_batch(tf.constant(images[part]), tf.constant(labels[part].astype(np.int32))))
        probabilities, losses = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return probabilities, losses

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of uint8 images (n, 28, 28), n > 0, that is read as its label."""
        return float((self.evaluate(images, labels)[0].argmax(axis=1) == labels).mean())

    @tf.function(reduce_retracing=True)
    def _evaluate_batch(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        output = self.model.get_layer("output")
        logits = keras.ops.matmul(self._hidden(images, training=False), output.kernel) + output.bias
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return keras.ops.softmax(logits), losses

    # Stopping and going on

    def checkpoint(self) -> dict[str, np.ndarray]:
        """All that going on needs, as arrays that `np.savez` and `np.load` take without pickle."""
        variables = [variable.numpy() for variable in self._variables()]
        good = all(np.isfinite(array).all() for array in variables)
        if good:
            self._good = {f"variable_{number:03d}": array for number, array in enumerate(variables)}
            self._good["position"] = self.position.as_array()
        return self._good

    def _restore(self, checkpoint: dict[str, np.ndarray]) -> None:
        try:
            position = read_position(checkpoint)
        except CheckpointError as error:
            raise CheckpointError(DOES_NOT_FIT) from error
        images = min(position.batch * self.config.batch_size, len(self.x_train))
        steps = position.epoch * self.steps_per_epoch + position.batch
        if (position.step, position.images) != (steps, images):
            raise CheckpointError(DOES_NOT_FIT)
        self._assign(self._variables(), checkpoint)
        self.position = position

    @staticmethod
    def _assign(variables: list[keras.Variable], checkpoint: dict[str, np.ndarray]) -> None:
        try:
            arrays = [checkpoint[f"variable_{number:03d}"] for number in range(len(variables))]
            for variable, array in zip(variables, arrays, strict=True):
                variable.assign(array)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(DOES_NOT_FIT) from error

    def _weights(self) -> list[keras.Variable]:
        """Weights and the state of random layers."""
        return self._learner.trainable_variables + self._learner.non_trainable_variables

    def _variables(self) -> list[keras.Variable]:
        """The same, the optimizer's state, and the averages where there are any."""
        averages = self.model.weights if self.config.info.averages else []
        return self._weights() + self._learner.optimizer.variables + averages

    def _take_averages(self) -> None:
        """Let the averages begin with the weights of now."""
        if self.config.info.averages:
            self.model.set_weights(self._learner.get_weights())
