"""Choices on a page, kept in the session and as plain values in the address.

The session decides what is chosen, and the address follows. The address that comes with a run of the page may be older
than the last change, so it counts only after a navigation: on the first visit, by a link, or by Back and Forward.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

VISIT = "visit"  # in the session: the page that is drawn, and what was asked of its address since it was come to


def recall(page: str, name: str, default: str = "") -> str:
    """A choice of `page` from the address, or from the session, or `default`; not validated."""
    key, asked = f"{page}_{name}", _asked()
    if _is_new(key, asked) and name in st.query_params:
        st.session_state[key] = st.query_params[name]
    asked.add(key)  # last: where Streamlit breaks it off before, the next run takes it up
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
    before, _ = st.session_state.get(VISIT, (None, None))
    if before != page:
        st.session_state[VISIT] = page, set()


def is_navigation(key: str) -> bool:
    """Whether this run of the page follows Back or Forward, or is the first one after another page.

    The second question with the same key, in the same run, is answered with no.
    """
    asked = _asked()
    is_new = _is_new(key, asked)
    asked.add(key)
    return is_new


def _asked() -> set[str]:
    return st.session_state.get(VISIT, ("", set()))[1]  # one access: a page recalls hundreds of choices


def _is_new(key: str, asked: set[str]) -> bool:
    return key not in asked or get_script_run_ctx().is_history_navigation
