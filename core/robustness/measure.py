"""How much a run still reads when its test images are changed: accuracy under each of `corruptions`."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from core.data import Dataset
from core.data.classes import DIGITS, LEAST_CLASSES, MOST_CLASSES
from core.evaluation import metrics
from core.predictor import Predictor
from core.robustness import corruptions
from core.runs import Run, RunView, files, results

_NAME = re.compile(r"[\w ]{1,40}")

Report = Callable[[int, int, str], None]  # steps done, steps in all, what comes next


@dataclass(frozen=True)
class Measurement:
    """Accuracy under one change: overall and of each digit, or other class, fractions; None for one without images."""

    change: str
    strength: int
    accuracy: float
    per_digit: tuple[float | None, ...]

    @property
    def meaning(self) -> str:
        """What was done to the images; "" where nothing was, or the change is no longer in the set."""
        change = corruptions.CORRUPTIONS.get(self.change)
        return change.describe(self.strength) if change else ""


@dataclass(frozen=True)
class Robustness:
    """All measurements of one model on one test set.

    Attributes:
        model, dataset: fingerprints of the model file and of the dataset.
        version: `corruptions.VERSION` when it was measured.
        images: how many test images were read under each change.
        seconds: how long it took.
        unchanged: the accuracy that the others are measured against.
        changed: every change of that time in every strength, in order.
    """

    model: str
    dataset: str
    version: int
    images: int
    seconds: float
    unchanged: Measurement
    changed: tuple[Measurement, ...]

    @property
    def changes(self) -> tuple[str, ...]:
        """The names of the changes that were measured, in order."""
        return tuple(dict.fromkeys(m.change for m in self.changed))

    @property
    def method(self) -> tuple:
        """The set of changes that was measured, whatever their order."""
        return self.version, frozenset(self.changes)

    def stale(self, model: str, dataset: str) -> str:
        """Why it is out of date, "" where it was measured with this model, this dataset and today's changes."""
        now = corruptions.VERSION, frozenset(corruptions.CORRUPTIONS)
        return results.stale(self, model=model, dataset=dataset, method=now)

    @property
    def mean_accuracy(self) -> float:
        """The mean accuracy over all changes and strengths."""
        return float(np.mean([measurement.accuracy for measurement in self.changed]))

    def accuracy(self, change: str, strength: int) -> float | None:
        """The accuracy under a change of that strength, None where it was not measured."""
        found = (m.accuracy for m in self.changed if (m.change, m.strength) == (change, strength))
        return next(found, None)

    def loss(self, measurement: Measurement) -> float:
        """How much accuracy a change costs: a fraction, below 0 where it helps."""
        return self.unchanged.accuracy - measurement.accuracy

    def digit_losses(self, strength: int | None = None) -> np.ndarray:
        """How much accuracy each change costs each digit, float64 (changes, classes), nan for a digit without images.

        Of one strength, or the mean over all.
        """
        chosen = [m for m in self.changed if strength in (None, m.strength)]
        rows = [np.array([m.per_digit for m in chosen if m.change == name], float) for name in self.changes]
        whole = np.array(self.unchanged.per_digit, float)
        return np.stack([whole - row.mean(axis=0) for row in rows])

    def fragile_digits(self) -> list[tuple[int, float]]:
        """Each digit that has images with its mean loss over all changes and strengths, the largest loss first."""
        losses = self.digit_losses().mean(axis=0)
        order = np.argsort(-losses, kind="stable")
        return [(int(digit), float(losses[digit])) for digit in order if not np.isnan(losses[digit])]

    def hard_changes(self) -> list[tuple[str, float]]:
        """Each change with its mean loss over the strengths, the largest loss first."""
        losses = {n: np.mean([self.loss(m) for m in self.changed if m.change == n]) for n in self.changes}
        return sorted(((name, float(loss)) for name, loss in losses.items()), key=lambda pair: -pair[1])

    def save(self, run: Run) -> None:
        """Keep it in the run's folder."""
        results.save(run.path, files.ROBUSTNESS, asdict(self))

    def as_csv(self, names: Sequence[str] = DIGITS) -> bytes:
        """One row a change and strength, the unchanged images first: accuracy, its loss, accuracy of each class.

        `names` are what the classes are called, in their order.
        """
        file = io.StringIO()
        rows = csv.writer(file, lineterminator="\n")
        heads = [f"digit {name}" if tuple(names) == DIGITS else name for name in names]
        rows.writerow(["change", "strength", "meaning", "accuracy", "loss", *heads])
        for m in (self.unchanged, *self.changed):
            digits = ["" if part is None else f"{part:.6f}" for part in m.per_digit]
            rows.writerow([m.change, m.strength, m.meaning, f"{m.accuracy:.6f}", f"{self.loss(m):.6f}", *digits])
        return file.getvalue().encode()


