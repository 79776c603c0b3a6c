"""The people of a class: a name each, and a key that their browser keeps. No account, no e-mail, no password.

A person is a file, `home`/people/<id>.json, and a folder beside it for what is theirs alone: `my_digits`. Whoever has
a key of theirs is the person; the file has only its hash. Each browser has its own: one more for each that the teacher
let in again (core.people.codes).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.names import not_among, visible
from core.storage import read_json, write_json

FOLDER = "people"
COOKIE = "digitlab_person"  # in which a browser keeps its person's key
MOST_LETTERS, MOST_PEOPLE = 40, 2000
MOST_KEYS = 20  # of a person; one more takes the place of the oldest
HERE_SECONDS = 5.0  # between two notes that somebody is here
_ID = re.compile(r"[0-9a-f]{12}")
_KEY = re.compile(r"([0-9a-f]{12})\.([A-Za-z0-9_-]{22,64})")


class PersonError(ValueError):
    """A name cannot be taken; the message says why and what to do."""


@dataclass(frozen=True)
class Person:
    """Somebody of the class.

    Attributes:
        id: 12 hexadecimal digits.
        name: what they typed, with a number where another has the same.
        is_teacher: whether they may change what is others', and see the page Class.
    """

    id: str
    name: str
    is_teacher: bool = False


class People:
    """All people of the home `home`."""

    def __init__(self, home: Path | str) -> None:
        self.home = Path(home)
        self.folder = self.home / FOLDER

    def join(self, name: str) -> tuple[Person, str]:
        """A new person, and the key by which their browser is known from then on.

        Raises:
            PersonError: for a name that cannot be seen or is too long, and where the class is full.
            OSError: where it cannot be written.
        """
        name = _checked(name)
        with self._changing():
            person = Person(secrets.token_hex(6), self._free(name))
            key, kept = _make_key(person)
            self._write(person, [kept])
        return person, key

    def add_key(self, person: Person) -> str:
        """One more key of a person, by which another browser is known. Whoever gets it is a pupil, also a teacher.

        Raises:
            PersonError: where the person was removed.
            OSError: where it cannot be written.
        """
        with self._changing():
            key, kept = _make_key(person)
            self._change(person, [kept], is_teacher=False)
        return key

    def of_key(self, key: str | None) -> Person | None:
        """The person whose key this is, None where it is nobody's."""
        found = _KEY.fullmatch(key or "")
        if not found:
            return None
        stored = self._read(found[1])
        mine = _hash(found[2])
        if stored is None or not any(hmac.compare_digest(each, mine) for each in _kept_keys(stored)):
            return None
        return _person(found[1], stored)

    def of_login(self, subject: str, name: str, *, is_teacher: bool = False) -> Person:
        """The person who a school's server says it is: `subject` never changes, and nobody else has it.

        Raises:
            OSError: where it cannot be written.
        """
        person_id = hashlib.sha256(subject.encode()).hexdigest()[:12]
        known = self.get(person_id)
        if known is not None and known.is_teacher == is_teacher:
            return known
        with self._changing():
            free = known.name if known else self._free(visible(name)[:MOST_LETTERS] or "Somebody")
            person = Person(person_id, free, is_teacher)
            self._write(person, [])
        return person

    def get(self, person_id: str) -> Person | None:
        """The person of that id, None where there is none."""
        stored = self._read(person_id)
        return None if stored is None else _person(person_id, stored)

    def all(self) -> list[Person]:
        """Everybody, by name."""
        found = [self.get(path.stem) for path in self.folder.glob("*.json")]
        return sorted((person for person in found if person), key=lambda person: person.name.casefold())

    def rename(self, person: Person, name: str) -> Person:
        """Give a person another name.

        Raises:
            PersonError: as in `join`, or where the person was removed.
        """
        name = _checked(name)
        with self._changing():
            others = [other for other in self.all() if other.id != person.id]
            return self._change(person, name=_numbered(others, name))

    def set_teacher(self, person: Person, is_teacher: bool) -> Person:
        """Make a person a teacher, or a pupil again.

        Raises:
            PersonError: where the person was removed.
        """
        with self._changing():
            return self._change(person, is_teacher=is_teacher)

    def end_teaching(self) -> None:
        """Make every teacher a pupil again, as at the start of a server, which has a PIN of its own."""
        for person in self.all():
            if person.is_teacher:
                self.set_teacher(person, False)

    def remove(self, person: Person) -> None:
        """Forget a person, and remove what is theirs alone; their runs stay."""
        (self.folder / f"{person.id}.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder / person.id, ignore_errors=True)

    def note_here(self, person: Person) -> None:
        """Note that a person is here now."""
        path = self.folder / f"{person.id}.json"
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > HERE_SECONDS:
                os.utime(path)

    def last_seen(self, person: Person) -> float:
        """When a person was here last, in seconds since 1970; 0 where that is not known."""
        with suppress(OSError):
            return (self.folder / f"{person.id}.json").stat().st_mtime
        return 0.0

    def _change(self, person: Person, more_keys: Sequence[str] = (), **changes: Any) -> Person:
        stored = self._read(person.id)
        if stored is None:
            raise PersonError("This name was removed from the class. Type your name again.")
        changed, seen = replace(_person(person.id, stored), **changes), self.last_seen(person)
        self._write(changed, [*_kept_keys(stored), *more_keys][-MOST_KEYS:])
        with suppress(OSError):
            os.utime(self.folder / f"{person.id}.json", (seen, seen))  # the teacher may have changed it
        return changed

    def _free(self, name: str) -> str:
        everybody = self.all()
        if len(everybody) >= MOST_PEOPLE:
            raise PersonError(f"The class is full: it has {MOST_PEOPLE:,} names. Ask the teacher to clear it.")
        return _numbered(everybody, name)

    def _changing(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")

    def _read(self, person_id: str) -> dict | None:
        if not _ID.fullmatch(person_id):
            return None
        stored = read_json(self.folder / f"{person_id}.json")
        return stored if isinstance(stored, dict) and isinstance(stored.get("name"), str) else None

    def _write(self, person: Person, keys: Sequence[str]) -> None:
        values = {"name": person.name, "is_teacher": person.is_teacher, "keys": list(keys)}
        write_json(self.folder / f"{person.id}.json", values)


def own_home(home: Path, person_id: str) -> Path:
    """Where what is a person's alone is kept: below the home, or the home itself where `person_id` is ""."""
    return home / FOLDER / person_id if _ID.fullmatch(person_id) else home


def _numbered(others: Sequence[Person], name: str) -> str:
    """The name, shortened and with a number where another has it, be it in other capitals."""
    taken = {other.name.casefold() for other in others}
    short = name if name.casefold() not in taken else name[: MOST_LETTERS - len(f" ({MOST_PEOPLE})")].rstrip()
    return not_among(taken, short, str.casefold)


def _checked(name: str) -> str:
    name = visible(name)
    if not 1 <= len(name) <= MOST_LETTERS:
        raise PersonError(f"Type a name of 1 to {MOST_LETTERS} letters.")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise PersonError("The name is not valid UTF-8 text. Type it again.") from error
    return name


def _person(person_id: str, stored: dict) -> Person:
    return Person(person_id, visible(stored["name"])[:MOST_LETTERS] or person_id, stored.get("is_teacher") is True)


def _make_key(person: Person) -> tuple[str, str]:
    """A new key of a person, and what is kept of it."""
    secret = secrets.token_urlsafe(24)
    return f"{person.id}.{secret}", _hash(secret)


def _kept_keys(stored: dict) -> list[str]:
    keys = stored.get("keys", [stored.get("key")])  # earlier files have one
    return [key for key in keys if isinstance(key, str) and key.isascii()] if isinstance(keys, list) else []


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # of 24 random bytes, which nobody guesses
