"""What needs no network, for comparison: the commonest digit, and the nearest average digit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from core.data import Dataset


@dataclass(frozen=True)
class Baseline:
    """A method that learns nothing but averages, and its accuracy on the test images, a fraction."""

    name: str
    meaning: str
    accuracy: float


def baselines(dataset: Dataset) -> tuple[Baseline, ...]:
    """The baselines of a dataset, the simplest first; about a second for MNIST.

    The nearest average digit is scikit-learn's NearestCentroid on the pixels, by Euclidean distance (the minimum
    distance classifier of Duda, Hart and Stork, 2001, Pattern Classification, section 2.6.1).
    """
    from sklearn.neighbors import NearestCentroid  # slow to import

    x, y = (images.reshape(len(images), -1).astype(np.float32) for images in (dataset.x_train, dataset.x_test))
    commonest = np.bincount(dataset.y_train).argmax()
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # pixels that never have ink do not matter
        nearest = NearestCentroid().fit(x, dataset.y_train).predict(y)
    return (
        Baseline(
            "Always the same digit",
            f"Whatever it is shown, it says {commonest}, the commonest training label.",
            float((dataset.y_test == commonest).mean()),
        ),
        Baseline(
            "Nearest average digit",
            "It averages the training images of each digit, and says the digit whose average is nearest.",
            float((nearest == dataset.y_test).mean()),
        ),
    )
