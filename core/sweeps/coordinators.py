"""Starts a coordinator for each active sweep of a home, and another one where it was killed."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress

from core.compute.process import explain_end, start_process
from core.compute.watcher import Watcher
from core.sweeps.plan import SweepError
from core.sweeps.sweep import ACTIVE, LOG, Sweep, SweepStore

LOOK_SECONDS, SLOW_SECONDS = 0.2, 2.0  # between two looks: at whether a sweep has changed, and at each of them
MOST_FAILURES = 5  # of a coordinator in a row, until its sweep is paused


class Coordinators(Watcher):
    """Watches the sweeps in a thread of its own. Coordinators continue when it ends."""

    def __init__(self, sweeps: SweepStore) -> None:
        super().__init__("coordinators")
        self._sweeps = sweeps
        self._processes: dict[str, subprocess.Popen] = {}  # by the sweep's id
        self._failures: dict[str, int] = {}
        self._seen, self._next_look = -1, 0.0

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            stamp, now = self._sweeps.stamp(), time.monotonic()
            if stamp != self._seen or now >= self._next_look:
                self._seen, self._next_look = stamp, now + SLOW_SECONDS
                with suppress(OSError, SweepError):  # a full disk, a sweep that was deleted: the next look may do
                    self.look()

    def look(self) -> None:
        """Start what is missing."""
        for sweep in self._sweeps.sweeps():
            process = self._processes.get(sweep.id)
            if sweep.state.name != ACTIVE or (process is not None and process.poll() is None):
                continue
            if process is not None:
                del self._processes[sweep.id]
                self._failures[sweep.id] = 1 + self._failures.get(sweep.id, 0) if process.returncode else 0
            if self._failures.get(sweep.id, 0) >= MOST_FAILURES:
                self._failures[sweep.id] = 0
                sweep.fail(explain_end("Its coordinator could not go on", process.returncode, sweep.path / LOG))
            elif not sweep.has_coordinator():
                self._processes[sweep.id] = _start(sweep)


def _start(sweep: Sweep) -> subprocess.Popen:
    return start_process("core.sweeps.coordinator", sweep.path, log=sweep.path / LOG)
