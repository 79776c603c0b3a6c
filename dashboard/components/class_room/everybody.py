"""Everybody of the class in a table that follows by itself, and what the teacher does for one or for all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.classroom import acts
from core.classroom.roll import Row, call_the_roll
from core.learners import forget_learner, learner_of
from core.people import Person, read_rules
from core.people.person import MOST_LETTERS
from core.runs import Run
from dashboard.components.class_room.let_in import show_let_in
from dashboard.components.class_room.teacher import as_teacher, note, this_teacher
from dashboard.components.formatting import duration_in_words
from dashboard.components.people import people
from dashboard.components.progress import per_cent_done
from dashboard.components.question import ask, asked, show_question
from dashboard.components.session import services, store
from dashboard.components.text import escape_markdown

LOOK_SECONDS = 2.0
QUESTION = "class_question"  # under which the session keeps what is asked, and of whom
TABLE = "class_table"  # under which it keeps the table that was drawn last: a `_Table`
SHOWN_FOR = "class_shown_for"  # under which it keeps the ids for whom the buttons are
MOST_ROWS = 32
MOST_NAMED = 3  # in a sentence
NOBODY = "Nobody was removed. Choose names first; you stay yourself."


class _Table(NamedTuple):
    """A table whose rows can be chosen: its key, the ids of its rows, and the rows that are chosen at first.

    What is chosen are places in it, so that other rows have a table of their own, which begins with the same names.
    """

    key: str
    ids: tuple[str, ...]
    first: list[int]


def show_everybody() -> None:
    """Show how the class stands, the buttons, and the table in which is chosen for whom they are."""
    _standing()
    _actions()
    _ask_first()
    _table()


@st.fragment(run_every=LOOK_SECONDS)
def _standing() -> None:
    rows = call_the_roll(people(), store())
    waiting = sum(row.waiting for row in rows)
    if read_rules(store().home).everybody_waits:
        wait = f"{_runs(waiting)} {'waits' if waiting == 1 else 'wait'} in the line" if waiting else "None waits yet"
        st.warning(f"**Everybody waits:** no run starts until you turn it off. {wait}.", icon=":material/pause_circle:")
    names = sum(row.seen > 0 for row in rows)
    words = [
        f"{names} {'name' if names == 1 else 'names'}",
        f"{sum(row.is_here(time.time()) for row in rows)} here",
        f"{sum(len(row.training) for row in rows)} in training",
        f"{waiting} in the line",
    ]
    st.caption(" · ".join(words))


@st.fragment(run_every=LOOK_SECONDS)
def _table() -> None:
    if not this_teacher():
        st.rerun()
    rows = _rows()
    drawn = _next_table(tuple(row.owner.id for row in rows))
    st.dataframe(
        table_of(rows),
        hide_index=True,
        placeholder="–",
        width="content",
        height="content" if len(rows) <= MOST_ROWS else 37 + 35 * MOST_ROWS + 17,  # a half row shows that it goes on
        column_config=COLUMNS,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": drawn.first}},
        key=drawn.key,
        alt="Everybody of the class; the buttons above are for the rows that are chosen",
    )
    if _chosen() != st.session_state[SHOWN_FOR]:
        st.rerun()


def _rows() -> list[Row]:
    """Everybody by name, so that a row stays where it is; behind them those that were removed and have runs."""
    return sorted(call_the_roll(people(), store()), key=lambda row: (not row.seen, row.owner.name.casefold()))


def _next_table(ids: tuple[str, ...]) -> _Table:
    drawn = st.session_state.get(TABLE)
    if drawn is None or drawn.ids != ids:
        first = [ids.index(owner_id) for owner_id in _chosen() if owner_id in ids]
        number = int(drawn.key.rpartition("_")[2]) + 1 if drawn else 0
        drawn = st.session_state[TABLE] = _Table(f"{TABLE}_{number}", ids, first)
    return drawn


def _chosen() -> list[str]:
    """The ids of who is chosen in the table, also before its callback has run; [] is everybody."""
    drawn = st.session_state.get(TABLE)
    if drawn is None:
        return []
    shown = st.session_state.get(drawn.key)
    rows = shown["selection"]["rows"] if shown else drawn.first
    return [drawn.ids[row] for row in sorted(rows) if row < len(drawn.ids)]


COLUMNS = {  # with widths, which Streamlit else takes from the first names and runs that it shows
    "Name": st.column_config.TextColumn(width=160),
    "Last here": st.column_config.TextColumn(width=105),
    "Trains now": st.column_config.TextColumn(width=230),
    "Best validation": st.column_config.NumberColumn(
        format="%.2f %%",
        width=120,
        help="The best accuracy on the validation images of all their runs. * The classic network validates on the "
        "test images.",
    ),
    "By": st.column_config.TextColumn(width=165),
    "Runs": st.column_config.NumberColumn(width=55),
    "Minutes": st.column_config.NumberColumn(
        format="%.1f",
        width=80,
        help="Of training, also of runs that were deleted since: what the limit of minutes counts.",
    ),
}


def table_of(rows: Sequence[Row]) -> pd.DataFrame:
    """One line for each row, in their order."""
    at = time.time()
    return pd.DataFrame(
        {
            "Name": [f"{row.owner.name} (teacher)" if row.is_teacher else row.owner.name for row in rows],
            "Last here": [_seen(row, at) for row in rows],
            "Trains now": [", ".join([*map(_in_words, row.training), *_in_line(row)]) or None for row in rows],
            "Best validation": [math.nan if row.accuracy is None else 100 * row.accuracy for row in rows],
            "By": [row.best and f"{row.best.name}{' *' * row.on_test}" for row in rows],
            "Runs": [row.runs for row in rows],
            "Minutes": [row.minutes for row in rows],
        }
    )


def _seen(row: Row, at: float) -> str:
    if not row.seen:
        return "removed"
    return "here" if row.is_here(at) else f"{duration_in_words(max(1.0, at - row.seen))} ago"


def _in_line(row: Row) -> list[str]:
    return [f"{row.waiting} in the line"] if row.waiting else []


def _in_words(run: Run) -> str:
    title = run.config.title if run.config else "?"
    named = run.name if run.name.startswith(title) else f"{run.name} ({title})"
    return f"{named} · {per_cent_done(run)} %"


# What is done for one or for all


def _actions() -> None:
    chosen = st.session_state[SHOWN_FOR] = _chosen()
    person = people().get(chosen[0]) if len(chosen) == 1 else None
    with st.container(horizontal=True, vertical_alignment="center", key="class_actions"):
        st.markdown(
            f"**For {escape_markdown(_whose(chosen))}**",
            width="content",
            help="Choose names in the table by the boxes beside them; without any, the buttons are for everybody.",
        )
        _button("Stop", "stop", "Stop their training, and take their runs out of the line.", "stop")
        _button("Delete runs", "delete", "Delete their runs and sweeps.", "delete")
        alone, name = (person.id, person.name) if person else ("", "")
        with (
            st.popover(
                "Rename",
                icon=":material/edit:",
                help=None if person else "Choose one name first.",
                disabled=not person,
                key=f"class_rename_{alone}_{name}",
            ),
            st.form("rename", border=False),
        ):
            st.text_input("New name", name, max_chars=MOST_LETTERS, key=f"new_name_{alone}")
            st.form_submit_button("Rename", key="really_rename", type="primary", on_click=_rename, args=(alone,))
        show_let_in(person)
        off = not _removable(chosen)
        _button("Remove names", "person_remove", "Choose names first. Their runs stay.", "remove", off=off)


def _button(label: str, icon: str, help: str, act: str, *, off: bool = False) -> None:
    st.button(
        label, icon=f":material/{icon}:", help=help, key=f"class_{act}", disabled=off, on_click=_begin, args=(act,)
    )


@as_teacher
def _begin(act: str) -> None:
    """Ask first; what is asked about is who was chosen at the click."""
    chosen = _chosen()
    if unknown := set(chosen) - set(_names()):
        raise ValueError(f"Nothing was done: {len(unknown)} of the chosen names changed meanwhile. Choose again.")
    if act == "remove" and not _removable(chosen):
        raise ValueError(NOBODY)
    ask(QUESTION, (act, tuple(chosen)))


def _names() -> dict[str, str]:
    return {row.owner.id: row.owner.name for row in call_the_roll(people(), store())}


def _removable(chosen: Sequence[str]) -> list[Person]:
    """Those of the chosen that can be removed: nobody twice, and not the teacher who does it."""
    found = [people().get(owner_id) for owner_id in chosen if owner_id != this_teacher().id]
    return [person for person in found if person]


def _ask_first() -> None:
    if not (question := asked(QUESTION)):
        return
    act, chosen = question
    title, words, yes, icon, action = _QUESTIONS[act]
    whose = _whose(chosen)
    active, runs = acts.count(services(), chosen or None)
    count = {"stop": _runs(active), "delete": _runs(runs)}.get(act, "")
    whom = whose if chosen else f"everybody, of all {len(_names())} names and yours too"
    show_question(
        QUESTION,
        title.format(escape_markdown(whose)),
        partial(st.write, escape_markdown(words.format(whom, count[:1].upper() + count[1:]))),
        no="Leave it",
        yes=yes.format(count),
        icon=f":material/{icon}:",
        key=f"really_{act}",
        on_yes=partial(action, chosen),
        deletes=act != "stop",
    )


def _whose(chosen: Sequence[str]) -> str:
    """ "everybody", "Ann and Ben", "Ann, Ben, Cem and 4 more"."""
    if not chosen:
        return "everybody"
    known = _names()
    names = [known.get(owner_id, "?") for owner_id in chosen]
    if more := len(names) - MOST_NAMED:
        names = [*names[:MOST_NAMED], f"{more} more"] if more > 0 else names
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


@as_teacher
def _stop(chosen: Sequence[str]) -> None:
    whose = _whose(chosen)
    count = acts.stop(services(), chosen or None)
    note(f"stopped {_runs(count)} of {whose}")


@as_teacher
def _delete(chosen: Sequence[str]) -> None:
    whose = _whose(chosen)  # before: names without runs are gone afterwards
    count = acts.delete(services(), chosen or None)
    note(f"deleted {_runs(count)} of {whose}")


@as_teacher
def _remove(chosen: Sequence[str]) -> None:
    gone = _removable(chosen)
    if not gone:
        raise ValueError(NOBODY)
    whose = _whose([person.id for person in gone])
    for person in gone:
        people().remove(person)
        forget_learner(people().home, learner_of(person.id))
    note(f"removed {whose} from the class")


@as_teacher
def _rename(owner_id: str) -> None:
    if person := people().get(owner_id):
        new = people().rename(person, st.session_state.get(f"new_name_{owner_id}", ""))
        note(f"renamed {person.name} to {new.name}")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


_QUESTIONS: dict[str, tuple[str, str, str, str, Callable]] = {
    "stop": (
        "Stop the runs of {}?",
        "{1} of {0}: training ends now, with what was learned, and what is in the line leaves it. They can be resumed.",
        "Stop {}",
        "stop",
        _stop,
    ),
    "delete": (
        "Delete the runs of {}?",
        "{1} of {0} and their sweeps will be deleted permanently. What is in training is stopped first.",
        "Delete {}",
        "delete",
        _delete,
    ),
    "remove": (
        "Remove {}?",
        "Who is removed is asked for a name again, and their drawings in My digits are deleted. The runs stay.",
        "Remove",
        "person_remove",
        _remove,
    ),
}
