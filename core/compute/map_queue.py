"""Lays out maps by t-SNE without being asked: one after the other, and only while nothing trains.

Whose training ends while this program serves gets one, and so does a run whose map is opened. Where training begins
meanwhile, the job is ended, and made again when nothing trains: a run never shares the machine with it.
"""

from __future__ import annotations

import threading
from contextlib import suppress

from core.compute.job import Jobs
from core.compute.queue import Queue
from core.interpretability.embedding import all_alike
from core.runs import Run

KIND = "map"
LOOK_SECONDS, IDLE_SECONDS = 0.5, 2.0  # between two looks at what trains: while it lays out a map, and otherwise
MOST_TRAINED = 8  # maps made ahead, of the runs that ended last: after a long sweep the others wait to be opened


class MapQueue:
    """The runs whose maps are to be laid out.

    Args:
        queue: what trains.
        jobs: starts the jobs of the kind "map", and ends them.
    """

    def __init__(self, queue: Queue, jobs: Jobs) -> None:
        self._queue = queue
        self._jobs = jobs
        self._opened: dict[str, Run] = {}  # by id, first come first
        self._trained: dict[str, Run] = {}  # by id, the one that ended last at the end
        self._training: set[str] = set()  # at the last look
        self._current: Run | None = None  # stays in the queue until its map is there
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="maps", daemon=True)

    def start(self) -> None:
        """Begin to lay out maps. Before, and after `close`, runs only queue up."""
        self._thread.start()

    def close(self) -> None:
        """Lay out no more maps, and end the one in work."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        with self._lock:
            self._interrupt()

    def want(self, run: Run) -> None:
        """Lay out the map of this run as soon as nothing trains."""
        with self._lock:
            self._opened.setdefault(run.id, run)
        if self._thread.is_alive():
            self.look()

    def is_waiting(self, run: Run) -> bool:
        """Whether the run's map is to be laid out."""
        return run.id in self._opened or run.id in self._trained

    def make_now(self, run: Run) -> None:
        """Lay out the map of this run now, whatever trains.

        Raises:
            OSError: where the run folder cannot be written.
        """
        self._jobs.start(run, KIND)
        with self._lock:
            self._forget(run)

    def drop(self, run: Run) -> None:
        """Lay out no map of this run, which is about to be deleted."""
        with self._lock:
            if self._current is not None and self._current.id == run.id:
                self._interrupt()
            self._forget(run)

    def look(self) -> None:
        """Note whose training has ended; end the job where something trains, and else begin the next one."""
        with self._lock:
            active = self._queue.recent(LOOK_SECONDS)
            training = active.running | {run.id for run in active.queued}
            for run in map(self._queue.store.get, sorted(self._training - training)):
                if run is not None and _is_worth_a_map(run):
                    self._trained.pop(run.id, None)
                    self._trained[run.id] = run
            self._training = training
            while len(self._trained) > MOST_TRAINED:
                del self._trained[next(iter(self._trained))]
            if training:
                self._interrupt()
            elif not self._ended.is_set():
                self._continue()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS if self._current else IDLE_SECONDS):
            with suppress(OSError):  # the next look may do
                self.look()

    def _continue(self) -> None:
        """Begin the next map where none is in work; people who look at a map come first."""
        if self._current is not None:
            if not self._current.path.is_dir():
                self._jobs.end(self._current, KIND)
            elif self._jobs.status(self._current, KIND).name == "running":
                return
            self._forget(self._current)
            self._current = None
        waiting = [*self._opened.values(), *reversed(self._trained.values())]
        for run in waiting:
            if run.path.is_dir() and not run.is_discarded:
                with suppress(OSError):  # a home that cannot be written: the run waits
                    self._jobs.start(run, KIND)
                    self._current = run
                return
            self._forget(run)

    def _interrupt(self) -> None:
        if self._current is not None:
            self._jobs.end(self._current, KIND)
            self._current = None

    def _forget(self, run: Run) -> None:
        self._opened.pop(run.id, None)
        self._trained.pop(run.id, None)


def _is_worth_a_map(run: Run) -> bool:
    """Whether the run has ended with a model that tells images apart."""
    if not run.has_model or run.state.name not in ("finished", "stopped"):
        return False
    probabilities = run.probabilities()
    return probabilities is None or not all_alike(probabilities)
