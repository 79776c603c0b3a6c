"""A run's accuracy on digits that people drew: the canvas resized as it is beside `normalise_drawing`.

    python -m benchmarks.drawn_digits --run RUN_FOLDER --strokes pen_digits.npz

The strokes are pen tablet recordings (UCI "Pen-Based Recognition of Handwritten Digits", CC BY 4.0) in an
.npz file of arrays `points` int16 (n, 2), x right and y up, `stroke_lengths` points of each stroke,
`strokes_per_digit` and `labels`. They are drawn as the dashboard's canvas draws them, with every brush at
every size in the middle, and with one brush in the corners. For measuring only: nothing is trained on them.
"""

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.drawing import normalise_drawing, plain_resize
from core.formatting import percent
from core.predictor import ModelError, Predictor
from core.terminal import command_line, exit_with

CANVAS_SIDE = 280
BRUSHES = (8, 14, 20, 28)
SIZES = (0.3, 0.6, 0.9)
PLACES = {
    "centre": (0.5, 0.5),
    "top left": (0.0, 0.0),
    "top right": (1.0, 0.0),
    "bottom left": (0.0, 1.0),
    "bottom right": (1.0, 1.0),
}
DEFAULT_BRUSH = 20
CORNER_SIZE = 0.6
OVERSAMPLING = 3
STROKE_ARRAYS = ("points", "stroke_lengths", "strokes_per_digit", "labels")


@dataclass(frozen=True)
class Condition:
    """How digits are drawn: brush in canvas pixels; the pen path's long side over the canvas's; where."""

    brush: int
    size: float
    place: str = "centre"


@dataclass(frozen=True)
class Score:
    """How many of each digit's drawings were read right under one condition: ten counts each."""

    condition: Condition
    drawn: list[int]
    right_resized: list[int]
    right_normalised: list[int]


class StrokesError(ValueError):
    """A file holds no pen strokes; the message says what it should hold."""


def load_strokes(path: str | os.PathLike[str]) -> tuple[list[list[np.ndarray]], np.ndarray]:
    """Return each digit's strokes, int16 (points, 2) with y down, and the labels uint8 (n,).

    Raises:
        StrokesError: where the file holds no pen strokes.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            points = file["points"] * np.array([1, -1], np.int16)
            strokes = np.split(points, np.cumsum(file["stroke_lengths"])[:-1])
            ends = np.cumsum(file["strokes_per_digit"])
            labels = file["labels"]
    except (ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise StrokesError(
            f"{path} holds no pen strokes. Wanted: an .npz file with {', '.join(STROKE_ARRAYS)}."
        ) from error
    starts = ends - np.diff(ends, prepend=0)
    return [strokes[start:end] for start, end in zip(starts, ends, strict=True)], labels


def render_strokes(strokes: Sequence[np.ndarray], condition: Condition) -> np.ndarray:
    """Draw strokes (points, 2), y down, as the canvas would: white on black, soft edges, uint8 (280, 280).

    The strokes are scaled, their aspect ratio kept, and put where the condition says, the whole brush on the
    canvas.
    """
    everything = np.concatenate(strokes).astype(np.float64)
    low, extent = everything.min(axis=0), np.ptp(everything, axis=0)
    zoom = condition.size * CANVAS_SIDE / max(extent.max(), 1.0)
    room = CANVAS_SIDE - condition.brush - extent * zoom
    offset = condition.brush / 2 + room * PLACES[condition.place]
    brush = condition.brush * OVERSAMPLING
    canvas = Image.new("L", (CANVAS_SIDE * OVERSAMPLING,) * 2)
    pen = ImageDraw.Draw(canvas)
    for stroke in strokes:
        path = ((stroke - low) * zoom + offset) * OVERSAMPLING - 0.5
        pen.line(path.ravel().tolist(), fill=255, width=brush)
        for x, y in path.tolist():
            pen.circle((x, y), (brush - 1) / 2, fill=255)
    return np.asarray(canvas.reduce(OVERSAMPLING))


def conditions(brushes: Sequence[int]) -> list[Condition]:
    """Return every brush at every size in the middle, then one brush in each corner."""
    corner_brush = DEFAULT_BRUSH if DEFAULT_BRUSH in brushes else brushes[0]
    middle = [Condition(brush, size) for brush in brushes for size in SIZES]
    return middle + [Condition(corner_brush, CORNER_SIZE, place) for place in PLACES if place != "centre"]


def both_readings(strokes: Sequence[np.ndarray], condition: Condition) -> np.ndarray:
    """Return one drawing resized as it is and brought to MNIST's form, uint8 (2, 28, 28)."""
    canvas = render_strokes(strokes, condition)
    normalised = normalise_drawing(canvas)
    return np.stack([plain_resize(canvas), np.zeros((28, 28), np.uint8) if normalised is None else normalised])


