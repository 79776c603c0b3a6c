"""Maps and robustness without being asked: one job after the other, and only while nothing trains on this machine.

A run whose training ends while this program serves gets both, first the maps of all such runs, the newest first. What
a page asks for comes before them. Where training begins meanwhile, the job is ended, and done again when nothing
trains: a run never shares the machine with it. Runs that a cluster's other machines train are in nobody's way.
"""

from __future__ import annotations

import platform
import threading
from contextlib import suppress

from core.compute.job import Jobs
from core.compute.machines import is_for_this_machine
from core.compute.process import works_ahead
from core.compute.queue import Queue
from core.compute.watcher import Watcher
from core.interpretability.embedding import all_alike
from core.people import deed
from core.runs import Run

KINDS = ("map", "robustness")
LOOK_SECONDS, IDLE_SECONDS = 0.5, 2.0  # between two looks at what trains: while a job is in work, and otherwise
MOST_TRAINED = 8  # runs, those that ended last: after a long sweep the others wait to be opened


class AfterTraining(Watcher):
    """The jobs that wait until nothing trains.

    Args:
        queue: what trains.
        jobs: starts the jobs, and ends them.
    """

    def __init__(self, queue: Queue, jobs: Jobs) -> None:
        super().__init__("after training")
        self._queue = queue
        self._jobs = jobs
        self._works_ahead = works_ahead()
        self._asked: dict[tuple[str, str], Run] = {}  # by kind and id, first come first
        self._trained: dict[tuple[str, str], Run] = {}  # by kind and id, the one that ended last at the end
        self._training: set[str] = set()  # at the last look
        self._current: tuple[Run, str] | None = None  # stays among those that wait until it is done
        self._lock = threading.Lock()

    def close(self) -> None:
        """Begin no more jobs, and end the one in work."""
        super().close()
        with self._lock:
            self._interrupt()

    def ask(self, run: Run, kind: str) -> None:
        """Do the job `kind` of this run as soon as nothing trains. Before `start` it only waits."""
        with self._lock:
            self._asked.setdefault((kind, run.id), run)
        if self._thread.is_alive():
            self.look()

    def is_waiting(self, run: Run, kind: str) -> bool:
        """Whether the job `kind` of this run is still to be done."""
        return (kind, run.id) in self._asked or (kind, run.id) in self._trained

    @deed("started a measurement of")
    def do_now(self, run: Run, kind: str) -> None:
        """Do the job `kind` of this run now, whatever trains.

        Raises:
            NotYoursError: where who acts may not change the run.
            OSError: where the run folder cannot be written.
        """
        run.check_yours()
        self._jobs.start(run, kind)
        with self._lock:
            self._forget(run, kind)

    def drop(self, run: Run) -> None:
        """Do none of this run's jobs, which is about to be deleted."""
        with self._lock:
            if self._current is not None and self._current[0].id == run.id:
                self._interrupt()
            for kind in KINDS:
                self._forget(run, kind)

    def look(self) -> None:
        """Note whose training has ended; end the job where something trains, and else begin the next one."""
        with self._lock:
            active = self._queue.recent(LOOK_SECONDS)
            training = active.running | {run.id for run in active.queued}
            if self._works_ahead:
                self._note_trained(self._training - training)
            self._training = training
            if self.gives_way():
                self._interrupt()
            elif not self._ended.is_set():
                self._continue()

    def gives_way(self) -> bool:
        """Whether the jobs wait now, since something trains on this machine, or is the next to."""
        active = self._queue.recent(LOOK_SECONDS)
        return any(map(self._trains_here, [*active.running, *(run.id for run in active.queued)]))

    def _trains_here(self, run_id: str) -> bool:
        """Whether a run that is queued or in training takes this machine's cores, now or next."""
        run = self._queue.store.get(run_id)
        if run is None:
            return False
        state = run.state
        if state.name == "queued":
            return is_for_this_machine(run.config)
        return state.machine in ("", platform.node())  # this one may be lent to a cluster

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS if self._current else IDLE_SECONDS):
            with suppress(OSError):  # the next look may do
                self.look()

    def _note_trained(self, ids: set[str]) -> None:
        for run in map(self._queue.store.get, sorted(ids)):
            if run is not None and _is_worth_it(run):
                for kind in KINDS:
                    self._trained.pop((kind, run.id), None)
                    self._trained[kind, run.id] = run
        for kind in KINDS:
            for key in [key for key in self._trained if key[0] == kind][:-MOST_TRAINED]:
                del self._trained[key]

    def _continue(self) -> None:
        """Begin the next job where none is in work."""
        if self._current is not None:
            run, kind = self._current
            if not run.path.is_dir():
                self._jobs.end(run, kind)
            elif self._jobs.status(run, kind).name == "running":
                return
            self._forget(run, kind)
            self._current = None
        newest_first = list(self._trained.items())[::-1]
        trained = sorted(newest_first, key=lambda item: KINDS.index(item[0][0]))
        for (kind, _), run in [*self._asked.items(), *trained]:
            if run.path.is_dir() and not run.is_discarded:
                with suppress(OSError):  # a home that cannot be written: the run waits
                    self._jobs.start(run, kind)
                    self._current = run, kind
                return
            self._forget(run, kind)

    def _interrupt(self) -> None:
        if self._current is not None:
            self._jobs.end(*self._current)
            self._current = None

    def _forget(self, run: Run, kind: str) -> None:
        self._asked.pop((kind, run.id), None)
        self._trained.pop((kind, run.id), None)


def _is_worth_it(run: Run) -> bool:
    """Whether the run has ended with a model that tells images apart."""
    if not run.has_model or run.state.name not in ("finished", "stopped"):
        return False
    probabilities = run.probabilities()
    return probabilities is None or not all_alike(probabilities)
