"""Experiments on the training images: digits left out, imbalance, wrong labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import TrainingConfig
from core.data.split import altered, image_count, learned_places, split, training_images

Y = (np.arange(10_000) % 10).astype(np.uint8)
X = np.arange(10_000, dtype=np.uint16).view(np.uint8).reshape(10_000, 1, 2)  # each another one


def counts(labels: np.ndarray) -> list[int]:
    return np.bincount(labels, minlength=10).tolist()


def test_without_a_switch_nothing_is_changed():
    x, y = altered(X, Y, TrainingConfig())
    assert x is X
    assert y is Y


def test_digits_that_are_left_out_are_gone_and_the_others_keep_their_order():
    x, y = altered(X, Y, TrainingConfig(left_out=(3, 8)))
    keep = (Y != 3) & (Y != 8)
    assert np.array_equal(x, X[keep])
    assert np.array_equal(y, Y[keep])


def test_an_imbalance_of_100_leaves_a_hundredth_of_the_nines_with_equal_steps_between():
    _, y = altered(X, Y, TrainingConfig(imbalance=100))
    assert counts(y) == [1000, 599, 359, 215, 129, 77, 46, 28, 17, 10]  # 1000 · 100^(-d/9)


@given(st.floats(0, 1), st.lists(st.integers(0, 9), max_size=9), st.integers(1, 1000), st.integers(0, 99))
@settings(max_examples=40)
def test_wrong_labels_are_so_many_and_all_other_than_the_right_one(share, left_out, imbalance, seed):
    given_to = {"left_out": tuple(left_out), "imbalance": imbalance, "seed": seed}
    x, right = altered(X, Y, TrainingConfig(**given_to))
    same, labels = altered(X, Y, TrainingConfig(wrong_labels=share, **given_to))
    assert np.array_equal(x, same)
    possible = len(set(right.tolist())) > 1
    assert (labels != right).sum() == (round(share * len(right)) if possible else 0)
    assert set(labels.tolist()) <= set(right.tolist())


def test_wrong_labels_are_spread_over_all_other_digits():
    _, y = altered(X, Y, TrainingConfig(wrong_labels=1.0))
    for digit in range(10):
        of = np.bincount(y[digit == Y], minlength=10)
        assert of[digit] == 0
        assert np.delete(of, digit).min() > 60  # 111 expected


@pytest.mark.parametrize("config", [{"left_out": (0, 1)}, {"imbalance": 50}, {"wrong_labels": 0.5}])
def test_validation_images_stay_as_they_are_and_training_ones_change(digits, config):
    plain = split(digits, TrainingConfig("dense"))
    changed = split(digits, TrainingConfig("dense", **config))
    assert np.array_equal(plain.y_val, changed.y_val)
    labels = training_images(changed, TrainingConfig("dense", **config))[1]
    assert counts(labels) != counts(plain.y_train)


def test_synthetic_digits_of_an_augmented_run_leave_the_same_digits_out(digits):
    config = TrainingConfig("dense", augment=True, left_out=(1, 7))
    labels = training_images(split(digits, config), config)[1]
    assert set(labels.tolist()) == set(range(10)) - {1, 7}


@pytest.mark.parametrize(
    "config", [{}, {"left_out": (0, 1)}, {"imbalance": 50}, {"training_images": 200, "left_out": (2,)}]
)
def test_images_are_counted_as_they_are_learned(digits, config):
    config = TrainingConfig("dense", **config)
    x, y = training_images(split(digits, config), config)
    places = learned_places(split(digits, config).y_train, config)
    assert image_count(digits, config) == len(x)
    assert np.array_equal(digits.x_train[places], x)
    assert np.array_equal(digits.y_train[places], y)
