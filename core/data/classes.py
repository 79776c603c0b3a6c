"""What the labels of a dataset are called: the digits, or the names that come with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.names import visible
from core.storage import printable

DIGITS: tuple[str, ...] = tuple("0123456789")
LEAST_CLASSES, MOST_CLASSES = 2, 47  # EMNIST's balanced letters and digits are 47
MOST_LETTERS = 40  # of a name
MOST_LISTED = 5  # names
MOST_BYTES = 10_000  # of a file of names
TEXT_FILES = ("classes.txt", "labels.txt", "class_names.txt")
ARRAYS = ("classes", "class_names", "classnames", "label_names", "labelnames", "labels")
HOW_TO_NAME = (
    f"For other classes, up to {MOST_CLASSES}, put a text file classes.txt beside it, with the name of a class a line: "
    "the first is that of label 0."
)


@dataclass(frozen=True)
class Names:
    """The names of a dataset's classes.

    Attributes:
        classes: in the order of their labels.
        how: where they are from, as half a sentence: "by the file classes.txt".
        first: the label of the first one.
        dataset: what the dataset is called where it was recognised, "" for others.
    """

    classes: tuple[str, ...]
    how: str
    first: int = 0
    dataset: str = ""

    @property
    def last(self) -> int:
        """The label of the last one."""
        return self.first + len(self.classes) - 1


_UPPER = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_BALANCED = (*DIGITS, *_UPPER, *"abdefghnqrt")
_KNOWN = (  # a pattern in a path, the dataset, its classes, the label of the first
    (
        r"fashion[-_ ]?mnist",
        "Fashion-MNIST",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        0,
    ),
    (
        r"(?<![a-z])k[-_ ]?mnist|kuzushiji[-_ ]?mnist",
        "KMNIST",
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        0,
    ),
    (r"emnist[-_ ]?letters", "EMNIST letters", _UPPER, 1),
    (r"emnist[-_ ]?(?:balanced|bymerge)", "EMNIST balanced", _BALANCED, 0),
)


def checked(names: Iterable[object]) -> tuple[str, ...] | None:
    """Names as they can be shown, 2 to 47, each once; None where they are no such names."""
    found = tuple(visible(printable(name))[:MOST_LETTERS].strip() if isinstance(name, str) else "" for name in names)
    if not LEAST_CLASSES <= len(found) <= MOST_CLASSES or not all(found) or len(set(found)) < len(found):
        return None
    return found


def named_in_words(classes: Sequence[str]) -> str:
    """Names as people read them, the first and the last where there are many: "A, B, C … Z"."""
    return ", ".join(classes) if len(classes) <= MOST_LISTED else f"{', '.join(classes[:3])} … {classes[-1]}"


def beside(folder: Path, path: Path, about: str = "") -> Names | None:
    """The names of the classes of a dataset by a text file in its folder, or else by what its path says.

    Args:
        folder: that has its files.
        path: of the dataset, a file or a folder.
        about: the beginning of its files' names, where they have one in common.
    """
    return _by_text(folder) or _by_mapping(folder, about or path.name) or _by_name(path, about)


def in_array(name: str, names: Sequence[object]) -> Names | None:
    """The names in an array called `name`."""
    texts = [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in names]
    found = checked(texts)
    return Names(found, f"by the array {name}") if found else None


def _by_text(folder: Path) -> Names | None:
    for name in TEXT_FILES:
        lines = _lines(folder / name)
        if lines and (found := checked(lines)):
            return Names(found, f"by the file {name}")
    return None


def _by_mapping(folder: Path, about: str) -> Names | None:
    """EMNIST's own file: a label and the codes of its characters a line, of which the first is the capital."""
    about = about.lower()
    for path in sorted(folder.glob("*-mapping.txt")):
        if not about.startswith(path.name.lower().removesuffix("-mapping.txt")):
            continue
        rows = [line.split() for line in _lines(path) or ()]
        if not rows or not all(len(row) > 1 and all(map(str.isdecimal, row)) for row in rows):
            continue
        labels = [int(row[0]) for row in rows]
        found = checked(chr(int(row[1])) if int(row[1]) < 0x110000 else "" for row in rows)
        if found and labels == list(range(labels[0], labels[0] + len(rows))):
            return Names(found, f"by the file {path.name}", labels[0])
    return None


def _by_name(path: Path, about: str) -> Names | None:
    for text in (about, *reversed(path.parts[-4:])):
        for pattern, dataset, classes, first in _KNOWN:
            if named := re.search(pattern, text.lower()):
                return Names(classes, f"by the name {named[0]}", first, dataset)
    return None


def _lines(path: Path) -> list[str] | None:
    """The lines of a small text file, None where there is none."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    return [line.strip() for line in text.splitlines() if line.strip()]
