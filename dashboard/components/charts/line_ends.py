"""Names at the ends of lines, instead of a legend: where they stand, and the layer that writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboard.components.charts.spec import category, number

PIXELS_A_LINE = 15  # of height: names closer than this would touch
PIXELS_A_LETTER = 6.8  # of width, on average, at the size in which names are written
WIDEST = 150  # pixels: longer names end in an ellipsis
ASIDE = 9  # pixels between the end of a line and its name


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


def room_for(names: Sequence[str]) -> dict[str, int]:
    """The padding of a chart whose lines end in these names."""
    letters = max(map(len, names), default=0)
    return {"left": 5, "top": 5, "right": ASIDE + 8 + min(WIDEST, round(PIXELS_A_LETTER * letters)), "bottom": 20}


def name_layer(name: str, x: dict, y: str, color: dict, **more: object) -> dict:
    """A layer that writes the column `name` at `x` and the column `y`, in the color of its line."""
    return {
        "mark": {"type": "text", "align": "left", "dx": ASIDE, "fontSize": 12, "fontWeight": 600, "limit": WIDEST},
        "encoding": {"x": x, "y": number(y), "text": category(name), "color": color, **more},
    }
