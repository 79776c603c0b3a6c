"""What trains now: a line in the sidebar of every page, and its per cent in the title of the browser's tab.

On a phone, where the sidebar is closed, it is also said beside the button that opens it (page.css).
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.runs import Run
from dashboard.components.following import follow, is_outdated
from dashboard.components.page_head import show_tab_title
from dashboard.components.people import note_here
from dashboard.components.progress import per_cent_done, progress_in_words
from dashboard.components.session import TRAIN_PAGE, TUNE_PAGE, active, chosen_run, open_run, store
from dashboard.components.text import escape_markdown

LOOK_SECONDS, IDLE_SECONDS = 1.0, 2.0
MOST_LINES = 3


def show_activity(*, on_train: bool = False) -> None:
    """Show in the sidebar a line for each run in training, which leads to it.

    It also draws the page again when a run that it follows has changed. Call it before the page follows any.

    Args:
        on_train: whether the page is Train, which says itself how far its run is, and in the tab's title, more often
            than this: the line of that run leaves it out.
    """
    follow([])
    found = active(LOOK_SECONDS / 2)
    with st.container(key="activity_here"):
        here = st.empty()
    with st.sidebar:
        st.fragment(_look, run_every=LOOK_SECONDS if found.running or found.queued else IDLE_SECONDS)(here, on_train)


def _look(here: DeltaGenerator, on_train: bool) -> None:
    if run_id := st.session_state.pop("go_to_run", ""):
        st.switch_page(TRAIN_PAGE, query_params={"run": run_id})
    if st.session_state.pop("go_to_tune", False):
        st.switch_page(TUNE_PAGE, query_params={"sweep": st.session_state["tune_sweep"]})
    if is_outdated():
        st.rerun()
    note_here()
    found = active(LOOK_SECONDS / 2)
    running = [run for run in map(store().get, sorted(found.running)) if run]
    own = chosen_run() if on_train and any(run.id == chosen_run() for run in running) else ""
    if not own:
        show_tab_title(progress=f"{per_cent_done(running[0])} %" if running else "")
    here.markdown(_in_words(running[0]) if running else "")
    with st.container(gap="xxsmall", key="activity"):
        for run in running[:MOST_LINES] or found.queued[:1]:
            st.button(
                f"{escape_markdown(run.name)} · training" if run.id == own else _in_words(run),
                icon=":material/hourglass_empty:" if run.state.name == "queued" else ":material/play_circle:",
                type="tertiary",
                key=f"activity_{run.id}",
                on_click=go_to,
                args=(run.id,),
                help=f"Go to {escape_markdown(run.name)}",
            )
            if run.id != own:
                st.progress(per_cent_done(run))
        if not (running or found.queued):
            st.caption("Nothing is training.")
        if more := len(running[MOST_LINES:]) + len(found.queued[0 if running else 1 :]):
            st.caption(f"{more} more in line")


def _in_words(run: Run) -> str:
    return f"{escape_markdown(run.name)} · {progress_in_words(run)}"


def go_to(run_id: str) -> None:
    """In a callback, which no other change of the page prevents: open a run on Train when the page runs next."""
    open_run(run_id)
    st.session_state["go_to_run"] = run_id
