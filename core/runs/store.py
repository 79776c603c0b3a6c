"""All runs of a home: found, created whole or not at all, and deleted."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from core.config import TrainingConfig
from core.home import home_folder
from core.names import not_among, visible
from core.people import Owner, deed, maker, note_owner, refusal_to_make
from core.people.turns import in_turn
from core.people.used import note_used
from core.runs.kept import accuracy_of, announce, announcements, folder_time, is_settled, name_of
from core.runs.run import ID, RUNS_LOCK, NotYoursError, Run, RunError, check_limits, trained_seconds
from core.storage import read_json, version, write_json

MOST_NUMBER = 10**9  # of an automatic name; larger ones are people's own
STAMP, STAMP_LENGTH = "%Y%m%d-%H%M%S", 15  # with which ids begin
MOMENT = 0.3  # seconds, in which the lists of a page ask one after the other
FULL_SECONDS = 60.0  # between two looks at every run, for whoever writes into a run's folder without announcing it


def ids_in(folder: Path) -> list[str]:
    """The names of the folders in `folder` that are ids, newest first; [] where it cannot be read."""
    try:
        names = sorted((entry.name for entry in os.scandir(folder) if entry.is_dir()), reverse=True)
    except OSError:
        return []
    return [name for name in names if ID.fullmatch(name)]


def next_stamp(ids: Iterable[str]) -> str:
    """The time in UTC, or a second after the newest of these ids: ids that begin with it sort as they were given."""
    newest = max((given[:STAMP_LENGTH] for given in ids), default="")
    now = datetime.now(UTC).replace(tzinfo=None)
    with suppress(ValueError, OverflowError):  # there is none, or somebody else named it
        now = max(now, datetime.strptime(newest, STAMP) + timedelta(seconds=1))
    return now.strftime(STAMP)


@dataclass(frozen=True)
class _OfEach:
    """What was `found` of every run at the folder's `stamp`, `until` when.

    And the `times` of the folders of those of which it is kept, and the others, which are `moving`.
    """

    stamp: int
    until: float
    found: dict[str, Any]
    times: dict[str, int]
    moving: list[Run]


class RunStore:
    """All runs below `home`/runs."""

    def __init__(self, home: Path | str | None = None) -> None:
        self.home = home_folder(home)
        self.folder = self.home / "runs"
        self._listed: tuple[tuple, float, list[Run]] = ((), 0.0, [])  # after what, until when, `runs`
        self._of_each: dict[tuple, _OfEach] = {}
        self._looked: tuple[tuple, float, list[tuple[Run, int]]] = ((), 0.0, [])  # after what, until when, `_times`

    def runs(self) -> list[Run]:
        """Every run, newest first."""
        told, until, runs = self._listed
        now = folder_time(str(self.folder)), announcements()
        if told != now or time.monotonic() > until:
            before = {run.id: run for run in runs}
            is_final = is_settled(now[0])
            runs = [before.get(name) or Run(self.folder / name) for name in ids_in(self.folder)]
            self._listed = now, math.inf if is_final else time.monotonic() + MOMENT, runs
        return list(runs)

    def of_each(self, read: Callable, *others: Any) -> dict[str, Any]:
        """What a function with `until_folder_changes` reads of every run, by its id, newest first.

        While the runs folder shows no change, only the runs of which nothing is kept are looked at: those that train.
        Where it does, those whose folders have changed are, too.
        """
        key = (read, *(getattr(other, "fingerprint", other) for other in others))
        stamp, now, known = self.stamp(), time.monotonic(), self._of_each.get(key)
        if known and known.stamp == stamp and now <= known.until:
            return known.found | {run.id: read(run, *others) for run in known.moving}
        before, found, kept, moving = known.times if known else {}, {}, {}, []
        for run, modified in self._times():
            is_kept = modified != 0 and before.get(run.id) == modified
            found[run.id], is_kept = (known.found[run.id], True) if is_kept else read.look(run, *others)
            if is_kept:
                kept[run.id] = modified
            else:
                moving.append(run)
        self._of_each[key] = _OfEach(stamp if is_settled(stamp) else -1, now + FULL_SECONDS, found, kept, moving)
        return dict(found)

    def _times(self) -> list[tuple[Run, int]]:
        """Every run and when its folder has changed; as it was a moment ago where nothing was announced since."""
        told = self.stamp(), announcements()
        if self._looked[0] != told or time.monotonic() > self._looked[1]:
            found = [(run, folder_time(str(run.path))) for run in self.runs()]
            self._looked = told, time.monotonic() + MOMENT, found
        return self._looked[2]

    def names(self) -> dict[str, str]:
        """What people call each run, by its id, newest first."""
        return self.of_each(name_of)

    def get(self, run_id: str | None) -> Run | None:
        """The run of that id, None where there is none (or the id is not one)."""
        if not run_id or not ID.fullmatch(run_id) or not (self.folder / run_id).is_dir():
            return None
        return Run(self.folder / run_id)

    def stamp(self) -> int:
        """A number that changes when a run is made, deleted, renamed, asked something or in another state.

        Not when a worker is killed, nor while it trains.
        """
        return version(self.folder, missing_ok=True).modified

    def queued(self) -> list[Run]:
        """The runs that wait for a worker, in the order in which they get one (core.people.turns)."""
        found = [(run.state, run) for run in self.runs()]
        waiting = [(state.since, run.owner.id, run) for state, run in found if state.name == "queued"]
        return in_turn(waiting, [run.owner.id for state, run in found if state.name == "running"])

    def create(
        self,
        config: TrainingConfig,
        name: str | None = None,
        *,
        stem: str = "",
        trial: dict | None = None,
        owner: Owner | None = None,
    ) -> Run:
        """A new run folder, queued; it appears whole or not at all.

        Without a name it is named by `stem`, or by the network where there is none, and a number that no run had yet.
        A run of a sweep has a `trial`: its `sweep` and its `number`; its name gets a number where another run has it.
        It is the `owner`'s, or else whose request it is.

        Raises:
            NotYoursError: where who acts may only look, or has reached a limit that the teacher set.
        """

        def fill(draft: Run) -> None:
            self.check_limits(
                config.epochs, config.training_images, config.dataset
            )  # here, where nobody else makes one meanwhile
            own = config.title if config.network else config.model  # of the number; earlier versions kept it by model
            given = not_among(set(self.names().values()), name) if name and trial else name
            draft.rename(given or self._next_name(visible(stem) or config.title, visible(stem) or own))
            if trial:
                draft.write_trial(trial)
            draft.set_state("queued", target_epochs=config.epochs)

        return self.create_with(config, fill, owner)

    def of(self, owner_id: str) -> list[Run]:
        """A person's runs, newest first."""
        return [run for run in self.runs() if run.owner.id == owner_id]

    def check_limits(self, epochs: int, images: int | None, dataset: str, *, counts_waiting: bool = True) -> None:
        """Check the limits that the teacher has set, for who acts, and a run of the dataset with that fingerprint.

        Raises:
            NotYoursError: where one is reached.
        """
        check_limits(self.home, self.runs(), epochs, images, dataset, counts_waiting=counts_waiting)

    def create_with(self, config: TrainingConfig, fill: Callable[[Run], None], owner: Owner | None = None) -> Run:
        """A new run folder with this config, and what `fill` writes into it; it appears whole or not at all.

        Raises:
            NotYoursError: where who acts may only look.
        """
        if words := refusal_to_make():
            raise NotYoursError(words)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.home / RUNS_LOCK):  # so that ids and names of two who create at once follow each other
            run_id = f"{next_stamp(run.id for run in self.runs())}-{config.title.lower()}-{uuid4().hex[:4]}"
            draft = Run(self.folder / f".{run_id}")
            try:
                draft.path.mkdir()
                note_owner(draft.path, owner or maker())
                draft.write_config(config)
                fill(draft)
                run = Run(draft.path.rename(self.folder / run_id))
                announce(self.folder)
                return run
            except BaseException as error:
                shutil.rmtree(draft.path, ignore_errors=True)
                if isinstance(error, OSError) and str(draft.path) in str(error.filename):
                    raise OSError(error.errno, error.strerror, str(self.folder)) from error  # not a hidden folder
                raise

    def _next_name(self, stem: str, key: str) -> str:
        """The stem with a number that no run had before, also none that was deleted or renamed since.

        names.json keeps the last number under `key`, for those that are no longer a run's name.
        """
        path = self.home / "names.json"
        kept = read_json(path)
        kept = kept if isinstance(kept, dict) else {}
        numbers = [kept.get(key)]
        for each in self.names().values():
            name, _, number = each.rpartition(" ")
            numbers += [int(number)] if name == stem and number.isdecimal() else []
        number = 1 + max((number for number in numbers if isinstance(number, int) and number < MOST_NUMBER), default=0)
        write_json(path, {**kept, key: number})
        return f"{stem} {number}"

    @deed("deleted")
    def delete(self, run: Run) -> None:
        """Remove a run and all it holds.

        Raises:
            RunError: where a worker is at it.
            NotYoursError: where who acts may not change it.
        """
        run.check_yours()
        if run.has_worker():
            raise RunError(f"{run.name} is in training. Stop it first, then delete it.")
        if run.owner.id:
            note_used(self.home, run.owner.id, trained_seconds(run))
        doomed = run.path.rename(run.path.with_name(f".deleted-{run.id}-{uuid4().hex[:4]}"))
        announce(self.folder)
        shutil.rmtree(doomed, ignore_errors=True)

    def best(self, among: Iterable[Run] | None = None) -> Run | None:
        """The run with the highest test accuracy, of all or of these."""
        accuracies = self.of_each(accuracy_of)
        if among is not None:
            ids = {run.id for run in among}
            accuracies = {run_id: accuracy for run_id, accuracy in accuracies.items() if run_id in ids}
        best = self.get(max(accuracies, key=accuracies.__getitem__, default=None))
        return best if best and best.test_accuracy is not None else None
