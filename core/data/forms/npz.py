"""NumPy's arrays: an npz file, or a folder of npy files, under the names that people give them.

Headers are read before any data, so that no file can fill the memory; objects (pickles) are never loaded.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.data.classes import ARRAYS as ARRAYS_OF_NAMES
from core.data.classes import MOST_CLASSES, Names, in_array
from core.data.files import WANTED, DatasetError, Digits
from core.data.forms.arrays import as_images, as_labels, check_counts, image_count, label_count
from core.data.forms.refused import archive, pickled

MOST_ARRAYS = 100
MOST_BYTES = 700_000_000  # of an array as it is stored: 100,000 images as float64
PARTS = {"train": r"train(?:ing)?|tr$", "test": r"test(?:ing)?|t10k|te$", "val": r"val(?:id(?:ation)?)?|dev"}
IMAGES = {"x", "image", "images", "img", "imgs", "data", "pixels", "features", "digits", "inputs", "mnistimages"}
LABELS = {"y", "label", "labels", "lbl", "lbls", "target", "targets", "class", "classes", "mnistlabels"}


@dataclass(frozen=True, eq=False)
class Stored:
    """An array in a file: its name, what opens it, and what its header says."""

    name: str
    open: Callable[[], BinaryIO]
    shape: tuple[int, ...]
    dtype: np.dtype


def read_npz(path: Path, names: Names | None = None) -> Digits:
    """Read the images and labels of an npz file.

    Args:
        path: of it.
        names: of its classes, where some are beside it; those in it come first.

    Raises:
        DatasetError: where it is damaged or holds something else.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = [name for name in file.namelist() if name.endswith(".npy")]
            if not members:
                raise archive(path, file.namelist())
            return _read(path, {_plain(name): partial(file.open, name) for name in members[:MOST_ARRAYS]}, names)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise DatasetError(f"{path} is not an npz file, or is damaged ({error}). {WANTED}") from error


def read_npy_files(folder: Path, files: Iterable[Path], names: Names | None = None) -> Digits:
    """Read the images and labels of a folder's npy files; their classes may have names beside them.

    Raises:
        DatasetError: where one is damaged, or they hold something else.
    """
    return _read(folder, {file.stem: partial(file.open, "rb") for file in files}, names)


def _plain(name: str) -> str:
    return name.removesuffix(".npy").rpartition("/")[2]


def _read(where: Path, members: dict[str, Callable[[], BinaryIO]], names: Names | None) -> Digits:
    try:
        stored = [_header(name, opened, where) for name, opened in members.items()]
        stored, own = _without_names(stored, where)
        names = own or names
        parts, notes = _parts(stored, where)
        for images, labels in parts:
            what = f"{images.name} and {labels.name} in {where}"
            check_counts(what, images.shape, labels.shape, names)
        arrays = []
        for images, labels in parts:
            x, changed = as_images(_array(images, where), f"{images.name} in {where}")
            notes += [note for note in changed if note not in notes]
            arrays += [x, as_labels(_array(labels, where), f"{labels.name} in {where}", names)]
        return Digits(where, *arrays, notes=notes, names=names)
    except (DatasetError, zipfile.BadZipFile, MemoryError):
        raise
    except Exception as error:  # a damaged header raises many kinds, even tokenize.TokenError
        raise DatasetError(f"{where} cannot be read ({error}). Wanted: an undamaged file.") from error


def _header(name: str, opened: Callable[[], BinaryIO], where: Path) -> Stored:
    with opened() as file:
        version = np.lib.format.read_magic(file)
        headers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in headers:
            raise DatasetError(f"{name} in {where} has NumPy's format {version}. Wanted: a plain array of numbers.")
        shape, _, dtype = headers[version](file)
    return Stored(name, opened, shape, dtype)


