"""A button that copies a text; Streamlit has none outside of code blocks."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "digitlab_copy",
    css=(_HERE / "copy_button.css").read_text(encoding="utf-8"),
    js=(_HERE / "copy_button.js").read_text(encoding="utf-8"),
)


def copy_button(label: str, text: str, *, key: str) -> None:
    """Show a button that copies `text` to the clipboard, and says so on the button."""
    _component(key=key, data={"label": label, "text": text})
