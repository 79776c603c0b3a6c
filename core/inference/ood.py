"""Whether a drawing is a digit at all: a network names one of ten whatever it is shown, this detector may refuse.

A logistic regression tells digits, as other people write them, from drawings that are none
(`core.inference.ood_samples`), as Hendrycks et al. 2019 (Deep Anomaly Detection with Outlier Exposure,
arXiv:1812.04606) train on outliers to know others. It is given

- the network's own view: its hidden layer, and how sure it is (Hendrycks & Gimpel 2017, arXiv:1610.02136);
- the drawing's distance to each digit's own plane: what is left of its edge directions (Dalal & Triggs 2005,
  Histograms of Oriented Gradients) after the principal components of that digit's training images (class-featuring
  subspaces: Watanabe & Pakvasa 1973; Oja 1983);
- plain facts: pieces, loops, ink, size, pen; and the products of all these but the hidden layer.

Its threshold lets 97 % of held-out digits in other hands through. It needs no TensorFlow.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from core.data import Dataset
from core.data.classes import DIGITS as NAMES
from core.data.split import learned_places, split
from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE
from core.inference import ood_samples
from core.predictor import Predictor, model_fingerprint
from core.runs import RunView, files, results

PASS_SHARE = 0.97  # of held-out digits in other hands: this share is let through
SEED = 20_261_125
DIGITS, NOT_DIGITS = 1600, 1600  # drawings that it learns from; as many digits again set the threshold
PLANES, PLANE_IMAGES, PLANE_DIRECTIONS = len(NAMES), 3000, 12  # one plane a digit
CELLS, ANGLES = 7, 4
PENALTY = 0.01  # of the logistic regression, scikit-learn's C
SCORES = 14
FARTHEST = 6.0  # deviations from the mean: what is farther counts as this far

BLANK = "Nothing is drawn."
SEVERAL = "This looks like several digits. Draw one at a time."
FILLED = "Most of the box is filled, so no digit can be made out."
UNKNOWN = "This does not look like a digit."

Outputs = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class OODDetector:
    """Tells digits from other drawings, for one exported model with a hidden layer of d units.

    With z the standardised scores, at most `FARTHEST` from 0, and h the hidden layer, the log-odds of being no digit
    are z·square·z + linear·z + hidden·h + bias.

    Attributes:
        model: fingerprint of the exported model, "" where it is bound to none.
        means, directions: float16 (10, 196) and (10, 12, 196) for ten digits, each digit's plane among edge directions.
        centre, scale: float64 (s,), mean and deviation of the scores.
        square, linear, hidden: float64 (s, s), (s,) and (d,).
        bias, threshold: float64 (); a drawing with higher log-odds than `threshold` is refused.
    """

    model: str
    means: np.ndarray
    directions: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    square: np.ndarray
    linear: np.ndarray
    hidden: np.ndarray
    bias: np.ndarray
    threshold: np.ndarray

    def reasons(self, drawings: np.ndarray, outputs: Outputs) -> list[str]:
        """Why each drawing is not read, as a sentence; "" for one that looks like a digit.

        Takes what `core.drawing.normalise_drawing` gives, uint8 (n, 28, 28), and what `Predictor.outputs` says of it,
        `probabilities` (n, digits) and `hidden` (n, d). Raises ValueError for other shapes.
        """
        refused = self.log_odds(drawings, outputs) > self.threshold
        return [
            (_reason(drawing) if no else "") if drawing.any() else BLANK
            for drawing, no in zip(drawings, refused, strict=True)
        ]

    def log_odds(self, drawings: np.ndarray, outputs: Outputs) -> np.ndarray:
        """How little each drawing looks like a digit, float64 (n,): the log-odds, higher is less of a digit."""
        shape = (len(drawings), len(self.hidden))
        if drawings.shape[1:] != IMAGE_SHAPE or drawings.dtype != np.uint8 or outputs["hidden"].shape != shape:
            raise ValueError(
                f"drawings must be uint8 (n, 28, 28) with a hidden layer (n, {len(self.hidden)}), but came as "
                f"{drawings.dtype} {drawings.shape} with {outputs['hidden'].shape}."
            )
        scores = _scores(drawings, outputs["probabilities"], self.means, self.directions)
        z = _standardised(scores, self.centre, self.scale)
        return ((z @ self.square) * z).sum(axis=1) + z @ self.linear + outputs["hidden"] @ self.hidden + self.bias

    def save(self, run_folder: str | os.PathLike[str]) -> None:
        """Keep it in the run's folder. Raises OSError where the folder is gone or cannot be written."""
        results.save(run_folder, files.OOD, asdict(self))


