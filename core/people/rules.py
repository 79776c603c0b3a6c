"""What the teacher has set for everybody: limits, and whether starting is paused. One file, `home`/class.json."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from core.people.guard import actor
from core.storage import read_json, write_json

FILE = "class.json"
ALL_IMAGES = 60_000  # that MNIST has for training, which a run takes that says no number
_changing = threading.Lock()


@dataclass(frozen=True)
class Rules:
    """Limits for each name; None is no limit.

    Attributes:
        epochs: of a run.
        images: training images of a run.
        waiting: runs that are in the line or in training at a time.
        minutes: of training in all.
        everybody_waits: whether runs stay in the line.
        shows_all: whether the wall shows the second half of the test images too.
    """

    epochs: int | None = None
    images: int | None = None
    waiting: int | None = 10
    minutes: float | None = None
    everybody_waits: bool = False
    shows_all: bool = False


def read_rules(home: Path) -> Rules:
    """The rules of the home; those that are missing or damaged are as usual."""
    stored = read_json(home / FILE)
    usual, values = Rules(), stored if isinstance(stored, dict) else {}
    return replace(
        usual,
        **{
            field.name: values[field.name]
            for field in fields(Rules)
            if field.name in values and _fits(getattr(usual, field.name), values[field.name])
        },
    )


def change_rules(home: Path, **changes: Any) -> Rules:
    """Change some of the rules.

    Raises:
        ValueError: for a limit that is not positive.
        OSError: where they cannot be written.
    """
    for name, value in changes.items():
        if not _fits(getattr(Rules(), name), value):
            raise ValueError(f"A limit of {name} is a positive number, or none, not {value!r}.")
    with _changing:
        rules = replace(read_rules(home), **changes)
        home.mkdir(parents=True, exist_ok=True)
        write_json(home / FILE, asdict(rules))
    return rules


def own_rules(home: Path) -> Rules:
    """The rules for who acts now; without limits where nobody is asked, and for a teacher."""
    who = actor()
    return Rules(waiting=None) if who is None or who.is_teacher else read_rules(home)


def why_too_much(
    home: Path, *, epochs: int, images: int | None, waiting: int = 0, minutes: Callable[[], float] | None = None
) -> str:
    """Why who acts now may not start a run, as sentences; "" where they may, as a teacher always may.

    Args:
        home: whose rules hold.
        epochs: of the run.
        images: that it trains on; None is all there are.
        waiting: runs of that person that are in the line or in training.
        minutes: tells how long the runs of that person have trained; asked for where there is a limit.
    """
    rules = own_rules(home)
    if rules.epochs is not None and epochs > rules.epochs:
        return f"The teacher has set at most {rules.epochs:,g} epochs."
    if rules.images is not None and (ALL_IMAGES if images is None else images) > rules.images:
        return f"The teacher has set at most {rules.images:,g} training images. Set them under More settings."
    if rules.waiting is not None and waiting >= rules.waiting:
        runs = "1 run" if waiting == 1 else f"{waiting} runs"
        return f"You have {runs} in the line or in training, the most that the teacher has set. Wait for one."
    if rules.minutes is not None and minutes is not None and minutes() >= rules.minutes:
        return f"Your {rules.minutes:,g} minutes of training are used up. Ask the teacher for more."
    return ""


def limits_in_words(rules: Rules) -> str:
    """The limits as a part of a sentence: "5 epochs, 1,000 training images"; "" where there are none."""
    words = {
        "{:,g} epochs a run": rules.epochs,
        "{:,g} training images a run": rules.images,
        "{:,g} runs at a time": rules.waiting,
        "{:,g} minutes of training": rules.minutes,
    }
    return ", ".join(text.format(limit) for text, limit in words.items() if limit is not None)


def _fits(usual: Any, value: Any) -> bool:
    if isinstance(usual, bool):
        return isinstance(value, bool)
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9)
