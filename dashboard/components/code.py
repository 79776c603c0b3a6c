"""The command that asks the HTTP API what the page just asked."""

from __future__ import annotations

import base64
import io

import numpy as np
import streamlit as st
from PIL import Image

from core.runs import Run
from dashboard.components.api_address import api_address

MOST_CHARACTERS = 16_000  # of a picture inside a command; a larger one is named as a file


def show_command(run: Run, picture: np.ndarray) -> None:
    """A popover with the command for this picture."""
    with st.popover("Use it from code", icon=":material/terminal:"):
        st.caption("The same picture, asked over HTTP. The answer is the same to the last digit.")
        address = api_address("draw")
        st.code(command(run.id, picture, address), language="shell")
        st.caption(f"All that can be asked: [{address}/api/docs]({address}/api/docs)")


def command(run_id: str, picture: np.ndarray, address: str) -> str:
    """A shell command that sends uint8 (H, W), (H, W, 3) or (H, W, 4) as a PNG and prints the answer as JSON."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    text = base64.b64encode(file.getvalue()).decode()
    url = f"{address}/api/runs/{run_id}/predict"
    if len(text) > MOST_CHARACTERS:
        return f"curl -s {url} -F picture=@digit.png"
    return f"echo {text} | base64 -d |\n  curl -s {url} -H 'Content-Type: image/png' --data-binary @-"
