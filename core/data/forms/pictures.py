"""Folders of pictures with a subfolder for each digit, 0 to 9, or other class: in it, or in its train and test."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.data.classes import DIGITS, MOST_CLASSES, Names, beside, checked
from core.data.files import MOST_IMAGES, SEED, DatasetError, Digits, Progress
from core.drawing import NO_INK, normalise_drawing
from core.drawing.ink import border
from core.drawing.mnist_form import IMAGE_SHAPE
from core.drawing.upload import FORMATS, MOST_BYTES, PictureError, read_picture

ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif")
MORE_FORMATS = (*FORMATS, "BMP", "GIF")
PARTS = {
    "train": ("train", "training", "trainingset"),
    "test": ("test", "testing", "testset", "t10k", "val", "valid", "validation"),
}
AT_ONCE = 64  # pictures that a thread reads before it says how far it is
THREADS = 4
LIGHT = 127


class Picture(NamedTuple):
    """A picture file and its label."""

    path: Path
    label: int


class Read(NamedTuple):
    """A picture in MNIST's form, uint8 (28, 28), None where it could not be; and what was done, or why not."""

    image: np.ndarray | None
    how: str


AS_IT_IS, INVERTED, BROUGHT = "as it is", "inverted", "brought"


def parts(folder: Path, folders: Iterable[Path]) -> dict[str, list[Path]]:
    """The folders of digits in a folder, by "train" and "test"; all are "train" where they lie in it themselves.

    Where there are none, but all folders have pictures, they are those of other classes.

    Raises:
        DatasetError: where there are folders beyond 9.
    """
    folders = list(folders)
    if own := _of_classes(folder, folders):
        return {"train": own}
    found = {}
    for part, names in PARTS.items():
        for below in folders:
            if below.name.lower() in names and part not in found:
                own = _of_classes(below, [path for path in _first(below) if path.is_dir()])
                if own:
                    found[part] = own
    return found


def _first(folder: Path) -> list[Path]:
    """The entries of a folder, at most a hundred: more are no folders of digits."""
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in islice(entries, 100)]


def _of_classes(folder: Path, folders: list[Path]) -> list[Path]:
    """The folders of digits, or of all classes where each is a folder of pictures."""
    digits = _of_digits(folder, folders)
    others = [path for path in folders if path not in digits and not path.name.startswith((".", "__MACOSX"))]
    if digits and not (others and all(len(path.name) == 1 for path in others)):
        return digits
    own = sorted([*digits, *others])
    parts = [name for names in PARTS.values() for name in names]
    if not 1 < len(own) <= MOST_CLASSES or any(path.name.lower() in parts for path in own):
        return digits
    return own if all(map(_has_pictures, own)) else digits


def _has_pictures(folder: Path) -> bool:
    try:
        return any(path.name.lower().endswith(ENDINGS) for path in _first(folder))
    except OSError:
        return False


def _of_digits(folder: Path, folders: Iterable[Path]) -> list[Path]:
    numbered = [path for path in folders if path.name.isdecimal()]
    own = sorted(path for path in numbered if len(path.name) == 1)
    if len(own) > 1 and len(numbered) > len(own):
        most = max(numbered, key=lambda path: int(path.name)).name
        raise DatasetError(
            f"{folder} has subfolders to {most}. Wanted: 0 to 9, a subfolder of pictures for each digit."
        )
    return own if len(own) > 1 else []


