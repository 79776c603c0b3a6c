"""Charts of a sweep: settings against validation accuracy, one by one and all at once, and the best so far."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dashboard.components.charts import theme
from dashboard.components.charts.of_runs import BELOW, PERCENTS
from dashboard.components.charts.spec import PERCENT, category, number

HEIGHT = 260
MOST_LABELS = 12  # of an axis; numbers with more values get an axis of numbers
FAR_OFF = 5  # times the median error: trials above that do not set the range


def effect_chart(frame: pd.DataFrame, title: str, order: list[str]) -> dict:
    """A setting's values beside each other: a dot for each trial, and a line through the means, on top.

    Args:
        frame: columns value (as text, in the order of the axis), accuracy (a fraction), trial (name); also without
            rows, before a trial has ended.
        title: the setting's name.
        order: all values, in the order of the axis.
    """
    means = frame.groupby("value", sort=False)["accuracy"].mean().rename_axis("value").reset_index()
    axis = {"labelAngle": 0, "grid": False, "labelLimit": 160}
    x = category("value", title, sort=order, axis=axis, scale={"domain": order})
    y = number("accuracy", "Validation accuracy", **_scale_of(frame["accuracy"]))
    dot, line = theme.theme_colors()
    return {
        "config": PERCENT,
        "height": HEIGHT,
        "padding": BELOW,
        "datasets": {"trials": frame, "means": means},
        "layer": [
            {
                "data": {"name": "trials"},
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 0.7, "color": dot},
                "encoding": {
                    "x": x,
                    "y": y,
                    "tooltip": [category("trial", "Trial"), number("accuracy", "Validation accuracy", format=".2%")],
                },
            },
            {
                "data": {"name": "means"},
                "mark": {
                    "type": "line",
                    "color": line,
                    "strokeWidth": 2,
                    "point": {"filled": False, "fill": None, "color": line, "size": 170, "shape": "square"},
                },
                "encoding": {
                    "x": x,
                    "y": y,
                    "tooltip": [category("value", title), number("accuracy", "Mean", format=".2%")],
                },
            },
        ],
    }


def number_chart(frame: pd.DataFrame, title: str, values: list[float]) -> dict:
    """A setting of many different numbers: a dot for each trial.

    Args:
        frame: columns value (a number), accuracy (a fraction), trial (name); also without rows.
        title: the setting's name.
        values: all values, between which the axis is.
    """
    axis = _axis_of(values)
    scale = {"type": "log" if axis["type"] == "log" else "linear", "domain": [axis["min"], axis["max"]]}
    return {
        "config": PERCENT,
        "height": HEIGHT,
        "padding": BELOW,
        "data": {"values": frame.to_dict("records")},
        "mark": {"type": "point", "filled": True, "size": 55, "opacity": 0.7, "color": theme.theme_colors()[0]},
        "encoding": {
            "x": number("value", title, axis={"grid": False, "tickCount": 5}, scale=scale),
            "y": number("accuracy", "Validation accuracy", **_scale_of(frame["accuracy"])),
            "tooltip": [
                category("trial", "Trial"),
                number("value", title),
                number("accuracy", "Validation accuracy", format=".2%"),
            ],
        },
    }


def progress_chart(frame: pd.DataFrame, count: int) -> dict:
    """Every trial that has ended in the order of their ends, and the best so far as a stair.

    Args:
        frame: columns ended (from 1), accuracy, best (fractions), trial (name); also without rows.
        count: for how many trials the axis has room.
    """
    x = number(
        "ended",
        "Trials ended",
        axis={"tickMinStep": 1, "grid": False, "format": "d"},
        scale={"domain": [0.5, count + 0.5], "nice": False},
    )
    y = _scale_of(frame["accuracy"])
    dot, line = theme.theme_colors()
    return {
        "config": PERCENT,
        "height": HEIGHT,
        "padding": BELOW,
        "datasets": {"trials": frame},
        "data": {"name": "trials"},
        "layer": [
            {
                "mark": {"type": "line", "interpolate": "step-after", "color": line, "strokeWidth": 2},
                "encoding": {"x": x, "y": number("best", "Validation accuracy", **y)},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 0.8, "color": dot},
                "encoding": {
                    "x": x,
                    "y": number("accuracy", "Validation accuracy", **y),
                    "tooltip": [category("trial", "Trial"), number("accuracy", "Validation accuracy", format=".2%")],
                },
            },
        ],
    }


def parallel_chart(axes: list[tuple[str, list, list[str]]], accuracies: list[float], names: list[str]) -> dict:
    """Every trial as a line over all settings to its accuracy: parallel coordinates, for ECharts.

    Args:
        axes: for each setting its label, the value of each trial, and the order of its values as text; [] for numbers,
            which then have an axis of numbers.
        accuracies: of each trial, a fraction.
        names: of the trials.
    """
    found = pd.Series(accuracies)
    low, high = (100 * limit for limit in _range(found))
    percents = [round(max(low, 100 * accuracy), 3) for accuracy in accuracies]
    pale, strong = ("#39415c", "#7ea2ff") if theme.is_dark() else ("#cdd5ee", "#3652c9")
    on_lines = {"color": theme.ink(), "backgroundColor": theme.ground(), "padding": [1, 3], "borderRadius": 3}
    ends = {"showMinLabel": False, "showMaxLabel": False}
    style = {"z": 10, "nameLocation": "start", "nameTextStyle": {"color": theme.ink()}, "axisLabel": on_lines}
    parallel = []
    for place, (label, values, order) in enumerate(axes):
        kind = {"type": "category", "data": order} if order else _axis_of(values)
        parallel.append({"dim": place, "name": label, **style, **kind})
    accuracy = {"type": "value", "min": round(low, 1), "max": round(high, 1), "axisLabel": {**on_lines, **ends}}
    parallel.append({"dim": len(axes), "name": "Validation accuracy, %", **style, **accuracy})
    order = np.argsort(accuracies)  # the best are drawn last, on top
    rows = [{"name": names[at], "value": [*(values[at] for _, values, _ in axes), percents[at]]} for at in order]
    return {
        "parallel": {"left": 60, "right": 90, "top": 20, "bottom": 40, "parallelAxisDefault": {"nameGap": 14}},
        "parallelAxis": parallel,
        "visualMap": {
            "show": False,
            "dimension": len(axes),
            "min": min(percents),
            "max": max(percents) if max(percents) > min(percents) else min(percents) + 1,
            "inRange": {"color": [pale, strong]},
        },
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "series": [{"type": "parallel", "lineStyle": {"width": 2, "opacity": 0.7}, "smooth": False, "data": rows}],
    }


def _axis_of(values: list) -> dict:
    """An axis of numbers, logarithmic where they lie far apart."""
    low, high = min(values), max(values)
    return {"type": "log" if low > 0 and high >= 10 * low else "value", "min": low, "max": high}


def _scale_of(accuracies: pd.Series) -> dict:
    """The axis of accuracies and its range; without numbers where there are none yet."""
    if accuracies.empty:
        return {"axis": {**PERCENTS, "labels": False}, "scale": {"domain": [0.0, 1.0]}}
    return {"axis": PERCENTS, "scale": {"domain": _range(accuracies), "clamp": True}}


def _range(accuracies: pd.Series) -> list[float]:
    """The range of accuracies, without those far below the others; these are drawn at its edge."""
    errors = 1 - accuracies.to_numpy()
    near = errors <= max(FAR_OFF * float(np.median(errors)), 0.02)
    low, high = float(accuracies[near].min()), float(accuracies.max())
    room = max(0.15 * (high - low), 0.001)
    return [max(0.0, low - room), min(1.0, high + room)]
