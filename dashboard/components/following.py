"""Runs that a page follows: it is drawn again when one of them is deleted, renamed or changes its state."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.runs import RunView

LOOK_SECONDS = 2.0


def follow(runs: Iterable[RunView]) -> None:
    """Draw the page again when one of these runs has changed. Call it before the page shows any of them."""
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
    """What pages show of a run, apart from its progress."""
    return run.path.is_dir(), run.name, run.state.name, run.test_accuracy, run.is_discarded
