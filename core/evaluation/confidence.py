"""The calibration of a run, before and after a temperature, and the effect of a confidence threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.evaluation import calibration, predictions
from core.evaluation.predictions import Predictions
from core.formatting import percent
from core.runs import RunView
from core.runs.files import SUMMARY, VALIDATION
from core.storage import version

THRESHOLDS = np.arange(200) / 200  # 0 to 0.995: where the slider can stand


@dataclass(frozen=True)
class Temperature:
    """A temperature fitted on the validation images, or the `reason` why there is none, as a sentence.

    `needs_reading`: the predictions for the validation images are missing, and the model can make them again.
    """

    value: float | None = None
    images: int = 0
    mistakes: int = 0
    reason: str = ""
    needs_reading: bool = False


@dataclass(frozen=True, eq=False)
class ConfidenceReport:
    """Reliability and coverage of a run's predictions; `error` is the expected calibration error, a fraction.

    `coverage` and `accuracy` have an entry for each of `THRESHOLDS`: the share of images that is answered, and the
    accuracy among those. Names that end in `_after` are with the temperature, None without one.
    """

    reading: Predictions
    mean_confidence: float
    diagram: calibration.ReliabilityDiagram
    error: float
    coverage: np.ndarray
    accuracy: np.ndarray
    temperature: Temperature
    diagram_after: calibration.ReliabilityDiagram | None = None
    error_after: float | None = None

    @property
    def first_threshold(self) -> float:
        """The first threshold worth showing, in steps of 0.05, at most 0.95: everything is answered up to there."""
        return min(0.95, int(20 * float(self.reading.confidence.min())) / 20)


def saved_version(run: RunView) -> tuple:
    """What is another whenever the result of `confidence_report` would be."""
    files = (version(run.path / name, missing_ok=True) for name in (VALIDATION, SUMMARY))
    return (*predictions.saved_version(run), *files, run.state.name, len(run.history().epochs))


def confidence_report(run: RunView, dataset: Dataset) -> ConfidenceReport:
    """Calibrate a run by its newest probabilities.

    Raises:
        PredictionsError: where they are missing, damaged or belong to another dataset.
    """
    reading = predictions.load_predictions(run, dataset, None)
    labels, kept = reading.labels, reading.probabilities
    curve = calibration.coverage_curve(labels, kept)
    at = np.searchsorted(curve.threshold, THRESHOLDS)  # between two thresholds the upper one's values hold
    answers = at < len(curve.threshold)
    at = np.minimum(at, len(curve.threshold) - 1)
    temperature = fit_run_temperature(run)
    after, error_after = None, None
    if temperature.value is not None:
        probabilities = calibration.apply_temperature(as_float16(kept), temperature.value)
        after = calibration.reliability_diagram(labels, probabilities)
        error_after = calibration.expected_calibration_error(labels, probabilities)
    return ConfidenceReport(
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


def in_words(found: ConfidenceReport) -> str:
    """Mean confidence and accuracy, and which of them is higher, as a sentence in Markdown."""
    points = 100 * (found.mean_confidence - found.reading.accuracy)
    words = (
        f"On average it is **{percent(found.mean_confidence)}** sure and right on **{percent(found.reading.accuracy)}**"
    )
    if abs(points) < 0.005:
        return f"{words}: as often as it is sure."
    return f"{words}: it is {'over' if points > 0 else 'under'}confident by {abs(points):.2f} points."


def as_float16(probabilities: np.ndarray) -> np.ndarray:
    """The probabilities as float16, the type of the run's files, so that 0 means "less than float16 can hold"."""
    return probabilities.astype(np.float16)


def fit_run_temperature(run: RunView) -> Temperature:
    """The temperature fitted on the run's own validation images, never on the test set."""
    config = run.config
    if config is not None and config.info.validates_on_test:
        return Temperature(
            reason="The classic network validates on the test images, like the classic script. A temperature fitted on "
            "test images would be biased, so none is fitted."
        )
    if run.state.is_active or _trained_further(run):
        return Temperature(reason="The temperature is fitted when training has ended.")
    validation = run.validation()
    if validation is None:
        return _without_validation(run, "The predictions for its validation images are missing.")
    labels, probabilities = validation
    try:
        mistakes = int(np.count_nonzero(probabilities.argmax(axis=1) != labels))
        value = calibration.fit_temperature(labels, as_float16(probabilities))
    except (ValueError, IndexError):
        return _without_validation(run, "The predictions for its validation images are damaged.")
    if mistakes == 0:
        return Temperature(
            images=len(labels),
            reason=f"All {len(labels):,} validation images are read right, so a fitted temperature would go to 0. None "
            "is used.",
        )
    return Temperature(value=value, images=len(labels), mistakes=mistakes)


def _without_validation(run: RunView, what: str) -> Temperature:
    if run.has_model:
        return Temperature(reason=f"{what} The model can make them again.", needs_reading=True)
    return Temperature(reason=f"{what} Train one more epoch to get them.")


def _trained_further(run: RunView) -> bool:
    """Whether the run was trained further after its validation predictions were saved."""
    at_the_end = (run.summary or {}).get("epochs")
    return isinstance(at_the_end, int) and len(run.history().epochs) > at_the_end


def extremes(reading: Predictions, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the least confident right predictions and the most confident mistakes, at most `count` of each."""
    right, wrong = np.flatnonzero(reading.right), np.flatnonzero(~reading.right)
    least = right[np.argsort(reading.confidence[right], kind="stable")]
    most = wrong[np.argsort(-reading.confidence[wrong], kind="stable")]
    return least[:count], most[:count]


@dataclass(frozen=True)
class Refusal:
    """The effect of a threshold in numbers of images: of `answered`, `right` are right; `lost` would have been."""

    answered: int
    right: int
    lost: int
    caught: int


def refusal(reading: Predictions, threshold: float) -> Refusal:
    """Count the images on both sides of a threshold; confidence equal to it is answered."""
    answers = reading.confidence >= threshold
    right = reading.right
    return Refusal(
        answered=int(np.count_nonzero(answers)),
        right=int(np.count_nonzero(answers & right)),
        lost=int(np.count_nonzero(~answers & right)),
        caught=int(np.count_nonzero(~answers & ~right)),
    )
