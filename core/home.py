"""Where runs and my digits are kept: DIGITLAB_HOME, or else the folder `digitlab-home` beside the program."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
NAME = "digitlab-home"


def absolute(path: Path | str) -> Path:
    """A path as somebody wrote it, wherever it is read later: "~" is the user's own folder, ".." the one above.

    It may be in quotes, or an address as a browser and a file manager copy it: file:///home/me/digits.csv.
    """
    text = os.fspath(path).strip()
    if len(text) > 1 and text[0] == text[-1] in "'\"":
        text = text[1:-1]
    if text.startswith("file:/"):  # `Path` makes one slash of several
        text = unquote(urlsplit(text).path)
        text = text.lstrip("/") if os.name == "nt" else text
    return Path(os.path.abspath(os.path.expanduser(text)))


def home_folder(home: Path | str | None = None) -> Path:
    """`home`, or what DIGITLAB_HOME says, or the folder beside the program, from wherever that was started."""
    chosen = home or os.environ.get("DIGITLAB_HOME")
    return absolute(chosen) if chosen else ROOT / NAME


def older_home() -> Path | None:
    """A home in the folder where this was started, as earlier versions made it; None where DIGITLAB_HOME is set."""
    try:
        found = absolute(NAME)
        is_older = not os.environ.get("DIGITLAB_HOME") and found != ROOT / NAME and (found / "runs").is_dir()
    except OSError:  # the folder where this was started is gone, or may not be read
        return None
    return found if is_older else None
