"""A gallery of digits: tiles with label, prediction and confidence, for mouse and arrow keys.

A Streamlit component (v2) of our own. All images of a gallery travel as one PNG; the browser changes only the tiles
whose words changed, so a gallery that is drawn again with new predictions does not flicker.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from core.data.classes import DIGITS
from core.drawing.mnist_form import IMAGE_SIDE
from core.formatting import certainty
from dashboard.components.classes import Classes, one_of

SPRITE_COLUMNS = 20
MOST_TILES = 200
SHORT = 2  # letters of a class's name that have room below any tile
_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "digitlab_gallery",
    css=(_HERE / "gallery.css").read_text(encoding="utf-8"),
    js=(_HERE / "gallery.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Tile:
    """What a gallery shows of one image.

    Attributes:
        index: the image's number in its set; what a choice returns.
        label: the class in the dataset, by its number.
        prediction: the predicted class, None before there is one.
        confidence: 0 to 1, None before there is a prediction.
        flag: a remark, for instance "label in doubt".
        note: a second line in place of the confidence, for instance a distance.
        second: what another run reads, shown below the prediction in place of the confidence.
        of: the set that the index counts in, for screen readers.
    """

    index: int
    label: int
    prediction: int | None = None
    confidence: float | None = None
    flag: str = ""
    note: str = ""
    second: int | None = None
    of: str = ""


def gallery(
    images: np.ndarray,
    tiles: Sequence[Tile],
    *,
    key: str,
    selectable: bool = True,
    selected: int | None = None,
    on_choose: Callable[[int], None] | None = None,
    tile_size: int = 56,
    label: str = "Test images",
    reveal: str | None = None,
    on_close: Callable[[], None] | None = None,
    full: int | None = None,
    classes: Classes = DIGITS,
) -> int | None:
    """Show `images` in rows as wide as the page allows; return the index that is selected.

    The rows are of equal length where `full` has a divisor near the number of tiles for which there is room.

    Args:
        images: uint8 (k, 28, 28), 0 is background; k is at most 200.
        tiles: one for each image, in the order of `images`.
        key: the component's key; a call with the same key and other predictions changes the tiles in place.
        selectable: False is a compact grid without clicks, captioned by the prediction alone, or by label and
            note where there is no prediction.
        selected: the index that is shown as selected; the page keeps it, for instance in the address.
        on_choose: called with the index that was chosen, before the page runs again.
        tile_size: width of a digit in CSS pixels; multiples of 28 are the sharpest.
        label: the name of the gallery, for screen readers.
        reveal: key of the container that shows the selected image: scrolled into view after a choice.
        on_close: called where Escape is to close that container; the focus goes back to the tile.
        full: how many tiles a full page of the gallery has, `len(tiles)` where it has one page.
        classes: the names of the classes.

    Returns:
        The index chosen in this run, `selected` without a choice.

    Raises:
        ValueError: where images and tiles do not fit each other.
    """
    if len(images) != len(tiles) or len(tiles) > MOST_TILES:
        raise ValueError(f"A gallery has one tile an image, at most {MOST_TILES}; got {len(images)} and {len(tiles)}.")

    def chosen() -> None:
        state = st.session_state.get(key)  # None where the page is being left
        index = state.chosen if state else None
        if on_choose is not None and _is_one_of(tiles, index):
            on_choose(index)

    data = {
        "sprite": sprite(images),
        "columns": SPRITE_COLUMNS,
        "tiles": [_words(tile, classes, quiet=not selectable) for tile in tiles],
        "selectable": selectable,
        "selected": selected,
        "size": tile_size,
        "label": label,
        "reveal": reveal,
        "closes": on_close is not None,
        "full": full or len(tiles),
        "wraps": any(len(name) > SHORT for name in classes),
    }
    index = _component(key=key, data=data, on_chosen_change=chosen, on_closed_change=on_close or _nothing).chosen
    return index if _is_one_of(tiles, index) else selected


def sprite(images: np.ndarray) -> str:
    """One grayscale PNG of uint8 (k, 28, 28) in rows of 20, as a data URL."""
    images = np.ascontiguousarray(images, dtype=np.uint8)
    return _sprite(images.tobytes(), len(images))


def picture(image: np.ndarray) -> str:
    """One image, uint8 (h, w) or (h, w, 3), as a data URL: it is there with the words beside it, unlike a file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def enlarged(image: np.ndarray, times: int = 12) -> np.ndarray:
    """One image (28, 28) with each pixel as a square of `times` pixels, for pictures outside of a gallery."""
    return np.repeat(np.repeat(image, times, axis=0), times, axis=1)


@lru_cache(maxsize=32)
def _sprite(pixels: bytes, count: int) -> str:
    rows = max(1, -(-count // SPRITE_COLUMNS))
    cells = np.zeros((rows * SPRITE_COLUMNS, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    cells[:count] = np.frombuffer(pixels, np.uint8).reshape(count, IMAGE_SIDE, IMAGE_SIDE)
    sheet = cells.reshape(rows, SPRITE_COLUMNS, IMAGE_SIDE, IMAGE_SIDE).swapaxes(1, 2)
    return picture(sheet.reshape(rows * IMAGE_SIDE, SPRITE_COLUMNS * IMAGE_SIDE))


def _words(tile: Tile, classes: Classes, *, quiet: bool) -> dict:
    """A tile as the browser needs it: its mark, its captions, its tooltip, and its name for screen readers.

    The name begins with what the tile shows (WCAG 2.5.3).
    """
    image, meaning = f"{tile.of} image {tile.index}".strip(), one_of(classes, tile.label)
    mark, caption, sure, second = "none", classes[tile.label], "", ""
    if tile.prediction is not None:
        mark, caption = _judged(classes, tile.label, tile.prediction)
        meaning += f", read as {classes[tile.prediction]}"
        sure = "" if tile.confidence is None else certainty(tile.confidence)
    caption = _quiet_caption(tile, classes) if quiet else caption
    below = tile.note or ("" if quiet else sure)
    if tile.second is not None:
        second, below = _judged(classes, tile.label, tile.second)
        meaning += f" and as {classes[tile.second]}"
        sure = ""
    tooltip = [f"{image.capitalize()}: {meaning}", sure and f"{sure} sure", tile.note, tile.flag]
    name = [f"{caption} {below}".strip(), f"{image}: {meaning}", tile.flag]
    return {
        "index": int(tile.index),
        "mark": mark,
        "caption": caption,
        "sure": below,
        "second": second,
        "flag": tile.flag,
        "tooltip": ", ".join(filter(None, tooltip)),
        "name": ", ".join(filter(None, name)),
    }


def _judged(classes: Classes, label: int, prediction: int) -> tuple[str, str]:
    """The mark of a prediction, and how it is written."""
    if prediction == label:
        return "right", classes[label]
    return "wrong", f"{classes[label]}→{classes[prediction]}"


def _quiet_caption(tile: Tile, classes: Classes) -> str:
    return classes[tile.label if tile.note or tile.prediction is None else tile.prediction]


def _is_one_of(tiles: Sequence[Tile], index: object) -> bool:
    return isinstance(index, int) and any(tile.index == index for tile in tiles)


def _nothing() -> None:
    """What happens where nothing can be closed."""
