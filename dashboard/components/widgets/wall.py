"""A wall of small pictures in groups: weights, feature maps and units, for mouse and arrow keys.

A Streamlit component (v2) of our own. All pictures of a group travel as one PNG, in which zero is transparent, so that
it is the page's own ground in both themes; what changes is drawn in place.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

POSITIVE, NEGATIVE = (217, 95, 2), (43, 95, 217)  # orange and blue: apart in every common colour blindness
UNUSED = (128, 132, 142, 105)  # red, green, blue and opacity of what has no value
MOST_PICTURES = 784  # of a group: a feature map's places are no more
_GAP, _ZERO = 0, 128  # places in the palette: 0 is for values that are missing, 128 for zero
_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "digitlab_wall",
    css=(_HERE / "wall.css").read_text(encoding="utf-8"),
    js=(_HERE / "wall.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, eq=False)
class Group:
    """Pictures that belong together.

    Attributes:
        name: what a choice returns for them, different for each group.
        title: what stands above them; "" is nothing.
        pictures: float (n, h, w); not a number is drawn grey where `unused` is true of it, else as a gap. uint8 is a
            picture of a digit, white on black.
        unused: bool (h, w), the same for all pictures; None is nowhere.
        limit: the number that has the full colour; None is the largest of the pictures.
        width: of a picture in CSS pixels.
        note: a remark beside the title.
        values: a word for each picture, for its tooltip and for screen readers, as "0.83".
        captions: what stands below each picture; () is nothing.
        unit: what one picture is called: "unit", "filter".
        has_key: whether the colours' key stands above them.
        selectable: whether a picture can be chosen.
        columns: how many stand in a row, close together and without frames; 0 is as many as there is room for.
        numbers: of the pictures, where they stand in another order than 0, 1, 2, …; a choice returns its number.
    """

    name: str
    title: str
    pictures: np.ndarray
    unused: np.ndarray | None = None
    limit: float | None = None
    width: int = 56
    note: str = ""
    values: Sequence[str] = ()
    captions: Sequence[str] = ()
    unit: str = "unit"
    has_key: bool = True
    selectable: bool = True
    columns: int = 0
    numbers: Sequence[int] = ()


def wall(
    groups: Sequence[Group],
    *,
    key: str,
    selected: tuple[str, int] | None = None,
    on_choose: Callable[[str, int], None] | None = None,
    reveal: str = "",
) -> None:
    """Show groups of pictures; of each group at most 784.

    Args:
        groups: from top to bottom.
        key: the component's key; a call with the same key changes the pictures in place.
        selected: group and number of the picture that is shown as chosen.
        on_choose: called with group and number of a picture that was chosen, before the page runs again.
        reveal: key of the container that is scrolled into view after a choice where it is out of sight.
    """

    def chosen() -> None:
        state = st.session_state.get(key)  # None where the page is being left
        choice = state.chosen if state else None
        if on_choose is None or not isinstance(choice, list | tuple) or len(choice) != 2:
            return
        for group in groups:
            if choice[0] == group.name and isinstance(choice[1], int) and 0 <= choice[1] < len(group.pictures):
                on_choose(group.name, group.numbers[choice[1]] if group.numbers else choice[1])

    by_name = {group.name: group for group in groups}
    if selected and (numbers := by_name[selected[0]].numbers):
        selected = selected[0], list(numbers).index(selected[1])
    data = {
        "groups": [_as_data(group, on_choose is not None and group.selectable) for group in groups],
        "selected": list(selected) if selected else None,
        "reveal": reveal,
        "colors": [f"rgb{NEGATIVE}", f"rgb{POSITIVE}"],
    }
    _component(key=key, data=data, on_chosen_change=chosen)


def limit_of(pictures: np.ndarray) -> float:
    """The largest distance from zero in `pictures`; 1 where all are zero or there is none."""
    finite = np.abs(pictures[np.isfinite(pictures)])
    return float(finite.max()) or 1.0 if finite.size else 1.0


def short(value: float) -> str:
    """A number in few characters, with a true minus sign: "−0.35", "12.4", "0.0021"."""
    if not np.isfinite(value):
        return "no number"
    size = abs(value)
    if size and size < 0.001:
        text = f"{value:.1e}"
    else:
        text = f"{value:.{3 if size < 0.1 else 2 if size < 10 else 1 if size < 1000 else 0}f}"
    return ("0" if not float(text) else text).replace("-", "−")


def signed_sheet(pictures: np.ndarray, limit: float, columns: int, unused: np.ndarray | None = None) -> str:
    """One PNG of float (n, h, w) in rows of `columns`, as a data URL: orange above zero, blue below, zero transparent.

    The opacity is |value| / `limit`, at most 1; what is not a number is transparent, or grey where `unused` is true.
    """
    shares = np.clip(np.nan_to_num(pictures, nan=0.0, posinf=limit, neginf=-limit) / limit, -1, 1)
    places = (_ZERO + np.rint(127 * shares)).astype(np.uint8)
    if unused is not None:
        places[:, unused] = _GAP
    sheet = Image.fromarray(_sheet(places, columns, _ZERO), "P")
    palette = [UNUSED[:3], *([NEGATIVE] * (_ZERO - 1)), *([POSITIVE] * (256 - _ZERO))]
    sheet.putpalette([part for color in palette for part in color])
    opacity = [UNUSED[3], *(min(255, 2 * abs(place - _ZERO) + (place != _ZERO)) for place in range(1, 256))]
    file = io.BytesIO()
    sheet.save(file, "PNG", transparency=bytes(opacity), compress_level=3)
    return _url(file)


def digit_sheet(pictures: np.ndarray, columns: int) -> str:
    """One PNG of digits, uint8 (n, h, w), in rows of `columns`, as a data URL."""
    file = io.BytesIO()
    Image.fromarray(_sheet(pictures, columns, 0)).save(file, "PNG", compress_level=3)
    return _url(file)


def _url(file: io.BytesIO) -> str:
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _sheet(cells: np.ndarray, columns: int, empty: int) -> np.ndarray:
    count, height, width = cells.shape
    rows = max(1, -(-count // columns))
    whole = np.full((rows * columns, height, width), empty, np.uint8)
    whole[:count] = cells
    return whole.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def _as_data(group: Group, selectable: bool) -> dict:
    shown = group.pictures[:MOST_PICTURES]
    count, height, width = shown.shape
    columns = max(1, min(count, 1024 // width))
    is_digit = shown.dtype == np.uint8
    limit = 255.0 if is_digit else group.limit or limit_of(group.pictures)
    sheet = digit_sheet(shown, columns) if is_digit else signed_sheet(shown, limit, columns, group.unused)
    left_out = f"the first {count} of {len(group.pictures):,}" if count < len(group.pictures) else ""
    return {
        "name": group.name,
        "title": group.title,
        "note": " · ".join(filter(None, [group.note, left_out])),
        "sheet": sheet,
        "columns": columns,
        "rows": max(1, -(-count // columns)),
        "count": count,
        "width": group.width,
        "height": round(group.width * height / width, 2),
        "values": list(group.values[:MOST_PICTURES]),
        "captions": list(group.captions[:MOST_PICTURES]),
        "unit": group.unit,
        "key": _key(shown if group.unused is None else shown[:, ~group.unused], limit)
        if group.has_key and not is_digit
        else None,
        "digit": is_digit,
        "unused": group.unused is not None,
        "selectable": selectable,
        "inRow": group.columns,
        "numbers": list(group.numbers[:MOST_PICTURES]),
    }


def _key(pictures: np.ndarray, limit: float) -> list[str]:
    """The numbers at the ends of the colours' key: from zero where none is below it, and whether some lie beyond."""
    beyond = "≥ " if limit_of(pictures) > 1.001 * limit else ""
    low = "0" if not (pictures < 0).any() else f"{beyond.replace('≥', '≤')}−{short(limit)}"
    return [low, f"{beyond}{short(limit)}"]
