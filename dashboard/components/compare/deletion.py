"""Deleting the chosen runs of the table, behind three dots and after a question that names them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.people import may_change
from core.runs import Run
from dashboard.components.actions import note_success, run_action
from dashboard.components.address import recall, remember
from dashboard.components.compare.pair_choice import PAGE
from dashboard.components.question import ask, asked, questions, show_question
from dashboard.components.session import delete_run, store
from dashboard.components.text import escape_markdown

QUESTION = "runs_to_delete"  # under which the session keeps their ids


def in_number(runs: list[Run]) -> str:
    """ "1 run", "3 runs"."""
    return "1 run" if len(runs) == 1 else f"{len(runs)} runs"


def show_delete_menu(runs: list[Run]) -> None:
    """Show a menu with the button that asks whether to delete these runs; disabled where none is chosen."""
    kept = [run for run in runs if not may_change(run.owner)]
    words = f"Delete {in_number(runs)}" if runs else "Delete: tick runs first"
    with st.popover("More", icon=":material/more_horiz:", key=f"more_of_runs_{questions()}"):
        st.button(
            "Delete: tick only your own" if kept else words,
            icon=":material/delete:",
            key="delete_chosen",
            disabled=not runs or bool(kept),
            on_click=ask,
            args=(QUESTION, [run.id for run in runs]),
        )


def ask_whether_to_delete() -> None:
    """Show the question where runs are about to be deleted."""
    if runs := [run for run_id in asked(QUESTION) or [] if (run := store().get(run_id))]:
        delete = f"Delete {in_number(runs)}"
        show_question(
            QUESTION,
            f"{delete}?",
            partial(_name, runs),
            no="Keep them",
            yes=delete,
            icon=":material/delete:",
            key="really_delete_chosen",
            on_yes=partial(_delete, runs),
            deletes=True,
        )


def _name(runs: list[Run]) -> None:
    """Name the runs; one that trains is stopped first."""
    st.markdown("\n".join(f"- **{escape_markdown(run.name)}**" for run in runs))
    st.write("With their models, histories and predictions they will be deleted permanently.")
    if training := [escape_markdown(run.name) for run in runs if run.has_worker()]:
        st.warning(f"Still training, will be stopped first: {', '.join(training)}.", icon=":material/play_circle:")


def _delete(runs: list[Run]) -> None:
    """Delete the runs, or say why that fails."""
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
