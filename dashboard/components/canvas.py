"""The canvas to draw on, what is on it, and how an image gets there; the drawing outlives a change of page.

The component forgets its drawing when its page is left and does not send the picture of a drawing that it was given
at the start. So the session keeps both, the strokes and the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

SIDE = 308  # pixels: eleven for each of an image's 28; the toolbar covers the top right corner until hovered
INK, BACKGROUND = "#ffffff", "#000000"
SCALE = SIDE // 28


@dataclass(frozen=True, eq=False)
class Kept:
    """A drawing: Fabric's objects, its picture, uint8 (H, W) or (H, W, 4), and where it came from."""

    objects: dict | None = None
    picture: np.ndarray | None = None
    origin: str = ""
    image: int | None = None


def kept() -> Kept:
    """What this session drew last."""
    return st.session_state.get("drawing", Kept())


def canvas(brush: int, *, eraser: bool = False) -> np.ndarray | None:
    """The canvas; returns its pixels, uint8 (H, W) or (H, W, 4), None before the first stroke."""
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
    before = kept()
    if result.image_data is not None:
        st.session_state["drawing"] = Kept(result.json_data, result.image_data, before.origin, before.image)
    return kept().picture


def clear() -> None:
    """Begin with an empty canvas."""
    begin_with(Kept())


def put_image(image: np.ndarray, *, origin: str, index: int) -> None:
    """Begin with an image (28, 28) on the canvas, to be changed."""
    picture = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    begin_with(Kept(as_objects(image), picture, origin, index))


def begin_with(drawing: Kept) -> None:
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
