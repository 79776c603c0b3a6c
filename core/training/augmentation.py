"""Images changed as people's digits differ: shifted, turned, stretched, bent, and written with another pen.

A warp moves every pixel along a smooth field, a sum of simple functions over the image: 1, x and y make shift,
rotation, scale and shear, and cosine waves bend what is left (elastic distortion after Simard, Steinkraus and Platt,
2003, with waves in place of smoothed noise). So a warp is a few numbers an image, and one matrix product makes all the
fields. The pen comes first: thicker by the brightest neighbour, thinner by the darkest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE

WAVES = 4  # half waves across the image that the finest of the fields has
SHIFT = 1.0  # pixels, either way; all of these are the ends of a uniform distribution
ROTATION = 8.0  # degrees
SCALE = 0.08  # of the logarithm of the size
ASPECT = 0.1  # of the logarithm of height over width
SHEAR = 0.1
PEN = 0.8  # of the way to the neighbours' brightest or darkest
BEND = 0.3  # pixels, the standard deviation of each wave


def _functions() -> np.ndarray:
    """Float32 (k, 784): 1, x, y, then the waves; x and y run from -1 to 1."""
    place = np.linspace(-1, 1, IMAGE_SIDE)
    waves = [np.cos(np.pi * n * (place + 1) / 2) for n in range(WAVES + 1)]
    down, across = np.meshgrid(place, place, indexing="ij")
    bends = [np.outer(waves[i], waves[j]) for i in range(WAVES + 1) for j in range(WAVES + 1) if 2 <= i + j <= WAVES]
    return np.stack([np.ones_like(across), across, down, *bends]).reshape(-1, IMAGE_SIDE**2).astype(np.float32)


FUNCTIONS = _functions()


@dataclass(frozen=True, eq=False)
class Warps:
    """One change for each of n images.

    Attributes:
        fields: float32 (n, 2, k), how much of each of `FUNCTIONS` moves the pixels across and down, in pixels.
        pens: float32 (n,), -1 to 1: below 0 thinner, above 0 thicker.
    """

    fields: np.ndarray
    pens: np.ndarray


def draw_warps(random: np.random.Generator, count: int) -> Warps:
    """Warps for `count` images, drawn uniformly from this module's ranges."""

    def between(end: float) -> np.ndarray:
        return random.uniform(-end, end, count)

    angle, shear = np.deg2rad(between(ROTATION)), between(SHEAR)
    across = np.exp(between(SCALE))
    down = across * np.exp(between(ASPECT))
    cos, sin, half = np.cos(angle), np.sin(angle), (IMAGE_SIDE - 1) / 2
    fields = np.empty((count, 2, len(FUNCTIONS)), np.float32)
    fields[:, :, 0] = np.stack([between(SHIFT), between(SHIFT)], axis=1)
    fields[:, 0, 1] = half * (cos * across - 1)
    fields[:, 0, 2] = half * (cos * shear - sin) * down
    fields[:, 1, 1] = half * sin * across
    fields[:, 1, 2] = half * ((sin * shear + cos) * down - 1)
    fields[:, :, 3:] = random.normal(0, BEND, fields[:, :, 3:].shape)
    return Warps(fields, between(PEN).astype(np.float32))


@tf.function(jit_compile=True)
def warp(images: tf.Tensor, fields: tf.Tensor, pens: tf.Tensor) -> tf.Tensor:
    """Images uint8 (n, 28, 28), changed by the warps' arrays; what comes from outside is background."""
    pixels = tf.cast(images, tf.float32)
    thick, thin = _of_neighbours(tf.maximum, pixels), _of_neighbours(tf.minimum, pixels)
    pens = pens[:, None, None]
    pixels += tf.maximum(pens, 0.0) * (thick - pixels) + tf.minimum(pens, 0.0) * (pixels - thin)

    moved = tf.einsum("nck,kp->cnp", fields, FUNCTIONS)
    down, across = np.indices(IMAGE_SHAPE).reshape(2, -1).astype(np.float32)
    x, y = (tf.clip_by_value(moved[axis] + at, -1.0, IMAGE_SIDE) for axis, at in enumerate((across, down)))
    left, top = tf.floor(x), tf.floor(y)
    x, y = x - left, y - top
    width = IMAGE_SIDE + 3  # one pixel of background before the image and two behind it
    flat = tf.reshape(tf.pad(pixels, [[0, 0], [1, 2], [1, 2]]), [-1])
    first = width * width * tf.range(tf.shape(images)[0])[:, None]
    corner = first + width * (tf.cast(top, tf.int32) + 1) + tf.cast(left, tf.int32) + 1

    def at(offset: int) -> tf.Tensor:
        return tf.gather(flat, corner + offset)

    upper = at(0) * (1 - x) + at(1) * x
    lower = at(width) * (1 - x) + at(width + 1) * x
    changed = upper * (1 - y) + lower * y
    return tf.reshape(tf.cast(changed + 0.5, tf.uint8), [-1, IMAGE_SIDE, IMAGE_SIDE])


def _of_neighbours(most: Callable, pixels: tf.Tensor) -> tf.Tensor:
    """The maximum or minimum of each pixel and its eight neighbours, float32 (n, 28, 28): rows, then columns.

    By shifted copies, since XLA runs a pooling layer's window pixel by pixel, five times slower here.
    """
    around = tf.pad(pixels, [[0, 0], [1, 1], [1, 1]], "SYMMETRIC")
    rows = most(most(around[:, :-2], around[:, 1:-1]), around[:, 2:])
    return most(most(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:])
