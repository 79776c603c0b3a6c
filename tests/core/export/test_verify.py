"""Exports: each answers as NumPy computes it from the weights, its proof is kept, and its code runs as it is shown."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from core import background
from core.compute import job
from core.config import TrainingConfig
from core.data import synthetic_digits
from core.data.my_digits import MyDigits
from core.export import __main__, verify
from core.export.formats import FORMATS
from core.predictor import Predictor, fingerprint, model_fingerprint
from core.runs import Run, RunStore
from core.runs.files import EXPORTS
from core.storage import read_json, write_json
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

EXPORT = """
import sys
from pathlib import Path
from zipfile import ZipFile
import keras, numpy as np
from core import models
from core.config import TrainingConfig
for name in ("seed", "cnn"):
    model = models.build(TrainingConfig(model=name))
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # as after training, when they are no longer 0 and 1
            layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    folder = Path(sys.argv[1]) / name
    folder.mkdir()
    models.save(model, folder)
    np.savez(folder / "weights.npz", *model.get_weights())
"""


def in_process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=environment.pop("cwd", ROOT),
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a classic network and a CNN, neither trained."""
    home = tmp_path_factory.mktemp("home")
    networks = tmp_path_factory.mktemp("networks")
    made = in_process("-c", EXPORT, str(networks))
    assert not made.returncode, made.stderr[-2000:]
    for name in ("seed", "cnn"):
        run = RunStore(home).create(TrainingConfig(model=name))
        shutil.copytree(networks / name, run.path, dirs_exist_ok=True)
        run.set_state("finished")
    return home


@pytest.fixture(scope="module")
def exported(home, digits_file):
    """What the command line printed for each of them, and the run."""
    found = {}
    for run in RunStore(home).runs():
        result = in_process("-m", "core.export", str(run.path), DIGITLAB_DATA=str(digits_file))
        assert result.returncode == 0, result.stderr[-2000:]
        found[run.config.model] = (run, result.stdout)
    return found


def test_the_command_line_exports_and_proves_every_format(exported, digits):
    for run, printed in exported.values():
        kept = verify.load(run)
        assert [found.format for found in kept.verifications] == list(FORMATS)
        assert not kept.stale(model_fingerprint(run.path), digits.fingerprint)
        for found in kept.verifications:
            assert found.is_same or found.format == "int8", found
            assert fingerprint(FORMATS[found.format].path(run).read_bytes()) == found.fingerprint
            assert str(FORMATS[found.format].path(run)) in printed
        small, whole = kept.of("int8"), kept.of("litert")
        assert small.bytes < whole.bytes / 3
        assert 0 < small.difference < 0.1
        assert not (run.path / "exports" / ".making").exists()


def test_each_export_of_the_classic_network_is_what_numpy_computes(exported, digits):
    run, _ = exported["seed"]
    with np.load(run.path / "weights.npz") as weights:
        hidden_w, hidden_b, output_w, output_b = (weights[key].astype(float) for key in weights.files)
    hidden = np.maximum(digits.x_test.reshape(-1, 784) / 255 @ hidden_w + hidden_b, 0)
    scores = np.exp(hidden @ output_w + output_b)
    expected = scores / scores.sum(axis=1, keepdims=True)
    for name, answers in read_elsewhere(run, digits.x_test).items():
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(answers, expected, atol=0.1 if name == "int8" else 1e-5, err_msg=name)


def read_elsewhere(run, images):
    """The answers of each exported file, from a process of its own: no test brings TensorFlow into this one."""
    code = (
        "import sys, numpy as np; from pathlib import Path; from core.export import verify; "
        "images = np.load(sys.argv[1]); files = dict(each.split('=', 1) for each in sys.argv[2:]); "
        "np.savez(sys.argv[1] + '.npz', "
        "**{name: verify.load_reader(name, Path(file))(images) for name, file in files.items()})"
    )
    file = run.path / "images.npy"
    np.save(file, images)
    result = in_process("-c", code, str(file), *(f"{name}={FORMATS[name].path(run)}" for name in FORMATS))
    assert not result.returncode, result.stderr[-2000:]
    with np.load(f"{file}.npz") as answers:
        return {name: answers[name] for name in FORMATS}


