"""Charts of what a run read: the confusion matrix that can be clicked, one image's probabilities, its past."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation import metrics
from core.evaluation.predictions import Past, Reading
from dashboard.components.charts.theme import theme_colors

DIGITS = [str(digit) for digit in range(10)]
ALL = "all"
ACCENT = {"label": "#3f74e8", "prediction": "#d9701e", "other": "#8b93a7"}
KINDS = {"cell": ACCENT["prediction"], "right": ACCENT["label"], "margin": ACCENT["other"]}
CLICK = "cell"


def confusion_chart(
    matrix: np.ndarray, *, shares: bool, diagonal: bool, chosen: tuple[int | None, int | None]
) -> alt.LayerChart:
    """The confusion matrix as cells to click; its margins, "all", stand for a whole row or column.

    Args:
        matrix: counts (10, 10), rows are labels.
        shares: write shares of the label instead of counts.
        diagonal: show what was read right as well.
        chosen: label and prediction that the gallery shows, None for any.
    """
    return _confusion_chart(matrix.tobytes(), shares, diagonal, chosen, _ink())


@lru_cache(maxsize=64)  # Altair takes longer to put it together than all else on the page
def _confusion_chart(
    counts: bytes, shares: bool, diagonal: bool, chosen: tuple[int | None, int | None], ink: str
) -> alt.LayerChart:
    cells = _cells(np.frombuffer(counts, np.int64).reshape(10, 10), shares, diagonal, chosen)
    across = alt.Axis(labelAngle=0, labelOverlap=False, orient="top")
    base = alt.Chart(cells).encode(
        x=alt.X("prediction:N", sort=[*DIGITS, ALL], title="Read as", axis=across),
        y=alt.Y("label:N", sort=[*DIGITS, ALL], title="Label", axis=alt.Axis(labelFlush=False)),
        tooltip=[alt.Tooltip("words:N", title=" ")],
    )
    most = max(2, int(cells.loc[cells.kind == "cell", "count"].max()))
    click = alt.selection_point(CLICK, fields=["label", "prediction"], on="click", clear=False)
    strength = alt.Opacity("shade:Q", scale=alt.Scale(type="log", domain=[1, most], range=[0.12, 0.8]), legend=None)
    ground = base.mark_rect(cornerRadius=3, cursor="pointer").encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(KINDS), range=list(KINDS.values())),
            legend=None,
        ),
        opacity=strength,
        stroke=alt.condition("datum.chosen", alt.value("#7a86a8"), alt.value("transparent")),
        strokeWidth=alt.value(2),
    )
    text = base.mark_text(fontSize=11, cursor="pointer", color=ink).encode(text="text:N")
    return alt.layer(ground.add_params(click), text).properties(height=410)


def _cells(matrix: np.ndarray, shares: bool, diagonal: bool, chosen: tuple[int | None, int | None]) -> pd.DataFrame:
    portions = metrics.normalised_by_label(matrix)
    shown = matrix if diagonal else matrix - np.diag(np.diag(matrix))
    rows = []
    for label in range(10):
        for prediction in range(10):
            count, same = int(shown[label, prediction]), label == prediction
            if same and not diagonal:
                continue
            number = f"{100 * portions[label, prediction]:.1f}" if shares else str(count)
            words = f"{label} read as {prediction}: {_times(count)} ({portions[label, prediction]:.2%} of all {label})"
            rows.append((label, prediction, count, number if count else "", "right" if same else "cell", words))
    what = "images" if diagonal else "mistakes"
    for digit in range(10):
        row, column = int(shown[digit].sum()), int(shown[:, digit].sum())
        rows.append((digit, ALL, row, str(row), "margin", f"All {row} {what} with label {digit}"))
        rows.append((ALL, digit, column, str(column), "margin", f"All {column} {what} read as {digit}"))
    frame = pd.DataFrame(rows, columns=["label", "prediction", "count", "text", "kind", "words"])
    frame["shade"] = frame["count"].clip(lower=1).where(frame["kind"] != "margin", 1)
    frame[["label", "prediction"]] = frame[["label", "prediction"]].astype(str)
    wanted = tuple(ALL if digit is None else str(digit) for digit in chosen)
    frame["chosen"] = (frame["label"] == wanted[0]) & (frame["prediction"] == wanted[1])
    return frame


def clicked(selection: object) -> tuple[int | None, int | None] | None:
    """Label and prediction of the cell that was clicked, None in the place of "all"; None without a click."""
    points = selection.get(CLICK) if hasattr(selection, "get") else None
    if not points or not isinstance(points[0], dict):
        return None
    label, prediction = (str(points[0].get(name)) for name in ("label", "prediction"))
    return (int(label) if label in DIGITS else None, int(prediction) if prediction in DIGITS else None)


def probability_chart(reading: Reading, index: int) -> alt.LayerChart:
    """The ten probabilities of one image as bars; label and prediction are named as well as coloured."""
    return alt.LayerChart.from_dict(probability_spec(reading, index))


def probability_spec(reading: Reading, index: int) -> dict:
    """The same as Vega-Lite: Altair needs 50 ms to put together and check a chart, more than the rest of the panel."""
    label, prediction = int(reading.labels[index]), int(reading.predictions[index])
    rows = []
    for digit, p in enumerate(reading.probabilities[index].tolist()):
        role = "label" if digit == label else "prediction" if digit == prediction else "other"
        said = [name for name, is_so in (("label", digit == label), ("read", digit == prediction)) if is_so]
        text = " · ".join([f"{100 * p:.1f} %", *said])
        rows.append({"digit": str(digit), "probability": p, "role": role, "text": text})
    axis = {"labelFontSize": 13, "labelOverlap": False, "labelFlush": False, "ticks": False, "domain": False}
    words = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": _ink()}
    return {
        "data": {"values": rows},
        "height": 210,
        "encoding": {
            "y": {"field": "digit", "type": "nominal", "title": None, "axis": axis},
            "x": {**_quantity("probability"), "axis": None, "scale": {"domain": [0, 1.45]}},
            "tooltip": [
                {"field": "digit", "type": "nominal", "title": "Digit"},
                {**_quantity("probability", "Probability"), "format": ".4%"},
            ],
        },
        "layer": [
            {"mark": {"type": "bar", "cornerRadius": 2, "height": 14}, "encoding": {"color": _roles()}},
            {"mark": words, "encoding": {"text": {"field": "text", "type": "nominal"}}},
        ],
    }


def past_spec(past: Past, reading: Reading, index: int) -> dict:
    """What each epoch gave to the label and, if it is another digit, to the prediction, which is dashed."""
    label, prediction = int(reading.labels[index]), int(reading.predictions[index])
    lines = {"label": label} if label == prediction else {"label": label, "prediction": prediction}
    rows = [
        {"epoch": epoch, "probability": float(given[digit]), "role": role, "digit": f"{digit} ({role})"}
        for role, digit in lines.items()
        for epoch, given in zip(past.epochs, past.probabilities[:, index], strict=True)
    ]
    whole = {"format": "d", "tickMinStep": 1, "grid": False}
    dashes = {"domain": ["label", "prediction"], "range": [[1, 0], [5, 3]]}
    return {
        "data": {"values": rows},
        "height": 160,
        "encoding": {
            "x": {**_quantity("epoch", "Epoch"), "axis": whole, "scale": {"nice": False}},
            "y": {
                **_quantity("probability"),
                "axis": {"format": "%", "values": [0, 0.5, 1]},
                "scale": {"domain": [0, 1]},
            },
            "color": _roles(),
            "tooltip": [
                {"field": "digit", "type": "nominal", "title": "Digit"},
                _quantity("epoch", "Epoch"),
                {**_quantity("probability", "Probability"), "format": ".2%"},
            ],
        },
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {"strokeDash": {"field": "role", "type": "nominal", "scale": dashes, "legend": None}},
            },
            {"mark": {"type": "point", "filled": True, "size": 45}},
        ],
    }


def per_digit_table(matrix: np.ndarray) -> pd.DataFrame:
    """Precision, recall, F1 in percent, support and mistakes, one row a digit."""
    numbers = metrics.per_digit(matrix)
    return pd.DataFrame(
        {
            "Digit": range(10),
            "Precision": 100 * numbers.precision,
            "Recall": 100 * numbers.recall,
            "F1": 100 * numbers.f1,
            "Images": numbers.support,
            "Mistakes": numbers.support - np.diagonal(matrix),
        }
    )


def _ink() -> str:
    """The colour of words in a chart: those of marks do not follow the page's theme."""
    return "#e8eaf3" if st.context.theme.type == "dark" else "#181c2a"


