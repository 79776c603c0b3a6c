"""What happened to a run: its events in order, read from events.jsonl as it grows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.runs.state import is_event
from core.storage import LineLog

SPEED_BATCHES = 60  # events: over which the speed is averaged, so that the time left does not jump


@dataclass(frozen=True)
class History:
    """A run's events in order, without what a resumed run did again: `batches` and `epochs` as dicts of numbers."""

    batches: tuple[dict, ...]
    epochs: tuple[dict, ...]
    phase: str  # "waiting", "training" or "finishing": what the worker was last seen doing
    epoch_images: int = 0  # how many images an epoch has; 0 before training began
    damaged: int = 0  # events that could not be used

    @property
    def last_batch(self) -> dict:
        """The newest batch event, {} before the first."""
        return self.batches[-1] if self.batches else {}

    def share_done(self, epochs: int) -> float:
        """The share of `epochs` that is trained, 0 to 1."""
        return min(1.0, self.last_batch.get("position", 0.0) / epochs)

    def seconds_left(self, epochs: int) -> float | None:
        """The training time to the end of `epochs` in seconds, None before the first batch.

        The speed is the median of the last `SPEED_BATCHES` events, without the first one, which includes compilation.
        """
        recent = self.batches[1:][-SPEED_BATCHES:] or self.batches
        if not recent:
            return None
        speed = float(np.median([batch.get("images_per_second", 0.0) for batch in recent]))
        return (epochs - self.last_batch.get("position", 0.0)) * self.epoch_images / max(1.0, speed)


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
    phase, epoch_images, damaged = "waiting", 0, damaged_lines
    for event in log.values()[:count]:
        kind, step = event.get("type"), event.get("step")
        needed = ("step", "epoch") if kind in ("start", "batch", "epoch") else ("type",)
        if not is_event(event) or any(name not in event for name in needed):
            damaged += 1
        elif kind == "start":  # a resumed run goes on from its checkpoint and does what came after it again
            batches = [batch for batch in batches if batch["step"] <= step]
            epochs = [epoch for epoch in epochs if epoch["epoch"] <= event["epoch"]]  # a step may end one or not yet
            phase, epoch_images = "training", event.get("epoch_images") or epoch_images
        elif kind == "batch":
            batches.append(event)
        elif kind == "epoch":
            epochs.append(event)
        elif kind == "taken":
            phase = "waiting"
        elif kind == "finishing":
            phase = "finishing"
    return History(tuple(batches), tuple(epochs), phase, epoch_images, damaged)
