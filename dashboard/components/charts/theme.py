"""Colours of the theme that a chart takes."""

from __future__ import annotations

import streamlit as st


def theme_colors() -> tuple[str, str]:
    """The page's first two chart colours, for training and validation, right and wrong."""
    dark = st.context.theme.type == "dark"
    return ("#7ea2ff", "#ff9d57") if dark else ("#3652c9", "#c2560c")
