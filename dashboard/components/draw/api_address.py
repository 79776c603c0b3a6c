"""Where the HTTP API is, as this page's browser would name it."""

from __future__ import annotations

import streamlit as st

HERE = "http://localhost:8501"


def api_address(page: str) -> str:
    """The address before /api, for a page of this name: that of the browser, with the base path of a proxy included."""
    url = (st.context.url or HERE).removesuffix("/")
    return url.removesuffix(f"/{page}")
