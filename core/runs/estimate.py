"""How long a run will train on this machine, from the runs that were trained here before."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice

from core.config import TrainingConfig
from core.network import MULTIPLICATIONS_A_SECOND
from core.runs.kept import until_folder_changes
from core.runs.view import RunView

NEWEST = 50  # runs that are looked at
EACH_NUMBER = 25  # multiplications that take as long as what else is done for each number that a layer puts out
FEWER = 3  # times as many images as a run had: beyond it, that run's time is mostly other work than training
MOST_WRONG = 3  # times the rough time, which it is hardly ever above
MOST_APART = 20  # times the work of an image: beyond it, one network says too little about another


def expected_seconds(config: TrainingConfig, images: int, runs: Iterable[RunView]) -> float | None:
    """The training time of a run in seconds, from a run that was trained here; None where none tells enough.

    That is the newest run of the same network, with the same batch size and about as many images where there is one;
    else the run of the network that is nearest in its work, by which the time is scaled: a guess that can be wrong by a
    factor of 2 or 3, and more while the machine does other work. What a run of far fewer images says counts as far as
    it is no more than a few times the rough time: much of it is not training. Convolutions and dense layers alone are
    compiled differently, and do not count for each other; nor does a run of one epoch for another network, since what
    is compiled is not told apart there.

    Args:
        config: the settings of the run to come.
        images: how many images an epoch of it has.
        runs: the runs of this machine, newest first; imported ones are left out.
    """
    known = [run for run in islice(runs, NEWEST) if _is_ground(run, config)]
    nearest = min(known, key=lambda run: _apart(run, config, images), default=None)
    if nearest is None:
        return None
    begin, seconds = _pace(nearest)
    expected = begin + seconds * _work(config) / _work(nearest.config) * images * config.epochs
    if images < FEWER * nearest.summary["training_images"]:
        return expected
    return min(expected, begin + MOST_WRONG * (1 + config.augment) * rough_seconds(config, images))


def rough_seconds(config: TrainingConfig, images: int) -> float:
    """The training time of a run in seconds where nothing like it was trained here, to see whether it takes long.

    From what two processor cores multiply in a second: a factor of up to 3 from what they took for ten networks, from
    ten templates to 37 million parameters, without augmentation, some while the machine did other work.
    """
    return _work(config) / MULTIPLICATIONS_A_SECOND * images * config.epochs


def _is_ground(run: RunView, config: TrainingConfig) -> bool:
    before, summary = _told(run)
    if before is None:
        return False
    if before.layers.text != config.layers.text and summary["epochs"] < 2:
        return False
    alike = (before.augment, before.layers.sees_pictures) == (config.augment, config.layers.sees_pictures)
    return alike and max(_work(before), _work(config)) <= MOST_APART * min(_work(before), _work(config))


@until_folder_changes
def _told(run: RunView) -> tuple[TrainingConfig | None, dict]:
    """A run's settings and summary; None and {} where it was not trained here, or not to an end."""
    config, summary = run.config, run.summary or {}
    if config is None or run.imported or not all(summary.get(name) for name in ("training_seconds", *_COUNTS)):
        return None, {}
    return config, summary


_COUNTS = ("training_images", "epochs")


def _apart(run: RunView, config: TrainingConfig, images: int) -> tuple:
    """How little a run says about another one of so many images, the least first."""
    before, share = run.config, images / run.summary["training_images"]
    same = before.layers.text == config.layers.text
    few = not 1 / FEWER < share < FEWER
    return not same, abs(math.log(_work(before) / _work(config))), few, before.batch_size != config.batch_size


def _work(config: TrainingConfig) -> int:
    """What an image takes, in multiplications."""
    return config.layers.multiplications + EACH_NUMBER * config.layers.activations


def _pace(run: RunView) -> tuple[float, float]:
    """The seconds that a run took before its first image, to compile, and those for each image."""
    summary = run.summary
    images, epochs = (summary[name] for name in _COUNTS)
    seconds = summary["training_seconds"]
    times = [epoch.get("training_seconds") for epoch in run.history().epochs]
    if len(times) == epochs > 1 and all(isinstance(time, int | float) for time in times) and times[-1] > times[0]:
        each = (times[-1] - times[0]) / (images * (epochs - 1))
        return max(0.0, times[0] - each * images), each
    return 0.0, seconds / (images * epochs)
