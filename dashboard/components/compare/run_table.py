"""What the Compare page shows of each run: a row of numbers, the settings that differ, and its curve."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from core.config import TrainingConfig
from core.data import Dataset
from core.evaluation import calibration, predictions
from core.robustness import measure
from core.runs import Run
from dashboard.components.formatting import percent, seconds_in_words


@dataclass(frozen=True)
class Scores:
    """A run's numbers on the test images as fractions, None where they are not known."""

    accuracy: float | None = None
    corrected: float | None = None
    calibration_error: float | None = None


def scores(run: Run, dataset: Dataset) -> Scores:
    """A run's scores from its newest probabilities; for a run on other images only what its summary says."""
    try:
        reading = predictions.load_predictions(run, dataset, None)
    except predictions.PredictionsError:
        return Scores(accuracy=run.test_accuracy)
    return Scores(
        accuracy=reading.accuracy,
        corrected=reading.corrected.corrected if reading.corrected else None,
        calibration_error=calibration.expected_calibration_error(reading.labels, reading.probabilities),
    )


def robustness(run: Run) -> float | None:
    """The mean accuracy under changes, as a fraction; None before it was measured."""
    stored = measure.load(run)
    return stored.mean_accuracy if stored else None


def _fraction(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None


def reason_not_comparable(run: Run, dataset: Dataset) -> str | None:
    """Why a run cannot be compared on these test images, None where it can."""
    if run.too_new:
        return "a newer version of Digit Lab made it"
    if run.state.name == "damaged":
        return "it is damaged"
    if run.foreign_dataset(dataset):
        known = run.dataset
        return f"it was trained and tested on {known.get('name')} ({known.get('source')})"
    probabilities = run.probabilities()
    if probabilities is None:
        return "it has no predictions yet"
    if len(probabilities) != len(dataset.y_test):
        return f"it read {len(probabilities):,} test images, not the {len(dataset.y_test):,} here"
    return None


def unique_names(runs: Mapping[str, Run]) -> dict[str, str]:
    """The name of each run by its id, followed by the id where two share a name."""
    names = {run_id: run.name for run_id, run in runs.items()}
    count = Counter(names.values())
    return {run_id: name if count[name] == 1 else f"{name} · {run_id}" for run_id, name in names.items()}


SETTINGS: dict[str, Callable[[TrainingConfig], object]] = {
    "Hidden layers": lambda c: ", ".join(map(str, c.hidden_layers)) if c.info.free_layers else "–",
    "Batch size": lambda c: str(c.batch_size),
    "Learning rate": lambda c: f"{c.learning_rate:g}",
    "Dropout": lambda c: f"{c.dropout:g}" if c.info.free_dropout else "–",
    "Training images": lambda c: f"{c.training_images:,}" if c.training_images else "all",
    "Validation images": lambda c: "test set" if c.info.validates_on_test else f"{c.validation_images:,}",
    "Patience": lambda c: str(c.patience) if c.patience else "off",
    "Seed": lambda c: str(c.seed),
}


def differing_settings(configs: list[TrainingConfig | None]) -> dict[str, list[str]]:
    """The settings that differ between these configs, as text; "–" where a config is damaged."""
    columns = {}
    for name, words in SETTINGS.items():
        told = [words(config) for config in configs if config is not None]
        if len(set(told) - {"–"}) > 1:
            columns[name] = ["–" if config is None else words(config) for config in configs]
    return columns


def table(runs: list[Run], names: Mapping[str, str], found: list[Scores]) -> pd.DataFrame:
    """One row for each run; fractions in percent, nan where a number is not known; empty columns are left out."""
    configs, summaries = [run.config for run in runs], [run.summary or {} for run in runs]
    hardened = [robustness(run) for run in runs]
    frame = pd.DataFrame(
        {
            "Run": [names[run.id] for run in runs],
            "State": [run.state.name.capitalize() for run in runs],
            "Network": [config.info.title if config else "–" for config in configs],
            "Test accuracy": _percents([one.accuracy for one in found]),
            "Corrected labels": _percents([one.corrected for one in found]),
            "Calibration error": _percents([one.calibration_error for one in found]),
            "Robustness": _percents(hardened),
            "Epochs": [
                _count(len(run.history().epochs) or s.get("epochs")) for run, s in zip(runs, summaries, strict=True)
            ],
            "Parameters": [_count(summary.get("parameters")) for summary in summaries],
            "Training time": [_seconds(run, summary) for run, summary in zip(runs, summaries, strict=True)],
            **differing_settings(configs),
            "Data": [str(run.dataset.get("name", "–")) for run in runs],
        }
    )
    optional = ["Corrected labels", "Calibration error", "Robustness"]
    empty = [name for name in optional if frame[name].isna().all()]
    same_data = ["Data"] if frame["Data"].nunique() == 1 else []
    return frame.drop(columns=empty + same_data)


def as_text(frame: pd.DataFrame, percents: list[str]) -> pd.DataFrame:
    """The table as text for printing; `percents` names the columns that hold percentages."""
    words = {
        name: [percent(None if math.isnan(v) else v / 100) for v in frame[name]] for name in percents if name in frame
    }
    return frame.assign(**words)


def _percents(values: list[float | None]) -> pd.Series:
    return pd.Series([math.nan if value is None else 100 * value for value in values], dtype=float)


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "–"


def _seconds(run: Run, summary: dict) -> str:
    epochs = run.history().epochs
    value = epochs[-1].get("training_seconds") if epochs else summary.get("training_seconds")
    return seconds_in_words(value) if isinstance(value, int | float) and math.isfinite(value) else "–"


def curves(runs: list[Run], names: Mapping[str, str]) -> pd.DataFrame:
    """The validation accuracy after each epoch: columns run, epoch, training_seconds, accuracy, place (of the run)."""
    rows = [
        (names[run.id], epoch["epoch"], epoch.get("training_seconds"), accuracy, place)
        for place, run in enumerate(runs)
        for epoch in run.history().epochs
        if (accuracy := _fraction(epoch.get("val_accuracy"))) is not None
    ]
    return pd.DataFrame(rows, columns=["run", "epoch", "training_seconds", "accuracy", "place"])
