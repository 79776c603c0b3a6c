"""The camera, or the reason why it cannot be used and what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

KEY = "camera_state"
UPLOAD = "Switch the camera off above and upload a picture: a phone offers to take one there."
REASONS = {  # what the browser says: what to do
    "insecure": "The camera works only over https, or on the machine where Digit Lab runs (localhost). This page was "
    f"opened over plain http. {UPLOAD}",
    "refused": "Your browser blocks the camera for Digit Lab. Allow it in the settings beside the address, or "
    "switch the camera off above and upload a picture.",
    "none": f"Your browser found no camera. Connect one, or close the program that uses it. {UPLOAD}",
}

_ask = st.components.v2.component(
    "digitlab_camera_state", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def camera_input(on_change: Callable[[], None]):
    """A photo from the camera; None before it is taken, and with a warning where the camera cannot be used."""
    said = _ask(key=KEY, on_camera_change=lambda: None, height=1).camera
    if said in REASONS:
        st.warning(REASONS[said], icon=":material/no_photography:")
        return None
    return st.camera_input("Photograph one digit", key="camera", resolution="720p", on_change=on_change)
