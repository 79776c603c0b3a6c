"""A fixed set of changes to digits, each in three strengths, to see what a network still reads.

In the manner of MNIST-C (Mu & Gilmer 2019, arXiv:1906.02337), which changes MNIST's test images; thinner and thicker
strokes follow Morpho-MNIST (Castro et al. 2019, arXiv:1809.10780). What is left to chance (a direction, a place,
noise) is drawn from each change's own seed: an image is changed alike each time, whichever images and changes come
after it, and goes the same way in all strengths. A new change is one entry in `CORRUPTIONS`, anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE

if TYPE_CHECKING:
    from scipy import sparse

STRENGTHS = (1, 2, 3)
STRENGTH_NAMES = {0: "unchanged", 1: "weak", 2: "medium", 3: "strong"}
VERSION = 1  # raise it when a change does something else than before: what was measured is then out of date
_SEED = 20190606
_CHUNK = 10_000  # images at once: bounds the memory, about 100 MB


@dataclass(frozen=True)
class Corruption:
    """One way to change a digit.

    Attributes:
        name: what it is called, in files too.
        sentence: what it does, with a place for the amount.
        amounts: how much, for the strengths 1, 2 and 3.
        unit: of the amounts, as it is written behind them.
        apply: float32 (n, 28, 28) in 0 to 255, an amount and a random generator in; the same shape out.
        seed: of its random generator; no two changes share one.
    """

    name: str
    sentence: str
    amounts: tuple[float, float, float]
    unit: str
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    seed: int

    def describe(self, strength: int) -> str:
        """What strength 1, 2 or 3 does, as a sentence."""
        return self.sentence.format(self.amounts[strength - 1])

    def describe_all(self) -> str:
        """What it does in all strengths, as a sentence."""
        weak, medium, strong = self.amounts
        return self.sentence.format(f"{weak}, {medium} or {strong}")

    @property
    def amounts_in_words(self) -> str:
        """The amounts of all strengths with their unit: "15, 30, 45°"."""
        return ", ".join(map(str, self.amounts)) + self.unit


def corrupt(images: np.ndarray, name: str, strength: int) -> np.ndarray:
    """Return `images` under the change `name`; strength 0 leaves them as they are.

    Args:
        images: uint8 (n, 28, 28), 0 is background.
        name: one of `CORRUPTIONS`.
        strength: 0 to 3.

    Returns:
        uint8 (n, 28, 28), a new array.

    Raises:
        ValueError: for other arrays, names or strengths.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != IMAGE_SHAPE:
        raise ValueError("images must be a uint8 array (n, 28, 28).")
    if name not in CORRUPTIONS or strength not in (0, *STRENGTHS):
        raise ValueError(f"There is no change {name!r} of strength {strength!r}.")
    if strength == 0:
        return images.copy()
    change = CORRUPTIONS[name]
    random = np.random.default_rng([_SEED, change.seed])
    result = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        pixels = images[start : start + _CHUNK].astype(np.float32)
        pixels = change.apply(pixels, change.amounts[strength - 1], random)
        result[start : start + _CHUNK] = np.clip(np.rint(pixels), 0, 255)
    return result


