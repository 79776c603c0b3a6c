"""The training loop: many batches a call, with the data resident as tensors, and able to stop after any of them.

It does what `model.fit` does, batch for batch, without its overhead. The order of images is a function of seed and
epoch alone and dropout's random state is a variable of the model, so weights, optimizer and position are all that a
checkpoint needs: a run that stopped anywhere and continued ends as if it had not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from core.config import TrainingConfig
from core.data import Dataset, DatasetError
from core.data.split import split, training_images
from core.evaluation.learning_words import off_when_validating
from core.runs.checkpoint import Position
from core.training import schedule
from core.training.checkpoint import restore_position, restore_variables, take_checkpoint
from core.training.images import AugmentedImages, PlainImages
from core.training.step import Network, Steps

REPORT_SECONDS = 0.12  # how long a call trains: progress, pause and a new learning rate wait that long
FIRST_BATCHES = 8  # of an epoch, before it is known how many take that long
READ_AGAIN, READ_SHARE = (1000, 5000), 10  # training images: one of ten, within limits, costs an epoch 1 to 5 %


class Diverged(RuntimeError):
    """The loss is no longer a number; the model has been put back to the last good checkpoint."""


@dataclass(frozen=True)
class Progress:
    """Batches that were just trained: means over them and, `epoch_…`, over the epoch so far."""

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
    """An epoch that was just completed; `probabilities` float32 (n, classes) are those of the test set.

    `loss` and `accuracy` were counted in training; `train_loss` and `train_accuracy` on training images that were read
    again after it, as validation images are, None where that would be no different.
    """

    epoch: int
    step: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    training_seconds: float
    probabilities: np.ndarray
    train_loss: float | None = None
    train_accuracy: float | None = None


class Training:
    """A network, its optimizer and a position in its epochs; iterating trains it.

    Attributes:
        model: what is tested and saved, with the weights of this moment.
        position: where the training is; its `learning_rate` may be set between two events.

    Args:
        config: the run's settings.
        dataset: what to train, validate and test on.
        target_epochs: where to end; more than the config's when a run is trained further.
        checkpoint: what `checkpoint()` returned, to continue from there.
        extended_from: complete epochs when someone asked for more; a run that stopped early there continues.
        start: the checkpoint of another run of the same architecture, to begin with its weights.
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
        self.target_epochs = target_epochs or config.epochs
        self.x_test, self.y_test = dataset.x_test, dataset.y_test
        self.split = split(dataset, config)
        if not len(self.split.x_val):
            raise DatasetError(
                f"{dataset.name} has {len(dataset.x_train)} training images, too few to hold one out for validation. "
                "Use at least 6, or the classic network, which validates on the test images."
            )
        x_train, y_train = training_images(self.split, config, mine)
        if not len(x_train):
            raise DatasetError("No training image is left. Leave out fewer digits, or use more training images.")
        self.image_count = len(x_train)  # of an epoch
        self.steps_per_epoch = -(-self.image_count // config.batch_size)

        self.network = Network(config)
        self.model = self.network.model
        self.images = AugmentedImages(x_train) if config.augment else PlainImages(x_train)
        self.steps = Steps(self.network, self.images, y_train, config)
        self._again: tuple[np.ndarray, np.ndarray] | None = None  # training images that are read after each epoch
        if off_when_validating(config):
            few, many = READ_AGAIN
            count = min(self.image_count, many, max(few, self.image_count // READ_SHARE))
            chosen = np.linspace(0, self.image_count - 1, count).astype(int)
            self._again = x_train[chosen], y_train[chosen]
        self.position = Position(learning_rate=config.learning_rate)
        if checkpoint is not None:
            self._restore(checkpoint)
        elif start is not None:
            restore_variables(self.network.weights(), start)
            self.network.reset_averages()
        self._begin_schedule(extended_from)
        self._last_good: dict[str, np.ndarray] = {}
        self.checkpoint()
        self._first: dict[str, np.ndarray] | None = None  # what it begins anew with

    def __iter__(self) -> Iterator[Progress | Epoch]:
        """Train to the target, and report several times a second and after every epoch.

        Raises:
            Diverged: where the loss or a weight is NaN or infinite.
        """
        position = self.position
        while position.epoch < self.target_epochs and not position.stopped_early:
            order, rates = self._begin_epoch()
            batches = FIRST_BATCHES
            while position.batch < self.steps_per_epoch:
                last = min(position.batch + batches, self.steps_per_epoch)
                began = time.perf_counter()
                progress = self._train(order, rates * position.learning_rate, last)
                seconds = time.perf_counter() - began
                batches = max(1, min(2 * batches, round(batches * REPORT_SECONDS / seconds)))  # of the next call
                yield progress
            yield self._end_epoch()

    def _begin_epoch(self) -> tuple[np.ndarray, np.ndarray]:
        """The order of this epoch's images, int32 (n,), and the rates of its steps as fractions of the peak, (steps,).

        Both depend on nothing but the seed and the epoch, so that a run can be paused anywhere in it.
        """
        seed, epoch = self.config.seed, self.position.epoch
        order = np.random.default_rng([seed, epoch]).permutation(self.image_count).astype(np.int32)
        self.images.begin_epoch(order, np.random.default_rng([seed, epoch, 1]), done=self.position.images)
        return order, self._learning_rates()

    def _learning_rates(self) -> np.ndarray:
        """The learning rate of each step of this epoch as a fraction of the peak, float (steps,)."""
        first, last_epoch = self.position.stages[-1]
        steps = self.position.epoch * self.steps_per_epoch + np.arange(self.steps_per_epoch) - first
        return schedule.RATES[self.config.schedule](steps, total=last_epoch * self.steps_per_epoch - first)

    def _train(self, order: np.ndarray, rates: np.ndarray, last: int) -> Progress:
        """Train this epoch's batches up to, not including, `last`."""
        began = time.perf_counter()
        position, first = self.position, self.position.batch
        done = min(last * self.config.batch_size, self.image_count)
        self.images.prepare(until=done)
        loss_sum, correct = self.steps.train(order, rates, first, last, position.loss_sum)
        seconds = time.perf_counter() - began
        self._check_finite(loss_sum)
        images, loss = done - position.images, loss_sum - position.loss_sum
        position.batch, position.step = last, position.step + last - first
        position.images, position.loss_sum, position.correct = done, loss_sum, position.correct + correct
        position.training_seconds += seconds
        return Progress(
            epoch=position.epoch + 1,
            step=position.step,
            position=position.epoch + done / self.image_count,
            images=done,
            loss=loss / images,
            accuracy=correct / images,
            epoch_loss=loss_sum / done,
            epoch_accuracy=position.correct / done,
            images_per_second=images / seconds,
            learning_rate=float(rates[last - 1]),
            training_seconds=position.training_seconds,
        )

    def _end_epoch(self) -> Epoch:
        """Test and validate, stop early where the validation loss no longer falls, and count the epoch."""
        position = self.position
        probabilities, losses = self.evaluate(self.x_test, self.y_test)
        val_probabilities, y_val = probabilities, self.y_test
        if not self.config.info.validates_on_test:
            y_val = self.split.y_val
            val_probabilities, losses = self.evaluate(self.split.x_val, y_val)
        val_loss = float(losses.mean())
        self._check_finite(val_loss)
        train_loss, train_accuracy = self._read_again()
        position.epoch += 1
        if val_loss < position.best_loss:
            position.best_loss, position.best_epoch = val_loss, position.epoch
        position.stopped_early = 0 < self.config.patience <= position.epoch - position.best_epoch
        epoch = Epoch(
            epoch=position.epoch,
            step=position.step,
            loss=position.loss_sum / position.images,
            accuracy=position.correct / position.images,
            val_loss=val_loss,
            val_accuracy=float((val_probabilities.argmax(axis=1) == y_val).mean()),
            learning_rate=float(self.network.trained.optimizer.learning_rate.numpy()),
            training_seconds=position.training_seconds,
            probabilities=probabilities,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
        )
        position.batch = position.images = position.correct = 0
        position.loss_sum = 0.0
        return epoch

    def _read_again(self) -> tuple[float | None, float | None]:
        """Loss and accuracy on a sample of the training images, without dropout and augmentation."""
        if self._again is None:
            return None, None
        images, labels = self._again
        probabilities, losses = self.evaluate(images, labels)
        return float(losses.mean()), float((probabilities.argmax(axis=1) == labels).mean())

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 (n, classes) and losses float32 (n,) of uint8 (n, 28, 28), n > 0, dropout off."""
        return self.network.evaluate(images, labels)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of uint8 images (n, 28, 28), n > 0, that is read as its label."""
        return float((self.evaluate(images, labels)[0].argmax(axis=1) == labels).mean())

    def checkpoint(self) -> dict[str, np.ndarray]:
        """All that is needed to continue from here, or from the last time when all variables were finite."""
        self._last_good = take_checkpoint(self.network.variables(), self.position) or self._last_good
        return self._last_good

    def _check_finite(self, loss: float) -> None:
        """Restore the last good checkpoint and raise Diverged where a loss is NaN or infinite."""
        if not np.isfinite(loss):
            self._restore(self._last_good)
            raise Diverged

    def _restore(self, checkpoint: dict[str, np.ndarray]) -> None:
        position = restore_position(checkpoint, self.image_count, self.config.batch_size)
        restore_variables(self.network.variables(), checkpoint)
        self.position = position

    def _begin_schedule(self, extended_from: int = -1) -> None:
        """Begin a schedule of the learning rate where the training is new or has a new target.

        A training that stopped early and is then extended also begins one, and waits for a better epoch anew.
        """
        position = self.position
        extended = position.stopped_early and position.epoch == extended_from
        if not position.stages or position.stages[-1][1] != self.target_epochs or extended:
            position.stages.append([position.step, self.target_epochs])
            position.stopped_early, position.best_epoch = False, position.epoch

    # Compiling before the settings are known

    def compile_ahead(self) -> None:
        """Compile the loop of a training that begins, by training no batch at all; once is enough.

        The time counts as training, in each run that it serves: so runs can be compared.
        """
        if self._first is not None:
            return
        began = time.perf_counter()
        order, rates = self._begin_epoch()
        self.images.prepare(until=1)
        self.steps.compile(order, rates)
        self.position.training_seconds += time.perf_counter() - began
        self._first = self.checkpoint()

    def fits(self, config: TrainingConfig) -> bool:
        """Whether this can become the training of `config`, compiled already.

        It can while nothing is trained, for another number of epochs, learning rate or patience: neither the first
        weights nor the compiled steps depend on those.
        """
        free = {"epochs": config.epochs, "learning_rate": config.learning_rate, "patience": config.patience}
        return self.position.step == 0 and replace(self.config, **free) == config

    def begin_anew(self) -> bool:
        """Go back to before the first step, compiled as it is; returns whether it was compiled there."""
        if self._first is not None:
            self._restore(self._first)
        return self._first is not None

    def reuse_for(self, config: TrainingConfig) -> bool:
        """Become the training of `config` where it fits; returns whether it does."""
        if not self.fits(config):
            return False
        self.config, self.target_epochs = config, config.epochs
        self.position.learning_rate, self.position.stages = config.learning_rate, []
        self._begin_schedule()
        self.checkpoint()
        return True
