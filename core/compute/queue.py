"""The runs of a store that a launcher acts on, found without reading those whose folders did not change."""

from __future__ import annotations

import math
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from stat import S_ISDIR

from core.people.turns import in_turn
from core.runs import Run, RunStore
from core.runs.run import ID

TICK_SECONDS = 3.0  # file systems count time in steps of up to 2 s: a second change within one step shows no new time
FULL_SECONDS = 60.0  # between two looks into every run, for clocks that jumped and file systems without such times


@dataclass(frozen=True)
class Active:
    """What there is to do: `queued` runs in their turn, ids of `running` ones, and `discarded` ones to delete."""

    queued: list[Run]
    running: set[str]
    discarded: list[Run]


class Queue:
    """The active runs of a store, told by the modification times of the run folders.

    Every file of a run is written beside its place and then renamed into it, which changes the folder's time. A look
    at 2,000 runs where one changed is one call of the system for each, and opens no file; where the runs folder shows
    no change for some seconds, it is one for each run that is active.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._changes: dict[str, tuple[int, float]] = {}  # by id: the folder's time, and when it was first seen
        self._active: set[str] = set()  # those that can change by the end of a process, without a write
        self._next_full = self._quiet_after = -math.inf
        self._stamp = -1  # of the store
        self._lock = threading.Lock()
        self._last, self._looked_at = Active([], set(), []), -math.inf

    def recent(self, seconds: float) -> Active:
        """The last look, or a new one where that is `seconds` old; for all threads that only show it."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at >= seconds:
                self._last, self._looked_at = self.look(now), now
            return self._last

    def look(self, now: float) -> Active:
        """Read all runs that may have changed since the last look; `now` is a time in seconds that never goes back."""
        full = now >= self._next_full
        queued, running, discarded = [], {}, []
        for run_id in self._to_read(now, full):
            run = Run(self.store.folder / run_id)
            state = run.state
            if state.name == "queued":
                queued.append((state.since, run.owner.id, run))
            if state.name == "running":
                running[run_id] = run.owner.id
            if run.is_discarded:
                discarded.append(run)
        self._active = {*running, *(run.id for *_, run in queued), *(run.id for run in discarded)}
        if full:
            self._next_full = now + FULL_SECONDS
        return Active(in_turn(queued, running.values()), set(running), discarded)

    def _to_read(self, now: float, full: bool) -> list[str]:
        """The ids of the runs that were active or may have changed, all where the look is a `full` one."""
        if (stamp := self.store.stamp()) != self._stamp:
            self._stamp, self._quiet_after = stamp, now + TICK_SECONDS
        elif now >= self._quiet_after and not full:
            return [run_id for run_id in self._active if (self.store.folder / run_id).is_dir()]
        changes = {}
        for run_id, modified in self._folders():
            change = self._changes.get(run_id)
            changes[run_id] = change if change and change[0] == modified else (modified, now)
        self._changes = changes
        return [
            run_id
            for run_id, (_, seen) in changes.items()
            if full or now - seen < TICK_SECONDS or run_id in self._active
        ]

    def _folders(self) -> list[tuple[str, int]]:
        """The id and the modification time, in ns, of each run folder."""
        found = []
        with suppress(OSError):  # before the first run, or where the folder cannot be read
            for entry in os.scandir(self.store.folder):
                if not (entry.name in self._changes or ID.fullmatch(entry.name)):
                    continue
                try:
                    status = os.stat(entry.path)  # not entry.stat(), which on Windows may be out of date
                except FileNotFoundError:  # deleted meanwhile
                    continue
                if S_ISDIR(status.st_mode):
                    found.append((entry.name, status.st_mtime_ns))
        return found
