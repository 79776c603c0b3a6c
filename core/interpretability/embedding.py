"""The last hidden layer of the test images in two dimensions: PCA at once, t-SNE in the background.

What the network holds to be alike lies close together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO

import numpy as np

from core.data import Dataset
from core.predictor import Predictor
from core.runs import Run, RunView, files, results

SAMPLE = 2500
PERPLEXITY = 30.0
ITERATIONS = 750
_SEED = 20261123
_PCA_FIRST = 50  # dimensions that t-SNE sees, as its authors advise
_ALIKE, _SAME = 0.99, 1e-5  # the share of images that must differ, relative to the largest value, by no more than that


@dataclass(frozen=True, eq=False)
class Pca:
    """The two directions in which hidden layers vary most.

    Attributes:
        points: float32 (n, 2).
        explained: the share of all variance along each of the two, 0 to 1.
        dimensions: how many the hidden layer has.
    """

    points: np.ndarray
    explained: tuple[float, float]
    dimensions: int


@dataclass(frozen=True, eq=False)
class TsneMap:
    """A stored t-SNE: `indices` int64 (k,) of the test images, `points` float32 (k, 2), and what it is a map of."""

    model: str
    dataset: str
    indices: np.ndarray
    points: np.ndarray

    def stale(self, model: str, dataset: str) -> str:
        """Why it is out of date, "" where it shows this model and this dataset."""
        return results.stale(self, model=model, dataset=dataset)

    def save(self, run: Run) -> None:
        """Keep it in the run's folder."""
        results.save(run.path, files.TSNE, asdict(self))


def pca(hidden: np.ndarray) -> Pca:
    """Project `hidden`, float (n, d), on its first two principal components.

    Each direction's largest entry is positive, as scikit-learn has it, which would take 60 MB here. Without two images
    that differ, or a second dimension, the coordinates that are missing are 0.
    """
    points, explained = np.zeros((len(hidden), 2), np.float32), [0.0, 0.0]
    if len(hidden) > 1 and np.ptp(hidden, axis=0).any():
        centred = hidden - hidden.mean(axis=0, dtype=np.float64)
        variances, directions = np.linalg.eigh(centred.T @ centred)  # the largest last
        count = min(2, *hidden.shape)
        directions = directions[:, ::-1][:, :count]
        largest = np.abs(directions).argmax(axis=0)
        points[:, :count] = centred @ (directions * np.sign(directions[largest, range(count)]))
        explained[:count] = (variances[::-1][:count] / variances.sum()).tolist()
    return Pca(points, tuple(explained), hidden.shape[1])


def all_alike(values: np.ndarray) -> bool:
    """Whether (nearly) all rows of `values`, float (n, d), are equal but for rounding, so that a map has one place."""
    if not values.size:
        return True
    apart = np.abs(values - np.median(values, axis=0)).max(axis=1)
    return bool(np.mean(apart <= _SAME * np.abs(values).max()) >= _ALIKE)


def sample(right: np.ndarray, size: int = SAMPLE) -> np.ndarray:
    """Choose at most `size` images, int64 indices in order: all mistakes, and others by chance from a fixed seed.

    Args:
        right: bool (n,), False is a mistake. Where mistakes are more than half of `size`, chance chooses among all
            images instead, so that the map shows the run as it is.
    """
    if len(right) <= size:
        return np.arange(len(right))
    random = np.random.default_rng(_SEED)
    mistakes = np.flatnonzero(~right)
    if len(mistakes) > size // 2:
        return np.sort(random.choice(len(right), size, replace=False))
    others = random.choice(np.flatnonzero(right), size - len(mistakes), replace=False)
    return np.sort(np.concatenate([mistakes, others]))


