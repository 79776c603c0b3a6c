"""A canvas picture becomes a 28×28 digit as MNIST made them.

A network trained on MNIST has only ever seen digits of one size, in one place, drawn with one kind of pen.
LeCun, Cortes and Burges describe how they came about (http://yann.lecun.com/exdb/mnist/): "size normalized to
fit in a 20x20 pixel box while preserving their aspect ratio […] grey levels as a result of the anti-aliasing
technique […] centered in a 28x28 image by computing the center of mass of the pixels, and translating the
image so as to position this point at the center". `normalise_drawing` does this to any picture, and gives the
pen MNIST's width.

SciPy and Pillow are imported where they are used, so that a page that draws nothing starts without them.
"""

import math
from dataclasses import dataclass

import numpy as np

from core.drawing.ink import border, find_ink, length

NO_INK = "No digit found. Move closer or add light."
IMAGE_SIDE = 28
BOX_SIDE = 20
SMALLEST_SIDE, LARGEST_SIDE = 8, 4096

# The middle 90 % of MNIST's training images have pens this wide, measured by `_pen_width` in pixels of the
# 20×20 box.
PEN_WIDTHS = (1.67, 4.0)
# MNIST's centres of mass lie between 13.5 and 14.5, with a mean of 14.0, in pixel indices down and across.
CENTRE_OF_MASS = 14.0

WORKING_SIDE = 1024  # larger pictures are averaged down to this first
PEN_SIDE = 120  # the pen's width is measured and changed on a digit this long: six pixels to one of the box
THINNEST = 0.4  # of the drawn width: a pen is never thinned further than this


@dataclass(frozen=True, eq=False)
class DrawingSteps:
    """The steps from a drawing to the network's input: four uint8 pictures, ink 255 on background 0.

    Attributes
    ----------
    ink
        (H, W): the picture without its background and dust; at most 1,024 a side.
    cropped
        (h, w): the ink cropped to its bounding box.
    scaled
        (h, w), the longer of them 20: area-averaged, the pen as wide as MNIST's.
    centred
        (28, 28): the scaled digit with its centre of mass in the middle, the network's input.
    """

    ink: np.ndarray
    cropped: np.ndarray
    scaled: np.ndarray
    centred: np.ndarray


def normalise_drawing(picture: np.ndarray) -> np.ndarray | None:
    """Return the drawing as an MNIST image, uint8 (28, 28), or None where nothing is drawn.

    `picture` is uint8 (H, W), (H, W, 3) or (H, W, 4) with sides from 8 to 4,096, light ink on dark or dark on
    light; anything else raises ValueError.
    """
    steps = drawing_steps(picture)
    return None if steps is None else steps.centred


def drawing_steps(picture: np.ndarray) -> DrawingSteps | None:
    """Return every step to the MNIST image, None where nothing is drawn.

    `picture` is uint8 (H, W), (H, W, 3) or (H, W, 4) with sides from 8 to 4,096; anything else raises ValueError.
    """
    ink = find_ink(_flatten_alpha(shrink(_checked(picture))))
    if ink is None:
        return None
    cropped = _crop(ink)
    scaled = _scale(_fit_pen(cropped))
    return DrawingSteps(ink=ink, cropped=cropped, scaled=scaled, centred=_centre(scaled))


def plain_resize(picture: np.ndarray) -> np.ndarray:
    """Return what a naive demo feeds its network: the whole canvas area-averaged to uint8 (28, 28).

    `picture` is uint8 (H, W), (H, W, 3) or (H, W, 4) with sides from 8 to 4,096; anything else raises ValueError.
    Colours become luminance (Rec. 601), transparent is black.
    """
    from PIL import Image

    image = Image.fromarray(_checked(picture))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return np.asarray(image.convert("L").resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.BOX))


