"""Deleting the chosen runs of the table, behind three dots and after a question that names them."""

from __future__ import annotations

import streamlit as st

from core.runs import Run
from dashboard.components.actions import note_success, run_action
from dashboard.components.address import recall, remember
from dashboard.components.compare.pair_choice import PAGE
from dashboard.components.session import delete_run, store
from dashboard.components.text import escape_markdown

QUESTION = "runs_to_delete"  # under which the session keeps their ids


def in_number(runs: list[Run]) -> str:
    """ "1 run", "3 runs"."""
    return "1 run" if len(runs) == 1 else f"{len(runs)} runs"


def show_delete_menu(runs: list[Run]) -> None:
    """Show a menu with the button that asks whether to delete these runs; disabled where none is chosen."""
    turn = st.session_state.get("delete_questions", 0)  # a new key closes the menu, which would lie above the question
    with st.popover("More", icon=":material/more_horiz:", key=f"more_of_runs_{turn}"):
        st.button(
            f"Delete {in_number(runs)}" if runs else "Delete: tick runs first",
            icon=":material/delete:",
            key="delete_chosen",
            disabled=not runs,
            on_click=_ask,
            args=([run.id for run in runs],),
        )


def ask_whether_to_delete() -> None:
    """Show the question where runs are about to be deleted."""
    if runs := [run for run_id in st.session_state.get(QUESTION, []) if (run := store().get(run_id))]:
        st.dialog(f"Delete {in_number(runs)}?", on_dismiss=_forget)(_question)(runs)


def _ask(run_ids: list[str]) -> None:
    st.session_state[QUESTION] = run_ids
    st.session_state["delete_questions"] = st.session_state.get("delete_questions", 0) + 1


def _forget() -> None:
    st.session_state.pop(QUESTION, None)


def _question(runs: list[Run]) -> None:
    """Name the runs and ask; one that trains is stopped first."""
    if QUESTION not in st.session_state:
        st.rerun()  # already answered
    st.markdown("\n".join(f"- **{escape_markdown(run.name)}**" for run in runs))
    st.write("With their models, histories and predictions they will be deleted permanently.")
    if training := [escape_markdown(run.name) for run in runs if run.has_worker()]:
        st.warning(f"Still training, will be stopped first: {', '.join(training)}.", icon=":material/play_circle:")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep them", on_click=_forget)
        with st.container(key="dangerous", width="content"):
            st.button(
                f"Delete {in_number(runs)}",
                type="primary",
                icon=":material/delete:",
                key="really_delete_chosen",
                on_click=_delete,
                args=(runs,),
            )


def _delete(runs: list[Run]) -> None:
    """In a callback, which a reload does not interrupt: delete the runs, or say why that fails."""
    _forget()
    deleted = [run for run in runs if run_action(delete_run, run)]
    gone = {run.id for run in deleted}
    chosen = [run_id for run_id in recall(PAGE, "runs").split(",") if run_id not in gone]
    if chosen != [""]:  # no runs in the address stand for the newest
        remember(PAGE, "runs", ",".join(chosen))
    for name in ("a", "b"):
        if recall(PAGE, name) in gone:
            remember(PAGE, name, "")
    if deleted:
        note_success(f"Deleted {in_number(deleted)}.")
