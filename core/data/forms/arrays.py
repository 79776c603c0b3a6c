"""Arrays of images and labels as people save them, brought to MNIST's form: uint8, (n, 28, 28) and (n,)."""

from __future__ import annotations

import math

import numpy as np

from core.data.classes import DIGITS, HOW_TO_NAME, MOST_CLASSES, Names
from core.data.files import MOST_IMAGES, DatasetError
from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE

PADDED_SIDE = 32  # LeNet-5 takes MNIST with an empty border of two pixels
SIDES = (IMAGE_SIDE, PADDED_SIDE)
FULL = 255
FAINT = 128  # what has no stronger pixel may well be on another scale
FULL_16_BITS, NEARLY_FULL_16_BITS = 65_535, 65_280
CLOSE = 1e-3  # rounding errors of floats
BLOCK = 4096  # images that are converted at once
WANTED_IMAGES = "Wanted: 28 × 28 pixels, as (n, 28, 28), (n, 784), (n, 28, 28, 1), (n, 1, 28, 28) or (28, 28, n)."
WANTED_LABELS = "Wanted: the digits 0 to 9, a label for each image."


def arranged(images: np.ndarray) -> np.ndarray | None:
    """A view of the images as (n, 28, 28) or (n, 32, 32); None where they have another shape."""
    if images.ndim == 4:  # with a colour channel that is the last axis, the second (PyTorch) or the third (MATLAB)
        channel = next((axis for axis in (3, 1, 2) if images.shape[axis] == 1), None)
        images = images if channel is None else images.squeeze(channel)
    if images.ndim == 2:
        squares = [side**2 for side in SIDES]
        if images.shape[0] in squares and images.shape[1] not in squares:
            images = images.T
        if images.shape[1] in squares:
            side = math.isqrt(images.shape[1])
            images = images.reshape(-1, side, side)
    elif images.ndim == 3 and images.shape[1:] not in _SHAPES and images.shape[:2] in _SHAPES:
        images = np.moveaxis(images, -1, 0)
    return images if images.ndim == 3 and images.shape[1:] in _SHAPES else None


_SHAPES = [(side, side) for side in SIDES]


def image_count(shape: tuple[int, ...]) -> int | None:
    """How many images an array of this shape holds; None where it holds none."""
    found = arranged(np.broadcast_to(np.uint8(0), shape))
    return None if found is None else len(found)


def label_count(shape: tuple[int, ...], names: Names | None = None) -> int | None:
    """How many labels an array of this shape holds, one-hot or not; None where it holds none."""
    if len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, *_hot(names))):
        return shape[0]
    return shape[1] if len(shape) == 2 and shape[0] == 1 else None


def _hot(names: Names | None) -> tuple[int, ...]:
    """How many numbers a one-hot label may have."""
    return (len(DIGITS), *((len(names.classes),) if names else ()))


def check_counts(what: str, images: tuple[int, ...], labels: tuple[int, ...], names: Names | None = None) -> None:
    """Raise DatasetError where arrays of these shapes are not some images and a label for each.

    Args:
        what: the images' and the labels' names, such as "x_train and y_train in mnist.npz".
        images, labels: the shapes.
        names: of the classes, where there are some.
    """
    count = image_count(images)
    if count is None:
        raise DatasetError(f"{what}: the images have the shape {images}. {WANTED_IMAGES}")
    if not 0 < count <= MOST_IMAGES:
        raise DatasetError(f"{what}: there are {count:,} images. Wanted: 1 to {MOST_IMAGES:,}.")
    if label_count(labels, names) != count:
        raise DatasetError(f"{what}: the labels have the shape {labels}, for {count:,} images. {WANTED_LABELS}")


def as_images(array: np.ndarray, what: str) -> tuple[np.ndarray, list[str]]:
    """Images as uint8 (n, 28, 28), and a sentence for each thing that was changed.

    Args:
        array: of a shape that `arranged` knows.
        what: its name, for people.

    Raises:
        DatasetError: where the pixels' scale cannot be known, or a padded image has something in its border.
    """
    if array.dtype.kind not in "buif":
        raise DatasetError(f"{what} holds {array.dtype}. Wanted: numbers, 0 to 255.")
    images, notes = arranged(array), []
    low, high = float(images.min()), float(images.max())
    whole = images.dtype.kind != "f" or _are_whole(images)
    factor, note = scale(low, high, whole, what)
    if note:
        notes.append(note)
    if images.dtype != np.uint8 or factor != 1:
        pixels = np.empty(images.shape, np.uint8)
        for start in range(0, len(images), BLOCK):
            pixels[start : start + BLOCK] = as_bytes(images[start : start + BLOCK], factor)
        images = pixels
    if images.shape[1:] != IMAGE_SHAPE:
        rim = (PADDED_SIDE - IMAGE_SIDE) // 2
        inner = images[:, rim:-rim, rim:-rim]
        if np.count_nonzero(images) != np.count_nonzero(inner):
            raise DatasetError(
                f"{what} holds images of 32 × 32 pixels, with ink in the two outermost. Wanted: 28 × 28 pixels. Scale "
                "them down, so that what is written stays whole."
            )
        images = inner
        notes.append("Its images have 32 × 32 pixels; the empty border of 2 pixels was cut off.")
    return images, notes


