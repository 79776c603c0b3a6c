"""The learning curves of one run, while it trains and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.formatting import percent
from core.runs import History
from dashboard.components.charts import theme
from dashboard.components.charts.line_ends import PIXELS_A_LINE, name_layer, reserve_layer, spread
from dashboard.components.charts.spec import PERCENT, category, number, table

MOST_POINTS = 300  # of the thin line: more cannot be seen and would slow the page
SMOOTHED_OVER = 7  # progress events, of which an epoch has about ten
DOTTED_UNTIL = 30  # epochs: more dots would hide the line
AROUND = 125  # pixels of the height for title and axis
SERIES = ["training", "validation"]
MEASURES = {"loss": ("~g", ".4f"), "accuracy": (".4~p", ".2%")}  # the formats of the axis and of a tooltip
BEST = {"loss": "lowest loss", "accuracy": "best accuracy"}  # seldom of the same epoch
THIN_LINE = "thin line: batches within an epoch, smoothed"


def history_charts(history: History, total_epochs: int, *, height: int = 300) -> dict[str, dict]:
    """Loss and accuracy over the epochs, training and validation, with the batches thin behind; a spec of each.

    What changes while a run trains is in the tables, so that the page replaces those and draws no new chart.
    """
    batches, epochs = _batch_columns(history), _epoch_columns(history.epochs)
    x = number(
        "epoch",
        "Epoch",
        scale={"domain": [0, max(1, total_epochs)], "nice": False},
        axis={"values": _epoch_ticks(total_epochs), "format": "d", "grid": False},
    )
    colors = dict(zip(SERIES, theme.theme_colors(), strict=True))
    color = category("series", legend=None, scale={"domain": SERIES, "range": list(colors.values())})
    dash = category("series", legend=None, scale={"domain": SERIES, "range": [[1, 0], [5, 3]]})
    charts = {}
    for measure, (ticks, exact) in MEASURES.items():
        domain = _steady_domain(measure, epochs[measure], batches[measure])
        y = number(measure, scale={"domain": domain, "nice": False}, axis={"tickCount": 5, "format": ticks})
        at_epoch = [number("epoch", "Epoch"), number(measure, measure.capitalize(), format=exact)]
        charts[measure] = {
            "config": PERCENT,
            "title": {
                "text": measure.capitalize(),
                "subtitle": THIN_LINE,
                "subtitleColor": {"expr": f"length(data('batches')) ? '{theme.muted()}' : 'transparent'"},
                "subtitleFontSize": 12,
            },
            "height": height,
            "datasets": {
                "batches": table(batches),
                "epochs": table(epochs),
                "best": table(_best(measure, history.epochs, total_epochs)),
                "ends": table(_ends(measure, batches, epochs, domain, height - AROUND)),
            },
            "encoding": {"x": x, "y": y},
            "layer": [
                *_best_layers(measure),
                {
                    "data": {"name": "batches"},
                    "mark": {"type": "line", "opacity": 0.45, "strokeWidth": 1, "clip": True, "tooltip": None},
                    "encoding": {"color": color},
                },
                {
                    "data": {"name": "epochs"},
                    "mark": {"type": "line", "strokeWidth": 2.2, "clip": True, "tooltip": None},
                    "encoding": {"color": color, "strokeDash": dash},
                },
                {
                    "data": {"name": "epochs"},  # from DOTTED_UNTIL on not seen, but there to be pointed at
                    "mark": {"type": "point", "filled": True, "size": 36, "opacity": int(total_epochs < DOTTED_UNTIL)},
                    "encoding": {"color": color, "tooltip": [category("series", "Images"), *at_epoch]},
                },
                reserve_layer(SERIES),
                {"data": {"name": "ends"}, **name_layer("series", number("epoch", "Epoch"), "place", color)},
            ],
        }
    return charts


def _best_layers(measure: str) -> list[dict]:
    """A rule with words at the best epoch and a ring around it; the words stand where the lines leave room."""
    edge, toward = (0, 7) if measure == "loss" else ("height", -7)
    words = {"type": "text", "fontSize": 12, "dy": toward, "color": theme.muted()}
    tooltip = [category("words", "Epoch")]
    return [
        {
            "data": {"name": "best"},
            "mark": {"type": "rule", "color": theme.NEUTRAL, "strokeDash": [2, 3]},
            "encoding": {"y": {"value": 0}, "y2": {"value": "height"}, "tooltip": tooltip},
        },
        *(
            {
                "data": {"name": "best"},
                "transform": [{"filter": f"datum.side == '{side}'"}],
                "mark": {**words, "align": side, "dx": aside},
                "encoding": {"y": {"value": edge}, "text": category("name")},
            }
            for side, aside in (("left", 6), ("right", -6))
        ),
        {
            "data": {"name": "best"},
            "mark": {"type": "point", "size": 130, "strokeWidth": 1.6, "color": theme.ink(), "opacity": 1},
            "encoding": {"tooltip": tooltip},
        },
    ]


def _best(measure: str, epochs: Sequence[Mapping], total_epochs: int) -> dict[str, list]:
    """The epoch of the lowest validation loss or the highest validation accuracy, once there are two to choose from."""
    values = _column(epochs, f"val_{measure}")
    if len(values) < 2 or not np.isfinite(values).any():
        return {"epoch": [], measure: [], "name": [], "words": [], "side": []}
    place = int(np.nanargmin(values) if measure == "loss" else np.nanargmax(values))
    epoch, value = epochs[place]["epoch"], float(values[place])
    told = percent(value) if measure == "accuracy" else f"{value:.4f}"
    return {
        "epoch": [epoch],
        measure: [value],
        "name": [f"{BEST[measure]}: epoch {epoch}"],
        "words": [f"{epoch}, validation {measure} {told}"],
        "side": ["left" if epoch <= total_epochs / 2 else "right"],
    }


def _ends(measure: str, batches: dict, epochs: dict, domain: list[float], pixels: int) -> dict[str, Sequence]:
    """Where the names of the lines stand: beside the newest batch, at the heights of the last epoch."""
    reached = [columns["epoch"] for columns in (batches, epochs) if len(columns["epoch"])]
    last = {}
    for series in SERIES:
        for columns in (batches, epochs):  # the epochs' own line, once there is one
            values = columns[measure][columns["series"] == series]
            if len(values) and np.isfinite(values[-1]):
                last[series] = float(np.clip(values[-1], *domain))
    gap = PIXELS_A_LINE / pixels * (domain[1] - domain[0])
    return {
        "epoch": np.full(len(last), max((float(np.max(each)) for each in reached), default=0.0)),
        "place": spread(list(last.values()), gap, *domain),
        "series": np.array(list(last), str),
    }


def _epoch_ticks(total_epochs: int) -> list[int]:
    """At most about ten epochs to be named."""
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
    return {
        "epoch": _column(history.batches, "position")[chosen],
        **{measure: _smoothed(_column(history.batches, measure))[chosen] for measure in MEASURES},
        "series": np.full(len(chosen), "training"),
    }


def _smoothed(values: np.ndarray) -> np.ndarray:
    """The mean of each value (n,) and its neighbours, of those that are numbers."""
    if not len(values):
        return values
    finite = np.isfinite(values)
    window = np.ones(min(SMOOTHED_OVER, len(values)))
    with np.errstate(invalid="ignore"):
        sums = np.convolve(np.where(finite, values, 0.0), window, "same")
        return sums / np.convolve(finite.astype(float), window, "same")


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
