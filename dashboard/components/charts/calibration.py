"""Charts of confidence: the reliability diagram with its counts, and the coverage curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.evaluation.calibration import ReliabilityDiagram
from core.evaluation.confidence import THRESHOLDS, ConfidenceReport
from core.formatting import percent
from dashboard.components.charts import theme
from dashboard.components.charts.line_ends import PIXELS_A_LINE, name_layer, spread
from dashboard.components.charts.spec import PERCENT, category, number, table

COVERAGE_PIXELS = 210  # of the height, without the axis
WHOLE = {"left": 5, "top": 5, "right": 16}  # pixels, so that the last tick and point are whole
LEFT = 46  # pixels for the numbers at the left, so that charts below each other have one x axis
SERIES = ["answered", "right if answered"]
FEW = 10  # images: the bar of a bin with fewer is pale
BIN_TOOLTIP = [
    number("low", "Confidence above", format=".1%"),
    number("high", "up to", format=".1%"),
    category("count", "Images"),
    number("confidence", "Mean confidence", format=".2%"),
    number("accuracy", "Right", format=".2%"),
]


def bins_in_percent(diagram: ReliabilityDiagram) -> pd.DataFrame:
    """A table of the bins that have images, in percent."""
    bins = _bins(diagram)
    return pd.DataFrame(
        {
            "Confidence": [
                f"{100 * low:.0f} to {percent(high, 0)}" for low, high in zip(bins["low"], bins["high"], strict=True)
            ],
            "Images": bins["images"],
            "Mean confidence": 100 * bins["confidence"],
            "Right": 100 * bins["accuracy"],
            "Gap": 100 * (bins["confidence"] - bins["accuracy"]),
        }
    )


def reliability_chart(diagram: ReliabilityDiagram) -> dict:
    """Accuracy in each bin of confidence; on the dashed line it equals the confidence, and a rule is the gap."""
    _, right = theme.confidence_colors()
    x, y = number("confidence"), number("accuracy")
    share = number(
        "accuracy",
        axis={"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1], "minExtent": LEFT, "labelFlush": False},
        scale={"domain": [0, 1]},
    )
    lowest = _lowest(diagram)
    ends = table({"confidence": [lowest, 1.0], "accuracy": [lowest, 1.0]})
    return {
        "config": PERCENT,
        "height": 280,
        "padding": WHOLE,
        "datasets": {"bins": table(_bins(diagram)), "ends": ends},
        "data": {"name": "bins"},
        "layer": [
            {
                "mark": {"type": "rect", "color": right},
                "encoding": {
                    "opacity": _pale(0.45),
                    "x": number("low", **_confidence_axis(lowest)),
                    "x2": {"field": "high"},
                    "y": share,
                    "y2": {"datum": 0},
                    "tooltip": BIN_TOOLTIP,
                },
            },
            {
                "data": {"name": "ends"},
                "mark": {"type": "line", "strokeDash": [5, 4], "color": theme.NEUTRAL},
                "encoding": {"x": x, "y": y},
            },
            {
                "mark": {"type": "rule", "color": theme.ink(), "strokeWidth": 2.5},
                "encoding": {
                    "opacity": _pale(1.0),
                    "x": x,
                    "y": y,
                    "y2": {"field": "confidence"},
                    "tooltip": BIN_TOOLTIP,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 42, "color": right},
                "encoding": {"opacity": _pale(1.0), "x": x, "y": y, "tooltip": BIN_TOOLTIP},
            },
        ],
    }


def count_chart(diagram: ReliabilityDiagram) -> dict:
    """How many images each bin has, to stand below the diagram; logarithmic, since nearly all are in the last."""
    return {
        "config": PERCENT,
        "height": 160,
        "padding": WHOLE,
        "title": {
            "text": "Images in each bar, on a logarithmic axis",
            "anchor": "start",
            "fontSize": 12,
            "fontWeight": "normal",
        },
        "datasets": {"bins": table(_bins(diagram))},
        "data": {"name": "bins"},
        "mark": {"type": "rect", "color": theme.confidence_colors()[0]},
        "encoding": {
            "opacity": _pale(0.45),
            "x": number("low", "Confidence", **_confidence_axis(_lowest(diagram))),
            "x2": {"field": "high"},
            "y": number(
                "images",
                axis={"values": [1, 100, 10000], "format": ",d", "minExtent": LEFT, "labelFlush": False},
                scale={"type": "symlog"},
            ),
            "y2": {"datum": 0},
            "tooltip": BIN_TOOLTIP,
        },
    }


def coverage_chart(found: ConfidenceReport, threshold: float) -> dict:
    """The share answered, and the share right of those, at every threshold; a rule marks the chosen one."""
    curves = {
        "threshold": np.tile(THRESHOLDS, 2),
        "share": np.concatenate([found.coverage, found.accuracy]),
        "series": np.repeat(SERIES, len(THRESHOLDS)),
    }
    start = found.first_threshold
    threshold = max(threshold, start)
    there = np.isfinite(curves["share"])  # where nothing is answered, no share of it is right
    there &= curves["threshold"] >= start - 1e-9
    here = there & np.isclose(curves["threshold"], threshold, atol=0.0026)
    lowest = float(np.floor(10 * np.nanmin(curves["share"])) / 10)
    color = category("series", legend=None, scale={"domain": SERIES, "range": list(theme.confidence_colors())})
    dash = category("series", legend=None, scale={"domain": SERIES, "range": [[1, 0], [6, 3]]})
    x = number(
        "threshold",
        "Least confidence to answer",
        axis={"format": ".0%", "values": _ticks(start), "grid": False, "labelFlush": False},
        scale={"domain": [start, 1], "nice": False},
    )
    y = number(
        "share",
        axis={"format": ".0%", "tickCount": 6, "minExtent": LEFT, "labelFlush": False},
        scale={"domain": [lowest, 1], "nice": False},
    )
    tooltip = [
        number("threshold", "Least confidence", format=".1%"),
        category("series", "Share"),
        number("share", "is", format=".2%"),
    ]
    return {
        "config": PERCENT,
        "height": 280,
        "datasets": {
            "chosen": table({"threshold": [threshold]}),
            "curves": table(curves, there),
            "points": table(curves, here),
            "ends": table(_ends(curves, there, lowest)),
        },
        "encoding": {"x": x},
        "layer": [
            {"data": {"name": "chosen"}, "mark": {"type": "rule", "color": theme.NEUTRAL}},
            {
                "data": {"name": "curves"},
                "mark": {"type": "line", "strokeWidth": 2.2, "tooltip": None},
                "encoding": {"y": y, "color": color, "strokeDash": dash},
            },
            {
                "data": {"name": "points"},
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                "encoding": {"y": y, "color": color, "tooltip": tooltip},
            },
            {"data": {"name": "ends"}, **name_layer("series", x, "place", color)},
        ],
    }


def _pale(opacity: float) -> dict:
    """An opacity, and a quarter of it for bins with few images."""
    return {"condition": {"test": f"datum.images < {FEW}", "value": opacity / 4}, "value": opacity}


def _lowest(diagram: ReliabilityDiagram) -> float:
    """Where the bins that have images begin; 0 where none has."""
    return float(diagram.edges[np.argmax(diagram.count > 0)])


def _confidence_axis(lowest: float) -> dict:
    return {
        "axis": {"format": ".0%", "values": _ticks(lowest), "grid": False, "labelFlush": False},
        "scale": {"domain": [lowest, 1], "nice": False},
    }


def _ticks(lowest: float) -> list[float]:
    """Where an axis from `lowest` to 1 has its numbers: at its beginning, and at round ones not too close to that."""
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if 1 - lowest <= 8 * step)
    rounds = (round(1 - step * place, 2) for place in range(int((1 - lowest) / step) + 1))
    return [lowest, *sorted(tick for tick in rounds if tick - lowest > 0.49 * step)]


def _ends(curves: dict[str, np.ndarray], there: np.ndarray, lowest: float) -> dict[str, Sequence]:
    """Where the names of the two curves stand: at the last threshold at which something is answered."""
    last = [np.flatnonzero(there & (curves["series"] == series))[-1] for series in SERIES]
    gap = PIXELS_A_LINE / COVERAGE_PIXELS * (1 - lowest)
    return {
        "threshold": np.full(len(SERIES), curves["threshold"][last].max()),
        "place": spread(curves["share"][last], gap, lowest, 1),
        "series": SERIES,
    }


def _bins(diagram: ReliabilityDiagram) -> dict[str, np.ndarray]:
    """The bins that have images, as columns of fractions, counts, and these in words."""
    filled = np.flatnonzero(diagram.count)
    return {
        "low": diagram.edges[filled],
        "high": diagram.edges[filled + 1],
        "images": diagram.count[filled],
        "confidence": diagram.mean_confidence[filled],
        "accuracy": diagram.accuracy[filled],
        "count": [f"{images:,}{', too few to say much' if images < FEW else ''}" for images in diagram.count[filled]],
    }
