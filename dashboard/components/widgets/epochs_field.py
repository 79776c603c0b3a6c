"""The number of epochs: a slider and a text field in one Streamlit component (v2), which always agree.

Two widgets would have to set each other through the server, and undo what is typed or moved meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.config import EPOCHS
from dashboard.components.fields import MOST_TYPED

KEY, VERSION = "epochs_field", "epochs_version"  # in the session
_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "digitlab_epochs",
    css=(_HERE / "epochs_field.css").read_text(encoding="utf-8"),
    js="".join((_HERE / name).read_text(encoding="utf-8") for name in ("typed_field.js", "epochs_field.js")),
)


def epochs_field(kept: str, keep: Callable[[str], None], *, wrong: bool) -> None:
    """Show the slider and the field.

    Args:
        kept: the text as it is kept; where it differs from what the field sent last, the field is set to it.
        keep: called with the text that was typed, or the slider's number, before the page runs again.
        wrong: whether the text is invalid, to mark the field.
    """
    text = epochs_now(kept)
    if text != kept:  # the callback below is not called where the server was started anew meanwhile
        keep(text)
        st.session_state[VERSION][1] = text
    version, sent = st.session_state.get(VERSION, (0, text))
    version += sent != text
    st.session_state[VERSION] = [version, text]

    def take() -> None:
        told = st.session_state[VERSION]
        typed = epochs_now(told[1])
        keep(typed)
        told[1] = typed  # in place: any access to the session's state can be interrupted

    low, high = EPOCHS
    data = {"text": text, "version": version, "low": low, "high": high, "wrong": wrong}
    _component(key=KEY, data=data, on_epochs_change=take)


def epochs_now(kept: str) -> str:
    """The text in the field, also in a callback that runs before the field's own; else the `kept` one."""
    version, sent = st.session_state.get(VERSION, (0, kept))
    said = (st.session_state.get(KEY) or {}).get("epochs")
    said = said if isinstance(said, dict) else {}
    counts = sent == kept and said.get("version") == version and isinstance(said.get("text"), str)
    return said["text"][:MOST_TYPED] if counts else kept
