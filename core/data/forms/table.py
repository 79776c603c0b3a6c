"""Tables with an image a line: CSV as Kaggle, OpenML and spreadsheets write it, gzipped or not, and ARFF.

A block of lines at a time is in the memory as text, so that a large file needs little more than its images.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.classes import DIGITS, Names
from core.data.files import MOST_IMAGES, DatasetError, Progress
from core.data.forms.arrays import FULL, as_bytes, as_labels, scale
from core.drawing.mnist_form import IMAGE_SHAPE

ENDINGS = (".csv", ".tsv", ".arff", ".csv.gz", ".tsv.gz", ".arff.gz")
PIXELS = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
BLOCK = 2**20  # bytes
DELIMITERS = ",;\t"
LABELS = {"label", "labels", "class", "target", "y", "digit"}
INDICES = {"", "index", "id", "unnamed: 0"}  # as pandas writes the number of a line
WANTED = f"Wanted: a line for each image, a label (0 to 9) and {PIXELS} pixels."


class NoLabelsError(DatasetError):
    """A table has pixels alone, as Kaggle's test.csv."""


@dataclass(frozen=True)
class Head:
    """What stands above a table's lines.

    Attributes:
        names: of its columns; () where it says none.
        lines: how many to skip.
        delimiter: a character, None for spaces.
        quote: a character.
    """

    names: tuple[str, ...]
    lines: int
    delimiter: str | None = ","
    quote: str = '"'


@dataclass(frozen=True)
class Columns:
    """How many columns there are, which is the label, which are left out, and what pixels are multiplied with."""

    width: int
    label: int
    left_out: tuple[int, ...]
    factor: float


