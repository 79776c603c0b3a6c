"""Figures as PNG or SVG: a run's history, predictions, confusion matrix, and one image.

Made with `matplotlib.figure.Figure`, never pyplot, whose global state is not for servers.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from core.data.classes import DIGITS
from core.formatting import certainty, percent

# Blue and vermillion stay apart in every common form of colour blindness (Okabe and Ito, jfly.uni-koeln.de/color).
RIGHT, WRONG = "#0072B2", "#C84E00"
INK, MUTED, GRID = "#1F2933", "#66717E", "#E3E7EC"
FONT = "DejaVu Sans"  # comes with matplotlib, so a figure looks the same everywhere and has ✓ and ✗
TILE = (1.12, 1.5)  # inches that an image takes with its two lines of text
MOST_LETTERS = 11  # of a name below an image
MOST_MARKERS = 30  # epochs up to which each has a marker

_DRAWING = threading.Lock()  # matplotlib is not thread-safe, and every browser session has its own thread


def history_figure(epochs: Sequence[Mapping], title: str) -> Figure:
    """Loss and accuracy by epoch, training and validation, side by side.

    Args:
        epochs: epoch events in order, each with `epoch`, `loss`, `accuracy`, `val_loss` and `val_accuracy`;
            accuracies are fractions. May be empty.
        title: shown unchanged above both panels.
    """
    figure = Figure(figsize=(10, 4.3), facecolor="white")
    figure.subplots_adjust(left=0.065, right=0.985, top=0.79, bottom=0.13, wspace=0.17)
    size = 14 if len(title) <= 45 else 11
    figure.text(0.065, 0.92, title, color=INK, size=size, weight="bold", family=FONT, parse_math=False)
    loss, accuracy = figure.subplots(1, 2)
    _history_panel(loss, epochs, "loss", "{:.4f}".format)
    _history_panel(accuracy, epochs, "accuracy", percent)
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
    accuracy.set_ylim(max(0, low), min(1.002, high))  # accuracy ends at 100 %
    accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=" %"))
    for axes in (loss, accuracy):
        for tick in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            tick.set_family(FONT)
    return figure


def predictions_figure(
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    rows: int,
    columns: int,
    names: Sequence[str] = DIGITS,
) -> Figure:
    """A grid of images, each with its label above and prediction and confidence below.

    A right prediction is blue with ✓, a mistake orange with ✗ and a heavier frame.

    Args:
        images: uint8 (n, 28, 28), 0 is background. The first `rows` × `columns` are shown.
        labels: (n,), 0 to 9, or the numbers of other classes.
        probabilities: float (n, classes).
        rows: images from top to bottom; rows without an image are not drawn.
        columns: images from left to right.
        names: of the classes.
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
        label, prediction = (names[int(numbers[place])] for numbers in (labels, predictions))
        _digit(axes, images[place], label, prediction, float(confidences[place]))
    return figure


def confusion_figure(matrix: np.ndarray, title: str, *, shares: bool = False, names: Sequence[str] = DIGITS) -> Figure:
    """The confusion matrix: mistakes in orange on a log scale, right predictions in pale blue.

    Args:
        matrix: counts (classes, classes), rows are labels, columns predictions.
        title: shown as it is.
        shares: write the share of the label, in percent, instead of counts.
        names: of the classes.
    """
    classes = len(matrix)
    side = 7 if classes <= len(DIGITS) else 7 + 0.3 * (classes - len(DIGITS))
    figure = Figure(figsize=(side, side), facecolor="white")
    figure.text(0.1, 0.955, title, color=INK, size=12, weight="bold", family=FONT, parse_math=False)
    left = 0.1 if max(map(len, names)) <= 2 else 0.22  # room for their names
    axes = figure.add_axes((left, 0.03, 0.96 - left, 0.96 - left))
    mistakes = matrix - np.diag(np.diag(matrix))
    most = np.log1p(max(2, mistakes.max()))
    ground = np.ones((classes, classes, 3))
    for wrong, tint, strength in (
        (True, WRONG, 0.08 + 0.77 * np.log1p(mistakes) / most),
        (False, RIGHT, np.full((classes, classes), 0.2)),
    ):
        coloured = (mistakes > 0) if wrong else np.eye(classes, dtype=bool)
        cover = (strength * coloured)[..., np.newaxis]
        ground = (1 - cover) * ground + cover * np.array(to_rgb(tint))
    axes.imshow(ground, interpolation="nearest")
    portions = 100 * matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    for label, prediction in zip(*np.nonzero(matrix), strict=True):
        said = f"{portions[label, prediction]:.1f}" if shares else f"{matrix[label, prediction]}"
        dark = ground[label, prediction] @ (0.299, 0.587, 0.114) < 0.5
        style = {"color": "white" if dark else INK, "size": 9, "family": FONT}
        axes.text(prediction, label, said, ha="center", va="center", **style)
    axes.set_xlabel("Read as" + (" (% of the label)" if shares else ""), color=MUTED, size=9.5, family=FONT)
    axes.set_ylabel("Label", color=MUTED, size=9.5, family=FONT)
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    long = any(len(name) > 2 for name in names)
    axes.set_xticks(range(classes), names, rotation=90 if long else 0)
    axes.set_yticks(range(classes), names)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=GRID, linewidth=0.8)
    axes.tick_params(which="both", length=0, colors=INK, labelsize=10, labelfontfamily=FONT)
    axes.spines[:].set_visible(False)
    return figure


