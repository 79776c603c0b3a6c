"""What everybody may: whether runs start, and limits for each name."""

from __future__ import annotations

import streamlit as st

from core.config import ConfigError, parse_number, parse_whole
from core.people import change_rules, read_rules
from core.people.rules import limits_in_words
from dashboard.components.class_room.teacher import as_teacher, note
from dashboard.components.fields import number_text, say_refused
from dashboard.components.session import store
from dashboard.components.views import view

LIMITS = {  # of core.people.Rules: label, help, and what reads it
    "epochs": ("Epochs a run", "The most that a run of a pupil trains.", parse_whole),
    "images": ("Training images a run", "The most that a run of a pupil trains on.", parse_whole),
    "waiting": ("Runs at a time", "In the line or in training, of each name.", parse_whole),
    "minutes": ("Minutes a name", "Of training, in all of a name's runs, also those that were deleted.", parse_number),
}
MOST = 1_000_000  # that a limit can be
REFUSED = "limits_refused"  # under which the session keeps why limits were not set


def show_waiting() -> None:
    """The switch that pauses starting for everybody."""
    waits = read_rules(store().home).everybody_waits
    st.toggle(
        "Everybody waits",
        waits,
        help="No run starts: what is started stays in the line. What is in training goes on.",
        **view("everybody_waits", waits, set_waiting),
    )


@as_teacher
def set_waiting(waits: bool) -> None:
    """Pause starting, or end the pause."""
    change_rules(store().home, everybody_waits=bool(waits))
    note("paused starting for everybody" if waits else "let everybody start again")


def show_limits() -> None:
    """The limits in a form; an empty field is no limit."""
    rules = read_rules(store().home)
    with st.form("limits", border=False):
        st.caption("For each pupil, not for teachers. An empty field is no limit.")
        with st.grid(4, min_column_width=150):
            for name, (label, help, _) in LIMITS.items():
                value = getattr(rules, name)
                text = "" if value is None else number_text(value)
                st.text_input(label, text, 12, placeholder="no limit", help=help, key=_key(name))
        if why := st.session_state.get(REFUSED):
            say_refused(why)
        st.form_submit_button("Set limits", key="set_limits", on_click=_set_limits)


@as_teacher
def _set_limits() -> None:
    st.session_state.pop(REFUSED, None)
    limits = {}
    for name, (label, _, parse) in LIMITS.items():
        text = st.session_state.get(_key(name), "").strip()
        try:
            limits[name] = parse(text) if text else None
            if limits[name] is not None and not 0 < limits[name] <= MOST:
                raise ConfigError(f"A limit is above 0, and at most {MOST:,}; leave it empty for none.")
        except ConfigError as error:
            st.session_state[REFUSED] = f"{label}: {error}"
            return
    rules = change_rules(store().home, **limits)
    note(f"set limits: {limits_in_words(rules) or 'none'}")


def _key(name: str) -> str:
    return f"limit_{name}"
