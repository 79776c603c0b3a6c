"""The builder: a network as rows to add, remove, move and fill in, drawn beside them with what each layer costs.

What is changed is seen at once in the browser; what it comes to follows with the page's answer, row by row, so that a
field that is typed into stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from core.layers import CLASSES
from dashboard.components.widgets.gallery import picture
from dashboard.components.widgets.network_rows import BEGIN, CHOICES, HELP, examine, in_numbers, rows_of
from dashboard.components.widgets.network_text import BUILDER, STATE, hear, tell

OPENED = "builder_opened"  # in the session: how often it was opened by its button
_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "digitlab_network_builder",
    css=(_HERE / "network_builder.css").read_text(encoding="utf-8"),
    js=(_HERE / "network_builder.js").read_text(encoding="utf-8"),
)


def network_builder(
    name: str,
    kept: Callable[[], str],
    keep: Callable[[str], None],
    *,
    image: np.ndarray,
    cost: str,
    hint: str,
    problem: str,
    classes: int = CLASSES,
) -> None:
    """Show the builder.

    Args:
        name: of the setting whose text is built.
        kept: returns the text as it is kept; where it differs from the rows' own, the rows are made from it.
        keep: called with the text that came of a change, before the page runs again.
        image: an image, uint8 (28, 28), to draw on it what a unit sees.
        cost: what the network costs, in words; "" where there is a mistake.
        hint: what will hold the network back, in words, else "".
        problem: what is wrong with the network, in words, else "".
        classes: how many classes it tells apart.
    """
    hear(name, kept, keep)  # its callback is not called where the server was started anew meanwhile
    told = tell(BUILDER, name, kept())
    examined = examine(rows_of(told.text, classes) if told.rows is None else told.rows, classes)
    if told.rows is not None and examined.rows != list(told.rows):
        told = replace(told, version=told.version + 1, rows=examined.rows)
        st.session_state[STATE][BUILDER] = told
    data = {
        "name": name,
        "version": told.version,
        "at": told.at,
        "rows": examined.rows,
        "numbers": in_numbers(examined),
        "errors": examined.errors,
        "error": "" if any(examined.errors) else problem,
        "cost": cost,
        "hint": hint,
        "kinds": BEGIN,
        "choices": CHOICES,
        "help": HELP,
        "image": picture(image),
        "opened": st.session_state.get(OPENED, 0),
    }
    _component(key=BUILDER, data=data, on_network_change=lambda: hear(name, kept, keep))
