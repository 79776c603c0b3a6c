"""Runs that a page follows: it is drawn again when one of them is deleted, renamed or changes its state."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.runs import RunView


def follow(runs: Iterable[RunView]) -> None:
    """Draw the page again when one of these runs has changed. Call it before the page shows any of them."""
    st.session_state["followed"] = [(run, _looks(run)) for run in runs]


def is_outdated() -> bool:
    """Whether a run that the page follows has changed since the page was drawn."""
    return any(_looks(run) != before for run, before in st.session_state.get("followed", []))


def _looks(run: RunView) -> tuple:
    """What pages show of a run, apart from its progress."""
    has_predictions = bool(run.predicted_epochs())
    return run.path.is_dir(), run.name, run.state.name, run.test_accuracy, run.is_discarded, has_predictions
