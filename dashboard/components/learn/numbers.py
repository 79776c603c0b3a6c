"""The numbers of a run that a lesson can name, each computed from the run's own files and its test images.

What computes them is imported where it does: every page reads the lessons before it shows anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.data import Dataset
from core.data.classes import DIGITS
from core.runs import RunView
from dashboard.components.formatting import percent
from dashboard.components.session import services

if TYPE_CHECKING:
    from dashboard.components.inside.health import Findings

CONFIDENT = 0.9


@dataclass(frozen=True)
class Kind:
    """How a number is written: its `text`, and the `difference` of two."""

    text: Callable[[float], str]
    difference: Callable[[float], str]


SHARE = Kind(percent, lambda value: f"{100 * value:+.2f} points".replace("-", "\N{MINUS SIGN}"))
LOSS = Kind("{:.3f}".format, lambda value: f"{value:+.3f}".replace("-", "\N{MINUS SIGN}"))
COUNT = Kind("{:,.0f}".format, lambda value: f"{value:+,.0f}".replace("-", "\N{MINUS SIGN}"))
SECONDS = Kind("{:.1f} s".format, lambda value: f"{value:+.1f} s".replace("-", "\N{MINUS SIGN}"))


@dataclass(frozen=True)
class RunNumber:
    """A number of a run.

    Attributes:
        kind: how it is written.
        find: computes it from the run and the dataset, None where it is not known yet.
        meaning: what it is.
        job: the background job that measures it, "" where no job does.
    """

    kind: Kind
    find: Callable[[RunView, Dataset], float | None]
    meaning: str
    job: str = ""

    def read(self, run: RunView, digits: Dataset) -> float | None:
        """The number, None where it is not known yet or not finite."""
        value = self.find(run, digits)
        return float(value) if value is not None and math.isfinite(value) else None


def _epochs(run: RunView, name: str) -> list[float]:
    """A value of each finished epoch, nan where it was not measured."""
    return [epoch.get(name, math.nan) for epoch in run.history().epochs]


def _last(name: str) -> Callable[[RunView, Dataset], float | None]:
    return lambda run, digits: (_epochs(run, name) or [None])[-1]


def _first(name: str) -> Callable[[RunView, Dataset], float | None]:
    return lambda run, digits: (_epochs(run, name) or [None])[0]


def _best(name: str, choose: Callable) -> Callable[[RunView, Dataset], float | None]:
    def find(run: RunView, digits: Dataset) -> float | None:
        known = [value for value in _epochs(run, name) if math.isfinite(value)]
        return choose(known) if known else None

    return find


def _best_epoch(run: RunView, digits: Dataset) -> float | None:
    losses = _epochs(run, "val_loss")
    return 1 + int(np.nanargmin(losses)) if losses and not all(map(math.isnan, losses)) else None


def _batches(run: RunView, digits: Dataset) -> float | None:
    return run.history().batches_an_epoch(run.config.batch_size if run.config else None) or None


def _summary(name: str) -> Callable[[RunView, Dataset], float | None]:
    return lambda run, digits: (run.summary or {}).get(name)


def _own(run: RunView, digits: Dataset) -> Dataset:
    """The run's dataset, where a lesson is taken with another one than that in use."""
    if run.wanted_dataset in ("", digits.fingerprint):
        return digits
    return services().datasets.of(run.wanted_dataset, digits)


def _probabilities(run: RunView, digits: Dataset) -> np.ndarray | None:
    found = run.probabilities() if run.has_model and run.foreign_dataset(digits) is None else None
    return found if found is not None and len(found) == len(digits.y_test) else None


def _of_test(compute: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[RunView, Dataset], float | None]:
    """A number from the probabilities float32 (n, k) of the test images and their labels (n,)."""

    def find(run: RunView, digits: Dataset) -> float | None:
        digits = _own(run, digits)
        found = _probabilities(run, digits)
        return None if found is None else compute(found, digits.y_test)

    return find


