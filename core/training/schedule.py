"""The learning rate of each step, as a fraction of its peak: each function takes numbers of steps and their total."""

from __future__ import annotations

import numpy as np

WARM_UP = 0.15  # share of a decaying schedule in which the learning rate rises


def constant(steps: np.ndarray, total: int) -> np.ndarray:
    """1 for each of `steps`, float (n,), whatever their total."""
    return np.ones(len(steps))


def warm_up_and_decay(steps: np.ndarray, total: int) -> np.ndarray:
    """Up from almost 0 to 1 in the first 15 % of `total` steps, then down to almost 0 at the last one, float (n,).

    Args:
        steps: int (n,), numbers of steps from 0, where the schedule begins.
        total: steps of the whole schedule.
    """
    rise = max(1, round(WARM_UP * total))
    return np.clip(np.minimum((steps + 1) / rise, (total - steps) / max(1, total - rise)), 0, 1)


def cosine(steps: np.ndarray, total: int) -> np.ndarray:
    """From 1 down to 0 along half a cosine (Loshchilov and Hutter, 2017, without restarts), float (n,).

    Args:
        steps: int (n,), numbers of steps from 0, where the schedule begins.
        total: steps of the whole schedule.
    """
    return (1 + np.cos(np.pi * np.clip(steps / total, 0, 1))) / 2


RATES = {"constant": constant, "decay": warm_up_and_decay, "cosine": cosine}  # names of core.config.SCHEDULES
