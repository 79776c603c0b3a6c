"""Baselines, against averages and distances computed one by one."""

from __future__ import annotations

import numpy as np

from core.evaluation.baselines import baselines


def test_the_baselines_are_right_as_often_as_counted_by_hand(digits):
    same, nearest = baselines(digits)
    counts = [list(digits.y_train).count(digit) for digit in range(10)]
    assert same.accuracy == np.mean([label == counts.index(max(counts)) for label in digits.y_test])
    means = [digits.x_train[digits.y_train == digit].mean(axis=0) for digit in range(10)]
    right = [
        label == int(np.argmin([((image - mean) ** 2).sum() for mean in means]))
        for image, label in zip(digits.x_test.astype(float), digits.y_test, strict=True)
    ]
    assert abs(nearest.accuracy - np.mean(right)) < 0.5 / len(right)
    assert nearest.accuracy > 0.6
