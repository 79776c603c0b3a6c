"""Pictures as PNG inside the file."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

POSITIVE, NEGATIVE = (217, 95, 2), (43, 95, 217)  # orange and blue, as the page Inside draws weights
MOST_SHARE = 0.997  # of the weights, which lie within the colours' scale


def digit(image: np.ndarray) -> str:
    """An image, uint8 (28, 28), as an address that holds it."""
    return _address(Image.fromarray(np.ascontiguousarray(image)))


def weights(pictures: np.ndarray) -> list[str]:
    """Weights, float (n, h, w), as addresses of pictures: the stronger the colour the larger, zero is transparent."""
    finite = np.abs(pictures[np.isfinite(pictures)])
    limit = float(np.quantile(finite, MOST_SHARE)) if finite.size else 0.0
    return [_address(Image.fromarray(_coloured(picture, limit or 1.0))) for picture in pictures]


def _coloured(picture: np.ndarray, limit: float) -> np.ndarray:
    values = np.nan_to_num(picture)
    coloured = np.where((values > 0)[..., np.newaxis], POSITIVE, NEGATIVE)
    opacity = np.minimum(1, np.abs(values) / limit) * 255
    return np.concatenate([coloured, opacity[..., np.newaxis]], axis=2).astype(np.uint8)


def _address(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
