"""What one setting of several runs has to do with their accuracy: over a line of numbers, or in groups."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from core.formatting import percent
from dashboard.components.charts import theme
from dashboard.components.charts.line_ends import WRITTEN, halo_layer, name_layer
from dashboard.components.charts.of_runs import (
    AROUND,
    BELOW,
    FAINT,
    FAINT_NAME,
    LEAST_HEIGHT,
    PERCENTS,
    SHAPES,
    accuracy_range,
    color_of,
    in_turn,
    marked,
    placed,
    target_layers,
    unless_faded,
)
from dashboard.components.charts.spec import PERCENT, category, number, table

PLAIN = ",.6~g"  # without a precision, Vega takes one from the distance of the ticks: 35 would be "4e+1"
PIXELS_A_ROW = 22
TOO_CLOSE = 0.12  # of the width, for two names beside each other


def setting_chart(
    frame: pd.DataFrame,
    title: str,
    *,
    log: bool = False,
    target: float | None = None,
    chosen: Collection[str] = (),
    order: list[str] = (),
) -> dict:
    """One setting against test accuracy, a dot with its name for each run; of texts, the runs of each in a group.

    Args:
        frame: columns run (name), value (of the setting, numbers or texts), words (the value as text), accuracy.
        title: the setting's name.
        log: whether the axis of numbers is logarithmic.
        target, chosen, order: as for `curves_chart`.
    """
    order = list(order or frame["run"])
    low, high = accuracy_range(frame.assign(epoch=1), target)
    accuracy = {"axis": PERCENTS, "scale": {"domain": [low, high], "nice": False}}
    color = color_of(order)
    look = {
        "color": color,
        "shape": in_turn(order, SHAPES),
        "opacity": unless_faded(FAINT),
        "tooltip": [
            category("run", "Run"),
            category("words", title),
            number("accuracy", "Test accuracy", format=".2%"),
        ],
    }
    dots = {"mark": {"type": "point", "filled": True, "size": 90}, "encoding": look}
    if not pd.api.types.is_numeric_dtype(frame["value"]):
        return _in_groups(frame, accuracy, dots, target, chosen)
    inside = frame[frame["accuracy"] >= low]
    column = _columns(inside["value"], log)
    inside, goal = placed(inside.assign(column=column), (low, high), LEAST_HEIGHT - AROUND, target, column.max())
    values = sorted(set(frame["value"]))
    x = number(
        "value",
        title,
        axis={"grid": False, "labelAngle": 0, "format": PLAIN, **({"values": values} if len(values) <= 8 else {})},
        scale={**({"type": "log"} if log else {"zero": False}), "nice": False, "padding": 24},
    )
    return {
        "config": PERCENT,
        "padding": BELOW,
        "datasets": {"dots": marked(inside, chosen), "target": goal},
        "data": {"name": "dots"},
        "height": LEAST_HEIGHT,
        "encoding": {"x": x, "y": number("accuracy", **accuracy)},
        "layer": [
            *target_layers(),
            dots,
            halo_layer("run", x, "place"),
            name_layer("run", x, "place", color, opacity=unless_faded(FAINT_NAME)),
        ],
    }


def _in_groups(frame: pd.DataFrame, accuracy: dict, dots: dict, target: float | None, chosen: Collection[str]) -> dict:
    """The runs in rows, those of one value together below it: so names and values of any length can be read.

    A run below the range has its accuracy beside its name, and no dot.
    """
    order = list(dict.fromkeys(frame["value"]))
    low = accuracy["scale"]["domain"][0]
    frame = frame.assign(
        group=frame["value"].map(order.index).astype(int),
        place=frame["accuracy"].clip(lower=low),
        name=frame["run"].where(
            frame["accuracy"] >= low, "← " + frame["accuracy"].map(percent) + " " + frame["run"].astype(str)
        ),
    ).sort_values("group", kind="stable")
    frame["row"] = np.arange(len(frame)) + frame["group"] + 1
    heads = frame.groupby("group")["row"].min() - 1
    rows = len(frame) + len(order)
    goal = [] if target is None else [target]
    x, at_name = number("accuracy", **accuracy), number("place", **accuracy)
    y = number("row", axis=None, scale={"domain": [-0.7, rows - 0.3], "reverse": True, "nice": False, "zero": False})
    ink = {"value": theme.ink()}
    line = {"type": "rule", "tooltip": None, "aria": False}
    return {
        "config": PERCENT,
        "padding": BELOW,
        "datasets": {
            "dots": marked(frame, chosen),
            "heads": table({"row": heads.tolist(), "above": (heads - 0.6).tolist(), "value": order}),
            "target": table({"accuracy": goal, "words": [f"target {100 * value:g} %" for value in goal]}),
        },
        "data": {"name": "dots"},
        "height": AROUND + PIXELS_A_ROW * rows,
        "encoding": {"y": y},
        "layer": [
            {
                "data": {"name": "heads"},
                "mark": {**line, "opacity": 0.2},
                "encoding": {"x": {"value": 0}, "x2": {"value": "width"}, "y": number("above"), "color": ink},
            },
            {
                "data": {"name": "target"},
                "mark": {**line, "strokeDash": [6, 4], "opacity": 0.7},
                "encoding": {"x": x, "y": {"value": 0}, "y2": {"value": "height"}, "color": ink},
            },
            {
                "data": {"name": "target"},
                "mark": {**WRITTEN, "align": "center", "dx": 0, "dy": -8},
                "encoding": {"x": x, "y": {"value": 0}, "text": category("words"), "color": ink},
            },
            *_head_layers(ink),
            {
                **dots,
                "transform": [{"filter": "datum.place == datum.accuracy"}],
                "encoding": {"x": x, **dots["encoding"]},
            },
            halo_layer("name", at_name, "row"),
            name_layer("name", at_name, "row", dots["encoding"]["color"], opacity=unless_faded(FAINT_NAME)),
        ],
    }


def _head_layers(ink: dict) -> list[dict]:
    """The values above their runs, as long as the chart is wide, with a ground that no line strikes through."""
    mark = {**WRITTEN, "dx": 4, "limit": {"expr": "width - 8"}}
    at = {"x": {"value": 0}, "y": number("row"), "text": category("value")}
    ground = {"stroke": theme.ground(), "strokeWidth": 5, "strokeJoin": "round", "aria": False}
    return [
        {"data": {"name": "heads"}, "mark": {**mark, **ground}, "encoding": at},
        {"data": {"name": "heads"}, "mark": mark, "encoding": {**at, "color": ink}},
    ]


def runs_outside(frame: pd.DataFrame, target: float | None) -> list[tuple[str, float]]:
    """The runs that `setting_chart` leaves out, since they are far below the others, with their accuracy."""
    if not pd.api.types.is_numeric_dtype(frame["value"]):
        return []
    low, _ = accuracy_range(frame.assign(epoch=1), target)
    outside = frame[frame["accuracy"] < low]
    return list(zip(outside["run"], outside["accuracy"], strict=True))


def _columns(values: pd.Series, log: bool) -> pd.Series:
    """The column of each point: values share one where the names of one would lie over those of the next."""
    at = np.log10(values) if log else values.astype(float)
    steps = at.sort_values().diff().fillna(0.0)
    return (steps > TOO_CLOSE * np.ptp(at)).cumsum().sort_index()
