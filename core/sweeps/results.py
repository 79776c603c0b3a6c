"""What came of a sweep: its trials, the means over seeds, what mattered, and how sure the best one is.

Trials are judged by the validation images, so that the test images are still new to the one that is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.runs import Run, RunView
from core.runs.kept import until_folder_changes
from core.sweeps.halving import is_weak
from core.sweeps.plan import Plan, Point
from core.sweeps.sweep import Sweep

COMPLETE = ("finished", "stopped")  # states of a trial whose accuracy counts
LEVEL = 0.95  # of the interval
NUMBER = re.compile(r" \([0-9]+\)$")  # of a name that another run had before


@dataclass(frozen=True, eq=False)
class Trial:
    """A trial that was begun.

    Attributes:
        number: its place in the plan, from 0.
        point: the settings in which it differs from the others, the seed among them.
        run: its run.
        name: in what it differs from the others; what people call its run where they renamed it.
        state: the name of the run's state.
        on_test: whether its accuracy is that on the test images, as the classic network validates on them.
        message: why it failed, where it did; what else there is to say of its state.
        accuracy: accuracy on the validation images after its training, a fraction; None before that, also where it was
            paused or the sweep stopped it early, for it has learned for fewer epochs than those that it is compared to.
        early: that accuracy where the sweep stopped it early, else None.
        seconds: how long it trained, None before its end.
        ended: when it ended, in seconds since 1970; 0 before that.
        machine: of a cluster, that trains or trained it; "" where this one does.
    """

    number: int
    point: Point
    run: Run
    name: str
    state: str
    on_test: bool
    message: str
    accuracy: float | None
    early: float | None
    seconds: float | None
    ended: float
    machine: str

    @property
    def is_through(self) -> bool:
        """Whether it came to an end that counts, or failed."""
        return self.accuracy is not None or self.early is not None or self.state == "failed"


@dataclass(frozen=True, eq=False)
class Group:
    """The trials that differ in their seed alone.

    Attributes:
        point: the settings that they share, without the seed.
        accuracies: by seed, of those that have ended.
        trials: the trials.
    """

    point: Point
    accuracies: dict[int, float]
    trials: tuple[Trial, ...]

    @cached_property
    def mean(self) -> float:
        """The mean accuracy, nan before there is one."""
        return float(np.mean([*self.accuracies.values()])) if self.accuracies else float("nan")

    @cached_property
    def spread(self) -> float:
        """The standard deviation over seeds, nan for fewer than two."""
        return float(np.std([*self.accuracies.values()], ddof=1)) if len(self.accuracies) > 1 else float("nan")


@dataclass(frozen=True)
class Certainty:
    """How sure it is that one group is better than another.

    Attributes:
        difference: of the means, first less second, as a fraction.
        low, high: the interval that holds the true difference in 95 % of such experiments.
        p_value: how often chance alone makes a difference as large, 0 to 1.
        seeds: how many runs of each there were.
        paired: whether both had the same seeds, so that they are compared one by one.
    """

    difference: float
    low: float
    high: float
    p_value: float
    seeds: int
    paired: bool


@dataclass(frozen=True)
class Effect:
    """What one setting did: the mean accuracy for each of its values, over all other settings.

    Attributes:
        name: the setting.
        means: by value, best first.
    """

    name: str
    means: dict[Any, float]

    @property
    def span(self) -> float:
        """How far apart the best and the worst mean are, a fraction."""
        return max(self.means.values()) - min(self.means.values())


_read: dict[str, tuple[Plan, dict[str, tuple], list[Trial]]] = {}  # by sweep: of which plan and standings, and trials


def read_trials(sweep: Sweep) -> list[Trial]:
    """The trials that were begun, in order; [] where the sweep is damaged. The same list while nothing has changed."""
    plan = sweep.plan
    if plan is None:
        return []
    trials, standings = [], sweep.runs.of_each(_standing)
    known = _read.get(str(sweep.path))
    if known and known[0] == plan and known[1] == standings:
        return known[2]
    for number, run in sweep.trials().items():
        if number < len(plan.points) and run.id in standings:
            point = {**plan.points[number], "seed": plan.configs[number].seed}
            name, *standing = standings[run.id]
            trials.append(Trial(number, point, run, _among_others(name, plan, number), *standing))
    _read[str(sweep.path)] = plan, standings, trials
    return trials


def _among_others(name: str, plan: Plan, number: int) -> str:
    """What a trial is called among the others: what differs, or the name of its run where somebody gave it another.

    A run that was begun before seeds differed was named without its seed.
    """
    title, given = plan.configs[number].title, NUMBER.sub("", name)
    is_given = given.startswith(f"{title} · ") and plan.run_name(number).startswith(given)
    return plan.name_of(number) if is_given else name


@until_folder_changes
def _standing(run: Run) -> tuple:
    """The name of a trial's run, and what else a trial has besides number, point and run."""
    state, summary = run.state, run.summary or {}
    config, weak = run.config, is_weak(state)
    accuracy = validation_accuracy(run) if state.name in COMPLETE else None  # of what was paused, it is of fewer epochs
    return (
        run.name,
        state.name,
        config is not None and config.info.validates_on_test,
        state.message,
        None if weak else accuracy,
        accuracy if weak else None,
        summary.get("training_seconds"),
        summary.get("finished") or 0.0,
        state.machine,
    )


