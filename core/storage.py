"""Files written whole or not at all, and readers that return None for damaged ones."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout

REPLACE_SECONDS = 5.0  # Windows refuses to replace a file while somebody reads it
READ_SECONDS = 1.0 if sys.platform == "win32" else 0.0  # and to read one that is being replaced
RETRY_SECONDS = 0.02
PARTIAL = ".partial"  # the end of a file's name while it is written
LARGEST_INTEGER = 2**63  # tables and other programs take no larger ones
NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
NO_LOCKS = {getattr(errno, name, -1) for name in ("ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP")}


# What went wrong, in words


def printable(text: object) -> str:
    """The text with "?" for what UTF-8 cannot encode, as some paths contain."""
    return str(text).encode(errors="replace").decode()


def explain_os_error(error: OSError) -> str:
    """An error of the operating system as sentences: what happened, to which file, and what to do next."""
    path = printable(error.filename or "")
    if error.errno in NO_SPACE:
        return f"No space is left on the disk{f' that holds {path}' if path else ''}. Free some space and try again."
    if error.errno in NO_LOCKS:
        return (
            f"The file system of {path or 'the runs'} does not support file locks, which training needs. Set "
            "DIGITLAB_HOME to a folder on a local disk."
        )
    path = path or "A file"
    if error.errno == errno.EROFS:
        return f"{path} cannot be written: its disk is read-only. Set DIGITLAB_HOME to a folder that can be written."
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{path} cannot be read or written: permission denied. Change its permissions, or set DIGITLAB_HOME to "
            "another folder."
        )
    if error.errno == errno.ENOENT:
        missing = path if not error.filename or Path(path).parent.exists() else f"The folder of {path}"
        return f"{missing} does not exist. Check the path; it may have been deleted meanwhile."
    if error.errno == errno.EISDIR:
        return f"{path} is a folder. Choose a file."
    if error.errno == errno.ENOTDIR:
        return f"{path} cannot be used: what should be a folder in its path is a file. Choose another path."
    return f"{path} cannot be used: {printable(error.strerror or error)}."


# Writing


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside `path` by calling `write`, flush it to disk, and move it to `path` in one step.

    Raises:
        OSError: where that fails; it names `path`, which is unchanged.
    """
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        replace(partial, path)
    except OSError as error:
        raise _of_file(error, path) from error  # a full disk names no file, other errors the temporary one
    finally:
        _remove(partial)


def _of_file(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path)) if error.errno else error


def replace(source: Path, target: Path) -> None:
    """Move a file over another in one step; on Windows, retry while that one is being read."""
    _retry_denied(lambda: source.replace(target), REPLACE_SECONDS)


def _remove(path: Path) -> None:
    with suppress(OSError):  # a read-only disk: the earlier error is the one to report
        path.unlink(missing_ok=True)


def _retry_denied(action: Callable[[], Any], seconds: float) -> Any:
    """Call `action` again for so many seconds while access is denied."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return action()
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_SECONDS)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON, whole or not at all."""
    text = json.dumps(value, indent=1)
    write_atomically(path, lambda file: file.write(text.encode()))


def write_array(path: Path, array: np.ndarray) -> None:
    """Write one array in NumPy's format, whole or not at all."""
    write_atomically(path, lambda file: np.save(file, array, allow_pickle=False))


def append_line(path: Path, value: object) -> None:
    """Append `value` as one line of JSON; an incomplete last line is ended first."""
    line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
    try:
        with path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line
            file.write(line)
    except OSError as error:
        raise _of_file(error, path) from error


# Locks

_PROBE = threading.RLock()  # reentrant: a signal handler may probe in the middle of a probe


def is_locked(path: Path) -> bool:
    """Whether a process of this machine holds the lock file at `path`, which the system frees however it ends."""
    if not path.exists():
        return False  # and trying would make it, with the folder of a run that was deleted
    with _PROBE:  # two threads that probe at once would take each other for the holder
        try:
            with FileLock(path).acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False


# Reading


class Version(NamedTuple):
    """What is another whenever a file or folder was changed; `modified` is in nanoseconds."""

    inode: int
    modified: int
    size: int


def version(path: Path, *, missing_ok: bool = False) -> Version:
    """The version of the file or folder at `path`; zeros where there is none, if that is allowed.

    Raises:
        OSError: where there is none.
    """
    try:
        stat = path.stat()
    except OSError:
        if missing_ok:
            return Version(0, 0, 0)
        raise
    return Version(stat.st_ino, stat.st_mtime_ns, stat.st_size)


def until_changed(maxsize: int) -> Callable[[Callable], Callable]:
    """Keep what a function makes of a file, for everybody in this process, until the file changes.

    The function takes the file's path and what else tells results apart. At most `maxsize` results are kept, those
    used last. What is raised is not kept; callers must not change what they get.

    Raises:
        OSError: by the function, where there is no such file.
    """

    def keep(read: Callable) -> Callable:
        @lru_cache(maxsize)
        def kept(path: str, version: Version, *others: object) -> Any:
            return read(Path(path), *others)

        @wraps(read)
        def current(path: Path, *others: object) -> Any:
            return kept(str(path), version(path), *others)

        return current

    return keep


def read_json(path: Path, check: Callable[[Any], Any] | None = None) -> Any:
    """The JSON value in `path`, or None where the file is missing or damaged. Callers must not change it.

    Numbers that are not finite or have more than 64 bits are None, and text is made valid UTF-8.

    Args:
        path: the file.
        check: turns the value into another one, None where the file is missing or damaged; its result is cached
            until the file changes.
    """
    try:
        return _retry_denied(lambda: _parsed(path, check), READ_SECONDS)
    except (OSError, ValueError):
        return check(None) if check else None


@until_changed(maxsize=65_536)
def _parsed(path: Path, check: Callable[[Any], Any] | None) -> Any:
    value = parse_json(path.read_bytes())
    return check(value) if check else value


def parse_json(data: bytes) -> Any:
    """Parse JSON with the limits of `read_json`; None where it is damaged or nested too deeply."""
    try:
        return _usable(json.loads(data))
    except (ValueError, RecursionError, MemoryError):
        return None


def _usable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else printable(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -LARGEST_INTEGER <= value < LARGEST_INTEGER else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_usable(each) for each in value]
    return {_usable(name): _usable(each) for name, each in value.items()}


def read_array(path: Path) -> np.ndarray | None:
    """The array in `path`, or None where the file is missing or damaged."""
    try:
        array = np.load(path, allow_pickle=False)
    except Exception:  # a damaged header raises many kinds, even tokenize.TokenError
        return None
    return array if isinstance(array, np.ndarray) else None


class LineLog:
    """A growing file of JSON lines; each call reads only the new lines, for all threads.

    Attributes:
        damaged: how many of the complete lines so far are not JSON objects.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._lock = threading.Lock()
        self._inode, self._offset = None, 0
        self._values: list[dict] = []

    def values(self) -> list[dict]:
        """The JSON objects of all complete lines so far; damaged lines are left out. Callers must not change it."""
        with self._lock:
            try:
                stat = self.path.stat()
                if (stat.st_ino, True) != (self._inode, stat.st_size >= self._offset):
                    self._inode, self._offset, self._values, self.damaged = stat.st_ino, 0, [], 0
                if stat.st_size > self._offset:
                    self._read_new_lines()
            except OSError:
                return []
            return self._values

    def _read_new_lines(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        lines = [line for line in whole.splitlines() if line.strip()]
        new = [value for value in map(parse_json, lines) if isinstance(value, dict)]
        self.damaged += len(lines) - len(new)
        self._values = self._values + new
