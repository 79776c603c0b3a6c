"""Whose a run or a sweep is: a file of its folder, written once, before the folder appears."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from core.names import visible
from core.storage import read_json, write_json

FILE = "owner.json"


class Owner(NamedTuple):
    """A person's `id` and the `name` that they had; both "" for nobody, whose all is on a machine of one's own."""

    id: str = ""
    name: str = ""


NOBODY = Owner()


def note_owner(folder: Path, owner: Owner) -> None:
    """Note whose a folder is that nobody knows yet; nothing for nobody."""
    if owner.id:
        write_json(folder / FILE, owner._asdict())


def owner_of(folder: Path) -> Owner:
    """Whose a run's or a sweep's folder is. Read once in a process: it never changes."""
    return _owner(str(folder))


@lru_cache(maxsize=50_000)
def _owner(folder: str) -> Owner:
    stored = read_json(Path(folder) / FILE)
    if not isinstance(stored, dict) or not isinstance(stored.get("id"), str):
        return NOBODY
    name = stored.get("name")
    return Owner(stored["id"], visible(name) if isinstance(name, str) else "")
