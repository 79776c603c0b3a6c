"""Charts of what a run reads of changed digits: change by strength with samples, and digit by digit."""

from __future__ import annotations

import base64
import io

import numpy as np
import pyarrow as pa
from PIL import Image

from core.data.classes import DIGITS
from core.drawing.mnist_form import IMAGE_SIDE
from core.formatting import percent
from core.robustness import corruptions
from core.robustness.measure import Robustness
from dashboard.components.charts import theme
from dashboard.components.charts.confusion import is_wide
from dashboard.components.charts.spec import category, number
from dashboard.components.classes import Classes
from dashboard.components.widgets.gallery import enlarged

STRENGTHS = [corruptions.STRENGTH_NAMES[strength].capitalize() for strength in corruptions.STRENGTHS]
TILE = 42  # pixels of a sample
WIDEST, CELL = 780, (17, 34)  # pixels: of many classes side by side, and of each at least and at most
PLAIN = {"ticks": False, "domain": False, "labelPadding": 6, "labelFlush": False}


def samples(images: np.ndarray, index: int) -> dict[tuple[str, int], str]:
    """The image `index` of the test images under each change and strength, exactly as it is measured, as PNG URLs."""
    return {
        (name, strength): _url(corruptions.corrupt(images[: index + 1], name, strength)[-1])
        for name in corruptions.CORRUPTIONS
        for strength in corruptions.STRENGTHS
    }


def sample_row(images: np.ndarray, index: int, name: str) -> np.ndarray:
    """The image `index` of the test images under a change in all strengths, side by side, uint8 (h, w, 4)."""
    side, gap = 6 * IMAGE_SIDE, 10
    row = np.zeros((side, 3 * side + 2 * gap, 4), np.uint8)  # clear between the images
    for place, strength in enumerate(corruptions.STRENGTHS):
        image = row[:, place * (side + gap) : place * (side + gap) + side]
        image[..., :3] = enlarged(corruptions.corrupt(images[: index + 1], name, strength)[-1], 6)[..., np.newaxis]
        image[..., 3] = 255
    return row


def change_chart(pictures: dict[tuple[str, int], str], result: Robustness) -> dict:
    """One row a change, one column a strength: a sample, the accuracy, and what it lost."""
    rows = []
    for measurement in result.changed:
        lost, strength = result.loss(measurement), measurement.strength
        rows.append(
            {
                "change": _name_with_amounts(measurement.change),
                "strength": STRENGTHS[strength - 1],
                "picture": pictures.get((measurement.change, strength)),
                "accuracy": percent(measurement.accuracy, 1),
                "lost": lost,
                "points": _points(lost),
                "meaning": measurement.meaning,
            }
        )
    text = {"type": "text", "align": "left", "dx": 1, "color": theme.ink()}
    return {
        "height": (TILE + 6) * len(result.changes),
        "datasets": {"changes": pa.Table.from_pylist(rows)},
        "data": {"name": "changes"},
        "encoding": {
            "x": category("strength", sort=STRENGTHS, axis={"labelAngle": 0, "orient": "top", **PLAIN}),
            "y": category(
                "change",
                sort=[_name_with_amounts(name) for name in result.changes],
                axis={"labelExpr": "split(datum.label, ': ')", "labelLineHeight": 14, "labelOffset": -7, **PLAIN},
            ),
            "tooltip": [
                category("change", "Change"),
                category("meaning", "What it does"),
                category("accuracy", "Accuracy"),
                category("points", "Against unchanged"),
            ],
        },
        "layer": [
            _loss_layer(corner_radius=4),
            {
                "transform": [{"filter": "datum.picture"}],  # a change that is no longer measured has no sample
                "mark": {"type": "image", "width": TILE, "height": TILE, "smooth": False, "xOffset": -25},
                "encoding": {"url": category("picture")},
            },
            {
                "mark": {**text, "dy": -7, "fontSize": 12, "fontWeight": 600},
                "encoding": {"text": category("accuracy")},
            },
            {"mark": {**text, "dy": 9, "fontSize": 11}, "encoding": {"text": category("points")}},
        ],
    }


def digit_chart(result: Robustness, strength: int | None, classes: Classes = DIGITS) -> dict:
    """How many points of accuracy each class loses under each change, of one strength or the mean of all."""
    names = [name.capitalize() for name in result.changes]
    rows = [
        {
            "change": names[change],
            "digit": classes[digit],
            "lost": max(0.0, float(lost)),
            "text": _points(lost, decimals=0),
            "words": f"{names[change]}: {classes[digit]} {_points(lost)} points",
        }
        for (change, digit), lost in np.ndenumerate(result.digit_losses(strength))
        if not np.isnan(lost)
    ]
    size = {"height": (TILE + 6) * len(names)}
    if is_wide(classes):  # it scrolls where the page is narrower
        size["width"] = len(classes) * min(max(WIDEST // len(classes), CELL[0]), CELL[1])
    angle = {"labelAngle": 0 if max(map(len, classes)) <= 2 else -60}
    return {
        **size,
        "datasets": {"losses": pa.Table.from_pylist(rows)},
        "data": {"name": "losses"},
        "encoding": {
            "x": category(
                "digit",
                sort=list(classes),
                axis={**angle, "orient": "top", "labelOverlap": False, **PLAIN},
            ),
            "y": category("change", sort=names, axis=PLAIN),
            "tooltip": [category("words", " ")],
        },
        "layer": [
            _loss_layer(corner_radius=3),
            {
                "mark": {"type": "text", "fontSize": 11 if len(classes) < 30 else 9, "color": theme.ink()},
                "encoding": {"text": category("text")},
            },
        ],
    }


def _name_with_amounts(name: str) -> str:
    """A change with its three amounts, where it is still measured: "Rotate: 15, 30, 45°"."""
    change = corruptions.CORRUPTIONS.get(name)
    return f"{name.capitalize()}: {change.amounts_in_words}" if change else name.capitalize()


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
