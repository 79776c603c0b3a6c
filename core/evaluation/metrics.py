"""What the numbers say about a run: plain functions on arrays, with no TensorFlow, no Streamlit, no pandas.

`labels` and `predictions` are integers (n,), 0 to 9; `probabilities` are floats (n, 10) whose rows sum to 1
(not the raw outputs of a sigmoid layer). Any float type will do; arithmetic is in
float64. What does not fit raises ValueError. Without images, counts are 0 and shares are nan. Calibration
and the comparison of two runs have their own modules beside this one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS = 10
SMALLEST_PROBABILITY = 1e-12
ROW_SUM_TOLERANCE = 5e-3  # float16 rounds a row's sum by up to 5e-4; forgotten normalisation is far beyond

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def checked_digits(name: str, values: ArrayLike, *, length: int | None = None) -> Integers:
    """Return `values` as int64 (n,), or raise ValueError that says what is wrong with them."""
    digits = np.asarray(values)
    if digits.ndim != 1:
        raise ValueError(f"{name} must have one digit per image, shape (n,); got shape {digits.shape}.")
    if length is not None and len(digits) != length:
        raise ValueError(f"{name} must have one entry for each of the {length} images; got {len(digits)}.")
    if not digits.size:
        return digits.astype(np.int64)
    if digits.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers; got {digits.dtype}.")
    if digits.min() < 0 or digits.max() >= DIGITS:
        raise ValueError(f"{name} must be digits from 0 to 9; got {digits.min()} to {digits.max()}.")
    return digits.astype(np.int64, copy=False)


def checked_probabilities(probabilities: ArrayLike, *, length: int | None = None) -> Floats:
    """Return `probabilities` as float64 (n, 10), or raise ValueError that says what is wrong with them."""
    given = np.asarray(probabilities)
    if given.ndim != 2 or given.shape[1] != DIGITS or given.dtype.kind != "f":
        raise ValueError(f"probabilities must be floats (n, {DIGITS}); got {given.dtype} {given.shape}.")
    if length is not None and len(given) != length:
        raise ValueError(f"probabilities must have a row for each of the {length} images; got {len(given)}.")
    checked = given.astype(np.float64, copy=False)
    if not checked.size:
        return checked
    if np.isnan(checked).any():
        rows = int(np.isnan(checked).any(axis=1).sum())
        raise ValueError(f"probabilities must be numbers; {rows} of {len(checked)} images have NaN.")
    if checked.min() < 0 or np.abs(checked @ np.ones(DIGITS) - 1).max() > ROW_SUM_TOLERANCE:
        raise ValueError("probabilities must be 0 or more and sum to 1 for each image.")
    return checked


def positive_probabilities(probabilities: ArrayLike, *, length: int | None = None) -> Floats:
    """Return checked probabilities (n, 10) with a floor, so that their logarithm is finite.

    The floor is 1e-12, or what the array's own type cannot tell from 0 (6e-8 for float16) if that is more.
    """
    checked = checked_probabilities(probabilities, length=length)
    smallest_of_type = float(np.finfo(np.asarray(probabilities).dtype).smallest_subnormal)
    return np.maximum(checked, max(SMALLEST_PROBABILITY, smallest_of_type))


def share(part: ArrayLike, whole: ArrayLike) -> Floats:
    """Return part / whole, nan where whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Return the fraction of images whose prediction is their label, 0 to 1; nan without images."""
    labels = checked_digits("labels", labels)
    right = labels == checked_digits("predictions", predictions, length=len(labels))
    return float(share(right.sum(), len(right)))


def predicted_digits(probabilities: ArrayLike) -> Integers:
    """Return the predictions, int64 (n,): arg max_k p_k, the lower digit of a tie."""
    return checked_probabilities(probabilities).argmax(axis=1)


def confidence(probabilities: ArrayLike) -> Floats:
    """Return the confidence, float64 (n,): max_k p_k (Hendrycks & Gimpel 2017, arXiv:1610.02136)."""
    return checked_probabilities(probabilities).max(axis=1)


def second_guess(probabilities: ArrayLike) -> tuple[Integers, Floats]:
    """Return the second most probable digit, int64 (n,), and its probability, float64 (n,)."""
    rest = checked_probabilities(probabilities).copy()
    images = np.arange(len(rest))
    rest[images, rest.argmax(axis=1)] = -1
    digits = rest.argmax(axis=1)
    return digits, rest[images, digits]


def cross_entropy(labels: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Return each image's loss in nats, float64 (n,): −log p_y, with p_y as in `positive_probabilities`.

    Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.2. The mean is the loss that training
    reports.
    """
    labels = checked_digits("labels", labels)
    kept = positive_probabilities(probabilities, length=len(labels))
    return -np.log(kept[np.arange(len(labels)), labels])


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike) -> Integers:
    """Return the counts, int64 (10, 10): C[i, j] images of label i have prediction j (as in scikit-learn)."""
    labels = checked_digits("labels", labels)
    predictions = checked_digits("predictions", predictions, length=len(labels))
    return np.bincount(labels * DIGITS + predictions, minlength=DIGITS**2).reshape(DIGITS, DIGITS)


