"""Doing what a button asks, and saying on the page what could not be done, until it is old."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from core.config import ConfigError
from core.runs import RunError
from core.storage import explain_os_error
from dashboard.components.shared import first_time
from dashboard.components.text import escape_markdown

SHOWN_SECONDS = 15.0  # pages that follow a run are drawn anew at once, so a message has to outlive that


def attempt(action: Callable, *arguments: object) -> None:
    """Do what a button asks; what cannot be done is remembered, and said by `say_what_failed`."""
    if not first_time(action, *arguments):
        return
    st.session_state.pop("failed", None)
    try:
        action(*arguments)
    except (RunError, ConfigError) as error:
        note_failure(str(error))
    except OSError as error:
        note_failure(explain_os_error(error))


def note_failure(words: str) -> None:
    """Remember why something could not be done."""
    st.session_state["failed"] = (words, time.monotonic())


def say_what_failed() -> None:
    """Say why the last thing that was asked could not be done; nothing where it could, or long ago."""
    words, at = st.session_state.get("failed", ("", 0.0))
    if words and time.monotonic() - at < SHOWN_SECONDS:
        st.error(escape_markdown(words), icon=":material/error:")
