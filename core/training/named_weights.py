"""A Keras model's weights by the names of layer and weight, as core.runs.weights keeps them."""

from __future__ import annotations

import keras

from core.runs.weights import Weights

NAMES = {"moving_mean": "mean", "moving_variance": "variance"}


def weights_by_name(model: keras.Model) -> Weights:
    """Copies of all weights of this moment, float32; dropout's random state is not one."""
    named: Weights = {}
    for layer in model.layers:
        for weight in layer.weights:
            if weight.dtype == "float32":
                named.setdefault(layer.name, {})[NAMES.get(weight.name, weight.name)] = weight.numpy()
    return named
