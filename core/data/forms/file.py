"""A single file: which form it has is told by how it begins."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from core.data.classes import beside
from core.data.files import DatasetError, Digits, Progress
from core.data.forms import idx, npz, table
from core.data.forms.refused import refuse

GZIP = b"\x1f\x8b"
ZIP = b"PK"
FIRST_BYTES = 512


def read(path: Path, progress: Progress) -> Digits:
    """Read a table or an npz file.

    Raises:
        DatasetError: for a file of another form, or where it is damaged.
        OSError: where it cannot be read.
    """
    start, names = first_bytes(path), beside(path.parent, path)
    if start.startswith(ZIP):
        return npz.read_npz(path, names)
    if idx.begins(start):
        raise DatasetError(f"{path} is one IDX file. Name the folder that has all of them: {path.parent}")
    refuse(path, start)
    images, labels, notes = table.read(path, progress, names)
    return Digits(path, images, labels, notes=notes, names=names)


def first_bytes(path: Path) -> bytes:
    """How a file begins, unpacked where it is gzipped.

    Raises:
        DatasetError: where it cannot be unpacked.
    """
    with path.open("rb") as file:
        start = file.read(FIRST_BYTES)
    if not start.startswith(GZIP):
        return start
    try:
        with gzip.open(path) as unpacked:
            return unpacked.read(FIRST_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be unpacked ({error}). Wanted: an undamaged gzip file.") from error
