"""What can be done with a run on Train, whatever its state: use its settings again, rename it, delete it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.people import may_change
from core.runs import Run
from dashboard.components.actions import note_success, run_action
from dashboard.components.question import ask, asked, questions, show_question
from dashboard.components.session import delete_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings import locked_otherwise, take_settings
from dashboard.components.views import view

QUESTION = "to_delete"  # under which the session keeps its id


def show_actions(run: Run) -> None:
    """Show what can be done with a run of any state: use its settings, rename it, delete it; of another's the first."""
    if not may_change(run.owner):
        _show_use(run)
        return
    with st.popover("Manage", icon=":material/more_horiz:", key=_popover(run)):
        st.text_input("Name", run.name, 60, **view(f"name_{run.id}", run.name, partial(run_action, run.rename)))
        _show_use(run)
        st.button(
            "Delete this run",
            icon=":material/delete:",
            key=f"delete_{run.id}",
            on_click=ask,
            args=(QUESTION, run.id),
            width="stretch",
        )


def _show_use(run: Run) -> None:
    if run.config:
        st.button(
            "Use its settings again" if may_change(run.owner) else "Use these settings",
            icon=":material/tune:",
            key=f"use_{run.id}",
            on_click=_use_settings,
            args=(run,),
            width="stretch" if may_change(run.owner) else "content",
            help="Copies them to New run in the sidebar, to change one and train again.",
        )


def _use_settings(run: Run) -> None:
    if run.config:
        take_settings(run.config)
        kept = ", ".join(locked_otherwise(run.config))
        but = f", except what your teacher has set: {kept}" if kept else ""
        note_success(f"New run has the settings of {run.name}{but}.")


def _popover(run: Run) -> str:
    """The key of the menu; a new key closes it."""
    return f"manage_{run.id}_{questions()}"


def ask_whether_to_delete() -> None:
    """Show the question where a run is about to be deleted."""
    if run := store().get(asked(QUESTION)):
        trains = run.has_worker()
        show_question(
            QUESTION,
            "Delete this run?",
            partial(_name, run, trains=trains),
            no="Keep it",
            yes="Stop and delete" if trains else "Delete",
            icon=":material/delete:",
            key=f"really_delete_{run.id}",
            on_yes=partial(run_action, delete_run, run),
            deletes=True,
        )


def _name(run: Run, *, trains: bool) -> None:
    """Name the run; one that trains is stopped first."""
    st.write(
        f"**{escape_markdown(run.name)}** with its model, its history and its predictions will be deleted permanently."
    )
    if trains:
        st.warning("It is training now and will be stopped first.", icon=":material/play_circle:")
