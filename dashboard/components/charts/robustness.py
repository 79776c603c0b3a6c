"""Charts of what a run reads of changed digits: change by strength with samples, and digit by digit."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.robustness import corruptions
from core.robustness.measure import Robustness
from dashboard.components.widgets.gallery import enlarged

STRENGTHS = [corruptions.STRENGTH_NAMES[strength].capitalize() for strength in corruptions.STRENGTHS]
LOST = "#d9701e"
TILE = 42


def samples(images: np.ndarray, index: int) -> dict[tuple[str, int], np.ndarray]:
    """The image `index` of the test images under each change and strength, exactly as it is measured."""
    return {
        (name, strength): corruptions.changed(images[: index + 1], name, strength)[-1]
        for name in corruptions.CHANGES
        for strength in corruptions.STRENGTHS
    }


def change_chart(shown: dict[tuple[str, int], np.ndarray], result: Robustness | None) -> alt.LayerChart:
    """One row a change, one column a strength: a sample, and with `result` accuracy and what it lost."""
    pictures = tuple((*place, _url(image.tobytes())) for place, image in shown.items())
    return _change_chart(pictures, result, _ink())


@lru_cache(maxsize=16)
def _change_chart(pictures: tuple[tuple[str, int, str], ...], result: Robustness | None, ink: str) -> alt.LayerChart:
    url = {(name, strength): picture for name, strength, picture in pictures}
    changed = url if result is None else {(m.change, m.strength): m for m in result.changed}
    names = _names(name for name, _ in changed)
    rows = []
    for (name, strength), measurement in changed.items():
        row = {"change": name.capitalize(), "strength": STRENGTHS[strength - 1], "picture": url.get((name, strength))}
        if result is None:
            row["meaning"] = corruptions.CHANGES[name].describe(strength)
        else:
            lost = result.loss(measurement)
            row |= {"accuracy": f"{100 * measurement.accuracy:.1f} %", "lost": lost, "points": _points(lost)}
            row["meaning"] = measurement.meaning
        rows.append(row)
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("strength:N", sort=STRENGTHS, title=None, axis=alt.Axis(labelAngle=0, orient="top", **_PLAIN)),
        y=alt.Y("change:N", sort=names, title=None, axis=alt.Axis(**_PLAIN)),
        tooltip=[alt.Tooltip("change:N", title="Change"), alt.Tooltip("meaning:N", title="What it does")]
        + [alt.Tooltip("accuracy:N", title="Accuracy"), alt.Tooltip("points:N", title="Against unchanged")]
        * (result is not None),
    )
    if result is None:
        picture = base.mark_image(width=TILE, height=TILE, smooth=False).encode(url="picture:N")
        return alt.layer(picture).properties(height=(TILE + 6) * len(names))
    ground = base.mark_rect(cornerRadius=4, color=LOST).encode(opacity=_strength("lost:Q"))
    drawn = base.transform_filter("datum.picture")  # a change that is no longer in the set has no sample
    picture = drawn.mark_image(width=TILE, height=TILE, smooth=False, xOffset=-25).encode(url="picture:N")
    accuracy = base.mark_text(align="left", dx=1, dy=-7, fontSize=12, fontWeight=600, color=ink)
    lost = base.mark_text(align="left", dx=1, dy=9, fontSize=11, color=ink)
    return alt.layer(ground, picture, accuracy.encode(text="accuracy:N"), lost.encode(text="points:N")).properties(
        height=(TILE + 6) * len(names)
    )


def digit_chart(result: Robustness, strength: int | None) -> alt.LayerChart:
    """How many points of accuracy each digit loses under each change, of one strength or the mean of all."""
    return _digit_chart(result, strength, _ink())


@lru_cache(maxsize=16)
def _digit_chart(result: Robustness, strength: int | None, ink: str) -> alt.LayerChart:
    losses, names = result.digit_losses(strength), _names(result.changes)
    rows = [
        {
            "change": names[change],
            "digit": str(digit),
            "lost": max(0.0, float(lost)),
            "text": _points(lost, decimals=0),
            "words": f"{names[change]}: {digit} {_points(lost)} points",
        }
        for (change, digit), lost in np.ndenumerate(losses)
        if not np.isnan(lost)
    ]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("digit:N", title=None, axis=alt.Axis(labelAngle=0, orient="top", labelOverlap=False, **_PLAIN)),
        y=alt.Y("change:N", sort=names, title=None, axis=alt.Axis(**_PLAIN)),
        tooltip=[alt.Tooltip("words:N", title=" ")],
    )
    ground = base.mark_rect(cornerRadius=3, color=LOST).encode(opacity=_strength("lost:Q"))
    text = base.mark_text(fontSize=11, color=ink).encode(text="text:N")
    return alt.layer(ground, text).properties(height=(TILE + 6) * len(names))


def _names(changes: Iterable[str]) -> list[str]:
    """The rows of a chart, each once, in order."""
    return [name.capitalize() for name in dict.fromkeys(changes)]


_PLAIN = {"ticks": False, "domain": False, "labelPadding": 6}


def _strength(field: str) -> alt.Opacity:
    """How dark a loss is: the same in all runs, so that two runs can be compared by eye."""
    return alt.Opacity(field, scale=alt.Scale(domain=[0, 0.8], range=[0.06, 0.85], clamp=True), legend=None)


def _points(lost: float, *, decimals: int = 1) -> str:
    """A loss of accuracy in percentage points, as a change: −3.1, or +0.2 where it helped."""
    text = f"{-100 * lost:+.{decimals}f}".replace("-", "−")
    return text if float(text.replace("−", "-")) else f"{0:.{decimals}f}"


@lru_cache(maxsize=256)
def _url(pixels: bytes) -> str:
    """A digit as a PNG of three times its size: browsers smooth pictures in charts, and squares survive that."""
    file = io.BytesIO()
    Image.fromarray(enlarged(np.frombuffer(pixels, np.uint8).reshape(28, 28), 3)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _ink() -> str:
    """The colour of words in a chart: those of marks do not follow the page's theme."""
    return "#e8eaf3" if st.context.theme.type == "dark" else "#181c2a"
