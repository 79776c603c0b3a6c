"""Buttons that download a file."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def show_downloads(
    file: Callable[[str], bytes] | None,
    name: str,
    key: str,
    csv: Callable[[], bytes] | None = None,
    *,
    label: str = "Download",
) -> None:
    """Show a menu of a figure, a table or both as files; each is made when it is clicked."""
    with st.popover(label, icon=":material/download:"):
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


def show_download(
    label: str,
    data: Callable[[], bytes] | bytes | None,
    file: str,
    mime: str,
    *,
    key: str,
    help: str | None = None,
    width: int | str = "content",
) -> None:
    """Show the button of one file; `data` may be a function that makes it when it is clicked, None disables it."""
    st.download_button(
        label,
        b"" if data is None else data,
        file,
        mime,
        key=key,
        help=help,
        icon=":material/download:",
        on_click="ignore",
        disabled=data is None,
        width=width,
    )
