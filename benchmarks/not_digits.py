"""Out-of-distribution detection of a run: scribbles, shapes, noise, several digits and letters beside real digits.

    python -m benchmarks.not_digits --run RUN_FOLDER --strokes pen_digits.npz

Everything is drawn with the canvas' round brush in several widths and sizes, from a fixed seed, and read as on the
page. `core.inference.ood` is fitted on other drawings, without letters. The pen strokes are those of
`benchmarks.drawn_digits`, for measuring only. Circles, and letters that look like a digit, are left out.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.drawn_digits import (
    BRUSHES,
    CANVAS_SIDE,
    PLACES,
    SIZES,
    Condition,
    StrokesError,
    conditions,
    load_strokes,
    render_strokes,
)
from core.data import DatasetError, load_dataset
from core.drawing import normalise_drawing
from core.formatting import percent
from core.inference import ood
from core.predictor import ModelError, Predictor
from core.runs import Run
from core.terminal import command_line, exit_with

SEED = 20_261_124
LETTERS = "ACDEFHJKLMNPQRTUVWXY" + "acdefhjkmnprtuvwx"  # without letters that look like a digit: O, I, S, Z, B, G
Strokes = list[np.ndarray]


def scribble(rng: np.random.Generator) -> Strokes:
    """One pen path of 3 to 9 times the canvas' side: a random walk whose direction drifts and never comes to rest."""
    steps = rng.integers(120, 360)
    turn = np.cumsum(rng.normal(0, 0.16, steps)) * rng.uniform(0.4, 1.2) + rng.normal(0, 0.12)
    heading = np.cumsum(0.35 * np.sin(turn)) + rng.uniform(0, 2 * np.pi)
    pull, place, path = rng.uniform(0.02, 0.05), np.zeros(2), []
    for angle in heading:
        place = place * (1 - pull) + np.array([np.cos(angle), np.sin(angle)])
        path.append(place)
    return [np.array(path)]


def scratches(rng: np.random.Generator) -> Strokes:
    """Crossed out: a line to and fro 4 to 9 times, uneven and askew."""
    turns = rng.integers(8, 18)
    along = np.linspace(0, 1, turns) + rng.normal(0, 0.02, turns)
    across = np.where(np.arange(turns) % 2, 1.0, 0.0) + rng.normal(0, 0.12, turns)
    path = np.column_stack([along * rng.uniform(0.5, 1.5), across])
    return [path @ _turned(rng.uniform(0, np.pi))]


def spiral(rng: np.random.Generator) -> Strokes:
    """Two and a half to five turns outwards."""
    angle = np.linspace(0, 2 * np.pi * rng.uniform(2.5, 5), 200)
    return [angle[:, None] * np.column_stack([np.cos(angle), np.sin(angle) * rng.uniform(0.6, 1)])]


