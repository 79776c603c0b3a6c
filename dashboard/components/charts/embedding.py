"""The map: a run's test images in two dimensions, where a rectangle can be drawn."""

from __future__ import annotations

import math

import numpy as np

from core.data.classes import DIGITS
from core.interpretability.embedding import Embedding, Layout
from dashboard.components.charts import theme
from dashboard.components.charts.spec import category, number, table
from dashboard.components.classes import Classes

REGION = "region"
LEGEND, LETTER, SYMBOL = 330, 7, 26  # pixels: of the legend on a phone, of a letter, and around a name
MOST_COLUMNS = 10
NUMERAL = 0.06  # of the map: the room of a label's number


def chosen_region(selection: object) -> dict[str, tuple[float, float]] | None:
    """The rectangle that was drawn, x and y from low to high; None without one."""
    region = selection.get(REGION) if hasattr(selection, "get") else None
    try:
        found = {name: tuple(sorted(float(edge) for edge in region[name])) for name in ("x", "y")}
    except (KeyError, TypeError, ValueError):
        return None
    whole = all(len(edges) == 2 and all(math.isfinite(edge) for edge in edges) for edges in found.values())
    return found if whole else None


def apart(places: np.ndarray, gap: float) -> np.ndarray:
    """The places (n, 2), those closer than `gap` pushed from each other until none are."""
    places = places.astype(float)
    turns = 2.4 * np.arange(len(places))  # a direction each, for those on the same spot
    for _ in range(100):
        between = places[:, None] - places[None]
        distance = np.hypot(*np.moveaxis(between, 2, 0))
        close = (distance < gap - 1e-6) & ~np.eye(len(places), dtype=bool)
        if not close.any():
            break
        same = close & (distance < 1e-9)
        between[same] = np.stack([np.cos(turns), np.sin(turns)], axis=1)[np.nonzero(same)[0]] * 1e-3
        share = np.where(close, (gap - distance) / 2 / np.maximum(np.hypot(*np.moveaxis(between, 2, 0)), 1e-9), 0)
        places += (between * share[..., None]).sum(axis=1)
    return places


def map_chart(
    readings: Embedding,
    layout: Layout,
    chosen: int | None = None,
    *,
    is_filtered: bool = False,
    classes: Classes = DIGITS,
) -> dict:
    """The images as dots coloured by label, mistakes on top as crosses, each label's name at its middle.

    A ring is around the image `chosen`, where it is on the map. Crosses are large where `is_filtered`, that is, where
    only some images are shown.
    """
    names = np.array(classes)
    labels, points = readings.labels[layout.indices], layout.points.round(4)
    images = {
        "x": points[:, 0],
        "y": points[:, 1],
        "index": layout.indices,
        "label": names[labels],
        "prediction": names[readings.predictions[layout.indices]],
    }
    right = readings.right[layout.indices]
    shown = np.unique(labels)
    extent = np.maximum(np.ptp(points, axis=0), 1e-9)
    middles = np.array([np.median(points[labels == label], axis=0) for label in shown])
    middles = middles + (apart(middles / extent, NUMERAL) - middles / extent) * extent
    place = {
        "axis": {"labels": False, "ticks": False, "grid": False, "domain": False},
        "scale": {"zero": False, "nice": False, "padding": 14},
    }
    colors = {"domain": list(classes), "range": list(theme.class_colors(len(classes)))}
    longest = max(map(len, classes))
    told = {
        "color": category(
            "label",
            "Label",
            scale=colors,
            legend={
                "orient": "top",
                "direction": "horizontal",
                "columns": max(1, min(MOST_COLUMNS, LEGEND // (LETTER * longest + SYMBOL))),
                "symbolSize": 80,
                "symbolOpacity": 1,
                "symbolStrokeWidth": 0,
                "titleOrient": "left",
            },
        ),
        "tooltip": [number("index", "Image"), category("label", "Label"), category("prediction", "Read as")],
    }
    numeral = {"type": "text", "fontSize": 22 if longest == 1 else 13, "fontWeight": 700}
    ring = {"type": "point", "shape": "circle", "size": 420, "opacity": 1, "aria": False}  # its tile says it
    cross = {"size": 60, "stroke": theme.ink(), "strokeWidth": 1} if is_filtered else {"size": 46, "strokeWidth": 0}
    disc = {"type": "circle", "size": 750, "fill": theme.ground(), "strokeWidth": 2, "opacity": 0.9, "aria": False}
    return {
        "height": 600,
        "datasets": {
            "right": table(images, right),
            "mistakes": table(images, ~right),
            "chosen": table(images, layout.indices == chosen),
            "middles": table({"x": middles[:, 0], "y": middles[:, 1], "label": names[shown]}),
        },
        "encoding": {"x": number("x", **place), "y": number("y", **place)},
        "layer": [
            {
                "data": {"name": "right"},
                "params": [{"name": REGION, "select": "interval"}],
                "mark": {"type": "circle", "size": 26, "opacity": 0.75},
                "encoding": told,
            },
            {
                "data": {"name": "mistakes"},
                "mark": {"type": "point", "shape": "cross", "filled": True, "opacity": 1, **cross},
                "encoding": told,
            },
            {
                "data": {"name": "middles"},
                "encoding": {"text": category("label")},
                "layer": [
                    {"mark": disc, "encoding": {"stroke": category("label", legend=None, scale=colors)}}
                    if longest == 1
                    else {"mark": {**numeral, "stroke": theme.ground(), "strokeWidth": 4, "opacity": 0.9}},
                    {"mark": {**numeral, "color": theme.ink()}},
                ],
            },
            *(
                {"data": {"name": "chosen"}, "mark": {**ring, "stroke": color, "strokeWidth": width}}
                for color, width in ((theme.ground(), 7), (theme.ink(), 3))
            ),
        ],
    }