def _checked(picture: np.ndarray) -> np.ndarray:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        came = getattr(picture, "dtype", type(picture).__name__)
        raise ValueError(f"picture must be a uint8 array, but came as {came}.")
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] not in (3, 4)):
        raise ValueError(f"picture must be (H, W), (H, W, 3) or (H, W, 4), but came as {picture.shape}.")
    if min(picture.shape[:2]) < SMALLEST_SIDE or max(picture.shape[:2]) > LARGEST_SIDE:
        height, width = picture.shape[:2]
        raise ValueError(
            f"picture must have sides of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, but came as {height}×{width}."
        )
    return picture


def shrink(picture: np.ndarray) -> np.ndarray:
    """Average whole blocks of pixels so that the picture's length is at most `WORKING_SIDE`."""
    from PIL import Image

    factor = -(-length(picture) // WORKING_SIDE)
    return picture if factor == 1 else np.asarray(Image.fromarray(picture).reduce(factor))


def _flatten_alpha(picture: np.ndarray) -> np.ndarray:
    """Return (H, W) or (H, W, 3): a transparent picture laid on what lets its ink be seen.

    That is the border's own colour where the border is opaque, else black under light ink and white under
    dark.
    """
    if picture.ndim == 2 or picture.shape[2] == 3:
        return picture
    colours, alpha = picture[..., :3], picture[..., 3]
    if alpha.min() == 255:
        return colours
    opaque_border = border(colours)[border(alpha) > 127]
    if 2 * len(opaque_border) > len(border(alpha)):
        backdrop = np.median(opaque_border, axis=0)
    elif alpha.any():
        backdrop = 0.0 if np.average(colours.mean(axis=2), weights=alpha) > 127 else 255.0
    else:
        backdrop = 0.0
    opacity = alpha[..., None].astype(np.float32) / 255
    return np.rint(backdrop + (colours - np.float32(backdrop)) * opacity).astype(np.uint8)


def _crop(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _pen_width(distance: np.ndarray) -> float:
    """Return how wide the pen was, from each ink pixel's distance to the nearest background.

    Across a stroke of width w that distance rises from 0 to w/2 and falls again, so its mean is w/4.
    Distances between pixel centres are half a pixel longer than to the edge.
    """
    return max(4 * (float(distance.mean()) - 0.5), 1.0)


def _fit_pen(cropped: np.ndarray) -> np.ndarray:
    """Return the cropped digit with a pen that will be within `PEN_WIDTHS` once its long side is 20.

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
        return _crop(np.asarray(resized))
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
    return _crop((255 * np.clip(edge + grow + 0.5, 0, 1)).astype(np.uint8))


def _scale(digit: np.ndarray) -> np.ndarray:
    """Return the digit area-averaged to a long side of 20 and a peak of 255, its aspect ratio kept.

    Where the short side ends within a pixel of the box, that pixel is averaged with the background beyond.
    """
    from PIL import Image

    pixel = max(digit.shape) / BOX_SIDE
    height, width = (math.ceil(side / pixel - 1e-6) for side in digit.shape)
    beyond = [(0, math.ceil(max(n * pixel - side, 0))) for n, side in zip((height, width), digit.shape, strict=True)]
    padded = Image.fromarray(np.pad(digit, beyond))
    box = (0, 0, min(width * pixel, padded.width), min(height * pixel, padded.height))
    scaled = np.asarray(padded.resize((width, height), Image.Resampling.BOX, box=box))
    return np.rint(scaled * (255 / scaled.max())).astype(np.uint8)


def _centre(scaled: np.ndarray) -> np.ndarray:
    """Return (28, 28): the digit moved by whole pixels, its mass as near the middle as its edges allow."""
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    place = []
    for axis, side in enumerate(scaled.shape):
        mass = scaled.sum(axis=1 - axis, dtype=np.float64)
        centre = float(mass @ np.arange(side) / mass.sum())
        start = min(max(round(CENTRE_OF_MASS - centre), 0), IMAGE_SIDE - side)
        place.append(slice(start, start + side))
    image[tuple(place)] = scaled
    return image
