"""The comparison of two runs on the same images, as sentences."""

from __future__ import annotations

from collections.abc import Mapping

from core.data import Dataset
from core.evaluation.comparison import Pair
from core.formatting import percent
from core.predictor import model_fingerprint
from core.robustness import corruptions, measure
from core.runs import Run

LEVEL = 0.05
MEDIUM = 2
PIXELS = corruptions.CORRUPTIONS["shift"].amounts[MEDIUM - 1]


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


def why_cnn(first: Run, second: Run, dataset: Dataset, names: Mapping[str, str]) -> str:
    """What convolutions do otherwise, where one of two runs has some, with what both read of shifted digits.

    Args:
        names: of both runs by their ids, as Markdown.

    Returns:
        Sentences; "" where both or none have convolutions, or where a network's layers are not known.
    """
    runs = {run.config.layers.has_convolutions: run for run in (first, second) if run.config is not None}
    if len(runs) < 2:
        return ""
    cnn, dense = runs[True], runs[False]
    words = (
        f"{names[cnn.id]} has convolutions, which look for the same small patterns in all places. {names[dense.id]} "
        "has weights for each pixel, so a digit that is moved is new to it."
    )
    shifted = [_shifted(run, dataset) for run in (cnn, dense)]
    if None in shifted:
        return f"{words} Robustness measures both on shifted digits."
    return (
        f"{words} Of digits shifted by {PIXELS:g} pixels, {names[cnn.id]} reads **{percent(shifted[0])}** right, "
        f"{names[dense.id]} **{percent(shifted[1])}**."
    )


def _shifted(run: Run, dataset: Dataset) -> float | None:
    found = measure.load(run)
    if found is None or found.stale(model_fingerprint(run.path), dataset.fingerprint):
        return None
    return found.accuracy("shift", MEDIUM)


def p_in_words(p_value: float) -> str:
    """A p-value as "p = 0.31", "p = 0.002" or "p < 0.0001", on one line."""
    if p_value < 0.0001:
        return "p\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}0.0001"
    decimals = 2 if p_value >= 0.1 else 3 if p_value >= 0.001 else 4
    return f"p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{p_value:.{decimals}f}"