def normalised_by_label(matrix: ArrayLike) -> Floats:
    """Return C[i, j] / Σ_j C[i, j], float64 (10, 10): shares of each label, all 0 where it has no images."""
    counts = checked_matrix(matrix)
    return np.nan_to_num(share(counts, counts.sum(axis=1, keepdims=True)))


def checked_matrix(matrix: ArrayLike) -> Integers:
    """Return `matrix` as an array, or raise ValueError if it is not counts (10, 10)."""
    counts = np.asarray(matrix)
    if counts.shape != (DIGITS, DIGITS) or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ValueError(f"matrix must be counts (10, 10), rows are labels; got {counts.dtype} {counts.shape}.")
    return counts.astype(np.int64, copy=False)


@dataclass(frozen=True, eq=False)
class PerDigit:
    """Arrays (10,), one entry a digit: three fractions (nan where undefined) and the support, a count."""

    precision: Floats
    recall: Floats
    f1: Floats
    support: Integers


def per_digit(matrix: ArrayLike) -> PerDigit:
    """Return precision, recall, F1 and support of each digit from a confusion matrix.

    P = TP / (TP + FP), R = TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979, Information
    Retrieval, chapter 7). Zero division gives nan: the digit was never predicted (P), never there (R),
    neither (F1).
    """
    counts = checked_matrix(matrix)
    hits, predicted, support = np.diagonal(counts), counts.sum(axis=0), counts.sum(axis=1)
    return PerDigit(
        precision=share(hits, predicted),
        recall=share(hits, support),
        f1=share(2 * hits, predicted + support),
        support=support,
    )


@dataclass(frozen=True)
class ConfusedPair:
    """`count` images of `label` were read as `prediction`, another digit."""

    label: int
    prediction: int
    count: int


