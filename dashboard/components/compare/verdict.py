"""Why one of two runs reads more than the other, as sentences."""

from __future__ import annotations

from collections.abc import Mapping

from core.data import Dataset
from core.formatting import percent
from core.predictor import model_fingerprint
from core.robustness import corruptions, measure
from core.runs import Run

MEDIUM = 2
PIXELS = corruptions.CORRUPTIONS["shift"].amounts[MEDIUM - 1]


def why_cnn(first: Run, second: Run, dataset: Dataset, names: Mapping[str, str]) -> str:
    """What convolutions do otherwise, where one of two runs has some, with what both read of shifted images.

    Args:
        names: of both runs by their ids, as Markdown.

    Returns:
        Sentences; "" where both or none have convolutions, or where a network's layers are not known.
    """
    runs = {run.config.layers.has_convolutions: run for run in (first, second) if run.config is not None}
    if len(runs) < 2:
        return ""
    a_thing, things = ("a digit", "digits") if dataset.is_digits else ("an image", "images")
    cnn, dense = runs[True], runs[False]
    words = (
        f"{names[cnn.id]} has convolutions, which look for the same small patterns in all places. {names[dense.id]} "
        f"has weights for each pixel, so {a_thing} that is moved is new to it."
    )
    shifted = [_shifted(run, dataset) for run in (cnn, dense)]
    if None in shifted:
        return f"{words} Robustness measures both on shifted {things}."
    return (
        f"{words} Of {things} shifted by {PIXELS:g} pixels, {names[cnn.id]} reads **{percent(shifted[0])}** right, "
        f"{names[dense.id]} **{percent(shifted[1])}**."
    )


def _shifted(run: Run, dataset: Dataset) -> float | None:
    found = measure.load(run)
    if found is None or found.stale(model_fingerprint(run.path), dataset.fingerprint):
        return None
    return found.accuracy("shift", MEDIUM)
