"""Successive halving: which trials are stopped early, as a rule over their histories alone.

The rungs are at `first`, `first`·`factor`, `first`·`factor`² … epochs. A trial that reaches one goes on only if its
validation accuracy then is among the best 1/`factor` of all that have reached that rung until that moment: ASHA's rule
for stopping (Li et al., 2020, A System for Massively Parallel Hyperparameter Tuning, algorithm 2 and section 3.3).
Nothing has to be remembered between two looks: who looks later comes to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.config import ConfigError
from core.runs.state import State

PARTS = {2: "half", 3: "third", 4: "quarter", 5: "fifth"}
EARLY = "Stopped early by the sweep:"  # how the message of a trial that it stopped begins


@dataclass(frozen=True)
class Reached:
    """What a trial had after an epoch: when, in seconds since 1970, and its validation accuracy, a fraction."""

    time: float
    accuracy: float


@dataclass(frozen=True)
class Halving:
    """The rule.

    Attributes:
        factor: one of so many goes on at each rung, 2 to 5.
        first: the epochs of the first rung, 1 to 100.

    Raises:
        ConfigError: where one of them is out of its range.
    """

    factor: int = 3
    first: int = 1

    def __post_init__(self) -> None:
        for name, value, most, least in (("factor", self.factor, 5, 2), ("first rung", self.first, 100, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ConfigError(f"Early stopping: the {name} must be a whole number from {least} to {most}.")

    def rungs(self, epochs: int) -> list[int]:
        """The epochs after which a trial of so many is judged, the last one excluded."""
        found, rung = [], self.first
        while rung < epochs:
            found.append(rung)
            rung *= self.factor
        return found

    def weak_at(self, number: int, epochs: int, histories: Mapping[int, Sequence[Reached]]) -> int | None:
        """The rung at which a trial of `epochs` has to stop, None where it goes on.

        Args:
            number: the trial.
            epochs: how many it is to train.
            histories: what each trial had after each of its epochs, also of those that have ended.
        """
        mine = histories[number]
        judged = [rung for rung in self.rungs(epochs) if rung <= len(mine)]
        return next((rung for rung in judged if self._is_weak(mine, rung, histories)), None)

    def _is_weak(self, mine: Sequence[Reached], rung: int, histories: Mapping[int, Sequence[Reached]]) -> bool:
        here = mine[rung - 1]
        others = [theirs[rung - 1] for theirs in histories.values() if len(theirs) >= rung]
        accuracies = sorted((other.accuracy for other in others if other.time <= here.time), reverse=True)
        go_on = len(accuracies) // self.factor
        return go_on > 0 and here.accuracy < accuracies[go_on - 1]

    def message(self, rung: int) -> str:
        """Why a trial was stopped, as a sentence."""
        return f"{EARLY} after epoch {rung} not among the best {PARTS[self.factor]}."


def is_weak(state: State) -> bool:
    """Whether a sweep stopped a run early."""
    return state.name == "stopped" and state.message.startswith(EARLY)
