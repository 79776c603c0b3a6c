"""The best run of each name, for the projector; on the test images by halves, one of which is kept for the end.

Who looks at the test accuracy of many runs and takes the best one flatters it. So runs are ordered by the validation
images, and of the test images those with an even index are shown, while those with an odd one are still unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.classroom.roll import Row
from core.data import Dataset
from core.runs import Run, RunView
from core.runs.kept import until_folder_changes


@dataclass(frozen=True)
class Place:
    """The best run of a name.

    Attributes:
        name: whose it is.
        is_teacher: whether it is a teacher's, which has no rank.
        run: the run.
        accuracy: on its validation images, a fraction.
        on_test: whether those are the test images, as with the classic network.
        first_half: accuracy on the test images with an even index, a fraction; None before the run's end.
        second_half: accuracy on those with an odd index.
    """

    name: str
    is_teacher: bool
    run: Run
    accuracy: float
    on_test: bool
    first_half: float | None
    second_half: float | None


def places(rows: Sequence[Row], dataset: Dataset) -> list[Place]:
    """The best run of each name, best validation accuracy first; of all teachers' the best one alone."""
    found = []
    for row in sorted(rows, key=lambda row: -(row.accuracy or 0.0)):
        if row.best and not (row.is_teacher and any(place.is_teacher for place in found)):
            halves = accuracy_by_halves(row.best, dataset) or (None, None)
            found.append(Place(row.owner.name, row.is_teacher, row.best, row.accuracy, row.on_test, *halves))
    return found


@until_folder_changes
def accuracy_by_halves(run: RunView, dataset: Dataset) -> tuple[float, float] | None:
    """Accuracy on the test images with an even index, and on those with an odd one, by what the run saved of them.

    None while it trains, and where it saved nothing or was tested on other images.
    """
    if run.state.is_active or run.foreign_dataset(dataset):
        return None
    probabilities = run.probabilities()
    if probabilities is None or len(probabilities) != len(dataset.y_test):
        return None
    right = np.argmax(probabilities, axis=1) == dataset.y_test
    return float(right[::2].mean()), float(right[1::2].mean())