def read(folder: Path, found: dict[str, list[Path]], progress: Progress) -> Digits:
    """Read the pictures of a folder; each is brought to MNIST's form as a drawing is, unless it is in it.

    Args:
        folder: for people.
        found: what `parts` says.
        progress: called with pictures so far and pictures in all.

    Raises:
        DatasetError: where there are none, too many, or more than half cannot be read.
        OSError: where a folder cannot be read.
    """
    names = sorted({path.name for below in found.values() for path in below})
    if set(names) <= set(DIGITS):
        names, called = list(DIGITS), beside(folder, folder)
    elif (classes := checked(names)) is None:
        raise DatasetError(f"{folder} has folders whose names cannot be those of classes. Give each a short name.")
    else:
        called = Names(classes, "by its folders")
    random, listed = np.random.default_rng(SEED), [_pictures(folder, below, names) for below in found.values()]
    whole, done = sum(map(len, listed)), 0
    if not whole:
        raise DatasetError(f"{folder} has no pictures. Wanted: files that end in {', '.join(ENDINGS)}.")
    arrays, hows, failed = [], [], []
    for pictures in listed:
        images, labels = [], []
        shuffled = [pictures[place] for place in random.permutation(len(pictures))]
        blocks = [shuffled[start : start + AT_ONCE] for start in range(0, len(shuffled), AT_ONCE)]
        with ThreadPoolExecutor(THREADS) as pool:
            for block, results in zip(blocks, pool.map(_read_block, blocks), strict=True):
                for picture, result in zip(block, results, strict=True):
                    hows.append(result.how)
                    if result.image is None:
                        failed.append(f"{picture.path} ({result.how})")
                    else:
                        images.append(result.image)
                        labels.append(picture.label)
                done += len(block)
                progress(done, whole)
        if 2 * len(images) < len(pictures) or not images:
            first = f", the first: {failed[0]}" if failed else ""
            raise DatasetError(
                f"{folder}: {len(failed):,} of {done:,} pictures cannot be read{first}. Wanted: pictures that other "
                "programs show, with one digit each."
            )
        arrays += [np.stack(images), np.array(labels, np.uint8)]
    return Digits(folder, *arrays, notes=_notes(hows, failed), names=called)


def _pictures(folder: Path, below: Iterable[Path], classes: list[str]) -> list[Picture]:
    """The pictures in folders that are named by their class, in the order of their names."""
    found: list[Picture] = []
    for path in below:
        with os.scandir(path) as entries:
            names = [entry.name for entry in islice(entries, MOST_IMAGES + 1)]
        if len(found) + len(names) > MOST_IMAGES:
            raise DatasetError(f"{folder} has more than {MOST_IMAGES:,} pictures, the most that are loaded.")
        names = sorted(name for name in names if name.lower().endswith(ENDINGS) and not name.startswith("."))
        found += [Picture(path / name, classes.index(path.name)) for name in names]
    return found


def _read_block(pictures: list[Picture]) -> list[Read]:
    return [_read(picture.path) for picture in pictures]


def _read(path: Path) -> Read:
    try:
        if not path.is_file():
            return Read(None, "not a regular file")
        with path.open("rb") as file:
            picture = read_picture(file.read(MOST_BYTES + 1), MORE_FORMATS)
    except (OSError, PictureError) as error:
        return Read(None, getattr(error, "strerror", None) or str(error))
    if picture.shape[:2] == IMAGE_SHAPE and picture.shape[2:] in ((), (3,)):
        grey = picture if picture.ndim == 2 else np.rint(picture.mean(axis=2)).astype(np.uint8)
        return Read(255 - grey, INVERTED) if np.median(border(grey, 1)) > LIGHT else Read(grey, AS_IT_IS)
    image = normalise_drawing(picture)
    return Read(image, BROUGHT) if image is not None else Read(None, NO_INK)


def _notes(hows: list[str], failed: list[str]) -> list[str]:
    notes = [f"Folders go by label, so the pictures were shuffled (seed {SEED})."]
    if brought := hows.count(BROUGHT):
        notes.append(
            f"{brought:,} of {len(hows):,} pictures are not 28 × 28, or transparent; each was brought to MNIST's form "
            "as a drawing is: cropped, scaled, its pen fitted and centred."
        )
    if inverted := hows.count(INVERTED):
        notes.append(f"{inverted:,} of {len(hows):,} pictures were dark on light and are inverted.")
    if failed:
        notes.append(f"{len(failed):,} of {len(hows):,} pictures were left out, the first: {failed[0]}")
    return notes
