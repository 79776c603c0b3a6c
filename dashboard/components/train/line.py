"""A run's place in line, and how long it waits there."""

from __future__ import annotations

from dataclasses import dataclass

from core.compute.machines import places
from core.config import TrainingConfig
from core.data import Dataset
from core.people import read_rules
from core.runs import Run
from dashboard.components.session import active, services, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.layers import takes
from dashboard.components.whose import full_name

LOOK_SECONDS = 0.4
PAUSED = "The teacher has paused starting: your run stays in the line."
BESIDE_TRAINING = 1.5  # seconds of a run: its first batches, the export and the test, roughly


@dataclass(frozen=True)
class Place:
    """A run's place in line.

    Attributes:
        words: "2nd in line, after Dense 3".
        short: "2nd in line".
        seconds: in about how many it starts; None where the teacher lets everybody wait.
    """

    words: str
    short: str
    seconds: float | None


def place_in_line(run: Run, digits: Dataset) -> Place | None:
    """The place of a queued run that waits for others; None where it is the next and nothing is in training."""
    if read_rules(store().home).everybody_waits:
        return Place(PAUSED, "waits for the teacher", None)
    found = active(LOOK_SECONDS)
    waiting = [other.id for other in found.queued]
    place = waiting.index(run.id) if run.id in waiting else 0
    training = [other for other in map(store().get, sorted(found.running)) if other and other.id != run.id]
    if not training and not place:
        return None
    before = [found.queued[place - 1]] if place else training
    short = f"{'Next' if place == 0 else ordinal(place + 1)} in line"
    return Place(
        f"{short}, after {' and '.join(escape_markdown(full_name(other)) for other in before)}",
        short,
        max(1.0, _seconds_until_start(training, found.queued[:place], digits)),
    )


def _seconds_until_start(training: list[Run], before: list[Run], digits: Dataset) -> float:
    """How long a run waits for those that train now and those before it in line, as far as that can be told."""
    of = services().datasets.of
    seconds = {
        config: takes(config, of(config.dataset, digits))[0] + BESIDE_TRAINING
        for config in {_config(run) for run in before}
    }
    left = sum(seconds[_config(run)] for run in before)
    for run in training:
        known = run.history().seconds_left(run.state.target_epochs)
        left += takes(_config(run), of(run.wanted_dataset, digits))[0] if known is None else known
    return left / places(store().home)


def _config(run: Run) -> TrainingConfig:
    return run.config or TrainingConfig()


def ordinal(number: int) -> str:
    """A number as "1st", "2nd", "3rd", "4th" … "11th" … "21st"."""
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
