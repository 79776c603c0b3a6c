"""Charts of confidence: the reliability diagram with its counts, and the coverage curve."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from core.evaluation.calibration import ReliabilityDiagram
from core.evaluation.confidence import THRESHOLDS, Calibrated
from dashboard.components.charts.cached import Same
from dashboard.components.charts.theme import theme_colors

LEFT = 46  # pixels for the numbers at the left, so that charts below each other have one x axis
SERIES = ["answered", "right of these"]
PERCENT = alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], grid=False)


def bin_table(diagram: ReliabilityDiagram) -> pd.DataFrame:
    """The bins that have images: fractions, and the gap, positive where it is surer than it is right."""
    filled = np.flatnonzero(diagram.count)
    return pd.DataFrame(
        {
            "low": diagram.edges[filled],
            "high": diagram.edges[filled + 1],
            "images": diagram.count[filled],
            "confidence": diagram.mean_confidence[filled],
            "accuracy": diagram.accuracy[filled],
            "gap": diagram.mean_confidence[filled] - diagram.accuracy[filled],
        }
    )


def bins_in_percent(diagram: ReliabilityDiagram) -> pd.DataFrame:
    """The same for people, in percent."""
    bins = bin_table(diagram)
    return pd.DataFrame(
        {
            "Confidence": [
                f"{100 * low:.0f} to {100 * high:.0f} %" for low, high in zip(bins.low, bins.high, strict=True)
            ],
            "Images": bins.images,
            "Mean confidence": 100 * bins.confidence,
            "Right": 100 * bins.accuracy,
            "Gap": 100 * bins.gap,
        }
    )


def reliability_chart(diagram: ReliabilityDiagram) -> alt.LayerChart:
    """How many are right at each confidence; on the dashed line they would be as many as it says."""
    return _reliability_chart(diagram, *theme_colors())


@lru_cache(maxsize=32)  # Altair takes longer to put it together than all else; a diagram is kept with its run
def _reliability_chart(diagram: ReliabilityDiagram, strong: str, other: str) -> alt.LayerChart:
    x = alt.X("low:Q", title=None, axis=PERCENT, scale=alt.Scale(domain=[0, 1], nice=False))
    y = alt.Y(
        "accuracy:Q",
        title=None,
        axis=alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], minExtent=LEFT),
        scale=alt.Scale(domain=[0, 1]),
    )
    base = alt.Chart(bin_table(diagram))
    bars = base.mark_rect(opacity=0.45, color=strong).encode(
        x=x, x2="high:Q", y=y, y2=alt.Y2Datum(0), tooltip=_tooltip()
    )
    gaps = base.mark_rule(color=other, strokeWidth=2.5).encode(
        x=alt.X("confidence:Q"), y=alt.Y("accuracy:Q"), y2="confidence:Q", tooltip=_tooltip()
    )
    points = base.mark_point(filled=True, size=42, color=strong, opacity=1).encode(
        x=alt.X("confidence:Q"), y=alt.Y("accuracy:Q"), tooltip=_tooltip()
    )
    ends = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    perfect = alt.Chart(ends).mark_line(strokeDash=[5, 4], color="#8b93a7").encode(x="confidence:Q", y="accuracy:Q")
    return alt.layer(bars, perfect, gaps, points).properties(height=280)


def count_chart(diagram: ReliabilityDiagram) -> alt.Chart:
    """How many images each bin has, to stand below the diagram; logarithmic, since nearly all are in the last."""
    return _count_chart(diagram, theme_colors()[0])


@lru_cache(maxsize=32)
def _count_chart(diagram: ReliabilityDiagram, strong: str) -> alt.Chart:
    axis = alt.Axis(values=[1, 100, 10000], format=",d", minExtent=LEFT)
    return (
        alt.Chart(bin_table(diagram))
        .mark_rect(color=strong, opacity=0.45)
        .encode(
            x=alt.X("low:Q", title="Confidence", axis=PERCENT, scale=alt.Scale(domain=[0, 1], nice=False)),
            x2="high:Q",
            y=alt.Y("images:Q", title=None, axis=axis, scale=alt.Scale(type="symlog")),
            y2=alt.Y2Datum(0),
            tooltip=_tooltip(),
        )
        .properties(height=130)
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("low:Q", title="Confidence above", format=".1%"),
        alt.Tooltip("high:Q", title="up to", format=".1%"),
        alt.Tooltip("images:Q", title="Images", format=","),
        alt.Tooltip("confidence:Q", title="Mean confidence", format=".2%"),
        alt.Tooltip("accuracy:Q", title="Right", format=".2%"),
    ]


def coverage_chart(found: Calibrated, threshold: float) -> alt.LayerChart:
    """What is answered, and what of that is right, for every threshold; a rule marks the one that is chosen."""
    return _coverage_chart(Same(found), threshold, theme_colors())


@lru_cache(maxsize=64)
def _coverage_chart(same: Same, threshold: float, colors: tuple[str, str]) -> alt.LayerChart:
    found: Calibrated = same.value
    shares = dict(zip(SERIES, (found.coverage, found.accuracy), strict=True))
    table = pd.concat(
        pd.DataFrame({"threshold": THRESHOLDS, "share": values, "series": name}) for name, values in shares.items()
    ).dropna()
    lowest = np.floor(10 * table["share"].min()) / 10
    x = alt.X(
        "threshold:Q",
        title="Threshold",
        axis=alt.Axis(format=".0%", tickCount=6, grid=False),
        scale=alt.Scale(domain=[0, 1], nice=False),
    )
    y = alt.Y(
        "share:Q",
        title=None,
        axis=alt.Axis(format=".0%", tickCount=6, minExtent=LEFT),
        scale=alt.Scale(domain=[lowest, 1], nice=False),
    )
    color = alt.Color(
        "series:N",
        title=None,
        legend=alt.Legend(orient="top", symbolType="stroke"),
        scale=alt.Scale(domain=SERIES, range=list(colors)),
    )
    dash = alt.StrokeDash("series:N", legend=None, scale=alt.Scale(domain=SERIES, range=[[1, 0], [6, 3]]))
    tooltip = [
        alt.Tooltip("threshold:Q", title="Threshold", format=".1%"),
        alt.Tooltip("series:N", title="Share"),
        alt.Tooltip("share:Q", title="is", format=".2%"),
    ]
    lines = alt.Chart(table).mark_line(strokeWidth=2.2).encode(x=x, y=y, color=color, strokeDash=dash)
    here = table[np.isclose(table["threshold"], threshold, atol=0.0026)]
    points = alt.Chart(here).mark_point(filled=True, size=80, opacity=1).encode(x=x, y=y, color=color, tooltip=tooltip)
    rule = alt.Chart(pd.DataFrame({"threshold": [threshold]})).mark_rule(color="#8b93a7").encode(x=x)
    return alt.layer(rule, lines, points).properties(height=280)
