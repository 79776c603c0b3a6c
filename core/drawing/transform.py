"""A digit turned, moved, scaled and drawn with another pen, to see how the answer changes."""

from __future__ import annotations

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE

FINE = 4  # the pen's edge is moved at this many times the resolution


def reshape(
    image: np.ndarray,
    *,
    degrees: float = 0.0,
    right: float = 0.0,
    down: float = 0.0,
    scale: float = 1.0,
    pen: float = 0,
) -> np.ndarray:
    """Return `image` with another pen, then scaled and turned about its middle, then moved; uint8 (28, 28).

    Args:
        image: uint8 (28, 28), 0 is background.
        degrees: turned clockwise.
        right, down: moved by so many pixels; what leaves the frame is lost.
        scale: 1 keeps the size.
        pen: how much wider its strokes get, in pixels; less than 0 is thinner.

    Raises:
        ValueError: for another array or a scale that is not above 0.
    """
    from scipy import ndimage

    if getattr(image, "dtype", None) != np.uint8 or image.shape != IMAGE_SHAPE:
        raise ValueError("image must be uint8 (28, 28).")
    if not scale > 0:
        raise ValueError(f"scale must be above 0, not {scale!r}.")
    written = _with_pen(image, pen) if pen else image.astype(np.float32)
    if (degrees, right, down, scale) != (0, 0, 0, 1):
        cosine, sine = np.cos(np.radians(degrees)) / scale, np.sin(np.radians(degrees)) / scale
        inverse = np.array([[cosine, -sine], [sine, cosine]])  # from a place in the result to one in the image
        middle = (IMAGE_SIDE - 1) / 2
        offset = middle - inverse @ (middle + np.array([down, right]))
        written = ndimage.affine_transform(written, inverse, offset, order=1)
    return np.clip(np.rint(written), 0, 255).astype(np.uint8)


def _with_pen(image: np.ndarray, wider: float) -> np.ndarray:
    """Move the edge of the strokes, half of `wider` on each side: float (28, 28)."""
    from scipy import ndimage

    solid = ndimage.zoom(image.astype(np.float32), FINE, order=1, grid_mode=True, mode="grid-constant") > 127
    if not solid.any():
        return image.astype(np.float32)
    inside = ndimage.distance_transform_edt(solid) - ndimage.distance_transform_edt(~solid)
    fine = np.clip(0.5 + inside + FINE * wider / 2, 0, 1)
    return 255 * fine.reshape(IMAGE_SIDE, FINE, IMAGE_SIDE, FINE).mean(axis=(1, 3))
