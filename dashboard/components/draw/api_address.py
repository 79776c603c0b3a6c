"""The address of the HTTP API, as seen from this browser."""

from __future__ import annotations

import streamlit as st

HERE = "http://localhost:8501"


def api_address(page: str) -> str:
    """What comes before /api in the browser's address of this page, with the base path of a proxy."""
    url = (st.context.url or HERE).removesuffix("/")
    return url.removesuffix(f"/{page}")
