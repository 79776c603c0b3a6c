"""What can be set before a run: how each setting is typed, what it is now, and where it is kept.

All settings but the switches are text fields: a number field of Streamlit keeps what is out of its range, or written
with a decimal comma, in the browser, so that the page would show one number and the run train another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

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
from dashboard.components.address import recall
from dashboard.components.fields import MOST_TYPED, number_text
from dashboard.components.views import now
from dashboard.components.widgets.epochs_field import epochs_now

DEFAULT = TrainingConfig()
ALL = "all"
ON, OFF = "true", "false"  # as the address has it
PAGE = "train"  # whose the choices are that the address holds


@dataclass(frozen=True)
class Setting:
    """A setting that is typed.

    Attributes:
        label: what people call it.
        parse: its value from what was typed; raises ConfigError.
        help: what it does, for its tooltip.
        text: the value as it is typed.
        shown: whether a network has it.
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
        "How far each step moves the weights: too small learns slowly, too large never settles. The CNN and Best raise "
        "it first and then lower it to zero: there it is the peak.",
    ),
    "batch_size": Setting(
        "Batch size",
        parse_whole,
        "Images a step: small batches take many noisy steps, large ones few smooth steps.",
    ),
    "dropout": Setting(
        "Dropout",
        parse_number,
        "Share of hidden units switched off at random while training, so that none becomes indispensable: 0 to 0.9.",
        shown=lambda info: info.free_dropout,
    ),
    "patience": Setting(
        "Patience",
        parse_whole,
        "Early stopping: end when the validation loss has not fallen for this many epochs; 0 never stops early.",
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
        "Images held back from training to see, while it trains, how well it reads what it has not learned from.",
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
    """What the widgets say at this moment; a callback reads it here, since the page's own values are those before.

    Raises:
        ConfigError: where a setting is not possible.
    """
    model = now("model", kept_model())
    values = {name: understand(name, text_now(model, name), model) for name in shown_settings(model)}
    return TrainingConfig(model=model, augment=now("augment", kept_augment()), **values)


def kept_model() -> str:
    """The network that was chosen last; the first one where the address names none that there is."""
    with suppress(ConfigError):
        return model_name(recall(PAGE, "model", DEFAULT.model))
    return DEFAULT.model


def kept_augment() -> bool:
    """Whether augmentation was switched on last."""
    return recall(PAGE, "augment") == ON


def shown_settings(model: str) -> list[str]:
    """The settings of a network that are typed, epochs first."""
    return ["epochs", *(name for name, setting in MORE.items() if setting.shown(MODELS[model]))]


def problem_with(model: str, name: str) -> str:
    """Why what is typed for a setting is not possible, as a sentence; "" where it is."""
    try:
        understand(name, text_now(model, name), model)
    except ConfigError as error:
        return str(error)
    return ""


def understand(name: str, text: str, model: str = DEFAULT.model) -> Any:
    """The value of a setting from what was typed.

    Raises:
        ConfigError: where it is not possible; the message names the setting, what came and what would be right.
    """
    setting = setting_of(name)
    try:
        value = setting.parse(text)
    except ConfigError as error:
        raise ConfigError(f"{setting.label}: {error}") from error
    TrainingConfig(model=model, **{name: value})  # its limits are checked there
    return value


def text_now(model: str, name: str) -> str:
    """What stands in the field of a setting; of a field that is not drawn yet, what it will begin with."""
    kept = kept_text(model, name)
    return epochs_now(kept) if name == "epochs" else now(kept_as(model, name), kept)


def kept_text(model: str, name: str) -> str:
    """What was typed last for a setting; what its field begins with where nothing was."""
    return recall(PAGE, kept_as(model, name), default_text(model, name))[:MOST_TYPED]


def kept_as(model: str, name: str) -> str:
    """What a setting is called in the address; each network has its own, since their defaults differ."""
    return name if name == "epochs" else f"{model}_{name}"


def setting_of(name: str) -> Setting:
    """The setting of that name."""
    return EPOCHS if name == "epochs" else MORE[name]


def default_text(model: str, name: str) -> str:
    """What the field of a setting begins with."""
    return setting_of(name).text(getattr(TrainingConfig(model=model), name))
