"""A run's background jobs on the pages: the button that starts one, its progress, and why it failed."""

from __future__ import annotations

import streamlit as st

from core.runs import Run
from dashboard.components.actions import run_action
from dashboard.components.session import current_choice, jobs
from dashboard.components.text import escape_markdown

REFRESH_SECONDS = 0.5


def follow(run: Run, kind: str) -> bool:
    """Show the job's progress while it runs, or why it failed; returns whether it runs."""
    status = jobs().status(run, kind)
    if status.name == "running":
        _progress(run, kind)
    elif status.name in ("failed", "interrupted"):
        st.error(escape_markdown(status.words), icon=":material/error:")
    return status.name == "running"


def begin_button(run: Run, kind: str, label: str, *, key: str, primary: bool, help: str | None = None) -> None:
    """Show a button that starts the job in a process of its own."""
    st.button(
        label,
        key=key,
        type="primary" if primary else "secondary",
        icon=":material/play_arrow:",
        on_click=_begin,
        args=(run, kind),
        help=help,
    )


def _begin(run: Run, kind: str) -> None:
    run_action(jobs().start, current_choice(run), kind)


@st.fragment(run_every=REFRESH_SECONDS)
def _progress(run: Run, kind: str) -> None:
    status = jobs().status(run, kind)
    if status.name != "running":
        st.rerun()
    st.progress(status.fraction, text=escape_markdown(status.words))
    st.caption("Keeps running if you leave this page.")
