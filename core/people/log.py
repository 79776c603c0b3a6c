"""What the teacher did, and who came back by a code: one line each in `home`/class-log.jsonl."""

from __future__ import annotations

import time
from pathlib import Path

from core.people.person import Person
from core.storage import LineLog, append_line

FILE = "class-log.jsonl"
MOST_READ = 500


def note(home: Path, person: Person, did: str) -> None:
    """Add what a person did, as a sentence without the subject: "stopped Dense 3 of Ben".

    Raises:
        OSError: where it cannot be written.
    """
    append_line(home / FILE, {"time": time.time(), "person": person.id, "name": person.name, "did": did})


def read(home: Path) -> list[dict]:
    """The newest 500 lines, newest first; damaged ones are left out."""
    return [
        line
        for line in reversed(LineLog(home / FILE).values()[-MOST_READ:])
        if isinstance(line.get("time"), int | float) and isinstance(line.get("did"), str)
    ]
