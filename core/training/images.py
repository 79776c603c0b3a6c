"""The training images as the steps take them, batch by batch: as they are, or augmented anew in every epoch."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import tensorflow as tf

from core.training.augmentation import draw_warps, warp

WARPED_AT_ONCE = 1024  # images: few enough that the loop can report in between
_AHEAD = ThreadPoolExecutor(1)  # warps the next images while the steps train on these, which XLA does in one thread


class TrainingImages(Protocol):
    """Training images, uint8 (n, 28, 28), that a compiled step takes batches of."""

    def begin_epoch(self, order: np.ndarray, random: np.random.Generator, done: int) -> None:
        """Begin or continue an epoch.

        Args:
            order: int32 (n,), the order of the images in this epoch.
            random: decides the augmentation of this epoch; at its beginning.
            done: how many images of this epoch were trained before.
        """

    def prepare(self, until: int) -> None:
        """Get this epoch's images ready, up to the one at `until` in its order, or more."""

    def batch(self, chosen: tf.Tensor, first: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
        """Images uint8 (size, 28, 28) in the graph of a step: those numbered `chosen`, at `first` in the order."""


class PlainImages:
    """Training images as they are."""

    def __init__(self, images: np.ndarray) -> None:
        self._images = share(images)

    def begin_epoch(self, order: np.ndarray, random: np.random.Generator, done: int) -> None:
        """Nothing is to be done: images do not depend on the epoch."""

    def prepare(self, until: int) -> None:
        """Nothing is to be done: all images are ready."""

    def batch(self, chosen: tf.Tensor, first: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
        """Images uint8 (size, 28, 28), those numbered `chosen`."""
        return tf.gather(self._images, chosen)


MOST_SHARED = 2  # arrays, those that were used last
_shared: list[tuple[np.ndarray, tf.Tensor]] = []


def share(images: np.ndarray) -> tf.Tensor:
    """The images as a tensor, or more that begin with them: one for all trainings of this process on the same ones."""
    known = [each for each in _shared if len(each[0]) >= len(images) and _begin_alike(each[0], images)]
    last = known[0] if known else (images, tf.constant(images))
    _shared[:] = [*(each for each in _shared if each is not last), last][-MOST_SHARED:]
    return last[1]


def forget(images: np.ndarray) -> None:
    """Let go of the tensor of these images, once no training uses it."""
    _shared[:] = [each for each in _shared if each[0] is not images]


def _begin_alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays begin at the same place in memory, with the same steps and kind of numbers."""
    return (one.ctypes.data, one.strides, one.dtype) == (other.ctypes.data, other.strides, other.dtype)


class AugmentedImages:
    """Training images, each warped differently in every epoch (core.training.augmentation), a little ahead of its step.

    What was warped is kept in the epoch's order, in one variable that the compiled step reads.
    """

    def __init__(self, images: np.ndarray) -> None:
        self._images = images
        self._warped = tf.Variable(images, trainable=False)
        self._ready = 0  # how many of the epoch's images are warped
        self._parts: deque[Future[tuple[int, tf.Tensor]]] = deque()  # of this epoch, from those on

    def begin_epoch(self, order: np.ndarray, random: np.random.Generator, done: int) -> None:
        """Draw this epoch's warps, one for each image; those that were trained before are not warped again."""
        self._order, self._warps, self._ready = order, draw_warps(random, len(order)), done
        while self._parts:
            self._parts.pop().cancel()

    def prepare(self, until: int) -> None:
        """Warp the images up to the one at `until`, always as many at once, since XLA compiles for each size."""
        count = len(self._images)
        size = min(WARPED_AT_ONCE, count)
        while self._ready < min(until, count):
            if not self._parts:
                firsts = (min(first, count - size) for first in range(self._ready, count, size))
                self._parts.extend(_AHEAD.submit(self._part, first, size) for first in firsts)
            first, warped = self._parts.popleft().result()
            self._ready = first + size
            self._warped.scatter_update(tf.IndexedSlices(warped, tf.range(first, self._ready)))

    def _part(self, first: int, size: int) -> tuple[int, tf.Tensor]:
        part = slice(first, first + size)
        return first, warp(self._images[self._order[part]], self._warps.fields[part], self._warps.pens[part])

    def batch(self, chosen: tf.Tensor, first: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
        """Images uint8 (size, 28, 28), warped, those at `first` in this epoch's order."""
        return tf.gather(self._warped, first + tf.range(size))  # a slice would copy all of them
