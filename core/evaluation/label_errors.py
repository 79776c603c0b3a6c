"""MNIST's test labels that are known to be wrong, and accuracy once they are corrected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.metrics import accuracy, checked_digits


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
ERRORS_BY_INDEX = {error.index: error for error in KNOWN_LABEL_ERRORS}
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
