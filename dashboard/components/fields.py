"""Text fields for numbers: what stands in them reaches the program, whatever it is, and is understood or refused."""

from __future__ import annotations

import streamlit as st

from dashboard.components.text import escape_markdown

MOST_TYPED = 40  # characters
TYPING_PAUSE = "250ms"  # after which what is typed reaches the page, so that Start is off while it makes no sense


def number_text(value: float) -> str:
    """A number as it stands in a field: "0.0005", "20"."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.10f}".rstrip("0").rstrip(".")
    return text if float(text) == value else repr(value)


def say_understood(text: str, understood: str, hint: str = "") -> None:
    """Say how a text was understood, where it was written in another way; the `hint` otherwise."""
    words = hint if text.strip() == understood else f"Read as {understood}"
    if words:
        st.caption(words)


def say_refused(reason: str) -> None:
    """Say below a field why what stands in it is not possible."""
    st.markdown(f":small[:red[:material/error: {escape_markdown(reason)}]]")
