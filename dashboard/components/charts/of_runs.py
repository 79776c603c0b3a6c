"""What charts of several runs have in common: how runs are told apart, the range of accuracies, and the target."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from dashboard.components.charts import theme
from dashboard.components.charts.line_ends import PIXELS_A_LINE, WRITTEN, name_layer, spread
from dashboard.components.charts.spec import category, table

DASHES = ([1, 0], [7, 3], [2, 2], [8, 3, 2, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond")  # one with each of the dashes
COLORS = 10  # of the theme; after as many runs dashes and shapes change
PERCENTS = {"format": ".4~p", "tickCount": 6, "minExtent": 46, "labelFlush": False}
BELOW = {"bottom": 4}  # less than Streamlit's own: a caption follows
AROUND = 70  # pixels of the height for the axis
LEAST_HEIGHT = 340
FAINT, FAINT_NAME = 0.15, 0.4  # the opacity of what stands back
MANY = 6  # runs; of more than these only the last point is marked
FEW, WHOLE = 4, 0.1  # so many runs are shown whole where they begin at most so far below the lowest end
FAR_OFF = 5  # times the median error: runs that end above that do not set the range


def accuracy_range(frame: pd.DataFrame, target: float | None) -> tuple[float, float]:
    """The range where the lines are: of all runs but those far off.

    Few runs that begin not far below are shown whole. Otherwise their first epochs are left out, and more of them where
    there are many runs, so that their ends can be told apart.
    """
    runs = frame.sort_values("epoch").groupby("run", sort=False)["accuracy"]
    errors = 1 - runs.last()
    near = errors <= max(FAR_OFF * errors.median(), 0.02)
    ends, begins = runs.last()[near].min(), runs.min()[near].min()
    if len(errors) > FEW or ends - begins > WHOLE:
        begins = runs.quantile(0.1 if len(errors) <= MANY else 0.4)[near].min()
    lowest = min(begins, ends, 1.0 if target is None else target)
    highest = max(frame["accuracy"].max(), target or 0.0)
    step = next(step for step in (0.005, 0.01, 0.05, 0.1) if highest - lowest <= 10 * step)
    low = step * math.floor(lowest / step - 0.2)
    return max(0.0, round(low, 4)), min(1.0, round(step * math.ceil(highest / step + 0.2), 4))


def placed(
    frame: pd.DataFrame, domain: tuple[float, float], pixels: int, target: float | None, at_right: object
) -> tuple[pd.DataFrame, pa.Table]:
    """The points with the heights of their names, `place`, and the target with its own.

    Names of points with one `column` stand below each other; those of `at_right` are beside the target's.
    """
    low, high = domain
    goal = [] if target is None else [target]
    gap = PIXELS_A_LINE / pixels * (high - low)
    places, goal_place = pd.Series(0.0, frame.index), goal
    for column, group in frame.sort_values("accuracy", kind="stable").groupby("column"):  # also of those cut off
        beside = goal if column == at_right else []
        found = spread([*group["accuracy"].clip(low, high), *beside], gap, low, high)
        places[group.index] = found[: len(group)]
        if beside:
            goal_place = found[len(group) :]
    words = [f"target {100 * value:g} %" for value in goal]
    return frame.assign(place=places), table({"accuracy": goal, "place": goal_place, "words": words})


def marked(frame: pd.DataFrame, chosen: Collection[str]) -> pa.Table:
    """The table with a column that says which runs stand back, because others are chosen."""
    faded = ~frame["run"].isin(list(chosen)) if chosen else np.zeros(len(frame), bool)
    return pa.Table.from_pandas(frame.assign(faded=faded), preserve_index=False)


def without_others(order: Sequence[str], shown: Collection[str]) -> list[str]:
    """A list that gives the names in `shown` the colours, dashes and shapes that `order` does, and that stays short.

    Names that are not shown are replaced by others that no run has, and left out as far as the looks repeat.
    """
    places = {}
    for place, name in enumerate(order):
        if name in shown:
            place %= COLORS * len(SHAPES)
            while place in places:
                place += COLORS * len(SHAPES)
            places[place] = name
    return [places.get(place, f"\n{place}") for place in range(max(places, default=-1) + 1)]


def color_of(order: list[str]) -> dict:
    return category("run", legend=None, scale={"domain": order})


def in_turn(order: list[str], kinds: Sequence) -> dict:
    """One of `kinds` for each run: the next one after as many runs as there are colours."""
    return category(
        "run",
        legend=None,
        scale={"domain": order, "range": [kinds[place // COLORS % len(kinds)] for place in range(len(order))]},
    )


def unless_faded(faint: float) -> dict:
    return {"condition": {"test": "datum.faded", "value": faint}, "value": 1}


def target_layers(bend: int = 0) -> list[dict]:
    """A line at the accuracy that is to be reached, with its name at its end, `bend` pixels away."""
    edge = {"value": "width"}
    line = {"type": "rule", "strokeDash": [6, 4], "tooltip": None, "aria": False}  # its name says it
    return [
        {
            "data": {"name": "target"},
            "mark": {**line, "color": theme.ink(), "opacity": 0.7},
            "encoding": {"x": {"value": 0}, "x2": edge},
        },
        {
            "data": {"name": "target"},
            "mark": {**line, "color": theme.ink(), "opacity": 0.7, "strokeDash": [1, 0], "x2Offset": bend},
            "encoding": {"x": edge, "x2": edge, "y2": {"field": "place" if bend else "accuracy"}},
        },
        {
            "data": {"name": "target"},
            **name_layer("words", edge, "place", {"value": theme.ink()}),
            "mark": {**WRITTEN, "dx": bend + 12},
        },
    ]
