"""Learning curves of several runs."""

from __future__ import annotations

import math

import pandas as pd

from dashboard.components.charts.spec import PERCENT, category, number

DASHES = ([1, 0], [7, 3], [2, 2], [8, 3, 2, 3])
COLORS = 6  # of the theme; after as many lines the dashes change
AXES = {"Epochs": "epoch", "Training time": "training_seconds"}


def curves_chart(frame: pd.DataFrame, axis: str) -> dict:
    """The curves over each other; `axis` is a name in `AXES`. Colours repeat with other dashes."""
    order = list(dict.fromkeys(frame["run"]))
    dashes = [DASHES[place // COLORS % len(DASHES)] for place in range(len(order))]
    ticks = {"format": "d", "tickMinStep": 1} if axis == "Epochs" else {"format": "~g"}
    least = frame["accuracy"].min()  # a bad start may leave the picture
    low = min(0.99, math.floor(100 * (least if least >= 0.9 else frame["accuracy"].quantile(0.05))) / 100)
    color = category("run", sort=order, legend={"orient": "bottom", "columns": 3, "labelLimit": 220})
    dash = category("run", sort=order, legend=None, scale={"domain": order, "range": dashes})
    return {
        "config": PERCENT,
        "datasets": {"curves": frame},
        "data": {"name": "curves"},
        "height": 290 + 24 * -(-len(order) // 3),
        "encoding": {
            "x": number(
                AXES[axis],
                "Epoch" if axis == "Epochs" else "Seconds of training",
                axis={"grid": False, **ticks},
                scale={"zero": axis != "Epochs", "nice": False, "padding": 12},
            ),
            "y": number("accuracy", axis={"format": ".4~p", "tickCount": 6}, scale={"domain": [low, 1], "nice": False}),
            "tooltip": [
                category("run", "Run"),
                number("epoch", "Epoch"),
                number("training_seconds", "Seconds", format=".1f"),
                number("accuracy", "Validation accuracy", format=".2%"),
            ],
        },
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 2.2, "clip": True},
                "encoding": {"color": color, "strokeDash": dash},
            },
            {"mark": {"type": "point", "filled": True, "size": 42, "clip": True}, "encoding": {"color": color}},
        ],
    }
