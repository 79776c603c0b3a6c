"""What the JSON files of a run hold: the kind of each value, in one table, so that no page meets another.

Whatever a file holds, reading it gives the values that are of their kind and says what is wrong with the others.
Values that the table does not name, of other versions, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from core.config import ConfigError, TrainingConfig
from core.data.classes import DIGITS, MOST_CLASSES, checked
from core.names import MOST, visible
from core.runs import files
from core.storage import read_json, write_json

MOST_COUNT = 10**12
STATES = ("queued", "running", "paused", "finished", "stopped", "failed", "interrupted", "damaged", "newer")
ENDED = ("paused", "finished", "stopped", "failed", "interrupted")


def by_teacher(name: str) -> str:
    """The message of a state into which a teacher has brought another's run: "Stopped by the teacher."."""
    return f"{name.capitalize()} by the teacher."


@dataclass(frozen=True)
class State:
    """Where a run stands: one of `STATES`, with words for people where there is something to say."""

    name: str
    message: str = ""
    since: float = 0.0
    target_epochs: int = 0
    resumes: bool = False  # queued to continue from a checkpoint
    extended_from: int = -1  # complete epochs when someone last asked for more; -1 where nobody did
    machine: str = ""  # of a cluster, that trains or trained it; "" where this one does

    @property
    def is_by_teacher(self) -> bool:
        """Whether a teacher has stopped or paused another's run, which `message` says."""
        return self.message == by_teacher(self.name)

    @property
    def is_active(self) -> bool:
        """Whether a worker trains this run or will without anybody asking."""
        return self.name in ("queued", "running")

    @property
    def is_unreadable(self) -> bool:
        """Whether the folder is damaged or of a newer version, so that nothing can be shown or done with the run."""
        return self.name in ("damaged", "newer")


@dataclass(frozen=True)
class Kind:
    """A kind of value: what it is called, and whether a value is of it."""

    words: str
    takes: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COUNT


