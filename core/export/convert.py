"""A run's Keras model in the other formats. TensorFlow is needed here, so no page imports this.

The run's model is loaded as code: only what this program itself wrote may be given to it.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import tensorflow as tf  # isort: skip  # before all others, as in core.training.worker

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import keras
import numpy as np

from core import models
from core.drawing.mnist_form import IMAGE_SHAPE
from core.keras_file import make_portable

VERSION = "1"  # the folder in a zipped SavedModel: TensorFlow Serving serves numbered ones, the highest of them
Reader = Callable[[np.ndarray], np.ndarray]  # uint8 (n, 28, 28) to float32 (n, classes)


def convert(name: str, source: Path, target: Path) -> None:
    """Write the Keras model in `source` as the format `name` to `target`, whose suffix is the format's.

    Raises:
        KeyError: for a format that is not made from a Keras model.
        ImportError: where a package is missing.
    """
    _WRITERS[name](models.for_export(keras.saving.load_model(source)), target)


def _keras(model: keras.Model, target: Path) -> None:
    _only_probabilities(model).save(target)
    make_portable(target)


def _int8(model: keras.Model, target: Path) -> None:
    # Weights become int8; what passes between layers is quantised as it comes, so no images are needed to calibrate by,
    # and the softmax stays in floats: the probabilities still sum to 1.
    model.export(target, format="litert", verbose=False, optimizations=[tf.lite.Optimize.DEFAULT])


def _onnx(model: keras.Model, target: Path) -> None:
    import onnx

    named = keras.Model(model.inputs[0], {"probabilities": model.output["probabilities"]}, name=model.name)
    named(np.zeros((1, *IMAGE_SHAPE), np.uint8))  # Keras exports to ONNX only what was called
    named.export(target, format="onnx", verbose=False)
    graph = onnx.load(target)
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"  # tf2onnx calls it unk__24 or so
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, target)


def _saved_model(model: keras.Model, target: Path) -> None:
    # By TensorFlow itself: Keras' own export keeps every weight twice
    images = tf.TensorSpec((None, *IMAGE_SHAPE), tf.uint8, name="images")
    serve = tf.function(lambda images: model(images, training=False)["probabilities"], [images])
    named = tf.function(lambda images: {"probabilities": serve(images)}, [images])
    module = tf.Module()
    module.serve, module.weights = serve, [variable.value for variable in model.variables]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, str(Path(folder, VERSION)), signatures=named)
        shutil.make_archive(str(target.with_suffix("")), "zip", folder)


def _only_probabilities(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs[0], model.output["probabilities"], name=model.name)


def keras_reader(path: Path) -> Reader:
    """Read images with a `.keras` file."""
    return keras.saving.load_model(path).predict_on_batch


def saved_model_reader(path: Path) -> Reader:
    """Read images with a zipped SavedModel that was written here."""
    with tempfile.TemporaryDirectory() as folder:
        ZipFile(path).extractall(folder)
        model = tf.saved_model.load(str(Path(folder, VERSION)))
    return lambda images: model.serve(images).numpy()


_WRITERS = {"keras": _keras, "int8": _int8, "onnx": _onnx, "savedmodel": _saved_model}
