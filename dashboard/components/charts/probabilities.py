"""Charts of probabilities: those of one image, how they came about, and those of a drawing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from core.evaluation.predictions import EpochPredictions, Predictions
from core.formatting import certainty
from dashboard.components.charts import theme
from dashboard.components.charts.line_ends import PIXELS_A_LINE, name_layer, reserve_layer, spread
from dashboard.components.charts.spec import PERCENT, category, number, table

PAST_PIXELS = 80  # from 0 to 1 in the chart of the epochs
ROLES = {"label": theme.RIGHT, "prediction": theme.WRONG, "other": theme.NEUTRAL}


def probability_chart(reading: Predictions, index: int) -> dict:
    """The ten probabilities of one image as bars; label and prediction are named as well as coloured."""
    label, prediction = int(reading.labels[index]), int(reading.predictions[index])
    rows = []
    for digit, p in enumerate(reading.probabilities[index].tolist()):
        role = "label" if digit == label else "prediction" if digit == prediction else "other"
        said = "right" if digit == label == prediction else {label: "label", prediction: "read"}.get(digit)
        text = certainty(p) + (f" · {said}" if said else "")
        rows.append({"digit": str(digit), "probability": p, "role": role, "text": text})
    axis = {"labelFontSize": 13, "labelOverlap": False, "labelFlush": False, "ticks": False, "domain": False}
    text = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": theme.ink()}
    return {
        "config": PERCENT,
        "data": {"values": rows},
        "height": 210,
        "encoding": {
            "y": category("digit", axis=axis),
            "x": number("probability", axis=None, scale={"domain": [0, 1.45]}),
            "tooltip": [category("digit", "Digit"), number("probability", "Probability", format=".4%")],
        },
        "layer": [
            {"mark": {"type": "bar", "cornerRadius": 2, "height": 14}, "encoding": {"color": _role_color()}},
            {"mark": text, "encoding": {"text": category("text")}},
        ],
    }


def past_chart(past: EpochPredictions, reading: Predictions, index: int) -> dict:
    """What each epoch gave to the label and, if it is another digit, to the prediction, which is dashed.

    Each line has its name at its end.
    """
    label, prediction = int(reading.labels[index]), int(reading.predictions[index])
    lines = {"label": label} if label == prediction else {"label": label, "prediction": prediction}
    rows = [
        {"epoch": epoch, "probability": float(given[digit]), "role": role, "digit": f"{digit} ({role})"}
        for role, digit in lines.items()
        for epoch, given in zip(past.epochs, past.probabilities[:, index], strict=True)
    ]
    last = [float(past.probabilities[-1, index, digit]) for digit in lines.values()]
    ends = {
        "epoch": [past.epochs[-1]] * len(lines),
        "place": spread(last, PIXELS_A_LINE / PAST_PIXELS, 0, 1),
        "role": list(lines),
        "name": [f"{'read' if role == 'prediction' else role} {digit}" for role, digit in lines.items()],
    }
    epochs = number("epoch", "Epoch")
    dashes = {"domain": ["label", "prediction"], "range": [[1, 0], [5, 3]]}
    shown = {
        "color": _role_color(),
        "tooltip": [category("digit", "Digit"), epochs, number("probability", "Probability", format=".2%")],
    }
    return {
        "config": PERCENT,
        "datasets": {"past": pa.Table.from_pylist(rows), "ends": table(ends)},
        "height": 160,
        "encoding": {
            "x": number("epoch", "Epoch", axis={"format": "d", "tickMinStep": 1, "grid": False}, scale={"nice": False}),
            "y": number("probability", axis={"format": "%", "values": [0, 0.5, 1]}, scale={"domain": [0, 1]}),
        },
        "layer": [
            {
                "data": {"name": "past"},
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {**shown, "strokeDash": category("role", scale=dashes, legend=None)},
            },
            {"data": {"name": "past"}, "mark": {"type": "point", "filled": True, "size": 45}, "encoding": shown},
            reserve_layer(ends["name"]),
            {"data": {"name": "ends"}, **name_layer("name", epochs, "place", _role_color())},
        ],
    }


def probability_bars(probabilities: np.ndarray, *, marked: int | None, height: int = 300) -> dict:
    """Ten bars with their numbers, one a digit, of `probabilities` (10,).

    The digit `marked` stands out; with None all bars are grey, since the run does not answer.
    """
    rows = [
        {"digit": str(digit), "probability": p, "marked": digit == marked, "text": certainty(p)}
        for digit, p in enumerate(probabilities.tolist())
    ]
    color = theme.NEUTRAL if marked is None else theme.theme_colors()[0]
    axis = {"labelFontSize": 14, "labelOverlap": False, "labelFlush": False, "ticks": False, "domain": False}
    numbers = {"type": "text", "align": "left", "dx": 5, "fontSize": 13, "color": theme.ink()}
    return {
        "data": {"values": rows},
        "height": height,
        "padding": {"left": 0, "top": 5, "right": 12, "bottom": 5},
        "encoding": {
            "x": number("probability", axis=None, scale={"domain": [0, 1]}),
            "y": category("digit", axis=axis),
            "opacity": {"condition": {"test": "datum.marked", "value": 1}, "value": 0.5},
        },
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 3, "color": color}},
            {"mark": numbers, "encoding": {"text": category("text"), "opacity": {"value": 1}}},
        ],
    }


def _role_color() -> dict:
    return category("role", scale={"domain": list(ROLES), "range": list(ROLES.values())}, legend=None)
