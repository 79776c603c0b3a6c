"""Doing what a button asks, and saying on the page what came of it: what could not be done until it is old."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from core.config import ConfigError
from core.runs import RunError, RunView
from core.storage import explain_os_error
from dashboard.components.session import first_time, how_gone
from dashboard.components.text import escape_markdown

SHOWN_SECONDS = 15.0  # pages that follow a run are drawn anew at once, so a message has to outlive that


def attempt(action: Callable, *arguments: object) -> bool:
    """Do what a button asks; what cannot be done is remembered, and said by `say_what_happened`; whether it was done.

    The page may be older than what happened elsewhere: nothing is asked of a run that was deleted since.
    """
    if not first_time(action, *arguments):
        return False
    st.session_state.pop("failed", None)
    if gone := [run.id for run in (getattr(action, "__self__", None), *arguments) if _is_gone(run)]:
        if not all(map(how_gone, gone)):  # by the same hands that click once more
            note_failure("This run was deleted in the meantime.")
        return False
    try:
        action(*arguments)
    except (RunError, ConfigError) as error:
        note_failure(str(error))
    except OSError as error:
        note_failure(explain_os_error(error))
    else:
        return True
    return False


def _is_gone(part: object) -> bool:
    return isinstance(part, RunView) and not part.path.is_dir()


def note_failure(words: str) -> None:
    """Remember why something could not be done."""
    st.session_state["failed"] = (words, time.monotonic())


def note_success(words: str) -> None:
    """Remember what was done, for the next time that the page is drawn: a toast before `st.rerun` is never seen."""
    st.session_state["succeeded"] = words


def say_what_happened() -> None:
    """Say what was done last, and why the last thing that was asked could not be done unless that is long ago."""
    if words := st.session_state.pop("succeeded", ""):
        st.toast(escape_markdown(words), icon=":material/check:")
    words, at = st.session_state.get("failed", ("", 0.0))
    if words and time.monotonic() - at < SHOWN_SECONDS:
        st.error(escape_markdown(words), icon=":material/error:")
