"""Learning curves of several runs, and what one of their settings has to do with their accuracy."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from core.formatting import percent
from dashboard.components.charts import theme
from dashboard.components.charts.across import AXES
from dashboard.components.charts.line_ends import PIXELS_A_LINE, halo_layer, name_layer, spread
from dashboard.components.charts.same_lines import dashes_in_turn, longest_first, same_lines
from dashboard.components.charts.spec import PERCENT, category, number, table

DASHES = ([1, 0], [7, 3], [2, 2], [8, 3, 2, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond")  # one with each of the dashes
COLORS = 10  # of the theme; after as many runs dashes and shapes change
MOST_WITH_POINTS = 6  # lines; of more than these only the last point is marked
PERCENTS = {"format": ".4~p", "tickCount": 6, "minExtent": 46, "labelFlush": False}
PLAIN = ",.6~g"  # without a precision, Vega takes one from the distance of the ticks: 35 would be "4e+1"
BELOW = {"bottom": 4}  # less than Streamlit's own: a caption follows
AROUND = 70  # pixels of the height for the axis
LEAST_HEIGHT, LINE_WIDTH = 340, 2.2
FAINT, FAINT_NAME = 0.15, 0.4  # the opacity of what stands back
TOO_CLOSE = 0.12  # of the width, for two names beside each other
FAR_OFF = 5  # times the median error: runs that end above that do not set the range
HOVER = ("at_line", "at_point", "at_name")


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
    x, last = AXES[axis].column, float(frame[AXES[axis].column].max())
    first = 1.0 if axis == "Epochs" else 0.0
    room = 0.02 * (max(last, first + 1) - first)  # so that the first and the last point are whole
    low, high = _range(frame, target)
    height = max(LEAST_HEIGHT, AROUND + PIXELS_A_LINE * (len(names) + 2))
    ends, goal = _ends(frame, x, (low, high), height - AROUND, target)
    color, dash, shape = _color(order), _in_turn(order, DASHES), _in_turn(order, SHAPES)
    in_turn = dashes_in_turn(on_one_line(frame, axis, target))
    dash["scale"]["range"] = [in_turn.get(name, kind) for name, kind in zip(order, dash["scale"]["range"], strict=True)]
    shown = {"opacity": _shown(1, FAINT)}
    tooltip = [
        category("run", "Run"),
        number("epoch", "Epoch"),
        number("step", "Updates", format=","),
        number("training_seconds", "Seconds", format=".1f"),
        number("accuracy", "Validation accuracy", format=".2%"),
    ]
    edge = {"value": "width"}
    dots = len(names) <= MOST_WITH_POINTS and frame["epoch"].max() < 30
    is_last = ~frame["run"].duplicated(keep="last")
    return {
        "config": PERCENT,
        "padding": BELOW,
        "datasets": {
            "curves": _marked(longest_first(frame.assign(marked=is_last | dots)), chosen),
            "ends": _marked(ends, chosen),
            "target": goal,
        },
        "height": height,
        "encoding": {
            "x": number(
                x,
                AXES[axis].title,
                axis={"grid": False, **AXES[axis].ticks},
                scale={"domain": [first - room, max(last, first + 1) + room], "nice": False},
            ),
            "y": number(
                "accuracy",
                axis=PERCENTS,
                scale={"domain": [low, high], "nice": False},
            ),
        },
        "layer": [
            *_target_layers(),
            {
                "data": {"name": "ends"},
                "transform": [{"filter": "datum.inside"}],
                "mark": {"type": "rule", "strokeWidth": 1, "strokeDash": [1, 3], "tooltip": None},
                "encoding": {"x2": edge, "y2": {"field": "place"}, "color": color, "opacity": _shown(0.6, 0.1)},
            },
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
                "mark": {"type": "point", "filled": True, "size": 36, "xOffset": 5, "tooltip": None, "aria": False},
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
            },
        ],
    }


def on_one_line(frame: pd.DataFrame, axis: str, target: float | None) -> list[list[str]]:
    """The runs whose curves differ by less than a line's width, in groups."""
    x, (low, high) = AXES[axis].column, _range(frame, target)
    return same_lines(frame, x, (float(np.ptp(frame[x])) / 400, (high - low) * LINE_WIDTH / LEAST_HEIGHT))


def setting_chart(
    frame: pd.DataFrame,
    title: str,
    *,
    log: bool = False,
    target: float | None = None,
    chosen: Collection[str] = (),
    order: list[str] = (),
) -> dict:
    """One setting against test accuracy, a dot with its name for each run.

    Args:
        frame: columns run (name), value (of the setting, numbers or texts), words (the value as text), accuracy.
        title: the setting's name.
        log: whether the axis of numbers is logarithmic.
        target, chosen, order: as for `curves_chart`.
    """
    order = list(order or frame["run"])
    low, high = _range(frame.assign(epoch=1), target)
    inside = frame[frame["accuracy"] >= low]
    numeric = pd.api.types.is_numeric_dtype(frame["value"])
    column = _columns(frame["value"], log) if numeric else frame["value"]
    at_right = column.max() if numeric else column.drop_duplicates().iloc[-1]
    inside, goal = _placed(inside.assign(column=column), (low, high), LEAST_HEIGHT - AROUND, target, at_right)
    axis = {"grid": False, "labelAngle": 0}
    if numeric:
        scale = {"type": "log"} if log else {"zero": False}
        values = sorted(set(frame["value"]))
        x = number(
            "value",
            title,
            axis={**axis, "format": PLAIN, **({"values": values} if len(values) <= 8 else {})},
            scale={**scale, "nice": False, "padding": 24},
        )
    else:
        x = category("value", title, axis=axis, sort=None, scale={"domain": list(dict.fromkeys(frame["value"]))})
    color = _color(order)
    return {
        "config": PERCENT,
        "padding": BELOW,
        "datasets": {"dots": _marked(inside, chosen), "target": goal},
        "data": {"name": "dots"},
        "height": LEAST_HEIGHT,
        "encoding": {
            "x": x,
            "y": number(
                "accuracy",
                axis=PERCENTS,
                scale={"domain": [low, high], "nice": False},
            ),
        },
        "layer": [
            *_target_layers(),
            {
                "mark": {"type": "point", "filled": True, "size": 90},
                "encoding": {
                    "color": color,
                    "shape": _in_turn(order, SHAPES),
                    "opacity": _unless_faded(FAINT),
                    "tooltip": [
                        category("run", "Run"),
                        category("words", title),
                        number("accuracy", "Test accuracy", format=".2%"),
                    ],
                },
            },
            halo_layer("run", x, "place"),
            name_layer("run", x, "place", color, opacity=_unless_faded(FAINT_NAME)),
        ],
    }


