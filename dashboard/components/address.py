"""Choices on a page, kept in the session and as plain values in the address.

The session decides what is chosen, and the address follows. The address that comes with a run of the page may be older
than the last change, so it counts only after a navigation: on the first visit, by a link, or by Back and Forward.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

VISIT = "visit"  # in the session: the page that is drawn, and how many were before it


def recall(page: str, name: str, default: str = "") -> str:
    """A choice of `page` from the address, or from the session, or `default`; not validated."""
    key = f"{page}_{name}"
    counts = is_navigation(key)
    if counts and name in st.query_params:
        st.session_state[key] = st.query_params[name]
    return st.session_state.get(key, default)


def remember(page: str, name: str, value: str) -> None:
    """Keep a choice of `page` in the session, and put it into the address.

    The address first: where Streamlit breaks it off, nothing is kept, and whoever calls it knows by that.
    """
    st.query_params[name] = value
    st.session_state[f"{page}_{name}"] = value


def restore(page: str, *names: str) -> None:
    """Put these choices of `page` into the address where it differs: after another page, or a late browser."""
    for name in names:
        value = st.session_state.get(f"{page}_{name}")
        if value is not None and st.query_params.get(name) != value:
            st.query_params[name] = value


def note_page(page: str) -> None:
    """Note which page is drawn now. Streamlit's own word for it is another one while a first run begins."""
    before, visits = st.session_state.get(VISIT, ("", 0))
    if before != page or not visits:
        st.session_state[VISIT] = page, visits + 1


def is_navigation(key: str) -> bool:
    """Whether this run of the page follows Back or Forward, or is the first one after another page.

    The second question with the same key, in the same run, is answered with no.
    """
    _, visit = st.session_state.get(VISIT, ("", 0))
    if st.session_state.get(f"{key}_at") != visit:  # a page recalls hundreds of choices: each access takes its time
        st.session_state[f"{key}_at"] = visit
        return True
    return get_script_run_ctx().is_history_navigation
