"""Settings that a teacher's link has locked for this session: they are shown, and nothing on the pages changes them."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

KEY, OF_LESSON = "locked_settings", "locked_for_lesson"  # in the session
NETWORK = ("model", "network")  # who locks one means both
SET_BY_TEACHER = ":material/lock: Set by your teacher"


def lock(texts: dict[str, str], *, lesson: Iterable[str] = ()) -> None:
    """Lock settings for the session; those that are locked already stay as they are.

    Args:
        texts: their values as they stand in an address, by name.
        lesson: the names of those that a lesson still sets.
    """
    before = all_locked()
    st.session_state[KEY] = {**texts, **before}
    st.session_state[OF_LESSON] = st.session_state.get(OF_LESSON, set()) | (set(lesson) - set(before))


def all_locked() -> dict[str, str]:
    """The values of all that is locked, as they stand in an address, by name."""
    return st.session_state.get(KEY, {})


def locked(name: str) -> str | None:
    """The locked value of a setting, as it stands in an address; None where it is free."""
    return all_locked().get(name)


def fixed() -> dict[str, str]:
    """What no lesson sets either."""
    of_lesson = st.session_state.get(OF_LESSON, set())
    return {name: text for name, text in all_locked().items() if name not in of_lesson}


def let_lesson_set(texts: dict[str, str]) -> None:
    """Take up what a lesson sets, where it may."""
    of_lesson = st.session_state.get(OF_LESSON, set())
    if ours := {name: text for name, text in texts.items() if name in of_lesson}:
        st.session_state[KEY] = {**all_locked(), **ours}


def show_locked() -> None:
    """Say below a setting that it is locked."""
    st.caption(SET_BY_TEACHER)