def measure(
    predictor: Predictor, digits: Sequence[Sequence[np.ndarray]], labels: np.ndarray, brushes: Sequence[int]
) -> Iterator[Score]:
    """Yield the score of each condition as soon as it is measured; drawing is spread over the processors."""
    drawn = np.bincount(labels, minlength=10)
    with ProcessPoolExecutor() as pool:
        for condition in conditions(brushes):
            images = np.stack(list(pool.map(partial(both_readings, condition=condition), digits, chunksize=100)))
            right = [
                np.bincount(labels[predictor.probabilities(kind).argmax(axis=1) == labels], minlength=10)
                for kind in (images[:, 0], images[:, 1])
            ]
            yield Score(condition, drawn.tolist(), right[0].tolist(), right[1].tolist())


def _percent(right: Sequence[int], drawn: Sequence[int]) -> str:
    return f"{100 * sum(right) / max(sum(drawn), 1):6.2f} %"


def _print_table(heading: str, rows: Sequence[tuple[str, Sequence[int], Sequence[int], Sequence[int]]]) -> None:
    print(f"\n{heading:<32} {'drawings':>9} {'resized':>9} {'ours':>9}")
    for name, drawn, resized, normalised in rows:
        print(f"{name:<32} {sum(drawn):9,} {_percent(resized, drawn):>9} {_percent(normalised, drawn):>9}")


def main(arguments: list[str] | None = None) -> None:
    """Measure one run and print accuracy for each condition and each digit."""
    parser = command_line("python -m benchmarks.drawn_digits", __doc__)
    parser.add_argument("--run", required=True, type=Path, help="folder of a finished run")
    parser.add_argument("--strokes", required=True, type=Path, help=".npz file of pen strokes")
    parser.add_argument("--limit", type=int, help="use only so many of the file's digits, evenly spread")
    parser.add_argument("--brush", type=int, nargs="+", default=BRUSHES, help="brush widths in canvas pixels")
    parser.add_argument("--json", type=Path, help="also write the counts to this file")
    options = parser.parse_args(arguments)

    if options.json and not options.json.parent.is_dir():
        parser.error(f"the folder of {options.json} does not exist")  # before minutes of measuring
    try:
        predictor = Predictor.load(options.run)
        digits, labels = load_strokes(options.strokes)
    except (ModelError, StrokesError) as error:
        parser.error(str(error))
    if options.limit and options.limit < len(digits):
        chosen = np.linspace(0, len(digits) - 1, options.limit).astype(int)
        digits, labels = [digits[index] for index in chosen], labels[chosen]
    scores = []
    for score in measure(predictor, digits, labels, options.brush):
        scores.append(score)
        print(".", end="", flush=True)
    _print_table(
        "condition",
        [
            (
                f"brush {s.condition.brush:2}, {percent(s.condition.size, 0)}, {s.condition.place}",
                s.drawn,
                s.right_resized,
                s.right_normalised,
            )
            for s in scores
        ],
    )
    by_digit = np.array([[s.drawn, s.right_resized, s.right_normalised] for s in scores]).sum(axis=0)
    _print_table("digit, over all conditions", [(str(d), *by_digit[:, d, None].tolist()) for d in range(10)])
    _print_table("all", [("", *by_digit.tolist())])
    if options.json:
        options.json.write_text(json.dumps([asdict(score) for score in scores], indent=1) + "\n")


if __name__ == "__main__":
    exit_with(main)
