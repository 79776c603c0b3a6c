"""Codes by which somebody of the class is let in again: the teacher reads six digits to them, and they type them.

One is good once, and for ten minutes. `home`/codes.json has slow hashes of them; a damaged file means no code.
"""

from __future__ import annotations

import os
import time

from filelock import FileLock

from core.people.person import People, Person, PersonError
from core.people.pin import Tries, make_pin, slow_hash
from core.storage import read_json, write_json

FILE = "codes.json"
GOOD_SECONDS = 600.0


class Codes:
    """The codes of a class; one for the process, so that wrong tries count whoever makes them.

    Args:
        people: of the class.
    """

    def __init__(self, people: People) -> None:
        self._people = people
        self._path = people.home / FILE
        self._tries = Tries("codes")

    def make(self, person: Person) -> str:
        """A new code for a person, whose earlier one is good no more.

        Raises:
            PersonError: where the person was removed.
            OSError: where it cannot be written.
        """
        if self._people.get(person.id) is None:
            raise PersonError(f"{person.name} was removed from the class.")
        with self._changing():
            salt, kept = self._read()
            kept = {digest: each for digest, each in kept.items() if each[0] != person.id}
            while (digest := _digest(code := make_pin(), salt)) in kept:
                pass  # it is another's
            self._write(salt, {**kept, digest: (person.id, time.time() + GOOD_SECONDS)})
        return code

    def take(self, text: str, place: str) -> tuple[Person, str] | None:
        """The person whose code this is, with one more key of theirs; None where it is no code (any more).

        Args:
            text: what somebody typed; spaces do not matter.
            place: from where, as `Tries` has it.

        Raises:
            TooManyTriesError: as `Tries.begin`.
            PersonError: where the person was removed at this moment.
            OSError: where it cannot be written.
        """
        self._tries.begin(place)
        with self._changing():
            salt, kept = self._read()
            person_id, _ = kept.pop(_digest(text, salt), ("", 0.0))
            person = self._people.get(person_id)
            if person is None:
                return None
            self._write(salt, kept)  # before there is a key
        key = self._people.add_key(person)
        self._tries.was_right(place)
        return person, key

    def _changing(self) -> FileLock:
        self._people.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._people.folder / ".codes.lock")

    def _read(self) -> tuple[bytes, dict[str, tuple[str, float]]]:
        """The salt of all hashes, and of each good code whose it is and until when, by its hash."""
        stored, now = read_json(self._path), time.time()
        try:
            salt = bytes.fromhex(stored["salt"])
            codes = {digest: (str(whose), float(until)) for digest, (whose, until) in stored["codes"].items()}
        except (TypeError, KeyError, ValueError, AttributeError):
            return os.urandom(16), {}
        return salt, {digest: each for digest, each in codes.items() if now < each[1] <= now + GOOD_SECONDS}

    def _write(self, salt: bytes, codes: dict[str, tuple[str, float]]) -> None:
        write_json(self._path, {"salt": salt.hex(), "codes": codes})


def _digest(code: str, salt: bytes) -> str:
    return slow_hash(code, salt).hex()
