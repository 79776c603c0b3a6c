"""The canvas to draw on, and its drawing, which the session keeps when the page is left.

The component loses its drawing when its page is left, and does not send the picture of a drawing that it was given at
the start. So the session keeps both strokes and picture. Mouse, pen and touch are handled in canvas.js.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from core.drawing.mnist_form import IMAGE_SIDE

SCALE = 15  # pixels of the canvas for each of an image
SIDE = SCALE * IMAGE_SIDE  # shown smaller where there is less room
NAME = "Drawing area. Draw one {} in it with a pen, a finger or the mouse."
INK, BACKGROUND = "#ffffff", "#000000"
MOST_UNDONE = 30  # steps that can be taken back: 180 KB each
BRUSHES, BRUSH = (8, 56), 28  # pixels
HANDS = "canvas_hands"
GHOST = "M9 7C12 4 19 5 18.5 10C18 13 15 13.8 13 13.8C16 13.8 19.5 15 19.2 18.8C18.8 24 11.5 24 8.5 20.5"
NO_GHOST = "M0 0"

_hands = st.components.v2.component(
    "digitlab_canvas_hands", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing: Fabric's objects, its picture, uint8 (H, W), its origin, and the number of its canvas."""

    objects: dict | None = None
    picture: np.ndarray | None = None
    origin: str = ""
    image: int | None = None
    canvas: int = 0

    @property
    def strokes(self) -> int:
        """The number of its strokes and squares."""
        return len((self.objects or {}).get("objects", ()))


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The session's drawing, and the earlier ones for Undo, newest last.

    It is replaced as a whole, since Streamlit may end a script at any access to the session's state.
    """

    drawing: Drawing = Drawing()
    earlier: tuple[Drawing, ...] = ()

    @property
    def key(self) -> str:
        return f"canvas_{self.drawing.canvas}"

    def drawn(self, drawing: Drawing) -> _Sheet:
        """The sheet after a message from the canvas: more strokes, or fewer where the browser undid some by itself."""
        earlier = self.earlier
        if drawing.strokes > self.drawing.strokes:
            earlier = (*earlier, self.drawing)
        while earlier and earlier[-1].canvas == drawing.canvas and earlier[-1].strokes >= drawing.strokes:
            earlier = earlier[:-1]
        return _Sheet(drawing, earlier[-MOST_UNDONE:])

    def begun_with(self, drawing: Drawing, earlier: tuple[Drawing, ...]) -> _Sheet:
        """The sheet with a new canvas that begins with this drawing."""
        return _Sheet(replace(drawing, canvas=self.drawing.canvas + 1), earlier[-MOST_UNDONE:])


def _sheet() -> _Sheet:
    """The session's sheet, updated by what the component sent last."""
    sheet = st.session_state.get("sheet", _Sheet())
    sent = (st.session_state.get(sheet.key) or {}).get("drawing") or {}
    objects, data = sent.get("raw"), sent.get("data")
    if data is None or objects == sheet.drawing.objects:  # just a rerun, not a stroke
        return sheet
    sheet = st.session_state["sheet"] = sheet.drawn(replace(sheet.drawing, objects=objects, picture=_decoded(data)))
    return sheet


def _decoded(data: str) -> np.ndarray:
    """The picture in a data URL, uint8 (H, W)."""
    with Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as image:
        return np.ascontiguousarray(np.asarray(image)[..., 0])  # red, green and blue are the same


def current_drawing() -> Drawing:
    """The drawing on this session's canvas."""
    return _sheet().drawing


def canvas(brush: int, *, eraser: bool = False, place: str = "", of_digits: bool = True) -> np.ndarray | None:
    """Show the canvas; returns its pixels, uint8 (H, W), with the stroke that is being drawn; None before the first.

    `place` tells apart the places of a page that it can be in: the browser builds a canvas anew that comes to another.
    `of_digits`: whether a digit is to be drawn, of which one is seen in pale before the first stroke.
    """
    from streamlit_drawable_canvas import st_canvas  # raises outside a running app

    color = BACKGROUND if eraser else INK
    sheet = _sheet()
    if sheet.key in st.session_state and place != st.session_state.get("canvas_place", place):
        sheet = st.session_state["sheet"] = sheet.begun_with(sheet.drawing, sheet.earlier)
    st.session_state["canvas_place"] = place
    if sheet.key not in st.session_state:  # a new one begins with the drawing; changing it later would reload it
        st.session_state["canvas_start"] = sheet.drawing.objects
    st_canvas(
        stroke_width=brush,
        stroke_color=color,
        background_color=BACKGROUND,
        height=SIDE,
        width=SIDE,
        initial_drawing=st.session_state.get("canvas_start"),
        return_image_data=True,
        key=sheet.key,
        on_change=current_drawing,  # at once: a click on another page's link ends the script
    )
    pen = {"width": brush, "color": color, "background": BACKGROUND}
    drawing = current_drawing()
    ghost = {"path": "" if drawing.strokes else GHOST if of_digits else NO_GHOST, "scale": SCALE}
    undoes = bool(drawing.strokes or _sheet().earlier)
    live = (st.session_state.get(HANDS) or {}).get("live") or {}
    followed = live.get("number") or st.session_state.get(
        "canvas_followed", 0
    )  # runs of the page without it come between
    st.session_state["canvas_followed"] = followed
    _hands(
        key=HANDS,
        data={
            "canvas": sheet.key,
            "strokes": drawing.strokes,
            "followed": followed,
            "name": NAME.format("digit" if of_digits else "image"),
            "ghost": ghost,
            "undoes": undoes,
            **pen,
        },
        height=1,
        on_live_change=lambda: None,
    )
    if live.get("canvas") == sheet.key and live.get("strokes") == drawing.strokes:  # else its stroke has ended
        return _decoded(live["data"])
    return drawing.picture


# Each of these begins a new canvas even where nothing changes: the browser waits for it (canvas.js)


def undo() -> None:
    """Undo the last stroke or Clear; called where the browser had no stroke to undo by itself."""
    sheet = _sheet()
    *earlier, last = sheet.earlier or (sheet.drawing,)
    st.session_state["sheet"] = sheet.begun_with(last, tuple(earlier))


def clear() -> None:
    """Replace the canvas by an empty one."""
    sheet = _sheet()
    cleared = () if sheet.drawing.picture is None else (sheet.drawing,)
    st.session_state["sheet"] = sheet.begun_with(Drawing(), (*sheet.earlier, *cleared))


def put_image(image: np.ndarray, *, origin: str, index: int) -> None:
    """Replace the canvas by one with an image (28, 28) on it, to be edited."""
    picture = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    st.session_state["sheet"] = _sheet().begun_with(Drawing(as_objects(image), picture, origin, index), ())


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
