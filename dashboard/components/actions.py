"""Actions of buttons, and the messages about their outcome that the page shows afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from core.config import ConfigError
from core.runs import RunError, RunView
from core.storage import explain_os_error
from dashboard.components.session import first_time, removal_of
from dashboard.components.text import escape_markdown

SHOWN_SECONDS = 15.0  # pages that follow a run are drawn anew at once, so a message has to outlive that


def run_action(action: Callable, *arguments: object) -> bool:
    """Call an action and return whether it succeeded; `show_outcome` shows why it did not.

    A run among the arguments may have been deleted since the page was drawn: then nothing is called.
    """
    if not first_time(action, *arguments):
        return False
    forget_failure()
    if gone := [run.id for run in (getattr(action, "__self__", None), *arguments) if _is_gone(run)]:
        if not all(map(removal_of, gone)):  # deleted in this session: the page says so already
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
    """Remember why an action failed, for `show_outcome`."""
    st.session_state["failed"] = (words, time.monotonic())


def forget_failure() -> None:
    """Show the last failure no longer: something else is tried."""
    st.session_state.pop("failed", None)


def note_success(words: str) -> None:
    """Remember what was done, for `show_outcome`: a toast before `st.rerun` is never seen."""
    st.session_state["succeeded"] = words


def show_outcome() -> None:
    """Show the last success as a toast, and the last failure as an error for `SHOWN_SECONDS`."""
    if words := st.session_state.pop("succeeded", ""):
        st.toast(escape_markdown(words), icon=":material/check:")
    words, at = st.session_state.get("failed", ("", 0.0))
    if words and time.monotonic() - at < SHOWN_SECONDS:
        st.error(escape_markdown(words), icon=":material/error:")
