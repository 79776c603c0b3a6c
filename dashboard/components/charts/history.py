"""The learning curves of one run, while it trains and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from core.runs import History
from dashboard.components.charts.spec import category, number
from dashboard.components.charts.theme import theme_colors

MOST_POINTS = 300  # of the batch line: more cannot be seen and would slow the page
BESIDE = 1.04  # of the width to the last epoch: its points and its label are whole
SERIES = ["training", "validation"]
TICKS = {"loss": "~g", "accuracy": ".4~p"}
LEGENDS = {"loss": "top-right", "accuracy": "bottom-right"}  # where curves leave room


def history_charts(history: History, total_epochs: int, *, height: int = 300) -> dict[str, dict]:
    """Loss and accuracy over the epochs, training and validation, with the batches faint behind; a spec of each."""
    batches, epochs = _batch_table(history), _epoch_table(history.epochs)
    x = number(
        "epoch",
        "Epoch",
        scale={"domain": [0, BESIDE * max(1, total_epochs)], "nice": False},
        axis={"values": _epoch_ticks(total_epochs), "format": "d", "grid": False},
    )
    dash = category("series", legend=None, sort=SERIES)
    charts = {}
    for measure in TICKS:
        color = category(
            "series",
            legend={"orient": LEGENDS[measure], "symbolType": "stroke"},
            scale={"domain": SERIES, "range": list(theme_colors())},
        )
        domain = _steady_domain(measure, epochs[measure].to_numpy(float), batches[measure].to_numpy(float))
        y = number(measure, scale={"domain": domain, "nice": False}, axis={"tickCount": 5, "format": TICKS[measure]})
        tooltip = [
            category("series", "Images"),
            number("epoch", "Epoch"),
            number(measure, measure.capitalize(), format=".4f"),
        ]
        charts[measure] = {
            "title": measure.capitalize(),
            "height": height,
            "datasets": {"batches": batches, "epochs": epochs},
            "encoding": {"x": x, "y": y},
            "layer": [
                {
                    "data": {"name": "batches"},
                    "mark": {"type": "line", "opacity": 0.3, "strokeWidth": 1, "clip": True},
                    "encoding": {"color": color},
                },
                {
                    "data": {"name": "epochs"},
                    "mark": {"type": "line", "point": {"size": 36}, "strokeWidth": 2.2, "clip": True},
                    "encoding": {"color": color, "strokeDash": dash, "tooltip": tooltip},
                },
            ],
        }
    return charts


def _epoch_ticks(total_epochs: int) -> list[int]:
    """At most about ten epochs to be named, none after the last, whose label would be cut off."""
    step = next(step for step in (1, 2, 5, 10, 20, 50) if total_epochs <= 10 * step or step == 50)
    return list(range(0, total_epochs + 1, step))


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