def _shift(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    by, result = int(pixels), np.zeros_like(images)
    way = random.integers(0, 4, len(images))
    for number, (down, right) in enumerate(((by, 0), (-by, 0), (0, by), (0, -by))):
        chosen = way == number
        to = (slice(max(0, down), IMAGE_SIDE + min(0, down)), slice(max(0, right), IMAGE_SIDE + min(0, right)))
        source = (slice(max(0, -down), IMAGE_SIDE + min(0, -down)), slice(max(0, -right), IMAGE_SIDE + min(0, -right)))
        result[(chosen, *to)] = images[(chosen, *source)]
    return result


def _rotate(images: np.ndarray, degrees: float, random: np.random.Generator) -> np.ndarray:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return _either_way(images, ((cosine, sine, -sine, cosine), (cosine, -sine, sine, cosine)), random)


def _scale(images: np.ndarray, percent: float, random: np.random.Generator) -> np.ndarray:
    return warped(images, (100 / percent, 0, 0, 100 / percent))


def _shear(images: np.ndarray, percent: float, random: np.random.Generator) -> np.ndarray:
    return _either_way(images, ((1, 0, percent / 100, 1), (1, 0, -percent / 100, 1)), random)


def _noise(images: np.ndarray, percent: float, random: np.random.Generator) -> np.ndarray:
    return images + 2.55 * percent * random.standard_normal(images.shape, np.float32)


def _blur(images: np.ndarray, sigma: float, random: np.random.Generator) -> np.ndarray:
    from scipy import ndimage

    return ndimage.gaussian_filter(images, sigma, mode="constant", axes=(1, 2))


def _brighten(images: np.ndarray, percent: float, random: np.random.Generator) -> np.ndarray:
    return images + 2.55 * percent


def _thin(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    """Erode by a square, at twice the resolution, so that half pixels count."""
    from scipy import ndimage

    return _morphed(ndimage.minimum_filter, images, pixels)


def _thicken(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    """Dilate the strokes by a square of so many pixels."""
    from scipy import ndimage

    return _morphed(ndimage.maximum_filter, images, pixels)


def _occlude(images: np.ndarray, side: float, random: np.random.Generator) -> np.ndarray:
    """Blacken a square whose centre lies in the middle 14×14 pixels, where there is ink."""
    centre = random.uniform(7, 21, (len(images), 2))
    hidden = np.abs(np.arange(IMAGE_SIDE) + 0.5 - centre[:, :, np.newaxis]) < side / 2
    return np.where(hidden[:, 0, :, np.newaxis] & hidden[:, 1, np.newaxis, :], 0, images)


def warped(images: np.ndarray, inverse: tuple[float, float, float, float]) -> np.ndarray:
    """Return `images`, float32 (n, 28, 28), under an affine map about their middle.

    `inverse` is the 2×2 matrix, row by row, that leads from a place (row, column) in the result to its place in the
    image, both measured from the middle. Bilinear; background outside. A warp is the same linear map of 784 pixels
    for every image, so all are one product with a sparse matrix.
    """
    flat = np.ascontiguousarray(images.reshape(len(images), IMAGE_SIDE**2).T)  # said, as there may be no image
    return np.ascontiguousarray((_warp_matrix(inverse) @ flat).T).reshape(images.shape)


@lru_cache(maxsize=32)
def _warp_matrix(inverse: tuple[float, float, float, float]) -> sparse.csr_array:
    from scipy import sparse

    middle = (IMAGE_SIDE - 1) / 2
    places = np.indices(IMAGE_SHAPE).reshape(2, -1)
    source = np.reshape(inverse, (2, 2)) @ (places - middle) + middle
    corner = np.floor(source).astype(int)
    part = source - corner
    results, sources, weights = [], [], []
    for step in ((0, 0), (0, 1), (1, 0), (1, 1)):
        row, column = corner + np.reshape(step, (2, 1))
        weight = np.prod([part[axis] if step[axis] else 1 - part[axis] for axis in (0, 1)], axis=0)
        inside = (row >= 0) & (row < IMAGE_SIDE) & (column >= 0) & (column < IMAGE_SIDE) & (weight > 0)
        results.append(np.flatnonzero(inside))
        sources.append((row * IMAGE_SIDE + column)[inside])
        weights.append(weight[inside].astype(np.float32))
    entries = (np.concatenate(weights), (np.concatenate(results), np.concatenate(sources)))
    return sparse.csr_array(entries, shape=(IMAGE_SIDE**2, IMAGE_SIDE**2))


def _either_way(images: np.ndarray, inverses: tuple, random: np.random.Generator) -> np.ndarray:
    way, result = random.integers(0, 2, len(images)), np.empty_like(images)
    for number, inverse in enumerate(inverses):
        result[way == number] = warped(images[way == number], inverse)
    return result


def _morphed(extreme: Callable, images: np.ndarray, pixels: float) -> np.ndarray:
    double = images.astype(np.uint8).repeat(2, axis=1).repeat(2, axis=2)
    double = extreme(double, size=1 + round(2 * pixels), mode="constant", axes=(1, 2))
    return double.reshape(-1, IMAGE_SIDE, 2, IMAGE_SIDE, 2).mean(axis=(2, 4), dtype=np.float32)


CORRUPTIONS = {
    change.name: change
    for change in (
        Corruption("shift", "Moved up, down or aside by {} pixels.", (2, 4, 6), " px", _shift, seed=0),
        Corruption("rotate", "Turned by {}°, left or right.", (15, 30, 45), "°", _rotate, seed=1),
        Corruption("scale", "Made smaller, to {} % of its size.", (80, 65, 50), " %", _scale, seed=2),
        Corruption("shear", "Slanted by {} % of its height.", (25, 50, 75), " %", _shear, seed=3),
        Corruption("noise", "Gaussian noise of {} % of full ink.", (15, 30, 45), " %", _noise, seed=4),
        Corruption("blur", "Blurred by a Gaussian of {} pixels.", (1, 1.5, 2), " px", _blur, seed=5),
        Corruption("brightness", "Brighter by {} % of full ink.", (15, 30, 45), " %", _brighten, seed=6),
        Corruption("thin", "Strokes thinner by about {} pixels.", (0.5, 1, 1.5), " px", _thin, seed=7),
        Corruption("thick", "Strokes thicker by about {} pixels.", (1, 2, 3), " px", _thicken, seed=8),
        Corruption("occlusion", "A square hidden, {} pixels wide.", (6, 9, 12), " px", _occlude, seed=9),
    )
}
