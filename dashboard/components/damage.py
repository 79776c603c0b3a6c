"""The warning that files of a run are damaged."""

from __future__ import annotations

import streamlit as st

from core.runs import RunView
from dashboard.components.formatting import STATE_ICONS
from dashboard.components.text import escape_markdown

MOST_SENTENCES = 5


def show_damage(run: RunView) -> None:
    """Name the damaged files of a run, or say that a newer version made it; shows nothing where all is well."""
    damage = run.damage()
    if not damage:
        return
    more = f" And {len(damage) - MOST_SENTENCES} more." if len(damage) > MOST_SENTENCES else ""
    st.warning(
        escape_markdown(" ".join(damage[:MOST_SENTENCES])) + more,
        icon=STATE_ICONS["newer" if run.too_new else "damaged"],
    )
