"""A run's background jobs on the pages: the button that starts one, its progress, and why it failed."""

from __future__ import annotations

import streamlit as st

from core.people import may_change, refusal
from core.runs import Run
from dashboard.components.actions import run_action
from dashboard.components.formatting import duration_in_words
from dashboard.components.session import current_choice, jobs, services
from dashboard.components.text import escape_markdown

REFRESH_SECONDS = 0.5


def follow(run: Run, kind: str, steps: int = 1, *, alike: bool = False) -> bool:
    """Show the job's progress while it runs, or why it failed; returns whether it runs.

    Args:
        run: the run.
        kind: the job's kind.
        steps: how many the job has.
        alike: whether all steps take about as long, so that the time left can be told.
    """
    status = jobs().status(run, kind)
    if status.name == "running":
        _progress(run, kind, steps, alike)
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
        disabled=bool(reason := refusal(run.owner, run.name)),
        help=reason or help,
    )


def _begin(run: Run, kind: str) -> None:
    run_action(services().after_training.do_now, current_choice(run), kind)


def await_begin(run: Run, kind: str, otherwise: str) -> None:
    """Say that the job begins by itself, where it does, and follow it then; say `otherwise` where it does not."""
    waiting = services().after_training
    if waiting.is_waiting(run, kind):
        waiting.ask(run, kind)  # who looks at a page comes first
        _await_begin(run, kind)
    else:
        st.caption(otherwise)


@st.fragment(run_every=REFRESH_SECONDS)
def _await_begin(run: Run, kind: str) -> None:
    if jobs().status(run, kind).name == "running" or not services().after_training.is_waiting(run, kind):
        st.rerun()
    when = "when training ends" if services().after_training.gives_way() else "in a moment"
    st.caption(f"Begins by itself {when}.")


@st.fragment(run_every=REFRESH_SECONDS)
def _progress(run: Run, kind: str, steps: int, alike: bool) -> None:
    status = jobs().status(run, kind)
    if status.name != "running":
        st.rerun()
    words = [escape_markdown(status.words)]
    if status.fraction and steps > 1:
        words.append(f"{round(status.fraction * steps)} of {steps}")
    if alike and status.seconds_left is not None:
        words.append(f"{duration_in_words(max(1, status.seconds_left))} left")
    st.progress(status.fraction, text=" · ".join(words))
    with st.container(horizontal=True, vertical_alignment="center"):
        if jobs().can_end(run, kind) and may_change(run.owner):
            st.button("Cancel", key=f"cancel_{kind}", icon=":material/close:", on_click=_end, args=(run, kind))
        st.caption("Keeps running if you leave this page.")


def _end(run: Run, kind: str) -> None:
    run_action(jobs().end, run, kind)