def load(run: RunView) -> Robustness | None:
    """What was measured of the run, None where nothing was or the file is damaged."""
    return results.load(run.path, files.ROBUSTNESS, _robustness)


def measure(predictor: Predictor, model: str, dataset: Dataset, report: Report = lambda *_: None) -> Robustness:
    """Read all test images under every change and strength.

    Args:
        predictor: the exported model; `model` is its file's fingerprint.
        report: called before each step.

    Raises:
        ValueError: where the dataset has no test images.
    """
    images, labels = dataset.x_test, dataset.y_test.astype(np.int64)
    if not len(labels):
        raise ValueError("The dataset has no test images, so there is nothing to measure.")
    steps = [("unchanged", 0)] + [
        (name, strength) for name in corruptions.CORRUPTIONS for strength in corruptions.STRENGTHS
    ]
    began, measurements = time.monotonic(), []
    for number, (name, strength) in enumerate(steps):
        words = f"{name.capitalize()}, {corruptions.STRENGTH_NAMES[strength]}" if strength else "Unchanged"
        report(number, len(steps), words)
        shown = corruptions.corrupt(images, name, strength) if strength else images
        right = predictor.probabilities(shown).argmax(axis=1) == labels
        counts = [np.bincount(some, minlength=len(dataset.classes)) for some in (labels[right], labels)]
        per_digit = metrics.share(*counts)
        parts = tuple(None if np.isnan(part) else float(part) for part in per_digit)
        measurements.append(Measurement(name, strength, float(right.mean()), parts))
    return Robustness(
        model=model,
        dataset=dataset.fingerprint,
        version=corruptions.VERSION,
        images=len(labels),
        seconds=time.monotonic() - began,
        unchanged=measurements[0],
        changed=tuple(measurements[1:]),
    )


def _robustness(values: dict) -> Robustness:
    changed = tuple(_measurement(row) for row in values["changed"])
    unchanged = _measurement(values["unchanged"])
    found = Robustness(
        model=str(values["model"]),
        dataset=str(values["dataset"]),
        version=int(values["version"]),
        images=int(values["images"]),
        seconds=float(values["seconds"]),
        unchanged=unchanged,
        changed=changed,
    )
    whole = [(name, strength) for name in found.changes for strength in corruptions.STRENGTHS]
    if len({len(m.per_digit) for m in (unchanged, *changed)}) > 1:
        raise ValueError("not of the same classes")
    if not whole or [(m.change, m.strength) for m in changed] != whole or unchanged.strength:
        raise ValueError("not every change in every strength")
    return found


def _measurement(row: dict) -> Measurement:
    accuracy, per_digit = float(row["accuracy"]), [None if p is None else float(p) for p in row["per_digit"]]
    fractions = [accuracy, *(part for part in per_digit if part is not None)]
    classes = LEAST_CLASSES <= len(per_digit) <= MOST_CLASSES
    if not classes or not _NAME.fullmatch(row["change"]) or row["strength"] not in corruptions.STRENGTH_NAMES:
        raise ValueError("not a measurement")
    if not all(0 <= fraction <= 1 for fraction in fractions):
        raise ValueError("not a fraction")
    return Measurement(row["change"], row["strength"], accuracy, tuple(per_digit))
