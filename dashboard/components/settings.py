"""The sidebar of the Train page: what can be set before a run, each setting kept in the address.

All settings but the switches are text fields: a number field of Streamlit keeps what is out of its range, or written
with a decimal comma, in the browser, so that the page would show one number and the run train another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core import config
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
from dashboard.components.fields import TYPING_PAUSE, number_text, say_refused, say_understood

DEFAULT = TrainingConfig()
ALL = "all"
PAGE = "train"  # whose the choice of a network is, in the address


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
    model = model_now()
    values = {name: value_now(model, name) for name in shown_settings(model)}
    return TrainingConfig(model=model, augment=bool(st.session_state.get("augment")), **values)


def model_now() -> str:
    """The network that is chosen."""
    model = st.session_state.get("model")
    return model if model in MODELS else DEFAULT.model


def shown_settings(model: str) -> list[str]:
    """The settings of a network that are typed, epochs first."""
    return ["epochs", *(name for name, setting in MORE.items() if setting.shown(MODELS[model]))]


def value_now(model: str, name: str) -> Any:
    """The value of a setting that is typed.

    Raises:
        ConfigError: where it is not possible.
    """
    return understand(name, text_now(model, name), model)


def understand(name: str, text: str, model: str = DEFAULT.model) -> Any:
    """The value of a setting from what was typed.

    Raises:
        ConfigError: where it is not possible; the message names the setting, what came and what would be right.
    """
    setting = _setting(name)
    try:
        value = setting.parse(text)
    except ConfigError as error:
        raise ConfigError(f"{setting.label}: {error}") from error
    TrainingConfig(model=model, **{name: value})  # its limits are checked there
    return value


def text_now(model: str, name: str) -> str:
    """What stands in the field of a setting; of a field that is not drawn yet, what it will begin with."""
    key = _key(model, name)
    return st.session_state.get(key, st.query_params.get(key, _default_text(model, name)))


def _setting(name: str) -> Setting:
    return EPOCHS if name == "epochs" else MORE[name]


def _key(model: str, name: str) -> str:
    """Each network has settings of its own, since their defaults differ; the epochs are of all."""
    return "epochs" if name == "epochs" else f"{model}_{name}"


def _default_text(model: str, name: str) -> str:
    return _setting(name).text(getattr(TrainingConfig(model=model), name))


# What the sidebar shows


def training_settings() -> str:
    """Show the settings; returns which of them is in the way of a start, "" where none is."""
    problems = {"epochs": _epochs()}
    model = _choose_model()
    st.caption(MODELS[model].about)
    st.toggle(
        "Augment",
        key="augment",
        bind="query-params",
        help="Shows every image shifted, turned, stretched, bent and with another pen, differently in each epoch, and "
        "mixes in digits as other schools teach them: a 1 with a flag, a 7 with a bar. Slower to train, better on "
        "hand-drawn digits.",
    )
    with st.container():  # also where it is empty, or what follows would be another element, and fold up
        _recipe(MODELS[model])
    with st.expander("More settings", icon=":material/tune:"), st.grid(2, min_column_width=110):
        for name in shown_settings(model)[1:]:
            with st.container(gap="xxsmall"):
                problems[name] = _field(model, name)
    return next((_setting(name).label for name, problem in problems.items() if problem), "")


def _choose_model() -> str:
    """The network, named in the address as in the terminal; "Classic" and "cnn" are understood there too."""
    asked = recall(PAGE, "model") or DEFAULT.model
    with st.container(gap=None):
        try:
            model = model_name(asked)
        except ConfigError as error:
            model = DEFAULT.model
            say_refused(str(error))
    st.session_state["model"] = model
    if model not in (DEFAULT.model, st.query_params.get("model")):
        st.query_params["model"] = model
    st.segmented_control(
        "Model",
        list(MODELS),
        required=True,
        key="model",
        on_change=lambda: remember(PAGE, "model", model_now()),
        format_func=lambda name: MODELS[name].title if name in MODELS else name,
        width="stretch",
    )
    return model


def _recipe(info: ModelInfo) -> None:
    """Offer what a network is made for, where something else is set."""
    if info.recipe is None:
        return
    epochs, augment = info.recipe
    if (st.session_state["epochs"].strip(), st.session_state["augment"]) != (str(epochs), augment):
        st.button(
            f"Use the recommended {epochs} epochs{' and Augment' if augment else ''}",
            icon=":material/recommend:",
            key="recipe",
            on_click=_take_recipe,
            args=(info.recipe,),
            width="stretch",
        )


def _take_recipe(recipe: tuple[int, bool]) -> None:
    st.session_state["epochs"], st.session_state["augment"] = str(recipe[0]), recipe[1]


def _epochs() -> str:
    """A slider and a text field that say the same; returns why the number is not possible, "" where it is."""
    low, high = config.EPOCHS
    st.session_state.setdefault("epochs_slider", DEFAULT.epochs)
    with suppress(ConfigError):  # of a number out of its range the slider shows the nearest
        st.session_state["epochs_slider"] = min(max(parse_whole(text_now(DEFAULT.model, "epochs")), low), high)
    slider, field = st.columns([5, 3], vertical_alignment="bottom")
    with slider:
        st.slider("Epochs", low, high, key="epochs_slider", on_change=_take_slider, help=EPOCHS.help)
    with field:
        _input("Epochs as a number", DEFAULT.model, "epochs", label_visibility="collapsed")
    return _say(DEFAULT.model, "epochs")


def _take_slider() -> None:
    st.session_state["epochs"] = str(st.session_state["epochs_slider"])


def _field(model: str, name: str) -> str:
    """The field of a setting; returns why its value is not possible, "" where it is."""
    setting = _setting(name)
    _input(setting.label, model, name, help=setting.help)
    return _say(model, name)


def _input(label: str, model: str, name: str, **options: Any) -> None:
    default = _default_text(model, name)
    st.text_input(label, default, 40, _key(model, name), bind="query-params", live=TYPING_PAUSE, **options)


def _say(model: str, name: str) -> str:
    """Say below a field how it was understood, or why it was not; returns the latter."""
    with st.container():
        try:
            value = value_now(model, name)
        except ConfigError as error:
            say_refused(str(error))
            return str(error)
        say_understood(text_now(model, name), _setting(name).text(value))
    return ""