TEXT = Kind("text", lambda value: isinstance(value, str))
NAME = Kind(
    f"text of 1 to {MOST} characters that can be seen",
    lambda value: isinstance(value, str) and len(value) <= MOST and visible(value) != "",
)
TRUTH = Kind("true or false", lambda value: isinstance(value, bool))
NUMBER = Kind("a number", _is_number)
AMOUNT = Kind("a number from 0", lambda value: _is_number(value) and value >= 0)
FRACTION = Kind("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
RATE = Kind("a number above 0", lambda value: _is_number(value) and value > 0)
COUNT = Kind("a whole number from 0", _is_count)
COUNTS = Kind("whole numbers", lambda value: isinstance(value, list) and all(map(_is_count, value)))
EXTENSION = Kind("a whole number", lambda value: value == -1 or _is_count(value))
STATE = Kind("a state", lambda value: isinstance(value, str) and value in STATES)
REQUEST = Kind('"pause", "stop" or null', lambda value: value is None or value in ("pause", "stop"))

CLASSES = Kind(
    f"2 to {MOST_CLASSES} names, each once",
    lambda value: isinstance(value, list) and list(checked(value) or ()) == value,
)
DATASET = {"name": TEXT, "source": TEXT, "fingerprint": TEXT, "classes": CLASSES}
MEASURED_OR_NOT = Kind(f"{FRACTION.words} or null", lambda value: value is None or FRACTION.takes(value))
ACCURACIES = dict.fromkeys(("mine", "mine_held_out", "test"), MEASURED_OR_NOT)
FILES: dict[str, dict | list] = {
    files.NAME: {"name": NAME},
    files.STATE: {
        "name": STATE,
        "message": TEXT,
        "since": NUMBER,
        "target_epochs": COUNT,
        "resumes": TRUTH,
        "extended_from": EXTENSION,
        "machine": TEXT,
    },
    files.CONTROL: {"request": REQUEST, "learning_rate": RATE, "delete": TRUTH, "reason": TEXT},
    files.DATASET: DATASET,
    files.ARCHITECTURE: [{"name": TEXT, "kind": TEXT, "shape": COUNTS, "parameters": COUNT}],
    files.SUMMARY: {
        "model": TEXT,
        "epochs": COUNT,
        "test_accuracy": FRACTION,
        "test_loss": AMOUNT,
        "validation_accuracy": FRACTION,
        "training_seconds": AMOUNT,
        "parameters": COUNT,
        "training_images": COUNT,
        "validation_images": COUNT,
        "dataset": DATASET,
        "parity": {"max_abs_difference": AMOUNT, "different_predictions": COUNT, "images": COUNT},
        "machine": TEXT,
        "versions": dict.fromkeys(("python", "tensorflow", "keras", "numpy"), TEXT),
        "finished": NUMBER,
        "my_digits": {
            "from": TEXT,
            "trained": COUNT,
            "held_out": COUNT,
            "before": ACCURACIES,
            "after": ACCURACIES,
        },
    },
    files.TRIAL: {"sweep": TEXT, "number": COUNT},
    files.IMPORTED: {
        "file": TEXT,
        "when": NUMBER,
        "proof": {"images": COUNT, "different_predictions": COUNT},
    },
}
_NOTHING = object()
OPTIONAL = ("proof",)  # null where there is nothing to say
_MEASURED = {"loss": AMOUNT, "accuracy": FRACTION, "learning_rate": AMOUNT, "training_seconds": AMOUNT}
EVENTS: dict[str, dict] = {
    "start": {"step": COUNT, "epoch": COUNT, "epoch_images": COUNT},
    "batch": {
        "step": COUNT,
        "epoch": COUNT,
        "position": AMOUNT,
        "images": COUNT,
        "epoch_loss": AMOUNT,
        "epoch_accuracy": FRACTION,
        "images_per_second": AMOUNT,
        "time": NUMBER,
        **_MEASURED,
    },
    "epoch": {
        "step": COUNT,
        "epoch": COUNT,
        "val_loss": AMOUNT,
        "val_accuracy": FRACTION,
        "train_loss": AMOUNT,
        "train_accuracy": FRACTION,
        **_MEASURED,
    },
}


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        value: None where the file is missing or damaged as a whole.
        flaws: what is wrong with the rest.
        newer: that a newer version made the folder, as half a sentence; "" where none did.
    """

    value: Any
    flaws: tuple[str, ...] = ()
    newer: str = ""


def read(path: Path) -> Content:
    """What a JSON file of a run holds, checked against `FILES`."""
    return read_json(path, _CHECKS[path.name])


def write_config(path: Path, config: TrainingConfig) -> None:
    """Write config.json: the settings of a run, and the number of its folder's format."""
    write_json(path, config_values(config))


def config_values(config: TrainingConfig) -> dict:
    """What config.json holds as this version writes it."""
    newest = files.FORMAT if config.classes != len(DIGITS) else files.FIRST_FORMAT
    used = files.FORMAT_OF_EXPERIMENTS if config.experiments else files.FIRST_FORMAT
    return {"format": max(newest, used), **config.as_dict()}


def read_config(path: Path) -> Content:
    """The settings of a run, None where they are missing, of a newer format, or any of them is out of its range."""
    return read_json(path, _config)


def newer_format(config_values: Any) -> str:
    """That a folder whose config.json holds this cannot be opened, as half a sentence; "" where it can.

    Without a number it is of format 0, as before there was a number.
    """
    number = config_values.get("format") if isinstance(config_values, dict) else None
    if not _is_count(number) or number <= files.FORMAT:
        return ""
    return (
        f"was made by a newer version of Digit Lab (folder format {number}; this version opens formats up to "
        f"{files.FORMAT})"
    )


def _config(values: Any) -> Content:
    if newer := newer_format(values):
        return Content(None, newer=newer)
    try:
        return Content(TrainingConfig.from_dict(values))
    except (ConfigError, TypeError) as error:
        return Content(None, () if values is None else (str(error).rstrip("."),))


def check(value: Any, shape: dict | list) -> Content:
    """The part of a value that has this shape, and what is wrong with the others."""
    flaws: list[str] = []
    kept = _fitting(value, shape, "", flaws)
    return Content(None) if value is None else Content(None if kept is _NOTHING else kept, tuple(flaws))


_CHECKS: dict[str, Callable[[Any], Content]] = {name: partial(check, shape=shape) for name, shape in FILES.items()}


def is_event(event: dict) -> bool:
    """Whether all that is known of an event's kind is as it should be."""
    shape = EVENTS.get(event["type"]) if isinstance(event.get("type"), str) else None
    return shape is None or all(kind.takes(event[name]) for name, kind in shape.items() if name in event)


def _fitting(value: Any, shape: Any, where: str, flaws: list[str]) -> Any:
    """The fitting part of `value`, or `_NOTHING`; adds to `flaws` what does not fit and where."""
    if isinstance(shape, Kind):
        if shape.takes(value):
            return value
        flaws.append(f"{where} is not {shape.words}")
        return _NOTHING
    wanted = dict if isinstance(shape, dict) else list
    if not isinstance(value, wanted):
        flaws.append(f"{where or 'it'} is not {'an object' if wanted is dict else 'a list'}")
        return _NOTHING
    if wanted is list:
        rows = [_fitting(row, shape[0], f"{where}row {number}", flaws) for number, row in enumerate(value, start=1)]
        return [row for row in rows if row is not _NOTHING]
    kept = {name: entry for name, entry in value.items() if name not in shape}
    for name, kind in shape.items():
        if name not in value or (name in OPTIONAL and value[name] is None):
            continue
        entry = _fitting(value[name], kind, f"{where}, {name}" if where else name, flaws)
        if entry is not _NOTHING:
            kept[name] = entry
    return kept
