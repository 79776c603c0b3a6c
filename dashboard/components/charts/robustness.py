"""Charts of what a run reads of changed digits: change by strength with samples, and digit by digit."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from PIL import Image

from core.formatting import percent
from core.robustness import corruptions
from core.robustness.measure import Robustness
from dashboard.components.charts import theme
from dashboard.components.charts.spec import category, number
from dashboard.components.widgets.gallery import enlarged

STRENGTHS = [corruptions.STRENGTH_NAMES[strength].capitalize() for strength in corruptions.STRENGTHS]
TILE, TILE_BEFORE = 42, 56  # pixels of a sample, with numbers beside it and before there are any
PLAIN = {"ticks": False, "domain": False, "labelPadding": 6, "labelFlush": False}


def samples(images: np.ndarray, index: int) -> dict[tuple[str, int], str]:
    """The image `index` of the test images under each change and strength, exactly as it is measured, as PNG URLs."""
    return {
        (name, strength): _url(corruptions.corrupt(images[: index + 1], name, strength)[-1])
        for name in corruptions.CORRUPTIONS
        for strength in corruptions.STRENGTHS
    }


def change_chart(pictures: dict[tuple[str, int], str], result: Robustness | None) -> dict:
    """One row a change, one column a strength: a sample, and with `result` accuracy and what it lost."""
    measured = {} if result is None else {(each.change, each.strength): each for each in result.changed}
    names = _names(name for name, _ in measured or pictures)
    rows = []
    for name, strength in measured or pictures:
        row = {"change": name.capitalize(), "strength": STRENGTHS[strength - 1]}
        row["picture"] = pictures.get((name, strength))
        if result is None:
            row["meaning"] = corruptions.CORRUPTIONS[name].describe(strength)
        else:
            measurement = measured[name, strength]
            lost = result.loss(measurement)
            row |= {"accuracy": percent(measurement.accuracy, 1), "lost": lost, "points": _points(lost)}
            row["meaning"] = measurement.meaning
        rows.append(row)
    tooltip = [category("change", "Change"), category("meaning", "What it does")]
    tile = TILE if result else TILE_BEFORE
    image = {"type": "image", "width": tile, "height": tile, "smooth": False}
    if result is None:
        layers = [
            {"mark": {**image, "align": "center", "baseline": "middle"}, "encoding": {"url": category("picture")}}
        ]
    else:
        tooltip += [category("accuracy", "Accuracy"), category("points", "Against unchanged")]
        text = {"type": "text", "align": "left", "dx": 1, "color": theme.ink()}
        layers = [
            _loss_layer(corner_radius=4),
            {
                "transform": [{"filter": "datum.picture"}],  # a change that is no longer measured has no sample
                "mark": {**image, "xOffset": -25},
                "encoding": {"url": category("picture")},
            },
            {
                "mark": {**text, "dy": -7, "fontSize": 12, "fontWeight": 600},
                "encoding": {"text": category("accuracy")},
            },
            {"mark": {**text, "dy": 9, "fontSize": 11}, "encoding": {"text": category("points")}},
        ]
    return {
        "height": (tile + 6) * len(names),
        "datasets": {"changes": pa.Table.from_pylist(rows)},
        "data": {"name": "changes"},
        "encoding": {
            "x": category("strength", sort=STRENGTHS, axis={"labelAngle": 0, "orient": "top", **PLAIN}),
            "y": category("change", sort=names, axis=PLAIN),
            "tooltip": tooltip,
        },
        "layer": layers,
    }


def digit_chart(result: Robustness, strength: int | None) -> dict:
    """How many points of accuracy each digit loses under each change, of one strength or the mean of all."""
    names = _names(result.changes)
    rows = [
        {
            "change": names[change],
            "digit": str(digit),
            "lost": max(0.0, float(lost)),
            "text": _points(lost, decimals=0),
            "words": f"{names[change]}: {digit} {_points(lost)} points",
        }
        for (change, digit), lost in np.ndenumerate(result.digit_losses(strength))
        if not np.isnan(lost)
    ]
    return {
        "height": (TILE + 6) * len(names),
        "datasets": {"losses": pa.Table.from_pylist(rows)},
        "data": {"name": "losses"},
        "encoding": {
            "x": category("digit", axis={"labelAngle": 0, "orient": "top", "labelOverlap": False, **PLAIN}),
            "y": category("change", sort=names, axis=PLAIN),
            "tooltip": [category("words", " ")],
        },
        "layer": [
            _loss_layer(corner_radius=3),
            {
                "mark": {"type": "text", "fontSize": 11, "color": theme.ink()},
                "encoding": {"text": category("text")},
            },
        ],
    }


def _names(changes: Iterable[str]) -> list[str]:
    """The rows of a chart, each once, in order."""
    return [name.capitalize() for name in dict.fromkeys(changes)]


def _loss_layer(*, corner_radius: int) -> dict:
    """The ground of a cell, the darker the more it lost: on one scale for all runs, so that two can be compared."""
    scale = {"domain": [0, 0.8], "range": [0.06, 0.85], "clamp": True}
    return {
        "mark": {"type": "rect", "cornerRadius": corner_radius, "color": theme.WRONG},
        "encoding": {"opacity": number("lost", scale=scale, legend=None)},
    }


def _points(lost: float, *, decimals: int = 1) -> str:
    """A loss of accuracy in percentage points, as a change: −3.1, or +0.2 where it helped."""
    text = f"{-100 * lost:+.{decimals}f}".replace("-", "−")
    return text if float(text.replace("−", "-")) else f"{0:.{decimals}f}"


def _url(image: np.ndarray) -> str:
    """A digit as a PNG of three times its size: browsers smooth pictures in charts, and squares survive that."""
    file = io.BytesIO()
    Image.fromarray(enlarged(image, 3)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
