"""Folders of IDX files, MNIST's own form, under the names of MNIST, EMNIST, QMNIST and torchvision.

The format: yann.lecun.com/exdb/mnist. QMNIST's labels have eight numbers each, of which the first is the digit
(Yadav and Bottou, "Cold Case: The Lost MNIST Digits", 2019).
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from core.data.classes import beside
from core.data.files import DatasetError, Digits
from core.data.forms.arrays import as_images, as_labels, check_counts
from core.data.forms.npz import MOST_BYTES

NAME = re.compile(r"(.*?)[-_.]?(train|t10k|test)[-_.](images|labels)[-_.]idx[1-4][-_.](?:ubyte|int|byte)(\.gz)?")
TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MOST_RANK = 4
QMNIST_NUMBERS = 8
OF_DIGITS = ("", "emnist-digits", "emnist-mnist", "qmnist")  # which of several datasets in a folder is loaded


def begins(start: bytes) -> bool:
    """Whether a file that begins so is IDX: two zero bytes, a type, and how many sizes follow."""
    return len(start) >= 4 and start[:2] == b"\0\0" and start[2] in TYPES and 1 <= start[3] <= MOST_RANK


def datasets(files: Iterable[Path]) -> dict[str, dict[str, Path]]:
    """IDX files by the dataset in their name, and by "x_train", "y_train", "x_test", "y_test"; unpacked ones first."""
    found: dict[str, dict[str, Path]] = {}
    for file in sorted(files, key=lambda file: (file.name.lower().endswith(".gz"), file.name)):
        if named := NAME.fullmatch(file.name.lower()):
            dataset, part, kind, _ = named.groups()
            role = f"{'x' if kind == 'images' else 'y'}_{'train' if part == 'train' else 'test'}"
            found.setdefault(dataset, {}).setdefault(role, file)
    return found


def read(folder: Path, found: dict[str, dict[str, Path]]) -> Digits:
    """Read the images and labels of one of the datasets that a folder has.

    Args:
        folder: for people.
        found: what `datasets` says.

    Raises:
        DatasetError: where a file is missing, damaged, or has something else than digits.
    """
    notes = []
    if len(found) > 1:
        chosen = next((name for name in OF_DIGITS if name in found), None)
        if chosen is None:
            raise DatasetError(
                f"{folder} has the files of several datasets: {', '.join(sorted(found))}. Put those of one into a "
                "folder of their own."
            )
        others = ", ".join(sorted(name or "MNIST" for name in found if name != chosen))
        notes.append(f"Its folder has several datasets: {chosen or 'MNIST'} was read, and not {others}.")
    else:
        (chosen,) = found
    files, arrays, names = found[chosen], [], beside(folder, folder, chosen)
    for part in ("train", "test"):
        if missing := [role for role in (f"x_{part}", f"y_{part}") if role not in files]:
            if len(missing) == 2 and (part == "test" or "x_test" in files):
                continue  # a split is made of the other part
            kinds = ["images" if role.startswith("x") else "labels" for role in missing]
            raise DatasetError(
                f"The folder {folder} lacks the {' and '.join(kinds)} for {part}ing, beside "
                f"{', '.join(sorted(file.name for file in files.values()))}. Wanted: names such as "
                "train-labels-idx1-ubyte and t10k-images-idx3-ubyte (each may end in .gz)."
            )
        images, labels = (_read(files[role]) for role in (f"x_{part}", f"y_{part}"))
        if labels.ndim == 2 and labels.shape[1] == QMNIST_NUMBERS:
            labels = labels[:, 0]
        check_counts(
            f"{files[f'x_{part}'].name} and {files[f'y_{part}'].name} in {folder}", images.shape, labels.shape, names
        )
        x, changed = as_images(images, str(files[f"x_{part}"]))
        notes += [note for note in changed if note not in notes]
        arrays += [x, as_labels(labels, str(files[f"y_{part}"]), names)]
    return Digits(folder, *arrays, notes=notes, names=names)


def _read(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            start = file.read(4)
            if not begins(start):
                raise DatasetError(f"{path} begins with the number {int.from_bytes(start)}. Wanted: an IDX file.")
            dtype, rank = np.dtype(TYPES[start[2]]), start[3]
            header = file.read(4 * rank)
            shape = tuple(np.frombuffer(header, ">u4").tolist()) if len(header) == 4 * rank else ()
            size = int(np.prod(shape, dtype=object)) * dtype.itemsize
            if not shape or size > MOST_BYTES:
                raise DatasetError(f"{path} announces the shape {shape}. Wanted: n × 28 × 28 images, or n labels.")
            data = file.read(size + 1)
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} cannot be read ({error}). Wanted: an undamaged IDX file.") from error
    if len(data) != size:
        fault = "ends too early" if len(data) < size else "has more data than announced"
        raise DatasetError(f"{path} {fault}. Wanted: the shape {shape}, as its header says.")
    return np.frombuffer(data, dtype).reshape(shape)
