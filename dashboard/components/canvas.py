"""The canvas to draw on, what is on it, and how an image gets there; the drawing outlives a change of page.

The component forgets its drawing when its page is left and does not send the picture of a drawing that it was given
at the start. So the session keeps both, the strokes and the picture.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

SIDE = 308  # pixels: eleven for each of an image's 28
INK, BACKGROUND = "#ffffff", "#000000"
SCALE = SIDE // 28
MOST_UNDONE = 30  # steps that can be taken back: 95 KB each

_without_toolbar = st.components.v2.component(
    "digitlab_canvas_without_toolbar", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


@dataclass(frozen=True, eq=False)
class Kept:
    """A drawing: Fabric's objects, its picture, uint8 (H, W), and where it came from."""

    objects: dict | None = None
    picture: np.ndarray | None = None
    origin: str = ""
    image: int | None = None


def kept() -> Kept:
    """What this session drew last."""
    return st.session_state.get("drawing", Kept())


def canvas(brush: int, *, eraser: bool = False) -> np.ndarray | None:
    """The canvas; returns its pixels, uint8 (H, W), None before the first stroke."""
    from streamlit_drawable_canvas import st_canvas  # raises outside a running app

    key = f"canvas_{st.session_state.setdefault('canvas_number', 0)}"
    if key not in st.session_state:  # mounted anew: it begins with what was drawn; another beginning would reload it
        st.session_state["canvas_start"] = kept().objects
    result = st_canvas(
        stroke_width=brush,
        stroke_color=BACKGROUND if eraser else INK,
        background_color=BACKGROUND,
        height=SIDE,
        width=SIDE,
        initial_drawing=st.session_state.get("canvas_start"),
        return_image_data=True,
        key=key,
    )
    _without_toolbar(key="canvas_without_toolbar", data={"canvas": key}, height=1)
    before = kept()
    if result.image_bytes is not None and result.json_data != before.objects:  # a stroke, not just a rerun
        _earlier().append(before)
        picture = np.ascontiguousarray(result.image_data[..., 0])  # red, green and blue are the same
        st.session_state["drawing"] = Kept(result.json_data, picture, before.origin, before.image)
    return kept().picture


def _earlier() -> deque[Kept]:
    """The drawings before this one, newest last."""
    return st.session_state.setdefault("earlier_drawings", deque(maxlen=MOST_UNDONE))


def undo() -> None:
    """Take back the last stroke, or the clearing."""
    if _earlier():
        _begin_with(_earlier().pop())


def clear() -> None:
    """Begin with an empty canvas."""
    if kept().picture is not None:
        _earlier().append(kept())
        _begin_with(Kept())


def put_image(image: np.ndarray, *, origin: str, index: int) -> None:
    """Begin with an image (28, 28) on the canvas, to be changed."""
    picture = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    _earlier().clear()
    _begin_with(Kept(as_objects(image), picture, origin, index))


def _begin_with(drawing: Kept) -> None:
    """A new canvas with this drawing on it."""
    st.session_state["canvas_number"] = st.session_state.get("canvas_number", 0) + 1
    st.session_state["drawing"] = drawing


def as_objects(image: np.ndarray) -> dict:
    """An image (28, 28) as Fabric's objects: one square for each pixel with ink, as grey as the pixel."""
    return {
        "objects": [
            {
                "type": "Rect",
                "originX": "left",
                "originY": "top",
                "left": int(x) * SCALE,
                "top": int(y) * SCALE,
                "width": SCALE,
                "height": SCALE,
                "fill": "#" + 3 * f"{image[y, x]:02x}",
                "strokeWidth": 0,
                "selectable": False,
            }
            for y, x in zip(*np.nonzero(image), strict=True)
        ]
    }
