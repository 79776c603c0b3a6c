"""Which predictions are shown, and in which order: a filter, its images, and the position of one among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.evaluation.label_errors import ERRORS_BY_INDEX
from core.evaluation.predictions import EpochPredictions, Predictions

SHOW = ("Mistakes", "Right", "All")
ORDERS = ("Least confident", "Most confident", "Highest loss", "Index", "Learned last")
ORDERS_IN_WORDS = {"Index": "by index", "Learned last": "last learned first"}
ONLY = ("Known label errors", "Forgotten", "Never right")


@dataclass(frozen=True)
class Filter:
    """Which images are shown and in which order; confidence in percent, both ends included."""

    show: str = "Mistakes"
    label: int | None = None
    prediction: int | None = None
    confidence: tuple[float, float] = (0, 100)
    only: str | None = None
    order: str = ORDERS[0]

    @property
    def needs_past(self) -> bool:
        """Whether it needs the predictions of earlier epochs."""
        return self.only in ("Forgotten", "Never right") or self.order == "Learned last"

    def __str__(self) -> str:
        parts = ["all images" if self.show == "All" else self.show.lower()]
        parts += [] if self.label is None else [f"label {self.label}"]
        parts += [] if self.prediction is None else [f"read as {self.prediction}"]
        low, high = self.confidence
        parts += [] if (low, high) == (0, 100) else [f"{low:.0f} to {high:.0f} % sure"]
        parts += [] if self.only is None else [self.only.lower()]
        parts += [ORDERS_IN_WORDS.get(self.order, f"{self.order.lower()} first")]
        return ", ".join(parts)


def matching(reading: Predictions, past: EpochPredictions | None, wanted: Filter) -> np.ndarray:
    """Indices of the images that match the filter, int64, in its order."""
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
        mask &= _mask(len(mask), list(ERRORS_BY_INDEX))
    elif wanted.only is not None:
        lists = {"Forgotten": past.history.forgotten, "Never right": past.history.never_right} if past else {}
        mask &= _mask(len(mask), lists.get(wanted.only, []))
    found = np.flatnonzero(mask)
    return found[np.argsort(_rank(reading, past, wanted.order)[found], kind="stable")]


def _rank(reading: Predictions, past: EpochPredictions | None, order: str) -> np.ndarray:
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


@dataclass(frozen=True)
class Place:
    """The position of an image among those that match the filter, and its neighbours there."""

    image: int
    found: np.ndarray
    previous: int | None
    next: int | None

    def page_of(self, image: int | None, size: int) -> int | None:
        """The gallery's page, from 1, that has `image`."""
        return None if image is None else int(np.flatnonzero(self.found == image)[0]) // size + 1


def place(found: np.ndarray, image: int) -> Place:
    """The position of `image`; where it does not match the filter, `next` is the filter's first image."""
    at = np.flatnonzero(found == image)
    if not len(at):
        return Place(image, found, None, int(found[0]) if len(found) else None)
    before, after = int(at[0]) - 1, int(at[0]) + 1
    previous = int(found[before]) if before >= 0 else None
    return Place(image, found, previous, int(found[after]) if after < len(found) else None)


def pages(found: np.ndarray, size: int) -> int:
    """The number of pages of `size` images, at least 1."""
    return max(1, -(-len(found) // size))
