"""What each file of a bundle must be: a pydantic model for every kind of JSON, and checks for the arrays.

Values that no model names are left out: nothing from elsewhere reaches a page unseen, and nothing goes out that nobody
meant to send. Pydantic takes a while to import, so whoever packs or imports imports this module then.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, RootModel, ValidationError
from pydantic_core import PydanticCustomError

from core.bundle.parts import ARRAY_BYTES, EPOCH_FILE, KB, MOST_IMAGES, NEEDED, PartError, Parts, plain
from core.bundle.safe_zip import UnsafeZip, read_zip
from core.config import ConfigError, TrainingConfig
from core.data.classes import DIGITS, LEAST_CLASSES, MOST_CLASSES, checked
from core.evaluation.metrics import checked_digits, checked_probabilities
from core.names import MOST, visible
from core.runs.files import (
    ARCHITECTURE,
    CONFIG,
    DATASET,
    EVENTS,
    LITERT_MODEL,
    NAME,
    PROBABILITIES,
    STATE,
    SUMMARY,
    VALIDATION,
    WEIGHTS,
)
from core.runs.weights import EPOCH, weight_shapes

VALIDATION_ARRAYS = {"labels.npy": MOST_IMAGES + KB, PROBABILITIES: ARRAY_BYTES}


def _without_folders(text: str) -> str:
    """The text with only the last part of each path in it: folders often tell a person's name."""
    return re.sub(r"(^|(?<=\s))([A-Za-z]:)?[/\\].*[/\\]", "…/", text)


