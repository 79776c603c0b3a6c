"""The learning curves of one run, while it trains and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.runs import History
from dashboard.components.charts.spec import PERCENT, category, number, table
from dashboard.components.charts.theme import theme_colors

MOST_POINTS = 300  # of the batch line: more cannot be seen and would slow the page
BESIDE = 1.04  # of the width to the last epoch: its points and its label are whole
SERIES = ["training", "validation"]
TICKS = {"loss": "~g", "accuracy": ".4~p"}
LEGENDS = {"loss": "top-right", "accuracy": "bottom-right"}  # where curves leave room


def history_charts(history: History, total_epochs: int, *, height: int = 300) -> dict[str, dict]:
    """Loss and accuracy over the epochs, training and validation, with the batches faint behind; a spec of each."""
    batches, epochs = _batch_columns(history), _epoch_columns(history.epochs)
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
        domain = _steady_domain(measure, epochs[measure], batches[measure])
        y = number(measure, scale={"domain": domain, "nice": False}, axis={"tickCount": 5, "format": TICKS[measure]})
        tooltip = [
            category("series", "Images"),
            number("epoch", "Epoch"),
            number(measure, measure.capitalize(), format=".4f"),
        ]
        charts[measure] = {
            "config": PERCENT,
            "title": measure.capitalize(),
            "height": height,
            "datasets": {"batches": table(batches), "epochs": table(epochs)},
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


def _batch_columns(history: History) -> dict[str, np.ndarray]:
    chosen = np.linspace(0, len(history.batches) - 1, min(MOST_POINTS, len(history.batches))).astype(int)
    batches = [history.batches[index] for index in chosen]
    return {
        "epoch": _column(batches, "position"),
        "loss": _column(batches, "loss"),
        "accuracy": _column(batches, "accuracy"),
        "series": np.full(len(batches), "training"),
    }


def _epoch_columns(epochs: Sequence[Mapping]) -> dict[str, np.ndarray]:
    return {
        "epoch": np.tile(_column(epochs, "epoch"), 2),
        "loss": np.concatenate([_column(epochs, "loss"), _column(epochs, "val_loss")]),
        "accuracy": np.concatenate([_column(epochs, "accuracy"), _column(epochs, "val_accuracy")]),
        "series": np.repeat(SERIES, len(epochs)),
    }


def _column(events: Sequence[Mapping], name: str) -> np.ndarray:
    """A number of each event, nan where it is missing."""
    return np.array([event.get(name) for event in events], float)
