"""Synthetic drawings to fit the OOD detector on: some are no digits, others are digits as other people write them.

Scribbles of few random waves, random polygons and lines, filled shapes, dots, grains, several digits side by side and
digits laid over each other: families with much chance in them rather than a list of shapes, so that what is fitted on
them also knows others. No letters. All are brought to MNIST's form as `core.drawing` brings a canvas there, in a
fiftieth of its time, because the pen is drawn with a width that needs no correction.
"""

from collections.abc import Callable, Sequence

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE, centre, crop, fit_box, full_strength

SIDE = 80  # of a canvas: four pixels to one of MNIST's box of 20
ZOOM = 3  # of a digit while it is changed
INKED = 30  # grey levels: a fainter edge is cut off
_SHARPER = np.clip(6 * (np.arange(256) - 110) + 128, 0, 255).astype(np.uint8)


def other_hands(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Return the digits turned, slanted, stretched, thinner and thicker, sharp as a brush, uint8 (n, 28, 28)."""
    return np.stack([_other_hand(rng, image) for image in images])


def not_digits(rng: np.random.Generator, images: np.ndarray, count: int) -> np.ndarray:
    """Return `count` drawings of all kinds in turn, uint8 (count, 28, 28).

    `images` uint8 (n, 28, 28), one or more, are the digits that several are made of.
    """
    return np.stack([boxed(_KINDS[number % len(_KINDS)](rng, images)) for number in range(count)])


def boxed(picture: np.ndarray) -> np.ndarray:
    """Return the ink of uint8 (h, w) with its long side 20 and its mass in the middle, uint8 (28, 28)."""
    if not (picture > INKED).any():
        return np.zeros(IMAGE_SHAPE, np.uint8)
    return full_strength(centre(fit_box(crop(picture, INKED), whole_pixels=True)))


def _other_hand(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    angle, slant, (across, down) = rng.normal(0, 0.13), rng.normal(0, 0.14), np.exp(rng.normal(0.1, 0.12, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return boxed(_sharp(image, grow=round(rng.triangular(-2, 0, 7)), inverse=turn @ [[across, slant], [0, down]]))


def _sharp(image: np.ndarray, grow: int, inverse: np.ndarray | None = None) -> np.ndarray:
    """Enlarge uint8 (h, w) `ZOOM` times under an affine map about its middle, edges sharp, `grow` pixels thicker."""
    from PIL import Image
    from scipy import ndimage

    matrix = (np.eye(2) if inverse is None else inverse) / ZOOM
    middle = np.array(image.shape[::-1]) / 2
    offset = middle - matrix @ (middle * ZOOM)
    size = tuple(ZOOM * side for side in image.shape[::-1])
    values = (*matrix[0], offset[0], *matrix[1], offset[1])
    large = Image.fromarray(image).transform(size, Image.Transform.AFFINE, values, Image.Resampling.BICUBIC)
    sharp = _SHARPER[np.asarray(large)]
    if grow > 0:
        return ndimage.maximum_filter(sharp, grow + 1)
    if grow < 0:
        thin = ndimage.minimum_filter(sharp, 1 - grow)
        return thin if 2 * np.count_nonzero(thin) > np.count_nonzero(sharp) else sharp
    return sharp


def _wave_line(rng: np.random.Generator) -> np.ndarray:
    """A path (150, 2) whose two coordinates are sums of 2 to 7 random waves, closed or nearly."""
    along, waves = np.linspace(0, rng.uniform(0.6, 1), 150)[:, None], np.arange(1, rng.integers(3, 9))
    weights = rng.normal(size=(2, len(waves), 2)) / waves[:, None] ** rng.uniform(0, 1.2)
    return np.sin(2 * np.pi * along * waves) @ weights[0] + np.cos(2 * np.pi * along * waves) @ weights[1]


def _corner_line(rng: np.random.Generator) -> np.ndarray:
    """A path of 3 to 13 random corners: round a middle and closed, from left to right, or as they come."""
    corners, order = rng.random((rng.integers(3, 14), 2)), rng.integers(3)
    if order == 0:
        corners = corners[np.argsort(np.arctan2(*(corners - corners.mean(axis=0)).T))]
    elif order == 1:
        corners[:, 0] = np.sort(corners[:, 0]) * rng.uniform(1, 3)
    return np.vstack([corners, corners[:1]]) if order == 0 or rng.random() < 0.3 else corners


def _convex_line(rng: np.random.Generator) -> np.ndarray:
    """A closed path round an ellipse with 3 to 5 corners or 24, a little uneven."""
    count = int(rng.choice([3, 4, 5, 24]))
    angle = np.sort(rng.random(count)) if rng.random() < 0.5 else np.arange(count) / count + rng.random()
    corners = np.column_stack([np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle) * rng.uniform(0.5, 1)])
    corners += rng.normal(0, 0.05, corners.shape)
    return np.vstack([corners, corners[:1]])


def _drawn(rng: np.random.Generator, paths: Sequence[np.ndarray], filled: bool = False) -> np.ndarray:
    """Draw paths (points, 2) with a round pen so that they fill the canvas, uint8 (81, 81)."""
    from PIL import Image, ImageDraw

    width, everything = int(rng.integers(6, 17)), np.concatenate(paths)
    low, extent = everything.min(axis=0), max(np.ptp(everything, axis=0).max(), 1e-6)
    image = Image.new("L", (SIDE + 1, SIDE + 1))
    pen = ImageDraw.Draw(image)
    for path in paths:
        points = [tuple(p) for p in (path - low) / extent * (SIDE - width) + width / 2]
        if filled:
            pen.polygon(points, fill=255, outline=255, width=width // 2)
            continue
        pen.line(points, fill=255, width=width, joint="curve")
        for point in (points[0], points[-1]):
            pen.circle(point, width / 2, fill=255)
    return np.asarray(image)


def _lines(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Two to six straight lines, two times in five from one point."""
    lines = rng.random((rng.integers(2, 7), 2, 2))
    if rng.random() < 0.4:
        lines[:, 0] = lines[0, 0]
    return _drawn(rng, list(lines))


def _filled(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    make = (_convex_line, _convex_line, _wave_line, _corner_line)[rng.integers(4)]
    return _drawn(rng, [make(rng)], filled=True)


def _dots(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    return _drawn(rng, [np.stack([dot, dot]) for dot in rng.random((rng.integers(3, 16), 2))])


def _grains(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Random squares of 2 to 13 canvas pixels, all black and white or grey."""
    count = int(rng.choice([3, 4, 5, 8, 10, 16, 20]))
    inked = rng.random((count, count)) < rng.uniform(0.1, 0.8)
    strength = 1 if rng.random() < 0.6 else rng.random((count, count))
    return np.kron(255 * inked * strength, np.ones((40 // count, 40 // count))).astype(np.uint8)


def _several(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Two digits, one time in four three, side by side."""
    parts = []
    for index in rng.integers(0, len(images), rng.choice([2, 2, 2, 3])):
        columns = np.flatnonzero(images[index].max(axis=0) > 60)
        gap = np.zeros((IMAGE_SIDE, int(rng.integers(0, 9))), np.uint8)
        parts += [images[index][:, columns[0] : columns[-1] + 1] if len(columns) else gap, gap]
    return _sharp(np.pad(np.hstack(parts[:-1]), 2), grow=int(rng.integers(0, 6)))


def _overlaid(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """A digit over another that is moved, turned by a quarter or more, or upside down."""
    under, over = images[rng.integers(0, len(images), 2)]
    how = rng.integers(3)
    moved = np.roll(over, rng.integers(-4, 5, 2), (0, 1)) if how == 0 else np.rot90(over, rng.integers(1, 4))
    return _sharp(np.maximum(under, over[::-1] if how == 2 else moved), grow=int(rng.integers(-2, 4)))


_KINDS: tuple[Callable[[np.random.Generator, np.ndarray], np.ndarray], ...] = (
    lambda rng, images: _drawn(rng, [_wave_line(rng)]),
    lambda rng, images: _drawn(rng, [_corner_line(rng)]),
    _filled,
    _lines,
    _dots,
    _grains,
    _several,
    _overlaid,
)
