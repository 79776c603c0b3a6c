"""What each file of a bundle must be: names, sizes, and a check for every kind of contents.

Both ways the files are made anew from what was understood. Unknown values are left out: so nothing from elsewhere
reaches a page unseen, and nothing goes out that nobody meant to send.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.bundle.safe_zip import UnsafeZip, read_zip
from core.config import ConfigError, TrainingConfig
from core.evaluation.metrics import checked_digits, checked_probabilities
from core.names import MOST, visible
from core.storage import printable

MOST_IMAGES = 300_000  # as in core.data
KB, MB = 2**10, 2**20
ARRAY_BYTES = MOST_IMAGES * 10 * 2 + KB
LIMITS = {  # the most bytes of each file
    "config.json": 16 * KB,
    "name.json": 4 * KB,
    "state.json": 16 * KB,
    "summary.json": 64 * KB,
    "dataset.json": 16 * KB,
    "architecture.json": 64 * KB,
    "events.jsonl": 16 * MB,
    "probabilities.npy": ARRAY_BYTES,
    "validation.npz": ARRAY_BYTES + MOST_IMAGES + 4 * KB,
    "model.tflite": 48 * MB,  # 12 million parameters
}
NEEDED = ("config.json", "summary.json", "dataset.json", "probabilities.npy", "model.tflite")
EPOCH_FILE = re.compile(r"predictions/epoch-([0-9]{4})\.npy")
VALIDATION = {"labels.npy": MOST_IMAGES + KB, "probabilities.npy": ARRAY_BYTES}
MOST_LETTERS = 300

# Kinds of values: see _value
COUNT, NUMBER, FRACTION = "a whole number from 0", "a number from 0", "a number from 0 to 1"
TEXT, SOURCE, FINGERPRINT = "text", "text without folders", "16 hex digits"
DATASET = {"name": TEXT, "source": SOURCE, "fingerprint": FINGERPRINT}
ACCURACIES = {"mine": FRACTION, "mine_held_out": FRACTION, "test": FRACTION}
SUMMARY = {
    "model": TEXT,
    "epochs": COUNT,
    "test_accuracy": FRACTION,
    "test_loss": NUMBER,
    "training_seconds": NUMBER,
    "parameters": COUNT,
    "training_images": COUNT,
    "validation_images": COUNT,
    "dataset": DATASET,
    "parity": {"max_abs_difference": NUMBER, "different_predictions": COUNT, "images": COUNT},
    "machine": TEXT,
    "versions": {"python": TEXT, "tensorflow": TEXT, "keras": TEXT, "numpy": TEXT},
    "finished": NUMBER,
}
FINE_TUNED = {"from": TEXT, "trained": COUNT, "held_out": COUNT, "before": ACCURACIES, "after": ACCURACIES}
MEASURED = {"step": COUNT, "epoch": COUNT, "loss": NUMBER, "accuracy": FRACTION, "training_seconds": NUMBER}
EVENTS = {
    "start": {"step": COUNT, "epoch": COUNT, "epoch_images": COUNT},
    "batch": {
        **MEASURED,
        "position": NUMBER,
        "images": COUNT,
        "epoch_loss": NUMBER,
        "epoch_accuracy": FRACTION,
        "images_per_second": NUMBER,
        "learning_rate": NUMBER,
    },
    "epoch": {**MEASURED, "val_loss": NUMBER, "val_accuracy": FRACTION, "learning_rate": NUMBER},
    "finishing": {},
}
LAYER = {"name": TEXT, "kind": TEXT, "parameters": COUNT}
STATE = {"name": TEXT, "message": TEXT, "target_epochs": COUNT}


class PartError(ValueError):
    """A file of a bundle is not what it should be; the message says which and how."""


@dataclass(frozen=True, eq=False)
class Parts:
    """All of a bundle, checked; the model only by its size.

    Attributes:
        state: name "finished" or "stopped", message and target_epochs.
        events: of the kinds in `EVENTS`, in order.
        probabilities: float16 (n, 10) of the test images; `epochs` the same by epoch, as far as they were kept.
        validation: labels uint8 (m,) and probabilities float16 (m, 10), or None.
        model: a LiteRT file, not tried yet.
    """

    config: TrainingConfig
    name: str
    state: dict
    summary: dict
    dataset: dict
    architecture: list[dict]
    events: list[dict]
    probabilities: np.ndarray
    epochs: dict[int, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray] | None
    model: bytes


def limit(name: str) -> int | None:
    """The most bytes that a file of this name has, None where no bundle holds such a file."""
    return ARRAY_BYTES if EPOCH_FILE.fullmatch(name) else LIMITS.get(name)


def check(files: Mapping[str, bytes]) -> Parts:
    """What the files of a bundle say, by their names.

    Raises:
        PartError: where one that is needed is missing, or any is not as it should be.
    """
    if missing := [name for name in NEEDED if name not in files]:
        raise PartError(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    try:
        config = TrainingConfig.from_dict(_json(files, "config.json"))
    except (ConfigError, TypeError) as error:
        raise PartError(f"config.json cannot be used: {error}") from error
    summary = _summary(_json(files, "summary.json"))
    if summary["model"] != config.model:
        raise PartError(f"summary.json is of another network ({summary['model']}) than config.json ({config.model})")
    probabilities = _probabilities("probabilities.npy", files["probabilities.npy"])
    numbers = {int(found[1]): name for name in files if (found := EPOCH_FILE.fullmatch(name))}
    epochs = {number: _probabilities(name, files[name], len(probabilities)) for number, name in sorted(numbers.items())}
    if 0 in epochs:
        raise PartError("predictions/epoch-0000.npy is of no epoch: they count from 1")
    return Parts(
        config=config,
        name=_name(_json(files, "name.json"), config),
        state=_state(_json(files, "state.json"), config),
        summary=summary,
        dataset=_values("dataset.json", _json(files, "dataset.json"), DATASET),
        architecture=_architecture(_json(files, "architecture.json")),
        events=_events(files.get("events.jsonl", b"")),
        probabilities=probabilities,
        epochs=epochs,
        validation=_validation(files["validation.npz"]) if "validation.npz" in files else None,
        model=files["model.tflite"],
    )


def files(parts: Parts) -> dict[str, bytes]:
    """The files of a bundle by their names, as `check` takes them and a run's folder holds them."""
    objects = {
        "config.json": parts.config.as_dict(),
        "name.json": {"name": parts.name},
        "state.json": parts.state,
        "summary.json": parts.summary,
        "dataset.json": parts.dataset,
        "architecture.json": parts.architecture,
    }
    lines = (json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in parts.events)
    epochs = {f"predictions/epoch-{number:04d}.npy": array for number, array in parts.epochs.items()}
    arrays = {**epochs, "probabilities.npy": parts.probabilities}  # in this order: the newest counts
    found = {name: json.dumps(value, indent=1).encode() for name, value in objects.items()}
    found["events.jsonl"] = b"".join(lines)
    if parts.validation:
        labels, probabilities = parts.validation
        found["validation.npz"] = _written(np.savez, labels=labels, probabilities=probabilities)
    return {**found, **{name: _written(np.save, array) for name, array in arrays.items()}, "model.tflite": parts.model}


