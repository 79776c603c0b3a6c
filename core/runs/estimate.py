"""How long a run will train on this machine, from the runs that were trained here before."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from core.config import TrainingConfig
from core.runs.view import RunView

NEWEST = 50  # runs that are looked at


def expected_seconds(config: TrainingConfig, images: int, runs: Iterable[RunView]) -> float | None:
    """The training time of a run in seconds, scaled from the newest run of the same network; None where there is none.

    A run with the same batch size counts before one with another.

    Args:
        config: the settings of the run to come.
        images: how many images an epoch of it has.
        runs: the runs of this machine, newest first; imported ones are left out.
    """
    otherwise = None
    for run in islice(runs, NEWEST):
        before, speed = run.config, _seconds_per_image(run)
        if speed is None or before is None or run.imported or _network(before) != _network(config):
            continue
        seconds = speed * images * config.epochs
        if before.batch_size == config.batch_size:
            return seconds
        otherwise = otherwise or seconds
    return otherwise


def _network(config: TrainingConfig) -> tuple:
    return config.layers.text, config.augment


def _seconds_per_image(run: RunView) -> float | None:
    summary = run.summary or {}
    seconds, images = summary.get("training_seconds"), summary.get("training_images")
    epochs = summary.get("epochs")
    return seconds / (images * epochs) if seconds and images and epochs else None
