"""The colours of all charts: those that hold in light and dark, and those that follow the page's theme."""

from __future__ import annotations

import colorsys

import streamlit as st

RIGHT, WRONG, NEUTRAL = "#3f74e8", "#d9701e", "#8b93a7"  # each is marked by a word, a shape or a place as well
CHOSEN = "#7a86a8"
DIGITS = (  # mid-tones that can be told apart on white and on black
    "#4e79d6",
    "#e8730c",
    "#2ca05a",
    "#d6394b",
    "#8f63d2",
    "#9a6a4f",
    "#e06bb5",
    "#7f8794",
    "#a89a1c",
    "#18a8bb",
)


def class_colors(count: int) -> tuple[str, ...]:
    """A colour for each of so many classes: of many, hues around the circle, in turn dark, middle and light."""
    if count <= len(DIGITS):
        return DIGITS[:count]
    tones = ((0.42, 0.75), (0.55, 0.6), (0.68, 0.7))  # lightness and saturation: seen on white and on black
    rgb = (colorsys.hls_to_rgb(place / count, *tones[place % len(tones)]) for place in range(count))
    return tuple("#" + "".join(f"{round(255 * part):02x}" for part in color) for color in rgb)


def theme_colors() -> tuple[str, str]:
    """The page's first two chart colours: training and validation."""
    return ("#7ea2ff", "#ff9d57") if is_dark() else ("#3652c9", "#b44d08")


def confidence_colors() -> tuple[str, str]:
    """How many images are answered, and how many of those are right: apart in every common colour blindness."""
    return ("#c79bf0", "#8fd16b") if is_dark() else ("#8a3fb4", "#3c7d1c")


def ink() -> str:
    """The colour of text that a chart's marks write, which does not follow the page's theme by itself."""
    return "#e8eaf3" if is_dark() else "#181c2a"


def muted() -> str:
    """The colour of a chart's small print."""
    return "#a9b1c6" if is_dark() else "#5b6378"


def ground() -> str:
    """The page's background."""
    return "#10131c" if is_dark() else "#fbfbfd"


def is_dark() -> bool:
    """Whether the page is dark."""
    return st.context.theme.type == "dark"
