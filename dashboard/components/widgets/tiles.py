"""The tiles of a gallery of a run's predictions."""

from __future__ import annotations

from collections.abc import Iterable

from core.data import Dataset
from core.evaluation import label_errors, predictions
from dashboard.components.widgets.gallery import Tile


def reading_tiles(
    reading: predictions.Predictions,
    indices: Iterable[int],
    dataset: Dataset,
    second: predictions.Predictions | None = None,
) -> list[Tile]:
    """One tile for each index: label, prediction, confidence, and a flag where MNIST's label is in doubt.

    With the `second` reading of the same images, its prediction is shown in place of the confidence.
    """
    doubted = label_errors.ERRORS_BY_INDEX if dataset.is_mnist else {}
    return [
        Tile(
            index=int(i),
            label=int(reading.labels[i]),
            prediction=int(reading.predictions[i]),
            confidence=float(reading.confidence[i]),
            second=None if second is None else int(second.predictions[i]),
            flag="label in doubt" if int(i) in doubted else "",
        )
        for i in indices
    ]
