"""What the Confidence page asks of a run: whether its confidence can be believed, before and after a temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.evaluation import calibration, predictions
from core.evaluation.predictions import Reading
from core.runs import RunView
from core.runs.files import SUMMARY, VALIDATION

THRESHOLDS = np.arange(200) / 200  # 0 to 0.995: where the slider can stand


@dataclass(frozen=True)
class Temperature:
    """A temperature fitted on the validation images, or `reason`, words for why there is none.

    It `needs_reading` where only the run's words on its validation images are missing, which its model can say again.
    """

    value: float | None = None
    images: int = 0
    mistakes: int = 0
    reason: str = ""
    needs_reading: bool = False


@dataclass(frozen=True, eq=False)
class Calibrated:
    """Reliability and coverage of a reading; `error` is the expected calibration error, a fraction.

    `coverage` and `accuracy` have an entry for each of `THRESHOLDS`: the share that is answered, and the share of
    those that is right. What ends in `_after` is with the temperature, None without one.
    """

    reading: Reading
    mean_confidence: float
    diagram: calibration.ReliabilityDiagram
    error: float
    coverage: np.ndarray
    accuracy: np.ndarray
    temperature: Temperature
    diagram_after: calibration.ReliabilityDiagram | None = None
    error_after: float | None = None


def stamp(run: RunView) -> tuple:
    """Values that change whenever what is computed here would."""
    times = []
    for name in (VALIDATION, SUMMARY):
        try:
            times.append((run.path / name).stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return (*predictions.stamp(run), *times, run.state.name, len(run.history().epochs))


def calibrate(run: RunView, dataset: Dataset) -> Calibrated:
    """Everything about the newest probabilities.

    Raises:
        ReadingError: where they are missing, damaged or those of another dataset.
    """
    reading = predictions.read(run, dataset, None)
    labels, kept = reading.labels, reading.probabilities
    curve = calibration.coverage_curve(labels, kept)
    at = np.searchsorted(curve.threshold, THRESHOLDS)  # between two thresholds the upper one's values hold
    answers = at < len(curve.threshold)
    at = np.minimum(at, len(curve.threshold) - 1)
    temperature = fitted(run)
    after, error_after = None, None
    if temperature.value is not None:
        probabilities = calibration.apply_temperature(as_kept(kept), temperature.value)
        after = calibration.reliability_diagram(labels, probabilities)
        error_after = calibration.expected_calibration_error(labels, probabilities)
    return Calibrated(
        reading=reading,
        mean_confidence=float(reading.confidence.mean()),
        diagram=calibration.reliability_diagram(labels, kept),
        error=calibration.expected_calibration_error(labels, kept),
        coverage=np.where(answers, curve.coverage[at], 0.0),
        accuracy=np.where(answers, curve.accuracy[at], np.nan),
        temperature=temperature,
        diagram_after=after,
        error_after=error_after,
    )


def as_kept(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities in the type of the run's files: its 0 stands for anything that float16 cannot tell from 0."""
    return probabilities.astype(np.float16)


def fitted(run: RunView) -> Temperature:
    """The temperature of the run's own validation images; never of the test set."""
    config = run.config
    if config is not None and config.info.validates_on_test:
        return Temperature(
            reason="The classic network validates on the test images, as the classic script does. A temperature fitted "
            "on them would grade its own homework, so there is none."
        )
    if run.state.is_active or _went_on(run):
        return Temperature(reason="The temperature is fitted when the training has come to its end.")
    validation = run.validation()
    if validation is None:
        return _unread(run, "This run has kept nothing of its validation images.")
    labels, probabilities = validation
    try:
        mistakes = int(np.count_nonzero(probabilities.argmax(axis=1) != labels))
        value = calibration.fit_temperature(labels, as_kept(probabilities))
    except (ValueError, IndexError):
        return _unread(run, "What this run has kept of its validation images is damaged.")
    if mistakes == 0:
        return Temperature(
            images=len(labels),
            reason=f"It reads all {len(labels):,} validation images right. A fit would make it ever more sure without "
            "end, so a temperature has no meaning here.",
        )
    return Temperature(value=value, images=len(labels), mistakes=mistakes)


def _unread(run: RunView, what: str) -> Temperature:
    if run.has_model:
        return Temperature(reason=f"{what} Its model can read them again.", needs_reading=True)
    return Temperature(reason=f"{what} Train it a further epoch, and it will keep them.")


def _went_on(run: RunView) -> bool:
    """Whether epochs came after the end that the validation images are kept of."""
    at_the_end = (run.summary or {}).get("epochs")
    return isinstance(at_the_end, int) and len(run.history().epochs) > at_the_end


def extremes(reading: Reading, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the right ones that are least sure and of the wrong ones that are surest, at most `count` of each."""
    right, wrong = np.flatnonzero(reading.right), np.flatnonzero(~reading.right)
    least = right[np.argsort(reading.confidence[right], kind="stable")]
    most = wrong[np.argsort(-reading.confidence[wrong], kind="stable")]
    return least[:count], most[:count]


@dataclass(frozen=True)
class Refusal:
    """What a threshold does in counts of images: of `answered` `right` are right; `lost` would have been right."""

    answered: int
    right: int
    lost: int
    caught: int


def refusal(reading: Reading, threshold: float) -> Refusal:
    """The images on both sides of a threshold; as in `core.evaluation.calibration.coverage_at`, equal is answered."""
    answers = reading.confidence >= threshold
    right = reading.right
    return Refusal(
        answered=int(np.count_nonzero(answers)),
        right=int(np.count_nonzero(answers & right)),
        lost=int(np.count_nonzero(~answers & right)),
        caught=int(np.count_nonzero(~answers & ~right)),
    )