def tsne(hidden: np.ndarray, report: Callable[[int], None] = lambda iteration: None) -> np.ndarray:
    """Lay out `hidden`, float (k, d), by t-SNE (van der Maaten & Hinton 2008); returns float32 (k, 2).

    Deterministic: it begins with PCA and has a fixed seed.

    Args:
        hidden: the images' last hidden layer.
        report: called now and then with how many of `ITERATIONS` are done.

    Raises:
        ValueError: for fewer than 4 images, or where all are alike.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(hidden) < 4:
        raise ValueError("A map by t-SNE needs at least four images.")
    if all_alike(hidden):
        raise ValueError("This network sees all images alike, so there is no map.")
    dimensions = min(_PCA_FIRST, *hidden.shape)
    reduced = PCA(dimensions, random_state=_SEED).fit_transform(hidden.astype(np.float64))
    layout = TSNE(
        perplexity=min(PERPLEXITY, (len(hidden) - 1) / 3),
        max_iter=ITERATIONS,
        init="pca" if dimensions > 1 else "random",
        random_state=_SEED,
        verbose=2,
    )
    # One thread: several wait for each other at every step, which is four times slower on a busy machine.
    with threadpool_limits(1), redirect_stdout(_Iterations(report)):
        return layout.fit_transform(reduced).astype(np.float32)


class _Iterations(StringIO):
    """Reports the iterations of scikit-learn's t-SNE, which only prints them."""

    def __init__(self, report: Callable[[int], None]) -> None:
        super().__init__()
        self._report = report

    def write(self, text: str) -> int:
        if found := re.match(r"\[t-SNE\] Iteration (\d+)", text):
            self._report(int(found[1]))
        return len(text)


def load_tsne(run: RunView) -> TsneMap | None:
    """The t-SNE that was laid out of the run, None where none was or the file is damaged."""
    return results.load(run.path, files.TSNE, _tsne_map)


def _tsne_map(arrays: dict[str, np.ndarray]) -> TsneMap:
    indices, points = arrays["indices"].astype(np.int64), arrays["points"].astype(np.float32)
    whole = indices.ndim == 1 and points.shape == (len(indices), 2) and np.isfinite(points).all()
    if not whole or (indices < 0).any() or len(np.unique(indices)) < len(indices):
        raise ValueError("not places of different images")
    return TsneMap(str(arrays["model"]), str(arrays["dataset"]), indices, points)


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the exported model says of all test images, and their hidden layer by PCA.

    Attributes:
        shown: indices of the sample that the map shows.
        alike: whether the hidden layer is the same for all of these, so that there is no map.
    """

    labels: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray
    pca: Pca
    shown: np.ndarray
    alike: bool = False

    @property
    def right(self) -> np.ndarray:
        """Whether each prediction is the label, bool (n,)."""
        return self.predictions == self.labels


@dataclass(frozen=True, eq=False)
class Layout:
    """Places of some test images: `indices` int64 (k,), `points` float32 (k, 2)."""

    indices: np.ndarray
    points: np.ndarray

    def only(self, mask: np.ndarray) -> Layout:
        """Those images whose entry in `mask`, bool over all test images, is True."""
        chosen = mask[self.indices]
        return Layout(self.indices[chosen], self.points[chosen])

    def within(self, region: dict[str, tuple[float, float]]) -> np.ndarray:
        """Indices of the images in a rectangle, its edges included."""
        inside = np.full(len(self.indices), True)
        for axis, name in enumerate(("x", "y")):
            low, high = region[name]
            inside &= (self.points[:, axis] >= low) & (self.points[:, axis] <= high)
        return self.indices[inside]


def embed_test_images(predictor: Predictor, dataset: Dataset) -> Embedding:
    """Read all test images with an exported model."""
    outputs = predictor.outputs(dataset.x_test)
    labels, predictions = dataset.y_test.astype(np.int64), outputs["probabilities"].argmax(axis=1)
    shown = sample(predictions == labels)
    return Embedding(
        labels=labels,
        predictions=predictions,
        confidence=outputs["probabilities"].max(axis=1),
        pca=pca(outputs["hidden"]),
        shown=shown,
        alike=all_alike(outputs["hidden"][shown]),
    )


def by_confidence(readings: Embedding, indices: np.ndarray) -> np.ndarray:
    """Sort `indices`: mistakes first, the most confident of them first; then right ones, the least confident first."""
    right, confidence = readings.right[indices], readings.confidence[indices]
    return indices[np.lexsort((np.where(right, confidence, -confidence), right))]
