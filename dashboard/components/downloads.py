"""Buttons that make a file when they are clicked."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def show_downloads(
    file: Callable[[str], bytes] | None, name: str, key: str, csv: Callable[[], bytes] | None = None
) -> None:
    """Show a menu of a figure, a table or both as files; each is made when it is clicked."""
    with st.popover("Download", icon=":material/download:"):
        offers = [("CSV", "text/csv", csv)] if csv else []
        if file:
            offers += [("PNG", "image/png", lambda: file("png")), ("SVG", "image/svg+xml", lambda: file("svg"))]
        for title, mime, data in offers:
            st.download_button(
                title,
                data,
                f"{name}.{title.lower()}",
                mime,
                on_click="ignore",
                key=f"{key}_{title.lower()}",
                type="tertiary",
            )
