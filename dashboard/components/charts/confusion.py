"""The confusion matrix, whose cells can be clicked."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from core.evaluation import metrics
from core.formatting import percent
from dashboard.components.charts import theme
from dashboard.components.charts.spec import category, number

DIGITS = [str(digit) for digit in range(10)]
ALL = "all"
KINDS = {"cell": theme.WRONG, "right": theme.RIGHT, "margin": theme.NEUTRAL}
CLICK = "cell"
FAINTEST = 0.12  # opacity of a cell with one mistake; the most mistakes have 0.8
EMPTY = 0.03  # of one without any


def confusion_chart(matrix: np.ndarray, *, shares: bool, diagonal: bool, chosen: tuple[int | None, int | None]) -> dict:
    """The confusion matrix as cells to click; its margins, "all", stand for a whole row or column.

    Args:
        matrix: counts (10, 10), rows are labels.
        shares: write shares of the label instead of counts.
        diagonal: show what was read right as well.
        chosen: label and prediction that the gallery shows, None for any.
    """
    cells = _cells(matrix, shares, diagonal, chosen)
    order = [*DIGITS, ALL]
    return {
        "height": 410,
        "datasets": {"cells": pa.Table.from_pylist(cells)},
        "data": {"name": "cells"},
        "encoding": {
            "x": category(
                "prediction", "Read as", sort=order, axis={"labelAngle": 0, "labelOverlap": False, "orient": "top"}
            ),
            "y": category("label", "Label", sort=order, axis={"labelFlush": False}),
            "tooltip": [category("words", " ")],
        },
        "layer": [
            {
                "params": [
                    {
                        "name": CLICK,
                        "select": {"type": "point", "fields": ["label", "prediction"], "on": "click", "clear": False},
                    }
                ],
                "mark": {"type": "rect", "cornerRadius": 3, "cursor": "pointer"},
                "encoding": {
                    "color": category(
                        "kind", scale={"domain": list(KINDS), "range": list(KINDS.values())}, legend=None
                    ),
                    "opacity": number("shade", scale=None),
                    "stroke": {
                        "condition": {"test": "datum.chosen", "value": theme.CHOSEN},
                        "value": "transparent",
                    },
                    "strokeWidth": {"value": 2},
                },
            },
            {
                "mark": {"type": "text", "fontSize": 11, "cursor": "pointer", "color": theme.ink()},
                "encoding": {"text": category("text")},
            },
        ],
    }


def clicked(selection: object) -> tuple[int | None, int | None] | None:
    """Label and prediction of the cell that was clicked, None in the place of "all"; None without a click."""
    points = selection.get(CLICK) if hasattr(selection, "get") else None
    if not points or not isinstance(points[0], dict):
        return None
    label, prediction = (str(points[0].get(name)) for name in ("label", "prediction"))
    return (int(label) if label in DIGITS else None, int(prediction) if prediction in DIGITS else None)


def _cells(matrix: np.ndarray, shares: bool, diagonal: bool, chosen: tuple[int | None, int | None]) -> list[dict]:
    portions = metrics.normalised_by_label(matrix)
    shown = matrix if diagonal else matrix - np.diag(np.diag(matrix))
    wanted = tuple(ALL if digit is None else str(digit) for digit in chosen)
    most = max(2, int((matrix - np.diag(np.diag(matrix))).max()))
    cells = []

    def add(label: str, prediction: str, kind: str, count: int, text: str, words: str) -> None:
        place = {"label": label, "prediction": prediction, "chosen": (label, prediction) == wanted}
        # Not by a scale of the chart: one that changes draws the chart anew, one that stays lets its cells change.
        shade = FAINTEST if count or kind == "margin" else EMPTY
        if count and kind != "margin":
            shade = min(1, FAINTEST + 0.68 * math.log(count, most))
        cells.append({**place, "kind": kind, "count": count, "shade": shade, "text": text, "words": words})

    for (label, prediction), count in np.ndenumerate(shown):
        if label == prediction and not diagonal:
            continue
        portion = portions[label, prediction]
        text = "" if not count else f"{100 * portion:.1f}" if shares else str(count)
        words = f"{label} read as {prediction}: {_times(count)} ({percent(portion)} of all {label})"
        add(str(label), str(prediction), "right" if label == prediction else "cell", int(count), text, words)
    what = "images" if diagonal else "mistakes"
    for digit, (row, column) in enumerate(zip(shown.sum(axis=1).tolist(), shown.sum(axis=0).tolist(), strict=True)):
        add(str(digit), ALL, "margin", row, str(row), f"All {row} {what} with label {digit}")
        add(ALL, str(digit), "margin", column, str(column), f"All {column} {what} read as {digit}")
    return cells


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
