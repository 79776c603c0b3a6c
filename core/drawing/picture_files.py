"""The metadata of PNG and JPEG files: all of it is dropped but the orientation.

Cameras, chats and editors write anything there, and a damaged profile or comment must not make a picture unreadable
that browsers show. Browsers apply the EXIF orientation of a JPEG or PNG (Chromium not that of a WebP), never XMP; so
does this module.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

PNG = b"\x89PNG\r\n\x1a\n"
PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # the chunks that say what colour which pixel has
JPEG = b"\xff\xd8"
JPEG_MARKERS = {*range(0xE0, 0xF0), 0xFE}  # APP0 to APP15 and the comment
SCAN = 0xDA  # after it there are pixels
COLOURS = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}  # segments that say which colours are meant, and their bytes
EXIF = b"Exif\0\0"
ORIENTATION = 0x0112


def without_metadata(data: bytes) -> tuple[bytes, int]:
    """The file without metadata, and its EXIF orientation, 1 to 8; 1 where it has none that can be read.

    Data that is not a well-formed PNG or JPEG is returned unchanged.
    """
    try:
        if data.startswith(PNG):
            kept, exif = _png(data)
        elif data.startswith(JPEG):
            kept, exif = _jpeg(data)
        else:
            return data, 1
    except (struct.error, IndexError):  # the file ends in the middle: its reader will say so
        return data, 1
    return kept, _orientation(exif)


def turned_upright(image: Image, orientation: int) -> Image:
    """The image turned or mirrored by its EXIF orientation."""
    from PIL.Image import Transpose

    turns = (
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE,
        Transpose.ROTATE_270,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    )
    if orientation == 1:
        image.load()
        return image
    return image.transpose(turns[orientation - 2])


def _png(data: bytes) -> tuple[bytes, bytes]:
    """The chunks that determine pixels, and the content of the eXIf chunk."""
    kept, exif, place = [PNG], b"", len(PNG)
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if kind in PNG_PIXELS:
            kept.append(data[place:end])
        elif kind == b"eXIf":
            exif = exif or data[place + 8 : place + 8 + length]
        if kind == b"IEND":
            break
        place = end
    return b"".join(kept), exif


def _jpeg(data: bytes) -> tuple[bytes, bytes]:
    """The segments that determine pixels, and the content of the EXIF segment."""
    kept, exif, place = [JPEG], b"", len(JPEG)
    while (marker := data[place + 1]) != SCAN and data[place] == 0xFF:
        if marker == 0xFF:  # a byte to fill up with
            place += 1
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        end = place + 2 + length
        contents = data[place + 4 : end]
        start, least = COLOURS.get(marker, (b"", 0))
        if marker not in JPEG_MARKERS or (start and contents.startswith(start) and len(contents) >= least):
            kept.append(data[place:end])
        elif marker == 0xE1 and contents.startswith(EXIF):
            exif = exif or contents[len(EXIF) :]
        place = end
    return b"".join([*kept, data[place:]]), exif


def _orientation(exif: bytes) -> int:
    """The orientation in the first directory of a TIFF; nothing else is read."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (place,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, place)
        for entry in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind, values, value = struct.unpack_from(order + "HHIH", exif, entry)
            if tag == ORIENTATION:
                return value if (kind, values) == (3, 1) and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
