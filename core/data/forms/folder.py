"""Folders: what a folder holds, or one of those up to two below it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from core.data.classes import beside
from core.data.files import WANTED, DatasetError, Digits, Progress
from core.data.forms import file, idx, npz, pictures, table

MOST_ENTRIES = 10_000  # in a folder that holds files or folders, but no pictures of one digit
MOST_FOLDERS = 50  # that are looked into
DEPTH = 2  # torchvision has its files in MNIST/raw
FILES = (".npz", *table.ENDINGS)


@dataclass
class Entries:
    """The files and folders in a folder, by name; hidden ones and what macOS adds are left out.

    Where there are too many, as of pictures that no folder gives a label, there are none of them here.
    """

    path: Path
    too_many: bool = False
    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)


def read(path: Path, progress: Progress) -> Digits:
    """Read what a folder, or one below it, holds.

    Raises:
        DatasetError: where it holds nothing that can be read, or several datasets.
        OSError: where it cannot be read.
    """
    level = [_entries(path)]
    if level[0].too_many:
        raise DatasetError(f"{path} has more than {MOST_ENTRIES:,} files. {WANTED}")
    for _ in range(DEPTH + 1):
        found = [(entries, reader) for entries in level if (reader := _reader(entries))]
        if len(found) > 1:
            there = ", ".join(sorted(str(entries.path) for entries, _ in found[:5]))
            raise DatasetError(f"{path} has several datasets: {there}. Name one of them.")
        if found:
            return found[0][1](progress)
        below = [folder for entries in level for folder in entries.folders]
        level = []
        for folder in below[:MOST_FOLDERS]:
            with suppress(OSError):  # one that may not be read, beside others
                level.append(_entries(folder))
    raise DatasetError(f"{path} has no digits in a form that is known here; it holds {_listed(path)}. {WANTED}")


def _entries(path: Path) -> Entries:
    entries = Entries(path)
    with os.scandir(path) as found:
        several = list(islice(found, MOST_ENTRIES + 1))
    if len(several) > MOST_ENTRIES:
        return Entries(path, too_many=True)
    for entry in sorted(several, key=lambda entry: entry.name):
        if not entry.name.startswith((".", "__MACOSX")):
            if entry.is_dir():
                entries.folders.append(Path(entry.path))
            elif entry.is_file():
                entries.files.append(Path(entry.path))
    return entries


def _reader(entries: Entries) -> Callable[[Progress], Digits] | None:
    """What reads the dataset in a folder; None where it holds none itself."""
    if found := idx.datasets(entries.files):
        return lambda progress: idx.read(entries.path, found)
    if found := pictures.parts(entries.path, entries.folders):
        return partial(pictures.read, entries.path, found)
    if arrays := [path for path in entries.files if path.name.endswith(".npy")]:
        return lambda progress: npz.read_npy_files(entries.path, arrays, beside(entries.path, entries.path))
    tables = [path for path in entries.files if path.name.lower().endswith(table.ENDINGS)]
    train, test = ([path for path in tables if part in path.name.lower()] for part in ("train", "test"))
    if len(train) == len(test) == 1:
        return partial(_read_tables, train[0], test[0])
    data = [path for path in entries.files if path.name.lower().endswith(FILES)]
    if len(data) == 1:
        return partial(file.read, data[0])
    if data:
        names = ", ".join(path.name for path in data[:5])
        raise DatasetError(f"{entries.path} has several files with data: {names}. Name one of them.")
    return None


def _read_tables(train: Path, test: Path, progress: Progress) -> Digits:
    """Two tables, to train and to test; one to test without labels, as Kaggle's, is left out."""
    sizes, names = [path.stat().st_size for path in (train, test)], beside(train.parent, train)
    x_train, y_train, notes = table.read(train, lambda done, _: progress(done, sum(sizes)), names)
    found = Digits(train.parent, x_train, y_train, notes=notes, names=names)
    try:
        found.x_test, found.y_test, more = table.read(
            test, lambda done, _: progress(sizes[0] + done, sum(sizes)), names
        )
        notes += [note for note in more if note not in notes]
    except table.NoLabelsError:
        notes.append(f"{test.name} has no labels and is not used.")
    return found


def _listed(path: Path) -> str:
    entries = _entries(path)
    names = [f"{folder.name}/" for folder in entries.folders] + [path.name for path in entries.files]
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "nothing") + more
