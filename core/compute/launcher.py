"""Starts workers for the runs that wait, and keeps one worker warm, so that a run begins within a second.

The queue is in the run folders: whoever wants a run trained creates or resumes it there, and the launcher of any
dashboard takes it up. It also deletes the runs that were discarded, once their workers have ended. Workers have a
session of their own and go on when the launcher ends.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

from core.compute.process import start_process
from core.endings import cause, exit_in_words
from core.leftovers import sweep_up
from core.runs import Run, RunStore
from core.storage import explain_os_error

LOOK_SECONDS = 0.1
SLOW_SECONDS = 1.0  # between two looks into each run, where nothing says that one has changed
LONGEST_PAUSE = 30.0  # seconds between two looks or two workers, where something is wrong
MOST_FAILURES = 5  # workers in a row that could not start, until only a run makes another one come
HEALTHY_SECONDS = 30.0  # a worker that waits for so long has started
SPARE_SECONDS = 4.0  # how long a run has the machine to itself before the next worker gets ready


def worker_limit() -> int:
    """How many runs train at once: DIGITLAB_WORKERS, 1 where it is unset or no number from 1 to 16."""
    value = os.environ.get("DIGITLAB_WORKERS", "")
    return int(value) if value.isdecimal() and 1 <= int(value) <= 16 else 1


class Launcher:
    """Watches the queue of a store in a thread of its own, and goes on watching whatever happens.

    Args:
        store: where runs wait.
        limit: how many train at once; what other launchers and terminals train counts too.
    """

    def __init__(self, store: RunStore, limit: int | None = None) -> None:
        self.store = store
        self.limit = limit or worker_limit()
        self._warm: subprocess.Popen | None = None
        self._warm_since = 0.0
        self._seen, self._next_look = (
            -1,
            0.0,
        )  # the store's stamp at the last look into each run, and the next such look
        self._next_warm = 0.0  # not before: a worker that dies by itself is not started again and again
        self._sent: dict[str, tuple[subprocess.Popen, float]] = {}
        self._failures = 0  # workers in a row that could not start
        self._worker_trouble = self._own_trouble = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="launcher", daemon=True)

    @property
    def trouble(self) -> str:
        """Why runs are not started, in words; "" where they are."""
        if self._thread.ident and not self._thread.is_alive() and not self._ended.is_set():
            return "The launcher, which starts the runs that wait, has ended. Start Digit Lab again."
        return self._own_trouble or self._worker_trouble

    def start(self) -> None:
        """Get the first worker ready and begin to watch."""
        _launchers.append(self)
        self._thread.start()

    def close(self) -> None:
        """Stop watching and let the warm worker go; workers with a run go on."""
        self._ended.set()
        if self in _launchers:
            _launchers.remove(self)
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        if self._warm:
            self._warm.stdin.close()  # it reads the end of its input and leaves
            try:
                self._warm.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._warm.kill()  # still importing, and without a run there is nothing to lose
            self._warm = None

    def _watch(self) -> None:
        pause = LOOK_SECONDS
        with suppress(Exception):  # it is only tidying
            sweep_up(self.store.home)
        while not self._ended.wait(pause):
            try:
                self._look()
                self._own_trouble, pause = "", LOOK_SECONDS
            except Exception as error:  # nothing may end the watch: a full disk, a folder that vanished, no memory
                words = explain_os_error(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
                if words != self._own_trouble:  # once, not with every look
                    print(f"Launcher: {words}", file=sys.stderr)
                    if not isinstance(error, OSError):
                        traceback.print_exc()
                self._own_trouble, pause = words, min(max(1.0, 2 * pause), LONGEST_PAUSE)

    def _look(self) -> None:
        self._reap()
        now, stamp = time.monotonic(), self.store.stamp()
        if stamp != self._seen or now >= self._next_look:
            self._next_look = now + SLOW_SECONDS
            for run in self.store.queued():
                if run.id not in self._sent and self._training() < self.limit:
                    self._send(run)
            self.store.delete_discarded()
            self._seen = stamp  # at the end: after an error all runs are looked into again
        if (
            self._warm is None
            and now >= self._next_warm
            and all(now - at > SPARE_SECONDS for _, at in self._sent.values())
        ):
            self._warm, self._warm_since = self._spawn(), now

    def _training(self) -> int:
        """Runs that train now, whoever started them, and those on their way."""
        running = {run.id for run in self.store.runs() if run.state.name == "running"}
        return len(running | set(self._sent))

    def _send(self, run: Run) -> None:
        waited, worker = self._warm is not None, self._warm or self._spawn()
        self._warm = None
        try:
            worker.stdin.write(os.fsencode(run.path) + b"\n")
            worker.stdin.close()
        except OSError:
            if waited:  # it died meanwhile; the run is sent to a new one at the next look
                worker.kill()
                worker.wait()
                self._next_look = 0.0
                return
        self._sent[run.id] = (worker, time.monotonic())

    def _spawn(self) -> subprocess.Popen:
        """Start a worker that gets ready and then waits for a run on its standard input."""
        self.store.home.mkdir(parents=True, exist_ok=True)
        self._log.unlink(missing_ok=True)
        return start_process("core.training.worker", "--wait", self.store.home, log=self._log, talks=True)

    def _reap(self) -> None:
        """Forget workers that ended; a run that one of them did not even begin has failed."""
        for run_id, (worker, _) in list(self._sent.items()):
            run = self.store.get(run_id)
            if worker.poll() is None:
                if self._worker_trouble and run and run.state.name == "running":
                    self._worker_started()
                continue
            if run and run.state.name == "queued" and worker.returncode != 0 and not run.has_worker():
                self._worker_failed(worker.returncode)
                run.set_state("failed", self._worker_trouble)
            self._next_look = 0.0  # there is room for another one
            del self._sent[run_id]  # at the end: where the failure cannot be written, the run is not sent again
        if self._warm and self._warm.poll() is not None:
            self._worker_failed(self._warm.returncode)
            self._warm = None
        elif self._warm and self._worker_trouble and time.monotonic() - self._warm_since > HEALTHY_SECONDS:
            self._worker_started()

    def _worker_started(self) -> None:
        self._failures, self._worker_trouble = 0, ""

    def _worker_failed(self, status: int) -> None:
        """Note why a worker could not start; the next one comes later and later, in the end only with a run."""
        log = self._worker_log()
        words = [f"The worker could not start ({exit_in_words(status)}).", cause(log, self.store.home)]
        words = " ".join(filter(None, words)) + (f"\n\n{log}" if log else "")
        if words != self._worker_trouble:
            print(f"Launcher: {words}", file=sys.stderr)
        self._worker_trouble = words
        self._failures += 1
        pause = math.inf if self._failures >= MOST_FAILURES else min(2.0**self._failures, LONGEST_PAUSE)
        self._next_warm = time.monotonic() + pause

    @property
    def _log(self) -> Path:
        """What the warm worker prints; another dashboard has one of its own."""
        return self.store.home / f"worker-{os.getpid()}.log"

    def _worker_log(self) -> str:
        try:
            return self._log.read_text(errors="replace")[-1500:].strip()
        except OSError:
            return ""


_launchers: list[Launcher] = []


def trouble() -> str:
    """Why the launcher of this process starts no runs, in words; "" where it does, or where it has none."""
    return next(filter(None, (launcher.trouble for launcher in _launchers)), "")