def _wrong(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from core.evaluation.metrics import predicted_digits

    return predicted_digits(probabilities) != labels


def _accuracy_of(digit: int) -> Callable[[np.ndarray, np.ndarray], float]:
    def compute(probabilities: np.ndarray, labels: np.ndarray) -> float:
        own = labels == digit
        return 1 - _wrong(probabilities, labels)[own].mean() if own.any() else math.nan

    return compute


def _most_read_for(digit: int) -> Callable[[np.ndarray, np.ndarray], float]:
    def compute(probabilities: np.ndarray, labels: np.ndarray) -> float:
        from core.evaluation.metrics import predicted_digits

        own = predicted_digits(probabilities[labels == digit])
        return np.bincount(own).argmax() if len(own) else math.nan

    return compute


def _most_read(probabilities: np.ndarray, labels: np.ndarray) -> float:
    from core.evaluation.metrics import predicted_digits

    return np.bincount(predicted_digits(probabilities)).max() / len(labels)


def _mean_confidence(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return probabilities.max(axis=1).mean()


def _confident_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return (_wrong(probabilities, labels) & (probabilities.max(axis=1) > CONFIDENT)).sum()


def _under(change: str, strength: int) -> Callable[[RunView, Dataset], float | None]:
    def find(run: RunView, digits: Dataset) -> float | None:
        from core.robustness.measure import load

        found = load(run)
        return None if found is None else found.accuracy(change, strength)

    return find


def _health(run: RunView, digits: Dataset, epoch: int | None = None) -> Findings | None:
    """What Inside finds under Health, after `epoch` or in the end; None without the weights."""
    from core.interpretability.inside import load_inside
    from dashboard.components.inside.health import findings

    inside = load_inside(run, epoch)
    return None if inside is None else findings(inside, _own(run, digits))


def _dead(run: RunView, digits: Dataset) -> float | None:
    found = _health(run, digits)
    return None if found is None else len(found[0][0].dead) if found[0] else 0


def _confidence_at_first(run: RunView, digits: Dataset) -> float | None:
    found = _health(run, digits, 0)
    return None if found is None else found[1].max(axis=1).mean()


NUMBERS: dict[str, RunNumber] = {
    "test_accuracy": RunNumber(SHARE, _summary("test_accuracy"), "test accuracy"),
    "mistakes": RunNumber(COUNT, _of_test(lambda p, y: _wrong(p, y).sum()), "test images read wrong"),
    "confident_mistakes": RunNumber(
        COUNT, _of_test(_confident_mistakes), "test images read wrong with more than 90 % confidence"
    ),
    "confidence": RunNumber(SHARE, _of_test(_mean_confidence), "mean confidence on the test images"),
    "first_confidence": RunNumber(SHARE, _confidence_at_first, "mean confidence on 300 test images before training"),
    "most_read": RunNumber(SHARE, _of_test(_most_read), "share of the test images read as the commonest digit"),
    "validation_accuracy": RunNumber(SHARE, _last("val_accuracy"), "validation accuracy after the last epoch"),
    "first_accuracy": RunNumber(SHARE, _first("val_accuracy"), "validation accuracy after the first epoch"),
    "best_accuracy": RunNumber(SHARE, _best("val_accuracy", max), "highest validation accuracy after an epoch"),
    "training_accuracy": RunNumber(SHARE, _last("accuracy"), "training accuracy during the last epoch"),
    "validation_loss": RunNumber(LOSS, _last("val_loss"), "validation loss after the last epoch"),
    "first_loss": RunNumber(LOSS, _first("val_loss"), "validation loss after the first epoch"),
    "lowest_loss": RunNumber(LOSS, _best("val_loss", min), "lowest validation loss after an epoch"),
    "training_loss": RunNumber(LOSS, _last("loss"), "training loss during the last epoch"),
    "reread_accuracy": RunNumber(
        SHARE, _last("train_accuracy"), "accuracy on training images read again after the last epoch, without dropout"
    ),
    "best_epoch": RunNumber(COUNT, _best_epoch, "epoch with the lowest validation loss"),
    "epochs": RunNumber(COUNT, lambda run, digits: len(run.history().epochs) or None, "epochs trained"),
    "images": RunNumber(COUNT, lambda run, digits: run.history().epoch_images or None, "training images of an epoch"),
    "batches": RunNumber(COUNT, _batches, "batches of an epoch"),
    "steps": RunNumber(COUNT, _last("step"), "steps in all"),
    "parameters": RunNumber(COUNT, _summary("parameters"), "weights and biases"),
    "seconds": RunNumber(SECONDS, _summary("training_seconds"), "training time"),
    "dead_units": RunNumber(COUNT, _dead, "units of the first activation layer that are on for no test image of 300"),
    "shifted": RunNumber(SHARE, _under("shift", 2), "accuracy on shifted test images, medium strength", "robustness"),
    "turned": RunNumber(SHARE, _under("rotate", 2), "accuracy on turned test images, medium strength", "robustness"),
    **{
        f"digit_{digit}_as": RunNumber(COUNT, _of_test(_most_read_for(digit)), f"what most {digit}s are read as")
        for digit in range(len(DIGITS))
    },
    **{
        f"digit_{digit}": RunNumber(
            SHARE, _of_test(_accuracy_of(digit)), f"share of the {digit}s in the test images read right"
        )
        for digit in range(len(DIGITS))
    },
}
