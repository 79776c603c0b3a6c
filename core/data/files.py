"""Digits in files of any common form, and the error that says what is wrong with one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.data.classes import DIGITS, Names, named_in_words
from core.data.download import Progress
from core.storage import printable

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MOST_IMAGES = 300_000  # 235 MB an array: more than EMNIST's digits, and still fits into a laptop's memory
WANTED = (
    "Wanted: a CSV or ARFF table with a label and 784 pixels a line, an npz with images and labels, a folder with IDX "
    "files, or a folder of pictures with a subfolder for each digit, 0 to 9."
)
SEED = 0  # of the split and the order that are made here
TEST_SHARE = 7  # one image in so many is for testing, as in MNIST, where there is no test set


class DatasetError(ValueError):
    """A dataset cannot be used; the message names the file, what is wrong with it and what would be right.

    Further lines of the message, where it has any, are a program that makes what would be right.
    """

    def __init__(self, words: str) -> None:
        super().__init__(printable(words))


@dataclass(eq=False)
class Digits:
    """What a file or folder holds, in MNIST's form.

    Attributes:
        x_train, x_test: uint8 (n, 28, 28), 0 is background, 255 is full ink.
        y_train, y_test: uint8 (n,), 0 to 9, or those of `names`.
        notes: a sentence for each thing that was not as in MNIST's own files, and what was made of it.
        path: where it was read from.
        names: of its classes, where some came with it; they are `classes` where they fit the labels.
    """

    path: Path
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    names: Names | None = None
    classes: tuple[str, ...] = DIGITS

    def arrays(self) -> dict[str, np.ndarray]:
        """The four arrays; a test set that is missing is split off by a seed, which is noted."""
        if self.x_test is None:
            self._split()
        return {name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS}

    def name_classes(self) -> None:
        """Take the names that came with it for the classes, where the labels go just as far, and note it.

        Labels that may be digits must go to the very last name: a text file may belong to something else.
        """
        if self.names is None or self.names.classes == DIGITS:
            return
        labels = [some for some in (self.y_train, self.y_test) if some is not None]
        low, high = min(int(some.min()) for some in labels), max(int(some.max()) for some in labels)
        told = f"{len(self.names.classes)} classes {self.names.how}: {named_in_words(self.names.classes)}"
        others = high < len(DIGITS) and high != self.names.last and not self.names.dataset
        if low < self.names.first or high > self.names.last or others:
            self.notes.append(f"Its labels, {low} to {high}, are digits, and not {told}.")
            return
        self.classes = self.names.classes
        self.notes.append(f"Its images are of {told}.")
        if "emnist" in self.names.how.lower():
            self.notes.append(
                "EMNIST's own files have rows and columns exchanged. Where its images lie on their side, save them "
                "again, in Python: x = x.transpose(0, 2, 1)."
            )
        if first := self.names.first:
            self.y_train = self.y_train - np.uint8(first)
            self.y_test = None if self.y_test is None else self.y_test - np.uint8(first)
            self.notes.append(f"Its labels begin at {first}, and were made to begin at 0.")

    def _split(self) -> None:
        count = len(self.y_train)
        if count < 2:
            raise DatasetError(f"{self.path} has 1 image. Wanted: 2 or more, to train with some and test with others.")
        held_out = max(1, count // TEST_SHARE)
        train, test = split_evenly(self.y_train, held_out, np.random.default_rng(SEED))
        self.x_test, self.y_test = self.x_train[test], self.y_train[test]
        self.x_train, self.y_train = self.x_train[train], self.y_train[train]
        self.notes.append(
            f"It has no test set of its own: {held_out:,} of its {count:,} images, the same share of each label, were "
            f"drawn for testing, and the others shuffled for training (seed {SEED}: always the same ones)."
        )


def split_evenly(labels: np.ndarray, held_out: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Shuffle, then draw images evenly in the order of labels, so that each label has its share.

    Returns:
        The places of those that remain, and of the `held_out` ones, each in an order of their own.
    """
    shuffled = random.permutation(len(labels))
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    is_held_out = np.zeros(len(labels), bool)
    is_held_out[by_label[np.linspace(0, len(labels) - 1, held_out).astype(int)]] = True
    return shuffled[~is_held_out[shuffled]], shuffled[is_held_out[shuffled]]


def read(path: Path, progress: Progress | None = None) -> Digits:
    """Read a file or folder of any form in `core.data.forms`.

    Args:
        path: the file or folder.
        progress: called with how much is read and how much there is, in a unit that differs with the form.

    Raises:
        DatasetError: where it is of no such form, damaged, or has something else than 28 × 28 digits, or other classes
            whose names are with it.
    """
    from core.data.forms import file, folder

    progress = progress or (lambda done, whole: None)
    try:
        if path.is_dir():
            return _named(folder.read(path, progress))
        if not path.is_file():  # reading a pipe or a device might never end
            raise DatasetError(f"{path} is not a regular file or folder. {WANTED}")
        return _named(file.read(path, progress))
    except OSError as error:
        raise DatasetError(f"{error.filename or path} cannot be read: {error.strerror or error}. {WANTED}") from error


def _named(found: Digits) -> Digits:
    found.name_classes()
    return found
