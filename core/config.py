"""The settings of a training run, with their defaults and limits, all checked here."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from core.layers import CLASSES as DIGITS
from core.layers import NetworkError
from core.named_networks import HIDDEN_LAYERS as HIDDEN_LAYERS
from core.named_networks import HIDDEN_UNITS as HIDDEN_UNITS
from core.named_networks import MODELS as MODELS
from core.named_networks import ModelInfo as ModelInfo
from core.network import Network, read_network


class ConfigError(ValueError):
    """A setting is invalid; the message names the setting, its value and what would be right."""


CUSTOM = "Custom"  # title of a network whose layers were changed

OPTIMIZERS = {"adam": "Adam", "sgd": "SGD", "momentum": "SGD with momentum", "rmsprop": "RMSprop"}
SCHEDULES = {"constant": "Constant", "decay": "Warm-up and decay", "cosine": "Cosine"}
PIXELS = {"0-1": "0 to 1", "0-255": "Raw, 0 to 255"}
FIRST_WEIGHTS = {"glorot": "Glorot", "he": "He", "zeros": "All zero", "equal": "All equal", "large": "Large"}
CHOICES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "pixels": PIXELS, "first_weights": FIRST_WEIGHTS}

EXPERIMENTS = (  # settings that earlier versions did not have; their defaults train as those did
    "network",
    "optimizer",
    "schedule",
    "weight_decay",
    "pixels",
    "first_weights",
    "wrong_labels",
    "left_out",
    "imbalance",
)

EPOCHS = (1, 200)
BATCH_SIZE = (8, 4096)
LEARNING_RATE = (1e-6, 1.0)
DROPOUT = (0.0, 0.9)
WEIGHT_DECAY = (0.0, 1.0)
WRONG_LABELS = (0.0, 1.0)
IMBALANCE = (1, 1000)
CLASSES = (2, 47)
SEED = (0, 2**31 - 1)
TRAINING_IMAGES = (100, 1_000_000)
VALIDATION_IMAGES = (100, 1_000_000)
PATIENCE = (0, 200)
MEMORY = 4e9  # bytes for the numbers between the layers, of one batch
START_FROM = re.compile(r"[A-Za-z0-9-]{0,64}")
DATASET = re.compile(r"([0-9a-f]{16})?")

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
        network: the layers as text (core.layers), in place of the model's own; "" for those, also where the text says
            no more than `hidden_layers` and `dropout` can, which are set from it then.
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
        optimizer: a name in `OPTIMIZERS`.
        schedule: a name in `SCHEDULES`: how the learning rate changes; None takes the model's own.
        weight_decay: how fast each weight shrinks besides, times the learning rate at each step, 0 to 1 (AdamW,
            Loshchilov and Hutter, 2019); biases and normalisations are left out.
        pixels: a name in `PIXELS`: what the first layer gets.
        first_weights: a name in `FIRST_WEIGHTS`: how weights are drawn before training.
        wrong_labels: share of the training images that get a wrong label, 0 to 1.
        left_out: digits, or other classes by number, that are not trained on, all but one at most; they stay in the
            validation and test images.
        imbalance: how many times as many images of the first class, 0, as of the last are trained on, 1 to 1,000, with
            those between in equal steps (long-tailed, Cui et al., 2019).
        dataset: the fingerprint of a dataset that was added to the home (core.data.kept); "" for the one in use.
        classes: how many classes the dataset has, 2 to 47, and so outputs the network; 10 for digits.

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
    network: str = ""
    optimizer: str = "adam"
    schedule: str | None = None
    weight_decay: float = 0.0
    pixels: str = "0-1"
    first_weights: str = "glorot"
    wrong_labels: float = 0.0
    left_out: tuple[int, ...] = ()
    imbalance: int = 1
    dataset: str = ""
    classes: int = DIGITS

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
        if self.schedule is None:
            set_field(self, "schedule", info.schedule)
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
        if not isinstance(self.dataset, str) or not DATASET.fullmatch(self.dataset):
            raise ConfigError(f"dataset must be the fingerprint of a dataset, 16 hex digits, not {self.dataset!r}.")
        _choice("Optimizer", self.optimizer, OPTIMIZERS)
        _choice("Learning rate schedule", self.schedule, SCHEDULES)
        _number("Weight decay", self.weight_decay, WEIGHT_DECAY)
        _choice("Pixels", self.pixels, PIXELS)
        _choice("First weights", self.first_weights, FIRST_WEIGHTS)
        _number("Wrong labels", self.wrong_labels, WRONG_LABELS)
        _whole("Classes", self.classes, CLASSES)
        set_field(self, "left_out", _digits(self.left_out, self.classes))
        _whole("Imbalance", self.imbalance, IMBALANCE)
        if not isinstance(self.network, str):
            raise ConfigError(f"The network must be text, not {self.network!r}.")
        set_field(self, "network", read(self.network, self.classes).text if self.network else "")
        if self.network and (own := info.settings_of(self.network)) is not None:
            set_field(self, "network", "")
            for name, value in own.items():
                set_field(self, name, value)
        _check_memory(self.layers, self.batch_size)

    @cached_property
    def layers(self) -> Network:
        """The network's layers, counted."""
        return read(self.network, self.classes) if self.network else self._own_layers

    @property
    def _own_layers(self) -> Network:
        try:
            return self.info.network(self.hidden_layers, self.dropout, self.classes)
        except NetworkError as error:
            raise ConfigError(str(error)) from error

    @property
    def experiments(self) -> list[str]:
        """The names of the settings beyond training as usual that differ from the model's default, in their order."""
        usual = TrainingConfig(model=self.model)
        return [name for name in EXPERIMENTS if getattr(self, name) != getattr(usual, name)]

    @property
    def title(self) -> str:
        """What the network is called: its model's title, or `CUSTOM` where its layers were changed."""
        return CUSTOM if self.network else self.info.title

    @property
    def info(self) -> ModelInfo:
        """The entry of this config's model in `MODELS`."""
        return MODELS[self.model]

    def as_dict(self) -> dict:
        """The config as a dictionary that JSON can hold; `classes` is in it where there are not ten."""
        values = dataclasses.asdict(self)
        if self.classes == DIGITS:
            del values["classes"]
        return {**values, "hidden_layers": list(self.hidden_layers), "left_out": list(self.left_out)}

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


