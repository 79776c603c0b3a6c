"""Files that survive: writes that happen whole or not at all, readers that take what is whole."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file beside `path`, flush it to disk and put it in `path`'s place in one step."""
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    try:
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON, whole or not at all."""
    text = json.dumps(value, indent=1)
    write_atomically(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> Any:
    """What `path` holds, or None where it is missing or damaged. Callers must not change what they get."""
    try:
        stat = path.stat()
        return _parsed(str(path), stat.st_ino, stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=2048)
def _parsed(path: str, inode: int, modified: int, size: int) -> Any:
    return json.loads(Path(path).read_bytes())


def write_array(path: Path, array: np.ndarray) -> None:
    """Write one array in NumPy's format, whole or not at all."""
    write_atomically(path, lambda file: np.save(file, array, allow_pickle=False))


def read_array(path: Path) -> np.ndarray | None:
    """The array in `path`, or None where the file is missing or damaged."""
    try:
        array = np.load(path, allow_pickle=False)
    except Exception:  # a damaged header raises many kinds, even tokenize.TokenError
        return None
    return array if isinstance(array, np.ndarray) else None


def append_line(path: Path, value: object) -> None:
    """Add `value` as one line of JSON; a line that an earlier writer left half is ended first."""
    line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
    with path.open("ab+") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)


class LineLog:
    """A file of JSON lines that grows; each read takes up only what is new, and is shared by all threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._inode, self._offset = None, 0
        self._values: list[dict] = []

    def values(self) -> list[dict]:
        """All whole lines so far that hold a JSON object; damaged ones are left out. Not to be changed."""
        with self._lock:
            try:
                stat = self.path.stat()
                if (stat.st_ino, True) != (self._inode, stat.st_size >= self._offset):
                    self._inode, self._offset, self._values = stat.st_ino, 0, []
                if stat.st_size > self._offset:
                    self._take_up_new_lines()
            except OSError:
                return []
            return self._values

    def _take_up_new_lines(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        new = (_object(line) for line in whole.splitlines())
        self._values = self._values + [value for value in new if value is not None]


def _object(line: bytes) -> dict | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
