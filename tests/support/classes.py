"""Small datasets of other things than digits, of which a network learns all within a few epochs."""

from __future__ import annotations

import numpy as np

from core.data import Dataset

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SHAPES = ("Bag", "Coat", "Ankle boot")


def arrays(classes: int, train: int = 40, test: int = 8) -> dict[str, np.ndarray]:
    """Patterns of 5 × 5 squares with noise and a dark rim, so many images a class, shuffled."""
    random = np.random.default_rng(0)
    patterns = np.kron(random.integers(0, 2, (classes, 5, 5)), np.ones((4, 4))) * 200
    patterns = np.pad(patterns, ((0, 0), (4, 4), (4, 4)))
    found = {}
    for part, count in {"train": train, "test": test}.items():
        labels = random.permutation(np.repeat(np.arange(classes), count)).astype(np.uint8)
        images = patterns[labels] + random.integers(0, 55, (len(labels), 28, 28))
        found |= {f"x_{part}": images.astype(np.uint8), f"y_{part}": labels}
    return found


def dataset(names: tuple[str, ...], **counts: int) -> Dataset:
    """Images of classes with these names."""
    return Dataset("Others", "a test", **arrays(len(names), **counts), classes=names)
