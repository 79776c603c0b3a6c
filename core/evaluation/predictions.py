"""What the Predictions page asks of a run: its readings at one moment, a filter over them, and both as files."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.data import Dataset
from core.evaluation import metrics
from core.runs import Run

NEWEST = "newest"
SHOW = ("Mistakes", "Right", "All")
ORDERS = ("Most confident", "Least confident", "Highest loss", "Index", "Learned last")
ONLY = ("Known label errors", "Forgotten", "Never right")


class ReadingError(ValueError):
    """A run's probabilities cannot be shown; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a run says of every test image at one moment; all arrays have an entry for each image.

    Attributes:
        epoch: complete epochs at that moment.
        corrected: accuracy with MNIST's known label errors corrected, None for other datasets.
        matrix: counts (10, 10), rows are labels.
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
    corrected: metrics.CorrectedAccuracy | None
    matrix: np.ndarray

    @property
    def mistakes(self) -> int:
        """How many predictions differ from their label."""
        return int(np.count_nonzero(~self.right))


@dataclass(frozen=True, eq=False)
class Past:
    """What each kept epoch said: `epochs` numbers them, `probabilities` is float16 (epochs, n, 10)."""

    epochs: tuple[int, ...]
    probabilities: np.ndarray
    history: metrics.LearningHistory


@dataclass(frozen=True)
class Filter:
    """Which images are shown and in which order; confidence in percent, both ends included."""

    show: str = "Mistakes"
    label: int | None = None
    prediction: int | None = None
    confidence: tuple[float, float] = (0, 100)
    only: str | None = None
    order: str = "Most confident"

    @property
    def needs_past(self) -> bool:
        """Whether it asks what earlier epochs said."""
        return self.only in ("Forgotten", "Never right") or self.order == "Learned last"

    def __str__(self) -> str:
        parts = ["all images" if self.show == "All" else self.show.lower()]
        parts += [] if self.label is None else [f"label {self.label}"]
        parts += [] if self.prediction is None else [f"read as {self.prediction}"]
        low, high = self.confidence
        parts += [] if (low, high) == (0, 100) else [f"{low:.0f} to {high:.0f} % sure"]
        parts += [] if self.only is None else [self.only.lower()]
        return ", ".join(parts)


def stamp(run: Run) -> tuple[int, ...]:
    """Numbers that change whenever the run's probabilities do."""
    times = []
    for name in ("predictions", "probabilities.npy"):
        try:
            times.append((run.path / name).stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)


def moments(run: Run) -> dict[str, int | None]:
    """The moments whose probabilities are kept, in order: words for each, and its epoch.

    The last is "newest": epoch None for what is kept of the end, a number while an epoch is newer than that.
    """
    epochs = run.predicted_epochs()
    earlier, end = {str(epoch): epoch for epoch in epochs}, None
    if epochs:
        last = run.probabilities(epochs[-1])
        final = run.probabilities()
        predictions, probabilities = stamp(run)
        if final is None or (last is not None and (predictions > probabilities or np.array_equal(final, last))):
            end = earlier.pop(str(epochs[-1]))
    return {**earlier, NEWEST: end}


def read(run: Run, dataset: Dataset, epoch: int | None) -> Reading:
    """The reading after `epoch`, of the end without one.

    Raises:
        ReadingError: where the probabilities are damaged or are those of another dataset.
    """
    known = run.dataset
    if known.get("fingerprint") not in (None, dataset.fingerprint):
        raise ReadingError(
            f"This run was trained and tested on {known.get('name')} ({known.get('source')}), but the dataset "
            f"here is {dataset.name}. Its images cannot be shown beside another dataset's predictions."
        )
    probabilities, labels = run.probabilities(epoch), dataset.y_test
    if probabilities is None:
        raise ReadingError("This run's probabilities are missing or damaged. Train it further, or choose another run.")
    if len(probabilities) != len(labels):
        raise ReadingError(
            f"This run read {len(probabilities):,} test images, but {dataset.name} has {len(labels):,} here. "
            "It belongs to another dataset."
        )
    try:
        predictions = metrics.predicted_digits(probabilities)
        return Reading(
            epoch=epoch or len(run.history().epochs) or (run.predicted_epochs() or [0])[-1],
            labels=labels,
            probabilities=probabilities,
            predictions=predictions,
            confidence=metrics.confidence(probabilities),
            second=metrics.second_guess(probabilities)[0],
            loss=metrics.cross_entropy(labels, probabilities.astype(np.float16)),
            right=predictions == labels,
            accuracy=metrics.accuracy(labels, predictions),
            corrected=metrics.corrected_accuracy(labels, predictions) if dataset.is_mnist else None,
            matrix=metrics.confusion_matrix(labels, predictions),
        )
    except ValueError as error:
        raise ReadingError(f"This run's probabilities are damaged: {error}") from error


