"""Baselines, against scikit-learn's and a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from core.evaluation.baselines import baselines


@pytest.mark.filterwarnings("ignore:.*zero standard deviation")
def test_the_baselines_are_right_as_often_as_scikit_learns_and_as_counted_by_hand(digits):
    same, nearest = baselines(digits)
    counts = [list(digits.y_train).count(digit) for digit in range(10)]
    assert same.accuracy == np.mean([label == counts.index(max(counts)) for label in digits.y_test])
    x, y = (images.reshape(len(images), -1).astype(float) for images in (digits.x_train, digits.x_test))
    assert nearest.accuracy == (NearestCentroid().fit(x, digits.y_train).predict(y) == digits.y_test).mean()
    assert nearest.accuracy > 0.6
