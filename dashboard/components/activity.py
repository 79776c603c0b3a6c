"""What trains now: a line in the sidebar of every page, and its per cent in the title of the browser's tab.

On a phone, where the sidebar is closed, it is also said beside the button that opens it (page.css).
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.runs import Run
from dashboard.components.following import follow, is_outdated
from dashboard.components.formatting import duration_in_words
from dashboard.components.page_head import show_tab_title
from dashboard.components.people import ask_again_if_unknown, note_here
from dashboard.components.progress import per_cent_done, progress_in_words
from dashboard.components.session import TRAIN_PAGE, TUNE_PAGE, active, chosen_run, dataset_now, open_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.line import place_in_line
from dashboard.components.whose import listed, own, owners_behind

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
    ask_again_if_unknown()
    note_here()
    found = active(LOOK_SECONDS / 2)
    everybody = [run for run in map(store().get, sorted(found.running)) if run]
    running, queued, mine = listed(everybody), listed(found.queued), {run.id for run in own(everybody)}
    running.sort(key=lambda run: run.id not in mine)
    shown_here = chosen_run() if on_train and any(run.id == chosen_run() for run in running) else ""
    first = next(iter(running), None) if mine else None
    if not shown_here:
        show_tab_title(progress=f"{per_cent_done(first)} %" if first else "")
    here.markdown(_in_words(first) if first else "")
    waits = [] if mine else own(queued)[:1]
    lines = [*waits, *running[:MOST_LINES]] or queued[:1]
    behind = owners_behind(lines)
    with st.container(gap="xxsmall", key="activity"):
        for run in lines:
            st.button(
                f"{escape_markdown(run.name)} · training" if run.id == shown_here else _in_words(run, behind[run.id]),
                icon=":material/hourglass_empty:" if run.state.name == "queued" else ":material/play_circle:",
                type="tertiary",
                key=f"activity_{run.id}",
                on_click=go_to,
                args=(run.id,),
                help=f"Go to {escape_markdown(run.name)}",
            )
            if run.id != shown_here:
                st.progress(per_cent_done(run))
        others = len(everybody) - len(running)
        if not (lines or others):
            st.caption("Nothing is training.")
        more = len(running) + len(queued) - len(lines)
        counts = [f"{more} more in line"] * bool(more)
        counts += [f"{others} other{'s train' if others > 1 else ' trains'}"] * bool(others)
        if counts:
            st.caption(" · ".join(counts))


def _in_words(run: Run, behind: str = "") -> str:
    return f"{escape_markdown(run.name + behind)} · {_how_far(run)}"


def _how_far(run: Run) -> str:
    """How far it is; of one in line, its place and when it starts."""
    digits = dataset_now() if run.state.name == "queued" else None
    place = digits and place_in_line(run, digits)
    if not place:
        return progress_in_words(run)
    starts = "" if place.seconds is None else f", starts in about {duration_in_words(place.seconds)}"
    return f"{place.short[0].lower()}{place.short[1:]}{starts}"


def go_to(run_id: str) -> None:
    """In a callback, which no other change of the page prevents: open a run on Train when the page runs next."""
    open_run(run_id)
    st.session_state["go_to_run"] = run_id
