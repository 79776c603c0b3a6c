"""The teacher's PIN of this server: DIGITLAB_TEACHER, or six random digits that the terminal shows."""

from __future__ import annotations

import os
from functools import cache

from core.people.pin import LEAST_LETTERS, Pin, make_pin
from core.storage import printable

TEACHER = "DIGITLAB_TEACHER"


@cache
def _made() -> str:
    return make_pin()


def _told() -> str:
    return os.environ.get(TEACHER, "").strip()


def check_pin() -> None:
    """Refuse to start with a PIN that is guessed in hours.

    Raises:
        SystemExit: where the one that was set is too short.
    """
    if 0 < len(_told()) < LEAST_LETTERS:
        raise SystemExit(f"{TEACHER} is too short: choose at least {LEAST_LETTERS} letters or digits.")


@cache
def teacher_pin() -> Pin:
    """What opens the page Class, one for the process, so that wrong tries count whoever makes them."""
    return Pin(_told() or _made())


def teacher_line() -> str:
    """The line about the PIN for the terminal; what a person set is not printed."""
    pin = f"as set in {TEACHER}" if _told() else f"{printable(_made())}, for the page Class"
    return f"Teacher's PIN: {pin}"
