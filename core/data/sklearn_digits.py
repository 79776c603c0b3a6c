"""The 1,797 handwritten digits in scikit-learn, brought to MNIST's form, for machines without internet.

They are 8×8 counts of ink from 0 to 16 (E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten
Digits", UCI, 1998, https://doi.org/10.24432/C50P49). From so few pixels the strokes are not scaled but rendered anew,
into the box of MNIST's form (core.drawing.mnist_form), and their pen is set by the grey that becomes a stroke's edge.
"""

from __future__ import annotations

import numpy as np

from core.data.files import split_evenly
from core.drawing.mnist_form import BOX_SIDE, IMAGE_SHAPE, IMAGE_SIDE, shift_to_centre

COPIES = 7  # of each training digit; without them a network learns these 1,500 and reads MNIST badly
TEST_IMAGES = 297
SEED = 0

FINE = 8  # samples a source pixel
MARGIN = 2  # source pixels around the 8×8
SIDE = (8 + 2 * MARGIN) * FINE
INK = 0.15  # from here on a source pixel counts as written on
WINDOW = 22  # rendered pixels: the box, and a pixel on each side for the soft edge of its strokes
THRESHOLD = 0.6  # the grey that becomes the edge of a stroke: gives MNIST's mean ink
EDGE = 0.4  # the range of greys that stays grey


def embedded_digits() -> dict[str, np.ndarray]:
    """Make the training and test arrays; every call returns equal ones.

    Returns
    -------
    x_train : uint8 (12,000, 28, 28), 1,500 digits, each followed by its seven warped copies, so that a cut at
        a multiple of eight leaves no digit on both sides; y_train : uint8 (12,000,).
    x_test : uint8 (297, 28, 28), other digits, not warped; y_test : uint8 (297,).

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    digits = (pixels.reshape(-1, 8, 8) / 16).astype(np.float32)
    labels = labels.astype(np.uint8)
    generator = np.random.default_rng(SEED)
    train, test = split_evenly(labels, TEST_IMAGES, generator)

    versions = [_as_mnist(digits[train])]
    for _ in range(COPIES):
        warps, thresholds = _random_warps(len(train), generator)
        versions.append(_as_mnist(digits[train], warps, thresholds))
    return {
        "x_train": np.stack(versions, axis=1).reshape(-1, *IMAGE_SHAPE),
        "y_train": labels[train].repeat(1 + COPIES),
        "x_test": _as_mnist(digits[test]),
        "y_test": labels[test],
    }


def _random_warps(count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw slant, turn, width, as 2×2 matrices on (y, x), and stroke width as a threshold, for each digit."""
    slant = generator.normal(0, 0.25, count)
    turn = generator.normal(0, 0.12, count)
    width = np.exp(generator.normal(0.12, 0.15, count))  # MNIST's digits are wider than these
    cosine, sine = np.cos(turn), np.sin(turn)
    warps = np.stack([cosine, -sine * width, sine + cosine * slant, cosine * width], axis=1)
    return warps.reshape(-1, 2, 2), generator.uniform(0.45, 0.75, count)


def _as_mnist(digits: np.ndarray, warps: np.ndarray | None = None, thresholds: np.ndarray | None = None) -> np.ndarray:
    """Warp, crop to the ink, scale the longer side to 20 pixels, sharpen the strokes, centre by mass.

    Parameters
    ----------
    digits : float32 (n, 8, 8), 0 to 1.
    warps : (n, 2, 2), from an offset (y, x) in the source to one in the picture, up to scale; default: none.
    thresholds : (n,), 0 to 1, higher is thinner; default: `THRESHOLD`.

    Returns
    -------
    uint8 (n, 28, 28)
    """
    count = len(digits)
    warps = np.broadcast_to(np.eye(2), (count, 2, 2)) if warps is None else warps
    thresholds = np.full(count, THRESHOLD) if thresholds is None else thresholds

    centres = np.stack(np.indices((8, 8)), axis=-1).reshape(64, 2) - 3.5
    placed = centres @ warps.transpose(0, 2, 1)
    inked = (digits.reshape(count, 64) > INK)[..., None]
    low = np.where(inked, placed, np.inf).min(axis=1) - 0.5
    high = np.where(inked, placed, -np.inf).max(axis=1) + 0.5
    inverse = np.linalg.inv(warps)
    middle = (inverse @ ((low + high) / 2)[..., None])[..., 0] + 4
    step = inverse * ((high - low).max(axis=1) / BOX_SIDE)[:, None, None]

    offsets = np.arange(WINDOW) + 0.5 - WINDOW / 2
    index = np.arange(count, dtype=np.int32)[:, None, None] * (SIDE * SIDE)
    for axis, stride in ((0, SIDE), (1, 1)):
        along_y = (middle[:, axis, None] + step[:, axis, 0, None] * offsets + MARGIN) * FINE
        along_x = step[:, axis, 1, None] * offsets * FINE
        sample = along_y.astype(np.float32)[:, :, None] + along_x.astype(np.float32)[:, None, :]
        index = index + np.clip(sample, 0, SIDE - 1).astype(np.int32) * stride
    grey = _enlarged(digits).ravel().take(index)

    ink = np.clip((grey - thresholds.astype(np.float32)[:, None, None]) / EDGE + 0.5, 0, 1)
    corners = np.clip(shift_to_centre(ink), 0, IMAGE_SIDE - WINDOW)
    images = np.zeros((count, *IMAGE_SHAPE), np.uint8)
    rows, columns = (corners[:, axis, None] + np.arange(WINDOW) for axis in (0, 1))
    images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]] = np.rint(ink * 255)
    return images


def _enlarged(digits: np.ndarray) -> np.ndarray:
    """Sample `FINE` times a pixel by cubic convolution (Keys 1981, a = −1/2), with an empty margin."""
    at = (np.arange(SIDE) + 0.5) / FINE - MARGIN
    far = np.abs(at[:, None] - (np.arange(8) + 0.5))
    near = (1.5 * far - 2.5) * far**2 + 1
    tail = ((-0.5 * far + 2.5) * far - 4) * far + 2
    weights = np.where(far < 1, near, np.where(far < 2, tail, 0)).astype(np.float32)
    return weights @ digits @ weights.T