def read(network: str, classes: int = DIGITS) -> Network:
    """The network that a text names, for so many classes (core.network.read_network).

    Raises:
        ConfigError: where it is no network that can be trained.
    """
    try:
        return read_network(network, classes)
    except NetworkError as error:
        raise ConfigError(str(error)) from error


def by_name(values: Mapping) -> dict:
    """Settings whose network and choices people named, "CNN" or "SGD", by the names that `TrainingConfig` has for them.

    Raises:
        ConfigError: where no network has the name; other words that are not understood are left for `TrainingConfig`.
    """
    named = {"model": model_name(values["model"])} if "model" in values else {}
    for name, choices in CHOICES.items():
        if isinstance(values.get(name), str):
            with suppress(ConfigError):
                named[name] = parse_choice(values[name], choices)
    return {**values, **named}


def check_named(config: TrainingConfig, names: Collection[str]) -> None:
    """Refuse hidden layers and dropout where they would change nothing.

    Args:
        config: the settings.
        names: those that a person named.

    Raises:
        ConfigError: where they are among `names`, and the network has none that can be set, or its layers are named.
    """
    named = [name for name in ("hidden_layers", "dropout") if name in names]
    if named and "network" in names:
        raise ConfigError("The network names all layers: write hidden layers and dropout there.")
    if "hidden_layers" in named and not config.info.free_layers:
        raise ConfigError(
            f"The hidden layers of {config.info.title} are fixed. Choose the model dense to set them, or write the "
            f'layers as network, for instance "{config.layers.text}".'
        )
    if "dropout" in named and config.dropout and not config.info.free_dropout:
        have = ", ".join(info.title.lower() for info in MODELS.values() if info.free_dropout)
        raise ConfigError(f"{config.info.title} has no dropout. Models that have: {have}.")


def parse_digits(text: str, classes: int = DIGITS) -> tuple[int, ...]:
    """Digits, or so many classes by number, as people type them, "3, 8" or "3 8", each once, in order.

    Raises:
        ConfigError: where another sign is among them, or all are named.
    """
    parts = re.findall(r"[^\s,;]+", text)
    if classes == DIGITS and len(parts) == 1 and parts[0].isdecimal() and len(parts[0]) > 1:
        raise ConfigError(f'Write digits apart, for instance "3, 8", not "{parts[0]}".')
    if any(not re.fullmatch("[0-9]+", part) for part in parts):
        raise ConfigError(f'Enter digits, for instance "3, 8", not "{text.strip()}".')
    return _digits([*map(int, parts)], classes)


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