def _are_whole(images: np.ndarray) -> bool:
    blocks = (images[start : start + BLOCK] for start in range(0, len(images), BLOCK))
    return all((block == np.rint(block)).all() for block in blocks)


def as_bytes(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Pixels times a factor, rounded, as uint8."""
    return np.rint(np.clip(pixels * np.float32(factor), 0, FULL)).astype(np.uint8)


def scale(low: float, high: float, whole: bool, what: str) -> tuple[float, str]:
    """What pixels are to be multiplied with to go from 0 to 255, and a sentence that says so.

    Args:
        low, high: the smallest and the largest of them.
        whole: whether all of them are whole numbers.
        what: their name, for people.

    Raises:
        DatasetError: where their scale cannot be known.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DatasetError(f"{what} holds pixels that are no numbers (NaN or infinity). Wanted: 0 to 255.")
    if low < 0:
        raise DatasetError(
            f"{what} has pixels from {low:.4g} to {high:.4g}, as after standardising: which scale they had cannot be "
            "known. Save the images before they are standardised, as 0 to 255 or 0 to 1."
        )
    if high == 0 or (whole and 1 < high <= FULL) or FAINT <= high <= FULL + CLOSE:
        return 1, ""
    if high <= 1 + CLOSE:
        return FULL, "Its pixels go from 0 to 1 and were multiplied by 255."
    if NEARLY_FULL_16_BITS <= high <= FULL_16_BITS:
        return FULL / FULL_16_BITS, "Its pixels have 16 bits, 0 to 65,535, and were divided by 257."
    raise DatasetError(
        f"{what} has pixels from {low:.4g} to {high:.4g}: which scale that is cannot be known. Save them as 0 to 255, "
        "0 to 1, or with 16 bits as 0 to 65,535."
    )


def as_labels(array: np.ndarray, what: str, names: Names | None = None) -> np.ndarray:
    """Labels as uint8 (n,), 0 to 9; they may be numbers, digits as text, (n, 1), (1, n) or one-hot (n, 10).

    Args:
        array: the labels.
        what: their name, for people.
        names: of the classes, where there are some: then labels may also be theirs.

    Raises:
        DatasetError: where they are anything else.
    """
    if array.ndim == 2 and array.shape[1] > 1 and array.shape[1] in _hot(names):
        hot = array.astype(np.float64) if array.dtype.kind in "buif" else np.zeros(array.shape)
        if not (np.isin(hot, (0, 1)).all() and (hot.sum(axis=1) == 1).all()):
            raise DatasetError(
                f"{what} has {array.shape[1]} numbers for each image, which are not one-hot. {WANTED_LABELS}"
            )
        return hot.argmax(axis=1).astype(np.uint8) + np.uint8(names.first if names else 0)
    labels = array.ravel()
    if labels.dtype.kind in "SU":
        try:
            labels = labels.astype(np.float64)
        except ValueError as error:
            raise DatasetError(f"{what} holds text that is no digit ({error}). {WANTED_LABELS}") from error
    if labels.dtype.kind not in "uif" or (labels.dtype.kind == "f" and not (labels == np.rint(labels)).all()):
        raise DatasetError(f"{what} holds {array.dtype} that are not whole numbers. {WANTED_LABELS}")
    low, high = labels.min(), labels.max()
    if names and names.first <= low and high <= names.last:
        return labels.astype(np.uint8)
    if (low, high) == (1, 10):
        raise DatasetError(
            f"{what} has labels from 1 to 10. Either 10 stands for the digit 0, as in MATLAB: then save labels % 10; "
            "or all are one too high: then save labels - 1."
        )
    if low < 0 or high >= len(DIGITS):
        words = f"{what} has labels from {low:g} to {high:g}. {WANTED_LABELS}"
        if names and names.classes != DIGITS:
            words += f" {len(names.classes)} classes are named {names.how}, for labels {names.first} to {names.last}."
        elif low >= 0 and high < MOST_CLASSES:
            words += f" {HOW_TO_NAME}"
        raise DatasetError(words)
    return labels.astype(np.uint8)