def look_back(run: Run, dataset: Dataset, until: int) -> Past | None:
    """What the kept epochs up to `until` said, None where none can be read."""
    kept = {epoch: run.probabilities(epoch) for epoch in run.predicted_epochs() if epoch <= until}
    kept = {epoch: array for epoch, array in kept.items() if array is not None and len(array) == len(dataset.y_test)}
    if not kept:
        return None
    try:
        history = metrics.learning_history(dataset.y_test, kept.values())
    except ValueError:
        return None
    return Past(tuple(kept), np.stack([array.astype(np.float16) for array in kept.values()]), history)


@lru_cache(maxsize=1)
def errors_by_index() -> dict[int, metrics.LabelError]:
    """MNIST's known label errors by index."""
    return {error.index: error for error in metrics.KNOWN_LABEL_ERRORS}


def matching(reading: Reading, past: Past | None, wanted: Filter) -> np.ndarray:
    """Indices of the images that pass the filter, int64, in its order."""
    mask = np.full(len(reading.labels), True)
    if wanted.show != "All":
        mask &= reading.right == (wanted.show == "Right")
    if wanted.label is not None:
        mask &= reading.labels == wanted.label
    if wanted.prediction is not None:
        mask &= reading.predictions == wanted.prediction
    low, high = wanted.confidence
    mask &= (100 * reading.confidence >= low) & (100 * reading.confidence <= high)
    if wanted.only == "Known label errors":
        mask &= _mask(len(mask), list(errors_by_index()))
    elif wanted.only is not None:
        lists = {"Forgotten": past.history.forgotten, "Never right": past.history.never_right} if past else {}
        mask &= _mask(len(mask), lists.get(wanted.only, []))
    found = np.flatnonzero(mask)
    return found[np.argsort(_rank(reading, past, wanted.order)[found], kind="stable")]


def _rank(reading: Reading, past: Past | None, order: str) -> np.ndarray:
    if order == "Learned last" and past is not None:
        return -past.history.settled_epoch
    ranks = {
        "Most confident": -reading.confidence,
        "Least confident": reading.confidence,
        "Highest loss": -reading.loss,
    }
    return ranks.get(order, np.arange(len(reading.labels)))


def _mask(length: int, indices: list[int] | np.ndarray) -> np.ndarray:
    mask = np.full(length, False)
    mask[np.asarray(indices, np.int64)] = True
    return mask


def as_csv(reading: Reading, indices: np.ndarray) -> bytes:
    """The images of a filter as CSV: index, label, prediction, confidence, ten probabilities, epoch."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["index", "label", "prediction", "confidence", *(f"p{digit}" for digit in range(10)), "epoch"])
    for i in indices.tolist():
        probabilities = [f"{p:.6f}" for p in reading.probabilities[i]]
        rows.writerow(
            [
                i,
                reading.labels[i],
                reading.predictions[i],
                f"{reading.confidence[i]:.6f}",
                *probabilities,
                reading.epoch,
            ]
        )
    return file.getvalue().encode()


def matrix_csv(matrix: np.ndarray) -> bytes:
    """A confusion matrix (10, 10) as CSV, one row a label."""
    header = ",".join(["label", *(f"read as {digit}" for digit in range(10))])
    lines = [",".join(map(str, [label, *row])) for label, row in enumerate(matrix.tolist())]
    return "\n".join([header, *lines, ""]).encode()


def matrix_figure(reading: Reading, name: str, *, shares: bool, format: str) -> bytes:
    """The confusion matrix as a figure to keep."""
    from core.evaluation import figures  # matplotlib is slow to import, and few ask for a figure

    title = f"{name}, after epoch {reading.epoch}: accuracy {reading.accuracy:.2%}"
    return figures.figure_bytes(figures.confusion_figure(reading.matrix, title, shares=shares), format)


def gallery_figure(dataset: Dataset, reading: Reading, shown: np.ndarray, format: str) -> bytes:
    """A page of the gallery as a figure to keep."""
    from core.evaluation import figures

    columns = min(10, max(5, len(shown)))
    rows = -(-len(shown) // columns)
    arrays = (dataset.x_test[shown], reading.labels[shown], reading.probabilities[shown])
    return figures.figure_bytes(figures.predictions_figure(*arrays, rows, columns), format)


@dataclass(frozen=True)
class Place:
    """Where an image is among those that pass the filter, and its neighbours there."""

    image: int
    found: np.ndarray
    previous: int | None
    next: int | None

    def page_of(self, image: int | None, size: int) -> int | None:
        """The gallery's page, from 1, that has `image`."""
        return None if image is None else int(np.flatnonzero(self.found == image)[0]) // size + 1


def place(found: np.ndarray, image: int) -> Place:
    """The place of `image`; outside the filter, "next" is the filter's first image."""
    at = np.flatnonzero(found == image)
    if not len(at):
        return Place(image, found, None, int(found[0]) if len(found) else None)
    before, after = int(at[0]) - 1, int(at[0]) + 1
    previous = int(found[before]) if before >= 0 else None
    return Place(image, found, previous, int(found[after]) if after < len(found) else None)


def pages(found: np.ndarray, size: int) -> int:
    """How many pages of `size` images there are; one where nothing is found."""
    return max(1, -(-len(found) // size))


def story(past: Past, image: int) -> str:
    """When an image was learned, or how often it was right and when last, in a sentence."""
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
