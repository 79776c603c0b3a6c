"""The style sheet and the script that the pages add to Streamlit's: printing, browser history and scrolling."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parents[1] / "browser"
TO_TOP = "document.querySelector('[data-testid=stMain]').scrollTo({top: 0});"


def prepare_browser() -> None:
    """Add the style sheet and the script to the page; the script runs once in each browser tab."""
    st.html(FOLDER / "page.css")  # for main.py alone: with app.py it has come with the HTML, before anything is drawn
    with st.container(key="page_script"):
        script = (FOLDER / "page.js").read_text(encoding="utf-8")
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
        if scroll := st.session_state.pop("scroll", None):
            st.html(f"<script>{scroll}</script>", unsafe_allow_javascript=True)  # run where it has changed


def scroll_to_top() -> None:
    """In a callback: scroll to the top when the page runs next."""
    _scroll(TO_TOP)


def scroll_to(key: str) -> None:
    """In a callback: scroll to the container with this key, which the page has already, when it runs next."""
    _scroll(f"document.querySelector('.st-key-{key}')?.scrollIntoView();")


def _scroll(script: str) -> None:
    turns = st.session_state["scrolls"] = st.session_state.get("scrolls", 0) + 1
    st.session_state["scroll"] = f"{script} // {turns}"
