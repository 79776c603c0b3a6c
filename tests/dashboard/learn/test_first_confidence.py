"""The number of a lesson that is read from a network before it was trained."""

from __future__ import annotations

import numpy as np
import pytest

from core.config import TrainingConfig
from core.runs.weights import write_epoch_weights
from dashboard.components.learn.numbers import NUMBERS
from tests.support.networks import random_weights

FIRST = NUMBERS["first_confidence"]


def test_a_network_of_zeros_is_no_surer_than_one_in_ten_and_without_weights_nothing_is_known(store, digits):
    run = store.create(TrainingConfig(model="linear", first_weights="zeros"))
    assert FIRST.read(run, digits) is None
    zeros = {
        layer: {name: np.zeros_like(array) for name, array in arrays.items()}
        for layer, arrays in random_weights(run.config.layers).items()
    }
    write_epoch_weights(run.path, zeros, 0)
    assert FIRST.read(run, digits) == pytest.approx(0.1)
    assert FIRST.kind.text(0.1) == "10.00 %"
