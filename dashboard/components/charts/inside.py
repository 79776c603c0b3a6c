"""Charts of the health of a network: how often each digit is read, histograms, and layers over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.data.classes import DIGITS
from dashboard.components.charts import theme
from dashboard.components.charts.line_ends import PIXELS_A_LINE, name_layer, reserve_layer, spread
from dashboard.components.charts.spec import PERCENT, category, number, table
from dashboard.components.classes import Classes, are_digits

DIGITS_HEIGHT, HISTOGRAM_HEIGHT, LINES_HEIGHT = 260, 150, 260
PLOT_HEIGHT = LINES_HEIGHT - 70  # without the axis
TICKS = [step * 10.0**power for power in range(-6, 4) for step in (1, 3)]  # of a logarithmic axis
READ, TRUE = "Read as", "Labels"
Histogram = tuple[np.ndarray, np.ndarray]  # counts (bins,) and edges (bins + 1,)


def digit_bars(read: np.ndarray, true: np.ndarray, classes: Classes = DIGITS) -> dict:
    """How many images are read as each class beside how many are of it, both int (k,)."""
    rows = [
        {"digit": name, "what": what, "images": int(counts[digit])}
        for digit, name in enumerate(classes)
        for what, counts in ((TRUE, true), (READ, read))
    ]
    across = {"labelAngle": 0, "labelFontSize": 13} if max(map(len, classes)) == 1 else {"labelAngle": -60}
    colors = {"domain": [TRUE, READ], "range": [theme.NEUTRAL, theme.theme_colors()[0]]}
    return {
        "data": {"values": rows},
        "height": DIGITS_HEIGHT,
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "x": category("digit", sort=None, axis={**across, "ticks": False}),
            "xOffset": category("what", sort=[TRUE, READ]),
            "y": number("images", axis={"tickCount": 3, "format": ",d"}),
            "color": category("what", scale=colors, legend={"orient": "top", "title": None}),
            "tooltip": [
                category("digit", "Digit" if are_digits(classes) else "Class"),
                category("what", "Which"),
                number("images", "Images", format=",d"),
            ],
        },
    }


def histogram_chart(now: Histogram, before: Histogram | None = None, *, title: str) -> dict:
    """How often numbers of each size are, as bars; and as a line how often they were `before`, where that is given."""
    counts, edges = now
    bars = {"from": edges[:-1], "to": edges[1:], "share": counts / max(1, counts.sum()) / (edges[1] - edges[0] or 1)}
    shown = {
        "y": number("share", axis=None),
        "tooltip": [number("from", "From", format=".3~g"), number("to", "To", format=".3~g")],
    }
    x = {"axis": {"grid": False, "tickCount": 5}, "scale": {"nice": False}}
    layers = [
        {
            "data": {"name": "now"},
            "mark": {"type": "bar", "color": theme.theme_colors()[0], "binSpacing": 0},
            "encoding": {"x": number("from", title, bin="binned", **x), "x2": {"field": "to"}, **shown},
        }
    ]
    tables = {"now": table(bars)}
    if before is not None:
        counts, edges = before
        counts, edges = counts.reshape(-1, 2).sum(axis=1), edges[::2]  # half as many: a calmer line
        density = counts / max(1, counts.sum()) / (edges[1] - edges[0] or 1)
        tables["before"] = table(
            {
                "from": np.array([edges[0], *(edges[:-1] + edges[1:]) / 2, edges[-1]]),
                "share": np.array([0.0, *density, 0.0]),
            }
        )
        layers.append(
            {
                "data": {"name": "before"},
                "mark": {"type": "line", "color": theme.ink(), "strokeDash": [4, 3], "strokeWidth": 1.5},
                "encoding": {"x": number("from", title, **x), "y": shown["y"]},
            }
        )
    return {"datasets": tables, "height": HISTOGRAM_HEIGHT, "layer": layers}


def layers_chart(
    epochs: Sequence[int], values: Mapping[str, Sequence[float]], title: str, *, log: bool = False
) -> dict:
    """A share of each layer over the epochs, a line each, with its name at its end.

    Args:
        epochs: (n,), in order.
        values: by layer, (n,) each, fractions; what is not a number leaves a gap.
        title: of the share.
        log: whether the axis is logarithmic; zero then leaves a gap.
    """
    names, arrays = list(values), np.array(list(values.values()), float).reshape(len(values), len(epochs))
    drawn = np.isfinite(arrays) & ((arrays > 0) | (not log))
    rows = {
        "epoch": np.tile(epochs, len(names)),
        "share": np.where(drawn, arrays, 0).ravel(),
        "layer": np.repeat(names, len(epochs)),
    }
    last = [
        float(row[np.flatnonzero(there)[-1]]) if there.any() else np.nan
        for row, there in zip(arrays, drawn, strict=True)
    ]
    low, high, ticks = 0.0, 1.0, [0, 0.25, 0.5, 0.75, 1]
    if log:
        least, most = (arrays[drawn].min(), arrays[drawn].max()) if drawn.any() else (0.001, 1.0)
        low = max((tick for tick in TICKS if tick <= least), default=TICKS[0])
        high = min((tick for tick in TICKS if tick >= most), default=TICKS[-1])
        ticks = [tick for tick in TICKS if low <= tick <= high]
    named = [name for name, value in zip(names, last, strict=True) if np.isfinite(value)]
    at = np.array([value for value in last if np.isfinite(value)])
    scaled, ends = (np.log10(at), np.log10([low, high])) if log else (at, np.array([low, high]))
    places = spread(scaled, PIXELS_A_LINE / PLOT_HEIGHT * (ends[1] - ends[0]), *ends)
    colors = category("layer", scale={"domain": names, "range": list(theme.DIGITS)}, legend=None)
    x = number("epoch", "Epoch", axis={"format": "d", "tickMinStep": 1, "grid": False}, scale={"nice": False})
    y = number(
        "share",
        title,
        axis={"format": "~%", "values": ticks},
        scale={"domain": [low, high], **({"type": "log"} if log else {})},
    )
    shown = {
        "y": y,
        "color": colors,
        "tooltip": [category("layer", "Layer"), number("epoch", "Epoch"), number("share", title, format=".3~%")],
    }
    return {
        "config": PERCENT,
        "datasets": {
            "shares": table(rows, drawn.ravel()),
            "ends": table(
                {
                    "epoch": np.full(len(named), max(epochs, default=0)),
                    "place": 10.0**places if log else places,
                    "layer": np.array(named, str),
                }
            ),
        },
        "height": LINES_HEIGHT,
        "encoding": {"x": x},
        "layer": [
            {"data": {"name": "shares"}, "mark": {"type": "line", "strokeWidth": 2}, "encoding": shown},
            {"data": {"name": "shares"}, "mark": {"type": "point", "filled": True, "size": 30}, "encoding": shown},
            reserve_layer(named or [""]),
            {"data": {"name": "ends"}, **name_layer("layer", x, "place", colors)},
        ],
    }
