"""A sweep's folder, and all sweeps of a home.

    sweep.json         the number of the folder's format and the plan: name, shared settings, and points
    sweep-state.json   whether it is active, paused, stopped or finished
    begun.json         how many of its trials were begun
    owner.json         whose it is, where a class shares the home (core.people)
    clock.json         for how many seconds it was going on, neither paused nor without a coordinator
    coordinator.lock   held by the process that begins its trials; change.lock while its state or a trial is made
    coordinator.log    what that process printed

Its trials are runs in the same home, each of which names its sweep and its number.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from core.config import TrainingConfig
from core.names import MOST, not_among, visible
from core.people import Actor, Owner, People, acting_as, deed, maker, note_change, note_owner, owner_of, refusal_to_make
from core.people.guard import is_teacher_elsewhere
from core.runs import NotYoursError, Run, RunError, RunStore
from core.runs.kept import until_folder_changes
from core.runs.run import ID, refuse_strangers
from core.runs.state import by_teacher
from core.runs.store import ids_in, next_stamp
from core.storage import is_locked, read_json, version, write_json
from core.sweeps.halving import is_weak
from core.sweeps.plan import Plan, Point, SweepError
from core.sweeps.plan_file import plan_values, read_plan

PLAN, STATE, BEGUN, CLOCK = "sweep.json", "sweep-state.json", "begun.json", "clock.json"
COORDINATOR_LOCK, CHANGE_LOCK, LOG = "coordinator.lock", "change.lock", "coordinator.log"
ACTIVE, PAUSED, STOPPED, FINISHED, DAMAGED = "active", "paused", "stopped", "finished", "damaged"
STATES = (ACTIVE, PAUSED, STOPPED, FINISHED)


@dataclass(frozen=True)
class SweepState:
    """Where a sweep stands: one of `STATES` or "damaged", and why where there is something to say."""

    name: str
    message: str = ""


class Sweep:
    """A sweep's folder. Reading never raises for what it holds; whatever writes raises OSError where that fails."""

    def __init__(self, path: Path, runs: RunStore | None = None) -> None:
        self.path = Path(path)
        self.id = self.path.name
        self.runs = runs or RunStore(self.path.parent.parent)

    def __repr__(self) -> str:
        return f"Sweep({self.id})"

    # What it is

    @property
    def plan(self) -> Plan | None:
        """What it tries, None where sweep.json is missing, damaged or of a newer version."""
        return read_json(self.path / PLAN, read_plan)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.plan.name if self.plan else self.id

    @property
    def state(self) -> SweepState:
        """Where it stands."""
        stored = read_json(self.path / STATE)
        if self.plan is None:
            return SweepState(DAMAGED, f"{self.path / PLAN} is missing, damaged or of a newer version.")
        if not isinstance(stored, dict) or stored.get("name") not in STATES:
            return SweepState(PAUSED, "Its state was damaged. Resume it to go on.")
        message = stored.get("message")
        return SweepState(stored["name"], message if isinstance(message, str) else "")

    @property
    def owner(self) -> Owner:
        """Whose it is, and its trials; nobody's on a machine of one's own."""
        return owner_of(self.path)

    def has_coordinator(self) -> bool:
        """Whether a process begins its trials now."""
        return is_locked(self.path / COORDINATOR_LOCK)

    def trials(self) -> dict[int, Run]:
        """Its runs by their numbers from 0, in order; deleted ones are missing."""
        trials = self.runs.of_each(trial_of)
        mine = ((trials.get(run.id) or {}, run) for run in self.runs.runs())
        return dict(sorted((trial["number"], run) for trial, run in mine if trial.get("sweep") == self.id))

    @property
    def begun(self) -> int:
        """How many of its trials were begun, also those that were deleted since."""
        stored = read_json(self.path / BEGUN)
        count = stored.get("trials") if isinstance(stored, dict) else None
        return count if isinstance(count, int) and count >= 0 else 0

    @property
    def seconds(self) -> float:
        """For how long it was going on."""
        stored = read_json(self.path / CLOCK)
        seconds = stored.get("seconds") if isinstance(stored, dict) else None
        return float(seconds) if isinstance(seconds, int | float) and seconds >= 0 else 0.0

    def count_seconds(self, more: float) -> None:
        """Note that it was going on for so much longer."""
        if self.path.is_dir():
            write_json(self.path / CLOCK, {"seconds": self.seconds + more})

    @property
    def is_out_of_time(self) -> bool:
        """Whether its minutes are over."""
        plan = self.plan
        return plan is not None and plan.minutes is not None and self.seconds >= 60 * plan.minutes

    # What is asked of it

    def begin_trial(self) -> Run | None:
        """Queue the next trial; None where all were begun, its minutes are over or the sweep is not active.

        A trial is made once, whenever this process ends: its number is kept in the run, which appears as a whole.
        """
        with self._changing():
            plan = self.plan
            if plan is None or self.state.name != ACTIVE or self.is_out_of_time:
                return None
            number = self.next_number()
            if number >= len(plan.points) or self._waits_for_owner(plan.configs[number]):
                return None
            run = self.runs.create(
                plan.configs[number],
                plan.run_name(number),
                trial={"sweep": self.id, "number": number},
                owner=self.owner,
            )
            write_json(self.path / BEGUN, {"trials": number + 1})
            return run

    def _waits_for_owner(self, config: TrainingConfig) -> bool:
        """Whether limits of its owner keep a trial from the line: for a while, or for good, and then it is paused."""
        person = People(self.runs.home).get(self.owner.id) if self.owner.id else None
        if person is None:
            return False
        with acting_as(Actor(person)):
            try:
                self.runs.check_limits(config.epochs, config.training_images, config.dataset, counts_waiting=False)
            except NotYoursError as error:
                self._set_state(PAUSED, str(error))
                return True
            try:
                self.runs.check_limits(config.epochs, config.training_images, config.dataset)
            except NotYoursError:  # it has enough in the line
                return True
        return False

    def next_number(self) -> int:
        """The number of the next trial: begun.json may be a trial behind, and trials may have been deleted."""
        return max(self.begun, 1 + max(self.trials(), default=-1))

    def propose(self, point: Point) -> None:
        """Note what the next trial tries, where it is not known yet."""
        with self._changing():
            plan = self.plan
            if plan.trials and len(plan.points) == self.next_number() < plan.trials:
                write_json(self.path / PLAN, plan_values(replace(plan, points=(*plan.points, point))))

    @deed("paused the sweep")
    def pause(self) -> None:
        """Begin no more trials, and pause those in training; what waits leaves the line."""
        self._end(PAUSED)

    @deed("stopped the sweep")
    def stop(self) -> None:
        """Begin no more trials, and stop those in training, with what they have learned."""
        self._end(STOPPED)

    @deed("resumed the sweep")
    def resume(self) -> None:
        """Go on where it was paused or stopped, with the trials that did not come to their end."""
        with self._changing():
            self._go_on(("paused", "stopped"))

    @deed("gave more trials or minutes to the sweep")
    def set_budget(self, trials: int | None = None, minutes: float | None = None) -> None:
        """Give it more trials, or other minutes, 0 for no limit, and go on; what is None stays.

        Raises:
            ConfigError: where that cannot be.
        """
        with self._changing():
            states = ("paused",) if self.state.name == FINISHED else ("paused", "stopped")
            self._go_on(states, self.plan.with_budget(trials, minutes))

    def _go_on(self, states: tuple[str, ...], plan: Plan | None = None) -> None:
        """Go on with trials in these states, and with another plan where there is one."""
        self.runs.check_limits(*(plan or self.plan).most, counts_waiting=False)
        if plan:
            write_json(self.path / PLAN, plan_values(plan))
        for run in self.trials().values():
            if (state := run.state).name in states and not is_weak(state):
                with suppress(RunError):  # it was resumed by itself meanwhile
                    run.resume()
        self._set_state(ACTIVE)

    @deed("tried failed trials again of the sweep")
    def try_failed_again(self) -> int:
        """Queue the trials that failed once more; returns how many there are."""
        with self._changing():
            failed = [run for run in self.trials().values() if run.state.name == "failed"]
            if failed:
                self.runs.check_limits(*self.plan.most, counts_waiting=False)
            for run in failed:
                run.resume()
            if failed:
                self._set_state(ACTIVE)
        return len(failed)

    @deed("added trials to the sweep")
    def extend(self, plan: Plan) -> None:
        """Try more: `plan` has the points of the trials that were begun, and others behind them.

        Raises:
            SweepError: where it has not.
        """
        with self._changing():
            before, begun = self.plan, self.next_number()
            if before is None or plan.configs[:begun] != before.configs[:begun] or len(plan.points) <= begun:
                raise SweepError("A sweep can only get more trials. Begin a new one to try something else.")
            self._go_on(("paused",), plan)

    def finish(self) -> bool:
        """Note that all trials have ended, or the minutes are over; returns whether that is so."""
        with self._changing():
            plan, trials, is_late = self.plan, self.trials(), self.is_out_of_time
            to_come = plan.count - self.next_number() if plan else 0
            states = [run.state for run in trials.values()]
            if self.state.name != ACTIVE or (to_come and not is_late) or any(state.is_active for state in states):
                return False
            to_come += sum(state.name == "paused" for state in states)
            words = ""
            if is_late and to_come:
                minutes = "1 minute is" if plan.minutes == 1 else f"{plan.minutes:,g} minutes are"
                words = f"{minutes} over: {plan.count - to_come:,} of {plan.count:,} trials."
            self._set_state(FINISHED, words)
            return True

    def fail(self, words: str) -> None:
        """Pause it, and say why."""
        with self._changing():
            self._set_state(PAUSED, words)

    def _end(self, name: str) -> None:
        with self._changing():
            if self.state.name == FINISHED:
                return
            self._set_state(name, by_teacher(name) if is_teacher_elsewhere(self.owner) else "")
            for run in self.trials().values():
                if run.state.is_active:
                    run.pause() if name == PAUSED else run.stop()

    def _changing(self) -> FileLock:
        if not self.path.is_dir():  # the lock would make the folder again
            raise SweepError("This sweep was deleted.")
        self.check_yours()
        if (state := self.state).name == DAMAGED:
            raise SweepError(state.message)
        return FileLock(self.path / CHANGE_LOCK)

    def check_yours(self) -> None:
        """Raise NotYoursError where who acts may not change the sweep."""
        refuse_strangers(self.owner, self.name)
        note_change(self.runs.home, self.owner, self.name)

    def _set_state(self, name: str, message: str = "") -> None:
        write_json(self.path / STATE, {"name": name, "message": message})
        with suppress(OSError):
            os.utime(self.path.parent)  # so that whoever watches need not look into each of many