def load(run_folder: str | os.PathLike[str]) -> OODDetector | None:
    """The detector of the run's model; None where there is none, a damaged one, or one of an earlier model."""
    found = results.load(run_folder, files.OOD, _detector)
    model = model_fingerprint(run_folder)
    return found if found and model and not results.stale(found, model=model) else None


def _detector(arrays: dict[str, np.ndarray]) -> OODDetector:
    values = {field.name: arrays[field.name] for field in fields(OODDetector)}
    model, numbers = str(values.pop("model")), list(values.values())
    s, edges = SCORES, CELLS**2 * ANGLES
    hidden = (values["hidden"].size,)
    shapes = [(PLANES, edges), (PLANES, PLANE_DIRECTIONS, edges), (s,), (s,), (s, s), (s,), hidden, (), ()]
    if [array.shape for array in numbers] != shapes:
        raise ValueError("not the arrays of a detector")
    if not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in numbers):
        raise ValueError("not finite numbers")
    return OODDetector(model, **values)


def fit_for_run(run: RunView, predictor: Predictor, dataset: Dataset) -> OODDetector:
    """The detector for a run's exported model, not yet saved; 5 to 14 s on two busy cores.

    What it learns from is among the images that the run learned. Its threshold comes from the validation images of the
    same digits; where there are none besides the test images, from training images that it did not learn from. Raises
    ValueError where the run learned fewer than two images.
    """
    images = split(dataset, run.config)
    places = learned_places(images.y_train, run.config)
    x, y = images.x_train[places], images.y_train[places]
    if run.config.info.validates_on_test or not len(images.x_val):
        held_out = max(1, len(x) // 6)
        x, y, x_held_out = x[:-held_out], y[:-held_out], x[-held_out:]
    else:
        x_held_out = images.x_val[np.isin(images.y_val, y)]
    return fit(predictor, x, y, x_held_out, model=model_fingerprint(run.path))


def fit(
    predictor: Predictor, images: np.ndarray, labels: np.ndarray, held_out: np.ndarray, *, model: str = ""
) -> OODDetector:
    """Learn from images with labels, uint8 (n, 28, 28) and (n,), and set the threshold on other images.

    The same arguments give the same detector. Raises ValueError where either has no images.
    """
    from sklearn.linear_model import LogisticRegression

    if not len(images) or not len(held_out):
        raise ValueError("An OOD detector needs digits to learn from and others for its threshold; there are none.")
    rng = np.random.default_rng(SEED)
    chosen = rng.permutation(len(images))[:PLANE_IMAGES]
    means, directions = _planes(images[chosen], labels[chosen])
    digits = ood_samples.other_hands(rng, _sample(rng, images, DIGITS))
    others = ood_samples.not_digits(rng, images, NOT_DIGITS)
    drawings = np.concatenate([digits, others])
    outputs = predictor.outputs(drawings)

    scores = _scores(drawings, outputs["probabilities"], means, directions)
    centre, scale = scores.mean(axis=0), scores.std(axis=0) + 1e-6
    z = _standardised(scores, centre, scale)
    upper = np.triu_indices(z.shape[1])
    seen = np.column_stack([z, z[:, upper[0]] * z[:, upper[1]], outputs["hidden"]]).astype(np.float64)
    seen_centre, seen_scale = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    regression = LogisticRegression(C=PENALTY, max_iter=500)
    regression.fit((seen - seen_centre) / seen_scale, np.arange(len(seen)) >= len(digits))
    weights = regression.coef_[0] / seen_scale
    linear, products, hidden = np.split(weights, [z.shape[1], z.shape[1] + len(upper[0])])
    square = np.zeros((z.shape[1],) * 2)
    square[upper] = products
    bias = regression.intercept_[0] - weights @ seen_centre
    numbers = (means, directions, centre, scale, square, linear, hidden, np.array(bias))
    detector = OODDetector(model, *numbers, threshold=np.array(np.inf))

    hands = ood_samples.other_hands(rng, _sample(rng, held_out, DIGITS))
    threshold = np.quantile(detector.log_odds(hands, predictor.outputs(hands)), PASS_SHARE, method="higher")
    return replace(detector, threshold=np.array(threshold))


def _sample(rng: np.random.Generator, images: np.ndarray, count: int) -> np.ndarray:
    return images[rng.permutation(np.resize(np.arange(len(images)), max(count, len(images))))[:count]]


def _standardised(scores: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip((scores - centre) / scale, -FARTHEST, FARTHEST)


def _scores(drawings: np.ndarray, probabilities: np.ndarray, means: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Float64 (n, 14): uncertainty, distances to planes (nearest, second, the prediction's), ten facts."""
    edges = _edges(drawings)
    left = np.empty((len(edges), len(means)))
    for digit, (mean, plane) in enumerate(zip(means.astype(np.float32), directions.astype(np.float32), strict=True)):
        apart = edges - mean
        left[:, digit] = ((apart - apart @ plane.T @ plane) ** 2).sum(axis=1)
    of_prediction = left[np.arange(len(left)), probabilities.argmax(axis=1)]
    distances = np.log1p(np.column_stack([np.sort(left, axis=1)[:, :2], of_prediction]))
    uncertainty = np.log(np.maximum(1 - probabilities.max(axis=1), 0) + 1e-5)
    facts = np.array([_facts(drawing) for drawing in drawings]).reshape(-1, SCORES - 4)
    return np.column_stack([uncertainty, distances, facts])


def _planes(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each digit's mean and first principal components of edge directions; all digits' where it has no images."""
    edges = _edges(images)
    means = np.empty((PLANES, edges.shape[1]), np.float16)
    directions = np.empty((PLANES, PLANE_DIRECTIONS, edges.shape[1]), np.float16)
    for digit in range(PLANES):
        own = edges[labels == digit] if (labels == digit).any() else edges
        means[digit] = own.mean(axis=0)
        apart = own - own.mean(axis=0)
        variances, found = np.linalg.eigh(apart.T @ apart)  # twenty times as fast as the images' own decomposition
        found[:, variances <= 1e-6 * variances[-1]] = 0  # of few images
        directions[digit] = found[:, : -PLANE_DIRECTIONS - 1 : -1].T  # the largest come last
    return means, directions


def _edges(images: np.ndarray) -> np.ndarray:
    """Root of the edge strength in 4 directions, shared between neighbours, of 7×7 cells: float32 (n, 196)."""
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(np.float32) / 255
    down, right = framed[:, 2:, 1:-1] - framed[:, :-2, 1:-1], framed[:, 1:-1, 2:] - framed[:, 1:-1, :-2]
    strength, angle = np.hypot(right, down), np.arctan2(down, right) % np.pi * (ANGLES / np.pi)
    cells = []
    for direction in range(ANGLES):
        apart = np.abs(angle - direction)
        share = strength * np.clip(1 - np.minimum(apart, ANGLES - apart), 0, 1)
        cells.append(share.reshape(-1, CELLS, IMAGE_SIDE // CELLS, CELLS, IMAGE_SIDE // CELLS).sum(axis=(2, 4)))
    return np.sqrt(np.stack(cells, axis=-1).reshape(len(images), CELLS**2 * ANGLES))


def _facts(drawing: np.ndarray) -> list[float]:
    """Pieces, large pieces, holes, ink, height, width, thickest place, length of the pen's path, edges both ways."""
    from scipy import ndimage

    ink = np.pad(drawing > 100, 1)
    sizes = np.bincount(ndimage.label(ink, np.ones((3, 3)))[0].ravel())[1:]
    holes = np.bincount(ndimage.label(~ink)[0].ravel())[2:]
    depth = ndimage.distance_transform_edt(ink)
    area = np.count_nonzero(ink)
    down, right = (np.count_nonzero(np.diff(ink, axis=axis)) for axis in (0, 1))
    height, width = (np.ptp(np.flatnonzero(ink.any(axis=axis))) + 1 if area else 0 for axis in (1, 0))
    path = area / max(depth.sum() / area, 0.5) if area else 0
    large = np.count_nonzero(sizes > 0.12 * area)
    return [len(sizes), large, np.count_nonzero(holes >= 3), area, height, width, depth.max(), path, down, right]


def _reason(drawing: np.ndarray) -> str:
    """What a refused drawing looks like."""
    ink = drawing > 100
    columns = ink.any(axis=0)
    if not columns.any():
        return UNKNOWN
    pieces, large, _, area, height, width, *_ = _facts(drawing)
    gaps = np.flatnonzero(~columns[columns.argmax() : columns.size - columns[::-1].argmax()]) + columns.argmax()
    left = [np.count_nonzero(ink[:, :gap]) / area for gap in gaps]
    if pieces <= 6 and large >= 2 and any(0.15 < share < 0.85 for share in left):
        return SEVERAL
    if area > 0.6 * height * width and min(height, width) > 10:
        return FILLED
    return UNKNOWN
