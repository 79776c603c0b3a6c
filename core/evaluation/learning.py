"""When each image was learned, from what every epoch predicted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.metrics import DIGITS, Integers, Mask, checked_digits, predicted_digits


@dataclass(frozen=True, eq=False)
class LearningHistory:
    """When each image was learned; epochs count from 1, and 0 means "not".

    Attributes
    ----------
    right : bool (epochs, n), whether the prediction was right after each epoch.
    first_learned_epoch : int64 (n,), the first epoch that was right; 0 for never.
    settled_epoch : int64 (n,), the epoch from which it stayed right to the end; 0 if wrong at the end.
    forgotten : int64, indices right at some epoch and wrong at the end.
    never_right : int64, indices that no epoch had right.
    """

    right: Mask
    first_learned_epoch: Integers
    settled_epoch: Integers
    forgotten: Integers
    never_right: Integers


def predictions_over_epochs(epochs: Iterable[ArrayLike], classes: int = DIGITS) -> Integers:
    """Return the predictions of every epoch, int64 (epochs, n).

    `epochs` gives, for each epoch, probabilities (n, classes) or predictions (n,): an array (epochs, n, classes) or
    (epochs, n), a list, or a generator that loads one epoch at a time. Two probabilities that float16
    cannot tell apart count as a tie. Raises ValueError without an epoch or if the epochs differ in their
    number of images.
    """
    rows: list[Integers] = []
    for number, epoch in enumerate(map(np.asarray, epochs), start=1):
        name = f"the predictions of epoch {number}"
        row = predicted_digits(epoch) if epoch.ndim == 2 else checked_digits(name, epoch, classes=classes)
        if rows and len(row) != len(rows[0]):
            raise ValueError(f"Epoch {number} has {len(row)} images, epoch 1 has {len(rows[0])}.")
        rows.append(row)
    if not rows:
        raise ValueError("There are no predictions yet: the history needs at least one epoch.")
    return np.stack(rows)


def learning_history(labels: ArrayLike, epochs: Iterable[ArrayLike], classes: int = DIGITS) -> LearningHistory:
    """Return when each image was learned, and which were forgotten or never right.

    `labels` are (n,), and `epochs` gives the probabilities or predictions of each epoch to `predictions_over_epochs`,
    which raises ValueError for invalid ones. Toneva et al. 2019 (arXiv:1812.05159) count every change from right to
    wrong as forgetting; here an image is forgotten if it was right after some epoch and is wrong at the end.
    """
    predictions = predictions_over_epochs(epochs, classes)
    right = predictions == checked_digits("labels", labels, length=predictions.shape[1], classes=classes)
    ever = right.any(axis=0)
    first_learned_epoch = np.where(ever, right.argmax(axis=0) + 1, 0)
    backwards_wrong = ~right[::-1]
    right_at_the_end = np.where(right.all(axis=0), len(right), backwards_wrong.argmax(axis=0))
    settled_epoch = np.where(right[-1], len(right) - right_at_the_end + 1, 0)
    return LearningHistory(
        right=right,
        first_learned_epoch=first_learned_epoch,
        settled_epoch=settled_epoch,
        forgotten=np.flatnonzero(ever & ~right[-1]),
        never_right=np.flatnonzero(~ever),
    )