@pytest.mark.parametrize("name", FORMATS)
def test_the_code_beside_a_format_runs_as_it_is_shown(exported, digits, tmp_path, name):
    run, _ = exported["cnn"]
    format = FORMATS[name]
    assert len(format.snippet.splitlines()) <= 10
    shutil.copyfile(format.path(run), tmp_path / format.file)
    Image.fromarray(digits.x_test[5]).save(tmp_path / "digit.png")
    result = in_process("-c", format.snippet, cwd=tmp_path)
    assert not result.returncode, result.stderr[-2000:]
    digit, confidence = result.stdout.replace("[", " ").replace("]", " ").split()
    expected = Predictor.load(run.path).probabilities(digits.x_test[5:6])[0]
    assert int(digit) == expected.argmax()
    assert float(confidence) == pytest.approx(expected.max(), abs=0.1 if name == "int8" else 1e-4)


def test_a_run_that_was_trained_further_has_no_proof_and_keeps_no_file_of_before(exported, digits, tmp_path):
    run, _ = exported["seed"]
    copy = RunStore(tmp_path).create(TrainingConfig(model="seed"))
    shutil.copytree(run.path, copy.path, dirs_exist_ok=True)
    (copy.path / "model.keras").unlink()
    (copy.path / "model.tflite").write_bytes((exported["cnn"][0].path / "model.tflite").read_bytes())
    before = verify.load(copy)
    assert before.stale(model_fingerprint(copy.path), digits.fingerprint)
    assert verify.verified_file(copy, before, "litert") is None
    assert job.execute(copy, "export", background.TASKS["export"], digits)
    assert [found.format for found in verify.load(copy).verifications] == ["litert"]
    assert not list((copy.path / "exports").glob("*"))


def test_a_file_that_was_changed_is_not_given_out(exported, tmp_path):
    run, _ = exported["seed"]
    copy = RunStore(tmp_path).create(TrainingConfig(model="seed"))
    shutil.copytree(run.path, copy.path, dirs_exist_ok=True)
    kept, path = verify.load(copy), FORMATS["onnx"].path(copy)
    assert verify.verified_file(copy, kept, "onnx") == path.read_bytes()
    path.write_bytes(path.read_bytes()[:-1])
    assert verify.verified_file(copy, kept, "onnx") is None
    path.unlink()
    assert verify.verified_file(copy, kept, "onnx") is None


class Noisy:
    """The run's model with something done to its answers."""

    def __init__(self, run, change):
        self.model, self.change = Predictor.load(run.path), change

    def outputs(self, images):
        return {"probabilities": self.change(self.model.probabilities(images))}


def test_a_proof_counts_what_differs(exported, digits, tmp_path):
    run = RunStore(tmp_path).create(TrainingConfig(model="seed"))
    shutil.copyfile(exported["seed"][0].path / "model.tflite", run.path / "model.tflite")
    reversed_, few = Noisy(run, lambda rows: rows[:, ::-1]), replace(digits, x_test=digits.x_test[:40])
    few = replace(few, y_test=digits.y_test[:40])
    right = Predictor.load(run.path).probabilities(few.x_test)
    [found] = verify.export_all(run, reversed_, "model", few).verifications
    assert found.difference == pytest.approx(np.abs(right - right[:, ::-1]).max())
    assert found.different == (right.argmax(axis=1) != 9 - right.argmax(axis=1)).sum() == 40
    assert found.accuracy == pytest.approx((right.argmax(axis=1) == few.y_test).mean())
    assert not found.is_same
    written, labels = synthetic_digits.write_digits(np.random.default_rng(0), verify.WRITTEN)
    assert found.drawings == (Predictor.load(run.path).probabilities(written).argmax(axis=1) == labels).sum()


def test_my_own_digits_stand_for_drawings_once_there_are_enough(store, digits):
    run = store.create(TrainingConfig())
    assert "written by a program" in verify.drawings(run)[0]
    for image in digits.x_train[: 3 * verify.ENOUGH_DIGITS]:
        MyDigits(store.home).add(image, 4, said=None, run_id="x")
    words, images, labels = verify.drawings(run)
    assert "yours" in words
    np.testing.assert_array_equal(images, digits.x_train[2 : 3 * verify.ENOUGH_DIGITS : 3])
    assert set(labels) == {4}


def test_a_format_that_fails_is_told_and_the_others_are_done(exported, digits, tmp_path, monkeypatch):
    run = RunStore(tmp_path).create(TrainingConfig(model="seed"))
    shutil.copyfile(exported["seed"][0].path / "model.tflite", run.path / "model.tflite")
    (run.path / "model.keras").write_bytes(b"no model")
    monkeypatch.setattr(verify, "_made", lambda run, format, folder: 1 / 0 if format.name == "int8" else _litert(run))
    kept = verify.export_all(run, Predictor.load(run.path), "model", digits, names=["litert", "int8"])
    assert kept.of("int8").error == "ZeroDivisionError: division by zero"
    assert kept.of("litert").is_same
    assert verify.verified_file(run, kept, "int8") is None
    assert verify.load(run) == kept


