"""The confidence below which a run says "I don't know": one number in the run's folder, for all pages."""

from __future__ import annotations

import math
from pathlib import Path

from core.storage import read_json, write_json

FILE = "threshold.json"


class ThresholdError(ValueError):
    """A threshold is out of its range; the message says what came and what would be right."""


def read_threshold(run_folder: Path) -> float | None:
    """The confidence below which the run does not answer, 0 to 1, both excluded; None where it always answers.

    A missing or damaged file is None.
    """
    kept = read_json(Path(run_folder) / FILE)
    value = kept.get("threshold") if isinstance(kept, dict) else None
    return float(value) if _is_threshold(value) else None


def write_threshold(run_folder: Path, threshold: float | None) -> None:
    """Keep the threshold of a run; None or 0 lets it always answer.

    Raises:
        ThresholdError: where it is not a number from 0 to below 1.
        OSError: where the folder is gone or cannot be written.
    """
    path = Path(run_folder) / FILE
    if threshold is None or (threshold == 0 and not isinstance(threshold, bool)):
        path.unlink(missing_ok=True)
    elif _is_threshold(threshold):
        write_json(path, {"threshold": float(threshold)})
    else:
        raise ThresholdError(f"A threshold is a confidence from 0 to below 1, not {threshold!r}.")


def _is_threshold(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 < value < 1
