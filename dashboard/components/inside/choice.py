"""What is looked at on the page Inside: a unit, kept in the session, and an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.data import Dataset
from core.drawing import drawing_steps
from core.runs import RunView
from dashboard.components.classes import one_of
from dashboard.components.draw.labelling import my_digits
from dashboard.components.fields import say_refused
from dashboard.components.widgets.canvas import BRUSH, canvas, clear, undo
from dashboard.components.widgets.gallery import Tile, enlarged, gallery, picture

UNIT, PLACE = "inside_chosen_unit", "inside_place"
SOURCES = ("Test image", "Drawing", "My digits")
NEWEST_DIGITS = 24
SHOWN = 224  # CSS pixels of the image


@dataclass(frozen=True, eq=False)
class Chosen:
    """The image that is looked at: uint8 (28, 28); its number in the test set and its label where it has them
    and the run knows it."""

    pixels: np.ndarray
    words: str
    index: int | None = None
    label: int | None = None


def choose_unit(name: str, index: int) -> None:
    """Look at this unit."""
    st.session_state[UNIT] = (name, index)
    st.session_state.pop(PLACE, None)


def chosen_unit(counts: Mapping[str, int], otherwise: tuple[str, int]) -> tuple[str, int]:
    """The chosen unit, as layer and number, where it is one of those on the page, else `otherwise`.

    `counts` is how many units each layer on the page has.
    """
    name, number = st.session_state.get(UNIT, otherwise)
    return (name, number) if number < counts.get(name, 0) else otherwise


def choose_image(digits: Dataset, run: RunView, *, part: str) -> Chosen | None:
    """Choose a test image, a drawing or one of my digits, in this part of the page; None before there is one."""
    kind = st.segmented_control(
        "Image",
        SOURCES,
        default=SOURCES[0],
        required=True,
        key="source",
        bind="query-params",
        label_visibility="collapsed",
    )
    if kind == "Drawing":
        return _draw(part, run.is_digits)
    if kind == "My digits":
        return _choose_my_digit(run.is_digits)
    return _choose_test_image(digits, run)


def open_test_image(index: int) -> None:
    """Look at this image of the test set."""
    st.session_state["source"], st.session_state["image"] = SOURCES[0], str(index)


def _choose_test_image(digits: Dataset, run: RunView) -> Chosen:
    place, count = st.container(), len(digits.x_test)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="image_number"):
        text = st.text_input(
            "Number", max_chars=6, placeholder="0", key="image", bind="query-params", width=84, help="In the test set."
        )
        text = str(text or "").strip()
        index = int(text) if text.isascii() and text.isdecimal() and int(text) < count else 0
        for name, icon, step in (("Previous", "chevron_left", -1), ("Next", "chevron_right", 1)):
            st.button(
                name,
                icon=f":material/{icon}:",
                key=f"inside_{name.lower()}",
                on_click=open_test_image,
                args=((index + step) % count,),
            )
        mistakes = _mistakes(run, digits)
        if len(mistakes):
            later = mistakes[mistakes > index]
            st.button(
                "Next mistake",
                key="inside_mistake",
                on_click=open_test_image,
                args=(int(later[0] if len(later) else mistakes[0]),),
                help="The next test image that this run reads wrong.",
            )
    if text and not (text.isascii() and text.isdecimal() and int(text) == index):
        say_refused(f"The test images are 0 to {count - 1:,}.")
    with place:
        _show_picture(digits.x_test[index], f"Test image {index}, enlarged")
    label = int(digits.y_test[index])
    words = f"Test image {index}, {one_of(digits.classes, label)}"
    return Chosen(digits.x_test[index], words, index, label if digits.classes == run.classes else None)


def _mistakes(run: RunView, digits: Dataset) -> np.ndarray:
    """The numbers of the test images that the run, as it is now, reads wrong."""
    found = run.probabilities()
    if found is None or len(found) != len(digits.y_test) or run.foreign_dataset(digits):
        return np.array([], int)
    return np.flatnonzero(found.argmax(axis=1) != digits.y_test)


def _draw(part: str, is_digits: bool) -> Chosen | None:
    with st.container(width=SHOWN + 56):
        place = st.container(gap=None, key="drawing")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="tools"):
        tool = st.segmented_control(
            "Tool", ("Pen", "Eraser"), default="Pen", required=True, key="tool", label_visibility="collapsed"
        )
        st.button("Undo", icon=":material/undo:", on_click=undo, key="undo")
        st.button("Clear", icon=":material/delete:", on_click=clear, key="clear")
    with place:
        drawn = canvas(BRUSH, eraser=tool == "Eraser", place=part, of_digits=is_digits)
    steps = None if drawn is None else drawing_steps(drawn)
    if steps is None:
        st.caption(f"Draw {'one digit' if is_digits else 'something'}. The layers follow the pen.")
        return None
    return Chosen(steps.centred, "My drawing")


def _choose_my_digit(is_digits: bool) -> Chosen | None:
    saved = my_digits().all()[::-1][:NEWEST_DIGITS]
    if not saved:
        st.caption("Digits that you save on Draw appear here.")
        st.page_link("app_pages/draw.py", label="Draw one", icon=":material/draw:")
        return None
    at = min(st.session_state.get("inside_mine", 0), len(saved) - 1)
    _show_picture(saved[at].image, "My digit, enlarged")
    gallery(
        np.stack([digit.image for digit in saved]),
        [Tile(place, digit.label, of="my") for place, digit in enumerate(saved)],
        key="inside_my_digits",
        selected=at,
        on_choose=lambda place: st.session_state.update(inside_mine=place),
        tile_size=28,
        label="My digits, newest first",
    )
    return Chosen(saved[at].image, f"My digit, a {saved[at].label}", label=saved[at].label if is_digits else None)


def _show_picture(image: np.ndarray, alt: str) -> None:
    st.image(picture(enlarged(image, 8)), width=SHOWN, alt=alt)
