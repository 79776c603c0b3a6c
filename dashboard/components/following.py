"""A page follows the runs that it shows: it is drawn again when one was deleted or renamed, or is in another state."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.runs import RunView

LOOK_SECONDS = 2.0


def follow(runs: Iterable[RunView]) -> None:
    """Draw the page again when one of these runs has changed; to be called before anything of them is drawn."""
    st.session_state["followed"] = [(run, _looks(run)) for run in runs]
    _look()


def is_outdated() -> bool:
    """Whether a run that the page follows has changed since the page was drawn."""
    return any(_looks(run) != before for run, before in st.session_state.get("followed", []))


@st.fragment(run_every=LOOK_SECONDS)
def _look() -> None:
    if is_outdated():
        st.rerun()


def _looks(run: RunView) -> tuple:
    """What a page says of a run anywhere, apart from its training."""
    return run.path.is_dir(), run.name, run.state.name, run.test_accuracy, run.is_discarded
