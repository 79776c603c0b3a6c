"""The modes of the Draw page, and how a button leads to another one."""

from __future__ import annotations

import streamlit as st

MODES = {
    "Draw": ":material/draw: Draw",
    "Picture": ":material/photo_camera: Picture",
    "My digits": ":material/inventory_2: My digits",
}


def choose_mode() -> str:
    """Ask for the mode; the session keeps it."""
    return st.segmented_control(
        "Mode",
        list(MODES),
        default="Draw",
        required=True,
        key="mode",
        format_func=MODES.get,
        label_visibility="collapsed",
        persist_state="session",
    )


def show_way(mode: str, label: str, *, primary: bool = False) -> None:
    """Show a button that switches to another mode."""
    st.button(
        label,
        icon=MODES[mode].split()[0],
        key=f"to_{mode.replace(' ', '_').lower()}",
        type="primary" if primary else "secondary",
        on_click=lambda: st.session_state.update(mode=mode),
    )
