"""The teacher's PIN of this server: DIGITLAB_TEACHER, or six random digits that the terminal shows."""

from __future__ import annotations

import os
from functools import cache

from core.people.pin import Pin, make_pin
from core.storage import printable

TEACHER = "DIGITLAB_TEACHER"


@cache
def _made() -> str:
    return make_pin()


def _told() -> str:
    return os.environ.get(TEACHER, "").strip()


@cache
def teacher_pin() -> Pin:
    """What opens the page Class, one for the process, so that wrong tries count whoever makes them."""
    return Pin(_told() or _made())


def teacher_line() -> str:
    """The line about the PIN for the terminal; what a person set is not printed."""
    pin = f"as set in {TEACHER}" if _told() else f"{printable(_made())}, for the page Class"
    return f"Teacher's PIN: {pin}"
