"""Settings in an address that a person wrote, "?optimizer=SGD", where a copied link has "classic_optimizer=sgd"."""

from __future__ import annotations

import difflib
from functools import cache

import streamlit as st

from core.config import MODELS, PARSERS, ConfigError, TrainingConfig, parse_hidden_layers, parse_number
from dashboard.components.actions import note_failure
from dashboard.components.address import is_navigation, remember
from dashboard.components.curve_axis import OVER
from dashboard.components.fields import MOST_TYPED
from dashboard.components.text import escape_markdown
from dashboard.components.train.layers import BUILD
from dashboard.components.train.locks import NETWORK, all_locked, lock
from dashboard.components.train.settings import (
    IN_USE,
    MORE,
    OF_ANY,
    OFF,
    ON,
    PAGE,
    address_name,
    classes_now,
    last_augment,
    last_dataset,
    last_model,
    last_text,
    read_dataset,
    setting_of,
    shown_settings,
    texts_of_any,
    title_in_address,
    understand_all,
)

LOCK = "lock"  # in the address: the settings that it locks, with commas between them
OTHERS = ("run", "whose", "sweep", BUILD, OVER, LOCK)  # what else stands in the page's address
OF_LAYERS = {"hidden_layers": parse_hidden_layers, "dropout": parse_number}  # what the text of the layers says here
SWITCHED = {**dict.fromkeys((ON, "1", "yes", "on"), ON), **dict.fromkeys((OFF, "0", "no", "off"), OFF)}
FIRST = ("model", "network")  # the others are read by them
LOCKABLE = (*OF_ANY, "epochs", *MORE)
NOTES = "address_notes"  # in the session


def take_address() -> None:
    """After a navigation: take up the settings that the address names, and note what was not understood.

    One without the name of a network belongs to the chosen network. Call it before settings are shown.
    """
    if not is_navigation(f"{PAGE}_settings"):
        return
    _take_all({word: text for word, text in st.query_params.to_dict().items() if word not in OTHERS})


def take_locks(*, with_lesson: bool) -> None:
    """Lock the settings that the address names in `lock` for this session, with the values that it has for them.

    Those without a value stay as they are, or as the lesson of the address sets them. Call it on every page, before the
    lesson is opened.
    """
    if not is_navigation(LOCK):
        return
    named = [_plain(name) for name in st.query_params.get(LOCK, "").split(",") if name.strip()]
    if not named:
        return
    words = {word: _name(word)[1] for word in st.query_params if _name(word)[1] in (*LOCKABLE, *OF_LAYERS)}
    _take_all({word: st.query_params[word] for word in words})
    if unknown := [name for name in named if name not in LOCKABLE]:
        note_failure(f"The link locks {unknown[0]!r}, which is no setting. There are: {', '.join(LOCKABLE)}.")
    wanted = {each for name in named if name in LOCKABLE for each in (NETWORK if name in NETWORK else (name,))}
    model, valued = last_model(), set(words.values())
    valued |= set(NETWORK) if valued & {*NETWORK, *OF_LAYERS} else set()
    texts = texts_of_any(model, augment=last_augment(), dataset=last_dataset())
    texts |= {name: last_text(model, name) for name in LOCKABLE if name not in texts}
    lock({name: texts[name] for name in wanted}, lesson=wanted - valued if with_lesson else ())


def restore_locks() -> None:
    """Put what is locked into the address of Train, so that who loads the page anew has it locked too."""
    texts, model = all_locked(), last_model()
    keys = {address_name(model, name): text for name, text in texts.items()}
    for key, text in ({LOCK: ",".join(sorted(texts))} | keys if texts else {}).items():
        if st.query_params.get(key) != text:
            remember(PAGE, key, text)


def _take_all(address: dict[str, str]) -> None:
    """Take up settings of an address, and note what was not understood."""
    of = {_name(word)[0] for word in address}
    if "model" not in map(_plain, address) and len(of) == 1 and (model := of.pop()):
        remember(PAGE, "model", title_in_address(model))
    notes = []
    for word in sorted(address, key=lambda word: [_name(word)[1] != name for name in FIRST]):
        try:
            _take(word, address[word])
        except ConfigError as error:
            notes.append(f"{word[:MOST_TYPED]}={address[word][:MOST_TYPED]}: {error}")
    st.session_state[NOTES] = notes


def forget_notes() -> None:
    """Say no more what of the address was not understood."""
    st.session_state.pop(NOTES, None)


def show_notes_on_address() -> None:
    """Say what of the address was not understood."""
    if notes := st.session_state.get(NOTES):
        listed = "\n".join(f"- {escape_markdown(note)}" for note in notes)
        st.warning(f"Not all of this page's address was understood:\n{listed}", icon=":material/link:")


def _take(word: str, text: str) -> None:
    """Keep a setting under its own name; raises ConfigError where it is not known, or its value is not possible.

    A value that was typed wrong is kept all the same, to be corrected in its field.
    """
    model, name = _name(word)
    model = model or last_model()
    st.query_params.pop(word, None)
    key, value = address_name(model, name), text
    if name == "model":
        key = name
    elif name == "augment":
        key, value = name, SWITCHED.get(text.strip().casefold())
        if value is None:
            raise ConfigError("Augment must be true or false.")
    elif name == "dataset":
        key, value = name, read_dataset(text) or IN_USE
    elif name in OF_LAYERS:
        key, value = address_name(model, "network"), _layers(model, name, text)
    elif name not in shown_settings(model):
        raise ConfigError(_unknown(model, name))
    elif setting_of(name).choices:
        value = PARSERS[name](text)
    remember(PAGE, key, value)
    if name in shown_settings(model):
        understand_all(name, value, model, classes_now())


def _layers(model: str, name: str, text: str) -> str:
    """The layers of a network with other hidden layers, or with dropout."""
    before, info = TrainingConfig(model=model, network=last_text(model, "network")), MODELS[model]
    if before.network or not (info.free_layers if name == "hidden_layers" else info.free_dropout):
        raise ConfigError("The layers are set by network, as in network=flatten, dense 64, relu, output softmax.")
    values = {"hidden_layers": before.hidden_layers, "dropout": before.dropout, name: OF_LAYERS[name](text)}
    return TrainingConfig(model=model, **values).layers.text


def _unknown(model: str, name: str) -> str:
    names = [*OF_ANY, *shown_settings(model)]
    all_names = ", ".join(names)
    if name in MORE:
        return f"{MODELS[model].title} has no such setting."
    near = difflib.get_close_matches(name, names, 1, 0.6)
    return f"There is no such setting. {f'Did you mean {near[0]}?' if near else f'There are {all_names}.'}"


def _name(word: str) -> tuple[str, str]:
    """The network that a word of an address belongs to, "" where it names none, and the setting."""
    return _with_network().get(_plain(word), ("", _plain(word)))


@cache
def _with_network() -> dict[str, tuple[str, str]]:
    """The names of settings that begin with a network's name, today's or, for Classic, an earlier one."""
    names = ("epochs", "augment", *OF_LAYERS, *MORE)
    return {
        _plain(f"{called}_{name}"): (model, name)
        for model in MODELS
        for called in (title_in_address(model), model)
        for name in names
    }


def _plain(word: str) -> str:
    return word.strip().casefold().replace("-", "_").replace(" ", "_")
