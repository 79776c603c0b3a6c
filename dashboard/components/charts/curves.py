"""Learning curves of several runs."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

DASHES = ([1, 0], [7, 3], [2, 2], [8, 3, 2, 3])
COLORS = 6  # of the theme; after as many lines the dashes change
AXES = {"Epochs": "epoch", "Training time": "training_seconds"}


def curves_chart(frame: pd.DataFrame, axis: str) -> alt.LayerChart:
    """The curves over each other; `axis` is a name in `AXES`. Colours repeat with other dashes."""
    order = list(dict.fromkeys(frame["run"]))
    dashes = [DASHES[place // COLORS % len(DASHES)] for place in range(len(order))]
    ticks = {"format": "d", "tickMinStep": 1} if axis == "Epochs" else {"format": "~g"}
    least = frame["accuracy"].min()  # a bad start may leave the picture
    low = min(0.99, math.floor(100 * (least if least >= 0.9 else frame["accuracy"].quantile(0.05))) / 100)
    base = alt.Chart(frame).encode(
        x=alt.X(
            f"{AXES[axis]}:Q",
            title="Epoch" if axis == "Epochs" else "Seconds of training",
            axis=alt.Axis(grid=False, **ticks),
            scale=alt.Scale(zero=axis != "Epochs", nice=False, padding=12),
        ),
        y=alt.Y(
            "accuracy:Q",
            title=None,
            axis=alt.Axis(format=".4~p", tickCount=6),
            scale=alt.Scale(domain=[low, 1], nice=False),
        ),
        color=alt.Color("run:N", title=None, sort=order, legend=alt.Legend(orient="bottom", columns=3, labelLimit=220)),
        tooltip=[
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("epoch:Q", title="Epoch"),
            alt.Tooltip("training_seconds:Q", title="Seconds", format=".1f"),
            alt.Tooltip("accuracy:Q", title="Validation accuracy", format=".2%"),
        ],
    )
    dash = alt.StrokeDash("run:N", sort=order, legend=None, scale=alt.Scale(domain=order, range=dashes))
    line = base.mark_line(strokeWidth=2.2, clip=True).encode(strokeDash=dash)
    return alt.layer(line, base.mark_point(filled=True, size=42, clip=True)).properties(
        height=290 + 24 * -(-len(order) // 3)
    )
