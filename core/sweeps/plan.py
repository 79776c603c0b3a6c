"""What a sweep tries: settings that all of its trials share, and those in which each differs."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from core.config import ConfigError, TrainingConfig
from core.names import MOST
from core.runs import RunError
from core.sweeps.halving import Halving
from core.sweeps.values import value_in_words

MOST_TRIALS = 5000  # of a sweep
MOST_MINUTES = 100_000
OF_ANY_NETWORK = (  # settings that a trial of another network keeps; of the others it takes its own defaults
    "epochs",
    "seed",
    "training_images",
    "validation_images",
    "patience",
    "augment",
    "pixels",
    "wrong_labels",
    "left_out",
    "imbalance",
    "dataset",
    "classes",
)

Point = Mapping[str, Any]  # settings by their names in TrainingConfig


class SweepError(RunError):
    """Something cannot be done with a sweep; the message says why and what to do."""


class SearchError(SweepError):
    """The next trial cannot be proposed; the message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """The trials of a sweep, in order.

    Attributes:
        base: the settings of all trials.
        points: for each trial the settings in which it differs from `base`, all of the same names.
        name: what people call the sweep, 1 to 60 characters.
        minutes: after which no trial begins; None where there is no limit.
        halving: by which trials are stopped early; None where all train to their end.
        space: the values that points are drawn from, so that more can be drawn; {} where none can.
        trials: how many there will be, where those behind `points` are proposed one after the other (core.sweeps.tpe);
            None where `points` are all.

    Raises:
        ConfigError: where there is no trial, more than 5,000, or the settings of one are invalid.
    """

    base: TrainingConfig
    points: tuple[Point, ...]
    name: str = "Sweep"
    minutes: float | None = None
    halving: Halving | None = None
    space: Mapping[str, Sequence] = field(default_factory=dict)
    trials: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.points) <= MOST_TRIALS:
            raise ConfigError(_too_many(len(self.points)))
        if self.trials is not None and not len(self.points) <= self.trials <= MOST_TRIALS:
            raise ConfigError(_too_many(self.trials))
        if self.minutes is not None and not 0 < self.minutes <= MOST_MINUTES:
            raise ConfigError(f"Choose up to {MOST_MINUTES:,} minutes, not {self.minutes:g}.")
        _ = self.configs  # raises where one is invalid

    @cached_property
    def configs(self) -> tuple[TrainingConfig, ...]:
        """The settings of every trial."""
        return tuple(config_at(self.base, point) for point in self.points)

    @cached_property
    def values(self) -> dict[str, tuple]:
        """What each setting that differs is in the trials, each value once."""
        return {name: tuple(dict.fromkeys(point[name] for point in self.points)) for name in self.varied}

    @property
    def most(self) -> tuple[int, int | None, str]:
        """The most epochs of a trial, the most training images, None where one trains on all there are, and of what.

        The last is the fingerprint of the dataset that all of them name.
        """
        epochs = [*(config.epochs for config in self.configs), *self.space.get("epochs", ())]
        images = [*(config.training_images for config in self.configs), *self.space.get("training_images", ())]
        most_images = None if None in images else max(images, default=None)
        return int(max(epochs, default=self.base.epochs)), most_images, self.base.dataset

    @property
    def count(self) -> int:
        """How many trials there are, and will be."""
        return self.trials or len(self.points)

    @property
    def varied(self) -> tuple[str, ...]:
        """The names of the settings in which trials differ, in their order."""
        return tuple(self.points[0])

    def name_of(self, number: int) -> str:
        """The name of a trial among the others, which says in what it differs, in at most 60 characters.

        "lr 0.01 · seed 2".
        """
        return self._words(number, MOST, " · ") or f"{self.name[: MOST - 8]} {number + 1}"

    def run_name(self, number: int) -> str:
        """The name of a trial's run, which stands alone, with room for a number: "Linear · lr 0.01, seed 2"."""
        title, room = self.configs[number].title, MOST - 6
        if "model" in self.varied:
            return self._words(number, room, " · ") or f"{title} · trial {number + 1}"
        separator = " · " if {"network", "left_out"} & set(self.varied) else ", "  # which have commas of their own
        words = self._words(number, room - len(f"{title} · "), separator) or f"trial {number + 1}"
        return f"{title} · {words}"

    def _words(self, number: int, room: int, separator: str) -> str:
        """In what a trial differs; "" where that is nothing, or longer than `room`."""
        point = self.points[number]
        parts = {name: value_in_words(name, point[name]) for name in self.varied}
        if "network" in parts:
            others = separator.join(words for name, words in parts.items() if name != "network")
            parts["network"] = self._network_in_words(
                point["network"], room - len(others) - len(separator) * bool(others)
            )
        words = separator.join(parts.values())
        return words if len(words) <= room else ""

    @cached_property
    def _networks(self) -> tuple[dict[str, int], int, int]:
        """The number of each network from 1, and how many layers all share at their beginning and end."""
        networks = list(dict.fromkeys(point["network"] for point in self.points))
        layers = [text.split(", ") for text in networks]
        begin = _shared(layers)
        end = _shared([each[begin:][::-1] for each in layers])
        return {text: number for number, text in enumerate(networks, 1)}, begin, end

    def _network_in_words(self, network: str, room: int) -> str:
        """The layers in which a network differs from the others, cut where they are too long, then with a number."""
        numbers, begin, end = self._networks
        mine = network.split(", ")
        words = ", ".join(mine[begin : len(mine) - end]) or network
        if len(words) <= room:
            return words
        mark = f"… ({numbers[network]})"
        return words[: max(0, room - len(mark))] + mark

    def repeats(self, numbers: Sequence[int], count: int) -> tuple[Point, ...]:
        """The points of some of its trials, each with `count` seeds that no trial has."""
        used = {config.seed for config in self.configs}
        seeds = list(itertools.islice((seed for seed in itertools.count() if seed not in used), count))
        return tuple({**self.points[number], "seed": seed} for number in numbers for seed in seeds)

    def with_seeds(self, numbers: Sequence[int], count: int) -> Plan:
        """The plan with some of its trials repeated at its end, each with `count` seeds that it did not have.

        No trial is stopped early then, so that those compared have all learned as long.
        """
        points = [{**point, "seed": config.seed} for point, config in zip(self.points, self.configs, strict=True)]
        return replace(self, points=(*points, *self.repeats(numbers, count)), halving=None, space={}, trials=None)

    def cut(self, count: int) -> Plan:
        """The plan without the trials after the first `count`, and without a limit of minutes."""
        return replace(self, points=self.points[:count], minutes=None, space={}, trials=None)

    def with_budget(self, trials: int | None = None, minutes: float | None = None) -> Plan:
        """The plan with more trials, or with other minutes, 0 for no limit; what is None stays.

        Raises:
            ConfigError: where there are no others to try, or fewer were asked for than it has.
        """
        plan = self if minutes is None else replace(self, minutes=minutes or None)
        if trials in (None, self.count):
            return plan
        if trials < self.count:
            raise ConfigError(f"The sweep has {self.count:,} trials. It can only get more.")
        if self.trials:
            return replace(plan, trials=trials)
        if not self.space:
            raise ConfigError(f"The sweep tries all that was asked for: {len(self.points):,} trials. Begin a new one.")
        if trials > MOST_TRIALS:
            raise ConfigError(_too_many(trials))
        drawn = some_combinations(self.space, trials + len(self.points), self.base.seed)
        more = [point for point in drawn if point not in self.points][: trials - len(self.points)]
        if len(self.points) + len(more) < trials:
            raise ConfigError(f"There are only {len(self.points) + len(more):,} combinations of these values.")
        return replace(plan, points=(*self.points, *more))


