"""Predictions as files: CSV and figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from core.data import Dataset
from core.data.classes import DIGITS
from core.evaluation.predictions import Predictions
from core.formatting import percent


def as_csv(reading: Predictions, indices: np.ndarray) -> bytes:
    """The predictions for these images as CSV: index, label, prediction, confidence, the probabilities, epoch.

    Labels and predictions are numbers; classes other than digits are named in the heads of their columns.
    """
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    names = reading.classes
    heads = [f"p{name}" if names == DIGITS else f"p{number} {name}" for number, name in enumerate(names)]
    rows.writerow(["index", "label", "prediction", "confidence", *heads, "epoch"])
    for i in indices.tolist():
        probabilities = [f"{p:.6f}" for p in reading.probabilities[i]]
        rows.writerow(
            [
                i,
                reading.labels[i],
                reading.predictions[i],
                f"{reading.confidence[i]:.6f}",
                *probabilities,
                reading.epoch,
            ]
        )
    return file.getvalue().encode()


def matrix_csv(matrix: np.ndarray, names: Sequence[str] = DIGITS) -> bytes:
    """A confusion matrix (classes, classes) as CSV, one row for each label."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["label", *(f"read as {name}" for name in names)])
    rows.writerows([name, *row] for name, row in zip(names, matrix.tolist(), strict=True))
    return file.getvalue().encode()


def matrix_figure(reading: Predictions, name: str, *, shares: bool, format: str) -> bytes:
    """The confusion matrix as a file, PNG or SVG."""
    from core.evaluation import figures  # matplotlib is slow to import, and few ask for a figure

    title = f"{name}, after epoch {reading.epoch}: accuracy {percent(reading.accuracy)}"
    return figures.figure_bytes(
        figures.confusion_figure(reading.matrix, title, shares=shares, names=reading.classes), format
    )


def gallery_figure(dataset: Dataset, reading: Predictions, shown: np.ndarray, format: str) -> bytes:
    """A page of the gallery as a file, PNG or SVG."""
    from core.evaluation import figures

    columns = min(10, max(5, len(shown)))
    rows = -(-len(shown) // columns)
    arrays = (dataset.x_test[shown], reading.labels[shown], reading.probabilities[shown])
    return figures.figure_bytes(figures.predictions_figure(*arrays, rows, columns, reading.classes), format)
