"""What happened to a run: its events in order, read from events.jsonl as it grows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.runs.state import is_event
from core.storage import LineLog

AVERAGED = 600  # events: the most that the averages are taken over
HALF_LIFE = 30.0  # seconds after which an event counts half, so that the time left does not jump; later half of all
ENOUGH_SECONDS, ENOUGH_SHARE = 2.0, 0.02  # of training, before the time left can be told


@dataclass(frozen=True)
class History:
    """A run's events in order, without what a resumed run did again: `batches` and `epochs` as dicts of numbers.

    Both have `step` (batches so far), `epoch` (from 1), `loss`, `accuracy` (a fraction), `learning_rate`, `time`
    (seconds since 1970) and `training_seconds` (so far). Epochs have `val_loss` and `val_accuracy`; batches have
    `position` (epochs so far, 0.5 in the middle of the first), `epoch_loss` and `epoch_accuracy` (means of the epoch so
    far), `images` and `images_per_second`.
    """

    batches: tuple[dict, ...]
    epochs: tuple[dict, ...]
    phase: str  # "waiting", "training" or "finishing": what the worker was last seen doing
    epoch_images: int = 0  # how many images an epoch has; 0 before training began
    damaged: int = 0  # events that could not be used
    start_step: int = 0  # from which training began, or went on when it was resumed last

    @property
    def last_batch(self) -> dict:
        """The newest batch event, {} before the first."""
        return self.batches[-1] if self.batches else {}

    @property
    def epoch_under_way(self) -> int:
        """The epoch, from 1, that was begun and not completed; 0 between two epochs."""
        complete = self.epochs[-1]["step"] if self.epochs else 0
        return len(self.epochs) + 1 if self.last_batch.get("step", 0) > complete else 0

    def batches_an_epoch(self, batch_size: int | None) -> int:
        """How many batches an epoch has; 0 before that is known.

        `batch_size` is the config's, None where that is damaged: then a complete epoch tells it.
        """
        if self.epoch_images and batch_size:
            return -(-self.epoch_images // batch_size)
        last = self.epochs[-1] if self.epochs else {}
        return round(last["step"] / last["epoch"]) if last.get("epoch") else 0

    def share_done(self, epochs: int) -> float:
        """The share of `epochs` that is trained, 0 to 1."""
        return min(1.0, self.last_batch.get("position", 0.0) / epochs)

    def seconds_left(self, epochs: int) -> float | None:
        """The time to the end of `epochs` in seconds, with validation after each; None before it can be told.

        An exponential average over the progress since training began or was resumed, without the first event, which
        includes compilation. It takes two seconds, and two per cent of all epochs or one whole epoch.
        """
        if not self.batches:
            return None
        left, events = epochs - self.last_batch.get("position", 0.0), self._recent()
        times, positions = (np.array([event.get(name, 0.0) for event in events]) for name in ("time", "position"))
        seconds, gained = np.diff(times).clip(min=0.0), np.diff(positions)
        if seconds.sum() < ENOUGH_SECONDS or gained.sum() < min(1.0, ENOUGH_SHARE * epochs):
            return None
        weights = _weights(times[1:])
        return max(0.0, left * (weights * seconds).sum() / (weights * gained).sum())

    def images_per_second(self) -> float | None:
        """The speed of training alone, averaged in the same way, to three digits; None before the first batch."""
        if not self.batches:
            return None
        events = self._recent()
        speeds, times = (np.array([event.get(name, 0.0) for event in events]) for name in ("images_per_second", "time"))
        return float(f"{np.average(speeds, weights=_weights(times)):.3g}")

    def _recent(self) -> list[dict]:
        """The newest batch events since training began or was resumed, without the first of them if there are more."""
        events = [batch for batch in self.batches[-AVERAGED:] if batch["step"] > self.start_step]
        return events[1:] or list(self.batches[-1:])


def _weights(times: np.ndarray) -> np.ndarray:
    """Of events at these times in order, float (n,): 1 for the newest, half as much for one a half-life before it."""
    ages = times.max(initial=0.0) - times
    return 0.5 ** (ages / max(HALF_LIFE, ages.max(initial=0.0) / 2))


def read_history(path: Path) -> History:
    """The events of a file so far; what a resumed run did again is there once."""
    log = event_log(path)
    count = len(log.values())
    return _history(log, count, log.damaged) if count or log.damaged else History((), (), "waiting")


def event_log(path: Path) -> LineLog:
    """The one reader of this file in the process."""
    return _event_log(str(path))


@lru_cache(maxsize=256)
def _event_log(path: str) -> LineLog:
    return LineLog(Path(path))


@lru_cache(maxsize=32)
def _history(log: LineLog, count: int, damaged_lines: int) -> History:
    batches: list[dict] = []
    epochs: list[dict] = []
    phase, epoch_images, damaged, start_step = "waiting", 0, damaged_lines, 0
    for event in log.values()[:count]:
        kind, step = event.get("type"), event.get("step")
        needed = ("step", "epoch") if kind in ("start", "batch", "epoch") else ("type",)
        if not is_event(event) or any(name not in event for name in needed):
            damaged += 1
        elif kind == "start":  # a resumed run goes on from its checkpoint and does what came after it again
            batches = [batch for batch in batches if batch["step"] <= step]
            epochs = [epoch for epoch in epochs if epoch["epoch"] <= event["epoch"]]  # a step may end one or not yet
            phase, epoch_images, start_step = "training", event.get("epoch_images") or epoch_images, step
        elif kind == "batch":
            batches.append(event)
        elif kind == "epoch":
            epochs.append(event)
        elif kind == "taken":
            phase = "waiting"
        elif kind == "finishing":
            phase = "finishing"
    return History(tuple(batches), tuple(epochs), phase, epoch_images, damaged, start_step)
