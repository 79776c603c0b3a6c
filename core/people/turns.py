"""Whose turn it is: the line is served round by names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

Waiting = TypeVar("Waiting")


def in_turn(
    waiting: Sequence[tuple[float, str, Waiting]], training: Mapping[str, int] | Iterable[str] = ()
) -> list[Waiting]:
    """What waits, in the order in which it is served: of each owner the first, then of each the second, and so on.

    A run in training is its owner's first. Within a round, who waits longest comes first. Of one owner alone, the
    order is that in which they came.

    Args:
        waiting: since when, whose, and what.
        training: how many each owner has in training already.
    """
    before = Counter(training)
    rounds = []
    for since, owner, what in sorted(waiting, key=lambda entry: entry[0]):
        rounds.append((before[owner], since, len(rounds), what))
        before[owner] += 1
    return [what for *_, what in sorted(rounds, key=lambda entry: entry[:3])]
