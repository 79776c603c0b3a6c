"""The sidebar of the Train page: the settings of the next run, all of them in the address."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import streamlit as st

from core import config
from core.config import MODELS, ConfigError, ModelInfo, model_name, parse_whole
from dashboard.components.address import recall, remember, restore
from dashboard.components.fields import MOST_TYPED, TYPING_PAUSE, say_refused, say_understood
from dashboard.components.settings import (
    DEFAULT,
    EPOCHS,
    MOVED,
    OFF,
    ON,
    PAGE,
    augment_now,
    default_text,
    model_now,
    setting_of,
    shown_settings,
    text_now,
    value_now,
)
from dashboard.components.views import view


def training_settings() -> str:
    """Show the settings; returns which of them is in the way of a start, "" where none is."""
    restore(PAGE, "epochs", "model", "augment")
    problems = {"epochs": _epochs()}
    model = _choose_model()
    st.caption(MODELS[model].about)
    st.toggle(
        "Augment",
        augment_now(),
        **view("augment", augment_now(), _keep_augment),
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
    return next((setting_of(name).label for name, problem in problems.items() if problem), "")


def _choose_model() -> str:
    """The network, named in the address as in the terminal; "Classic" and "cnn" are understood there too."""
    model, asked = model_now(), recall(PAGE, "model", DEFAULT.model)
    with st.container(gap=None):
        try:
            model_name(asked)
        except ConfigError as error:
            say_refused(str(error))
    st.segmented_control(
        "Model",
        list(MODELS),
        default=model,
        required=True,
        **view("model", model, partial(remember, PAGE, "model")),
        format_func=lambda name: MODELS[name].title if name in MODELS else name,
        width="stretch",
    )
    return model


def _keep_augment(augment: bool) -> None:
    remember(PAGE, "augment", ON if augment else OFF)


def _recipe(info: ModelInfo) -> None:
    """Offer what a network is made for, where something else is set."""
    if info.recipe is None:
        return
    epochs, augment = info.recipe
    if (text_now(DEFAULT.model, "epochs").strip(), augment_now()) != (str(epochs), augment):
        st.button(
            f"Use the recommended {epochs} epochs{' and Augment' if augment else ''}",
            icon=":material/recommend:",
            key="recipe",
            on_click=_take_recipe,
            args=(epochs, augment),
            width="stretch",
        )


def _take_recipe(epochs: int, augment: bool) -> None:
    remember(PAGE, "epochs", str(epochs))
    _keep_augment(augment)


def _epochs() -> str:
    """A slider and a text field that say the same; returns why the number is not possible, "" where it is."""
    st.session_state[MOVED] = frozenset()
    low, high = config.EPOCHS
    text = text_now(DEFAULT.model, "epochs")
    nearest = DEFAULT.epochs
    with suppress(ConfigError):  # of a number out of its range the slider shows the nearest
        nearest = min(max(parse_whole(text), low), high)
    slider, field = st.columns([5, 3], vertical_alignment="bottom")
    with slider:
        st.slider(
            "Epochs",
            low,
            high,
            nearest,
            **view("epochs_slider", nearest, partial(_keep_epochs, "slider")),
            help=EPOCHS.help,
        )
    with field:
        st.text_input(
            "Epochs as a number",
            text,
            MOST_TYPED,
            **view("epochs", text, partial(_keep_epochs, "field")),
            live=TYPING_PAUSE,
            label_visibility="collapsed",
        )
    return _say(DEFAULT.model, "epochs")


def _keep_epochs(by: str, value: int | str) -> None:
    """Keep the epochs; where both came at once, the slider was touched last, since that ends the typing."""
    st.session_state[MOVED] |= {by}
    if by == "slider" or "slider" not in st.session_state[MOVED]:
        remember(PAGE, "epochs", str(value))


def _field(model: str, name: str) -> str:
    """The field of a setting; returns why its value is not possible, "" where it is."""
    setting, default = setting_of(name), default_text(model, name)
    st.text_input(
        setting.label,
        default,
        MOST_TYPED,
        f"{model}_{name}",
        bind="query-params",
        live=TYPING_PAUSE,
        help=setting.help,
    )
    return _say(model, name)


def _say(model: str, name: str) -> str:
    """Say below a field how it was understood, or why it was not; returns the latter."""
    with st.container():
        try:
            value = value_now(model, name)
        except ConfigError as error:
            say_refused(str(error))
            return str(error)
        say_understood(text_now(model, name), setting_of(name).text(value))
    return ""
