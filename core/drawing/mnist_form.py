"""MNIST's form: a digit in a 20×20 box of a 28×28 image, its centre of mass in the middle, written with a certain pen.

LeCun, Cortes and Burges describe it (http://yann.lecun.com/exdb/mnist/): "size normalized to fit in a 20x20 pixel box
while preserving their aspect ratio […] grey levels as a result of the anti-aliasing technique […] centered in a 28x28
image by computing the center of mass of the pixels, and translating the image so as to position this point at the
center". Drawings, the digits of other datasets, and those that are made here are brought to it by these functions.

SciPy and Pillow are imported where they are used, so that whoever needs no more than a number starts without them.
"""

from __future__ import annotations

import math

import numpy as np

IMAGE_SIDE = 28
IMAGE_SHAPE = (IMAGE_SIDE, IMAGE_SIDE)
BOX_SIDE = 20

# The middle 90 % of MNIST's training images have pens this wide, measured by `_pen_width` in pixels of the
# 20×20 box.
PEN_WIDTHS = (1.67, 4.0)
# MNIST's centres of mass lie between 13.5 and 14.5, with a mean of 14.0, in pixel indices down and across.
CENTRE_OF_MASS = 14.0

PEN_SIDE = 120  # the pen's width is measured and changed on a digit this long: six pixels to one of the box
THINNEST = 0.4  # of the drawn width: a pen is never thinned further than this


def crop(picture: np.ndarray, background: int = 0) -> np.ndarray:
    """Cut (H, W) to where it is above `background`; something must be."""
    ink = picture > background
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_pen(cropped: np.ndarray) -> np.ndarray:
    """Return the cropped digit with a pen that will be within `PEN_WIDTHS` once its long side is 20, uint8 (h, w).

    A pen that already is leaves the picture untouched. Else the edge of the stroke is moved along the
    distance transform, at six pixels to one of the box, so that a thin pen does not fade and a thick one does
    not fill the loops. The path of the pen, not its outline, decides how much: a thick pen's 1 becomes as
    thin as any other.
    """
    from PIL import Image
    from scipy import ndimage

    zoom = PEN_SIDE / max(cropped.shape)
    size = [max(1, round(side * zoom)) for side in reversed(cropped.shape)]
    reach = math.ceil(1 / zoom)  # a line thinner than a pixel of the smaller picture would be lost
    thickened = zoom * (reach - 1)
    widened = ndimage.maximum_filter(cropped, reach) if reach > 1 else cropped
    resized = Image.fromarray(widened).resize(size, Image.Resampling.BILINEAR)
    solid = np.pad(np.asarray(resized) > 127, 1)
    if not solid.any():  # nothing but scattered points
        return crop(np.asarray(resized))
    inside = ndimage.distance_transform_edt(solid)
    width = max(_pen_width(inside[solid]) - thickened, 0.0)
    boxed = width * BOX_SIDE / PEN_SIDE
    if PEN_WIDTHS[0] <= boxed <= PEN_WIDTHS[1]:
        return cropped
    wanted = float(np.clip(boxed, *PEN_WIDTHS))
    path = max(PEN_SIDE - width, 1.0)
    grow = (max(path * wanted / (BOX_SIDE - wanted), THINNEST * width) - width - thickened) / 2
    outside = None if grow < 0 else ndimage.distance_transform_edt(~np.pad(solid, math.ceil(grow)))
    edge = inside - 0.5 if outside is None else 0.5 - outside
    return crop((255 * np.clip(edge + grow + 0.5, 0, 1)).astype(np.uint8))


def _pen_width(distance: np.ndarray) -> float:
    """Return how wide the pen was, from each ink pixel's distance to the nearest background.

    Across a stroke of width w that distance rises from 0 to w/2 and falls again, so its mean is w/4.
    Distances between pixel centres are half a pixel longer than to the edge.
    """
    return max(4 * (float(distance.mean()) - 0.5), 1.0)


def fit_box(digit: np.ndarray, *, whole_pixels: bool = False) -> np.ndarray:
    """Return the cropped digit, uint8 (h, w), with a long side of 20, its aspect ratio kept.

    It is area-averaged, and where the short side ends within a pixel of the box, that pixel is averaged with the
    background beyond. With `whole_pixels` the short side is rounded instead, which is quicker, and what is smaller than
    the box is interpolated.
    """
    from PIL import Image

    if whole_pixels:
        zoom = BOX_SIDE / max(digit.shape)
        size = [max(1, round(side * zoom)) for side in reversed(digit.shape)]
        method = Image.Resampling.BOX if zoom < 1 else Image.Resampling.BILINEAR
        return np.asarray(Image.fromarray(digit).resize(size, method))
    pixel = max(digit.shape) / BOX_SIDE
    height, width = (math.ceil(side / pixel - 1e-6) for side in digit.shape)
    beyond = [(0, math.ceil(max(n * pixel - side, 0))) for n, side in zip((height, width), digit.shape, strict=True)]
    padded = Image.fromarray(np.pad(digit, beyond))
    box = (0, 0, min(width * pixel, padded.width), min(height * pixel, padded.height))
    return np.asarray(padded.resize((width, height), Image.Resampling.BOX, box=box))


def full_strength(picture: np.ndarray) -> np.ndarray:
    """Return uint8 (h, w), not empty, with its brightest pixel at 255, uint8 too."""
    return np.rint(picture * (255 / picture.max())).astype(np.uint8)


def shift_to_centre(pictures: np.ndarray) -> np.ndarray:
    """How many whole pixels down and right move each centre of mass nearest to the middle of an image, int (…, 2).

    `pictures` (…, h, w), none empty, lie in an image's upper left corner; what leaves the image is the caller's matter.
    """
    shift = []
    for other in (-1, -2):
        mass = pictures.sum(axis=other, dtype=np.float64)
        shift.append(np.rint(CENTRE_OF_MASS - mass @ np.arange(mass.shape[-1]) / mass.sum(axis=-1)))
    return np.stack(shift, axis=-1).astype(int)


def centre(digit: np.ndarray) -> np.ndarray:
    """Return (28, 28): the digit, at most as large, moved by whole pixels: its mass as central as its edges allow."""
    image = np.zeros(IMAGE_SHAPE, digit.dtype)
    top, left = np.clip(shift_to_centre(digit), 0, np.subtract(IMAGE_SHAPE, digit.shape))
    image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image