@until_folder_changes
def trial_of(run: Run) -> dict:
    """Of which `sweep` a run is a trial, and its `number` there; {} for any other run."""
    return run.trial


class SweepStore:
    """All sweeps below the home of `runs`."""

    def __init__(self, runs: RunStore) -> None:
        self.runs = runs
        self.folder = runs.home / "sweeps"

    def sweeps(self) -> list[Sweep]:
        """Every sweep, newest first."""
        return [Sweep(self.folder / name, self.runs) for name in ids_in(self.folder)]

    def get(self, sweep_id: str | None) -> Sweep | None:
        """The sweep of that id, None where there is none."""
        if not sweep_id or not ID.fullmatch(sweep_id) or not (self.folder / sweep_id).is_dir():
            return None
        return Sweep(self.folder / sweep_id, self.runs)

    def named(self, words: str) -> set[str]:
        """The ids of the sweeps of that name; where there is none, of those with these words in their names."""
        names = {sweep.id: sweep.name.casefold() for sweep in self.sweeps()}
        wanted = words.strip().casefold()
        exact = {sweep_id for sweep_id, name in names.items() if name == wanted}
        return exact or {sweep_id for sweep_id, name in names.items() if wanted and wanted in name}

    def of(self, owner_id: str) -> list[Sweep]:
        """A person's sweeps, newest first."""
        return [sweep for sweep in self.sweeps() if sweep.owner.id == owner_id]

    def stamp(self) -> int:
        """A number that changes when a sweep is made, deleted or in another state."""
        return version(self.folder, missing_ok=True).modified

    def create(self, plan: Plan) -> Sweep:
        """A new sweep, active; it appears whole or not at all. Its name gets a number where another has it."""
        if words := refusal_to_make():
            raise NotYoursError(words)
        self.runs.check_limits(*plan.most)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder.parent / "sweeps.lock"):
            taken = {sweep.name for sweep in self.sweeps()}
            stem = visible(plan.name)[: MOST - 6] or "Sweep"
            name = not_among(taken, stem)
            sweep_id = f"{next_stamp(sweep.id for sweep in self.sweeps())}-{uuid4().hex[:4]}"
            draft = self.folder / f".{sweep_id}"
            try:
                draft.mkdir()
                note_owner(draft, maker())
                write_json(draft / PLAN, plan_values(replace(plan, name=name)))
                write_json(draft / STATE, {"name": ACTIVE, "message": ""})
                draft.rename(self.folder / sweep_id)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return Sweep(self.folder / sweep_id, self.runs)

    @deed("deleted the sweep")
    def delete(self, sweep: Sweep) -> None:
        """Remove a sweep and keep its trials, as runs of their own; those in training are stopped."""
        sweep.check_yours()
        if sweep.state.name == ACTIVE:
            sweep.stop()
        doomed = sweep.path.rename(sweep.path.with_name(f".deleted-{sweep.id}-{uuid4().hex[:4]}"))
        shutil.rmtree(doomed, ignore_errors=True)