def _litert(run):
    return run.path / "model.tflite"


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: values.pop("model"),
        lambda values: values.update(images=-1),
        lambda values: values.update(proofs=None),
        lambda values: values["proofs"][0].update(format="exe"),
        lambda values: values["proofs"][0].update(format=[]),
        lambda values: values["proofs"][0].update(accuracy=7),
        lambda values: values["proofs"][0].update(bytes="many"),
        lambda values: values["proofs"][0].update(seconds_all=float("nan")),
        lambda values: values["proofs"].append(3),
    ],
)
def test_a_damaged_proof_is_none(exported, store, damage):
    run = store.create(TrainingConfig())
    verify.load(exported["seed"][0]).save(run)
    values = read_json(run.path / EXPORTS)
    assert verify.load(run) is not None
    damage(values)
    write_json(run.path / EXPORTS, values)
    assert verify.load(run) is None


def test_what_cannot_be_exported_is_said(exported, store, monkeypatch, capsys):
    def refused(*arguments):
        assert __main__.main(list(arguments)) == 2
        return capsys.readouterr().err

    run = exported["seed"][0]
    assert "neither a run folder nor the id" in refused("nothing")
    assert "file already" in refused(str(ROOT / "core" / "starter"))
    empty = store.create(TrainingConfig())
    assert "no model yet" in refused(str(empty.path))
    (empty.path / "model.tflite").touch()
    assert "LiteRT only" in refused(str(empty.path), "--format", "keras")
    monkeypatch.setattr("core.export.formats.find_spec", lambda name: None)
    assert "pip install -r requirements-export.txt" in refused(str(run.path), "--format", "onnx")


LAYER = {"name", "trainable", "dtype"}
KERAS_3_8 = {  # what its classes take, by inspect.signature there; of a network's own, what it looks for
    "Sequential": LAYER | {"layers", "build_input_shape"},
    "Functional": {"name", "trainable", "layers", "input_layers", "output_layers"},
    "InputLayer": LAYER | {"batch_shape", "sparse", "optional", "ragged"},  # it passes over ragged
    "Rescaling": LAYER | {"scale", "offset"},
    "Flatten": LAYER | {"data_format"},
    "Reshape": LAYER | {"target_shape"},
    "Dense": LAYER | {"units", "activation", "use_bias", "kernel_initializer", "bias_initializer"},
    "Conv2D": LAYER
    | {"filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "activation", "use_bias"}
    | {"kernel_initializer", "bias_initializer"},
    "MaxPooling2D": LAYER | {"pool_size", "strides", "padding", "data_format"},
    "BatchNormalization": LAYER
    | {"momentum", "beta_initializer", "gamma_initializer", "moving_mean_initializer", "moving_variance_initializer"},
    "Activation": LAYER | {"activation"},
    "Dropout": LAYER | {"rate", "seed", "noise_shape"},
    "Adam": {"name", "learning_rate"},
    "GlorotUniform": set(),
    "Zeros": set(),
    "Ones": set(),
}


def arguments(value):
    """Every object of a serialised network: its class and the arguments that are written down."""
    for each in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from arguments(each)
    if isinstance(value, dict) and value.get("class_name") not in (None, "__keras_tensor__", "DTypePolicy"):
        yield value["class_name"], set(value["config"])


@pytest.mark.parametrize("file", ["model.keras", "exports/model.keras"])
def test_a_keras_file_names_only_what_keras_3_8_knows(exported, file):
    for run, _ in exported.values():
        with ZipFile(run.path / file) as archive:
            found = list(arguments(json.loads(archive.read("config.json"))))
        assert {"InputLayer", "Dense"} <= {name for name, _ in found}
        for name, written in found:
            assert written <= KERAS_3_8[name], name


def test_a_saved_model_is_a_numbered_version(exported):
    run, _ = exported["cnn"]
    with ZipFile(FORMATS["savedmodel"].path(run)) as archive:
        assert "1/saved_model.pb" in archive.namelist()


def test_exports_in_an_earlier_form_are_made_again(exported, digits, tmp_path):
    run, _ = exported["seed"]
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    write_json(copy.path / EXPORTS, {k: v for k, v in read_json(run.path / EXPORTS).items() if k != "form"})
    assert verify.load(copy).stale(model_fingerprint(copy.path), digits.fingerprint)
