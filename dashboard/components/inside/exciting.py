"""Which test images excite a unit most: read once for all layers, and kept for all sessions."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from weakref import WeakKeyDictionary

import numpy as np
from threadpoolctl import threadpool_limits

from core.data import Dataset
from core.interpretability.inside import IMAGES, Inside

COUNT = 16
MANY, FEW = 2_000, 1_000  # test images; few where an image takes many multiplications
HEAVY = 1_000_000
BATCH = 4  # whose numbers fit into the processor's cache
_known: WeakKeyDictionary[Inside, tuple[str, dict[str, np.ndarray]]] = WeakKeyDictionary()
_reading = threading.Lock()


def are_known(inside: Inside, digits: Dataset) -> bool:
    """Whether the answer is there at once."""
    return _known.get(inside, ("",))[0] == digits.fingerprint


def most_exciting(inside: Inside, digits: Dataset, name: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """The places in the test set of the images that excite a unit most, and the unit's number for each, largest first.

    Of a feature map the largest number anywhere in it counts.
    """
    with _reading:
        if not are_known(inside, digits):
            with one_thread():
                _known[inside] = digits.fingerprint, _strengths(inside, digits.x_test)
    column = _known[inside][1]["logits" if name == "output" else name][:, index]
    found = np.argsort(-column, kind="stable")[:COUNT]
    return found, column[found]


def _strengths(inside: Inside, images: np.ndarray) -> dict[str, np.ndarray]:
    """What each unit puts out for each image, at most over its map, float32 (n, units) by layer."""
    images = images[: FEW if inside.network.multiplications > HEAVY else MANY]
    found: dict[str, list[np.ndarray]] = {}
    for begin in range(0, len(images), BATCH):
        for name, values in inside.activations(images[begin : begin + BATCH]).items():
            if name != IMAGES:
                found.setdefault(name, []).append(values.max(axis=(1, 2)) if values.ndim == 4 else values)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def one_thread() -> AbstractContextManager:
    """Small matrices are multiplied by one thread: several wait for each other, long on a busy machine."""
    return threadpool_limits(1, user_api="blas")
