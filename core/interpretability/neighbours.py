"""The images that lie nearest in a hidden layer."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from core.predictor import Predictor

BLOCK = 4096  # rows whose distances are computed at once


def nearest(
    hidden_train: np.ndarray, hidden_image: np.ndarray, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows of `hidden_train` (n, d) nearest to `hidden_image` (d,): indices and distances, nearest first.

    Plain Euclidean distance ‖h_i - h‖₂ of the activations as they are, not of their directions: the scores of the
    digits are w·h + b, so no score differs by more than ‖w‖ · ‖h_i - h‖ (Cauchy & Schwarz) between neighbours.
    They are near for this network's last decision, whatever they look like. The idea is that of Papernot & McDaniel
    2018 (arXiv:1803.04765). Of equal distances the lower index is first; fewer than `k` where n is less.

    Raises:
        ValueError: where the shapes do not fit each other or k is less than 1.
    """
    if hidden_train.ndim != 2 or hidden_image.shape != hidden_train.shape[1:]:
        raise ValueError(
            f"hidden_train (n, d) and hidden_image (d,) are wanted, but came as {hidden_train.shape} and "
            f"{hidden_image.shape}."
        )
    if k < 1:
        raise ValueError(f"k must be 1 or more, but came as {k}.")
    k = min(k, len(hidden_train))
    if k == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    squares = np.empty(len(hidden_train), np.result_type(hidden_train, hidden_image))
    for first in range(0, len(hidden_train), BLOCK):  # not a second array as large as the first
        apart = hidden_train[first : first + BLOCK] - hidden_image
        squares[first : first + BLOCK] = np.einsum("ij,ij->i", apart, apart)
    close = np.flatnonzero(squares <= np.partition(squares, k - 1)[k - 1])
    order = close[np.argsort(squares[close], kind="stable")][:k]
    return order, np.sqrt(squares[order].astype(np.float64))


STEP = 1_000  # training images between two looks at the progress bar
MOST_NUMBERS = 2**24  # of a hidden layer in memory, 64 MB: all 60,000 images of a layer of up to 279 units


class HiddenLayer:
    """The last hidden layer of the images that a run learned from, computed step by step.

    Any session may do the next step, and a page that is left in the middle loses nothing.
    """

    def __init__(self, model: Predictor, images: np.ndarray) -> None:
        self._model = model
        self._images = images
        self._lock = threading.Lock()
        self._values: np.ndarray | None = None
        self._done = 0

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return self._done / len(self._images) if len(self._images) else 1.0

    @property
    def values(self) -> np.ndarray:
        """Float32 (n, d), whole once `progress` is 1."""
        return self._values if self._values is not None else np.zeros((0, 0), np.float32)

    def step(self) -> None:
        """Do the next thousand images."""
        with self._lock:
            chunk = self._model.hidden(self._images[self._done : self._done + STEP])
            if self._values is None:
                self._images = self._images[: MOST_NUMBERS // chunk.shape[1]]
                self._values = np.empty((len(self._images), chunk.shape[1]), np.float32)
            room = self._values[self._done : self._done + STEP]
            room[:] = chunk[: len(room)]
            self._done += len(room)