def validation_accuracy(run: RunView) -> float | None:
    """Accuracy of what the run saved on its validation images, a fraction; None before its end.

    Where it validates on the test images, as the classic network does, it is that on those. Of runs of earlier
    versions it is that after the last epoch.
    """
    summary = run.summary
    if summary is None:
        return None
    if "validation_accuracy" in summary:
        return summary["validation_accuracy"]
    epochs = run.history().epochs
    return epochs[-1].get("val_accuracy") if epochs else None


def in_groups(trials: Sequence[Trial]) -> list[Group]:
    """Trials that differ in their seed alone, in groups: the best mean first, those without an accuracy last."""
    return list(_in_groups(tuple(trials)))


@lru_cache(maxsize=4)  # of a large sweep it takes longer than the rest of the page
def _in_groups(trials: tuple[Trial, ...]) -> list[Group]:
    found: dict[tuple, list[Trial]] = {}
    for trial in trials:
        shared = tuple((name, value) for name, value in trial.point.items() if name != "seed")
        found.setdefault(shared, []).append(trial)
    groups = []
    for shared, members in found.items():
        known = {trial.point["seed"]: trial.accuracy for trial in members if trial.accuracy is not None}
        groups.append(Group(dict(shared), known, tuple(members)))
    return sorted(groups, key=lambda group: (np.isnan(group.mean), -group.mean))


def certainty(first: Group, second: Group) -> Certainty | None:
    """How sure it is that the first group is better; None where there are too few runs to tell.

    With at least two seeds that both have, Student's t-test of the differences; otherwise Welch's t-test of two runs or
    more of each. Bouthillier et al. (2021, Accounting for Variance in Machine Learning Benchmarks) is why seeds count.
    """
    from scipy import stats  # takes half a second, which a coordinator and the first request need not wait for

    shared = [seed for seed in first.accuracies if seed in second.accuracies]
    paired = len(shared) >= 2
    if paired:
        one, other = ([group.accuracies[seed] for seed in shared] for group in (first, second))
        test = stats.ttest_rel
        if np.ptp(np.subtract(one, other)) == 0:
            return None  # no spread to judge the difference by
    else:
        one, other = ([*group.accuracies.values()] for group in (first, second))
        test = partial(stats.ttest_ind, equal_var=False)
        if min(len(one), len(other)) < 2 or np.ptp(one) == np.ptp(other) == 0:
            return None
    found = test(one, other)
    interval = found.confidence_interval(LEVEL)
    return Certainty(
        float(np.mean(one) - np.mean(other)),
        float(interval.low),
        float(interval.high),
        float(found.pvalue),
        min(len(one), len(other)),
        paired,
    )


def judged_alike(trials: Sequence[Trial]) -> bool:
    """Whether all accuracies are of one kind: not where some are on validation images, and others on the test's."""
    return len({trial.on_test for trial in trials if trial.accuracy is not None}) < 2


def effects(trials: Sequence[Trial]) -> list[Effect]:
    """What each setting did, the largest effect first; the seed is left out. () where nothing has ended."""
    known = [trial for trial in trials if trial.accuracy is not None]
    found = []
    for name in known[0].point if known else ():
        by_value: dict[Any, list[float]] = {}
        for trial in known:
            by_value.setdefault(trial.point[name], []).append(trial.accuracy)
        if name != "seed" and len(by_value) > 1:
            means = {value: float(np.mean(accuracies)) for value, accuracies in by_value.items()}
            found.append(Effect(name, dict(sorted(means.items(), key=lambda item: -item[1]))))
    return sorted(found, key=lambda effect: -effect.span)


def seed_spread(groups: Sequence[Group]) -> float | None:
    """The standard deviation over seeds alone, pooled over these groups; None where no group has two runs."""
    rows = [np.array([*group.accuracies.values()]) for group in groups if len(group.accuracies) > 1]
    if not rows:
        return None
    squares: NDArray = np.array([((row - row.mean()) ** 2).sum() for row in rows])
    return float(np.sqrt(squares.sum() / sum(len(row) - 1 for row in rows)))


def best_so_far(trials: Sequence[Trial]) -> list[tuple[Trial, float]]:
    """The trials that have ended in the order of their ends, each with the best accuracy until then."""
    ended = [trial for trial in trials if trial.accuracy is not None]
    ended.sort(key=lambda trial: (trial.ended, trial.number))
    best = np.maximum.accumulate([trial.accuracy for trial in ended]).tolist() if ended else []
    return list(zip(ended, best, strict=True))
