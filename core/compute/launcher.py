"""Starts workers for the runs that wait, and keeps them warm, so that a run begins within a second.

The queue is in the run folders: whoever wants a run trained creates or resumes it there, and the launcher of any
dashboard starts it. A worker that is through with a run takes the next one, so that nobody waits for TensorFlow's
import again. The launcher also deletes the runs that were discarded, once no worker is at them. Workers have a session
of their own and continue with their run when the launcher ends.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from core.compute.process import explain_end, last_output, start_process
from core.compute.queue import Active, Queue
from core.compute.watcher import Watcher
from core.leftovers import remove_leftovers
from core.people import read_rules
from core.runs import Run, RunError, RunStore
from core.storage import explain_os_error

LOOK_SECONDS = 0.1
SLOW_SECONDS = 2.0  # between two looks at the run folders, where nothing says that one has changed
LONGEST_PAUSE = 30.0  # seconds between two looks or two workers, where something is wrong
KILLED = -9  # the status of a process that somebody, or the system for lack of memory, killed: another one may do
MOST_KILLED = 3  # workers of one run that were killed before they began, until it has failed
MOST_FAILURES = 5  # workers in a row that could not start, until only a run makes another one come
HEALTHY_SECONDS = 30.0  # a worker that waits for so long has started
LOCK = "launcher.lock"  # in the home, held by a launcher while it watches
SPARE_SECONDS = 4.0  # how long a run has the machine to itself before the next worker gets ready


def worker_limit() -> int:
    """How many runs train at once: DIGITLAB_WORKERS, 1 where it is unset or no number from 1 to 16."""
    value = os.environ.get("DIGITLAB_WORKERS", "")
    return int(value) if value.isdecimal() and 1 <= int(value) <= 16 else 1


class _Sent(NamedTuple):
    """A worker with a run: since when, and since when the run had waited."""

    worker: subprocess.Popen
    at: float
    queued: float


class Launcher(Watcher):
    """Watches the queue of a store in a thread of its own, and survives every error.

    Args:
        store: where runs wait.
        limit: how many train at once; what other launchers and terminals train counts too.
        environment: variables that its workers get besides those of this process.
    """

    _keeps_warm = True

    def __init__(self, store: RunStore, limit: int | None = None, **environment: str) -> None:
        super().__init__("launcher")
        self.store = store
        self.limit = limit or worker_limit()
        self._environment = environment
        self._queue = Queue(store)
        self._warm: list[tuple[subprocess.Popen, float]] = []  # workers without a run, and since when they have none
        self._seen = -1  # the store's stamp at the last look at the run folders
        self._next_look = 0.0
        self._next_warm = 0.0  # not before: a worker that dies by itself is not started again and again
        self._sent: dict[str, _Sent] = {}
        self._killed: Counter[str] = Counter()  # by id: workers that were killed before they began the run
        self._failures = 0  # workers in a row that could not start
        self._worker_problem = self._watch_problem = ""
        self._lock = FileLock(store.home / LOCK, thread_local=False)

    @property
    def problem(self) -> str:
        """Why queued runs are not started, in words; "" where they are, and before the start and after the end."""
        if self._ended.is_set():
            return ""
        if self._thread.ident and not self._thread.is_alive():
            return "The launcher, which starts queued runs, has stopped. Restart Digit Lab."
        return self._watch_problem or self._worker_problem

    def close(self) -> None:
        """Stop watching and end the warm workers; those with a run continue to its end."""
        super().close()
        for worker, *_ in [*self._warm, *self._sent.values()]:
            _let_leave(worker)
        for worker, _ in self._warm:
            try:
                worker.wait(timeout=2)
            except subprocess.TimeoutExpired:
                worker.kill()  # still importing, and without a run there is nothing to lose
        self._warm = []
        self._lock.release()

    def end(self, run_id: str) -> None:
        """Kill the worker that trains a run, where this launcher has started it."""
        if sent := self._sent.get(run_id):
            sent.worker.kill()
            sent.worker.wait()

    def _watch(self) -> None:
        pause = LOOK_SECONDS
        with suppress(Exception):  # it is only tidying
            remove_leftovers(self.store.home)
        while not self._ended.wait(pause):
            try:
                self._look()
                self._watch_problem, pause = "", LOOK_SECONDS
            except Exception as error:  # nothing may end the watch: a full disk, a folder that vanished, no memory
                words = explain_os_error(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
                if words != self._watch_problem:  # once, not with every look
                    print(f"Launcher: {words}", file=sys.stderr)
                    if not isinstance(error, OSError):
                        traceback.print_exc()
                self._watch_problem, pause = words, min(max(1.0, 2 * pause), LONGEST_PAUSE)

    def _look(self) -> None:
        self._reap()
        now, stamp = time.monotonic(), self.store.stamp()
        if stamp != self._seen or now >= self._next_look:
            self._next_look = now + SLOW_SECONDS
            self._hold_lock()
            active = self._queue.look(now)
            for run in () if read_rules(self.store.home).everybody_waits else active.queued:
                if run.id not in self._sent and self._takes(run, active):
                    self._send(run)
            for run in active.discarded:
                with suppress(RunError, FileNotFoundError):  # its worker still ends, or another launcher was faster
                    self.store.delete(run)
            self._seen = stamp  # at the end: after an error it looks again
        if (
            self._keeps_warm
            and not self._warm
            and len(self._sent) < self.limit
            and now >= self._next_warm
            and all(now - sent.at > SPARE_SECONDS for sent in self._sent.values())
        ):
            self._warm.append((self._spawn(), now))

    def _hold_lock(self) -> None:
        """Let others see that runs are launched here; another launcher may hold the lock instead."""
        if not self._lock.is_locked:
            with suppress(Timeout, OSError):
                self.store.home.mkdir(parents=True, exist_ok=True)
                self._lock.acquire(timeout=0)

    def _takes(self, run: Run, active: Active) -> bool:
        """Whether a run that waits is sent to a worker now."""
        return len(active.running | set(self._sent)) < self.limit

    def _send(self, run: Run) -> None:
        waited, queued = bool(self._warm), run.state.since
        worker = self._warm.pop()[0] if waited else self._spawn()
        try:
            worker.stdin.write(os.fsencode(run.path) + b"\n")
            worker.stdin.flush()
        except OSError:
            if waited:  # it died meanwhile; the run is sent to a new one at the next look
                worker.kill()
                worker.wait()
                self._next_look = 0.0
                return
        self._sent[run.id] = _Sent(worker, time.monotonic(), queued)

    def _spawn(self) -> subprocess.Popen:
        """Start a worker that gets ready and then waits for runs on its standard input."""
        self.store.home.mkdir(parents=True, exist_ok=True)
        self._log.unlink(missing_ok=True)
        arguments = "core.training.worker", "--wait", self.store.home
        return start_process(*arguments, log=self._log, takes_input=True, **self._environment)

    def _reap(self) -> None:
        """Forget workers that ended; a run that one of them did not even begin has failed."""
        for run_id, sent in list(self._sent.items()):
            worker, run = sent.worker, self.store.get(run_id)
            if worker.poll() is None:
                self._see(run_id, sent, run)
                continue
            if run and run.state.name == "queued" and worker.returncode != 0 and not run.has_worker():
                self._killed[run_id] += worker.returncode == KILLED
                if not 0 < self._killed[run_id] < MOST_KILLED:
                    self._worker_failed(worker.returncode)
                    run.set_state("failed", self._worker_problem)
            self._next_look = 0.0  # there is room for another one
            del self._sent[run_id]  # at the end: where the failure cannot be written, the run is not sent again
        for worker, since in list(self._warm):
            if worker.poll() is not None:
                self._warm.remove((worker, since))
                if worker.returncode != 0:
                    self._worker_failed(worker.returncode)
                else:  # it has trained enough
                    self._next_warm = time.monotonic() + LOOK_SECONDS
            elif self._worker_problem and time.monotonic() - since > HEALTHY_SECONDS:
                self._worker_started()

    def _see(self, run_id: str, sent: _Sent, run: Run | None) -> None:
        """Look at a worker that lives: it waits for another run once it is through with this one."""
        if run is None:  # deleted meanwhile
            _let_leave(sent.worker)
            return
        state = run.state
        if self._worker_problem and state.name == "running":
            self._worker_started()
        # queued at another time, it was trained and asked for once more: its worker has to be told again
        waits = state.name == "queued" and state.since == sent.queued
        if waits or state.name == "running" or run.has_worker():
            return
        del self._sent[run_id]
        self._next_look = 0.0  # there is room for another one
        self._warm.append((sent.worker, time.monotonic()))

    def _worker_started(self) -> None:
        self._failures, self._worker_problem = 0, ""

    def _worker_failed(self, status: int) -> None:
        """Note why a worker could not start; the next one comes later and later, in the end only with a run."""
        words = f"{explain_end('The worker could not start', status, self._log)}\n\n{last_output(self._log)}".strip()
        if words != self._worker_problem:
            print(f"Launcher: {words}", file=sys.stderr)
        self._worker_problem = words
        self._failures += 1
        pause = math.inf if self._failures >= MOST_FAILURES else min(2.0**self._failures, LONGEST_PAUSE)
        self._next_warm = time.monotonic() + pause

    @property
    def _log(self) -> Path:
        """What the warm worker prints; another dashboard has one of its own."""
        return self.store.home / f"worker-{os.getpid()}.log"


def _let_leave(worker: subprocess.Popen) -> None:
    """Close a worker's input: it leaves when it is through with its run, at once where it has none."""
    with suppress(OSError):
        worker.stdin.close()
