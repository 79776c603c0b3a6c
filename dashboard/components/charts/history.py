"""The learning curves of one run, while it trains and afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from core.data.classes import DIGITS
from core.formatting import percent
from core.runs import History
from dashboard.components.charts import theme
from dashboard.components.charts.across import AXES, Axis
from dashboard.components.charts.line_ends import PIXELS_A_LINE, name_layer, reserve_layer, spread
from dashboard.components.charts.spec import PERCENT, category, number, table
from dashboard.components.classes import Classes, are_digits, count_word

MOST_POINTS = 300  # of the thin line: more cannot be seen and would slow the page
SMOOTHED_OVER = 7  # progress events, of which an epoch has about ten
DOTTED_UNTIL = 30  # epochs: more dots would hide the line
AROUND, SUBTITLE_LINE = 125, 16  # pixels of the height for title and axis, and for a second line below the title
SERIES = ["training", "validation", "training again"]
PREFIXES = ["", "val_", "train_"]  # of an epoch's numbers
MEASURES = {"loss": ("~g", ".4f"), "accuracy": (".4~p", ".2%")}  # the formats of the axis and of a tooltip
FAR_OFF = 20  # times the median loss
LOUD = 4  # times the median loss: above that and above guessing, if the lines have come down from there
LOSS_TOPS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
BEST = {"loss": "lowest loss", "accuracy": "best accuracy"}  # seldom of the same epoch
LAST_BATCHES = "last batches"  # the name of the thin line, until an epoch is complete
THIN_LINE = "thin line: batches within an epoch, smoothed"
MANY = 12  # classes: among more, the line at guessing lies where the words of the best epoch would be
ABOVE_BEST = -25  # pixels, from that line to its words
GUESS_BESIDE = {"loss": 12, "accuracy": -11}  # pixels below the line: away from the words of the best epoch


def history_charts(
    history: History,
    total_epochs: int,
    *,
    over: str = "Epochs",
    batches_an_epoch: int = 0,
    read_again: str = "",
    height: int = 300,
    classes: Classes = DIGITS,
) -> dict[str, dict]:
    """Loss and accuracy of training and validation, with the batches thin behind; a spec of each.

    What changes while a run trains is in the tables, so that the page replaces those and draws no new chart.

    Args:
        history: the run's events.
        total_epochs: how many epochs the axis has room for.
        over: a name in `AXES`.
        batches_an_epoch: for the axis of updates; 0 where that is not known yet.
        read_again: what is off when training images are read again after each epoch, such as "dropout"; "" where they
            are not.
        height: of a chart, in pixels.
        classes: what the network tells apart, for the line at guessing.
    """
    batches, epochs = _batch_columns(history), _epoch_columns(history.epochs)
    axis = AXES[over]
    x = number(axis.column, axis.title, **_across(over, history, total_epochs, batches_an_epoch))
    series = SERIES if read_again else SERIES[:2]
    training, validation = theme.theme_colors()
    colors = {"domain": SERIES, "range": [training, validation, training]}
    color = category("series", legend=None, scale=colors)
    dash = category("series", legend=None, scale={"domain": SERIES, "range": [[1, 0], [5, 3], [1.5, 3]]})
    subtitle = [THIN_LINE, f"dotted: training again, without {read_again}"] if read_again else THIN_LINE
    around = AROUND + SUBTITLE_LINE * bool(read_again)
    charts = {}
    for measure, (ticks, exact) in MEASURES.items():
        domain = _steady_domain(measure, epochs[measure], batches[measure], len(classes))
        y = number(measure, scale={"domain": domain, "nice": False}, axis={"tickCount": 5, "format": ticks})
        told = [
            number("epoch", "Epoch"),
            number("step", "Updates", format=","),
            number("training_seconds", "Seconds", format=".1f"),
            number(measure, measure.capitalize(), format=exact),
        ]
        charts[measure] = {
            "config": PERCENT,
            "title": {
                "text": measure.capitalize(),
                "subtitle": subtitle,
                "subtitleColor": {"expr": f"length(data('batches')) ? '{theme.muted()}' : 'transparent'"},
                "subtitleFontSize": 12,
            },
            "height": height,
            "datasets": {
                "batches": table(batches),
                "epochs": table(epochs),
                "best": table(_best(measure, history.epochs, total_epochs)),
                "ends": table(_ends(measure, axis, batches, epochs, domain, height - around)),
                "above": table(_above(measure, axis, epochs, domain, height - around)),
                "guess": table(_guess(measure, domain, len(classes))),
            },
            "encoding": {"x": x, "y": y},
            "layer": [
                *_guess_layers(measure, classes),
                *_best_layers(measure, len(classes)),
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
                    "transform": [{"filter": {"field": measure, "range": domain}}],  # whole, or outside and not drawn
                    "mark": {"type": "point", "filled": True, "size": 36, "opacity": int(total_epochs < DOTTED_UNTIL)},
                    "encoding": {"color": color, "tooltip": [category("series", "Images"), *told]},
                },
                {
                    "data": {"name": "above"},
                    "mark": {"type": "text", "fontSize": 12, "fontWeight": 600, "tooltip": None},
                    "encoding": {"y": number("place"), "text": category("name"), "color": color},
                },
                reserve_layer([*series, LAST_BATCHES]),
                {"data": {"name": "ends"}, **name_layer("name", x, "place", color)},
            ],
        }
    return charts


def _across(over: str, history: History, total_epochs: int, batches_an_epoch: int) -> dict:
    """Scale and axis of the axis across: all epochs that are planned, also in updates or seconds."""
    epochs, ticks = max(1, total_epochs), AXES[over].ticks
    ends = {
        "Epochs": epochs,
        "Updates": epochs * batches_an_epoch,
        "Seconds": _seconds_to_the_end(history, epochs),
    }
    if over == "Epochs":
        values = _epoch_ticks(epochs)
        ticks = {"format": "d", "values": values, "tickCount": len(values), "tickMinStep": 0}  # Vega leaves none out
    elif not ends[over]:
        ticks = {"values": []}  # not known yet
    return {"scale": {"domain": [0, ends[over] or 1], "nice": False}, "axis": {**ticks, "grid": False}}


def _seconds_to_the_end(history: History, total_epochs: int) -> float:
    """How long training takes, or is going to: rounded up in large steps, so that a live chart does not jump."""
    last = max((*history.epochs[-1:], *history.batches[-1:]), key=_seconds, default={})
    seconds, done = _seconds(last), last.get("position", last.get("epoch", 0))
    if not seconds or not done or done >= total_epochs:
        return seconds
    expected = seconds / done * total_epochs
    power = 10 ** math.floor(math.log10(expected))
    return next((step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= expected), expected)


def _seconds(event: Mapping) -> float:
    """The seconds of training up to an event; 0 where they are not known."""
    value = event.get("training_seconds", 0.0)
    return value if math.isfinite(value) else 0.0


def _guessing(measure: str, count: int) -> float:
    """The loss or the accuracy of a network that guesses among so many classes."""
    return math.log(count) if measure == "loss" else 1 / count


def _guess_words(measure: str, count: int) -> str:
    value = _guessing(measure, count)
    return f"ln {count} = {value:.3f}" if measure == "loss" else f"{100 * value:.3g}\u00a0%"


def _guess(measure: str, domain: list[float], count: int) -> dict[str, list]:
    """The value of a network that guesses, where the chart has it in its range."""
    value, (low, high) = _guessing(measure, count), domain
    found = [value] if low + 0.03 * (high - low) < value < high else []
    return {measure: found, "name": [f"guessing: {_guess_words(measure, count)}"] * len(found)}


def _guess_layers(measure: str, classes: Classes) -> list[dict]:
    """A dashed line at guessing, with words at its right."""
    data, y = {"name": "guess"}, number(measure)
    beside = ABOVE_BEST if measure == "accuracy" and len(classes) > MANY else GUESS_BESIDE[measure]
    words = {"type": "text", "align": "right", "dx": -6, "dy": beside, "fontSize": 12}
    line = {"type": "rule", "color": theme.NEUTRAL, "strokeDash": [6, 4], "aria": False}
    what, count = ("digits" if are_digits(classes) else "classes"), len(classes)
    told = {
        "value": f"A network that guesses gives each of the {count_word(count)} {what} the probability "
        f"{1 / count:.2f}: it reads {_guess_words('accuracy', count)} right, and its loss is "
        f"{_guess_words('loss', count)}."
    }
    return [
        {
            "data": data,
            "mark": line,
            "encoding": {"x": {"value": 0}, "x2": {"value": "width"}, "y": y, "tooltip": told},
        },
        {
            "data": data,
            "mark": {**words, "color": theme.muted()},
            "encoding": {"x": {"value": "width"}, "y": y, "text": category("name"), "tooltip": told},
        },
    ]


def _best_layers(measure: str, count: int) -> list[dict]:
    """A rule with words at the best epoch and a ring around it; the words stand where the lines leave room."""
    edge, toward = (0, 7) if measure == "loss" else ("height", -16 if count > MANY else -7)
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
        return {"epoch": [], "step": [], "training_seconds": [], measure: [], "name": [], "words": [], "side": []}
    place = int(np.nanargmin(values) if measure == "loss" else np.nanargmax(values))
    epoch, value = epochs[place]["epoch"], float(values[place])
    told = percent(value) if measure == "accuracy" else f"{value:.4f}"
    return {
        "epoch": [epoch],
        "step": [epochs[place].get("step")],
        "training_seconds": [epochs[place].get("training_seconds")],
        measure: [value],
        "name": [f"{BEST[measure]}: epoch {epoch}"],
        "words": [f"{epoch}, validation {measure} {told}"],
        "side": ["left" if epoch <= total_epochs / 2 else "right"],
    }


def _ends(
    measure: str, axis: Axis, batches: dict, epochs: dict, domain: list[float], pixels: int
) -> dict[str, Sequence]:
    """Where the names of the lines stand: beside the newest batch, at the heights of the last epoch.

    That of a line above the range has its value.
    """
    reached = [columns[axis.column] for columns in (batches, epochs) if np.isfinite(columns[axis.column]).any()]
    last, names = {}, {}
    for series in SERIES:
        for columns, name in ((batches, LAST_BATCHES), (epochs, series)):  # the epochs' own line, once there is one
            values = columns[measure][columns["series"] == series]
            if len(values) and np.isfinite(values[-1]):
                last[series] = float(values[-1])
                names[series] = f"{name} {_higher(last[series])}" if last[series] > domain[1] else name
    last = dict(sorted(last.items(), key=lambda end: end[1]))  # names of lines outside the range keep their order too
    gap = PIXELS_A_LINE / pixels * (domain[1] - domain[0])
    return {
        axis.column: np.full(len(last), max((float(np.nanmax(each)) for each in reached), default=0.0)),
        "place": spread(np.clip(list(last.values()), *domain), gap, *domain),
        "series": np.array(list(last), str),
        "name": np.array([names[series] for series in last], str),
    }


def _above(measure: str, axis: Axis, epochs: dict, domain: list[float], pixels: int) -> dict[str, Sequence]:
    """The highest value of each line above the range, in words at its epoch, below those of the best epoch."""
    gap, found = PIXELS_A_LINE / pixels * (domain[1] - domain[0]), []
    for series in SERIES:
        of = epochs["series"] == series
        values = np.nan_to_num(epochs[measure][of])
        if len(values) and values.max() > max(domain[1], values[-1]):  # the last one is said beside its name
            place = domain[1] - (len(found) + 1.5) * gap
            found.append((epochs[axis.column][of][values.argmax()], place, series, _higher(values.max())))
    columns = zip(*found, strict=True) if found else [[]] * 4
    return dict(zip((axis.column, "place", "series", "name"), columns, strict=True))


def _higher(value: float) -> str:
    """A value that lies above a chart, in words."""
    return f"↑ {value:.3g}" if value < 100 else f"↑ {value:,.0f}"


def _epoch_ticks(total_epochs: int) -> list[int]:
    """At most about ten epochs to be named."""
    step = next(step for step in (1, 2, 5, 10, 20, 50) if total_epochs <= 10 * step or step == 50)
    return list(range(0, total_epochs + 1, step))


def _steady_domain(measure: str, epochs: np.ndarray, batches: np.ndarray, count: int) -> list[float]:
    """A range that holds nearly all epochs and moves in few large steps, so that a live chart does not jump.

    The first batches of a run are far off the rest, and so are losses of epochs that went wrong; they may leave the
    picture.
    """
    values = epochs if len(epochs) else batches
    values = values[np.isfinite(values)]
    if not len(values):
        return [0.0, 1.0]
    if measure == "loss":
        median, last = np.median(values), epochs.reshape(len(SERIES), -1)[:, -1:]
        loud = max(1.1 * _guessing("loss", count), LOUD * median, *last[np.isfinite(last)])
        near = values[values <= min(FAR_OFF * median, loud)]
        most = 1.1 * (near.max() if len(epochs) else np.quantile(values, 0.9))
        return [0.0, next((top for top in LOSS_TOPS if top >= most), float(most))]
    least = values.min() if len(epochs) else np.quantile(values, 0.1)
    return [next((low for low in (0.98, 0.96, 0.94, 0.9, 0.8, 0.6) if low <= least), 0.0), 1.0]


def _batch_columns(history: History) -> dict[str, np.ndarray]:
    chosen = np.linspace(0, len(history.batches) - 1, min(MOST_POINTS, len(history.batches))).astype(int)
    return {
        "epoch": _column(history.batches, "position")[chosen],
        "step": _column(history.batches, "step")[chosen],
        "training_seconds": _column(history.batches, "training_seconds")[chosen],
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
        "epoch": np.tile(_column(epochs, "epoch"), len(SERIES)),
        "step": np.tile(_column(epochs, "step"), len(SERIES)),
        "training_seconds": np.tile(_column(epochs, "training_seconds"), len(SERIES)),
        **{measure: np.concatenate([_column(epochs, of + measure) for of in PREFIXES]) for measure in MEASURES},
        "series": np.repeat(SERIES, len(epochs)),
    }


def _column(events: Sequence[Mapping], name: str) -> np.ndarray:
    """A number of each event, nan where it is missing."""
    return np.array([event.get(name) for event in events], float)
