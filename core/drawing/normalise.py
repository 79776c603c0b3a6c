"""A canvas picture becomes a 28×28 digit as MNIST made them.

A network trained on MNIST has only ever seen digits of one size, in one place, drawn with one kind of pen
(core.drawing.mnist_form). `normalise_drawing` does to any picture what was done to those, and gives the pen MNIST's
width.

SciPy and Pillow are imported where they are used, so that a page that draws nothing starts without them.
"""

from dataclasses import dataclass

import numpy as np

from core.drawing.ink import border, find_ink, length
from core.drawing.mnist_form import IMAGE_SHAPE, centre, crop, fit_box, fit_pen, full_strength

NO_INK = "No digit found. Move closer or add light."
SMALLEST_SIDE, LARGEST_SIDE = 8, 4096
WORKING_SIDE = 1024  # larger pictures are averaged down to this first


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
    cropped = crop(ink)
    scaled = full_strength(fit_box(fit_pen(cropped)))
    return DrawingSteps(ink=ink, cropped=cropped, scaled=scaled, centred=centre(scaled))


def plain_resize(picture: np.ndarray) -> np.ndarray:
    """Return what a naive demo feeds its network: the whole canvas area-averaged to uint8 (28, 28).

    `picture` is uint8 (H, W), (H, W, 3) or (H, W, 4) with sides from 8 to 4,096; anything else raises ValueError.
    Colours become luminance (Rec. 601), transparent is black.
    """
    from PIL import Image

    image = Image.fromarray(_checked(picture))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return np.asarray(image.convert("L").resize(IMAGE_SHAPE, Image.Resampling.BOX))


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
