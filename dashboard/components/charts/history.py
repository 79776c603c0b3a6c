"""The Altair charts that several pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from core.runs import History
from dashboard.components.charts.cached import Same
from dashboard.components.charts.theme import theme_colors

MOST_POINTS = 300  # of the batch line: more cannot be seen and would slow the page
BESIDE = 1.04  # of the width to the last epoch: its points and its label are whole
SERIES = ["training", "validation"]


def _epoch_ticks(total_epochs: int) -> list[int]:
    """At most about ten epochs to be named, none after the last, whose label would be cut off."""
    step = next(step for step in (1, 2, 5, 10, 20, 50) if total_epochs <= 10 * step or step == 50)
    return list(range(0, total_epochs + 1, step))


def history_charts(history: History, total_epochs: int, *, height: int = 300) -> dict[str, alt.LayerChart]:
    """Loss and accuracy over the epochs, training and validation, with the batches faint behind."""
    return _history_charts(Same(history), total_epochs, height, theme_colors())


@lru_cache(maxsize=32)  # all sessions that watch a run have one history
def _history_charts(same: Same, total_epochs: int, height: int, colors: tuple[str, str]) -> dict[str, alt.LayerChart]:
    history: History = same.value
    batches, epochs = _batch_table(history), _epoch_table(history.epochs)
    x = alt.X(
        "epoch:Q",
        title="Epoch",
        scale=alt.Scale(domain=[0, BESIDE * max(1, total_epochs)], nice=False),
        axis=alt.Axis(values=_epoch_ticks(total_epochs), format="d", grid=False),
    )
    charts = {}
    for measure, tick_format in (("loss", "~g"), ("accuracy", ".4~p")):
        color = alt.Color(
            "series:N",
            title=None,
            legend=alt.Legend(orient="top-right" if measure == "loss" else "bottom-right", symbolType="stroke"),
            scale=alt.Scale(domain=SERIES, range=list(colors)),
        )
        domain = _steady_domain(measure, epochs[measure].to_numpy(float), batches[measure].to_numpy(float))
        scale = alt.Scale(domain=domain, nice=False)
        y = alt.Y(f"{measure}:Q", title=None, scale=scale, axis=alt.Axis(tickCount=5, format=tick_format))
        faint = alt.Chart(batches).mark_line(opacity=0.3, strokeWidth=1, clip=True).encode(x=x, y=y, color=color)
        line = (
            alt.Chart(epochs)
            .mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=2.2, clip=True)
            .encode(
                x=x,
                y=y,
                color=color,
                strokeDash=alt.StrokeDash("series:N", legend=None, sort=SERIES),
                tooltip=[
                    alt.Tooltip("series:N", title="Images"),
                    alt.Tooltip("epoch:Q", title="Epoch"),
                    alt.Tooltip(f"{measure}:Q", title=measure.capitalize(), format=".4f"),
                ],
            )
        )
        charts[measure] = (faint + line).properties(title=measure.capitalize(), height=height)
    return charts


def _steady_domain(measure: str, epochs: np.ndarray, batches: np.ndarray) -> list[float]:
    """A range that holds all epochs and moves in few large steps, so that a live chart does not jump.

    The first batches of a run are far off the rest; they may leave the picture.
    """
    values = epochs if len(epochs) else batches
    values = values[np.isfinite(values)]
    if not len(values):
        return [0.0, 1.0]
    if measure == "loss":
        most = 1.1 * (values.max() if len(epochs) else np.quantile(values, 0.9))
        return [0.0, next((top for top in (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5) if top >= most), float(most))]
    least = values.min() if len(epochs) else np.quantile(values, 0.1)
    return [next((low for low in (0.98, 0.96, 0.94, 0.9, 0.8, 0.6) if low <= least), 0.0), 1.0]


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
