"""What killed processes left behind, swept up at the next start: only our own, and of nobody who still lives."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from core.storage import PARTIAL

OLD_SECONDS = 3600.0  # no file is being written for so long
_OWN = re.compile(r"digitlab-(\d+)-\w+")
_LOG = re.compile(r"(?:worker|dispatch)-(\d+)\.log")
_DRAFT = re.compile(r"\.(deleted-)?\d{8}-\d{6}-.+")  # a run that was being made or deleted


def use_own_temporary_folder() -> None:
    """Let this process, and TensorFlow in it, put temporary files where the next start finds and removes them."""
    folder = tempfile.mkdtemp(prefix=f"digitlab-{os.getpid()}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tempfile.tempdir = folder
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ[name] = folder


def remove_leftovers(home: Path, temporary: Path | None = None) -> list[Path]:
    """Remove what killed processes left in the home and in the system's temporary folder; returns what was removed."""
    removed = []
    for path in _leftovers(home, temporary or Path(tempfile.gettempdir())):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            removed.append(path)
    return removed


def _leftovers(home: Path, temporary: Path) -> list[Path]:
    runs = home / "runs"
    partials = [*runs.glob("*/.*partial*"), *runs.glob(f"*/predictions/.*{PARTIAL}"), *home.glob(f".*{PARTIAL}")]
    partials += home.glob(f"my_digits/.*{PARTIAL}")
    drafts = [path for path in runs.glob(".*") if _DRAFT.fullmatch(path.name)]
    logs = [path for path in home.glob("*-*.log") if _ended(_LOG.fullmatch(path.name))]
    own = [path for path in temporary.glob("digitlab-*") if _ended(_OWN.fullmatch(path.name)) and _is_mine(path)]
    return [path for path in [*partials, *drafts] if _is_old(path)] + logs + own


def _is_old(path: Path) -> bool:
    try:
        return abs(time.time() - path.stat().st_mtime) > OLD_SECONDS  # also by a clock that jumped
    except OSError:
        return False


def _is_mine(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()


def _ended(found: re.Match[str] | None) -> bool:
    """Whether a name was found, and the process that it tells of is gone."""
    return found is not None and int(found[1]) != os.getpid() and not lives(int(found[1]))


def lives(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    if sys.platform == "win32":  # where signal 0 would end it
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # somebody else's
    return True