def _array(stored: Stored, where: Path) -> np.ndarray:
    if stored.dtype.hasobject:
        raise pickled(f"{stored.name} in {where}", where)
    size = int(np.prod(stored.shape, dtype=object)) * stored.dtype.itemsize
    if size > MOST_BYTES:
        raise DatasetError(
            f"{stored.name} in {where} has {size / 1e6:,.0f} MB of {stored.dtype}; the limit is "
            f"{MOST_BYTES / 1e6:,.0f} MB. Save it as numbers of 8 bits: array.astype('uint8')."
        )
    with stored.open() as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read(1)  # reaching the end makes zipfile compare the checksum
    return array


def _without_names(stored: list[Stored], where: Path) -> tuple[list[Stored], Names | None]:
    """The arrays other than that of the classes' names, and these, where there is one."""
    for array in stored:
        plain = re.sub(r"[^a-z_]", "", array.name.lower())
        others = [other for other in stored if other is not array]
        small = len(array.shape) == 1 and array.shape[0] <= MOST_CLASSES and array.dtype.kind in "SU"
        if (
            plain not in ARRAYS_OF_NAMES
            or not small
            or not any((_role(other.name) or "")[:1] == ("y",) for other in others)
        ):
            continue
        if names := in_array(array.name, _array(array, where).tolist()):
            return others, names
    return stored, None


# Which array is what


def _parts(stored: list[Stored], where: Path) -> tuple[list[tuple[Stored, Stored]], list[str]]:
    """Images and labels to train with, and those to test with where there are any; and sentences on how they were told.

    Raises:
        DatasetError: where they cannot be told.
    """
    roles: dict[tuple[str, str], Stored] = {}
    for array in stored:
        role = _role(array.name)
        if role and role in roles:
            raise DatasetError(
                f"{where} holds {roles[role].name} and {array.name}, which may both be the same. {_wanted(stored)}"
            )
        if role:
            roles[role] = array
    if not any(kind == "x" for kind, _ in roles):
        return _parts_by_shape(stored, where)
    notes = []
    whole = [part for part in ("train", "", "test", "val") if ("x", part) in roles]
    for part in whole:
        if ("y", part) not in roles:
            raise DatasetError(f"{where} lacks labels for {roles['x', part].name}; {_wanted(stored)}")
    for part in whole[2:]:
        notes.append(f"{roles['x', part].name} and {roles['y', part].name} are not used.")
    if "test" not in whole and len(whole) > 1:
        notes.append(f"It has no test set: {roles['x', whole[1]].name} is used as one.")
    return [(roles["x", part], roles["y", part]) for part in whole[:2]], notes


def _role(name: str) -> tuple[str, str] | None:
    """What the name of an array says: ("x" or "y", "train", "test", "val" or ""); None where it says nothing."""
    plain, part = re.sub(r"[^a-z0-9]", "", name.lower()), ""
    for part_named, pattern in PARTS.items():
        if re.search(pattern, plain):
            part, plain = part_named, re.sub(pattern, "", plain, count=1)
            break
    return ("x", part) if plain in IMAGES else ("y", part) if plain in LABELS else None


def _parts_by_shape(stored: list[Stored], where: Path) -> tuple[list[tuple[Stored, Stored]], list[str]]:
    """Pair images and labels whose numbers are equal, in the order of the file; more images are for training."""
    labels = [array for array in stored if image_count(array.shape) is None and label_count(array.shape)]
    pairs = []
    for images in stored:
        count = image_count(images.shape)
        own = next((array for array in labels if count and label_count(array.shape) == count), None)
        if own:
            labels.remove(own)
            pairs.append((images, own))
    if not 1 <= len(pairs) <= 2:
        raise DatasetError(f"{where} lacks images, or labels for them; {_wanted(stored)}")
    pairs.sort(key=lambda pair: -image_count(pair[0].shape))
    told = [f"{images.name} as images with {own.name} as labels" for images, own in pairs]
    parts = " and ".join(f"{words} to {part}" for words, part in zip(told, ("train", "test"), strict=False))
    return pairs, [f"The names of its arrays say nothing, so they were told apart by their shapes: {parts}."]


def _wanted(stored: list[Stored]) -> str:
    there = ", ".join(array.name for array in stored[:10]) or "nothing"
    return f"it holds {there}. Wanted: x_train, y_train, x_test and y_test, or images and labels."