def _written(save: Callable, *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


# JSON


def _json(files: Mapping[str, bytes], name: str) -> Any:
    return _parsed(name, files[name]) if name in files else None


def _parsed(name: str, text: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(text.decode(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise PartError(f"{name} is no JSON that can be read ({str(error)[:80]})") from error


def _values(where: str, given: Any, kinds: Mapping[str, Any]) -> dict:
    """The values of `kinds` alone; all of them must be there."""
    if not isinstance(given, dict):
        raise PartError(f"{where} must be a JSON object")
    return {name: _value(f"{where}: {name}", given.get(name), kind) for name, kind in kinds.items()}


def _value(where: str, value: Any, kind: Any) -> Any:
    if isinstance(kind, Mapping):
        return _values(where, value, kind)
    if kind in (TEXT, SOURCE) and isinstance(value, str):
        return plain(value) if kind == TEXT else _without_folders(plain(value))
    if kind == FINGERPRINT and isinstance(value, str) and re.fullmatch("[0-9a-f]{16}", value):
        return value
    if kind == COUNT and isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**12:
        return value
    if kind in (NUMBER, FRACTION) and isinstance(value, int | float) and not isinstance(value, bool):
        most = 1 if kind == FRACTION else 1e12
        if 0 <= value <= most:
            return value
    raise PartError(f"{where} must be {kind}")


def plain(text: str) -> str:
    """Text from elsewhere as a page can show it: one short line, and no Markdown that would load a picture or link."""
    return visible(printable(text)).translate(str.maketrans("[]<>`", "()()'"))[:MOST_LETTERS]


def _without_folders(text: str) -> str:
    """The same with only the last part of a path: folders often tell a person's name."""
    return re.sub(r"(^|(?<=\s))([A-Za-z]:)?[/\\].*[/\\]", "…/", text)


def _summary(given: Any) -> dict:
    summary = _values("summary.json", given, SUMMARY)
    report = given.get("my_digits")
    if report is not None:  # there was nothing to measure where a share is null
        if not isinstance(report, dict):
            raise PartError("summary.json: my_digits must be a JSON object")
        measured = {when: _known(report.get(when)) for when in ("before", "after")}
        kinds = {**FINE_TUNED, **{when: dict.fromkeys(part, FRACTION) for when, part in measured.items()}}
        summary["my_digits"] = _values("summary.json: my_digits", {**report, **measured}, kinds)
    return summary


def _known(shares: Any) -> dict:
    given = shares if isinstance(shares, dict) else {}
    return {name: given[name] for name in ACCURACIES if given.get(name) is not None}


def _name(given: Any, config: TrainingConfig) -> str:
    name = given.get("name") if isinstance(given, dict) else None
    if given is not None and not isinstance(name, str):
        raise PartError("name.json: name must be text")
    return visible(plain(name or "")[:MOST]) or config.info.title


def _state(given: Any, config: TrainingConfig) -> dict:
    plan = {"name": "finished", "message": "", "target_epochs": config.epochs}
    state = _values("state.json", plan if given is None else given, STATE)
    return {**state, "name": "finished" if state["name"] == "finished" else "stopped"}


def _architecture(given: Any) -> list[dict]:
    rows = [] if given is None else given
    if not isinstance(rows, list) or len(rows) > 100:
        raise PartError("architecture.json must be a list of layers, at most 100")
    return [_layer(f"architecture.json, layer {number}", row) for number, row in enumerate(rows, start=1)]


def _layer(where: str, row: Any) -> dict:
    layer = _values(where, row, LAYER)
    shape = row.get("shape")
    if not isinstance(shape, list) or len(shape) > 8:
        raise PartError(f"{where}: shape must be a list of whole numbers")
    return {**layer, "shape": [_value(f"{where}: shape", size, COUNT) for size in shape]}


def _events(text: bytes) -> list[dict]:
    events = []
    for number, line in enumerate(text.splitlines(), start=1):
        event = _parsed(f"events.jsonl, line {number}", line)
        kind = event.get("type") if isinstance(event, dict) else None
        if not isinstance(kind, str):
            raise PartError(f"events.jsonl, line {number}: type must be text")
        if kind in EVENTS:  # another version may know others
            values = _values(f"events.jsonl, line {number}", event, {"time": NUMBER, **EVENTS[kind]})
            events.append({"type": kind, **values})
    return events


# Arrays


def _array(name: str, data: bytes, dtype: type, width: tuple[int, ...]) -> np.ndarray:
    """An array of `dtype` and shape (n, *width); its header is held against its size before anything is made of it."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        shape, _, found = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else ((), False, None)
    except Exception as error:  # a damaged header raises many kinds, even tokenize.TokenError
        raise PartError(f"{name} is no array in NumPy's format") from error
    if any(type(size) is not int for size in shape):  # to NumPy True is a whole number as well
        raise PartError(f"{name} must have whole numbers for its shape, not {plain(str(shape))}")
    wanted = np.dtype(dtype)
    if found != wanted:
        raise PartError(f"{name} must hold {wanted}, not {found}")
    if len(shape) != 1 + len(width) or shape[1:] != width or not 1 <= shape[0] <= MOST_IMAGES:
        described = ", ".join(map(str, ("n", *width)))
        raise PartError(
            f"{name} must have the shape ({described}), with n from 1 to {MOST_IMAGES:,}, not {plain(str(shape))}"
        )
    if len(data) - file.tell() != math.prod(shape) * wanted.itemsize:
        raise PartError(f"{name} is cut off, or something is added at its end")
    return np.load(io.BytesIO(data), allow_pickle=False)


def _probabilities(name: str, data: bytes, length: int | None = None) -> np.ndarray:
    array = _array(name, data, np.float16, (10,))
    try:
        checked_probabilities(array, length=length)
    except ValueError as error:
        raise PartError(f"{name}: {error}") from error
    return array


def _validation(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    try:
        files = read_zip(data, VALIDATION.get, entries=2, total=sum(VALIDATION.values()))
    except UnsafeZip as error:
        raise PartError(f"validation.npz: {error}") from error
    if set(files) != set(VALIDATION):
        raise PartError("validation.npz must hold labels and probabilities")
    labels = _array("validation.npz, labels", files["labels.npy"], np.uint8, ())
    try:
        checked_digits("labels", labels)
    except ValueError as error:
        raise PartError(f"validation.npz: {error}") from error
    return labels, _probabilities("validation.npz, probabilities", files["probabilities.npy"], len(labels))
