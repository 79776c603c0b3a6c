"""What the Map page shows: a run's test images in two dimensions, a chart of them, and those in a rectangle."""

from __future__ import annotations

import math
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.interpretability.embedding import Layout, Readings

REGION = "region"
DIGITS = [str(digit) for digit in range(10)]
COLORS = (  # mid-tones that can be told apart on white and on black
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


def chosen_region(selection: object) -> dict[str, tuple[float, float]] | None:
    """The rectangle that was drawn, x and y from low to high; None without one."""
    region = selection.get(REGION) if hasattr(selection, "get") else None
    try:
        found = {name: tuple(sorted(float(edge) for edge in region[name])) for name in ("x", "y")}
    except (KeyError, TypeError, ValueError):
        return None
    whole = all(len(edges) == 2 and all(math.isfinite(edge) for edge in edges) for edges in found.values())
    return found if whole else None


def map_chart(readings: Readings, layout: Layout) -> alt.LayerChart:
    """The images as dots coloured by label, mistakes on top as crosses, each label's number at its middle."""
    dark = st.context.theme.type == "dark"
    return _map_chart(_Shown(readings, layout), "#e8eaf3" if dark else "#181c2a", "#10131c" if dark else "#fbfbfd")


class _Shown:
    """Readings and layout as a key: equal where the same images have the same places and readings."""

    def __init__(self, readings: Readings, layout: Layout) -> None:
        self.readings, self.layout = readings, layout
        told = readings.predictions[layout.indices].astype(np.uint8)
        self._key = (layout.indices.tobytes(), layout.points.tobytes(), told.tobytes())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shown) and self._key == other._key


@lru_cache(maxsize=16)  # Altair takes longer to put it together than all else on the page
def _map_chart(shown: _Shown, ink: str, ground: str) -> alt.LayerChart:
    readings, layout = shown.readings, shown.layout
    frame = pd.DataFrame(
        {
            "x": layout.points[:, 0].round(4),
            "y": layout.points[:, 1].round(4),
            "index": layout.indices,
            "label": readings.labels[layout.indices].astype(str),
            "prediction": readings.predictions[layout.indices].astype(str),
        }
    )
    wrong = frame["label"] != frame["prediction"]
    places = {axis: alt.Axis(labels=False, ticks=False, grid=False, domain=False, title=None) for axis in ("x", "y")}
    scale = alt.Scale(zero=False, nice=False, padding=14)
    told = [
        alt.Tooltip("index:Q", title="Image"),
        alt.Tooltip("label:N", title="Label"),
        alt.Tooltip("prediction:N", title="Read as"),
    ]
    color = alt.Color(
        "label:N",
        title="Label",
        scale=alt.Scale(domain=DIGITS, range=list(COLORS)),
        legend=alt.Legend(orient="top", direction="horizontal", columns=10, symbolSize=80, titleOrient="left"),
    )
    base = {"x": alt.X("x:Q", scale=scale, axis=places["x"]), "y": alt.Y("y:Q", scale=scale, axis=places["y"])}
    dots = (
        alt.Chart(frame[~wrong])
        .mark_circle(size=26, opacity=0.65)
        .encode(**base, color=color, tooltip=told)
        .add_params(alt.selection_interval(name=REGION))
    )
    crosses = (
        alt.Chart(frame[wrong])
        .mark_point(shape="cross", size=60, filled=True, opacity=1, stroke=ink, strokeWidth=1)
        .encode(**base, color=color, tooltip=told)
    )
    middles = frame.groupby("label", as_index=False)[["x", "y"]].median()
    words = alt.Chart(middles).encode(**base, text="label:N")
    halo = words.mark_text(fontSize=22, fontWeight=700, color=ground, stroke=ground, strokeWidth=5)
    numbers = words.mark_text(fontSize=22, fontWeight=700, color=ink)
    return alt.layer(dots, crosses, halo, numbers).properties(height=600)
