"""A run's predictions for the test images, after one epoch or over all saved epochs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.data.classes import DIGITS
from core.evaluation import label_errors, learning, metrics
from core.runs import RunView
from core.runs.files import PREDICTIONS_FOLDER, PROBABILITIES
from core.storage import Version, version

NEWEST = "newest"


class PredictionsError(ValueError):
    """A run's probabilities cannot be shown; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """A run's predictions for all n test images after one epoch.

    Attributes:
        epoch: the number of completed epochs.
        labels: uint8 (n,), 0 to 9, or the numbers of `classes`.
        probabilities: float32 (n, classes), each row sums to 1.
        predictions: int64 (n,), the most probable digits, or other classes.
        confidence: float64 (n,), their probabilities.
        second: int64 (n,), the second most probable digits.
        loss: float64 (n,), the cross-entropy of each image in nats.
        right: bool (n,), where the prediction is the label.
        accuracy: the share of them that are right, 0 to 1.
        corrected: accuracy with MNIST's known label errors corrected, None for other datasets.
        matrix: counts int64 (classes, classes), rows are labels, columns predictions.
        classes: what the labels are called, in their order; the digits for digits.
    """

    epoch: int
    labels: np.ndarray
    probabilities: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray
    second: np.ndarray
    loss: np.ndarray
    right: np.ndarray
    accuracy: float
    corrected: label_errors.CorrectedAccuracy | None
    matrix: np.ndarray
    classes: tuple[str, ...] = DIGITS

    @property
    def mistakes(self) -> int:
        """How many predictions differ from their label."""
        return int(np.count_nonzero(~self.right))


@dataclass(frozen=True, eq=False)
class EpochPredictions:
    """The predictions of all saved epochs: `epochs` are numbers, `probabilities` is float16 (epochs, n, classes)."""

    epochs: tuple[int, ...]
    probabilities: np.ndarray
    history: learning.LearningHistory


def saved_version(run: RunView) -> tuple[Version, Version]:
    """What is another whenever the run's probabilities have changed: those of its epochs, and the final ones."""
    epochs, final = (version(run.path / name, missing_ok=True) for name in (PREDICTIONS_FOLDER, PROBABILITIES))
    return epochs, final


def moments(run: RunView) -> dict[str, int | None]:
    """The epochs whose probabilities are saved, in order, by their names on the page.

    The last name is "newest". Its epoch is None for the final probabilities, a number while an epoch is newer.
    """
    epochs = run.predicted_epochs()
    earlier, end = {str(epoch): epoch for epoch in epochs}, None
    if epochs:
        last = run.probabilities(epochs[-1])
        final = run.probabilities()
        if final is None or (last is not None and (not run.end_is_newest or np.array_equal(final, last))):
            end = earlier.pop(str(epochs[-1]))
    return {**earlier, NEWEST: end}


def load_predictions(run: RunView, dataset: Dataset, epoch: int | None) -> Predictions:
    """A run's predictions after `epoch`, or its final ones for None.

    Raises:
        PredictionsError: where the probabilities are damaged or belong to another dataset.
    """
    if reason := run.foreign_dataset(dataset):
        raise PredictionsError(reason)
    probabilities, labels = run.probabilities(epoch), dataset.y_test
    if probabilities is None:
        raise PredictionsError(
            "This run's predictions are missing or damaged. Train it further, or choose another run."
        )
    if len(probabilities) != len(labels):
        raise PredictionsError(
            f"This run belongs to another dataset: it has predictions for {len(probabilities):,} test images, and "
            f"{dataset.name} has {len(labels):,}. Start Digit Lab with the run's dataset, or choose another run."
        )
    count = len(dataset.classes)
    if probabilities.shape[1] != count:
        raise PredictionsError(
            f"This run tells {probabilities.shape[1]} classes apart, and {dataset.name} has {count}. Choose another "
            "run."
        )
    try:
        predictions = metrics.predicted_digits(probabilities)
        return Predictions(
            epoch=epoch or len(run.history().epochs) or (run.predicted_epochs() or [0])[-1],
            labels=labels,
            probabilities=probabilities,
            predictions=predictions,
            confidence=metrics.confidence(probabilities),
            second=metrics.second_guess(probabilities)[0],
            loss=metrics.cross_entropy(labels, probabilities.astype(np.float16)),
            right=predictions == labels,
            accuracy=metrics.accuracy(labels, predictions, count),
            corrected=label_errors.corrected_accuracy(labels, predictions) if dataset.is_mnist else None,
            matrix=metrics.confusion_matrix(labels, predictions, count),
            classes=dataset.classes,
        )
    except ValueError as error:
        raise PredictionsError(f"This run's predictions are damaged: {error}") from error


def load_epoch_predictions(run: RunView, dataset: Dataset, until: int) -> EpochPredictions | None:
    """The predictions of the saved epochs up to `until`, None where none can be read."""
    shape = (len(dataset.y_test), len(dataset.classes))
    kept = {epoch: run.probabilities(epoch) for epoch in run.predicted_epochs() if epoch <= until}
    kept = {epoch: array for epoch, array in kept.items() if array is not None and array.shape == shape}
    if not kept:
        return None
    try:
        history = learning.learning_history(dataset.y_test, kept.values(), len(dataset.classes))
    except ValueError:
        return None
    return EpochPredictions(tuple(kept), np.stack([array.astype(np.float16) for array in kept.values()]), history)


def describe_learning(past: EpochPredictions, image: int) -> str:
    """When an image was learned, or how often and when last it was right, as a sentence."""
    history = past.history
    first, settled = (int(epochs[image]) for epochs in (history.first_learned_epoch, history.settled_epoch))
    if first == 0:
        return "Never right so far."
    if settled == 0:
        right = np.flatnonzero(history.right[:, image])
        last = f"after epoch {past.epochs[right[-1]]}; wrong since"
        return f"Right once, {last}." if len(right) == 1 else f"Right after {len(right)} epochs, last {last}."
    if settled == first:
        return f"Right since epoch {past.epochs[first - 1]}."
    return f"First right after epoch {past.epochs[first - 1]}, for good since epoch {past.epochs[settled - 1]}."