def model_name(text: object) -> str:
    """The name in `MODELS` of the network with this name or title, in upper or lower case.

    Raises:
        ConfigError: where no network has this name.

    Example:
        >>> model_name("Classic"), model_name("CNN")
        ('seed', 'cnn')
    """
    if not isinstance(text, str):
        raise ConfigError(_no_model(text))
    written = text.strip().casefold()
    for name, info in MODELS.items():
        if written in (name, info.title.casefold()):
            return name
    raise ConfigError(_no_model(text))


def parse_choice(text: str, choices: Mapping[str, str]) -> str:
    """The name in `choices` that a text means: a name, its title, or the beginning of just one; capitals do not matter.

    Raises:
        ConfigError: where it means none of them; the message lists the names.

    Example:
        >>> parse_choice("raw", PIXELS), parse_choice("SGD", OPTIMIZERS)
        ('0-255', 'sgd')
    """
    written = text.strip().casefold()
    spelled = {name: (name, title.casefold()) for name, title in choices.items()}
    exact = [name for name, forms in spelled.items() if written in forms]
    begun = [name for name, forms in spelled.items() if written and any(form.startswith(written) for form in forms)]
    for found in (exact, begun):
        if len(found) == 1:
            return found[0]
    raise ConfigError(f'Choose one of {", ".join(choices)}, not "{text.strip()}".')


def _parse_flag(text: str) -> bool:
    values = {"true": True, "on": True, "false": False, "off": False}
    if text.strip().casefold() not in values:
        raise ConfigError(f'Enter true or false, not "{text.strip()}".')
    return values[text.strip().casefold()]


def _parse_images(text: str) -> int | None:
    return None if text.strip().casefold() in ("", "0", "all") else parse_whole(text)


PARSERS: dict[str, Callable[[str], Any]] = {  # of settings as people type them, by name; each raises ConfigError
    "model": model_name,
    "epochs": parse_whole,
    "learning_rate": parse_number,
    "batch_size": parse_whole,
    "seed": parse_whole,
    "network": lambda text: read(text).text,
    "training_images": _parse_images,
    "validation_images": parse_whole,
    "patience": parse_whole,
    "augment": _parse_flag,
    **{name: partial(parse_choice, choices=choices) for name, choices in CHOICES.items()},
    "weight_decay": parse_number,
    "wrong_labels": parse_number,
    "left_out": parse_digits,
    "imbalance": parse_whole,
}


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
    return f"Unknown model {text!r}. Choose one of: {', '.join(info.title.lower() for info in MODELS.values())}."


def _choice(name: str, value: object, choices: Mapping[str, str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


def _digits(values: object, classes: int = DIGITS) -> tuple[int, ...]:
    """Digits, or classes by number, each once, in order; raises ConfigError for anything else and for all of them."""
    if not isinstance(values, list | tuple) or any(type(value) is not int for value in values):
        raise ConfigError(f"Digits left out must be a list of digits, for instance [3, 8], not {values!r}.")
    if wrong := [value for value in values if not 0 <= value < classes]:
        if classes != DIGITS:
            raise ConfigError(f"Left out: there is no class {wrong[0]}. The {classes} classes are 0 to {classes - 1}.")
        raise ConfigError(f"Digits left out: {wrong[0]} is not a digit. Digits are 0 to {DIGITS - 1}.")
    if len(set(values)) == classes:
        raise ConfigError("Digits left out: keep at least one digit to learn.")
    return tuple(sorted(set(values)))


def _check_memory(network: Network, batch_size: int) -> None:
    """Raise ConfigError where a batch's activations and their gradients do not fit into the memory set aside."""
    needed = 2 * 4 * network.activations * batch_size
    if needed > MEMORY:
        largest = max(network.blocks, key=lambda block: math.prod(block.shape))
        raise ConfigError(
            f"Batches of {batch_size:,} images need about {needed / 1e9:.0f} GB of memory in this network, most of it "
            f'in "{largest.layer.text}". Use smaller batches or fewer filters.'
        )


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
