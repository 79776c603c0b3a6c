"""The style sheet and the script that the pages add to Streamlit's: printing, browser history and scrolling."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parents[1] / "browser"
TO_TOP = "document.querySelector('[data-testid=stMain]').scrollTo({top: 0});"


def prepare_browser() -> None:
    """Add the style sheet and the script to the page; the script runs once in each browser tab."""
    st.html(FOLDER / "page.css")
    with st.container(key="page_script"):
        script = (FOLDER / "page.js").read_text(encoding="utf-8")
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
        if turn := st.session_state.pop("scroll_to_top", None):
            st.html(f"<script>{TO_TOP} // {turn}</script>", unsafe_allow_javascript=True)  # run where it has changed


def scroll_to_top() -> None:
    """In a callback: scroll to the top when the page runs next."""
    turns = st.session_state["scrolls"] = st.session_state.get("scrolls", 0) + 1
    st.session_state["scroll_to_top"] = turns