def _fingerprint(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{16}", text):
        raise PydanticCustomError("fingerprint", "Input should be 16 hex digits")
    return text


def _classes(names: list[str]) -> list[str]:
    if (found := checked(names)) is None:
        raise PydanticCustomError("classes", f"Input should be {LEAST_CLASSES} to {MOST_CLASSES} names, each once")
    return list(found)


Count = Annotated[int, Field(ge=0, le=10**12)]
Number = Annotated[float, Field(ge=0, le=1e12)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, BeforeValidator(lambda value: plain(value) if isinstance(value, str) else value)]
Source = Annotated[Text, AfterValidator(_without_folders)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
Classes = Annotated[list[Text], AfterValidator(_classes)]


class _Object(BaseModel):
    """A JSON object: numbers are finite, nothing is converted ("1" or true is not 1), other values are left out."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="ignore")


class _Name(_Object):
    name: Text


class _State(_Object):
    name: Text
    message: Text
    target_epochs: Count


class _Dataset(_Object):
    name: Text
    source: Source
    fingerprint: Fingerprint
    classes: Classes | None = None  # where they are not the digits


class _Parity(_Object):
    max_abs_difference: Number
    different_predictions: Count
    images: Count


class _Versions(_Object):
    python: Text
    tensorflow: Text
    keras: Text
    numpy: Text


class _Accuracies(_Object):  # None where there was nothing to measure on
    mine: Fraction | None = None
    mine_held_out: Fraction | None = None
    test: Fraction | None = None


class _MyDigits(_Object):
    base: Text = Field(alias="from")
    trained: Count
    held_out: Count
    before: _Accuracies = _Accuracies()
    after: _Accuracies = _Accuracies()


class _Summary(_Object):
    model: Text
    epochs: Count
    test_accuracy: Fraction
    test_loss: Number
    validation_accuracy: Fraction | None = None  # not of every network, nor of earlier versions
    training_seconds: Number
    parameters: Count
    training_images: Count
    validation_images: Count
    dataset: _Dataset
    parity: _Parity
    machine: Text
    versions: _Versions
    finished: Number
    my_digits: _MyDigits | None = None


class _Layer(_Object):
    name: Text
    kind: Text
    parameters: Count
    shape: Annotated[list[Count], Field(max_length=8)]


_Architecture = RootModel[Annotated[list[_Layer], Field(max_length=100)]]


class _Event(_Object):
    type: Text


class _Finishing(_Event):
    time: Number


class _Start(_Finishing):
    step: Count
    epoch: Count
    epoch_images: Count


class _Measured(_Finishing):
    step: Count
    epoch: Count
    loss: Number
    accuracy: Fraction
    training_seconds: Number


class _Batch(_Measured):
    position: Number
    images: Count
    epoch_loss: Number
    epoch_accuracy: Fraction
    images_per_second: Number
    learning_rate: Number


class _Epoch(_Measured):
    val_loss: Number
    val_accuracy: Fraction
    learning_rate: Number
    train_loss: Number | None = None  # not of every network, nor of earlier versions
    train_accuracy: Fraction | None = None


EVENT_MODELS = {"start": _Start, "batch": _Batch, "epoch": _Epoch, "finishing": _Finishing}


def check(files: Mapping[str, bytes]) -> Parts:
    """What the files of a bundle say, by their names.

    Raises:
        PartError: where one that is needed is missing, or any is not as it should be.
    """
    if missing := [name for name in NEEDED if name not in files]:
        raise PartError(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    try:
        config = TrainingConfig.from_dict(_json(files, CONFIG))
    except (ConfigError, TypeError) as error:
        raise PartError(f"config.json cannot be used: {error}") from error
    summary = _values(_Summary, SUMMARY, _json(files, SUMMARY))
    if summary["model"] != config.model:
        raise PartError("summary.json is of another network than config.json")
    dataset = _values(_Dataset, DATASET, _json(files, DATASET))
    if len(dataset.get("classes", DIGITS)) != config.classes:
        raise PartError(f"dataset.json does not name the {config.classes} classes of config.json")
    probabilities = _probabilities(PROBABILITIES, files[PROBABILITIES], config)
    numbers = {int(found[1]): name for name in files if (found := EPOCH_FILE.fullmatch(name))}
    epochs = {
        number: _probabilities(name, files[name], config, len(probabilities))
        for number, name in sorted(numbers.items())
    }
    if 0 in epochs:
        raise PartError("predictions/epoch-0000.npy has no such epoch: they count from 1")
    return Parts(
        config=config,
        name=_name(_json(files, NAME), config),
        state=_state(_json(files, STATE), config),
        summary=summary,
        dataset=dataset,
        architecture=_architecture(_json(files, ARCHITECTURE)),
        events=_events(files.get(EVENTS, b"")),
        probabilities=probabilities,
        epochs=epochs,
        validation=_validation(files[VALIDATION], config) if VALIDATION in files else None,
        weights=_weights(files[WEIGHTS], config) if WEIGHTS in files else None,
        model=files[LITERT_MODEL],
    )


# JSON


def _json(files: Mapping[str, bytes], name: str) -> Any:
    return _parsed(name, files[name]) if name in files else None


def _parsed(name: str, text: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(text.decode(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise PartError(f"{name} is not valid JSON ({str(error)[:80]})") from error


def _values(model: type[BaseModel], where: str, given: Any) -> Any:
    """What `model` takes from `given`, as JSON can hold it; the error names the first value that is wrong."""
    try:
        return model.model_validate(given).model_dump(by_alias=True, exclude_none=True)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = [part if isinstance(part, str) else f"item {part + 1}" for part in wrong["loc"]]
        wanted = "Input should be a JSON object" if wrong["type"] == "model_type" else wrong["msg"]
        raise PartError(f"{', '.join([where, *place])}: {wanted}") from error


def _name(given: Any, config: TrainingConfig) -> str:
    name = "" if given is None else _values(_Name, NAME, given)["name"]
    return visible(name[:MOST]) or config.title


def _state(given: Any, config: TrainingConfig) -> dict:
    plan = {"name": "finished", "message": "", "target_epochs": config.epochs}
    state = _values(_State, STATE, plan if given is None else given)
    return {**state, "name": "finished" if state["name"] == "finished" else "stopped"}


def _architecture(given: Any) -> list[dict]:
    return [] if given is None else _values(_Architecture, ARCHITECTURE, given)


def _events(text: bytes) -> list[dict]:
    events = []
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"events.jsonl, line {number}"
        event = _parsed(where, line)
        if model := EVENT_MODELS.get(_values(_Event, where, event)["type"]):  # another version may know others
            events.append(_values(model, where, event))
    return events


# Arrays


def _array(name: str, data: bytes, dtype: type, width: tuple[int, ...]) -> np.ndarray:
    """An array of `dtype` and shape (n, *width), n from 1 to `MOST_IMAGES`."""

    def check(shape: tuple[int, ...]) -> None:
        if len(shape) != 1 + len(width) or shape[1:] != width or not 1 <= shape[0] <= MOST_IMAGES:
            described = ", ".join(map(str, ("n", *width)))
            raise PartError(
                f"{name} must have the shape ({described}), with n from 1 to {MOST_IMAGES:,}, not {plain(str(shape))}"
            )

    return _loaded(name, data, dtype, check)


def _weight(name: str, data: bytes, dtype: type, wanted: tuple[int, ...]) -> np.ndarray:
    """An array of `dtype` and this very shape, all finite."""

    def check(shape: tuple[int, ...]) -> None:
        if shape != wanted:
            raise PartError(f"{name} must have the shape {wanted}, not {plain(str(shape))}")

    array = _loaded(name, data, dtype, check)
    if not np.isfinite(array).all():
        raise PartError(f"{name} holds what is not a number")
    return array


def _loaded(name: str, data: bytes, dtype: type, check: Callable[[tuple[int, ...]], None]) -> np.ndarray:
    """An array of `dtype` whose shape passes; its header is held against its size before anything is made of it."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        shape, _, found = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else ((), False, None)
    except Exception as error:  # a damaged header raises many kinds, even tokenize.TokenError
        raise PartError(f"{name} is not an array in NumPy's format") from error
    if any(type(size) is not int for size in shape):  # to NumPy True is a whole number as well
        raise PartError(f"{name} must have whole numbers for its shape, not {plain(str(shape))}")
    wanted = np.dtype(dtype)
    if found != wanted:
        raise PartError(f"{name} must hold {wanted}, not {found}")
    check(shape)
    if len(data) - file.tell() != math.prod(shape) * wanted.itemsize:
        raise PartError(f"{name} is cut off, or something is added at its end")
    return np.load(io.BytesIO(data), allow_pickle=False)


def _probabilities(name: str, data: bytes, config: TrainingConfig, length: int | None = None) -> np.ndarray:
    array = _array(name, data, np.float16, (config.classes,))
    try:
        checked_probabilities(array, length=length)
    except ValueError as error:
        raise PartError(f"{name}: {error}") from error
    return array


def _validation(data: bytes, config: TrainingConfig) -> tuple[np.ndarray, np.ndarray]:
    try:
        files = read_zip(data, VALIDATION_ARRAYS.get, entries=2, total=sum(VALIDATION_ARRAYS.values()))
    except UnsafeZip as error:
        raise PartError(f"validation.npz: {error}") from error
    if set(files) != set(VALIDATION_ARRAYS):
        raise PartError("validation.npz must hold labels and probabilities")
    labels = _array("validation.npz, labels", files["labels.npy"], np.uint8, ())
    try:
        checked_digits("labels", labels, classes=config.classes)
    except ValueError as error:
        raise PartError(f"validation.npz: {error}") from error
    return labels, _probabilities("validation.npz, probabilities", files[PROBABILITIES], config, len(labels))


def _weights(data: bytes, config: TrainingConfig) -> dict[str, np.ndarray]:
    """The weights of the config's network, all of them and no others, and their epoch."""
    shapes = weight_shapes(config.layers)
    wanted = {f"{layer}/{name}": shape for layer, names in shapes.items() for name, shape in names.items()}
    limits = {f"{name}.npy": 4 * math.prod(shape) + KB for name, shape in wanted.items()} | {f"{EPOCH}.npy": KB}
    try:
        files = read_zip(data, limits.get, entries=len(limits), total=sum(limits.values()))
    except UnsafeZip as error:
        raise PartError(f"weights.npz: {error}") from error
    if missing := [name for name in limits if name not in files]:
        raise PartError(f"weights.npz has no {missing[0].removesuffix('.npy')}")
    found = {EPOCH: _weight("weights.npz, epoch", files[f"{EPOCH}.npy"], np.int64, ())}
    for name, shape in wanted.items():
        found[name] = _weight(f"weights.npz, {name}", files[f"{name}.npy"], np.float32, shape)
    return found
