"""How a network's text becomes a Keras model, and a trained one its files.

Input is raw pixels, uint8 (n, 28, 28), 0 to 255; scaling to [0, 1] is inside. Output is (n, classes), ten
for digits: the last layer is Dense with as many units, a bias, and softmax or sigmoid.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import initializers, layers, optimizers

from core.config import TrainingConfig
from core.drawing.mnist_form import IMAGE_SHAPE
from core.keras_file import make_portable
from core.layers import Layer
from core.network import Block
from core.runs.files import KERAS_MODEL, LITERT_MODEL

EQUAL, LARGE = 0.05, 1.0  # each first weight, and their standard deviation, where the config says so
MOMENTUM = 0.9


def build(config: TrainingConfig) -> keras.Model:
    """The network of `config`, untrained; the same seed gives the same first weights.

    Every model is compiled as it is trained (its optimizer, sparse categorical cross-entropy), so that a saved one can
    be trained further by plain Keras.
    """
    keras.utils.set_random_seed(config.seed)
    pixels = keras.Input(IMAGE_SHAPE, dtype="uint8", name="images")
    model = keras.Sequential([pixels, *keras_layers(config)], name=config.model)
    model.compile(_optimizer(config), "sparse_categorical_crossentropy", metrics=["accuracy"])
    no_decay = [weight for weight in model.trainable_variables if len(weight.shape) == 1]  # biases, normalisations
    model.optimizer.exclude_from_weight_decay(var_list=no_decay)
    model.optimizer.build(model.trainable_variables)
    return model


def keras_layers(config: TrainingConfig) -> list[layers.Layer]:
    """The layers of `config`, new, named as in core.network, after one that scales the pixels and adds the channel."""
    scale = 1 / 255 if config.pixels == "0-1" else 1.0
    made = [layers.Rescaling(scale, name="rescaling"), layers.Reshape((*IMAGE_SHAPE, 1), name="channel")]
    return made + [_keras_layer(block, config) for block in config.layers.blocks]


def _keras_layer(block: Block, config: TrainingConfig) -> layers.Layer:
    layer, name = block.layer, block.name
    weights = {"use_bias": block.bias, "kernel_initializer": _initializer(config.first_weights), "name": name}
    match layer.kind:
        case "dense":
            return layers.Dense(layer.size, **weights)
        case "output":
            return layers.Dense(config.classes, activation=layer.activation, **weights)
        case "conv":
            padding = "same" if layer.same else "valid"
            return layers.Conv2D(layer.size, layer.window, layer.stride, padding, **weights)
        case "pool":
            pool = layers.AveragePooling2D if layer.average else layers.MaxPooling2D
            return pool(layer.window, layer.stride, name=name)
        case "global pool":
            return (layers.GlobalAveragePooling2D if layer.average else layers.GlobalMaxPooling2D)(name=name)
        case "flatten":
            return layers.Flatten(name=name)
        case "norm":
            return layers.BatchNormalization(momentum=0.9, name=name)
        case "dropout":
            return layers.Dropout(layer.share, name=name)
    return layers.Activation(_activation(layer), name=name)


def _activation(layer: Layer) -> str:
    return layer.kind.replace(" ", "_")


def _initializer(name: str) -> initializers.Initializer | str:
    """Glorot and Bengio (2010), He et al. (2015), or one of three that show what first weights are good for."""
    match name:
        case "he":
            return "he_uniform"
        case "zeros":
            return "zeros"
        case "equal":
            return initializers.Constant(EQUAL)
        case "large":
            return initializers.RandomNormal(stddev=LARGE)
    return "glorot_uniform"


def _optimizer(config: TrainingConfig) -> optimizers.Optimizer:
    settings = {
        "learning_rate": config.learning_rate,
        "weight_decay": config.weight_decay or None,
        "name": "sgd" if config.optimizer == "momentum" else config.optimizer,  # the same in each run of a process
    }
    match config.optimizer:
        case "sgd":
            return optimizers.SGD(**settings)
        case "momentum":
            return optimizers.SGD(momentum=MOMENTUM, **settings)
        case "rmsprop":
            return optimizers.RMSprop(**settings)
    return optimizers.Adam(**settings)


def output_layer(model: keras.Model) -> layers.Dense:
    """The last layer, whose input is the last hidden layer, and whose values before the activation are the logits."""
    return model.layers[-1]


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
        A model from uint8 (n, 28, 28) to `probabilities` (n, classes), which sum to 1, and `hidden` (n, d), the last
        hidden layer; where the network ends in sigmoids also to its `scores` (n, classes), which do not sum to 1. Keras
        trains those as it trains a softmax: its sparse categorical cross-entropy takes the values before the activation
        (`_get_logits` in keras/src/backend/tensorflow/nn.py). So the softmax of these values is the distribution
        that was trained, and not the scores divided by their sum.
    """
    output = output_layer(model)
    outputs = {"probabilities": output.output, "hidden": output.input}
    if output.activation is keras.activations.sigmoid:
        logits = layers.Dense(output.units, name="logits")
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
