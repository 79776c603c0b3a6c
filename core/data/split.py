"""The images that a run trains and validates on, and those that are added; needs no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.config import TrainingConfig
from core.data import Dataset
from core.data.synthetic_digits import write_digits

OTHER_HANDWRITING = 20  # with augmentation there is one written digit to so many images
REPLAYED = 10_000  # training images that are mixed with my digits, against forgetting
MINE = 10  # there is one of my digits to so many of them


@dataclass(frozen=True, eq=False)
class Split:
    """Training and validation images, uint8 (n, 28, 28), and their labels, uint8 (n,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


def split(dataset: Dataset, config: TrainingConfig) -> Split:
    """Split the training set: its end for validation (at most a sixth of it), its beginning for training.

    `seed` validates on the test set, as the classic script does, and trains on the whole training set.
    """
    x, y = dataset.x_train, dataset.y_train
    if config.info.validates_on_test:
        held_out, x_val, y_val = 0, dataset.x_test, dataset.y_test
    else:
        held_out = min(config.validation_images, len(x) // 6)
        x_val, y_val = x[len(x) - held_out :], y[len(y) - held_out :]
    count = min(config.training_images or len(x), len(x) - held_out)
    return Split(x[:count], y[:count], x_val, y_val)


def training_images(
    images: Split, config: TrainingConfig, mine: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The images of an epoch, uint8 (n, 28, 28), and their labels, uint8 (n,).

    Args:
        images: the run's split.
        config: with augmentation, synthetic digits in other handwriting are added.
        mine: images (m, 28, 28), m > 0, and labels (m,) to fine-tune on: they are repeated, and mixed with a sample
            of the training images against forgetting (rehearsal, Robins, 1995).
    """
    random = np.random.default_rng(config.seed)
    x, y = images.x_train, images.y_train
    if mine is not None:
        replayed = random.permutation(len(x))[:REPLAYED]
        times = max(1, len(replayed) // (MINE * len(mine[0])))
        x = np.concatenate([x[replayed], *[mine[0]] * times])
        y = np.concatenate([y[replayed], *[mine[1]] * times])
    if config.augment:
        written, labels = write_digits(random, len(x) // OTHER_HANDWRITING)
        x, y = np.concatenate([x, written]), np.concatenate([y, labels])
    return x, y
