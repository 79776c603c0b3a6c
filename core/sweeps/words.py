"""What came of a sweep, in sentences: for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from core.formatting import percent
from core.sweeps.plan import Plan, Point
from core.sweeps.results import (
    Certainty,
    Effect,
    Group,
    Trial,
    certainty,
    effects,
    in_groups,
    judged_alike,
    seed_spread,
)
from core.sweeps.values import value_in_words

LIKELY = 0.05  # of chance: below it a difference is not put down to it
AS_LARGE = 2  # times the spread over seeds: an effect below that is hardly one


def sentences(plan: Plan, trials: Sequence[Trial]) -> list[str]:
    """Which is best, how sure that is and what mattered, in Markdown; [] before a trial has ended.

    Args:
        plan: what the sweep tries.
        trials: those that were begun.
    """
    groups = in_groups(trials)
    to_come = plan.count - sum(trial.is_through for trial in trials)
    sure = certainty(groups[0], groups[1]) if len(groups) > 1 else None
    parts = (best_in_words(groups, to_come), early_in_words(groups), certainty_in_words(groups, sure))
    best = " ".join(words for words in parts if words)
    values_return = judged_alike(trials) and not plan.trials  # of numbers that are proposed, each is tried about once
    mattered = mattered_in_words(effects(trials), groups) if values_return else ""
    return [words for words in (best, mattered) if words]


def point_in_words(point: Point) -> str:
    """The settings of a trial without its seed: "lr 0.01 · batch 32"."""
    return " · ".join(value_in_words(name, value) for name, value in point.items() if name != "seed")


def points(fraction: float) -> str:
    """A difference of accuracies in percentage points: "0.42"."""
    return f"{100 * fraction:.2f}".replace("-", "−")


def best_in_words(groups: Sequence[Group], to_come: int = 0) -> str:
    """Which settings are best on the validation images, as a sentence; "" before anything has ended.

    Args:
        groups: the trials in groups, the best first.
        to_come: how many trials have not ended yet.
    """
    known = [group for group in groups if group.accuracies]
    if not known:
        return ""
    best = known[0]
    runs = len(best.accuracies)
    mean = f"{percent(best.mean)} of the {'test' if best.trials[0].on_test else 'validation'} images right"
    if runs > 1:
        low, high = min(best.accuracies.values()), max(best.accuracies.values())
        mean += f" (mean of {runs} seeds, from {percent(low)} to {percent(high)})"
    if set(best.point) <= {"seed"}:
        return f"On average **{mean}**."
    what = "Best so far" if to_come else "Best"
    return f"{what}: **{point_in_words(best.point)}**, with {mean}."


def early_in_words(groups: Sequence[Group]) -> str:
    """That seeds of the best settings were stopped early, as a sentence; "" where none were."""
    if not groups or not groups[0].accuracies:
        return ""
    trials = groups[0].trials
    early = sum(trial.early is not None for trial in trials)
    if not early:
        return ""
    counts = "was stopped early and does not count" if early == 1 else "were stopped early and do not count"
    return f"{early} of its {len(trials)} runs {counts}: it may look better than it is."


def certainty_in_words(groups: Sequence[Group], found: Certainty | None) -> str:
    """How sure it is that the best is better than the second, in sentences; "" where there is no second."""
    known = [group for group in groups if group.accuracies]
    if len(known) < 2:
        return ""
    if len({group.trials[0].on_test for group in known[:2]}) > 1:
        return (
            "How much better it is cannot be told here: one of the two validates on the test images, the other on "
            "images of its own. Compare says what both read of the same images."
        )
    second = point_in_words(known[1].point)
    if found is None:
        ahead = points(known[0].mean - known[1].mean)
        return (
            f"It is {ahead} points above {second}. That may be chance: other first weights give other numbers. "
            "Repeat both with more seeds to find out."
        )
    interval = f"95\u00a0% interval {points(found.low)} to {points(found.high)}"
    span = f"{points(found.difference)} points better than {second} ({interval})"
    if found.p_value < LIKELY and found.difference > 0:
        how_often = "less than 1" if found.p_value < 0.01 else f"{100 * found.p_value:.0f}"
        return f"It is {span}. Chance alone would make such a difference in {how_often} of 100 sweeps."
    return f"It is {span}. With {found.seeds} seeds each, that may well be chance."


def mattered_in_words(found: Sequence[Effect], groups: Sequence[Group]) -> str:
    """What mattered, and how far seeds alone lie apart, in sentences; "" where nothing differed.

    Args:
        found: what each setting did.
        groups: the trials in groups, the best first. The spread of the best two, between which the choice is, decides
            whether what settings did may be chance: seeds of a bad setting may differ by far more than theirs.
    """
    if not found:
        return ""
    told = [f"{_name(effect)} ({points(effect.span)} points between its best and its worst value)" for effect in found]
    words = f"What mattered: {told[0]}" + "".join(f", then {each}" for each in told[1:3])
    spread = seed_spread(groups[:2])
    by_chance = spread is not None and found[0].span < AS_LARGE * spread
    seeds = seeds_in_words(groups)
    return f"{words}. {seeds}{': all that may be chance' if by_chance else ''}." if seeds else f"{words}."


def seeds_in_words(groups: Sequence[Group]) -> str:
    """How far apart runs lie that differ in their seed alone, of the best two settings and of the others.

    Without a full stop; "" where no setting has two runs.
    """
    apart = [
        (point_in_words(group.point), max(known) - min(known))
        for group in groups
        if len(known := group.accuracies.values()) > 1
    ]
    if not apart:
        return ""
    told = [f"by {points(difference)} points at {name}" for name, difference in apart[:2]]
    if len(apart) == 3:
        told.append(f"by {points(apart[2][1])} at {apart[2][0]}")
    elif len(apart) > 3:
        told.append(f"by up to {points(max(difference for _, difference in apart[2:]))} at the others")
    *before, last = (words.replace(" points", "") if place else words for place, words in enumerate(told))
    return f"Seeds differ {', '.join(before)}{' and ' if before else ''}{last}"


def _name(effect: Effect) -> str:
    return {"model": "the network", "network": "the layers"}.get(effect.name, effect.name.replace("_", " "))
