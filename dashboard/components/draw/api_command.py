"""The HTTP request for the answer on the page: the picture as a file, a shell command and a line of Python."""

from __future__ import annotations

import io

import numpy as np
import streamlit as st
from PIL import Image

from core.drawing import shrink
from core.runs import RunView
from dashboard.components.draw.api_address import api_address

FILE = "digit.png"


def show_command(run: RunView, picture: np.ndarray) -> None:
    """Show a popover with the picture as a file, and the commands that send it, in a shell and in Python."""
    with st.popover("Use it from code", icon=":material/terminal:"):
        st.caption("Get the same answer over HTTP: save the picture, then run one of these in its folder.")
        st.download_button(
            FILE,
            lambda: picture_file(picture),
            FILE,
            "image/png",
            key="code_picture",
            icon=":material/download:",
            on_click="ignore",
        )
        address = api_address("draw")
        st.code(command(run.id, address), language="shell", wrap_lines=True)
        st.code(python_line(run.id, address), language="python", wrap_lines=True)
        st.caption(f"In Windows PowerShell, write curl.exe. All operations: [{address}/api/docs]({address}/api/docs)")


def picture_file(picture: np.ndarray) -> bytes:
    """A picture, uint8 (H, W), (H, W, 3) or (H, W, 4), as a PNG of at most 4 MB; the API's limit is 10.

    It is shrunk as the page shrinks it, so the API's answer equals the page's to the last digit.
    """
    file = io.BytesIO()
    Image.fromarray(shrink(picture)).save(file, "PNG", optimize=True)
    return file.getvalue()


def command(run_id: str, address: str) -> str:
    """A command for any shell that sends `FILE` and prints the answer as JSON."""
    return f'curl -s {_url(run_id, address)} -F "picture=@{FILE}"'


def python_line(run_id: str, address: str) -> str:
    """A line of Python that sends `FILE` and prints the answer as JSON, with the standard library only."""
    request = f'u.Request("{_url(run_id, address)}", open("{FILE}", "rb").read(), {{"Content-Type": "image/png"}})'
    return f"import urllib.request as u; print(u.urlopen({request}).read().decode())"


def _url(run_id: str, address: str) -> str:
    return f"{address}/api/runs/{run_id}/predict"
