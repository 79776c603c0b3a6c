"""What the pages do in the browser beside Streamlit: how they are printed, the way back, and scrolling."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parents[1] / "browser"
TO_TOP = "document.querySelector('[data-testid=stMain]').scrollTo({top: 0});"


def prepare_browser() -> None:
    """Give this page its style sheet and its script; the latter is run once in each browser tab."""
    st.html(FOLDER / "page.css")
    with st.container(key="page_script"):
        script = (FOLDER / "page.js").read_text(encoding="utf-8")
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
        if turn := st.session_state.pop("scroll_to_top", None):
            st.html(f"<script>{TO_TOP} // {turn}</script>", unsafe_allow_javascript=True)  # run where it has changed


def scroll_to_top() -> None:
    """Let the next run of the page begin at its top, for a callback that shows something else there."""
    turns = st.session_state["scrolls"] = st.session_state.get("scrolls", 0) + 1
    st.session_state["scroll_to_top"] = turns
