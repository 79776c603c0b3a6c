"""Whose runs and sweeps are: the line that says it, their names in lists, and which of them lists have.

On a machine of one's own all is one's own, and nothing of this is seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import streamlit as st

from core.people import Owner, People, Person
from core.runs import RunView
from core.runs.starter import Starter
from core.sweeps import Sweep
from dashboard.components.address import recall, remember, restore
from dashboard.components.people import people, this_person
from dashboard.components.session import EVERY_PAGE
from dashboard.components.text import escape_markdown
from dashboard.components.views import view

NOBODYS = "nobody's"  # of the class: it was made without one, or in a terminal
NAMES_SECONDS = 5.0  # after which a name is read again
MINE, EVERYBODYS = "mine", "all"  # in the address
CHOICES = {MINE: "Mine", EVERYBODYS: "Everybody's"}
MAY_LOOK = {
    "run": "You can look at it, compare it and use its settings.",
    "sweep": "You can look at it and its runs, compare them and use their settings.",
}

Thing = TypeVar("Thing", RunView, Sweep)


def show_whose(thing: RunView | Sweep) -> None:
    """Say whose a run or a sweep is, and what can be done with it, where it is not one's own."""
    person, owner = this_person(), thing.owner
    if person is None or owner.id == person.id or isinstance(thing, Starter):
        return
    kind = "run" if isinstance(thing, RunView) else "sweep"
    words = f"{escape_markdown(_name_now(owner))}'s {kind}." if owner.id else f"Nobody of the class made this {kind}."
    may = "As the teacher you can change it. " if person.is_teacher else ""
    st.caption(f":material/person: {words} {may}{MAY_LOOK[kind]}")


def owners_behind(things: Iterable[Thing]) -> dict[str, str]:
    """What stands behind the name of each of these by its id: " · Ben", " · nobody's", or "" where it is one's own."""
    person = this_person()
    return {thing.id: _behind(thing, person) for thing in things}


def _behind(thing: Thing, person: Person | None) -> str:
    if person is None or isinstance(thing, Starter) or (owner := thing.owner).id == person.id:
        return ""
    return f" · {_name_now(owner) if owner.id else NOBODYS}"


def full_name(thing: RunView | Sweep) -> str:
    """Its name, and behind it whose it is where it is another's: "Dense 3 · Ben"."""
    return thing.name + owners_behind([thing])[thing.id]


def listed(things: Iterable[Thing], *named: str) -> list[Thing]:
    """Those that lists have: one's own, or everybody's where that is chosen; and those with the ids `named`."""
    return list(things) if shows_everybodys() else own(things, *named)


def own(things: Iterable[Thing], *named: str) -> list[Thing]:
    """Those that are one's own, and those with the ids `named`."""
    person = this_person()
    return [thing for thing in things if person is None or thing.owner.id == person.id or thing.id in named]


def shows_everybodys() -> bool:
    """Whether lists have everybody's, or only one's own."""
    return recall(EVERY_PAGE, "whose", MINE) == EVERYBODYS


def choose_whose() -> None:
    """Show, in a class, the choice between one's own and everybody's, which the address keeps."""
    shown = EVERYBODYS if shows_everybodys() else MINE
    restore(EVERY_PAGE, "whose")
    st.segmented_control(
        "Runs and sweeps in lists",
        list(CHOICES),
        default=shown,
        required=True,
        format_func=CHOICES.get,
        label_visibility="collapsed",
        **view("whose", shown, partial(remember, EVERY_PAGE, "whose"), CHOICES),
    )


def _name_now(owner: Owner) -> str:
    return _name(people().home, owner, int(time.monotonic() // NAMES_SECONDS))


@lru_cache(maxsize=4096)
def _name(home: Path, owner: Owner, moment: int) -> str:
    """The name of a person as it is now; the one that they had, where they were removed."""
    now = People(home).get(owner.id)
    return now.name if now else owner.name
