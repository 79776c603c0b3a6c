"""What a teacher does to what is another's, noted in the class's log by those who ask whether it may be changed.

Whatever changes a run or a sweep says in `deed` what it does, and asks before it writes (core.people.guard); who asks
then calls `note_change`. So a change is noted by whichever way it came, once, and by its outermost words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.people import log
from core.people.guard import actor, is_teacher_elsewhere
from core.people.owner import Owner
from core.people.person import People


@dataclass
class _Deed:
    note: partial | None = None  # what it was done to; takes the words


_deed: ContextVar[_Deed | None] = ContextVar("deed", default=None)


@contextmanager
def deed(did: str, then: str = "") -> Iterator[None]:
    """What is done within it, or by the function that it decorates, is noted where it succeeds.

    Args:
        did: what is done, without subject and object: "renamed"; "" where whoever does it notes it.
        then: follows the object: " to Blue".

    Raises:
        OSError: at the end, where it cannot be noted.
    """
    if _deed.get():
        yield  # of something larger, which is noted
        return
    done = _Deed()
    token = _deed.set(done)
    try:
        yield
    finally:
        _deed.reset(token)
    if did and done.note:
        done.note(did, then)


def note_change(home: Path, owner: Owner, name: str) -> None:
    """Note that the thing called `name`, which is `owner`'s, is changed, where a teacher changes what is another's.

    Raises:
        OSError: where it cannot be noted.
    """
    if not is_teacher_elsewhere(owner):
        return
    note = partial(_note, home, owner, name)
    if not (current := _deed.get()):
        note("changed")
    elif not current.note:
        current.note = note


def _note(home: Path, owner: Owner, name: str, did: str, then: str = "") -> None:
    person = People(home).get(owner.id)  # who may have another name since
    whose = f" of {person.name if person else owner.name}" if owner.id else ""
    log.note(home, actor().person, f"{did} {name}{whose}{then}")
