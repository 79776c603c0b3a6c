"""The datasets that were added to a home, besides the one in use: each is one npz with what is known of it beside.

    datasets/FINGERPRINT.npz    the four arrays, not compressed, so that they are read from the disk where they lie
    datasets/FINGERPRINT.json   its name, where it came from, when, how many images of each digit, and whose writing;
                                the names of its classes where they are no digits

The fingerprint is over all four arrays, so that a run finds its dataset again on any machine that has it.
"""

from __future__ import annotations

import mmap
import re
import struct
import threading
import time
import zipfile
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from core.data.classes import DIGITS, checked
from core.data.dataset import EMBEDDED, MNIST, Dataset
from core.data.files import ARRAYS, DatasetError
from core.drawing.mnist_form import IMAGE_SHAPE
from core.names import not_among, visible
from core.people import actor
from core.storage import read_json, write_atomically, write_json

FOLDER = "datasets"
MOST, MOST_LETTERS = 50, 40  # datasets of a home, letters of a name
MOST_OPEN = 4  # datasets of a process
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_NAMES_AT = 26  # of the lengths of the name and of what follows it, in the head of a zip's member
_HEAD = 30  # bytes of that head


@dataclass(frozen=True)
class KeptDataset:
    """A dataset that was added.

    Attributes:
        fingerprint: as `Dataset` has it.
        name: what people call it.
        source: where it came from, as a phrase for people.
        note: a sentence that says what it is instead of MNIST; None where it is MNIST.
        warnings, doubts: sentences that were said when it was added, and what looks wrong in it.
        added: seconds since 1970.
        train, test: how many images there are of each digit, or other class.
        writers: the ids of the people whose drawings are in it, where they are of a class.
        classes: as `Dataset` has them.
    """

    fingerprint: str
    name: str
    source: str
    note: str | None
    warnings: tuple[str, ...]
    doubts: tuple[str, ...]
    added: float
    train: tuple[int, ...]
    test: tuple[int, ...]
    writers: tuple[str, ...] = ()
    classes: tuple[str, ...] = DIGITS

    @property
    def is_digits(self) -> bool:
        """Whether its images show digits, and not other things."""
        return self.classes == DIGITS


def refusal_to_add() -> str:
    """Why who acts now may not add or remove datasets, as sentences; "" where they may."""
    who = actor()
    if who is None or who.is_teacher:
        return ""
    return "The teacher adds datasets. Choose one of those that are here." if who.person else who.why


class Datasets:
    """The datasets that were added to `home`."""

    def __init__(self, home: Path | str) -> None:
        self.folder = Path(home) / FOLDER
        self._open: dict[str, Dataset] = {}  # the one used last at the end
        self._opening = threading.Lock()

    def all(self) -> list[KeptDataset]:
        """Every dataset, the one that was added first at the beginning."""
        found = [self.get(path.stem) for path in self.folder.glob("*.json")]
        return sorted((kept for kept in found if kept), key=lambda kept: (kept.added, kept.fingerprint))

    def get(self, fingerprint: str) -> KeptDataset | None:
        """The dataset of this fingerprint; None where it is not kept."""
        if not _FINGERPRINT.fullmatch(fingerprint) or not self._arrays(fingerprint).exists():
            return None
        return read_json(self.folder / f"{fingerprint}.json", _checked)

    def named(self, words: str) -> KeptDataset | None:
        """The dataset with this fingerprint or this name, in capitals or not; None where there is none."""
        wanted = words.strip().casefold()
        return next((kept for kept in self.all() if wanted in (kept.fingerprint, kept.name.casefold())), None)

    def add(self, dataset: Dataset, name: str = "", *, writers: Collection[str] = ()) -> KeptDataset:
        """Keep a dataset, or find it where it is kept already.

        Args:
            dataset: its arrays, source, note and warnings.
            name: what to call it; its own name where it is "", or MNIST. A number follows where another has it.
            writers: the ids of the people whose drawings are in it.

        Raises:
            DatasetError: where who acts may not add datasets, or there are 50.
            OSError: where it cannot be written.
        """
        if words := refusal_to_add():
            raise DatasetError(words)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            kept = self.get(dataset.fingerprint)
            if kept and self._is_whole(kept):
                return kept
            kept = kept or self._described(dataset, name, writers)
            arrays = {array: getattr(dataset, array) for array in ARRAYS}
            write_atomically(self._arrays(kept.fingerprint), lambda file: np.savez(file, **arrays))
            values = asdict(kept)
            if kept.is_digits:
                del values["classes"]  # as earlier versions write it
            write_json(self.folder / f"{kept.fingerprint}.json", values)
        return kept

    def remove(self, kept: KeptDataset) -> None:
        """Remove a dataset; runs that were trained on it stay.

        Raises:
            DatasetError: where who acts may not: whose writing is in it may, as who adds datasets.
            OSError: where it cannot be removed, as on Windows while pages look at it.
        """
        who = actor()
        is_writer = who is not None and who.person is not None and who.person.id in kept.writers
        if (words := refusal_to_add()) and not is_writer:
            raise DatasetError(words)
        with self._opening:
            self._open.pop(kept.fingerprint, None)
        self._arrays(kept.fingerprint).unlink(missing_ok=True)
        (self.folder / f"{kept.fingerprint}.json").unlink(missing_ok=True)

    def open(self, fingerprint: str, *, verify: bool = False) -> Dataset | None:
        """A dataset, of whose images only those that are looked at are in the memory; None where it is not kept.

        Args:
            fingerprint: of the dataset.
            verify: whether all of it is read, and held against the fingerprint.

        Raises:
            DatasetError: where it is damaged.
        """
        with self._opening:
            kept = self.get(fingerprint)
            if kept is None:
                return None
            dataset = self._open.pop(fingerprint, None) or self._read(kept)
            self._open[fingerprint] = dataset
            for other in list(self._open)[:-MOST_OPEN]:
                del self._open[other]
        arrays = {name: getattr(dataset, name) for name in ARRAYS}
        if verify and Dataset(kept.name, "", **arrays, classes=kept.classes).fingerprint != fingerprint:
            raise DatasetError(_damaged(kept, "it is not what was added"))
        return dataset

    def of(self, fingerprint: str, otherwise: Dataset) -> Dataset:
        """The dataset of this fingerprint, or another one where that is not here, damaged, or none is named."""
        if not fingerprint or fingerprint == otherwise.fingerprint:
            return otherwise
        try:
            return self.open(fingerprint) or otherwise
        except DatasetError:
            return otherwise

    def rest(self) -> None:
        """Let go of the memory of images that were looked at; they are read anew where they are wanted."""
        for dataset in list(self._open.values()):
            release(dataset.x_train)
            release(dataset.x_test)

    def _described(self, dataset: Dataset, name: str, writers: Collection[str]) -> KeptDataset:
        others = self.all()
        if len(others) >= MOST:
            raise DatasetError(f"{MOST} datasets are kept, the most there can be. Remove one first.")
        return KeptDataset(
            dataset.fingerprint,
            _name(dataset, name, {other.name for other in others}),
            dataset.source,
            dataset.note,
            dataset.warnings,
            dataset.doubts,
            time.time(),
            *(
                tuple(np.bincount(labels, minlength=len(dataset.classes)).tolist())
                for labels in (dataset.y_train, dataset.y_test)
            ),
            tuple(writers),
            dataset.classes,
        )

    def _is_whole(self, kept: KeptDataset) -> bool:
        try:
            return self.open(kept.fingerprint, verify=True) is not None
        except DatasetError:  # then it is written anew
            with self._opening:
                self._open.pop(kept.fingerprint, None)
            return False

    def _read(self, kept: KeptDataset) -> Dataset:
        path = self._arrays(kept.fingerprint)
        try:
            arrays = _mapped(path)
        except (OSError, ValueError, KeyError, EOFError, struct.error, zipfile.BadZipFile) as error:
            raise DatasetError(_damaged(kept, str(error))) from error
        if any(arrays[name].max(initial=0) >= len(kept.classes) for name in ("y_train", "y_test")):
            raise DatasetError(_damaged(kept, "it has labels without a name"))
        dataset = Dataset(
            kept.name, kept.source, **arrays, note=kept.note, warnings=kept.warnings, classes=kept.classes
        )
        vars(dataset).update(fingerprint=kept.fingerprint, doubts=kept.doubts)  # known already
        return dataset

    def _arrays(self, fingerprint: str) -> Path:
        return self.folder / f"{fingerprint}.npz"


