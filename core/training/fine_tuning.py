"""A run that begins with another run's weights and learns my digits besides, and what that did.

    my_digits.npz       the digits as they were when the run began, with those that are held out
    fine_tuning.json    accuracy before the first batch

Both stay in the run's folder, so that it can be paused, and continues the same when digits or its base are deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.data.my_digits import MyDigits
from core.people import own_home
from core.runs import Run, RunStore
from core.runs.checkpoint import CheckpointError
from core.runs.files import FINE_TUNING, MY_DIGITS
from core.storage import read_json, write_atomically, write_json
from core.training.loop import Training


class FineTuningError(ValueError):
    """The run cannot begin as was asked; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Material:
    """What is learned besides: uint8 (n, 28, 28), labels uint8 (n,), and bool (n,) for those kept to measure with."""

    images: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray

    @property
    def learned(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels to train on."""
        return self.images[~self.held_out], self.labels[~self.held_out]


def material(run: Run) -> Material | None:
    """My digits as the run took them up when it began, None for a run that begins anew.

    Raises:
        FineTuningError: where there is none, or what was kept is damaged.
    """
    if not run.config.start_from:
        return None
    path = run.path / MY_DIGITS
    if not path.exists():
        images, labels, held_out = MyDigits(own_home(run.home, run.owner.id)).arrays()
        if not (~held_out).any():
            raise FineTuningError("My digits is empty. Draw and label some digits first.")
        arrays = {"images": images, "labels": labels, "held_out": held_out}
        write_atomically(path, lambda file: np.savez_compressed(file, **arrays))
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Material(arrays["images"], arrays["labels"], arrays["held_out"])
    except Exception as error:  # a damaged zip raises many kinds
        raise FineTuningError(f"{path} is damaged, so this run cannot continue. Start it again.") from error


def first_weights(run: Run) -> dict[str, np.ndarray] | None:
    """The checkpoint of the run that this one starts from, None for a run that begins anew.

    Raises:
        FineTuningError: where it is gone, unfinished, damaged or of another architecture.
    """
    config = run.config
    if not config.start_from:
        return None
    base = RunStore(run.home).get(config.start_from)
    if base is None or base.config is None:
        if base and base.too_new:
            raise FineTuningError(base.too_new)
        raise FineTuningError(f"The run {config.start_from} that this one starts from is gone. Choose another one.")
    if base.config.layers != config.layers:
        raise FineTuningError(f"{base.name} has a different architecture. Choose a matching run.")
    if base.imported:
        raise FineTuningError(f"{base.name} was imported, without weights to begin with. Choose a run trained here.")
    unusable = f"The weights of {base.name} are missing or damaged. Choose another run."
    try:
        weights = base.checkpoint()
    except CheckpointError as error:
        raise FineTuningError(unusable) from error
    if weights is None:
        raise FineTuningError(unusable)
    return weights


def note_before(run: Run, training: Training, mine: Material, dataset: Dataset) -> None:
    """Keep how well the network reads before it learns anything."""
    write_json(run.path / FINE_TUNING, _accuracies(training, mine, dataset))


def report(run: Run, training: Training, mine: Material, dataset: Dataset) -> dict:
    """Before and after as fractions, None where there is nothing to measure on; for summary.json."""
    before = read_json(run.path / FINE_TUNING)
    return {
        "from": run.config.start_from,
        "trained": int((~mine.held_out).sum()),
        "held_out": int(mine.held_out.sum()),
        "before": before if isinstance(before, dict) else {},
        "after": _accuracies(training, mine, dataset),
    }


def _accuracies(training: Training, mine: Material, dataset: Dataset) -> dict[str, float | None]:
    kept = mine.held_out
    return {
        "mine": training.accuracy(*mine.learned),
        "mine_held_out": training.accuracy(mine.images[kept], mine.labels[kept]) if kept.any() else None,
        "test": training.accuracy(dataset.x_test, dataset.y_test),
    }