def image_figure(
    image: np.ndarray,
    title: str,
    *,
    label: int,
    probabilities: np.ndarray,
    explained: tuple[int, np.ndarray] | None = None,
    past: tuple[Sequence[int], np.ndarray] | None = None,
    names: Sequence[str] = DIGITS,
) -> Figure:
    """One image: the picture, its occlusion map, the probabilities, and their course over the epochs.

    Args:
        image: uint8 (28, 28).
        title: shown as it is.
        label: the digit, or number of the class, in the dataset.
        probabilities: (classes,).
        explained: the digit and the overlay, uint8 (28, 28, 3), of an occlusion map.
        past: epochs, and their probabilities (epochs, classes); shown where there are two or more.
        names: of the classes.
    """
    prediction = int(np.argmax(probabilities))
    past = past if past is not None and len(past[0]) > 1 else None
    panels = 2 + (explained is not None) + (past is not None)
    figure = Figure(figsize=(0.3 + 2.7 * panels, 3.2), facecolor="white")
    width = figure.get_size_inches()[0]
    figure.text(0.25 / width, 0.91, title, color=INK, size=11.5, weight="bold", family=FONT, parse_math=False)
    places = iter(range(panels))

    def panel() -> Axes:
        return figure.add_axes(((0.25 + 2.7 * next(places)) / width, 0.16, 2.3 / width, 2.3 / 3.2 * 0.88))

    _digit(panel(), image, names[label], names[prediction], float(probabilities[prediction]))
    if explained is not None:
        digit, picture = explained
        axes = panel()
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(f"which ink decided for {names[digit]}", color=MUTED, size=8, family=FONT, pad=4)
        axes.set_xlabel("orange: for it · blue: against it", color=MUTED, size=8, family=FONT, labelpad=4)
        axes.set_xticks([])
        axes.set_yticks([])
    _probability_bars(panel(), probabilities, label, prediction, names)
    if past is not None:
        _past_lines(panel(), *past, label, prediction, names)
    return figure


def figure_bytes(figure: Figure, format: Literal["png", "svg"] = "png") -> bytes:
    """The figure as a file: PNG at 160 dots an inch, or SVG with its text as outlines."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if format == "svg" else None  # the same figure gives the same file
    with _DRAWING:
        figure.savefig(buffer, format=format, dpi=160, metadata=metadata)
    return buffer.getvalue()


def _history_panel(axes: Axes, epochs: Sequence[Mapping], measure: str, written: Callable[[float], str]) -> None:
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
    said = f"validation {written(epochs[-1][f'val_{measure}'])} after epoch {x[-1]}" if x else "no epoch yet"
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


def _probability_bars(axes: Axes, probabilities: np.ndarray, label: int, prediction: int, names: Sequence[str]) -> None:
    """Bars of all classes, or of the most probable ones and the label where there are many."""
    shown = np.sort(np.argsort(-probabilities, kind="stable")[: len(DIGITS)])
    shown = shown if label in shown else np.sort([*shown, label])
    colours = [RIGHT if d == label else WRONG if d == prediction else MUTED for d in shown]
    axes.barh(range(len(shown)), probabilities[shown], color=colours, height=0.7)
    for place, (digit, p) in enumerate(zip(shown.tolist(), probabilities[shown], strict=True)):
        said = [name for name, is_so in (("label", digit == label), ("read", digit == prediction)) if is_so]
        axes.text(p + 0.02, place, " · ".join([certainty(p), *said]), va="center", color=INK, size=7.5, family=FONT)
    axes.set_title("probabilities", color=MUTED, size=8, family=FONT, pad=4)
    axes.set_xlim(0, 1.6)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [names[number] for number in shown])
    axes.set_xticks([])
    axes.tick_params(length=0, colors=INK, labelsize=8, labelfontfamily=FONT)
    axes.spines[:].set_visible(False)


def _past_lines(
    axes: Axes, epochs: Sequence[int], probabilities: np.ndarray, label: int, prediction: int, names: Sequence[str]
) -> None:
    axes.plot(epochs, probabilities[:, label], color=RIGHT, marker="o", markersize=4, label=f"{names[label]} (label)")
    if prediction != label:
        line = probabilities[:, prediction]
        axes.plot(epochs, line, "--", color=WRONG, marker="o", markersize=4, label=f"{names[prediction]} (read)")
    axes.set_title("over the epochs", color=MUTED, size=8, family=FONT, pad=4)
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=" %"))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(length=0, colors=MUTED, labelsize=8, labelfontfamily=FONT)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(frameon=False, labelcolor=INK, prop={"family": FONT, "size": 8})


def _predictions_heading(figure: Figure, right: int, wrong: int) -> None:
    """Draw the numbers of right and wrong images, which are also the colour key, and explain the texts."""
    width, height = figure.get_size_inches()
    line = {"y": 1 - 0.34 / height, "family": FONT, "va": "baseline"}
    figure.text(0.23 / width, s=f"✓ {right} right", color=RIGHT, size=11, weight="bold", **line)
    figure.text(1.32 / width, s=f"✗ {wrong} wrong", color=WRONG, size=11, weight="bold", **line)
    if width > 5.5:
        words = "above: label · below: prediction, confidence"
        figure.text(1 - 0.23 / width, s=words, color=MUTED, size=8.5, ha="right", **line)


def _digit(axes: Axes, image: np.ndarray, label: str, prediction: str, confidence: float) -> None:
    right = prediction == label
    sign, colour, frame = ("✓", RIGHT, 1.2) if right else ("✗", WRONG, 3)
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=frame)
    axes.set_title(f"label {_short(label)}", color=MUTED, size=8, family=FONT, pad=4)
    said = f"{sign} {_short(prediction)}  {certainty(confidence)}"
    axes.set_xlabel(said, color=colour, size=9 if len(prediction) <= 2 else 6, weight="bold", family=FONT, labelpad=4)


def _short(name: str) -> str:
    """A name that fits below an image."""
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
