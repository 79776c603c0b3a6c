"""The layers of the next run: as text in the sidebar, with what they cost, and as rows in the builder on the page."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import streamlit as st

from core.config import MODELS, ConfigError, TrainingConfig, read
from core.data import Dataset
from core.data.split import image_count
from core.evaluation.learning_words import held_back
from core.runs.estimate import expected_seconds, rough_seconds
from dashboard.components.address import recall, remember, restore
from dashboard.components.fields import say_refused
from dashboard.components.formatting import duration_in_words
from dashboard.components.session import store
from dashboard.components.train.locks import locked, show_locked
from dashboard.components.train.settings import (
    PAGE,
    address_name,
    classes_now,
    last_model,
    last_text,
    problem_with,
    setting_of,
    settings_now,
    text_now,
)
from dashboard.components.widgets.network_builder import OPENED, network_builder
from dashboard.components.widgets.network_field import network_field
from dashboard.components.widgets.network_rows import cost
from dashboard.components.widgets.network_text import hear

BUILD, OPEN, CLOSED = "build", "true", "false"  # the builder, as the address has it
LONG = 60.0  # seconds, above which a run or an epoch takes long


def hear_layers(model: str) -> None:
    """Take up what was typed or built, before the page looks at it."""
    if not locked("network"):
        hear(*_kept(model))


def show_layers(digits: Dataset, config: TrainingConfig | None) -> None:
    """Show the layers as text, what they come to, and the button that opens the builder.

    Args:
        digits: the dataset.
        config: all settings of the next run, None where they cannot be started.
    """
    model = last_model()
    problem = _problem(model)
    with st.container(gap="xsmall", key="network_layers"):
        if locked("network"):
            st.text_area("Layers", last_text(model, "network"), disabled=True, key="locked_network")
        else:
            network_field(*_kept(model), help=setting_of("network").help, wrong=bool(problem))
        if problem:
            say_refused(problem)
        else:
            hint = held_back(config) if config else ""
            said = f"\n\n:material/lightbulb: {hint}" if hint else ""  # in one element: what follows stays what it is
            how = None if hint else setting_of("network").help  # its sign would stand behind the hint; the field has it
            st.caption(f"{_cost(model)}{_epoch_takes(config, digits)}.{said}", help=how)
        if locked("network"):
            show_locked()
            return
        with st.container(horizontal=True, gap="small"):
            words, icon = ("Close builder", "close") if _is_open() else ("Build", "construction")
            st.button(words, icon=f":material/{icon}:", key="build", on_click=_open, args=(not _is_open(),))
            if _is_changed(model):
                _reset_button(model, "reset_layers")


def show_builder(digits: Dataset) -> None:
    """Show the builder where it is open."""
    restore(PAGE, BUILD)
    if not _is_open() or locked("network"):
        return
    model = last_model()
    problem, config = _problem(model), None
    with suppress(ConfigError):
        config = settings_now()
    with st.container(border=True, key="builder", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.header(f"Layers · {MODELS[model].title}", anchor=False, width="stretch")
            _reset_button(model, "reset_builder", disabled=not _is_changed(model))  # has its place: rows stay
            st.button("Close", icon=":material/close:", key="close_builder", on_click=_open, args=(False,))
        network_builder(
            *_kept(model),
            image=digits.x_test[0],
            cost="" if problem else f"{_cost(model)}{_epoch_takes(config, digits)}.",
            hint=held_back(config) if config else "",
            problem=problem,
            classes=classes_now(),
        )


def _kept(model: str) -> tuple:
    """The setting's name, how it is read and how it is kept."""
    name = address_name(model, "network")
    return name, partial(last_text, model, "network"), partial(remember, PAGE, name)


def _is_open() -> bool:
    return recall(PAGE, BUILD) == OPEN


def _open(opens: bool) -> None:
    remember(PAGE, BUILD, OPEN if opens else CLOSED)
    if opens:
        st.session_state[OPENED] = st.session_state.get(OPENED, 0) + 1


def _reset_button(model: str, key: str, *, disabled: bool = False) -> None:
    words = f"Reset to {MODELS[model].title}"
    st.button(words, icon=":material/restart_alt:", key=key, on_click=_reset, args=(model,), disabled=disabled)


def _reset(model: str) -> None:
    remember(PAGE, address_name(model, "network"), _usual(model))


def _is_changed(model: str) -> bool:
    try:
        return read(text_now(model, "network"), classes_now()).text != _usual(model)
    except ConfigError:
        return True


def _usual(model: str) -> str:
    return MODELS[model].network().text


def _problem(model: str) -> str:
    """What is wrong with the layers, as a sentence; "" where nothing is."""
    return problem_with(model, "network").removeprefix(f"{setting_of('network').label}: ")


def _cost(model: str) -> str:
    """What the layers cost, beside the network that they are a change of."""
    info, classes = MODELS[model], classes_now()
    return cost(read(text_now(model, "network"), classes), info.network(classes=classes), info.title)


def _epoch_takes(config: TrainingConfig | None, digits: Dataset) -> str:
    """How long an epoch takes; "" where it is only known to be short."""
    seconds, how = takes(config, digits) if config else (0.0, "")
    if not how:
        return ""
    each = seconds / config.epochs
    return f", {how} {duration_in_words(each) if each >= 1 else f'{max(each, 0.1):.1f} s'} an epoch"


def takes(config: TrainingConfig, digits: Dataset) -> tuple[float, str]:
    """The seconds that a run takes, and whether that is "about" so or "roughly"; "" where it is only known to be short.

    It is rough where nothing like it was trained here.
    """
    images = image_count(digits, config)
    if (seconds := expected_seconds(config, images, store().runs())) is not None:
        return seconds, "about"
    seconds = rough_seconds(config, images)
    return seconds, "roughly" if seconds > LONG else ""
