"""Numbers in text fields: how they are written, and the lines below a field that say how they were read."""

from __future__ import annotations

import streamlit as st

from core.formatting import number_text as number_text
from dashboard.components.text import escape_markdown

MOST_TYPED = 120  # characters
TYPING_PAUSE = "250ms"  # after which typed text reaches the page, so that Start is off while a number is invalid


def say_understood(text: str, understood: str) -> None:
    """Show how a text was read where that differs from what was typed."""
    if text.strip() != understood:
        st.caption(f"Read as {understood}")


def say_refused(reason: str) -> None:
    """Show below a field why its value is invalid."""
    st.markdown(f":small[:red[:material/error: {escape_markdown(reason)}]]")
