"""Names at the ends of lines, instead of a legend: where they stand, and the layer that writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboard.components.charts import theme
from dashboard.components.charts.spec import category, number

PIXELS_A_LINE = 15  # of height: names closer than this would touch
WRITTEN = {
    "type": "text",
    "align": "left",
    "dx": 12,
    "fontSize": 12,
    "fontWeight": 600,
    "limit": 150,
    "tooltip": None,
}


def spread(values: Sequence[float] | np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Places near `values` that are at least `gap` apart, in the order of `values` and between `low` and `high`.

    Each is as near as the others allow (least squares, by pooling adjacent violators); where they do not all fit, they
    are spaced evenly.
    """
    values = np.asarray(values, float)
    if not len(values):
        return values
    order = np.argsort(values, kind="stable")
    gap = min(gap, (high - low) / max(1, len(values) - 1))
    steps = gap * np.arange(len(values))
    pools: list[tuple[float, int]] = []  # mean and count of places that touch
    for value in values[order] - steps:
        mean, count = float(value), 1
        while pools and pools[-1][0] >= mean:
            before, of = pools.pop()
            mean, count = (before * of + mean * count) / (of + count), of + count
        pools.append((mean, count))
    places = np.empty(len(values))
    places[order] = np.clip(np.repeat(*zip(*pools, strict=True)), low, max(low, high - steps[-1])) + steps
    return places


def reserve_layer(names: Sequence[str]) -> dict:
    """A layer that is not seen and keeps room for these names at the right, wherever the lines end at the moment."""
    return {
        "data": {"values": [{"name": max(names, key=len)}]},
        "mark": {**WRITTEN, "opacity": 0, "aria": False},
        "encoding": {"x": {"value": "width"}, "y": {"value": 0}, "text": category("name")},
    }


def halo_layer(name: str, x: dict, y: str) -> dict:
    """A layer below the names, in the colour of the page, so that no line strikes them through."""
    mark = {**WRITTEN, "stroke": theme.ground(), "strokeWidth": 5, "strokeJoin": "round", "aria": False}
    return {"mark": mark, "encoding": {"x": x, "y": number(y), "text": category(name)}}


def name_layer(name: str, x: dict, y: str, color: dict, **more: object) -> dict:
    """A layer that writes the column `name` at `x` and the column `y`, in the color of its line."""
    return {
        "mark": WRITTEN,
        "encoding": {"x": x, "y": number(y), "text": category(name), "color": color, **more},
    }