def runs_outside(frame: pd.DataFrame, target: float | None) -> list[tuple[str, float]]:
    """The runs that `setting_chart` leaves out, since they are far below the others, with their accuracy."""
    low, _ = _range(frame.assign(epoch=1), target)
    outside = frame[frame["accuracy"] < low]
    return list(zip(outside["run"], outside["accuracy"], strict=True))


def _range(frame: pd.DataFrame, target: float | None) -> tuple[float, float]:
    """The range where the lines are: of all runs but those far off, without their first epochs."""
    runs = frame.sort_values("epoch").groupby("run", sort=False)["accuracy"]
    errors = 1 - runs.last()
    near = errors <= max(FAR_OFF * errors.median(), 0.02)
    lowest = min(runs.quantile(0.1)[near].min(), runs.last()[near].min(), 1.0 if target is None else target)
    highest = max(frame["accuracy"].max(), target or 0.0)
    step = next(step for step in (0.005, 0.01, 0.05, 0.1) if highest - lowest <= 10 * step)
    low = step * math.floor(lowest / step - 0.2)
    return max(0.0, round(low, 4)), min(1.0, round(step * math.ceil(highest / step + 0.2), 4))


def _ends(
    frame: pd.DataFrame, x: str, domain: tuple[float, float], pixels: int, target: float | None
) -> tuple[pd.DataFrame, pa.Table]:
    """The last point of each run and where its name stands; one that ends below the range has its value in the name."""
    last = frame.groupby("run", sort=False).tail(1)[["run", x, "accuracy"]]
    inside = last["accuracy"].to_numpy() >= domain[0]
    names = [
        name if is_inside else f"{name} ↓ {percent(accuracy, 1)}"
        for name, accuracy, is_inside in zip(last["run"], last["accuracy"], inside, strict=True)
    ]
    return _placed(last.assign(name=names, inside=inside, column=0), domain, pixels, target, 0)


def _placed(
    frame: pd.DataFrame, domain: tuple[float, float], pixels: int, target: float | None, at_right: object
) -> tuple[pd.DataFrame, pa.Table]:
    """The points with the heights of their names, `place`, and the target with its own.

    Names of points with one `column` stand below each other; those of `at_right` are beside the target's.
    """
    low, high = domain
    goal = [] if target is None else [target]
    gap = PIXELS_A_LINE / pixels * (high - low)
    places, goal_place = pd.Series(0.0, frame.index), goal
    for column, group in frame.groupby("column"):
        beside = goal if column == at_right else []
        found = spread([*group["accuracy"].clip(low, high), *beside], gap, low, high)
        places[group.index] = found[: len(group)]
        if beside:
            goal_place = found[len(group) :]
    words = [f"target {100 * value:g} %" for value in goal]
    return frame.assign(place=places), table({"accuracy": goal, "place": goal_place, "words": words})


def _columns(values: pd.Series, log: bool) -> pd.Series:
    """The column of each point: values share one where the names of one would lie over those of the next."""
    at = np.log10(values) if log else values.astype(float)
    steps = at.sort_values().diff().fillna(0.0)
    return (steps > TOO_CLOSE * np.ptp(at)).cumsum().sort_index()


def _marked(frame: pd.DataFrame, chosen: Collection[str]) -> pa.Table:
    """The table with a column that says which runs stand back, because others are chosen."""
    faded = ~frame["run"].isin(list(chosen)) if chosen else np.zeros(len(frame), bool)
    return pa.Table.from_pandas(frame.assign(faded=faded), preserve_index=False)


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


def _color(order: list[str]) -> dict:
    return category("run", legend=None, scale={"domain": order})


def _in_turn(order: list[str], kinds: Sequence) -> dict:
    """One of `kinds` for each run: the next one after as many runs as there are colours."""
    return category(
        "run",
        legend=None,
        scale={"domain": order, "range": [kinds[place // COLORS % len(kinds)] for place in range(len(order))]},
    )


def _unless_faded(faint: float) -> dict:
    return {"condition": {"test": "datum.faded", "value": faint}, "value": 1}


def _target_layers() -> list[dict]:
    """A line at the accuracy that is to be reached, with its name at its end."""
    edge = {"value": "width"}
    line = {"type": "rule", "strokeDash": [6, 4], "tooltip": None, "aria": False}  # its name says it
    return [
        {
            "data": {"name": "target"},
            "mark": {**line, "color": theme.ink(), "opacity": 0.7},
            "encoding": {"x": {"value": 0}, "x2": edge},
        },
        {"data": {"name": "target"}, **name_layer("words", edge, "place", {"value": theme.ink()})},
    ]
