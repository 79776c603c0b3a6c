"""A run's curves, settings and results for the programs in which people compare runs: TensorBoard and MLflow.

Both are written by their own packages (requirements-tracking.txt), which are imported only then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from core.data import DatasetError, load_dataset
from core.data.kept import Datasets
from core.evaluation.predictions import PredictionsError, load_predictions
from core.runs import RunView

INSTALL = "pip install -r requirements-tracking.txt"
BATCH = ("loss", "accuracy", "learning_rate", "images_per_second")  # numbers of a batch event that are written
EPOCH = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "train_loss", "train_accuracy")


class TrackingError(ValueError):
    """A run cannot be written for a tracker; the message says why and what to do."""


@dataclass(frozen=True)
class Tracker:
    """A program that shows runs beside each other.

    Attributes:
        title: what people call it.
        package: the module that it takes.
        write: writes a run, with the picture of its confusion matrix where there is one, to a folder, or to what else
            the tracker takes; returns what to do to see it, in words.
    """

    title: str
    package: str
    write: Callable[[RunView, bytes | None, str | None], str]

    @property
    def is_missing(self) -> bool:
        """Whether its package is not installed."""
        return find_spec(self.package) is None


def _tensorboard(run: RunView, confusion: bytes | None, out: str | None) -> str:
    from core.export import event_files

    return event_files.write(run, confusion, out)


def _mlflow(run: RunView, confusion: bytes | None, out: str | None) -> str:
    from core.export import mlflow_store

    return mlflow_store.write(run, confusion, out)


TRACKERS = {
    "tensorboard": Tracker("TensorBoard", "tensorboard", _tensorboard),
    "mlflow": Tracker("MLflow", "mlflow", _mlflow),
}


def track(run: RunView, name: str, out: str | None = None) -> list[str]:
    """Write a run for the tracker `name`; returns what came of it, a line each.

    Args:
        run: with at least one batch in its history; it may still be in training.
        name: in `TRACKERS`.
        out: a folder, or with "mlflow" also the address of a tracking store; None for the default of each.

    Raises:
        TrackingError: where the package is missing, or nothing was trained yet.
        OSError: where it cannot be written.
    """
    tracker = TRACKERS[name]
    if tracker.is_missing:
        raise TrackingError(f"{tracker.title} takes the package {tracker.package}. Install it: {INSTALL}")
    if not run.history().batches:
        raise TrackingError(f"{run.name} has no curves to write for {tracker.title}. Choose a run that was trained.")
    _be_quiet()
    confusion, why_not = _confusion(run)
    lines = [tracker.write(run, confusion, out)]
    return [*lines, f"The confusion matrix was left out: {why_not}"] if why_not else lines


def _confusion(run: RunView) -> tuple[bytes | None, str]:
    """The confusion matrix on the test images as a PNG, or None and why there is none, as a sentence."""
    from core.evaluation.figures import confusion_figure, figure_bytes  # matplotlib is slow to import

    try:
        dataset = Datasets(run.home).open(run.wanted_dataset) or load_dataset(allow_download=False)
        reading = load_predictions(run, dataset, None)
    except (DatasetError, PredictionsError) as error:
        return None, str(error)
    return figure_bytes(confusion_figure(reading.matrix, run.name, names=reading.classes)), ""


def is_address(out: str) -> bool:
    """Whether it names a store, as "http://lab1:5000" or "sqlite:///mlflow.db", and not a folder."""
    return "://" in out or out == "databricks"


def _be_quiet() -> None:
    """Have the packages say nothing in the terminal and send no report of their use."""
    for name, value in {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    }.items():
        os.environ.setdefault(name, value)