def plan_of(
    base: TrainingConfig, space: Mapping[str, Sequence], some: int | None = None, name: str = "", **others: Any
) -> Plan:
    """The plan that tries all combinations of the values in `space`, or `some` at random, drawn by the base's seed.

    Without a name it is called by what differs. `others` are the other attributes of the plan.

    Raises:
        ConfigError: as `Plan`.
    """
    points = some_combinations(space, some, base.seed) if some else every_combination(space)
    name = name or f"{base.title}: {', '.join(space).replace('_', ' ')}"
    return Plan(base, points, name, space=space if some else {}, **others)


def _shared(rows: Sequence[Sequence[str]]) -> int:
    """How many entries all rows have in common at their beginning."""
    return sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False)))


def _too_many(count: int) -> str:
    return f"A sweep has 1 to {MOST_TRIALS:,} trials, not {count:,}. Leave some values out."


def config_at(base: TrainingConfig, point: Point) -> TrainingConfig:
    """The settings of a trial.

    Where its network is another one than the base's, it has that network's own defaults, but for what is asked of any
    network, such as epochs and seed.

    Raises:
        ConfigError: where they are invalid.
    """
    values = {field.name: getattr(base, field.name) for field in fields(base)}
    if point.get("model", base.model) != base.model:
        values = {name: values[name] for name in OF_ANY_NETWORK}
    elif "network" in point and "hidden_layers" not in point:
        del values["hidden_layers"], values["dropout"]  # they follow from the layers
    return TrainingConfig(**{**values, **point})


def every_combination(space: Mapping[str, Sequence]) -> tuple[Point, ...]:
    """All combinations of the values of each setting; those of the last change first. `({},)` where nothing varies.

    Raises:
        ConfigError: where there are more than 5,000.
    """
    if (count := math.prod(map(len, space.values()))) > MOST_TRIALS:
        raise ConfigError(_too_many(count))
    return tuple(dict(zip(space, values, strict=True)) for values in itertools.product(*space.values()))


def some_combinations(space: Mapping[str, Sequence], count: int, seed: int) -> tuple[Point, ...]:
    """`count` different combinations at random, all where there are no more; the same seed gives the same ones.

    Random search finds as good a trial as a grid in fewer, where few settings matter (Bergstra and Bengio, 2012).
    """
    sizes = [len(values) for values in space.values()]
    total = math.prod(sizes)
    chosen = random.Random(seed).sample(range(total), min(count, total))
    points = []
    for index in chosen:
        point = {}
        for (name, values), size in zip(reversed(list(space.items())), reversed(sizes), strict=True):
            index, at = divmod(index, size)
            point[name] = values[at]
        points.append({name: point[name] for name in space})
    return tuple(points)
