"""Counts without TensorFlow are Keras' own, the named networks are what they were, and shapes are where one looks."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

from core import models
from core.config import MODELS, TrainingConfig
from core.network import read_network

pytestmark = pytest.mark.slow

TEXTS = [
    "conv 4 5 stride 2 same, norm, leaky relu, average pool 3 stride 2, conv 6 3, pool, norm, gelu, flatten, dense 7, "
    "elu, dropout 0.2, output softmax",
    "norm, conv 3 4 stride 3, tanh, conv 5 2 same, global pool, norm, dense 9, sigmoid, output sigmoid",
    "average pool, conv 3 3 stride 2 same, global max pool, output softmax",
    "conv 2 3, flatten, norm, dense 4, norm, relu, output softmax",
]


@pytest.mark.parametrize("text", [*TEXTS, *(info.network().text for info in MODELS.values())])
def test_shapes_and_parameters_are_those_of_keras(text):
    config = TrainingConfig(network=text)
    model = models.build(config)
    blocks = config.layers.blocks
    assert [layer.name for layer in model.layers] == ["rescaling", "channel", *(block.name for block in blocks)]
    for layer, block in zip(model.layers[2:], blocks, strict=True):
        assert (layer.output.shape[1:], layer.count_params()) == (block.shape, block.parameters)
    assert model.count_params() == config.layers.parameters


@pytest.mark.parametrize("text", TEXTS)
def test_multiplications_are_those_of_kernels_at_each_place(text):
    config = TrainingConfig(network=text)
    layers = {layer.name: layer for layer in models.build(config).layers}
    for block in config.layers.blocks:
        layer = layers[block.name]
        kernel = getattr(layer, "kernel", None)
        places = int(np.prod(layer.output.shape[1:-1])) if kernel is not None else 0
        assert block.multiplications == places * (0 if kernel is None else int(np.prod(kernel.shape)))


@pytest.mark.parametrize("text", TEXTS)
def test_a_unit_sees_the_rows_of_pixels_whose_change_changes_it(text):
    blocks = read_network(re.sub("(?<!average )(?<!global )(?<!max )pool", "average pool", text)).blocks
    model = models.build(TrainingConfig(network=", ".join(block.layer.text for block in blocks)))
    inside = keras.Model(model.inputs, {layer.name: layer.output for layer in model.layers})
    image = np.random.default_rng(0).integers(0, 255, (28, 28)).astype(np.uint8)
    changed = np.stack([image, *(np.where(np.arange(28)[:, None] == row, 255 - image, image) for row in range(28))])
    outputs = inside(changed, training=False)
    for block in blocks:
        if len(block.shape) == 3:
            row = block.shape[0] // 2
            units = outputs[block.name].numpy()[:, row, row]
            rows = np.flatnonzero((units[1:] != units[0]).any(axis=1))
            middle = block.start + row * block.step
            assert (rows[0], rows[-1] + 1) == (middle - block.sees / 2, middle + block.sees / 2), block.layer.text


def test_the_classic_network_as_text_has_the_first_weights_of_the_script():
    keras.utils.set_random_seed(7)
    script = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(10, activation="sigmoid"),
        ]
    )
    ours = models.build(TrainingConfig("seed", seed=7, network="flatten, dense 100 relu, dense 10 sigmoid"))
    for expected, weight in zip(script.get_weights(), ours.get_weights(), strict=True):
        assert np.array_equal(expected, weight)


def test_a_network_with_dropout_and_normalisation_has_the_first_weights_of_plain_keras():
    keras.utils.set_random_seed(3)
    plain = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.Conv2D(32, 5, use_bias=False),
            keras.layers.MaxPooling2D(),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Conv2D(64, 5, use_bias=False),
            keras.layers.MaxPooling2D(),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(96, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    ours = models.build(TrainingConfig("best", seed=3))
    for expected, weight in zip(plain.weights, ours.weights, strict=True):
        assert np.array_equal(expected, weight)


@pytest.mark.parametrize(
    ("first_weights", "holds"),
    [
        ("zeros", lambda kernel: not kernel.any()),
        ("equal", lambda kernel: len(np.unique(kernel)) == 1 and kernel.any()),
        ("large", lambda kernel: 0.9 < kernel.std() < 1.1),
        ("he", lambda kernel: abs(kernel).max() <= np.sqrt(6 / 784) and abs(kernel).max() > np.sqrt(6 / 884)),
        ("glorot", lambda kernel: abs(kernel).max() <= np.sqrt(6 / 884)),
    ],
)
def test_first_weights_are_drawn_as_the_config_says(first_weights, holds):
    assert holds(models.build(TrainingConfig(first_weights=first_weights)).get_weights()[0])


@pytest.mark.parametrize(
    ("optimizer", "kind", "momentum"),
    [("adam", "Adam", None), ("sgd", "SGD", 0.0), ("momentum", "SGD", 0.9), ("rmsprop", "RMSprop", 0.0)],
)
def test_the_optimizer_is_the_one_that_was_chosen(optimizer, kind, momentum):
    made = models.build(TrainingConfig(optimizer=optimizer, learning_rate=0.02)).optimizer
    assert (type(made).__name__, getattr(made, "momentum", None)) == (kind, momentum)
    assert float(made.learning_rate) == pytest.approx(0.02)


def test_weight_decay_shrinks_kernels_alone():
    model = models.build(TrainingConfig("cnn", optimizer="sgd", learning_rate=0.5, weight_decay=0.1))
    before = [weight.numpy() for weight in model.trainable_variables]
    model.optimizer.apply([np.zeros_like(weight) for weight in before], model.trainable_variables)
    for old, new in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_allclose(new, old * (0.95 if old.ndim > 1 else 1), rtol=1e-6)


def test_counts_of_the_classic_network_are_those_of_arithmetic():
    network = read_network("flatten, dense 100, relu, output sigmoid")
    assert (network.parameters, network.multiplications) == (784 * 100 + 100 + 100 * 10 + 10, 784 * 100 + 100 * 10)
    assert not network.sees_pictures
