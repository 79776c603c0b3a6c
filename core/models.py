"""The architectures, each the list of its layers. A new one is a function here and an entry in core.config.MODELS.

Input is raw pixels, uint8 (n, 28, 28), 0 to 255; scaling to [0, 1] is inside. Output is (n, 10): the last layer is
Dense with ten units, a bias, and softmax or sigmoid, which `build` checks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
from keras import layers

from core.config import TrainingConfig
from core.drawing.mnist_form import IMAGE_SHAPE
from core.keras_file import make_portable
from core.runs.files import KERAS_MODEL, LITERT_MODEL

CLASSES = 10  # the digits


def seed(config: TrainingConfig) -> list[layers.Layer]:
    """The classic script's network; its ten sigmoid scores do not sum to 1."""
    return [
        layers.Rescaling(1 / 255, name="rescaling"),
        layers.Flatten(name="flatten"),
        layers.Dense(100, activation="relu", name="hidden"),
        layers.Dense(CLASSES, activation="sigmoid", name="output"),
    ]


def dense(config: TrainingConfig) -> list[layers.Layer]:
    """Fully connected layers of free number and width, then softmax."""
    hidden = []
    for number, units in enumerate(config.hidden_layers, start=1):
        hidden += [layers.Dense(units, activation="relu", name=f"hidden_{number}")]
        if config.dropout:
            hidden += [layers.Dropout(config.dropout, name=f"dropout_{number}")]
    return [
        layers.Rescaling(1 / 255, name="rescaling"),
        layers.Flatten(name="flatten"),
        *hidden,
        layers.Dense(CLASSES, activation="softmax", name="output"),
    ]


def cnn(config: TrainingConfig) -> list[layers.Layer]:
    """Two convolutions with pooling and batch normalisation (Ioffe and Szegedy, 2015), then one hidden layer."""
    return _convolutional(config, 16, 32, 128)


def best(config: TrainingConfig) -> list[layers.Layer]:
    """The CNN with more filters: what a network on two processor cores has time for."""
    return _convolutional(config, 32, 64, 96)


def _convolutional(config: TrainingConfig, first: int, second: int, units: int) -> list[layers.Layer]:
    return [
        layers.Rescaling(1 / 255, name="rescaling"),
        layers.Reshape((*IMAGE_SHAPE, 1), name="channel"),
        layers.Conv2D(first, 5, use_bias=False, name="convolution_1"),
        layers.MaxPooling2D(name="pooling_1"),  # before the rest, which then has a quarter of the numbers to do
        *_normalised(1),
        layers.Conv2D(second, 5, use_bias=False, name="convolution_2"),
        layers.MaxPooling2D(name="pooling_2"),
        *_normalised(2),
        layers.Flatten(name="flatten"),
        layers.Dense(units, use_bias=False, name="features"),
        *_normalised(3, relu="hidden"),
        *([layers.Dropout(config.dropout, name="dropout")] if config.dropout else []),
        layers.Dense(CLASSES, activation="softmax", name="output"),
    ]


def _normalised(number: int, relu: str | None = None) -> list[layers.Layer]:
    """Batch normalisation, whose shift is the bias of the layer before it, then ReLU."""
    return [
        layers.BatchNormalization(momentum=0.9, name=f"normalisation_{number}"),
        layers.Activation("relu", name=relu or f"relu_{number}"),
    ]


def build(config: TrainingConfig) -> keras.Model:
    """The network of `config`, untrained; the same seed gives the same first weights.

    Every model is compiled as it is trained (Adam, sparse categorical cross-entropy), so that a saved one can be
    trained further by plain Keras.
    """
    keras.utils.set_random_seed(config.seed)
    architecture = getattr(sys.modules[__name__], config.model)
    pixels = keras.Input(IMAGE_SHAPE, dtype="uint8", name="images")
    model = keras.Sequential([pixels, *architecture(config)], name=config.model)
    _check_output(model)
    model.compile(keras.optimizers.Adam(config.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def output_layer(model: keras.Model) -> layers.Dense:
    """The last layer, whose input is the last hidden layer, and whose values before the activation are the logits."""
    return model.layers[-1]


def _check_output(model: keras.Model) -> None:
    """Raise ValueError where a network does not end as training and export need it.

    Both take the values before the last activation: the loss finds them where Keras keeps them, which it does for
    softmax and sigmoid alone; evaluation and export calculate them from a Dense layer's kernel and bias.
    """
    last = output_layer(model)
    found = type(last).__name__
    if isinstance(last, layers.Dense):
        found = f"Dense({last.units}, {last.activation.__name__}, use_bias={last.use_bias})"
    wanted = [f"Dense({CLASSES}, {activation}, use_bias=True)" for activation in ("softmax", "sigmoid")]
    if found not in wanted:
        raise ValueError(
            f'The network "{model.name}" must end in {" or ".join(wanted)}, but its layer "{last.name}" is {found}.'
        )


def architecture_rows(model: keras.Model) -> list[dict]:
    """The layers as data: name, kind, output shape without the batch, and number of parameters."""
    return [
        {
            "name": layer.name,
            "kind": type(layer).__name__,
            "shape": list(layer.output.shape[1:]),
            "parameters": layer.count_params(),
        }
        for layer in model.layers
    ]


def for_export(model: keras.Model) -> keras.Model:
    """A copy of the network with named outputs, for those who only look, with the weights of this moment.

    Returns:
        A model from uint8 (n, 28, 28) to `probabilities` (n, 10), which sum to 1, and `hidden` (n, d), the last hidden
        layer; where the network ends in sigmoids also to its `scores` (n, 10), which do not sum to 1. Keras trains
        those as it trains a softmax: its sparse categorical cross-entropy takes the values before the activation
        (`_get_logits` in keras/src/backend/tensorflow/nn.py). So the softmax of these values is the distribution
        that was trained, and not the scores divided by their sum.
    """
    output = output_layer(model)
    outputs = {"probabilities": output.output, "hidden": output.input}
    if output.activation is keras.activations.sigmoid:
        logits = layers.Dense(CLASSES, name="logits")
        outputs["scores"] = output.output
        outputs["probabilities"] = layers.Activation("softmax", name="probabilities")(logits(output.input))
        logits.set_weights(output.get_weights())
    return keras.Model(model.inputs, outputs, name=model.name)


def save(model: keras.Model, folder: Path) -> None:
    """Write `folder`/model.keras and `folder`/model.tflite, each in one step."""
    whole = folder / ".partial.keras"
    model.save(whole)
    make_portable(whole)
    whole.replace(folder / KERAS_MODEL)
    lite = folder / ".partial.tflite"
    for_export(model).export(lite, format="litert", verbose=False)
    lite.replace(folder / LITERT_MODEL)
