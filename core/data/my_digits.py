"""My digits: drawings that people saved with their label, to test and to fine-tune networks.

One file for each digit below `home`/my_digits, <id>.npz: `image` uint8 (28, 28), `picture` uint8 (h, w), its original
(0 × 0 where there is none), and `about`, JSON with label, said, run_id, when and held_out. Of a
file only the label can change.
"""

from __future__ import annotations

import calendar
import csv
import io
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from filelock import FileLock

from core.data.classes import DIGITS
from core.drawing.mnist_form import IMAGE_SHAPE
from core.people import refusal_to_make
from core.storage import until_changed, write_atomically

MOST = 2_000
MOST_PICTURE_SIDE = 512
HOLD_OUT = 3  # every third digit of a label is held out
_ID = re.compile(r"\d{8}-\d{6}-\d{9}-[0-9a-f]{4}")


class MyDigitsError(ValueError):
    """A digit cannot be saved; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class MyDigit:
    """A drawing that was saved with its label.

    Attributes:
        id: sorts by time.
        image: uint8 (28, 28), the network's input.
        label: the digit, 0 to 9.
        said: the run's prediction, None where it abstained.
        run_id: the run that predicted it.
        when: seconds since 1970.
        held_out: whether it is held out for testing, as every third digit of a label is. It is set when the digit is
            saved and never changes, so that no run is tested on what another one was trained on.
    """

    id: str
    image: np.ndarray
    label: int
    said: int | None
    run_id: str
    when: float
    held_out: bool


def _refuse_who_only_looks() -> None:
    if words := refusal_to_make():
        raise MyDigitsError(words)


class MyDigits:
    """All digits below `home`; damaged files are ignored."""

    def __init__(self, home: Path | str) -> None:
        self.folder = Path(home) / "my_digits"

    def add(
        self, image: np.ndarray, label: int, *, picture: np.ndarray | None = None, said: int | None, run_id: str
    ) -> str:
        """Save a digit and return its id; the same image twice in a row is saved once, with the newer label.

        Args:
            image: uint8 (28, 28).
            label: the digit, 0 to 9.
            picture: uint8 (H, W), (H, W, 3) or (H, W, 4), the original; saved grey and at most 512 a side.
            said: the run's prediction, None where it abstained.
            run_id: the run that predicted it.

        Raises:
            MyDigitsError: where 2,000 digits are saved already, or who acts may only look.
            ValueError: for an invalid image or label.
            OSError: where the folder cannot be written.
        """
        _refuse_who_only_looks()
        if getattr(image, "dtype", None) != np.uint8 or image.shape != IMAGE_SHAPE:
            raise ValueError("image must be uint8 (28, 28).")
        if label not in range(len(DIGITS)):
            raise ValueError(f"label must be 0 to 9, not {label!r}.")
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):  # a click may be delivered twice, to two threads
            newest = self.newest()
            same = newest is not None and (newest.image == image).all()
            if same and newest.label == label:
                return newest.id
            if len(self._ids()) >= MOST and not same:
                raise MyDigitsError(f"My digits is full: the limit is {MOST:,}. Delete some digits first.")
            now = time.time_ns()
            digit_id = self._next_id(now)
            alike = sum(digit.label == label for digit in self.all())
            about = {
                "label": int(label),
                "said": None if said is None else int(said),
                "run_id": run_id,
                "held_out": alike % HOLD_OUT == HOLD_OUT - 1,
            }
            arrays = {
                "image": image,
                "picture": _small(picture),
                "about": np.array(json.dumps({**about, "when": now / 10**9})),
            }
            write_atomically(self._path(digit_id), lambda file: np.savez_compressed(file, **arrays))
            if same:
                self.delete(newest.id)
        return digit_id

    def relabel(self, digit_id: str, label: int) -> None:
        """Give a digit another label; does nothing where the digit does not exist. It stays held out, or not.

        Raises:
            ValueError: for an invalid label.
            MyDigitsError: where who acts may only look.
            OSError: where the folder cannot be written.
        """
        if label not in range(len(DIGITS)):
            raise ValueError(f"label must be 0 to 9, not {label!r}.")
        _refuse_who_only_looks()
        if not _ID.fullmatch(digit_id) or not self.folder.is_dir():
            return
        path = self._path(digit_id)
        with FileLock(self.folder / ".lock"):
            if _read(path) is None:
                return
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            about = json.loads(str(arrays["about"])) | {"label": int(label)}
            arrays["about"] = np.array(json.dumps(about))
            write_atomically(path, lambda file: np.savez_compressed(file, **arrays))

    def delete(self, digit_id: str) -> None:
        """Delete a digit; does nothing where it does not exist.

        Raises:
            MyDigitsError: where who acts may only look.
        """
        _refuse_who_only_looks()
        if _ID.fullmatch(digit_id):
            self._path(digit_id).unlink(missing_ok=True)

    def newest(self) -> MyDigit | None:
        """The digit that was saved last, None where there is none."""
        ids = self._ids()
        return _read(self._path(ids[-1])) if ids else None

    def all(self) -> tuple[MyDigit, ...]:
        """All digits, oldest first."""
        return tuple(digit for digit in map(_read, map(self._path, self._ids())) if digit is not None)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images uint8 (n, 28, 28), labels uint8 (n,) and which are `held_out`, bool (n,), oldest first."""
        digits = self.all()
        images = np.stack([digit.image for digit in digits]) if digits else np.zeros((0, *IMAGE_SHAPE), np.uint8)
        labels = np.array([digit.label for digit in digits], np.uint8)
        return images, labels, np.array([digit.held_out for digit in digits], bool)

    def export_zip(self) -> bytes:
        """A zip file: one PNG for each digit, named by label and id, and labels.csv with the attributes of each."""
        from PIL import Image

        digits, file, table = self.all(), io.BytesIO(), io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("file", "label", "said", "run", "when", "held_out"))
        with ZipFile(file, "w", ZIP_STORED) as archive:
            for digit in digits:
                name, picture = f"{digit.label}-{digit.id}.png", io.BytesIO()
                Image.fromarray(digit.image).save(picture, "PNG")
                archive.writestr(ZipInfo(name), picture.getvalue())  # its own date: zips know none before 1980
                when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(digit.when))
                said = "" if digit.said is None else digit.said
                rows.writerow((name, digit.label, said, digit.run_id, when, int(digit.held_out)))
            archive.writestr(ZipInfo("labels.csv"), table.getvalue())
        return file.getvalue()

    def _next_id(self, now: int) -> str:
        """An id for `now`, nanoseconds; where the clock is behind the newest id, the one right after that."""
        newest = (self._ids() or [""])[-1]
        with suppress(ValueError):  # no digit yet, or a file named by somebody else
            seconds = calendar.timegm(time.strptime(newest[:15], "%Y%m%d-%H%M%S"))
            now = max(now, seconds * 10**9 + int(newest[16:25]) + 1)
        return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now // 10**9))}-{now % 10**9:09d}-{uuid4().hex[:4]}"

    def _ids(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.npz") if _ID.fullmatch(path.stem))

    def _path(self, digit_id: str) -> Path:
        return self.folder / f"{digit_id}.npz"


def _small(picture: np.ndarray | None) -> np.ndarray:
    """A picture as it is saved: uint8 (h, w), at most 512 a side, transparent parts black."""
    from PIL import Image

    if picture is None:
        return np.zeros((0, 0), np.uint8)
    image = Image.fromarray(picture)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    image = image.convert("L")
    image.thumbnail((MOST_PICTURE_SIDE, MOST_PICTURE_SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def _read(path: Path) -> MyDigit | None:
    try:
        return _parsed(path)
    except OSError:
        return None


@until_changed(maxsize=MOST)
def _parsed(path: Path) -> MyDigit | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            image, about = arrays["image"], json.loads(str(arrays["about"]))
        label, said, run_id, when = (about[name] for name in ("label", "said", "run_id", "when"))
        if image.shape != IMAGE_SHAPE or image.dtype != np.uint8 or label not in range(len(DIGITS)):
            return None
        said = said if said in range(len(DIGITS)) else None
        digit = MyDigit(path.stem, image, int(label), said, str(run_id), float(when), about.get("held_out") is True)
    except Exception:  # a damaged archive raises nearly anything
        return None
    image.setflags(write=False)
    return digit
