"""A run as TensorBoard and MLflow have it, read back with their own packages."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.config import TrainingConfig
from core.data.kept import Datasets
from core.evaluation import figures
from core.evaluation.predictions import load_predictions
from core.export import __main__, tracking
from core.runs.weights import kept_epochs, weight_shapes
from tests.support.classes import LETTERS, dataset
from tests.support.runs import fill_run

pytestmark = pytest.mark.slow


@pytest.fixture
def run(store, digits, digits_file, monkeypatch):
    """A run of three epochs with weights from before the first batch on, whose settings MLflow gets."""
    monkeypatch.setenv("DIGITLAB_HOME", str(store.home))
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    run = fill_run(store.create(TrainingConfig("dense", epochs=3, learning_rate=0.01), "Mine (best)"), digits)
    random = np.random.default_rng(0)
    shapes = weight_shapes(run.config.layers)
    for epoch in range(4):
        weights = {
            layer: {name: random.normal(epoch, 1, shape).astype(np.float32) for name, shape in names.items()}
            for layer, names in shapes.items()
        }
        run.write_epoch_weights(weights, epoch)
    run.write_weights(weights, 3)
    assert kept_epochs(run.path) == [0, 1, 2, 3]
    return run


def export(run, *arguments):
    """The exit status of the command for this run."""
    return __main__.main([run.id, "--format", *map(str, arguments)])


def test_tensorboard_reads_curves_weights_and_the_confusion_matrix(run, digits, tmp_path, capsys):
    pytest.importorskip("tensorboard", reason=tracking.INSTALL)
    from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    out = tmp_path / "logs"
    assert export(run, "tensorboard", "--out", out) == 0
    assert export(run, "tensorboard", "--out", out) == 0  # takes the place of the first
    assert f"tensorboard --logdir {out}" in capsys.readouterr().out

    def read(name):
        found = EventAccumulator(str(out / run.id / name), size_guidance={TENSORS: 0})
        found.Reload()
        return {
            tag: [(event.step, make_ndarray(event.tensor_proto)) for event in found.Tensors(tag)]
            for tag in found.Tags()["tensors"]
        }

    def numbers(points):
        return [(step, pytest.approx(float(value))) for step, value in points]

    train, validation, test = (read(name) for name in ("train", "validation", "test"))
    history = run.history()
    assert numbers(train["epoch_loss"]) == [(epoch["epoch"], epoch["loss"]) for epoch in history.epochs]
    assert numbers(validation["epoch_accuracy"]) == [
        (epoch["epoch"], epoch["val_accuracy"]) for epoch in history.epochs
    ]
    assert numbers(train["batch_loss"]) == [(batch["step"], batch["loss"]) for batch in history.batches]
    assert numbers(test["epoch_accuracy"]) == [(3, run.test_accuracy)]
    assert {"dense_1/kernel", "dense_1/bias", "output/kernel", "output/bias"} < set(train)
    steps = dict(train["dense_1/kernel"])
    assert set(steps) == {0, 1, 2, 3}
    for epoch, buckets in steps.items():  # rows of left, right and count
        assert buckets[:, 2].sum() == 784 * 128
        assert np.average(buckets[:, :2].mean(axis=1), weights=buckets[:, 2]) == pytest.approx(epoch, abs=0.3)
    [(step, (width, height, png))] = test["confusion_matrix"]
    with Image.open(io.BytesIO(png)) as picture:
        assert (step, picture.size) == (3, (int(width), int(height)))
    assert load_predictions(run, digits, None).matrix.sum() == 397


def test_mlflow_has_params_metrics_with_steps_and_files(run, tmp_path, capsys):
    pytest.importorskip("mlflow", reason=tracking.INSTALL)
    pytest.importorskip("sqlalchemy", reason=tracking.INSTALL)
    from mlflow import MlflowClient

    out = tmp_path / "store"
    assert export(run, "mlflow", "--out", out) == 0
    address = f"sqlite:///{(out / 'mlflow.db').as_posix()}"
    assert f"mlflow ui --backend-store-uri {address}" in capsys.readouterr().out
    client = MlflowClient(address)
    [found] = client.search_runs([client.get_experiment_by_name("Digit Lab").experiment_id])
    assert (found.info.run_name, found.info.status) == ("Mine (best)", "FINISHED")
    assert found.data.tags["digit_lab.run"] == run.id
    assert found.data.params["learning_rate"] == "0.01"
    assert found.data.params["layers"] == "flatten, dense 128, relu, output softmax"
    history, key = run.history(), found.info.run_id
    for name, step, events in (
        ("val_accuracy", "epoch", history.epochs),
        ("loss", "epoch", history.epochs),
        ("batch_loss", "step", history.batches),
    ):
        points = [(point.step, point.value) for point in client.get_metric_history(key, name)]
        assert points == [(event[step], event[name.removeprefix("batch_")]) for event in events]
    assert found.data.metrics["test_accuracy"] == pytest.approx(run.test_accuracy)
    kept = {file.path for file in client.list_artifacts(key)}
    assert {"config.json", "model.tflite", "weights.npz", "confusion_matrix.png", "events.jsonl"} <= kept
    copy = client.download_artifacts(key, "model.tflite", str(tmp_path))
    assert Path(copy).read_bytes() == run.model_path.read_bytes()


def test_the_store_that_the_environment_names_is_taken_and_why_it_cannot_be_used_is_said(run, monkeypatch, capsys):
    pytest.importorskip("mlflow", reason=tracking.INSTALL)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://lab1")
    assert export(run, "mlflow") == 2
    assert "The store at nowhere://lab1 cannot be used: " in capsys.readouterr().err


def test_a_missing_package_and_a_run_without_curves_are_said(run, store, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    assert export(run, "tensorboard") == 2
    said = capsys.readouterr().err
    assert said == "TensorBoard takes the package tensorboard. Install it: pip install -r requirements-tracking.txt\n"
    monkeypatch.setattr(tracking, "find_spec", lambda name: sys)
    assert export(store.create(TrainingConfig("dense"), "New"), "mlflow") == 2
    assert "New has no curves to write for MLflow" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        export(run, "onnx", "--out", tmp_path)
    assert "--out goes with --format tensorboard or mlflow" in capsys.readouterr().err


def test_a_run_of_a_dataset_that_was_added_has_its_matrix_with_the_names_of_its_classes(run, store, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "confusion_figure", lambda matrix, title, *, names: (matrix, names))
    monkeypatch.setattr(figures, "figure_bytes", drawn.append)
    others = dataset(LETTERS, train=5, test=2)
    kept = Datasets(store.home).add(others, "Letters")
    trained = store.create(TrainingConfig("dense", epochs=3, dataset=kept.fingerprint, classes=26))
    trained.write_dataset({"fingerprint": kept.fingerprint, "classes": list(LETTERS)})
    trained.write_probabilities(np.eye(26, dtype=np.float32)[others.y_test])
    assert tracking._confusion(trained)[1] == ""
    [(matrix, shown)] = drawn
    assert matrix.tolist() == (2 * np.eye(26, dtype=int)).tolist()
    assert shown == LETTERS


def test_without_its_dataset_a_run_is_written_without_the_confusion_matrix(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard", reason=tracking.INSTALL)
    run.write_dataset({"name": "MNIST", "source": "elsewhere", "fingerprint": "0" * 16})
    assert export(run, "tensorboard", "--out", tmp_path / "logs") == 0
    assert "The confusion matrix was left out: This run was trained and tested on MNIST" in capsys.readouterr().out
