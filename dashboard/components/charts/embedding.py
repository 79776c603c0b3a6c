"""The map: a run's test images in two dimensions, where a rectangle can be drawn."""

from __future__ import annotations

import math

import pandas as pd

from core.interpretability.embedding import Layout, Readings
from dashboard.components.charts import theme
from dashboard.components.charts.spec import category, number

REGION = "region"
DIGITS = [str(digit) for digit in range(10)]


def chosen_region(selection: object) -> dict[str, tuple[float, float]] | None:
    """The rectangle that was drawn, x and y from low to high; None without one."""
    region = selection.get(REGION) if hasattr(selection, "get") else None
    try:
        found = {name: tuple(sorted(float(edge) for edge in region[name])) for name in ("x", "y")}
    except (KeyError, TypeError, ValueError):
        return None
    whole = all(len(edges) == 2 and all(math.isfinite(edge) for edge in edges) for edges in found.values())
    return found if whole else None


def map_chart(readings: Readings, layout: Layout) -> dict:
    """The images as dots coloured by label, mistakes on top as crosses, each label's number at its middle."""
    images = pd.DataFrame(
        {
            "x": layout.points[:, 0].round(4),
            "y": layout.points[:, 1].round(4),
            "index": layout.indices,
            "label": readings.labels[layout.indices].astype(str),
            "prediction": readings.predictions[layout.indices].astype(str),
        }
    )
    wrong = images["label"] != images["prediction"]
    place = {
        "axis": {"labels": False, "ticks": False, "grid": False, "domain": False},
        "scale": {"zero": False, "nice": False, "padding": 14},
    }
    told = {
        "color": category(
            "label",
            "Label",
            scale={"domain": DIGITS, "range": list(theme.DIGITS)},
            legend={"orient": "top", "direction": "horizontal", "columns": 10, "symbolSize": 80, "titleOrient": "left"},
        ),
        "tooltip": [number("index", "Image"), category("label", "Label"), category("prediction", "Read as")],
    }
    numeral = {"type": "text", "fontSize": 22, "fontWeight": 700}
    halo = {"color": theme.ground(), "stroke": theme.ground(), "strokeWidth": 5}
    return {
        "height": 600,
        "datasets": {
            "right": images[~wrong],
            "mistakes": images[wrong],
            "middles": images.groupby("label", as_index=False)[["x", "y"]].median(),
        },
        "encoding": {"x": number("x", **place), "y": number("y", **place)},
        "layer": [
            {
                "data": {"name": "right"},
                "params": [{"name": REGION, "select": "interval"}],
                "mark": {"type": "circle", "size": 26, "opacity": 0.65},
                "encoding": told,
            },
            {
                "data": {"name": "mistakes"},
                "mark": {
                    "type": "point",
                    "shape": "cross",
                    "size": 60,
                    "filled": True,
                    "opacity": 1,
                    "stroke": theme.ink(),
                    "strokeWidth": 1,
                },
                "encoding": told,
            },
            {
                "data": {"name": "middles"},
                "encoding": {"text": category("label")},
                "layer": [{"mark": {**numeral, **halo}}, {"mark": {**numeral, "color": theme.ink()}}],
            },
        ],
    }
