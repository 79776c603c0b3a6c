"""The settings of the next run: how each is typed, its current value, and its name in the address.

Numbers are text fields: Streamlit's number field does not send what is out of its range or written with a decimal
comma, so that the page would show one number and the run use another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from core.config import (
    MODELS,
    ConfigError,
    ModelInfo,
    TrainingConfig,
    model_name,
    parse_hidden_layers,
    parse_number,
    parse_whole,
)
from dashboard.components.address import recall, remember
from dashboard.components.fields import MOST_TYPED, number_text
from dashboard.components.views import now
from dashboard.components.widgets.epochs_field import epochs_now

DEFAULT = TrainingConfig()
ALL = "all"
ON, OFF = "true", "false"  # as the address has it
PAGE = "train"  # under which the address keeps the settings


@dataclass(frozen=True)
class Setting:
    """A setting in a text field.

    Attributes:
        label: its name on the page.
        parse: turns typed text into the value; raises ConfigError.
        help: what it does, for its tooltip.
        text: turns a value into text as it is typed.
        shown: whether an architecture has it.
    """

    label: str
    parse: Callable[[str], Any]
    help: str
    text: Callable[[Any], str] = number_text
    shown: Callable[[ModelInfo], bool] = lambda info: True


def _parse_images(text: str) -> int | None:
    return None if text.strip().lower() in ("", "0", ALL) else parse_whole(text)


MORE: dict[str, Setting] = {  # in the order of the page; the names are those of TrainingConfig
    "hidden_layers": Setting(
        "Hidden layers",
        parse_hidden_layers,
        'Units of each hidden layer, with commas between them: "128, 64" is two layers.',
        text=lambda widths: ", ".join(map(str, widths)),
        shown=lambda info: info.free_layers,
    ),
    "learning_rate": Setting(
        "Learning rate",
        parse_number,
        "How far each step moves the weights: too small learns slowly, too large does not converge. For CNN and Best, "
        "which raise it and then lower it to zero, this is the peak.",
    ),
    "batch_size": Setting(
        "Batch size",
        parse_whole,
        "Images a step: small batches take many noisy steps, large ones few smooth steps.",
    ),
    "dropout": Setting(
        "Dropout",
        parse_number,
        "Share of hidden units switched off at random during training, against overfitting: 0 to 0.9.",
        shown=lambda info: info.free_dropout,
    ),
    "patience": Setting(
        "Patience",
        parse_whole,
        "Early stopping: end after this many epochs without a lower validation loss; 0 is off.",
    ),
    "training_images": Setting(
        "Training images",
        _parse_images,
        f'How many training images are used, or "{ALL}". Fewer images show how much data a network needs.',
        text=lambda count: ALL if count is None else str(count),
    ),
    "validation_images": Setting(
        "Validation images",
        parse_whole,
        "Images held out from training to measure accuracy on unseen images after each epoch.",
        shown=lambda info: not info.validates_on_test,
    ),
    "seed": Setting(
        "Seed",
        parse_whole,
        "Decides the first weights and the order of images: the same seed gives the same run.",
    ),
}
EPOCHS = Setting(
    "Epochs",
    parse_whole,
    "One epoch shows the network every training image once. More epochs learn more, until it overfits.",
)


def settings_now() -> TrainingConfig:
    """The settings in the widgets now, also in a callback, where the page's own variables are out of date.

    Raises:
        ConfigError: where a setting is out of its range.
    """
    model = now("model", last_model())
    values = {name: understand(name, text_now(model, name), model) for name in shown_settings(model)}
    return TrainingConfig(model=model, augment=now("augment", last_augment()), **values)


def take_settings(config: TrainingConfig) -> None:
    """Put the settings of a run into the widgets; all but the run that it was fine-tuned from."""
    remember(PAGE, "model", title_in_address(config.model))
    remember(PAGE, "augment", ON if config.augment else OFF)
    for name in shown_settings(config.model):
        remember(PAGE, address_name(config.model, name), setting_of(name).text(getattr(config, name)))


def settings_in_address() -> str:
    """The settings in the widgets now as the query of an address, also those that are defaults."""
    model = now("model", last_model())
    values = {address_name(model, name): text_now(model, name) for name in shown_settings(model)}
    augment = ON if now("augment", last_augment()) else OFF
    return urlencode({"model": title_in_address(model), "augment": augment, **values})


def last_model() -> str:
    """The network that was chosen last; the default where the address names an unknown one."""
    with suppress(ConfigError):
        return model_name(recall(PAGE, "model", DEFAULT.model))
    return DEFAULT.model


def last_augment() -> bool:
    """Whether augmentation was switched on last."""
    return recall(PAGE, "augment") == ON


def shown_settings(model: str) -> list[str]:
    """The names of an architecture's settings in text fields, epochs first."""
    return ["epochs", *(name for name, setting in MORE.items() if setting.shown(MODELS[model]))]


def problem_with(model: str, name: str) -> str:
    """Why the text typed for a setting is invalid, as a sentence; "" where it is valid."""
    try:
        understand(name, text_now(model, name), model)
    except ConfigError as error:
        return str(error)
    return ""


def understand(name: str, text: str, model: str = DEFAULT.model) -> Any:
    """The value of a setting from the text that was typed.

    Raises:
        ConfigError: where the text is invalid; the message names the setting, the text and what would be right.
    """
    setting = setting_of(name)
    try:
        value = setting.parse(text)
    except ConfigError as error:
        raise ConfigError(f"{setting.label}: {error}") from error
    TrainingConfig(model=model, **{name: value})  # its limits are checked there
    return value


def text_now(model: str, name: str) -> str:
    """The text in the field of a setting, or the text that a field not drawn yet will begin with."""
    kept = last_text(model, name)
    return epochs_now(kept) if name == "epochs" else now(address_name(model, name), kept)


def last_text(model: str, name: str) -> str:
    """The text typed last for a setting, or its default; links of earlier versions say "seed" for Classic."""
    earlier = recall(PAGE, f"{model}_{name}", default_text(model, name))
    return recall(PAGE, address_name(model, name), earlier)[:MOST_TYPED]


def address_name(model: str, name: str) -> str:
    """A setting's name in the address; each architecture has its own, since their defaults differ."""
    return name if name == "epochs" else f"{title_in_address(model)}_{name}"


def title_in_address(model: str) -> str:
    """An architecture's name in the address, "classic" for instance; `model_name` reads it back."""
    return MODELS[model].title.lower()


def setting_of(name: str) -> Setting:
    """The setting of this name."""
    return EPOCHS if name == "epochs" else MORE[name]


def default_text(model: str, name: str) -> str:
    """The default of a setting, as text."""
    return setting_of(name).text(getattr(TrainingConfig(model=model), name))
