"""Learning curves of several runs."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa

from core.formatting import percent
from dashboard.components.charts.across import AXES
from dashboard.components.charts.line_ends import PIXELS_A_LINE, WRITTEN, name_layer
from dashboard.components.charts.of_runs import (
    AROUND,
    BELOW,
    DASHES,
    FAINT,
    FAINT_NAME,
    LEAST_HEIGHT,
    MANY,
    PERCENTS,
    SHAPES,
    accuracy_range,
    color_of,
    in_turn,
    marked,
    placed,
    target_layers,
)
from dashboard.components.charts.same_lines import dashes_in_turn, longest_first, same_lines
from dashboard.components.charts.spec import PERCENT, category, number

LINE_WIDTH = 2.2
POINT = {"type": "point", "filled": True, "size": 36, "tooltip": None, "aria": False}
ELBOW = 26  # pixels between the chart and the names, in which a line bends to its name
HOVER = ("at_line", "at_point", "at_name")
MUCH_LONGER, SHOWN_OF_IT = 2, 1.25  # times the second-longest run: the longest one is cut off there
LEAST_EPOCHS = 4  # of the second-longest, before the longest is cut off


def curves_chart(
    frame: pd.DataFrame, axis: str, *, target: float | None = None, chosen: Collection[str] = (), order: list[str] = ()
) -> dict:
    """The curves over each other, each with its name at its end; the one under the mouse stands out.

    Args:
        frame: columns run (name), epoch, step, training_seconds and accuracy.
        axis: a name in `AXES`.
        target: an accuracy to be reached, as a fraction, drawn as a line.
        chosen: names of runs that stand out, if any are chosen.
        order: names of all runs there are, by which colours and shapes are given; without it those of `frame`.
    """
    names = list(dict.fromkeys(frame["run"]))
    order = list(order or names)
    x, longest = AXES[axis].column, _much_longer(frame, axis)
    last = float(frame.loc[frame["run"] != longest, x].max()) * (SHOWN_OF_IT if longest else 1)
    first = 1.0 if axis == "Epochs" else 0.0
    room = 0.02 * (max(last, first + 1) - first)  # so that the first and the last point are whole
    low, high = accuracy_range(frame, target)
    height = max(LEAST_HEIGHT, AROUND + PIXELS_A_LINE * (len(names) + 2))
    across = [first - room, max(last, first + 1) + room]
    ends, goal = _ends(frame, axis, longest, across[1], (low, high), height - AROUND, target)
    color, dash, shape = color_of(order), in_turn(order, DASHES), in_turn(order, SHAPES)
    turns = dashes_in_turn(on_one_line(frame, axis, target))
    dash["scale"]["range"] = [turns.get(name, kind) for name, kind in zip(order, dash["scale"]["range"], strict=True)]
    shown = {"opacity": _shown(1, FAINT)}
    tooltip = [
        category("run", "Run"),
        number("epoch", "Epoch"),
        number("step", "Updates", format=","),
        number("training_seconds", "Seconds", format=".1f"),
        number("accuracy", "Validation accuracy", format=".2%"),
    ]
    edge = {"value": "width"}
    dots = len(names) <= MANY and frame["epoch"].max() < 30
    is_last = ~frame["run"].duplicated(keep="last")
    return {
        "config": PERCENT,
        "padding": BELOW,
        "datasets": {
            "curves": marked(longest_first(frame.assign(marked=is_last | dots)), chosen),
            "ends": marked(ends, chosen),
            "target": goal,
        },
        "height": height,
        "encoding": {
            "x": number(
                x,
                AXES[axis].title,
                axis={"grid": False, **AXES[axis].ticks},
                scale={"domain": across, "nice": False},
            ),
            "y": number(
                "accuracy",
                axis=PERCENTS,
                scale={"domain": [low, high], "nice": False},
            ),
        },
        "layer": [
            *target_layers(ELBOW),
            *_leaders(color),
            {
                "data": {"name": "curves"},
                "mark": {"type": "line", "strokeWidth": LINE_WIDTH, "clip": True, "tooltip": None},
                "encoding": {"color": color, "strokeDash": dash, **shown},
            },
            {
                "data": {"name": "curves"},  # not seen: a line that is easy to point at
                "params": [_under_the_mouse("at_line")],
                "mark": {"type": "line", "strokeWidth": 14, "opacity": 0.001, "clip": True, "tooltip": None},
                "encoding": {"detail": category("run")},
            },
            {
                "data": {"name": "curves"},
                "params": [_under_the_mouse("at_point")],
                "mark": {"type": "point", "filled": True, "size": 36, "clip": True},
                "encoding": {
                    "color": color,
                    "shape": shape,
                    "tooltip": tooltip,
                    "opacity": _shown(1, FAINT, "datum.marked"),
                },
            },
            {
                "data": {"name": "ends"},
                "mark": {**POINT, "xOffset": ELBOW + 4},
                "encoding": {
                    "x": edge,
                    "y": {"field": "place"},
                    "color": color,
                    "shape": shape,
                    "opacity": _shown(1, FAINT),
                },
            },
            {
                "data": {"name": "ends"},
                "params": [_under_the_mouse("at_name")],
                **name_layer("name", edge, "place", color, opacity=_shown(1, FAINT_NAME)),
                "mark": {**WRITTEN, "dx": ELBOW + 12},
            },
        ],
    }


def _leaders(color: dict) -> list[dict]:
    """From the end of each curve straight to the edge, and from there to its name: so none crosses another."""
    edge, rule = {"value": "width"}, {"type": "rule", "strokeWidth": 1, "tooltip": None, "aria": False}
    ends = {"data": {"name": "ends"}, "transform": [{"filter": "datum.inside"}]}
    return [
        {
            **ends,
            "mark": {**rule, "strokeDash": [1, 4]},
            "encoding": {"x2": edge, "color": color, "opacity": _shown(0.7, 0.1)},
        },
        {
            **ends,
            "mark": {**rule, "x2Offset": ELBOW},
            "encoding": {"x": edge, "x2": edge, "y2": {"field": "place"}, "color": color, "opacity": _shown(1, FAINT)},
        },
    ]


def on_one_line(frame: pd.DataFrame, axis: str, target: float | None) -> list[list[str]]:
    """The runs whose curves differ by less than a line's width, in groups."""
    x, (low, high) = AXES[axis].column, accuracy_range(frame, target)
    return same_lines(frame, x, (float(np.ptp(frame[x])) / 400, (high - low) * LINE_WIDTH / LEAST_HEIGHT))


