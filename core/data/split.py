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
    """Training and validation images, uint8 (n, 28, 28), and their labels, uint8 (n,); whether they show digits."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    is_digits: bool = True


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
    return Split(x[:count], y[:count], x_val, y_val, dataset.is_digits)


def training_images(
    images: Split, config: TrainingConfig, mine: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The images of an epoch, uint8 (n, 28, 28), and their labels, uint8 (n,).

    Args:
        images: the run's split.
        config: digits that are left out, imbalance and wrong labels change the training images; with augmentation,
            synthetic digits in other handwriting are added to digits.
        mine: images (m, 28, 28), m > 0, and labels (m,) to fine-tune on: they are repeated, and mixed with a sample
            of the training images against forgetting (rehearsal, Robins, 1995).
    """
    random = np.random.default_rng(config.seed)
    x, y = altered(images.x_train, images.y_train, config)
    if mine is not None:
        replayed = random.permutation(len(x))[:REPLAYED]
        times = max(1, len(replayed) // (MINE * len(mine[0])))
        x = np.concatenate([x[replayed], *[mine[0]] * times])
        y = np.concatenate([y[replayed], *[mine[1]] * times])
    if config.augment and images.is_digits:
        written, labels = write_digits(random, len(x) // OTHER_HANDWRITING)
        learned = ~np.isin(labels, config.left_out)
        written, labels = written[learned], labels[learned]
        x, y = np.concatenate([x, written]), np.concatenate([y, labels])
    return x, y


def altered(x: np.ndarray, y: np.ndarray, config: TrainingConfig) -> tuple[np.ndarray, np.ndarray]:
    """Training images and labels as an experiment on the data wants them; the same ones where it wants nothing.

    Args:
        x: uint8 (n, 28, 28), in the order of the training set, which is kept.
        y: uint8 (n,).
        config: digits are left out and thinned as `learned_places` says; of what remains, a share of `wrong_labels`
            gets another of the learned digits as its label, each as likely as any other.
    """
    random = np.random.default_rng([config.seed, 2])  # not the one that augments: one switch changes one thing
    places = learned_places(y, config)
    if len(places) < len(y):
        x, y = x[places], y[places]
    digits = np.unique(y)
    if config.wrong_labels and len(digits) > 1:
        wrong = random.permutation(len(y))[: round(config.wrong_labels * len(y))]
        further = random.integers(1, len(digits), len(wrong))  # along the list of digits, which it goes round
        y = y.copy()
        y[wrong] = digits[(np.searchsorted(digits, y[wrong]) + further) % len(digits)]
    return x, y


def learned_places(y: np.ndarray, config: TrainingConfig) -> np.ndarray:
    """Which of the images with labels `y`, uint8 (n,), are learned: their places, int64 (m,), ascending.

    `left_out` digits are not; with an `imbalance` of r, digit d of 0 to m keeps r^(-d/m) as many images as the rarest
    digit has, the first ones, at least one (long-tailed, Cui et al., 2019).
    """
    keep = ~np.isin(y, config.left_out)
    if config.imbalance > 1 and keep.any():
        counts = np.bincount(y[keep], minlength=config.classes)
        most = counts[counts > 0].min()
        for digit in np.flatnonzero(counts):
            wanted = max(1, round(most * config.imbalance ** (-digit / (config.classes - 1))))
            keep[np.flatnonzero(keep & (y == digit))[wanted:]] = False
    return np.flatnonzero(keep)


def image_count(dataset: Dataset, config: TrainingConfig) -> int:
    """How many images of the training set a run learns, before augmentation adds others."""
    return len(learned_places(split(dataset, config).y_train, config))
