"""Charts as inline SVG: lines over epochs, values as dots, a reliability diagram, and a confusion matrix as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.calibration import ReliabilityDiagram
from core.formatting import percent
from core.report.html import Html, joined, tag, void, wide

WIDTH, HEIGHT = 428, 250
LEFT, RIGHT, TOP, BOTTOM = 58, 404, 14, 208  # edges of the plot
LARGEST = 1e12
MOST_MARKERS = 30  # epochs up to which each has a marker
DASHES = {"muted": "5 4", "orange": "9 4"}  # so that lines are told apart without colours too
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Line:
    """A line: its `name`, values `y` at `x`, and its look, "blue", "orange" or "muted"; what is no number is a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    look: str = "blue"


def line_chart(title: str, lines: Sequence[Line], *, is_share: bool, x_title: str = "Epoch") -> Html | None:
    """Lines over epochs with a key below them; None where there is no value."""
    points = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True) if _can_be_drawn(y)]
    if not points:
        return None
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    if x_low == x_high:
        x_low, x_high = x_low - 1, x_high + 1
    y_ticks = _ticks(min(y for _, y in points), max(y for _, y in points), most=1.0 if is_share else None)
    x_of, y_of = _scale(x_low, x_high, LEFT + 8, RIGHT), _scale(y_ticks[0], y_ticks[-1], BOTTOM, TOP)
    whole = [tick for tick in _ticks(x_low, x_high, whole=True) if x_low <= tick <= x_high and tick >= 1]
    drawn = [_line(line, x_of, y_of) for line in lines]
    chart = _frame(title, x_title, _marks(whole, x_of, y_ticks, y_of, _written(y_ticks, is_share)), *drawn)
    return _figure(title, chart, joined(*(_key(line) for line in lines)))


def dot_chart(title: str, values: Sequence[tuple[str, float]], *, note: str) -> Html | None:
    """Accuracies in percent as dots, one row for each name, with the mean of each as a line; None where none is known.

    Args:
        title: above it.
        values: pairs of a name and an accuracy, a fraction; rows stand in the order of their first value.
        note: what a dot and the line are.
    """
    rows: dict[str, list[float]] = {}
    for name, value in values:
        if math.isfinite(value):
            rows.setdefault(name, []).append(value)
    if not rows:
        return None
    known = [value for row in rows.values() for value in row]
    ticks, height = _ticks(min(known), max(known), most=1.0), 26 * len(rows)
    x_of, drawn = _scale(ticks[0], ticks[-1], 150, RIGHT - 6), []
    for tick, words in zip(ticks, _written(ticks, True), strict=True):
        drawn.append(tag("line", x1=x_of(tick), x2=x_of(tick), y1=6, y2=height + 6, class_="grid"))
        drawn.append(tag("text", words, x=x_of(tick), y=height + 24, text_anchor="middle"))
    for place, (name, row) in enumerate(rows.items()):
        y, mean = 26 * place + 19, x_of(sum(row) / len(row))
        drawn.append(tag("text", name if len(name) <= 20 else f"{name[:19]}…", x=140, y=y + 4, text_anchor="end"))
        drawn += [tag("circle", cx=x_of(value), cy=y, r=4, class_="dot blue") for value in row]
        drawn.append(tag("line", x1=mean, x2=mean, y1=y - 9, y2=y + 9, class_="orange", stroke_width=2.5))
    chart = tag("svg", *drawn, viewBox=f"0 0 {WIDTH} {height + 32}", role="img", aria_label=title)
    return _figure(title, chart, note)


def reliability_chart(title: str, diagram: ReliabilityDiagram, *, few: int) -> Html:
    """Accuracy by confidence as bars, with the line on which it is right as often as it is sure.

    Bars of fewer than `few` images are pale.
    """
    ticks = [0, 0.25, 0.5, 0.75, 1]
    x_of, y_of = _scale(0, 1, LEFT, RIGHT), _scale(0, 1, BOTTOM, TOP)
    drawn = []
    for place in np.flatnonzero(diagram.count):
        low, high = diagram.edges[place], diagram.edges[place + 1]
        top, count = y_of(float(diagram.accuracy[place])), int(diagram.count[place])
        is_right = percent(float(diagram.accuracy[place]), 1)
        words = f"{count:,} images, {100 * low:.0f} to {100 * high:.0f} % sure: {is_right} right"
        look = "bar pale" if count < few else "bar"
        width, height = x_of(high) - x_of(low) - 2, round(BOTTOM - top, 1)
        drawn.append(
            tag("rect", tag("title", words), x=x_of(low) + 1, y=top, width=round(width, 1), height=height, class_=look)
        )
    ends = {"x1": x_of(0), "y1": y_of(0), "x2": x_of(1), "y2": y_of(1)}
    drawn.append(tag("line", **ends, class_="line muted", stroke_dasharray=DASHES["muted"]))
    marks = _marks(ticks, x_of, ticks, y_of, _written(ticks, True), x_words=_written(ticks, True))
    note = f"Bars: how often it is right. Dashed: as often as it is sure. Pale bars have fewer than {few} images."
    return _figure(title, _frame(title, "Confidence", marks, *drawn), note)


