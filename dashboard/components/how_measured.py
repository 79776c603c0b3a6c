"""How the numbers of a page are measured: for whoever asks, below what everybody sees."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def how_measured(label: str = "How is this measured?") -> DeltaGenerator:
    """A closed part of the page for methods and their terms."""
    return st.expander(label, icon=":material/help:", type="compact")
