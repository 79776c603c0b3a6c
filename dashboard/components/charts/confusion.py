"""The confusion matrix, whose cells can be clicked."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa

from core.data.classes import DIGITS
from core.evaluation import metrics
from core.formatting import percent
from dashboard.components.charts import theme
from dashboard.components.charts.spec import category, number
from dashboard.components.classes import Classes

ALL = "all"
KINDS = {"cell": theme.WRONG, "right": theme.RIGHT, "margin": theme.NEUTRAL}
CLICK = "cell"
FAINTEST = 0.12  # opacity of a cell with one mistake; the most mistakes have 0.8
EMPTY = 0.03  # of one without any
HEIGHT = 410
MOST_BESIDE = 12  # classes whose matrix has room beside the images; others have cells of a size of their own
WIDEST, CELL, CELL_HEIGHT = 840, (17, 34), 19  # pixels: of such a matrix, and of its cells
LETTER, MOST_OF_NAME = 7, 110  # pixels: of a letter, and of a name
LETTERS = 2  # of a name that is written across


def is_wide(classes: Classes) -> bool:
    """Whether a matrix of so many classes needs the width of the page, and scrolls where that is too little."""
    return len(classes) > MOST_BESIDE


def confusion_chart(
    matrix: np.ndarray,
    *,
    shares: bool,
    diagonal: bool,
    chosen: tuple[int | None, int | None],
    classes: Classes = DIGITS,
) -> dict:
    """The confusion matrix as cells to click; its margins, "all", stand for a whole row or column.

    Args:
        matrix: counts (k, k), rows are labels.
        shares: write shares of the label instead of counts.
        diagonal: show what was read right as well.
        chosen: label and prediction that the gallery shows, None for any.
        classes: the names of the k classes.
    """
    cells = _cells(matrix, shares, diagonal, chosen, classes)
    order, size, count = [*map(str, range(len(classes))), ALL], {"height": HEIGHT}, len(classes) + 1
    if is_wide(classes):
        room = WIDEST - min(LETTER * max(map(len, classes)), MOST_OF_NAME)
        size = {"width": count * min(max(room // count, CELL[0]), CELL[1]), "height": count * CELL_HEIGHT}
    across = all(len(name) <= LETTERS for name in classes)
    known = json.dumps(classes, ensure_ascii=False)
    names = {
        "labelExpr": f"datum.value == '{ALL}' ? '{ALL}' : {known}[toNumber(datum.value)]",
        "labelOverlap": False,
        "labelLimit": MOST_OF_NAME,
    }
    return {
        **size,
        "datasets": {"cells": pa.Table.from_pylist(cells)},
        "data": {"name": "cells"},
        "encoding": {
            "x": category(
                "prediction",
                "Read as",
                sort=order,
                axis={**names, "labelAngle": 0 if across else -60, "orient": "top"},
            ),
            "y": category("label", "Label", sort=order, axis={**names, "labelFlush": False}),
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
                "mark": {
                    "type": "text",
                    "fontSize": 11 if count < 30 else 9,
                    "cursor": "pointer",
                    "color": theme.ink(),
                },
                "encoding": {"text": category("text")},
            },
        ],
    }


def clicked(selection: object, classes: Classes = DIGITS) -> tuple[int | None, int | None] | None:
    """Label and prediction of the cell that was clicked, None in the place of "all"; None without a click."""
    points = selection.get(CLICK) if hasattr(selection, "get") else None
    if not points or not isinstance(points[0], dict):
        return None
    known = {str(number): number for number in range(len(classes))}
    label, prediction = (known.get(str(points[0].get(name))) for name in ("label", "prediction"))
    return label, prediction


def _cells(
    matrix: np.ndarray, shares: bool, diagonal: bool, chosen: tuple[int | None, int | None], classes: Classes
) -> list[dict]:
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
        name, read = classes[label], classes[prediction]
        words = f"{name} read as {read}: {_times(count)} ({percent(portion)} of all {name})"
        add(str(label), str(prediction), "right" if label == prediction else "cell", int(count), text, words)
    what = "images" if diagonal else "mistakes"
    for digit, (row, column) in enumerate(zip(shown.sum(axis=1).tolist(), shown.sum(axis=0).tolist(), strict=True)):
        add(str(digit), ALL, "margin", row, str(row), f"All {row} {what} with label {classes[digit]}")
        add(ALL, str(digit), "margin", column, str(column), f"All {column} {what} read as {classes[digit]}")
    return cells


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