def confusion_table(matrix: np.ndarray, names: Sequence[str]) -> Html:
    """The confusion matrix, counts with labels in rows: right ones blue, mistakes the stronger the more there are.

    `names` are what the classes are called, in their order.
    """
    digits = range(len(matrix))
    most = math.log1p(max(2, int((matrix - np.diag(np.diag(matrix))).max())))
    rows = []
    for label in digits:
        cells = [tag("th", names[label], scope="row")]
        for prediction in digits:
            count = int(matrix[label, prediction])
            if label == prediction:
                cells.append(tag("td", f"{count:,}", class_="right"))
            elif count:
                strength = f"--s:{0.1 + 0.5 * math.log1p(count) / most:.2f}"
                cells.append(tag("td", f"{count:,}", class_="wrong", style=strength))
            else:
                cells.append(tag("td", ""))
        rows.append(tag("tr", *cells))
    head = tag("tr", tag("th", "label"), *(tag("th", names[digit], scope="col") for digit in digits))
    whole = tag("table", tag("thead", head), tag("tbody", *rows), class_="matrix")
    note = "Rows: the label. Columns: what it was read as. The diagonal is right."
    return tag("figure", wide(whole), tag("figcaption", note))


def picture(source: str, words: str, *, caption: Html | str | None = None, class_: str | None = None) -> Html:
    """A small image, with what is said below it."""
    image = void("img", src=source, alt=words, class_=class_)
    return tag("figure", image, tag("figcaption", caption)) if caption else image


def _figure(title: str, chart: Html, note: Html | str) -> Html:
    return tag("figure", tag("h3", title), chart, tag("figcaption", note))


def _frame(title: str, x_title: str, marks: Sequence[Html], *drawn: Html) -> Html:
    axis = tag("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="axis")
    below = tag("text", x_title, x=(LEFT + RIGHT) / 2, y=HEIGHT - 4, text_anchor="middle")
    return tag("svg", *marks, axis, *drawn, below, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title)


def _marks(
    x_ticks: Sequence[float],
    x_of: Callable[[float], float],
    y_ticks: Sequence[float],
    y_of: Callable[[float], float],
    y_words: Sequence[str],
    x_words: Sequence[str] = (),
) -> list[Html]:
    found = []
    for tick, words in zip(y_ticks, y_words, strict=True):
        found.append(tag("line", x1=LEFT, x2=RIGHT, y1=y_of(tick), y2=y_of(tick), class_="grid"))
        found.append(tag("text", words, x=LEFT - 7, y=y_of(tick) + 4, text_anchor="end"))
    for tick, words in zip(x_ticks, x_words or [f"{tick:g}" for tick in x_ticks], strict=True):
        found.append(tag("text", words, x=x_of(tick), y=BOTTOM + 18, text_anchor="middle"))
    return found


def _line(line: Line, x_of: Callable[[float], float], y_of: Callable[[float], float]) -> Html:
    pieces: list[list[str]] = [[]]
    markers = []
    for x, y in zip(line.x, line.y, strict=True):
        if not _can_be_drawn(y):
            pieces.append([])
            continue
        pieces[-1].append(f"{x_of(x)},{y_of(y)}")
        markers.append(tag("circle", cx=x_of(x), cy=y_of(y), r=2.8, class_=f"dot {line.look}"))
    dashes = DASHES.get(line.look)
    drawn = [
        tag("polyline", points=" ".join(piece), class_=f"line {line.look}", stroke_dasharray=dashes)
        for piece in pieces
        if len(piece) > 1
    ]
    return joined(*drawn, *(markers if len(markers) <= MOST_MARKERS else ()))


def _key(line: Line) -> Html:
    sample = tag("line", x1=1, x2=27, y1=5, y2=5, class_=f"line {line.look}", stroke_dasharray=DASHES.get(line.look))
    return tag("span", tag("svg", sample, viewBox="0 0 28 10", aria_hidden="true"), line.name, class_="key")


def _can_be_drawn(value: float) -> bool:
    """Whether a value is a number of a size that a chart can have; a run that diverges has others."""
    return abs(value) < LARGEST


def _scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    """Where a value from `low` to `high` is drawn, from `first` to `last`, to a tenth of a pixel."""
    span = (high - low) or 1
    return lambda value: round(first + (value - low) / span * (last - first), 1)


def _ticks(low: float, high: float, *, most: float | None = None, whole: bool = False) -> list[float]:
    """Four to eight round numbers around what lies between `low` and `high`, none above `most` but the one after it."""
    span = max(high - low, 1e-9 * max(1, abs(low), abs(high)))
    rough = span / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * each for each in STEPS if unit * each >= rough * 0.999)
    if whole:
        step = max(1, round(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if most is not None:
        last = min(last, math.ceil(most / step - 1e-9))
    return [place * step for place in range(first, max(last, first + 1) + 1)]


def _written(ticks: Sequence[float], is_share: bool) -> list[str]:
    """Ticks with as many decimals as they need."""
    values = [100 * tick for tick in ticks] if is_share else list(ticks)
    step = values[1] - values[0]
    decimals = next((each for each in range(6) if abs(round(step, each) - step) < 1e-9 * max(1.0, abs(step))), 6)
    return [f"{value:.{decimals}f}{' %' if is_share else ''}" for value in values]
