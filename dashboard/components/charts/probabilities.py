"""Charts of probabilities: those of one image, how they came about, and those of a drawing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from core.data.classes import DIGITS
from core.evaluation.predictions import EpochPredictions, Predictions
from core.formatting import certainty
from dashboard.components.charts import theme
from dashboard.components.charts.line_ends import PIXELS_A_LINE, name_layer, reserve_layer, spread
from dashboard.components.charts.spec import PERCENT, category, number, table
from dashboard.components.classes import Classes

MOST_BARS, SHOWN_BARS = 12, 10  # of more classes, the most probable are shown
PAST_PIXELS = 80  # from 0 to 1 in the chart of the epochs
ROLES = {"label": theme.RIGHT, "prediction": theme.WRONG, "other": theme.NEUTRAL}


def probability_chart(reading: Predictions, index: int, classes: Classes = DIGITS) -> dict:
    """The probabilities of one image as bars; label and prediction are named as well as coloured."""
    label, prediction = int(reading.labels[index]), int(reading.predictions[index])
    rows = []
    found = reading.probabilities[index]
    order, others = _shown(found, label)
    for digit in order:
        p = float(found[digit])
        role = "label" if digit == label else "prediction" if digit == prediction else "other"
        said = "right" if digit == label == prediction else {label: "label", prediction: "read"}.get(digit)
        text = certainty(p) + (f" · {said}" if said else "")
        rows.append({"digit": classes[digit], "probability": p, "role": role, "text": text})
    rows += [{"digit": name, "probability": p, "role": "other", "text": certainty(p)} for name, p in others]
    axis = {"labelFontSize": 13, "labelOverlap": False, "labelFlush": False, "ticks": False, "domain": False}
    text = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": theme.ink()}
    return {
        "config": PERCENT,
        "data": {"values": rows},
        "height": 21 * len(rows),
        "encoding": {
            "y": category("digit", sort=None, axis=axis),
            "x": number("probability", axis=None, scale={"domain": [0, 1.45]}),
            "tooltip": [category("digit", _title(classes)), number("probability", "Probability", format=".4%")],
        },
        "layer": [
            {"mark": {"type": "bar", "cornerRadius": 2, "height": 14}, "encoding": {"color": _role_color()}},
            {"mark": text, "encoding": {"text": category("text")}},
        ],
    }


def past_chart(past: EpochPredictions, reading: Predictions, index: int, classes: Classes = DIGITS) -> dict:
    """What each epoch gave to the label and, if it is another class, to the prediction, which is dashed.

    Each line has its name at its end.
    """
    label, prediction = int(reading.labels[index]), int(reading.predictions[index])
    lines = {"label": label} if label == prediction else {"label": label, "prediction": prediction}
    rows = [
        {"epoch": epoch, "probability": float(given[digit]), "role": role, "digit": f"{classes[digit]} ({role})"}
        for role, digit in lines.items()
        for epoch, given in zip(past.epochs, past.probabilities[:, index], strict=True)
    ]
    last = [float(past.probabilities[-1, index, digit]) for digit in lines.values()]
    ends = {
        "epoch": [past.epochs[-1]] * len(lines),
        "place": spread(last, PIXELS_A_LINE / PAST_PIXELS, 0, 1),
        "role": list(lines),
        "name": [f"{'read' if role == 'prediction' else role} {classes[digit]}" for role, digit in lines.items()],
    }
    epochs = number("epoch", "Epoch")
    dashes = {"domain": ["label", "prediction"], "range": [[1, 0], [5, 3]]}
    shown = {
        "color": _role_color(),
        "tooltip": [category("digit", _title(classes)), epochs, number("probability", "Probability", format=".2%")],
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


def probability_bars(
    probabilities: np.ndarray, *, marked: int | None, height: int = 300, classes: Classes = DIGITS
) -> dict:
    """Bars with their numbers, one a class, of `probabilities` (k,); of many classes, the most probable.

    The class `marked` stands out; with None all bars are grey, since the run does not answer.
    """
    order, others = _shown(probabilities)
    rows = [
        {"digit": classes[digit], "probability": p, "marked": digit == marked, "text": certainty(p)}
        for digit, p in zip(order, probabilities[order].tolist(), strict=True)
    ]
    rows += [{"digit": name, "probability": p, "marked": False, "text": certainty(p)} for name, p in others]
    color = theme.NEUTRAL if marked is None else theme.theme_colors()[0]
    axis = {"labelFontSize": 14, "labelOverlap": False, "labelFlush": False, "ticks": False, "domain": False}
    numbers = {"type": "text", "align": "left", "dx": 5, "fontSize": 13, "color": theme.ink()}
    return {
        "data": {"values": rows},
        "height": height,
        "padding": {"left": 0, "top": 5, "right": 12, "bottom": 5},
        "encoding": {
            "x": number("probability", axis=None, scale={"domain": [0, 1 if max(map(len, classes)) == 1 else 1.5]}),
            "y": category("digit", sort=None, axis=axis),
            "opacity": {"condition": {"test": "datum.marked", "value": 1}, "value": 0.5},
        },
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 3, "color": color}},
            {"mark": numbers, "encoding": {"text": category("text"), "opacity": {"value": 1}}},
        ],
    }


def _shown(probabilities: np.ndarray, label: int | None = None) -> tuple[list[int], list[tuple[str, float]]]:
    """The classes that have a bar, and a name and the sum of the others: all in their order, of many the most probable.

    The label is among them.
    """
    if len(probabilities) <= MOST_BARS:
        return list(range(len(probabilities))), []
    order = np.argsort(-probabilities, kind="stable").tolist()
    shown = order[:SHOWN_BARS] + [each for each in order[SHOWN_BARS:] if each == label]
    rest = len(order) - len(shown)
    if not np.isclose(total := float(probabilities.sum()), 1, atol=0.01):
        return shown, []  # scores: their sum says nothing
    return shown, [(f"{rest} others", max(0.0, total - float(probabilities[shown].sum())))]


def _title(classes: Classes) -> str:
    return "Digit" if classes == DIGITS else "Class"


def _role_color() -> dict:
    return category("role", scale={"domain": list(ROLES), "range": list(ROLES.values())}, legend=None)
