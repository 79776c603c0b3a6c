"""Synthetic digits in handwriting that MNIST hardly has: a 1 with a flag, a 7 with a bar, an open 4, a swung 9.

MNIST was written by people in the United States in the early 1990s. Each form here is a few points on the pen's path;
an image is one form with its points moved a little, slanted, turned and drawn with a pen of MNIST's widths.
These widths are rounded: with `mnist_form.PEN_WIDTHS` itself, runs would not be the same as with earlier versions.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from core.drawing.mnist_form import BOX_SIDE, IMAGE_SHAPE, IMAGE_SIDE, shift_to_centre

ZOOM = 5  # drawn so much larger, then averaged
PEN_WIDTHS = (1.7, 4.0)  # pixels
MOVED = 0.045  # standard deviation of a point's place, in a box of side 1

# Strokes in a box of side 1, x to the right and y down; a curve is smooth through its points, a line has corners.
CURVE, LINE = "curve", "line"
FORMS = {
    1: (
        [(LINE, [(0.05, 0.4), (0.6, 0), (0.55, 1)])],
        [(LINE, [(0, 0.55), (0.7, 0), (0.5, 1)])],
        [(CURVE, [(0.1, 0.4), (0.4, 0.22), (0.65, 0)]), (LINE, [(0.65, 0), (0.6, 1)])],
        [(LINE, [(0.15, 0.3), (0.5, 0), (0.5, 1)]), (LINE, [(0.15, 1), (0.85, 1)])],
    ),
    4: (
        [(LINE, [(0.4, 0), (0.05, 0.62), (0.9, 0.6)]), (LINE, [(0.65, 0.3), (0.6, 1)])],
        [
            (CURVE, [(0.45, 0), (0.2, 0.4), (0.15, 0.58), (0.4, 0.6), (0.85, 0.48)]),
            (LINE, [(0.7, 0.25), (0.55, 1)]),
        ],
        [
            (CURVE, [(0.35, 0), (0.25, 0.35), (0.25, 0.55), (0.6, 0.52), (0.9, 0.42)]),
            (LINE, [(0.75, 0.3), (0.7, 1)]),
        ],
    ),
    7: (
        [(LINE, [(0.1, 0.05), (0.85, 0.02), (0.4, 1)]), (LINE, [(0.2, 0.52), (0.8, 0.48)])],
        [
            (CURVE, [(0.08, 0.2), (0.15, 0.04), (0.45, 0.1), (0.85, 0)]),
            (LINE, [(0.85, 0), (0.35, 1)]),
            (LINE, [(0.2, 0.55), (0.85, 0.5)]),
        ],
        [
            (CURVE, [(0.1, 0.12), (0.3, 0), (0.6, 0.02), (0.72, 0.2), (0.6, 0.6), (0.4, 1)]),
            (LINE, [(0.15, 0.55), (0.9, 0.5)]),
        ],
        [(CURVE, [(0.1, 0.12), (0.3, 0), (0.7, 0), (0.82, 0.15), (0.7, 0.6), (0.45, 1)])],
    ),
    9: (
        [
            (CURVE, [(0.75, 0.12), (0.5, 0), (0.25, 0.2), (0.42, 0.42), (0.7, 0.3), (0.77, 0.1)]),
            (CURVE, [(0.77, 0.1), (0.78, 0.5), (0.65, 0.88), (0.35, 1), (0.05, 0.88)]),
        ],
        [
            (CURVE, [(0.72, 0.1), (0.45, 0), (0.25, 0.2), (0.45, 0.4), (0.7, 0.25), (0.72, 0.1)]),
            (CURVE, [(0.72, 0.1), (0.8, 0.5), (0.8, 0.8), (0.6, 0.98), (0.1, 1)]),
        ],
        [
            (CURVE, [(0.6, 0.1), (0.4, 0), (0.25, 0.15), (0.4, 0.32), (0.62, 0.2), (0.6, 0.35)]),
            (CURVE, [(0.6, 0.35), (0.8, 0.65), (0.75, 0.92), (0.4, 1), (0.05, 0.95)]),
        ],
        [
            (
                CURVE,
                [(0.75, 0.05), (0.4, 0.02), (0.3, 0.25), (0.55, 0.4), (0.8, 0.2), (0.75, 0.05), (0.75, 0.6), (0.7, 1)],
            )
        ],
    ),
}


def write_digits(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, 28, 28) of the digits in `FORMS` in turn, and their labels uint8 (count,)."""
    labels = np.resize(np.array(list(FORMS), np.uint8), count)
    images = np.zeros((count, *IMAGE_SHAPE), np.uint8)
    for image, label in zip(images, labels, strict=True):
        forms = FORMS[int(label)]
        image[:] = _write(random, forms[random.integers(len(forms))])
    return images, labels


def _write(random: np.random.Generator, form: list) -> np.ndarray:
    """One image, uint8 (28, 28), in MNIST's form: in a box of 20, its centre of mass in the middle."""
    angle, slant, aspect = random.uniform(-0.17, 0.17), random.uniform(-0.35, 0.1), random.uniform(0.55, 1.05)
    cos, sin = np.cos(angle), np.sin(angle)
    leaning = np.array([[cos, -sin], [sin, cos]]) @ [[aspect, slant], [0, 1]]
    strokes = []
    for kind, points in form:
        moved = np.array(points) + random.normal(0, MOVED, (len(points), 2))
        strokes.append((_curve(moved) if kind == CURVE else moved) @ leaning.T)
    everything = np.concatenate(strokes)
    pen = random.uniform(*PEN_WIDTHS)
    zoom = (BOX_SIDE - pen) / np.ptp(everything, axis=0).max()
    large = Image.new("L", (IMAGE_SIDE * ZOOM, IMAGE_SIDE * ZOOM))
    canvas = ImageDraw.Draw(large)
    for stroke in strokes:
        path = ((stroke - everything.min(axis=0)) * zoom + pen / 2) * ZOOM
        canvas.line(path.ravel().tolist(), fill=255, width=round(pen * ZOOM))
        for point in path.tolist():
            canvas.circle(point, pen * ZOOM / 2, fill=255)
    image = np.asarray(large.reduce(ZOOM))
    return np.roll(image, shift_to_centre(image), (0, 1))


def _curve(points: np.ndarray) -> np.ndarray:
    """A Catmull-Rom spline through points (n, 2), eight to each stretch."""
    before, behind = 2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1]
    a, b, c, d = (np.concatenate([before, points, behind])[i : len(points) - 1 + i, None] for i in range(4))
    t = np.linspace(0, 1, 8)[:, None]
    path = b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    return path.reshape(-1, 2)
