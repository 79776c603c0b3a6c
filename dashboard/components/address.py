"""Choices that are kept in the address as plain values, and for when the page is opened again."""

from __future__ import annotations

import streamlit as st


def recall(page: str, name: str) -> str:
    """A choice of `page` from the address, or as it was when the page was last open; "" without one. Not checked."""
    return st.query_params.get(name) or st.session_state.get(f"{page}_{name}") or ""


def remember(page: str, name: str, value: str) -> None:
    """Put a choice into the address, and keep it for when the page is opened again."""
    st.session_state[f"{page}_{name}"] = st.query_params[name] = value
