"""Two runs on the same images: what the second one fixed and broke, and whether that could be chance.

`labels` and predictions are integers (n,), 0 to 9 or below the number of `classes`; invalid ones raise ValueError.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.metrics import DIGITS, Mask, checked_digits
from core.evaluation.predictions import Predictions
from core.formatting import percent

LEVEL = 0.05  # of the p-value: a difference below it is unlikely to be chance


@dataclass(frozen=True, eq=False)
class RunComparison:
    """The images in each of four groups, as masks bool (n,); every image is in exactly one.

    `fixed`: the first run is wrong and the second right; `broken`: the first is right and the second wrong.
    """

    both_right: Mask
    fixed: Mask
    broken: Mask
    both_wrong: Mask

    @property
    def counts(self) -> dict[str, int]:
        """The number of images in each group, by the mask's name; they sum to n."""
        return {name: int(np.count_nonzero(mask)) for name, mask in vars(self).items()}

    @property
    def p_value(self) -> float:
        """The p-value of McNemar's exact test on the images that exactly one run has right, 0 to 1."""
        counts = self.counts
        return mcnemar_exact(fixed=counts["fixed"], broken=counts["broken"])


def compare_runs(labels: ArrayLike, first: ArrayLike, second: ArrayLike, classes: int = DIGITS) -> RunComparison:
    """Return how the second run's predictions (n,) differ from the first's on the same labels (n,).

    Raises ValueError if the lengths differ or something is not a digit.
    """
    labels = checked_digits("labels", labels, classes=classes)
    of_each = {"length": len(labels), "classes": classes}
    first_right = checked_digits("the first run's predictions", first, **of_each) == labels
    second_right = checked_digits("the second run's predictions", second, **of_each) == labels
    return RunComparison(
        both_right=first_right & second_right,
        fixed=~first_right & second_right,
        broken=first_right & ~second_right,
        both_wrong=~first_right & ~second_right,
    )


def mcnemar_exact(*, fixed: int, broken: int) -> float:
    """Return the p-value of McNemar's exact test, 0 to 1.

    It is the chance of a split at least this uneven if both runs were equally good:
    p = min(1, 2 · Σ_{k ≤ min(fixed, broken)} C(n, k) / 2ⁿ) with n = fixed + broken discordant images; 1 for
    n = 0. McNemar 1947, Psychometrika 12; recommended for two classifiers on one test set by Dietterich
    1998, Neural Computation 10(7). Raises ValueError for a negative count.
    """
    if fixed < 0 or broken < 0:
        raise ValueError(f"fixed and broken must be counts of images; got {fixed} and {broken}.")
    from scipy.special import bdtr  # the binomial distribution, without the 44 MB that scipy.stats would load

    return min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5)))


GROUPS = {
    "fixed": "Fixed",
    "broken": "Broken",
    "both_wrong": "Both wrong",
    "both_right": "Both right",
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two runs' predictions for the same images, and how the second differs from the first."""

    first: Predictions
    second: Predictions
    groups: RunComparison


def pair(first: Predictions, second: Predictions) -> Pair:
    """Compare two runs' predictions for the same images."""
    classes = len(first.classes)
    return Pair(first, second, compare_runs(first.labels, first.predictions, second.predictions, classes))


def images_of(both: Pair, group: str) -> np.ndarray:
    """The indices of a group, the most confident mistakes first; in "both_right" the least confident images first."""
    found = np.flatnonzero(getattr(both.groups, group))
    first, second = both.first.confidence[found], both.second.confidence[found]
    rank = {
        "fixed": -first,
        "broken": -second,
        "both_wrong": -np.maximum(first, second),
        "both_right": np.minimum(first, second),
    }
    return found[np.argsort(rank[group], kind="stable")]


def verdict(both: Pair) -> str:
    """Whether the difference could be chance, as a sentence with the p-value."""
    counts, p_value = both.groups.counts, both.groups.p_value
    if counts["fixed"] + counts["broken"] == 0:
        return "No difference to test: both are right and wrong on the same images."
    if p_value >= LEVEL:
        return f"This difference could be chance: {p_in_words(p_value)}."
    return f"This difference is unlikely to be chance: {p_in_words(p_value)}."


def best(both: Pair, one: str, other: str) -> str:
    """By how much `other`, the second of the two and the best of the runs, is ahead of `one`, in sentences."""
    counts, images = both.groups.counts, len(both.first.labels)
    accuracy, gain = (counts["both_right"] + counts["fixed"]) / images, counts["fixed"] - counts["broken"]
    if gain == 0:
        return f"**{other} and {one} are best**: both read {percent(accuracy)} of the test images right."
    return (
        f"**{other} is best**: it reads {percent(accuracy)} of the test images right, {100 * gain / images:.2f} points "
        f"more than {one}. {verdict(both)}"
    )


def difference(both: Pair, one: str, other: str) -> str:
    """How many images each run reads right, as sentences; `one` and `other` are the names of the two runs."""
    counts = both.groups.counts
    fixed, broken = counts["fixed"], counts["broken"]
    right = counts["both_right"] + broken, counts["both_right"] + fixed
    gain = fixed - broken
    compared = "as many as" if gain == 0 else f"{abs(gain):,} {'more' if gain > 0 else 'fewer'} than"
    words = f"{other} reads {right[1]:,} of {len(both.first.labels):,} images right, {compared} {one} ({right[0]:,})."
    if fixed + broken == 0:
        return words
    return f"{words} It is right on {fixed:,} that {one} has wrong, and wrong on {broken:,} that {one} has right."


def p_in_words(p_value: float) -> str:
    """A p-value as "p = 0.31", "p = 0.002" or "p < 0.0001", on one line."""
    if p_value < 0.0001:
        return "p\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}0.0001"
    decimals = 2 if p_value >= 0.1 else 3 if p_value >= 0.001 else 4
    return f"p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{p_value:.{decimals}f}"
