"""Figures to keep: the history of a run and samples of its predictions, as PNG or SVG.

Made with `matplotlib.figure.Figure`, never pyplot, whose global state is not for servers.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Blue and vermillion stay apart in every common form of colour blindness (Okabe and Ito, jfly.uni-koeln.de/color).
RIGHT, WRONG = "#0072B2", "#C84E00"
INK, MUTED, GRID = "#1F2933", "#66717E", "#E3E7EC"
FONT = "DejaVu Sans"  # comes with matplotlib, so a figure looks the same everywhere and has ✓ and ✗
TILE = (1.12, 1.5)  # inches that an image takes with its two lines of text
MOST_MARKERS = 30  # epochs up to which each has a marker

_DRAWING = threading.Lock()  # matplotlib is not thread-safe, and every browser session has its own thread


def history_figure(epochs: Sequence[Mapping], title: str) -> Figure:
    """Loss and accuracy by epoch, training and validation, side by side.

    Args:
        epochs: epoch events in order, each with `epoch`, `loss`, `accuracy`, `val_loss` and `val_accuracy`;
            accuracies are fractions. May be empty.
        title: shown as it is, above both panels.
    """
    figure = Figure(figsize=(10, 4.3), facecolor="white")
    figure.subplots_adjust(left=0.065, right=0.985, top=0.79, bottom=0.13, wspace=0.17)
    size = 14 if len(title) <= 45 else 11
    figure.text(0.065, 0.92, title, color=INK, size=size, weight="bold", family=FONT, parse_math=False)
    loss, accuracy = figure.subplots(1, 2)
    _history_panel(loss, epochs, "loss", "{:.4f}")
    _history_panel(accuracy, epochs, "accuracy", "{:.2%}")
    figure.legend(
        *loss.get_legend_handles_labels(),
        loc="upper right",
        bbox_to_anchor=(0.992, 0.985),
        ncols=2,
        frameon=False,
        labelcolor=INK,
        prop={"family": FONT, "size": 9.5},
    )
    loss.set_ylim(0, None if epochs else 1)
    low, high = accuracy.get_ylim() if epochs else (0, 1)
    accuracy.set_ylim(max(0, low), min(1.002, high))  # there is no accuracy above 100 %
    accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    for axes in (loss, accuracy):
        for tick in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            tick.set_family(FONT)
    return figure


def predictions_figure(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, rows: int, columns: int
) -> Figure:
    """A grid of images, each with its label above and prediction and confidence below.

    A right prediction is blue with ✓, a mistake orange with ✗ and a heavier frame.

    Args:
        images: uint8 (n, 28, 28), 0 is background. The first `rows` × `columns` are shown.
        labels: (n,), 0 to 9.
        probabilities: float (n, 10).
        rows: images from top to bottom; those that no image is left for are not drawn.
        columns: images from left to right.
    """
    count = min(len(images), rows * columns)
    rows = max(1, -(-count // columns))
    width, height = columns * TILE[0] + 0.3, rows * TILE[1] + 0.62
    figure = Figure(figsize=(width, height), facecolor="white")
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    mistakes = int((predictions[:count] != labels[:count]).sum())
    _predictions_heading(figure, count - mistakes, mistakes)
    for place in range(count):
        row, column = divmod(place, columns)
        left = 0.15 + column * TILE[0] + 0.08
        bottom = height - 0.55 - (row + 1) * TILE[1] + 0.3
        side = TILE[0] - 0.16
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        _digit(axes, images[place], int(labels[place]), int(predictions[place]), float(confidences[place]))
    return figure


def figure_bytes(figure: Figure, format: Literal["png", "svg"] = "png") -> bytes:
    """The figure as a file: PNG at 160 dots an inch, or SVG with its text as outlines."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if format == "svg" else None  # the same figure gives the same file
    with _DRAWING:
        figure.savefig(buffer, format=format, dpi=160, metadata=metadata)
    return buffer.getvalue()


def _history_panel(axes: Axes, epochs: Sequence[Mapping], measure: str, numbers: str) -> None:
    x = [epoch["epoch"] for epoch in epochs]
    marked = "o" if len(x) <= MOST_MARKERS else ""
    line = "" if len(x) == 1 else "-"
    for key, name, colour, width in (
        (measure, "Training", MUTED, 1.6),
        (f"val_{measure}", "Validation", RIGHT, 2.2),
    ):
        y = [epoch[key] for epoch in epochs]
        style = {"color": colour, "linewidth": width, "linestyle": line, "marker": marked, "markersize": 5}
        shape = {"markerfacecolor": "white", "markeredgewidth": 1.4} if name == "Training" else {}
        axes.plot(x, y, label=name, clip_on=False, zorder=3, **style, **shape)
    said = f"validation {numbers.format(epochs[-1][f'val_{measure}'])} after epoch {x[-1]}" if x else "no epoch yet"
    axes.set_title(measure.capitalize(), loc="left", color=INK, size=11.5, weight="bold", family=FONT, pad=9)
    axes.set_title(said, loc="right", color=MUTED, size=9.5, family=FONT, pad=9)
    axes.set_xlabel("Epoch", color=MUTED, size=9.5, family=FONT)
    last = x[-1] if x else 1
    axes.set_xticks([at for at in MaxNLocator(10, integer=True).tick_values(1, last) if 1 <= at <= last])
    if last == 1:
        axes.set_xlim(0, 2)
        axes.set_xticks([1])
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(length=0, colors=MUTED, labelsize=9.5, pad=6)


def _predictions_heading(figure: Figure, right: int, wrong: int) -> None:
    """How many are right and wrong, which is also the key to the colours, and what the texts mean."""
    width, height = figure.get_size_inches()
    line = {"y": 1 - 0.34 / height, "family": FONT, "va": "baseline"}
    figure.text(0.23 / width, s=f"✓ {right} right", color=RIGHT, size=11, weight="bold", **line)
    figure.text(1.32 / width, s=f"✗ {wrong} wrong", color=WRONG, size=11, weight="bold", **line)
    if width > 5.5:
        words = "above: label · below: prediction, confidence"
        figure.text(1 - 0.23 / width, s=words, color=MUTED, size=8.5, ha="right", **line)


def _digit(axes: Axes, image: np.ndarray, label: int, prediction: int, confidence: float) -> None:
    right = prediction == label
    sign, colour, frame = ("✓", RIGHT, 1.2) if right else ("✗", WRONG, 3)
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=frame)
    axes.set_title(f"label {label}", color=MUTED, size=8, family=FONT, pad=4)
    said = f"{sign} {prediction}  {_percent(confidence)}"
    axes.set_xlabel(said, color=colour, size=9, weight="bold", family=FONT, labelpad=4)


def _percent(confidence: float) -> str:
    """A whole percentage; never "100%" for what is less than certain."""
    if 0.99 <= confidence < 1:
        return f"{min(confidence, 0.999):.1%}"
    return f"{confidence:.0%}"
