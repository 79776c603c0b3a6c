"""Everybody of a class with what they train: one row a name."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass

from core.people import Owner, People
from core.people.used import used_seconds
from core.runs import Run, RunStore, RunView
from core.runs.kept import until_folder_changes
from core.runs.run import trained_seconds
from core.sweeps.results import validation_accuracy

HERE_SECONDS = 15.0  # since the last sign of life of whoever is here: open pages give one every few seconds


@dataclass(frozen=True)
class Row:
    """One of the class.

    Attributes:
        owner: whose row it is.
        seen: the last sign of life, in seconds since 1970; 0 where the name was removed, and only runs are left.
        is_teacher: whether it is a teacher.
        training: the runs in training.
        waiting: how many runs are in the line.
        runs: how many there are in all.
        best: the run with the best validation accuracy, None where none has one.
        accuracy: that accuracy, a fraction.
        on_test: whether it was measured on the test images, as the classic network validates on them.
        minutes: of training, as the limit of minutes counts them: also of runs that train, or were deleted.
    """

    owner: Owner
    seen: float
    is_teacher: bool
    training: tuple[Run, ...]
    waiting: int
    runs: int
    best: Run | None
    accuracy: float | None
    on_test: bool
    minutes: float

    def is_here(self, now: float) -> bool:
        """Whether a page of theirs is open at this time."""
        return now - self.seen < HERE_SECONDS


@dataclass(frozen=True)
class Standing:
    """What a row needs of a run: the name of its state, accuracy, how that was measured, and seconds of training."""

    state: str
    accuracy: float | None
    on_test: bool
    seconds: float


@until_folder_changes
def standing(run: RunView) -> Standing:
    """Where a run stands; while it trains, with the validation accuracy of its last epoch."""
    state, config = run.state.name, run.config
    accuracy = validation_accuracy(run)
    if accuracy is None and state != "queued":
        epochs = run.history().epochs
        accuracy = epochs[-1].get("val_accuracy") if epochs else None
    on_test = config is not None and config.info.validates_on_test
    return Standing(state, accuracy, on_test, trained_seconds(run))


def call_the_roll(people: People, store: RunStore) -> list[Row]:
    """One row for each name: those in training first, then those in the line, those here, and the others, by name.

    Runs of names that were removed have rows too; runs that are nobody's of the class have none,
    nor those that are deleted once their worker has ended.
    """
    runs: dict[str, list[Run]] = defaultdict(list)
    for run in store.runs():
        if run.owner.id and not run.is_discarded:
            runs[run.owner.id].append(run)
    known = {person.id: person for person in people.all()}
    gone = [mine[0].owner for owner_id, mine in runs.items() if owner_id not in known]
    rows = [
        _row(store, Owner(person.id, person.name), people.last_seen(person), person.is_teacher, runs.get(person.id, []))
        for person in known.values()
    ]
    rows += [_row(store, owner, 0.0, False, runs[owner.id]) for owner in gone]
    now = time.time()
    return sorted(
        rows, key=lambda row: (not row.training, not row.waiting, not row.is_here(now), row.owner.name.casefold())
    )


def _row(store: RunStore, owner: Owner, seen: float, is_teacher: bool, runs: list[Run]) -> Row:
    found = [(run, standing(run)) for run in runs]
    scored = [(run, each) for run, each in found if each.accuracy is not None]
    best, its = max(scored, key=lambda pair: pair[1].accuracy, default=(None, None))
    return Row(
        owner=owner,
        seen=seen,
        is_teacher=is_teacher,
        training=tuple(run for run, each in found if each.state == "running"),
        waiting=sum(each.state == "queued" for _, each in found),
        runs=len(found),
        best=best,
        accuracy=its and its.accuracy,
        on_test=its is not None and its.on_test,
        minutes=(used_seconds(store.home, owner.id) + sum(each.seconds for _, each in found)) / 60,
    )
