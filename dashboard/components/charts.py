"""The Altair charts that several pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.runs import History

MOST_POINTS = 300  # of the batch line: more cannot be seen and would slow the page
SERIES = ["training", "validation"]


def theme_colors() -> tuple[str, str]:
    """The page's first two chart colours, for training and validation, right and wrong."""
    dark = st.context.theme.type == "dark"
    return ("#7ea2ff", "#ff9d57") if dark else ("#3652c9", "#c2560c")


def history_chart(history: History, total_epochs: int, *, height: int = 260) -> alt.Chart:
    """Loss and accuracy over the epochs, training and validation, with the batches faint behind."""
    batches, epochs = _batch_table(history), _epoch_table(history.epochs)
    x = alt.X("epoch:Q", title="Epoch", scale=alt.Scale(domain=[0, max(1, total_epochs)], nice=False))
    x = x.axis(tickMinStep=1, format="d", tickCount=min(10, total_epochs), grid=False)
    color = alt.Color("series:N", title=None, legend=alt.Legend(orient="top"))
    color = color.scale(domain=SERIES, range=list(theme_colors()))
    panels = []
    for measure, axis in (("loss", {"format": "~g"}), ("accuracy", {"format": ".0%"})):
        scale = alt.Scale(zero=measure == "loss", domainMax=1.0) if measure == "accuracy" else alt.Scale(zero=True)
        y = alt.Y(f"{measure}:Q", title=None, scale=scale, axis=alt.Axis(tickCount=5, **axis))
        faint = alt.Chart(batches).mark_line(opacity=0.28, strokeWidth=1, clip=True).encode(x=x, y=y, color=color)
        tooltip = [
            alt.Tooltip("series:N", title="Images"),
            alt.Tooltip("epoch:Q", title="Epoch"),
            alt.Tooltip(f"{measure}:Q", title=measure.capitalize(), format=".4f"),
        ]
        line = alt.Chart(epochs).mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=2.2)
        line = line.encode(
            x=x,
            y=y,
            color=color,
            strokeDash=alt.StrokeDash("series:N", legend=None, sort=SERIES),
            tooltip=tooltip,
        )
        panels.append((faint + line).properties(title=measure.capitalize(), height=height, width="container"))
    return panels


def _batch_table(history: History) -> pd.DataFrame:
    batches = history.batches
    if len(batches) > MOST_POINTS:
        chosen = np.linspace(0, len(batches) - 1, MOST_POINTS).astype(int)
        batches = [batches[index] for index in chosen]
    rows = [
        {
            "epoch": batch.get("position"),
            "loss": batch.get("loss"),
            "accuracy": batch.get("accuracy"),
            "series": "training",
        }
        for batch in batches
    ]
    return pd.DataFrame(rows, columns=["epoch", "loss", "accuracy", "series"])


def _epoch_table(epochs: Sequence[Mapping]) -> pd.DataFrame:
    rows = []
    for epoch in epochs:
        for series, prefix in (("training", ""), ("validation", "val_")):
            rows.append(
                {
                    "epoch": epoch.get("epoch"),
                    "loss": epoch.get(f"{prefix}loss"),
                    "accuracy": epoch.get(f"{prefix}accuracy"),
                    "series": series,
                }
            )
    return pd.DataFrame(rows, columns=["epoch", "loss", "accuracy", "series"])


def probability_bars(probabilities: np.ndarray, *, marked: int | None = None, height: int = 250) -> alt.Chart:
    """Ten bars, one a digit, of `probabilities` (10,); the digit `marked` stands out."""
    strong, _ = theme_colors()
    table = pd.DataFrame({"digit": range(10), "probability": probabilities, "marked": np.arange(10) == marked})
    bars = (
        alt.Chart(table)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X(
                "probability:Q",
                title=None,
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format=".0%", tickCount=5),
            ),
            y=alt.Y("digit:O", title=None, axis=alt.Axis(labelFontSize=14, ticks=False)),
            opacity=alt.condition("datum.marked", alt.value(1.0), alt.value(0.45)),
            color=alt.value(strong),
            tooltip=[
                alt.Tooltip("digit:O", title="Digit"),
                alt.Tooltip("probability:Q", title="Probability", format=".2%"),
            ],
        )
    )
    return bars.properties(height=height)
