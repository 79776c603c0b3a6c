"""Picture files that people upload or photograph, as arrays for `core.drawing`.

Any bytes give a picture of bounded size, or a `PictureError` that says what to do. Metadata
(`core.drawing.picture_files`) cannot make a file unreadable; only its orientation is used.
"""

from __future__ import annotations

import io
import re
import threading

import numpy as np

from core.drawing.picture_files import turned_upright, without_metadata

FORMATS = ("PNG", "JPEG", "WEBP")
ENDINGS = ("png", "jpg", "jpeg", "jfif", "webp")
MOST_BYTES = 10 * 2**20
MOST_PIXELS = 50_000_000
LEAST_SIDE = 8
MOST_SIDE = 2048  # larger pictures are averaged down,
STRIP_SIDE = 4096  # strips less, since they are low: what is written in them would be lost
STRIP = 4  # how many times as long as it is high makes a picture a strip
SCAN = re.compile(rb"\xff\xda\x00[\x06\x08\x0a\x0c][\x01-\x04]")  # where one begins in a JPEG
MOST_SCANS = 64  # a progressive JPEG has about ten, and each is a walk over the whole picture
_one_at_a_time = threading.Lock()  # decoding may take 400 MB, however many ask


class PictureError(ValueError):
    """A file is not a picture that can be read; the message says why and what to do."""


def read_picture(data: bytes, formats: tuple[str, ...] = FORMATS) -> np.ndarray:
    """The picture in a PNG, JPEG or WebP file, turned upright; of an animation, the first frame.

    Args:
        data: the file, at most 10 MB and 50 megapixels.
        formats: Pillow's names of those that are read.

    Returns:
        uint8 (H, W) where it is grey, (H, W, 4) where parts of it are transparent, (H, W, 3) otherwise; sides from 8
        to 2,048, of a strip to 4,096.

    Raises:
        PictureError: for anything else.
    """
    if len(data) > MOST_BYTES:
        raise PictureError(f"The file is {len(data) / 2**20:.0f} MB; the limit is 10 MB.")
    try:
        with _one_at_a_time:
            return _decoded(data, formats)
    except PictureError:
        raise
    except Exception as error:  # a damaged file raises nearly anything: OSError, SyntaxError, struct.error …
        raise PictureError(
            "The file is damaged or not a PNG, JPEG or WebP picture. Save it as one of these and try again."
        ) from error


def _decoded(data: bytes, formats: tuple[str, ...]) -> np.ndarray:
    from PIL import Image

    pixels, orientation = without_metadata(data)
    with Image.open(io.BytesIO(pixels), formats=formats) as image:
        _check_size(*image.size, len(SCAN.findall(pixels)))
        image.draft(None, (MOST_SIDE, MOST_SIDE))  # a JPEG need not be decoded larger than it is used
        upright = turned_upright(image, orientation)
    if upright.mode.startswith("I;16"):
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    grey = upright.mode in ("1", "L")
    mode = "RGBA" if upright.has_transparency_data else "L" if grey else "RGB"
    picture = upright if upright.mode == mode else upright.convert(mode)
    picture.thumbnail((_most_side(*picture.size),) * 2, Image.Resampling.BOX)
    return np.asarray(picture)


def _check_size(width: int, height: int, scans: int) -> None:
    """Raise for pictures that are too large to decode: a small file can hold a huge picture."""
    if width * height > MOST_PIXELS:
        raise PictureError(f"The picture has {width:,} × {height:,} pixels; the limit is 50 million. Save it smaller.")
    if min(width, height) * min(1, _most_side(width, height) / max(width, height)) < LEAST_SIDE:
        raise PictureError(
            f"The picture has {width:,} × {height:,} pixels, which is too small or too narrow. Choose a larger one."
        )
    if scans > MOST_SCANS:
        raise PictureError(f"The JPEG has {scans:,} scans; the limit is {MOST_SCANS}. Save it again.")


def _most_side(width: int, height: int) -> int:
    """The limit for the long side of a picture, which is larger for a strip."""
    strip = max(width, height) / (STRIP * min(width, height))
    return int(min(max(strip, 1) * MOST_SIDE, STRIP_SIDE))
