"""The last hidden layer of the test images in two dimensions: PCA at once, t-SNE in the background.

What the network holds to be alike lies close together. t-SNE is kept in the run as map-tsne.npz, with fingerprints of
the model and the dataset, so that it is known to be out of date after the run was trained further.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np

from core.data import Dataset
from core.interpretability import embedding
from core.predictor import Predictor
from core.runs import Run, RunView
from core.runs.files import TSNE
from core.storage import write_atomically

SAMPLE = 2500
PERPLEXITY = 30.0
ITERATIONS = 750
_SEED = 20261123
_PCA_FIRST = 50  # dimensions that t-SNE sees, as its authors advise

Report = Callable[[int, int, str], None]  # steps done, steps in all, what is done


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
    """A kept t-SNE: `indices` int64 (k,) of the test images, `points` float32 (k, 2), and what it is a map of."""

    model: str
    dataset: str
    indices: np.ndarray
    points: np.ndarray

    def is_of(self, model: str, dataset: str) -> bool:
        """Whether it shows this model and this dataset."""
        return (self.model, self.dataset) == (model, dataset)

    def save(self, run: Run) -> None:
        """Keep it in the run."""
        arrays = {"model": self.model, "dataset": self.dataset, "indices": self.indices, "points": self.points}
        write_atomically(run.path / TSNE, lambda file: np.savez(file, **arrays))


def pca(hidden: np.ndarray) -> Pca:
    """Project `hidden`, float (n, d), on its first two principal components.

    From the eigenvectors of the covariance (Jolliffe 2002, Principal Component Analysis, section 1.1). A direction's
    sign is free; here its largest entry is positive. With fewer than two images or dimensions the rest is 0.
    """
    centred = hidden.astype(np.float64) - (hidden.mean(axis=0, dtype=np.float64) if len(hidden) else 0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    two = directions[:, ::-1][:, :2]
    two = two * np.where(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])] < 0, -1, 1)
    points = np.zeros((len(hidden), 2), np.float32)
    points[:, : two.shape[1]] = centred @ two
    total = variances.sum()
    shares = [max(0.0, float(v / total)) if total > 0 else 0.0 for v in variances[::-1][:2]]
    first, second = (*shares, 0.0, 0.0)[:2]
    return Pca(points, (first, second), hidden.shape[1])


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


def tsne(hidden: np.ndarray, report: Report = lambda *_: None) -> np.ndarray:
    """Lay out `hidden`, float (k, d), by t-SNE (van der Maaten & Hinton 2008); returns float32 (k, 2).

    Deterministic: it begins with PCA and has a fixed seed.

    Raises:
        ValueError: for fewer than 4 images.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(hidden) < 4:
        raise ValueError("A map by t-SNE needs at least four images.")
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
    with contextlib.redirect_stdout(_Iterations(report)), threadpool_limits(1):
        return layout.fit_transform(reduced).astype(np.float32)


def kept(run: RunView) -> TsneMap | None:
    """The t-SNE that the run keeps, None where there is none, or none that can be read."""
    try:
        with np.load(run.path / TSNE, allow_pickle=False) as arrays:
            indices, points = arrays["indices"].astype(np.int64), arrays["points"].astype(np.float32)
            found = TsneMap(str(arrays["model"]), str(arrays["dataset"]), indices, points)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, TypeError):
        return None
    whole = indices.ndim == 1 and points.shape == (len(indices), 2) and np.isfinite(points).all()
    return found if whole and (indices >= 0).all() and len(np.unique(indices)) == len(indices) else None


class _Iterations(io.TextIOBase):
    """Takes what scikit-learn prints, which is the only word of how far its t-SNE is."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def write(self, text: str) -> int:
        if found := re.search(r"Iteration (\d+)", text):
            done = min(int(found[1]), ITERATIONS)
            self._report(done, ITERATIONS, f"Iteration {done} of {ITERATIONS}")
        return len(text)


@dataclass(frozen=True, eq=False)
class Readings:
    """What the exported model says of all test images, and their hidden layer by PCA.

    Attributes:
        shown: indices of the sample that the map shows.
    """

    labels: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray
    pca: embedding.Pca
    shown: np.ndarray

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


def read(run: RunView, dataset: Dataset) -> Readings:
    """Read all test images with the exported model.

    Raises:
        ModelError: where the model is missing or damaged.
    """
    outputs = Predictor.load(run.path).outputs(dataset.x_test)
    labels, predictions = dataset.y_test.astype(np.int64), outputs["probabilities"].argmax(axis=1)
    return Readings(
        labels=labels,
        predictions=predictions,
        confidence=outputs["probabilities"].max(axis=1),
        pca=embedding.pca(outputs["hidden"]),
        shown=embedding.sample(predictions == labels),
    )


def by_confidence(readings: Readings, indices: np.ndarray) -> np.ndarray:
    """The same indices, mistakes first, the most confident of them first; then the least confident right ones."""
    right, confidence = readings.right[indices], readings.confidence[indices]
    return indices[np.lexsort((np.where(right, confidence, -confidence), right))]
