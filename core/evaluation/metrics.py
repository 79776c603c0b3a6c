"""Metrics of a run's predictions: plain functions on arrays, without TensorFlow, Streamlit or pandas.

`labels` and `predictions` are integers (n,), 0 to 9, or below the number of other `classes`; `probabilities` are floats
(n, classes), ten for digits, whose rows sum to 1 (not the raw outputs of a sigmoid layer), of any float type;
arithmetic is in float64. Invalid arguments raise ValueError. Without images, counts are 0 and shares are nan.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.data.classes import DIGITS as NAMES
from core.data.classes import LEAST_CLASSES, MOST_CLASSES

DIGITS = len(NAMES)
SMALLEST_PROBABILITY = 1e-12
NORMAL_95 = 1.959963984540054  # within so many standard deviations lie 95 % of a normal distribution
ROW_SUM_TOLERANCE = 5e-3  # float16 rounds a row's sum by up to 5e-4; forgotten normalisation is far beyond

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def checked_digits(name: str, values: ArrayLike, *, length: int | None = None, classes: int = DIGITS) -> Integers:
    """Return `values`, numbers of classes, as int64 (n,), or raise ValueError that says what is wrong with them."""
    digits = np.asarray(values)
    if digits.ndim != 1:
        raise ValueError(f"{name} must have one digit per image, shape (n,); got shape {digits.shape}.")
    if length is not None and len(digits) != length:
        raise ValueError(f"{name} must have one entry for each of the {length} images; got {len(digits)}.")
    if not digits.size:
        return digits.astype(np.int64)
    if digits.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers; got {digits.dtype}.")
    if digits.min() < 0 or digits.max() >= classes:
        what = "digits" if classes == DIGITS else "classes"
        raise ValueError(f"{name} must be {what} from 0 to {classes - 1}; got {digits.min()} to {digits.max()}.")
    return digits.astype(np.int64, copy=False)


def checked_probabilities(probabilities: ArrayLike, *, length: int | None = None, classes: int | None = None) -> Floats:
    """Return `probabilities` as float64 (n, classes), or raise ValueError that says what is wrong with them."""
    given = np.asarray(probabilities)
    least, most = (LEAST_CLASSES, MOST_CLASSES) if classes is None else (classes, classes)
    if given.ndim != 2 or not least <= given.shape[1] <= most or given.dtype.kind != "f":
        wanted = f"{least} to {most}" if least < most else str(least)
        raise ValueError(f"probabilities must be floats (n, {wanted}); got {given.dtype} {given.shape}.")
    if length is not None and len(given) != length:
        raise ValueError(f"probabilities must have a row for each of the {length} images; got {len(given)}.")
    checked = given.astype(np.float64, copy=False)
    if not checked.size:
        return checked
    if np.isnan(checked).any():
        rows = int(np.isnan(checked).any(axis=1).sum())
        raise ValueError(f"probabilities must be numbers; {rows} of {len(checked)} images have NaN.")
    if checked.min() < 0 or np.abs(checked @ np.ones(checked.shape[1]) - 1).max() > ROW_SUM_TOLERANCE:
        raise ValueError("probabilities must be 0 or more and sum to 1 for each image.")
    return checked


def positive_probabilities(probabilities: ArrayLike, *, length: int | None = None) -> Floats:
    """Return checked probabilities (n, classes) with a floor, so that their logarithm is finite.

    The floor is 1e-12, or what the array's own type cannot tell from 0 (6e-8 for float16) if that is more.
    """
    checked = checked_probabilities(probabilities, length=length)
    smallest_of_type = float(np.finfo(np.asarray(probabilities).dtype).smallest_subnormal)
    return np.maximum(checked, max(SMALLEST_PROBABILITY, smallest_of_type))


def share(part: ArrayLike, whole: ArrayLike) -> Floats:
    """Return part / whole, nan where whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)


def accuracy(labels: ArrayLike, predictions: ArrayLike, classes: int = DIGITS) -> float:
    """Return the fraction of images whose prediction is their label, 0 to 1; nan without images."""
    labels = checked_digits("labels", labels, classes=classes)
    right = labels == checked_digits("predictions", predictions, length=len(labels), classes=classes)
    return float(share(right.sum(), len(right)))


def wilson_interval(right: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy, two fractions, for `right` of so many images; (0, 1) without images.

    Wilson 1927, Journal of the American Statistical Association 22; recommended over p ± 1.96 σ by Brown, Cai &
    DasGupta 2001, Statistical Science 16(2). It tells how far chance in the choice of test images reaches; another seed
    of training is not in it. Raises ValueError unless 0 ≤ right ≤ images.
    """
    if not 0 <= right <= images:
        raise ValueError(f"right must be from 0 to the {images} images; got {right}.")
    if not images:
        return 0.0, 1.0
    share_right, squared = right / images, NORMAL_95**2
    middle = share_right + squared / (2 * images)
    reach = NORMAL_95 * np.sqrt(share_right * (1 - share_right) / images + squared / (4 * images**2))
    low, high = ((middle + sign * reach) / (1 + squared / images) for sign in (-1, 1))
    return max(0.0, float(low)), min(1.0, float(high))


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
    """Return each image's loss in nats, float64 (n,): −log p_y, with p_y floored by `positive_probabilities`.

    Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.2. The mean is the loss that training
    reports.
    """
    labels = checked_digits("labels", labels, classes=np.shape(probabilities)[-1])
    kept = positive_probabilities(probabilities, length=len(labels))
    return -np.log(kept[np.arange(len(labels)), labels])


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, classes: int = DIGITS) -> Integers:
    """Return the counts, int64 (classes, classes): C[i, j] images of label i have prediction j (as in scikit-learn)."""
    labels = checked_digits("labels", labels, classes=classes)
    predictions = checked_digits("predictions", predictions, length=len(labels), classes=classes)
    return np.bincount(labels * classes + predictions, minlength=classes**2).reshape(classes, classes)


def normalised_by_label(matrix: ArrayLike) -> Floats:
    """Return C[i, j] / Σ_j C[i, j], float64 (classes, classes): shares of each label, all 0 where it has no images."""
    counts = checked_matrix(matrix)
    return np.nan_to_num(share(counts, counts.sum(axis=1, keepdims=True)))


def checked_matrix(matrix: ArrayLike) -> Integers:
    """Return `matrix` as an array, or raise ValueError if it is not counts (classes, classes)."""
    counts = np.asarray(matrix)
    is_square = counts.ndim == 2 and LEAST_CLASSES <= counts.shape[0] == counts.shape[1] <= MOST_CLASSES
    if not is_square or counts.dtype.kind not in "iu" or counts.min() < 0:
        size = f"({counts.shape[0]}, {counts.shape[0]})" if counts.ndim == 2 else f"({DIGITS}, {DIGITS})"
        raise ValueError(f"matrix must be counts {size}, rows are labels; got {counts.dtype} {counts.shape}.")
    return counts.astype(np.int64, copy=False)


@dataclass(frozen=True, eq=False)
class PerDigit:
    """Arrays (classes,), one entry a digit or class: three fractions (nan where undefined) and the support, a count."""

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
    return [ConfusedPair(*divmod(int(k), len(mistakes)), int(mistakes.flat[k])) for k in order]
