"""The learning rate of each step, as a fraction of its peak: constant, or linear warm-up and linear decay to 0."""

from __future__ import annotations

import numpy as np

WARM_UP = 0.15  # share of a decaying schedule in which the learning rate rises


def constant(steps: np.ndarray) -> np.ndarray:
    """1 for each of `steps`, float (n,)."""
    return np.ones(len(steps))


def warm_up_and_decay(steps: np.ndarray, total: int) -> np.ndarray:
    """Up from almost 0 to 1 in the first 15 % of `total` steps, then down to almost 0 at the last one, float (n,).

    Args:
        steps: int (n,), numbers of steps from 0, where the schedule begins.
        total: steps of the whole schedule.
    """
    rise = max(1, round(WARM_UP * total))
    return np.clip(np.minimum((steps + 1) / rise, (total - steps) / max(1, total - rise)), 0, 1)
