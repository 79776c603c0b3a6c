"""Calibration: reliability diagram, expected calibration error, temperature scaling and coverage.

`labels` are integers (n,), 0 to 9 or below the number of classes; `probabilities` are floats (n, classes) whose rows
sum to 1. Invalid arguments raise ValueError. Without images, counts are 0 and shares are nan.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.metrics import (
    Floats,
    Integers,
    Mask,
    checked_digits,
    checked_probabilities,
    positive_probabilities,
    share,
)

TEMPERATURE_BOUNDS = (0.05, 20.0)
HALVINGS = 45  # of the bounds of 1 / T, until it is known to ten digits


def confidence_and_right(labels: ArrayLike, probabilities: ArrayLike) -> tuple[Floats, Mask]:
    """Return each image's confidence, float64 (n,), and whether its prediction is right, bool (n,)."""
    checked = checked_probabilities(probabilities, length=len(labels))
    labels = checked_digits("labels", labels, classes=checked.shape[1])
    return checked.max(axis=1), checked.argmax(axis=1) == labels


@dataclass(frozen=True, eq=False)
class ReliabilityDiagram:
    """Equal-width bins of confidence.

    Attributes
    ----------
    edges : float64 (bins + 1,), from 0 to 1; bin m holds confidences in (edges[m], edges[m + 1]].
    count : int64 (bins,), images.
    mean_confidence, accuracy : float64 (bins,), 0 to 1; nan in an empty bin.
    """

    edges: Floats
    count: Integers
    mean_confidence: Floats
    accuracy: Floats


def reliability_diagram(labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 15) -> ReliabilityDiagram:
    """Return accuracy against confidence in equal-width bins.

    acc(B_m) = |right in B_m| / |B_m| and conf(B_m) = mean confidence, B_m = ((m − 1) / M, m / M] (Guo et
    al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599, section 2). Raises ValueError for
    bins < 1.
    """
    if bins < 1:
        raise ValueError(f"bins must be 1 or more; got {bins}.")
    confidence, right = confidence_and_right(labels, probabilities)
    edges = np.linspace(0, 1, bins + 1)
    bin_of = np.searchsorted(edges[1:-1], confidence, side="left")
    count = np.bincount(bin_of, minlength=bins)
    return ReliabilityDiagram(
        edges=edges,
        count=count,
        mean_confidence=share(np.bincount(bin_of, weights=confidence, minlength=bins), count),
        accuracy=share(np.bincount(bin_of, weights=right, minlength=bins), count),
    )


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 15) -> float:
    """Return ECE = Σ_m |B_m| / n · |acc(B_m) − conf(B_m)|, 0 to 1; nan without images.

    B_m are equal-width bins of confidence and M = `bins`; Guo et al. 2017 (arXiv:1706.04599, equation 3) use 15.
    Raises ValueError for bins < 1.
    """
    diagram = reliability_diagram(labels, probabilities, bins=bins)
    gaps = np.abs(diagram.accuracy - diagram.mean_confidence)
    return float(share(np.nansum(diagram.count * gaps), diagram.count.sum()))


def apply_temperature(probabilities: ArrayLike, temperature: float) -> Floats:
    """Return softmax(log p / T), float64 (n, classes): softer for T > 1, sharper for T < 1, the same predictions.

    Guo et al. 2017 (arXiv:1706.04599, equation 9); log p are the logits up to a constant that softmax
    ignores. Raises ValueError unless T is positive and finite.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be positive and finite; got {temperature}.")
    logits = np.log(positive_probabilities(probabilities))
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the temperature with the smallest negative log-likelihood on these images, 0.05 to 20.

    min_T mean(−log softmax(log p / T)_y) (Guo et al. 2017, arXiv:1706.04599, section 4.2). With β = 1 / T it is
    convex, with the slope E_β[log p] − log p_y averaged over the images, so the slope's only root is the minimum. Never
    worse on these images than T = 1. Fit on validation images, never on the test set. Without
    a mistake it ends at the lower bound. Raises ValueError without images.
    """
    logits = np.log(positive_probabilities(probabilities, length=len(labels)))
    labels = checked_digits("labels", labels, classes=logits.shape[1])
    if not len(labels):
        raise ValueError("A temperature needs images to be fitted on; there are none.")
    logits -= logits.max(axis=1, keepdims=True)
    of_label = logits[np.arange(len(labels)), labels]
    if not logits.any():
        return 1.0  # equal probabilities stay equal at any temperature

    def slope(inverse: float) -> float:
        powers = np.exp(logits * inverse)
        return float(np.mean((powers * logits).sum(axis=1) / powers.sum(axis=1) - of_label))

    low, high = 1 / TEMPERATURE_BOUNDS[1], 1 / TEMPERATURE_BOUNDS[0]
    if slope(low) >= 0:
        return TEMPERATURE_BOUNDS[1]
    if slope(high) <= 0:
        return TEMPERATURE_BOUNDS[0]
    for _ in range(HALVINGS):  # scipy.optimize would take 40 MB for it
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 2 / (low + high)


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """Coverage and accuracy where the network abstains below a threshold, at every threshold where they change.

    As float64 (k,), thresholds rising: answered are the images whose confidence is at least `threshold`; `coverage` is
    their fraction of all, `accuracy` the fraction of them that is right. Between two thresholds the values are those of
    the upper one; above the last nothing is answered.
    """

    threshold: Floats
    coverage: Floats
    accuracy: Floats


def coverage_curve(labels: ArrayLike, probabilities: ArrayLike) -> CoverageCurve:
    """Return the exact coverage curve, from threshold 0 (all answered) over each confidence that occurs.

    El-Yaniv & Wiener 2010, On the Foundations of Noise-free Selective Classification, JMLR 11; for networks Geifman &
    El-Yaniv 2017, arXiv:1705.08500. At most n + 1 points; the single point at threshold 0, all nan,
    without images.
    """
    confidence, right = confidence_and_right(labels, probabilities)
    if not len(confidence):
        return CoverageCurve(threshold=np.zeros(1), coverage=np.full(1, np.nan), accuracy=np.full(1, np.nan))
    order = np.argsort(confidence)
    rising = confidence[order]
    right_from_here = np.cumsum(right[order][::-1])[::-1]
    first_of_value = np.flatnonzero(np.diff(rising, prepend=-1.0))
    first_answered = np.concatenate([[0], first_of_value])
    answered = len(rising) - first_answered
    return CoverageCurve(
        threshold=np.concatenate([[0.0], rising[first_of_value]]),
        coverage=answered / len(rising),
        accuracy=right_from_here[first_answered] / answered,
    )
