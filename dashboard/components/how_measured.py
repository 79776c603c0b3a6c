"""How the numbers of a page are measured: for whoever asks, below what everybody sees."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def how_measured(*, is_wide: bool = False) -> DeltaGenerator:
    """A closed part of the page for methods and their terms; a wide one has room for charts and tables."""
    label, icon = "How is this measured?", ":material/help:"
    return st.expander(label, icon=icon) if is_wide else st.popover(label, icon=icon, type="tertiary")
