"""Choices that are kept in the address as plain values, and for when the page is opened again.

The session decides what is chosen, and the address follows. Each run of a page brings the address as the browser has it
at that moment, which may be the one before the last change; so it counts only where somebody went there: at the first
look, by a link, or by Back and Forward.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx


def recall(page: str, name: str, default: str = "") -> str:
    """A choice of `page` from the address, or as it was when the page was last open, or `default`. Not checked."""
    key = f"{page}_{name}"
    counts = _somebody_went_here(key)
    if counts and name in st.query_params:
        st.session_state[key] = st.query_params[name]
    return st.session_state.get(key, default)


def remember(page: str, name: str, value: str) -> None:
    """Keep a choice for when the page is opened again, and put it into the address."""
    st.session_state[f"{page}_{name}"] = st.query_params[name] = value


def restore(page: str, *names: str) -> None:
    """Let the address say what is chosen, where another page or a browser that is a moment behind has it otherwise."""
    for name in names:
        value = st.session_state.get(f"{page}_{name}")
        if value is not None and st.query_params.get(name) != value:
            st.query_params[name] = value


def _somebody_went_here(key: str) -> bool:
    """Whether this run of the page came of Back or Forward, or is the first one after another page."""
    run = get_script_run_ctx()
    before = st.session_state.get(f"{key}_at")
    st.session_state[f"{key}_at"] = run.page_script_hash
    return run.is_history_navigation or before != run.page_script_hash