def _much_longer(frame: pd.DataFrame, axis: str) -> str | None:
    """The run that is so much longer than all others that it would squeeze them, None where none is."""
    runs = frame.groupby("run", sort=False)
    lengths = runs[AXES[axis].column].max().nlargest(2)
    if runs.ngroups < 3 or runs.size()[lengths.index[1]] < LEAST_EPOCHS:
        return None
    return lengths.index[0] if lengths.iloc[0] > MUCH_LONGER * lengths.iloc[1] else None


def _ends(
    frame: pd.DataFrame,
    axis: str,
    longest: str | None,
    edge: float,
    domain: tuple[float, float],
    pixels: int,
    target: float | None,
) -> tuple[pd.DataFrame, pa.Table]:
    """The last point of each run and where its name stands.

    The name of one that ends below the range has its accuracy, and of the `longest`, which leaves the chart at its
    right edge, how far it goes on.
    """
    x = AXES[axis].column
    last = frame.groupby("run", sort=False).tail(1)[["run", x, "accuracy"]].astype({x: float}).reset_index(drop=True)
    names = list(last["run"])
    for place, (run, end, accuracy) in enumerate(last.itertuples(index=False)):
        if run == longest:
            rows = frame[frame["run"] == run]
            last.loc[place, [x, "accuracy"]] = edge, np.interp(edge, rows[x], rows["accuracy"])
            names[place] += f" → {end:,.0f}"
        if accuracy < domain[0]:
            names[place] += f" ↓ {percent(accuracy, 1)}"
    inside = last["accuracy"] >= domain[0]
    return placed(last.assign(name=names, inside=inside, column=0), domain, pixels, target, 0)


def _shown(full: float, faint: float, if_ever: str = "true") -> dict:
    """The opacity of a run's marks, `faint` while others are chosen or under the mouse; 0 unless `if_ever`."""
    return {
        "condition": [
            {"test": f"!({if_ever})", "value": 0},
            {"test": {"and": [*({"param": name} for name in HOVER), "!datum.faded"]}, "value": full},
        ],
        "value": faint,
    }


def _under_the_mouse(name: str) -> dict:
    return {"name": name, "select": {"type": "point", "fields": ["run"], "on": "pointerover", "clear": "pointerout"}}
