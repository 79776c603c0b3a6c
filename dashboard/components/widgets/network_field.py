"""The text of a network: a field that sends what is typed after a short pause, which Streamlit's text areas do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.layers import MOST_TEXT
from dashboard.components.widgets.network_text import FIELD, hear, tell

_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "digitlab_network_field",
    css=(_HERE / "network_field.css").read_text(encoding="utf-8"),
    js="".join((_HERE / name).read_text(encoding="utf-8") for name in ("typed_field.js", "network_field.js")),
)


def network_field(name: str, kept: Callable[[], str], keep: Callable[[str], None], *, help: str, wrong: bool) -> None:
    """Show the field.

    Args:
        name: of the setting whose text it is.
        kept: returns the text as it is kept; where it differs from what the field sent last, the field is set to it.
        keep: called with the text that was typed, before the page runs again.
        help: what can be written, for the tooltip.
        wrong: whether the text is invalid, to mark the field.
    """
    hear(name, kept, keep)  # its callback is not called where the server was started anew meanwhile
    told = tell(FIELD, name, kept())
    data = {"name": name, "text": told.text, "version": told.version, "wrong": wrong, "help": help, "most": MOST_TEXT}
    _component(key=FIELD, data=data, on_network_change=lambda: hear(name, kept, keep))