def _turned(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _corners(rng: np.random.Generator, count: int) -> np.ndarray:
    """A regular polygon, a square upright, all a little uneven; closed: (count + 1, 2)."""
    angle = 2 * np.pi * np.arange(count) / count + (np.pi / 4 if count == 4 else np.pi / 2) + rng.normal(0, 0.1)
    corners = np.column_stack([np.cos(angle), -np.sin(angle)]) + rng.normal(0, 0.04, (count, 2))
    return np.vstack([corners, corners[:1]])


def _filled(outline: np.ndarray, lines: int = 40) -> Strokes:
    """To and fro inside a convex outline, closer than the thinnest brush, and its outline."""
    path = []
    for number, y in enumerate(np.linspace(outline[:, 1].min(), outline[:, 1].max(), lines)[1:-1]):
        start, end = outline[:-1], outline[1:]
        crosses = (start[:, 1] <= y) != (end[:, 1] <= y)
        share = (y - start[crosses, 1]) / (end[crosses, 1] - start[crosses, 1])
        x = np.sort(start[crosses, 0] + share * (end[crosses, 0] - start[crosses, 0]))[[0, -1]]
        path += [(x[number % 2], y), (x[1 - number % 2], y)]
    return [outline, np.array(path)]


def cross(rng: np.random.Generator) -> Strokes:
    """Upright or diagonal."""
    turn = _turned(rng.choice([0, np.pi / 4]) + rng.normal(0, 0.1))
    return [np.array([[-1, 0], [1, 0]]) @ turn, np.array([[0, -1], [0, rng.uniform(0.8, 1.2)]]) @ turn]


def arrow(rng: np.random.Generator) -> Strokes:
    """A shaft and two barbs, in any direction."""
    turn, barb = _turned(rng.uniform(0, 2 * np.pi)), rng.uniform(0.3, 0.5)
    return [np.array([[-1, 0], [1, 0]]) @ turn, np.array([[1 - barb, -barb], [1, 0], [1 - barb, barb]]) @ turn]


def zigzag(rng: np.random.Generator) -> Strokes:
    """Three to six teeth from left to right."""
    count = 2 * rng.integers(3, 7) + 1
    return [np.column_stack([np.linspace(0, rng.uniform(1.5, 3), count), np.arange(count) % 2])]


def wave(rng: np.random.Generator) -> Strokes:
    """Two to four swings from left to right."""
    x = np.linspace(0, 2 * np.pi * rng.uniform(2, 4), 120)
    return [np.column_stack([x, rng.uniform(1.5, 3) * np.sin(x)])]


def dots(rng: np.random.Generator) -> Strokes:
    """Six to fourteen single dots."""
    return [np.array([dot, dot + 1e-3]) for dot in rng.random((rng.integers(6, 15), 2))]


def star(rng: np.random.Generator) -> Strokes:
    """Five points in one line."""
    return [_corners(rng, 5)[[0, 2, 4, 1, 3, 0]]]


SCRIBBLES = {"walk": scribble, "scratches": scratches, "spiral": spiral}
SHAPES: dict[str, Callable[[np.random.Generator], Strokes]] = {
    "square": lambda rng: [_corners(rng, 4)],
    "triangle": lambda rng: [_corners(rng, 3)],
    "filled square": lambda rng: _filled(_corners(rng, 4)),
    "filled triangle": lambda rng: _filled(_corners(rng, 3)),
    "filled circle": lambda rng: _filled(_corners(rng, 24)),
    "cross": cross,
    "arrow": arrow,
    "zigzag": zigzag,
    "wave": wave,
    "dots": dots,
    "star": star,
}


def draw(rng: np.random.Generator, strokes: Strokes) -> np.ndarray:
    """The strokes with any brush in any size anywhere on the canvas, uint8 (280, 280)."""
    place = str(rng.choice(list(PLACES)))
    return render_strokes(strokes, Condition(int(rng.choice(BRUSHES)), float(rng.choice(SIZES)), place))


def noise(rng: np.random.Generator) -> np.ndarray:
    """Grey, black-and-white or sparse noise in grains of 1 to 28 pixels, on the canvas or on a part of it."""
    grain, side = int(rng.choice([1, 4, 10, 28])), int(rng.choice([112, 196, 280]))
    values = rng.random((side // grain, side // grain))
    kind = rng.integers(3)
    values = values if kind == 0 else values < (0.5 if kind == 1 else 0.15)
    canvas, start = np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8), rng.integers(0, CANVAS_SIDE - side + 1, 2)
    part = np.kron(values, np.ones((grain, grain)))
    canvas[start[0] : start[0] + len(part), start[1] : start[1] + len(part)] = 255 * part
    return canvas


def several(rng: np.random.Generator, digits: Sequence[Strokes]) -> np.ndarray:
    """Two digits side by side, one time in four three, with a gap of 10 to 50 % of their height."""
    strokes, right = [], 0.0
    for index in rng.choice(len(digits), 3 if rng.random() < 0.25 else 2, replace=False):
        points = np.concatenate(digits[index]).astype(float)
        low, height = points.min(axis=0), max(np.ptp(points[:, 1]), 1)
        zoom = rng.uniform(0.85, 1.15) / height
        offset = np.array([right, rng.uniform(-0.1, 0.1)])
        strokes += [(stroke - low) * zoom + offset for stroke in digits[index]]
        right += np.ptp(points[:, 0]) * zoom + rng.uniform(0.1, 0.5)
    return render_strokes(strokes, Condition(int(rng.choice(BRUSHES[:3])), float(rng.choice(SIZES[1:]))))


def letter(rng: np.random.Generator, sign: str) -> np.ndarray:
    """A letter of Pillow's own font, as thick as a brush would make it, uint8 (280, 280)."""
    size, extra = int(rng.integers(90, 230)), int(rng.integers(0, 7))
    image = Image.new("L", (CANVAS_SIDE, CANVAS_SIDE))
    centre = tuple(CANVAS_SIDE / 2 + rng.uniform(-15, 15, 2))
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).text(centre, sign, fill=255, font=font, anchor="mm", stroke_width=extra)
    return np.asarray(image)


def drawings(digits: Sequence[Strokes], count: int, seed: int = SEED) -> dict[str, list[np.ndarray]]:
    """`count` canvases, uint8 (280, 280), of each of the five kinds, spread over its makers ("kind: maker")."""
    rng = np.random.default_rng(seed)
    kinds: dict[str, list[np.ndarray]] = {}
    for kind, makers in (("scribbles", SCRIBBLES), ("shapes", SHAPES)):
        for number, (name, make) in enumerate(makers.items()):
            share = len(range(number, count, len(makers)))
            kinds[f"{kind}: {name}"] = [draw(rng, make(rng)) for _ in range(share)]
    kinds["noise: noise"] = [noise(rng) for _ in range(count)]
    kinds["several digits: several digits"] = [several(rng, digits) for _ in range(count)]
    kinds["letters: letters"] = [letter(rng, LETTERS[number % len(LETTERS)]) for number in range(count)]
    return kinds


def readings(canvases: Sequence[np.ndarray]) -> np.ndarray:
    """The canvases in MNIST's form, uint8 (n, 28, 28); those without ink are left out."""
    images = [normalise_drawing(canvas) for canvas in canvases]
    return np.stack([np.zeros((28, 28), np.uint8) if image is None else image for image in images])


def _row(name: str, reasons: Sequence[str]) -> str:
    words = (ood.SEVERAL, ood.FILLED, ood.UNKNOWN, ood.BLANK)
    counts = [sum(reason == word for reason in reasons) for word in words]
    shares = "".join(f"{100 * count / len(reasons):9.1f} %" for count in (sum(counts), *counts))
    return f"{name:<32}{len(reasons):9,}{shares}"


def main(arguments: list[str] | None = None) -> None:
    """Read digits and other drawings, and print how many of each are refused and why."""
    parser = command_line("python -m benchmarks.not_digits", __doc__)
    parser.add_argument("--run", required=True, type=Path, help="folder of a finished run")
    parser.add_argument("--strokes", required=True, type=Path, help=".npz file of pen strokes")
    parser.add_argument("--count", type=int, default=330, help="drawings of each kind")
    parser.add_argument("--limit", type=int, default=500, help="real digits, evenly spread over the file")
    parser.add_argument("--data", help="dataset to fit a detector on where the run has none")
    options = parser.parse_args(arguments)

    try:
        predictor, run = Predictor.load(options.run), Run(options.run)
        digits, _ = load_strokes(options.strokes)
        detector = ood.load(run.path)
        if detector is None:
            began = time.perf_counter()
            detector = ood.fit_for_run(run, predictor, load_dataset(options.data, allow_download=False))
            print(f"The run has no out-of-distribution detector: fitted here in {time.perf_counter() - began:.1f} s.")
    except (ModelError, StrokesError, DatasetError) as error:
        parser.error(str(error))
    digits = [digits[index] for index in np.linspace(0, len(digits) - 1, min(options.limit, len(digits))).astype(int)]

    heads = "".join(f"{head:>11}" for head in ("refused", "several", "filled", "no digit", "blank"))
    print(f"\n{'kind':<32}{'drawings':>9}{heads}")
    kinds: dict[str, list[str]] = {}
    for name, canvases in drawings(digits, options.count).items():
        kind, _, maker = name.partition(": ")
        images = readings(canvases)
        reasons = detector.reasons(images, predictor.outputs(images))
        kinds[kind] = kinds.get(kind, []) + reasons
        if maker != kind:
            print(_row(f"    {maker}", reasons))
    for kind, reasons in kinds.items():
        print(_row(kind, reasons))
    print(_row("all but letters", [r for kind in kinds if kind != "letters" for r in kinds[kind]]))

    print(f"\n{'real digits':<32}{'drawings':>9}{heads}")
    everything: list[str] = []
    for c in conditions(BRUSHES):
        images = readings([render_strokes(strokes, c) for strokes in digits])
        reasons = detector.reasons(images, predictor.outputs(images))
        everything += reasons
        print(_row(f"brush {c.brush:2}, {percent(c.size, 0)}, {c.place}", reasons))
    print(_row("all", everything))


if __name__ == "__main__":
    exit_with(main)
