"""Which images a run trains on, which it validates on, and what is mixed in; needs no TensorFlow."""

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
    """What is trained on and what is validated on: uint8 (n, 28, 28) and labels uint8 (n,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


def split(dataset: Dataset, config: TrainingConfig) -> Split:
    """The end of the training set to validate on (at most a sixth of it), the beginning to train on.

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
    """What an epoch goes through: images uint8 (n, 28, 28) and labels uint8 (n,).

    Args:
        images: the run's split.
        config: with augmentation, digits in other handwriting join the training images.
        mine: images (m, 28, 28), m > 0, and labels (m,) to learn besides: they are repeated, to be seen often enough
            among a sample of the training images, which is there so that those are not forgotten (rehearsal, Robins,
            1995).
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
