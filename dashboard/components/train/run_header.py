"""The head of a run on Train: its name, state and settings, and what can be done to it: rename it, delete it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.runs import Run
from dashboard.components import formatting
from dashboard.components.attempts import attempt
from dashboard.components.formatting import STATE_ICONS
from dashboard.components.session import delete_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.views import view


def show_header(run: Run) -> None:
    """Name, state and settings in one line, with rename and delete at hand."""
    state, config = run.state, run.config
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(escape_markdown(run.name), width="stretch", anchor=False)
        with st.popover("Manage", icon=":material/more_horiz:", key=_popover(run)):
            st.text_input("Name", run.name, 60, **view(f"name_{run.id}", run.name, partial(attempt, run.rename)))
            st.button(
                "Delete this run",
                icon=":material/delete:",
                key=f"delete_{run.id}",
                on_click=_ask_to_delete,
                args=(run,),
            )
    words = f"{STATE_ICONS[state.name]} **{state.name.capitalize()}**"
    if config:
        words += f" · {formatting.settings_in_words(config, run.control.get('learning_rate'))}"
    st.markdown(words)


def _popover(run: Run) -> str:
    """Its key; another one is another popover, which is closed."""
    return f"manage_{run.id}_{st.session_state.get('questions', 0)}"


def _ask_to_delete(run: Run) -> None:
    """Remember that the question is to be asked, since a dialog cannot open inside a callback."""
    st.session_state["to_delete"] = run.id
    st.session_state["questions"] = st.session_state.get("questions", 0) + 1  # the popover would lie above it


def ask_whether_to_delete() -> None:
    """Ask whether a run is to be deleted, where somebody wants that."""
    if run := store().get(st.session_state.get("to_delete")):
        _dialog(run)


def _forget_question() -> None:
    """The question was answered, or put away."""
    st.session_state.pop("to_delete", None)


@st.dialog("Delete this run?", on_dismiss=_forget_question)
def _dialog(run: Run) -> None:
    """Ask before a run is deleted; one that trains is stopped first."""
    if "to_delete" not in st.session_state:
        st.rerun()  # it was answered
    trains = run.has_worker()
    st.write(f"**{escape_markdown(run.name)}** with its model, its history and its predictions will be gone for good.")
    if trains:
        st.warning("It is training now, and will be stopped first.", icon=":material/play_circle:")
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
    """Delete the run, or say on the page why that cannot be done: in a callback, which a reload does not undo."""
    _forget_question()
    attempt(delete_run, run)
