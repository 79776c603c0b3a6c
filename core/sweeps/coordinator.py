"""The process that begins a sweep's trials: `python -m core.sweeps.coordinator SWEEP`.

All that it knows stands in the folders, so it may end at any moment, and another goes on. It trains nothing itself: the
launcher of any dashboard does, and where none is there, one of its own.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress

from filelock import FileLock, Timeout

from core.compute.cluster_launcher import make_launcher
from core.compute.launcher import LOCK, Launcher
from core.compute.machines import places
from core.home import absolute
from core.people import read_rules
from core.runs import Run, RunError
from core.storage import explain_os_error, is_locked
from core.sweeps.halving import Halving, Reached
from core.sweeps.plan import SearchError
from core.sweeps.results import Trial, read_trials
from core.sweeps.sweep import ACTIVE, COORDINATOR_LOCK, Sweep
from core.sweeps.tpe import propose
from core.terminal import command_line, exit_with

LOOK_SECONDS = 0.3
AHEAD = 1  # trials that wait besides those in training, so that a worker has the next one at once
ALONE_SECONDS = 15.0  # that a trial waits while nothing trains, until it is clear that no dashboard launches it
CLOCK_SECONDS, MOST_SECONDS = 5.0, 10.0  # between two notes of its time; of one look that count (it may have slept)
MOST_ENDS = 5  # unexpected ones of a trial's worker, after which it is left


class Coordinator:
    """Begins trials so that some train and one waits, and lets those go on whose worker was killed."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._ends: dict[str, int] = {}  # by id: how often the worker of a trial ended unexpectedly
        self._idle_since: float | None = None
        self._launcher: Launcher | None = None
        self._looked_at: float | None = None
        self._histories: dict[str, tuple[Reached, ...]] = {}  # by id, of trials that have ended
        self._uncounted = 0.0  # seconds since its time was noted

    def run(self) -> None:
        """Work until the sweep is no longer active."""
        try:
            while self.sweep.path.is_dir() and self.sweep.state.name == ACTIVE and not self.step():
                time.sleep(LOOK_SECONDS)
        finally:
            self.count_seconds(0)
            if self._launcher:
                self._launcher.close()

    def step(self) -> bool:
        """One look at all trials; returns whether the sweep is through."""
        self.count_seconds()
        trials = read_trials(self.sweep)
        if self.sweep.is_out_of_time:
            self._withdraw(trials)
        if (plan := self.sweep.plan) and plan.halving:
            self._stop_weak(plan.halving, trials)
        states = [self._let_go_on(trial) for trial in trials]
        waiting, training = states.count("queued"), states.count("running")
        self._launch_where_nobody_does(waiting, training)
        if waiting + training >= places(self.sweep.runs.home) + AHEAD:
            return False
        try:
            self._propose(trials)
        except SearchError as error:
            self.sweep.fail(str(error))
            return True
        return self.sweep.begin_trial() is None and self.sweep.finish()

    def _propose(self, trials: list[Trial]) -> None:
        """Choose what the next trial tries, where the sweep does not say it."""
        plan = self.sweep.plan
        if plan and len(plan.points) < plan.count and not self.sweep.is_out_of_time:
            if self.sweep.next_number() < len(plan.points):
                return
            self.sweep.propose(propose(plan, trials))

    def count_seconds(self, every: float = CLOCK_SECONDS) -> None:
        """Note how long the sweep has been going on, where more than `every` seconds were not noted yet."""
        now = time.monotonic()
        self._uncounted += min(MOST_SECONDS, now - (self._looked_at or now))
        self._looked_at = now
        if self._uncounted > every:
            self.sweep.count_seconds(self._uncounted)
            self._uncounted = 0.0

    def _withdraw(self, trials: list[Trial]) -> None:
        """Take the trials out of the line that were never trained."""
        for trial in trials:
            if trial.state == "queued" and not trial.run.state.resumes:
                trial.run.pause()

    def _stop_weak(self, rule: Halving, trials: list[Trial]) -> None:
        """Stop the trials that are not good enough; those on validation images of their own are judged apart."""
        training = [trial for trial in trials if trial.state == "running"]
        for on_test in {trial.on_test for trial in training}:
            histories = {trial.number: self._history(trial) for trial in trials if trial.on_test == on_test}
            for trial in training:
                if trial.number in histories:
                    rung = rule.weak_at(trial.number, trial.run.state.target_epochs, histories)
                    if rung is not None and not trial.run.control.get("request"):
                        trial.run.stop(rule.message(rung))

    def _history(self, trial: Trial) -> tuple[Reached, ...]:
        if trial.state in ("running", "queued"):
            self._histories.pop(trial.run.id, None)
            return _reached(trial.run)
        if trial.run.id not in self._histories:
            self._histories[trial.run.id] = _reached(trial.run)
        return self._histories[trial.run.id]

    def _let_go_on(self, trial: Trial) -> str:
        """The state of a trial; one that was interrupted goes on."""
        run = trial.run
        if trial.state != "interrupted" or self._ends.get(run.id, 0) >= MOST_ENDS:
            return trial.state
        self._ends[run.id] = self._ends.get(run.id, 0) + 1
        with suppress(RunError):  # somebody else was faster
            run.resume()
        return "queued"

    def _launch_where_nobody_does(self, waiting: int, training: int) -> None:
        if self._launcher:
            return
        home = self.sweep.runs.home
        if not waiting or training or is_locked(home / LOCK) or read_rules(home).everybody_waits:
            self._idle_since = None
            return
        self._idle_since = self._idle_since or time.monotonic()
        if time.monotonic() - self._idle_since > ALONE_SECONDS:
            self._launcher = make_launcher(self.sweep.runs)
            self._launcher.start()


def _reached(run: Run) -> tuple[Reached, ...]:
    epochs = run.history().epochs
    return tuple(Reached(epoch.get("time", 0.0), epoch.get("val_accuracy", 0.0)) for epoch in epochs)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line("python -m core.sweeps.coordinator", __doc__)
    parser.add_argument("sweep", type=absolute, help="a sweep's folder")
    sweep = Sweep(parser.parse_args(arguments).sweep)
    if sweep.plan is None:
        print(f"{sweep.path} is not a sweep's folder, or it is damaged.", file=sys.stderr)
        return 2
    try:
        with FileLock(sweep.path / COORDINATOR_LOCK).acquire(timeout=0):
            Coordinator(sweep).run()
    except Timeout:
        return 0  # another one is at it
    except OSError as error:
        print(explain_os_error(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    exit_with(main)
