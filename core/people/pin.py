"""The teacher's PIN: kept as a slow hash in memory, compared in constant time, five tries a minute; and its parts."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections import deque

MOST_TRIES, TRIES_SECONDS = 5, 60.0  # of one place
MOST_TRIES_IN_ALL = 60  # in the same time, from all places
MOST_FIRST_TRIES = 300  # from all places, for one that has not tried yet: others cannot lock out the teacher
LEAST_LETTERS = 6  # of a PIN that a person sets
DIGITS = 6
_COST = {"n": 2**14, "r": 8, "p": 1}  # 16 MB and some 50 ms a try


class TooManyTriesError(ValueError):
    """The message says how long to wait."""


class Tries:
    """Counts who tries to guess something, and refuses those who try too often.

    Args:
        what: is guessed, in the plural, as the message says it.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._tries: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def begin(self, place: str) -> None:
        """Count a try; call it before what was typed is compared, so that those who try at once count too.

        Args:
            place: from where, such as an address; each has tries of its own.

        Raises:
            TooManyTriesError: after five wrong tries within a minute, and where all places together have had many.
        """
        now = time.monotonic()
        with self._lock:
            self._forget(now)
            mine = self._tries.setdefault(place, deque())
            in_all = sum(map(len, self._tries.values()))
            if len(mine) >= MOST_TRIES or in_all >= (MOST_TRIES_IN_ALL if mine else MOST_FIRST_TRIES):
                oldest = mine[0] if mine else min(tries[0] for tries in self._tries.values() if tries)
                seconds = max(1, round(TRIES_SECONDS - (now - oldest)))
                raise TooManyTriesError(f"Too many wrong {self._what}. Try again in {seconds} seconds.")
            mine.append(now)

    def was_right(self, place: str) -> None:
        """Forget the tries of a place, which was right."""
        with self._lock:
            self._tries.pop(place, None)

    def _forget(self, now: float) -> None:
        for place, tries in list(self._tries.items()):
            while tries and now - tries[0] >= TRIES_SECONDS:
                tries.popleft()
            if not tries:
                del self._tries[place]


class Pin:
    """A PIN that is not kept itself.

    Args:
        pin: what opens.
    """

    def __init__(self, pin: str) -> None:
        self._salt = os.urandom(16)
        self._hash = self._of(pin)
        self._tries = Tries("PINs")

    def opens(self, text: str, place: str) -> bool:
        """Whether `text` is the PIN; spaces do not matter.

        Args:
            text: what somebody typed.
            place: from where, as `Tries` has it.

        Raises:
            TooManyTriesError: as `Tries.begin`.
        """
        self._tries.begin(place)
        right = hmac.compare_digest(self._of(text), self._hash)
        if right:
            self._tries.was_right(place)
        return right

    def _of(self, pin: str) -> bytes:
        return slow_hash(pin, self._salt)


def slow_hash(pin: str, salt: bytes) -> bytes:
    """What a PIN is kept as: scrypt (RFC 7914) of it without spaces."""
    return hashlib.scrypt("".join(pin.split()).encode("utf-8", "replace"), salt=salt, **_COST)


def make_pin() -> str:
    """A PIN of six random digits."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
