"""The warning that files of a run are damaged."""

from __future__ import annotations

import streamlit as st

from core.runs import Run
from dashboard.components.text import escape_markdown

MOST_SENTENCES = 5


def show_damage(run: Run) -> None:
    """Name the damaged files of a run; shows nothing where there are none."""
    damage = run.damage()
    if not damage:
        return
    more = f" And {len(damage) - MOST_SENTENCES} more." if len(damage) > MOST_SENTENCES else ""
    st.warning(escape_markdown(" ".join(damage[:MOST_SENTENCES])) + more, icon=":material/broken_image:")
