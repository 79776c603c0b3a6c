"""The settings of a training run, with their defaults and limits, all checked here."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass


class ConfigError(ValueError):
    """A setting is invalid; the message names the setting, its value and what would be right."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of an architecture without building it: its title, a description and defaults."""

    title: str
    about: str
    batch_size: int
    learning_rate: float
    dropout: float = 0.0
    recipe: tuple[int, bool] | None = None  # recommended epochs and augmentation
    decays: bool = False  # warm-up, then linear decay to 0; otherwise a constant learning rate
    free_layers: bool = False  # number and width of hidden layers can be set
    free_dropout: bool = False
    validates_on_test: bool = False
    convolutional: bool = False
    averages: bool = False  # the weights that are tested and saved are a running average


# One entry here and one function of the same name in core/models.py make an architecture.
MODELS: dict[str, ModelInfo] = {
    "seed": ModelInfo(
        title="Classic",
        about="The classic script: 100 hidden units and ten sigmoid scores, validated on the test set.",
        batch_size=32,
        learning_rate=0.001,
        validates_on_test=True,
    ),
    "dense": ModelInfo(
        title="Dense",
        about="Softmax, hidden layers of your choice, dropout, and held-out validation images.",
        batch_size=64,
        learning_rate=0.001,
        free_layers=True,
        free_dropout=True,
    ),
    "cnn": ModelInfo(
        title="CNN",
        about="A small convolutional network that looks for strokes anywhere in the image.",
        batch_size=96,
        learning_rate=0.01,
        decays=True,
        free_dropout=True,
        convolutional=True,
    ),
    "best": ModelInfo(
        title="Best",
        about="A wider CNN with dropout and averaged weights. Most accurate with augmentation and 20 epochs.",
        batch_size=128,
        learning_rate=0.005,
        dropout=0.3,
        recipe=(20, True),
        decays=True,
        free_dropout=True,
        convolutional=True,
        averages=True,
    ),
}

EPOCHS = (1, 200)
BATCH_SIZE = (8, 4096)
LEARNING_RATE = (1e-6, 1.0)
HIDDEN_LAYERS = (1, 8)
HIDDEN_UNITS = (1, 2048)
DROPOUT = (0.0, 0.9)
SEED = (0, 2**31 - 1)
TRAINING_IMAGES = (100, 1_000_000)
VALIDATION_IMAGES = (100, 1_000_000)
PATIENCE = (0, 200)
START_FROM = re.compile(r"[A-Za-z0-9-]{0,64}")

NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
WHOLE = re.compile(r"[+-]?([0-9]{1,18}|[0-9]{1,3}([,.' \u00a0\u202f][0-9]{3}){1,5})")


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a run; the same config, data and versions give the same run.

    Attributes:
        model: a name in `MODELS`.
        epochs: passes over the training images, 1 to 200.
        batch_size: images a step, 8 to 4,096; None takes the model's own default.
        learning_rate: Adam's step size (the peak, where the model has a schedule), 1e-6 to 1; None takes the
            model's own default.
        hidden_layers: units of each hidden layer, 1 to 8 layers of 1 to 2,048 (`dense` only).
        dropout: share of hidden units switched off at random in training, 0 to 0.9 (not for `seed`); None takes the
            model's own default.
        seed: determines the initial weights, the order of images and dropout, 0 to 2³¹-1.
        training_images: how many training images are used, from 100; None is all.
        validation_images: how many are taken from the training set to validate on, from 100 (at most a sixth
            of the set). `seed` validates on the test set, as the classic script does.
        augment: whether each image is warped a little, differently in every epoch, and synthetic digits in other
            handwriting are added (core.training.augmentation, core.data.synthetic_digits).
        start_from: id of the run whose weights it starts from, to fine-tune on "My digits"; "" for new weights.
        patience: epochs without a lower validation loss after which training stops; 0 is off.

    Raises:
        ConfigError: where a value is out of its range.
    """

    model: str = "seed"
    epochs: int = 10
    batch_size: int | None = None
    learning_rate: float | None = None
    hidden_layers: tuple[int, ...] = (128,)
    dropout: float | None = None
    seed: int = 0
    training_images: int | None = None
    validation_images: int = 5000
    patience: int = 0
    augment: bool = False
    start_from: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or self.model not in MODELS:
            raise ConfigError(_no_model(self.model))
        info = MODELS[self.model]
        set_field = object.__setattr__  # the dataclass is frozen, so defaults are filled in here
        if self.batch_size is None:
            set_field(self, "batch_size", info.batch_size)
        if self.learning_rate is None:
            set_field(self, "learning_rate", info.learning_rate)
        if self.dropout is None:
            set_field(self, "dropout", info.dropout)
        set_field(self, "hidden_layers", tuple(self.hidden_layers))

        _whole("Epochs", self.epochs, EPOCHS)
        _whole("Batch size", self.batch_size, BATCH_SIZE)
        _number("Learning rate", self.learning_rate, LEARNING_RATE)
        low, high = HIDDEN_LAYERS
        if not low <= len(self.hidden_layers) <= high:
            raise ConfigError(f"Choose {low} to {high} hidden layers, not {len(self.hidden_layers)}.")
        for units in self.hidden_layers:
            _whole("The width of a hidden layer", units, HIDDEN_UNITS)
        _number("Dropout", self.dropout, DROPOUT)
        _whole("Seed", self.seed, SEED)
        if self.training_images is not None:
            _whole("Training images", self.training_images, TRAINING_IMAGES)
        _whole("Validation images", self.validation_images, VALIDATION_IMAGES)
        _whole("Patience", self.patience, PATIENCE)
        if not isinstance(self.augment, bool):
            raise ConfigError(f"Augment must be true or false, not {self.augment!r}.")
        if not isinstance(self.start_from, str) or not START_FROM.fullmatch(self.start_from):
            raise ConfigError(f"start_from must be the id of a run, not {self.start_from!r}.")

    @property
    def info(self) -> ModelInfo:
        """The entry of this config's model in `MODELS`."""
        return MODELS[self.model]

    def as_dict(self) -> dict:
        """The config as a dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "hidden_layers": list(self.hidden_layers)}

    @classmethod
    def from_dict(cls, values: Mapping) -> TrainingConfig:
        """The config that `as_dict` wrote; unknown settings, as other versions may write, are ignored.

        Raises:
            ConfigError: where `values` is not a mapping or a value is out of its range.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f"A config must be a JSON object, not {type(values).__name__}.")
        names = {field.name for field in dataclasses.fields(cls)}
        known = {name: value for name, value in values.items() if name in names}
        if not isinstance(known.get("hidden_layers", ()), list | tuple):
            raise ConfigError("hidden_layers must be a list of widths, for instance [128, 64].")
        return cls(**known)


def parse_number(text: str) -> float:
    """A number as people type it, with a decimal point or a decimal comma: "0.0005", "0,0005", ",001", "5e-4".

    Raises:
        ConfigError: where the text is not a number.
    """
    if not NUMBER.fullmatch(text.strip()):
        raise ConfigError(f'Enter a number, for instance 0.001 or 1e-3, not "{text.strip()}".')
    return float(text.strip().replace(",", "."))


def parse_whole(text: str) -> int:
    """A whole number as people type it, with or without separators: "5000", "5,000", "5 000", "5'000".

    Raises:
        ConfigError: where the text is not a whole number.
    """
    if not WHOLE.fullmatch(text.strip()):
        raise ConfigError(f'Enter a whole number, for instance 20, not "{text.strip()}".')
    return int(re.sub(r"[^-\d]", "", text))


def model_name(text: str) -> str:
    """The name in `MODELS` of the network with this name or title, in upper or lower case.

    Raises:
        ConfigError: where no network has this name.

    Example:
        >>> model_name("Classic"), model_name("CNN")
        ('seed', 'cnn')
    """
    written = text.strip().casefold()
    for name, info in MODELS.items():
        if written in (name, info.title.casefold()):
            return name
    raise ConfigError(_no_model(text))


def parse_hidden_layers(text: str) -> tuple[int, ...]:
    """The widths of hidden layers as people type them, "128, 64" or "128 64", as a tuple.

    Raises:
        ConfigError: where a part is not a whole number.
    """
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() for part in parts):
        raise ConfigError(f'Enter the widths of hidden layers, for instance "128, 64", not "{text}".')
    return tuple(int(part) for part in parts)


def _no_model(text: object) -> str:
    return f"Unknown model {text!r}. Choose one of: {', '.join(MODELS)}."


def _whole(name: str, value: object, limits: tuple[int, int]) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} must be a whole number, not {value!r}.")
    _number(name, value, limits)


def _number(name: str, value: object, limits: tuple[float, float]) -> None:
    low, high = limits
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if isinstance(value, bool) or not is_number:
        raise ConfigError(f"{name} must be a number, not {value!r}.")
    if not low <= value <= high:
        raise ConfigError(f"{name} must be between {_plain(low)} and {_plain(high)}, not {_plain(value)}.")


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