def read(path: Path, progress: Progress, names: Names | None = None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read a table.

    Args:
        path: of it.
        progress: called with how much is read, and of how much.
        names: of its classes, where there are some.

    Returns:
        Images, uint8 (n, 28, 28); labels, uint8 (n,); and a sentence for each thing that was changed or guessed.

    Raises:
        NoLabelsError: where it has pixels alone.
        DatasetError: where it holds something else, or is damaged.
    """
    images, labels, notes = [], [], []
    head, columns, count = None, None, 0
    for lines in _lines(path, progress):
        lines = [line for line in lines if line.strip()]
        if head is None and lines:
            head = _head(path, lines)
            lines = lines[head.lines :]
        if not lines:
            continue
        values = _values(path, lines, head, count)
        if columns is None:
            columns = _columns(path, head, values, notes)
        if values.shape[1] != columns.width:
            raise DatasetError(f"{path} has {values.shape[1]} columns after {count:,} images, not as before. {WANTED}")
        pixels = np.delete(values, (columns.label, *columns.left_out), axis=1)
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0 and high * columns.factor < FULL + 0.5):
            raise DatasetError(
                f"{path} has pixels from {low:.4g} to {high:.4g} after {count:,} images, but before they are on "
                "another scale. Wanted: 0 to 255, or 0 to 1, in all lines."
            )
        images.append(as_bytes(pixels, columns.factor))
        labels.append(values[:, columns.label].copy())  # a view would keep the whole block
        count += len(values)
        if count > MOST_IMAGES:
            raise DatasetError(f"{path} has more than {MOST_IMAGES:,} lines, the most that are loaded. Save fewer.")
    if columns is None:
        raise DatasetError(f"{path} has no line with numbers. {WANTED}")
    return (
        np.concatenate(images).reshape(-1, *IMAGE_SHAPE),
        as_labels(np.concatenate(labels), f"The column of labels in {path}", names),
        notes,
    )


def _lines(path: Path, progress: Progress) -> Iterator[list[str]]:
    """The lines of a file, as many at a time as fit into a block."""
    whole, rest = path.stat().st_size, b""
    try:
        with path.open("rb") as stored:
            zipped = stored.read(2) == b"\x1f\x8b"
            stored.seek(0)
            text = gzip.GzipFile(fileobj=stored) if zipped else stored
            while block := text.read(BLOCK):
                lines, newline, rest = (rest + block).rpartition(b"\n")
                if not newline and len(rest) > BLOCK:
                    raise DatasetError(f"{path} has a line of more than a million characters. {WANTED}")
                yield lines.decode("utf-8-sig", "replace").splitlines()
                progress(stored.tell(), whole)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DatasetError(f"{path} cannot be unpacked ({error}). Wanted: an undamaged gzip file.") from error
    if rest.strip():
        yield rest.decode("utf-8-sig", "replace").splitlines()


def _head(path: Path, lines: list[str]) -> Head:
    first = lines[0]
    if first.lstrip()[:1] in ("@", "%"):
        return _arff_head(path, lines)
    delimiter = max(DELIMITERS, key=first.count)
    if delimiter in first:
        cells = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]
    else:
        delimiter, cells = None, first.split()
    if all(_is_number(cell) for cell in cells):
        return Head((), 0, delimiter)
    return Head(tuple(cell.lower() for cell in cells), 1, delimiter)


def _arff_head(path: Path, lines: list[str]) -> Head:
    """The head of Weka's format: `@attribute NAME TYPE` for each column, then `@data`."""
    names = []
    for number, line in enumerate(lines, start=1):
        words = line.strip().split(maxsplit=1)
        if words and words[0].lower() == "@attribute" and len(words) == 2:
            quote = words[1][0] if words[1][0] in "'\"" else None
            names.append(words[1][1:].partition(quote)[0] if quote else words[1].split()[0])
        elif words and words[0].lower() == "@data":
            if any(line.lstrip().startswith("{") for line in lines[number : number + 5]):
                raise DatasetError(f"{path} is a sparse ARFF file. Save it as a plain one, or as CSV.")
            quote = "'" if "'" in "".join(lines[number : number + 5]) else '"'
            return Head(tuple(name.lower() for name in names), number, quote=quote)
    raise DatasetError(f"{path} has no @DATA in its first million characters. {WANTED}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _values(path: Path, lines: list[str], head: Head, before: int) -> np.ndarray:
    try:
        return np.loadtxt(lines, np.float32, comments=None, delimiter=head.delimiter, quotechar=head.quote, ndmin=2)
    except ValueError as error:
        after = f" after {before:,} images" if before else ""
        raise DatasetError(f"{path} cannot be read{after}: {str(error).rstrip('.')}. {WANTED}") from error


def _columns(path: Path, head: Head, values: np.ndarray, notes: list[str]) -> Columns:
    """Tell by the names of columns, or else by the first lines, what is what; `notes` gets what was guessed."""
    width, names = values.shape[1], head.names
    left_out = tuple(place for place, name in enumerate(names[:1]) if name in INDICES and width == PIXELS + 2)
    if width - len(left_out) == PIXELS:
        raise NoLabelsError(f"{path} has {PIXELS} pixels a line and no label, as Kaggle's test.csv. {WANTED}")
    if width - len(left_out) != PIXELS + 1:
        raise DatasetError(f"{path} has {width:,} columns. {WANTED}")
    named = [place for place, name in enumerate(names) if name in LABELS]
    if len(named) > 1:
        raise DatasetError(f"{path} has several columns that may be the label: {', '.join(names[i] for i in named)}.")
    first, last = len(left_out), width - 1
    label = named[0] if named else first
    if not named and not _may_be_labels(values[:, first]) and _may_be_labels(values[:, last]):
        label = last
        notes.append("Its columns have no names; the last one was taken as the label.")
    if left_out:
        notes.append("Its first column numbers the lines and was left out.")
    pixels = np.delete(values, (label, *left_out), axis=1)
    low, high = float(pixels.min()), float(pixels.max())
    factor, note = scale(low, high, bool((pixels == np.rint(pixels)).all()), str(path))
    if note:
        notes.append(note)
    return Columns(width, label, left_out, factor)


def _may_be_labels(column: np.ndarray) -> bool:
    """Whether a column's values are digits, and not all the same as in an image's corner."""
    return bool(np.isin(column, np.arange(len(DIGITS))).all()) and column.min() != column.max()