def worst_pairs(matrix: ArrayLike, *, limit: int | None = None) -> list[ConfusedPair]:
    """Return the pairs that occurred, most frequent first (then by label and prediction), at most `limit`."""
    mistakes = checked_matrix(matrix).copy()
    np.fill_diagonal(mistakes, 0)
    order = np.argsort(-mistakes, axis=None, kind="stable")[: np.count_nonzero(mistakes)][:limit]
    return [ConfusedPair(int(k // DIGITS), int(k % DIGITS), int(mistakes.flat[k])) for k in order]


@dataclass(frozen=True, eq=False)
class LearningHistory:
    """When each image was learned; epochs count from 1, and 0 means "not".

    Attributes
    ----------
    right : bool (epochs, n), whether the prediction was right after each epoch.
    first_learned_epoch : int64 (n,), the first epoch that was right; 0 for never.
    settled_epoch : int64 (n,), the epoch from which it stayed right to the end; 0 if wrong at the end.
    learned_last : int64, indices of all that are right at the end, latest settled first, then by index.
    forgotten : int64, indices right at some epoch and wrong at the end.
    never_right : int64, indices that no epoch had right.
    """

    right: Mask
    first_learned_epoch: Integers
    settled_epoch: Integers
    learned_last: Integers
    forgotten: Integers
    never_right: Integers


def predictions_over_epochs(epochs: Iterable[ArrayLike]) -> Integers:
    """Return the predictions of every epoch, int64 (epochs, n).

    `epochs` gives, for each epoch, probabilities (n, 10) or predictions (n,): an array (epochs, n, 10) or
    (epochs, n), a list, or a generator that loads one epoch at a time. Two probabilities that float16
    cannot tell apart count as a tie. Raises ValueError without an epoch or if the epochs differ in their
    number of images.
    """
    rows: list[Integers] = []
    for number, epoch in enumerate(map(np.asarray, epochs), start=1):
        name = f"the predictions of epoch {number}"
        row = predicted_digits(epoch) if epoch.ndim == 2 else checked_digits(name, epoch)
        if rows and len(row) != len(rows[0]):
            raise ValueError(f"Epoch {number} has {len(row)} images, epoch 1 has {len(rows[0])}.")
        rows.append(row)
    if not rows:
        raise ValueError("There are no predictions yet: the history needs at least one epoch.")
    return np.stack(rows)


def learning_history(labels: ArrayLike, epochs: Iterable[ArrayLike]) -> LearningHistory:
    """Return which images were learned last, forgotten or never right.

    `epochs` and errors are as in `predictions_over_epochs`. Toneva et al. 2019 (arXiv:1812.05159) count every
    change from right to wrong as forgetting; here an image is forgotten if it is wrong at the end.
    """
    predictions = predictions_over_epochs(epochs)
    right = predictions == checked_digits("labels", labels, length=predictions.shape[1])
    ever = right.any(axis=0)
    first_learned_epoch = np.where(ever, right.argmax(axis=0) + 1, 0)
    backwards_wrong = ~right[::-1]
    right_at_the_end = np.where(right.all(axis=0), len(right), backwards_wrong.argmax(axis=0))
    settled_epoch = np.where(right[-1], len(right) - right_at_the_end + 1, 0)
    by_settled = np.argsort(-settled_epoch, kind="stable")
    return LearningHistory(
        right=right,
        first_learned_epoch=first_learned_epoch,
        settled_epoch=settled_epoch,
        learned_last=by_settled[: np.count_nonzero(right[-1])],
        forgotten=np.flatnonzero(ever & ~right[-1]),
        never_right=np.flatnonzero(~ever),
    )


@dataclass(frozen=True)
class LabelError:
    """An MNIST test image whose label is in doubt: five people voted for `given`, `guess` or neither."""

    index: int
    given: int
    guess: int
    votes_given: int
    votes_guess: int
    votes_neither: int

    @property
    def corrected(self) -> int | None:
        """The digit that at least three of the five saw instead of the label, or None without one."""
        return self.guess if self.votes_guess >= 3 else None


LABEL_ERRORS_SOURCE = (
    "Northcutt, Athalye & Mueller 2021, Pervasive Label Errors in Test Sets Destabilize Machine Learning "
    "Benchmarks, arXiv:2103.14749; votes: github.com/cleanlab/label-errors, mturk/mnist_mturk.json"
)
KNOWN_LABEL_ERRORS = (
    LabelError(947, 8, 9, 0, 5, 0),
    LabelError(1621, 0, 6, 2, 3, 0),
    LabelError(1901, 9, 4, 2, 3, 0),
    LabelError(2130, 4, 9, 2, 2, 1),
    LabelError(2462, 2, 0, 0, 4, 1),
    LabelError(2597, 5, 3, 0, 4, 1),
    LabelError(2654, 6, 1, 0, 2, 3),
    LabelError(3520, 6, 4, 2, 0, 3),
    LabelError(3558, 5, 0, 1, 4, 0),
    LabelError(5937, 5, 3, 1, 3, 1),
    LabelError(6651, 0, 6, 0, 5, 0),
    LabelError(6783, 1, 6, 2, 3, 0),
    LabelError(8527, 4, 9, 2, 2, 1),
    LabelError(9679, 6, 3, 2, 0, 3),
    LabelError(9729, 5, 6, 2, 3, 0),
)
MNIST_TEST_IMAGES = 10_000


@dataclass(frozen=True)
class CorrectedAccuracy:
    """Accuracy with the labels as published, and on the `n` images that remain after correction."""

    official: float
    corrected: float
    n: int


def corrected_accuracy(labels: ArrayLike, predictions: ArrayLike) -> CorrectedAccuracy:
    """Return MNIST's test accuracy as published and with the fifteen known label errors corrected.

    Ten have a majority for another digit and get it; five (three "neither", two ties) are left out, so n =
    9,995 (votes of `LABEL_ERRORS_SOURCE`). Raises ValueError if the labels are not those of MNIST's test
    set, in its order.
    """
    labels = checked_digits("labels", labels)
    if len(labels) != MNIST_TEST_IMAGES or any(labels[e.index] != e.given for e in KNOWN_LABEL_ERRORS):
        raise ValueError("labels are not MNIST's 10,000 test labels in their order: its label errors do not apply.")
    corrected = labels.copy()
    for error in KNOWN_LABEL_ERRORS:
        corrected[error.index] = -1 if error.corrected is None else error.corrected
    official = accuracy(labels, predictions)
    kept = corrected >= 0
    after_correction = accuracy(corrected[kept], np.asarray(predictions)[kept])
    return CorrectedAccuracy(official=official, corrected=after_correction, n=int(np.count_nonzero(kept)))
