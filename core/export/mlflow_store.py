"""A run in an MLflow tracking store: settings as params, curves as metrics with their steps, and its files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.export.tracking import BATCH, EPOCH, INSTALL, TrackingError, is_address
from core.home import absolute
from core.runs import RunView, files

EXPERIMENT = "Digit Lab"
FOLDER = "mlflow"  # in the current folder
RUN_TAG = "digit_lab.run"  # has the run's id
STATUS = {"queued": "SCHEDULED", "running": "RUNNING", "failed": "FAILED", "interrupted": "KILLED"}
MOST_METRICS = 1_000  # that a store takes at once
RESULTS = ("test_accuracy", "test_loss", "training_seconds", "parameters", "training_images", "validation_images")
KEPT = (
    *(files.CONFIG, files.SUMMARY, files.DATASET, files.ARCHITECTURE, files.EVENTS),
    *(files.PROBABILITIES, files.VALIDATION, files.WEIGHTS, files.LITERT_MODEL, files.KERAS_MODEL),
)


def write(run: RunView, confusion: bytes | None, out: str | None) -> str:
    """Write a run as a new one of the experiment "Digit Lab"; returns how to see it.

    Args:
        run: with a history.
        confusion: the picture of its confusion matrix, a PNG.
        out: the address of a tracking store, or a folder for one, in SQLite; None for MLFLOW_TRACKING_URI or else the
            folder "mlflow" here.

    Raises:
        TrackingError: where the store cannot be used.
        OSError: where a folder or a file cannot be read or written.
    """
    address = os.environ.get("MLFLOW_TRACKING_URI", "") if out is None else out if is_address(out) else ""
    folder = None if address else absolute(out or FOLDER)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        address = f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        _log(MlflowClient(address), run, confusion, folder)
    except ImportError as error:  # MLflow imports what a store takes when it opens one
        raise TrackingError(f"A store at {address} takes more packages ({error}). Install them: {INSTALL}") from error
    except MlflowException as error:
        raise TrackingError(f"The store at {address} cannot be used: {error.message}") from error
    return f"{run.name}: written to {address}. To see it: mlflow ui --backend-store-uri {address}"


def _log(client: Any, run: RunView, confusion: bytes | None, folder: Path | None) -> None:
    from mlflow.entities import Param

    experiment = client.get_experiment_by_name(EXPERIMENT)
    place = (folder / "artifacts").as_uri() if folder else None
    number = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT, place)
    history = run.history()
    began, ended = (round(1000 * event.get("time", 0)) for event in (history.batches[0], history.last_batch))
    tags = {RUN_TAG: run.id, "digit_lab.state": run.state.name, "digit_lab.dataset": run.dataset.get("name", "")}
    new = client.create_run(number, start_time=began, tags=tags, run_name=run.name).info.run_id
    settings = {**run.config.as_dict(), "layers": run.config.layers.text} if run.config else {}
    client.log_batch(new, params=[Param(name, str(value)) for name, value in settings.items()])
    metrics = [*_metrics(run)]
    for start in range(0, len(metrics), MOST_METRICS):
        client.log_batch(new, metrics=metrics[start : start + MOST_METRICS])
    for name in KEPT:
        if (run.path / name).exists():
            client.log_artifact(new, str(run.path / name))
    if confusion:
        with tempfile.TemporaryDirectory() as temporary:
            picture = Path(temporary, "confusion_matrix.png")
            picture.write_bytes(confusion)
            client.log_artifact(new, str(picture))
    client.set_terminated(new, STATUS.get(run.state.name, "FINISHED"), ended)


def _metrics(run: RunView) -> Iterator[Any]:
    """Numbers of batches by their step, of epochs by the epoch's number, and what came of the run."""
    from mlflow.entities import Metric

    history, summary = run.history(), run.summary or {}
    of_batches, of_epochs = ("batch_", "step", BATCH, history.batches), ("", "epoch", EPOCH, history.epochs)
    for prefix, step, names, events in (of_batches, of_epochs):
        for event in events:
            for name in names:
                if name in event:
                    yield Metric(prefix + name, event[name], round(1000 * event.get("time", 0)), event[step])
    for name in RESULTS:
        if name in summary:
            yield Metric(name, summary[name], round(1000 * summary.get("finished", 0)), summary.get("epochs", 0))
