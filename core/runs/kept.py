"""What lists need of each of many runs, read again only where a run's folder has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

from core.runs.view import RunView

SETTLED = 2_000_000_000  # nanoseconds: what changed later than that ago may change again and keep its time
MOST_KEPT = 20_000  # runs, of each function
_announced = [0]  # how often, in this process


def until_folder_changes(read: Callable) -> Callable:
    """Keep what a function reads of a run, for everybody in this process, until the time of the run's folder changes.

    The function takes the run, and what else tells results apart: what can be hashed, or a dataset, by its fingerprint.
    Nothing is kept of runs that train, wait or were interrupted, since their files grow. Callers must not change what
    they get. `RunStore.of_each` reads it of all runs.
    """
    kept: dict[tuple[str, *tuple[Hashable, ...]], tuple[int, Any]] = {}

    def look(run: RunView, *others: Any) -> tuple[Any, bool]:
        """What is read, and whether it is kept."""
        key = (str(run.path), *(getattr(other, "fingerprint", other) for other in others))
        modified = folder_time(key[0])
        known = kept.get(key)
        if known and known[0] == modified:
            return known[1], True
        found = read(run, *others)
        if is_settled(modified) and not (state := run.state).is_active and state.name != "interrupted":
            if len(kept) >= MOST_KEPT:
                kept.clear()
            kept[key] = modified, found
            return found, True
        return found, False

    @wraps(read)
    def current(run: RunView, *others: Any) -> Any:
        return look(run, *others)[0]

    current.look = look
    return current


@until_folder_changes
def name_of(run: RunView) -> str:
    """What people call a run."""
    return run.name


@until_folder_changes
def accuracy_of(run: RunView) -> float:
    """A run's test accuracy as a fraction, 0 before it has a model: to put runs in order."""
    return run.test_accuracy or 0.0


def announce(runs_folder: Path) -> None:
    """Say that a run has changed, by the time of the runs folder, so that nobody need look into each of many."""
    _announced[0] += 1
    with suppress(OSError):
        os.utime(runs_folder)


def announcements() -> int:
    """A number that changes with each `announce` in this process, also where the clock of the disk is coarse."""
    return _announced[0]


def folder_time(path: str) -> int:
    """When a file was made, replaced or removed in a folder, in nanoseconds since 1970; 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def is_settled(modified: int) -> bool:
    """Whether another change would give a folder another time than this one."""
    return 0 < modified < time.time_ns() - SETTLED
