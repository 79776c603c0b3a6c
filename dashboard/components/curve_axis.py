"""What learning curves are drawn over, on Train and on Compare: chosen by the reader, kept in the address."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.components.address import recall, remember, restore
from dashboard.components.charts.across import AXES
from dashboard.components.views import view

OVER = "over"  # in the address


def choose_axis(page: str) -> str:
    """Show the choice of axis on `page`; returns a name in `AXES`."""
    wanted = recall(page, OVER)
    shown = wanted if wanted in AXES else "Epochs"
    st.segmented_control(
        "Over",
        list(AXES),
        default=shown,
        required=True,
        label_visibility="collapsed",
        **view(f"{page}_axis", shown, partial(remember, page, OVER), AXES),
    )
    restore(page, OVER)
    return shown
