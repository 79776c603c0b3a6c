"""What needs no network, for comparison: the commonest digit, and the nearest average digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.data import Dataset

FEW_IMAGES = 500


@dataclass(frozen=True)
class Baseline:
    """A method that learns nothing but averages, and its accuracy on the test images, a fraction."""

    name: str
    meaning: str
    accuracy: float


def baselines(dataset: Dataset) -> tuple[Baseline, ...]:
    """The baselines of a dataset, the simplest first; half a second for MNIST, in little memory.

    The nearest average digit is by Euclidean distance of the pixels (the minimum distance classifier of Duda, Hart and
    Stork, 2001, Pattern Classification, section 2.6.1; scikit-learn's NearestCentroid). Digits without training images
    are never said.
    """
    counts = np.bincount(dataset.y_train, minlength=len(dataset.classes))
    learned = np.flatnonzero(counts)
    means = np.stack([dataset.x_train[dataset.y_train == digit].mean(axis=0).ravel() for digit in learned])
    images = dataset.x_test.reshape(len(dataset.x_test), -1)
    found = [  # a few at a time, which takes little memory
        ((means**2).sum(axis=1) - 2 * (images[first : first + FEW_IMAGES] @ means.T)).argmin(axis=1)
        for first in range(0, len(images), FEW_IMAGES)
    ]
    nearest = learned[np.concatenate(found)]
    commonest, kind = int(counts.argmax()), "digit" if dataset.is_digits else "class"
    return (
        Baseline(
            f"Always the same {kind}",
            f"Whatever it is shown, it says {dataset.classes[commonest]}, the commonest training label.",
            float((dataset.y_test == commonest).mean()),
        ),
        Baseline(
            f"Nearest average {kind}",
            f"It averages the training images of each {kind}, and says the {kind} whose average is nearest.",
            float((nearest == dataset.y_test).mean()),
        ),
    )