def release(images: np.ndarray) -> None:
    """Let go of the memory of an array that lies in a file, where it does; it is read anew where it is wanted."""
    if isinstance(images, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        images._mmap.madvise(mmap.MADV_DONTNEED)


def _damaged(kept: KeptDataset, why: str) -> str:
    return f"The dataset {kept.name} is damaged: {why}. Remove it on Train, and add it again from {kept.source}."


def _name(dataset: Dataset, wanted: str, taken: Collection[str]) -> str:
    """What to call a dataset; the names of those that are recognised are theirs alone."""
    known = {MNIST, EMBEDDED}
    wanted = visible(wanted)[:MOST_LETTERS].strip()
    if dataset.name in known or not wanted or wanted.casefold() in map(str.casefold, known):
        wanted = dataset.name
    return not_among({*taken, *(known - {dataset.name})}, wanted, str.casefold)


def _mapped(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz that is not compressed: the images where they lie in the file, the labels in the memory.

    Raises:
        ValueError: where they are not images and labels, or compressed.
        OSError, KeyError, EOFError, struct.error, zipfile.BadZipFile: where the file is damaged.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for name in ARRAYS:
            member = archive.getinfo(f"{name}.npy")
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{name} is compressed")
            file.seek(member.header_offset + _NAMES_AT)
            file.seek(member.header_offset + _HEAD + sum(struct.unpack("<HH", file.read(4))))
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError(f"{name} has another format")
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if dtype != np.uint8 or shape[1:] != (IMAGE_SHAPE if name.startswith("x") else ()):
                raise ValueError(f"{name} is {dtype} {shape}")
            array = np.memmap(file, np.uint8, "r", file.tell(), shape)
            arrays[name] = array if name.startswith("x") else np.array(array)
    if any(len(arrays[f"x_{part}"]) != len(arrays[f"y_{part}"]) for part in ("train", "test")):
        raise ValueError("images and labels differ in number")
    return arrays


def _checked(value: Any) -> KeptDataset | None:
    """What a file says of a dataset; None where anything is missing or damaged."""
    try:
        classes = checked(value.get("classes", DIGITS))
        return KeptDataset(
            str(value["fingerprint"]),
            visible(str(value["name"])) or "Own digits",
            str(value["source"]),
            None if value["note"] is None else str(value["note"]),
            tuple(map(str, value["warnings"])),
            tuple(map(str, value.get("doubts", ()))),
            float(value["added"]),
            *(_counts(value[part], len(classes)) for part in ("train", "test")),
            tuple(map(str, value.get("writers", ()))),
            classes,
        )
    except (TypeError, KeyError, ValueError, AttributeError):
        return None


def _counts(value: Any, classes: int) -> tuple[int, ...]:
    counts = tuple(map(int, value))
    if len(counts) != classes or min(counts) < 0:
        raise ValueError("a count for each class is wanted")
    return counts
