"""`core.predictor` against the network it was exported from, computed once more in NumPy."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from core.predictor import CHUNK, ModelError, Predictor

pytestmark = pytest.mark.slow

EXPORT = """
import sys, pathlib, keras, numpy as np
from keras import layers
keras.utils.set_random_seed(4)
image = keras.Input((28, 28), dtype="uint8", name="image")
pixels = layers.Flatten()(layers.Rescaling(1 / 255)(image))
hidden = layers.Dense(16, activation="relu", bias_initializer="normal")(pixels)
scores = layers.Dense(10, activation="sigmoid", bias_initializer="normal")(hidden)
probabilities = layers.Lambda(lambda s: s / keras.ops.sum(s, axis=-1, keepdims=True))(scores)
outputs = {"probabilities": probabilities, "hidden": hidden, "scores": scores}
kinds = {"classic": [*outputs], "plain": ["probabilities", "hidden"], "bare": ["probabilities"]}
for kind, names in kinds.items():
    model = keras.Model(image, {name: outputs[name] for name in names})
    model.export(pathlib.Path(sys.argv[1], kind, "model.tflite"), format="litert", verbose=False)
np.savez(pathlib.Path(sys.argv[1], "classic", "weights.npz"), *model.get_weights())
"""


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Run folders of small networks, exported in a process of its own: TensorFlow stays out of this one."""
    folder = tmp_path_factory.mktemp("runs")
    for kind in ("classic", "plain", "bare"):
        (folder / kind).mkdir()
    subprocess.run([sys.executable, "-c", EXPORT, str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def classic_run(runs):
    """The classic network's run folder, with its three outputs and its weights."""
    return runs / "classic"


@pytest.fixture(scope="session")
def images():
    """More images than two chunks, the last chunk not full."""
    return np.random.default_rng(0).integers(0, 256, (2 * CHUNK + 7, 28, 28), dtype=np.uint8)


def forward(run, images):
    """Return hidden, scores and probabilities of the classic network, from its weights alone."""
    with np.load(run / "weights.npz") as file:
        first, first_bias, last, last_bias = (file[name] for name in file.files)
    hidden = np.maximum(images.reshape(len(images), -1) / 255 @ first + first_bias, 0)
    scores = 1 / (1 + np.exp(-(hidden @ last + last_bias)))
    return hidden, scores, scores / scores.sum(axis=1, keepdims=True)


def test_every_output_is_what_the_weights_say(classic_run, images):
    predictor = Predictor.load(classic_run)
    hidden, scores, probabilities = forward(classic_run, images)
    np.testing.assert_allclose(predictor.hidden(images), hidden, atol=1e-5)
    np.testing.assert_allclose(predictor.scores(images), scores, atol=1e-5)
    np.testing.assert_allclose(predictor.probabilities(images), probabilities, atol=1e-5)
    assert {name: values.dtype for name, values in predictor.outputs(images).items()} == dict.fromkeys(
        ("probabilities", "hidden", "scores"), np.dtype(np.float32)
    )


def test_no_images_give_empty_answers(classic_run):
    predictor, none = Predictor.load(str(classic_run)), np.zeros((0, 28, 28), np.uint8)
    assert predictor.probabilities(none).shape == (0, 10)
    assert predictor.hidden(none).shape == (0, 16)


def test_threads_share_one_predictor(classic_run, images):
    predictor = Predictor.load(classic_run)
    wanted, answers = predictor.probabilities(images), {}

    def read(part):
        answers[part] = predictor.probabilities(images[part * 40 : part * 40 + 10 + part])

    threads = [threading.Thread(target=read, args=(part,)) for part in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in range(10):
        np.testing.assert_allclose(answers[part], wanted[part * 40 : part * 40 + 10 + part], atol=1e-6)


def test_images_in_another_order_of_memory_read_the_same(classic_run, images):
    predictor = Predictor.load(classic_run)
    turned = np.ascontiguousarray(images.transpose(0, 2, 1)).transpose(0, 2, 1)
    np.testing.assert_array_equal(predictor.probabilities(turned), predictor.probabilities(images))


@pytest.mark.parametrize(
    "images", [np.zeros((1, 28, 28)), np.zeros((28, 28), np.uint8), np.zeros((1, 28, 28, 1), np.uint8), [1]]
)
def test_other_arrays_are_refused_by_name(classic_run, images):
    with pytest.raises(ValueError, match="images must"):
        Predictor.load(classic_run).probabilities(images)


def test_other_networks_have_no_scores_and_all_must_have_hidden(runs, images):
    assert Predictor.load(runs / "plain").scores(images) is None
    with pytest.raises(ModelError, match="no output named hidden"):
        Predictor.load(runs / "bare")


def test_a_missing_model_says_which_and_what_to_do(tmp_path):
    with pytest.raises(ModelError, match=r"model\.tflite does not exist\. Train"):
        Predictor.load(tmp_path)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_a_damaged_model_says_which_and_what_to_do(classic_run, tmp_path, keep):
    model = (classic_run / "model.tflite").read_bytes()
    (tmp_path / "model.tflite").write_bytes(model[: int(keep * len(model))])
    with pytest.raises(ModelError, match=r"model\.tflite is damaged .* Export the model again"):
        Predictor.load(tmp_path)
