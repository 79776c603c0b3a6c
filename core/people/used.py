"""The time that the runs of a person have trained which were deleted since: it counts for the limit of minutes."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from core.people.person import People, own_home
from core.storage import read_json, write_json

FILE = "used.json"


def used_seconds(home: Path, person_id: str) -> float:
    """How long the deleted runs of a person have trained."""
    stored = read_json(own_home(home, person_id) / FILE)
    seconds = stored.get("seconds") if isinstance(stored, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 0.0


def note_used(home: Path, person_id: str, seconds: float) -> None:
    """Count the time of a run that is deleted; nothing for nobody's, nor for that of a name that was removed.

    Raises:
        OSError: where it cannot be written.
    """
    folder = own_home(home, person_id)
    if folder == home or seconds <= 0 or People(home).get(person_id) is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".used.lock"):
        write_json(folder / FILE, {"seconds": used_seconds(home, person_id) + seconds})
