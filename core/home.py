"""Where runs and my digits are kept: DIGITLAB_HOME, or else the folder `digitlab-home` beside the program."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "digitlab-home"


def absolute(path: Path | str) -> Path:
    """A path as somebody wrote it, wherever it is read later: "~" is the user's own folder, ".." the one above."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def home_folder(home: Path | str | None = None) -> Path:
    """`home`, or what DIGITLAB_HOME says, or the folder beside the program, from wherever that was started."""
    chosen = home or os.environ.get("DIGITLAB_HOME")
    return absolute(chosen) if chosen else ROOT / NAME


def older_home() -> Path | None:
    """A home in the folder where this was started, in which earlier versions kept runs; None where it is in use."""
    try:
        found = absolute(NAME)
        return found if found != home_folder() and (found / "runs").is_dir() else None
    except OSError:  # the folder where this was started is gone, or may not be read
        return None


def older_home_note() -> str:
    """What to say of an older home, with what to do; "" without one."""
    found = older_home()
    return (found and f"There are older runs in {found}. To see them, start with DIGITLAB_HOME={found}.") or ""