def _roles() -> dict:
    scale = {"domain": list(ACCENT), "range": list(ACCENT.values())}
    return {"field": "role", "type": "nominal", "scale": scale, "legend": None}


def _quantity(field: str, title: str | None = None) -> dict:
    return {"field": field, "type": "quantitative", "title": title}


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def probability_bars(probabilities: np.ndarray, *, marked: int, height: int = 250) -> dict:
    """Ten bars, one a digit, of `probabilities` (10,); the digit `marked` stands out.

    Vega-Lite as it is: Altair needs longer to put a chart together and check it than the rest of the page.
    """
    strong, _ = theme_colors()
    rows = [
        {"digit": digit, "probability": p, "marked": digit == marked} for digit, p in enumerate(probabilities.tolist())
    ]
    probability = {"field": "probability", "type": "quantitative"}
    digit = {"field": "digit", "type": "ordinal"}
    return {
        "data": {"values": rows},
        "height": height,
        "mark": {"type": "bar", "cornerRadiusEnd": 3, "color": strong},
        "encoding": {
            "x": {
                **probability,
                "title": None,
                "scale": {"domain": [0, 1]},
                "axis": {"format": ".0%", "tickCount": 5},
            },
            "y": {**digit, "title": None, "axis": {"labelFontSize": 14, "ticks": False}},
            "opacity": {"condition": {"test": "datum.marked", "value": 1}, "value": 0.45},
            "tooltip": [{**digit, "title": "Digit"}, {**probability, "title": "Probability", "format": ".2%"}],
        },
    }
