"""What can be done with a run on Train, whatever its state: use its settings again, rename it, delete it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.runs import Run
from dashboard.components.actions import note_success, run_action
from dashboard.components.session import delete_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings import take_settings
from dashboard.components.views import view


def show_actions(run: Run) -> None:
    """Show what can be done with a run of any state: use its settings, rename it, delete it."""
    with st.popover("Manage", icon=":material/more_horiz:", key=_popover(run)):
        st.text_input("Name", run.name, 60, **view(f"name_{run.id}", run.name, partial(run_action, run.rename)))
        if run.config:
            st.button(
                "Use its settings again",
                icon=":material/tune:",
                key=f"use_{run.id}",
                on_click=_use_settings,
                args=(run,),
                width="stretch",
                help="Copies them to New run in the sidebar, to change one and train again.",
            )
        st.button(
            "Delete this run",
            icon=":material/delete:",
            key=f"delete_{run.id}",
            on_click=_ask_to_delete,
            args=(run,),
            width="stretch",
        )


def _use_settings(run: Run) -> None:
    if run.config:
        take_settings(run.config)
        note_success(f"New run has the settings of {run.name}.")


def _popover(run: Run) -> str:
    """The key of the menu; a new key closes it."""
    return f"manage_{run.id}_{st.session_state.get('questions', 0)}"


def _ask_to_delete(run: Run) -> None:
    """In a callback: let the next run of the page open the dialog, which a callback cannot."""
    st.session_state["to_delete"] = run.id
    st.session_state["questions"] = st.session_state.get("questions", 0) + 1  # the popover would lie above it


def ask_whether_to_delete() -> None:
    """Show the dialog where a run is about to be deleted."""
    if run := store().get(st.session_state.get("to_delete")):
        _dialog(run)


def _forget_question() -> None:
    """The dialog was answered or dismissed."""
    st.session_state.pop("to_delete", None)


@st.dialog("Delete this run?", on_dismiss=_forget_question)
def _dialog(run: Run) -> None:
    """Ask before a run is deleted; one that trains is stopped first."""
    if "to_delete" not in st.session_state:
        st.rerun()  # already answered
    trains = run.has_worker()
    st.write(
        f"**{escape_markdown(run.name)}** with its model, its history and its predictions will be deleted permanently."
    )
    if trains:
        st.warning("It is training now and will be stopped first.", icon=":material/play_circle:")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep it", key=f"keep_{run.id}", on_click=_forget_question)
        with st.container(key="dangerous", width="content"):
            st.button(
                "Stop and delete" if trains else "Delete",
                type="primary",
                icon=":material/delete:",
                key=f"really_delete_{run.id}",
                on_click=_delete,
                args=(run,),
            )


def _delete(run: Run) -> None:
    """In a callback, which a reload does not interrupt: delete the run, or say why that fails."""
    _forget_question()
    run_action(delete_run, run)
