"""The settings of the next run: how each is typed, its current value, and its name in the address.

Numbers are text fields: Streamlit's number field does not send what is out of its range or written with a decimal
comma, so that the page would show one number and the run use another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import Any
from urllib.parse import urlencode

from core.config import (
    FIRST_WEIGHTS,
    MODELS,
    OPTIMIZERS,
    PARSERS,
    PIXELS,
    SCHEDULES,
    ConfigError,
    ModelInfo,
    TrainingConfig,
    model_name,
)
from core.data.classes import DIGITS
from core.layers import MOST_TEXT
from core.people.rules import ALL_IMAGES, own_rules
from core.sweeps import Plan
from core.sweeps.plan import plan_of
from core.sweeps.values import parse_several
from dashboard.components.address import recall, remember
from dashboard.components.classes import Classes
from dashboard.components.fields import MOST_TYPED, number_text
from dashboard.components.session import dataset_now, services, store
from dashboard.components.train.locks import NETWORK, all_locked, fixed, let_lesson_set, locked
from dashboard.components.views import now
from dashboard.components.widgets.epochs_field import epochs_now
from dashboard.components.widgets.network_text import network_now

LAYERS, MORE_SETTINGS, TRAINING, DATA = "Layers", "More settings", "Try: training", "Try: data"  # groups of settings
DEFAULT = TrainingConfig()
ALL = "all"
ON, OFF = "true", "false"  # as the address has it
OF_ANY = ("model", "augment", "dataset")  # settings that are not in text fields
PAGE = "train"  # under which the address keeps the settings
IN_USE = "default"  # names in the address the dataset that is used where none is chosen
LOCK_LABELS = {  # of what a teacher's link can lock
    **dict.fromkeys(NETWORK, "Network"),
    "augment": "Augment",
    "dataset": "Dataset",
}


@dataclass(frozen=True)
class Setting:
    """A setting in a text field, or in a box where one of a few is chosen.

    Attributes:
        label: its name on the page.
        help: what it does, for its tooltip.
        text: turns a value into text as it is typed.
        shown: whether a network has it.
        choices: the values to choose from with their titles; {} where the value is typed.
        group: the title of the part of the sidebar that it is in.
        most: how many characters can be typed.
        takes_several: whether several values can be typed in the sidebar.
    """

    label: str
    help: str
    text: Callable[[Any], str] = number_text
    shown: Callable[[ModelInfo], bool] = lambda info: True
    choices: Mapping[str, str] = field(default_factory=dict)
    group: str = MORE_SETTINGS
    most: int = MOST_TYPED
    takes_several: bool = True


def _choice(label: str, choices: Mapping[str, str], help: str, group: str) -> Setting:
    return Setting(label, help, str, choices=choices, group=group, takes_several=False)


MORE: dict[str, Setting] = {  # in the order of the page; the names are those of TrainingConfig
    "network": Setting(
        "Layers",
        "The network as text, a layer after the other: conv 16 5, pool, norm, relu, flatten, dense 100, dropout 0.3. "
        "Its end is output softmax or output sigmoid.",
        text=str,
        most=MOST_TEXT,
        group=LAYERS,
        takes_several=False,
    ),
    "learning_rate": Setting(
        "Learning rate",
        "How far each step moves the weights: too small learns slowly, too large does not converge. Where a schedule "
        "changes it, this is the peak.",
    ),
    "batch_size": Setting(
        "Batch size",
        "Images a step: small batches take many noisy steps, large ones few smooth steps.",
    ),
    "patience": Setting(
        "Patience",
        "Early stopping: end after this many epochs without a lower validation loss; 0 is off.",
    ),
    "training_images": Setting(
        "Training images",
        f'How many training images are used, or "{ALL}". Fewer images show how much data a network needs.',
        text=lambda count: ALL if count is None else str(count),
    ),
    "validation_images": Setting(
        "Validation images",
        "Images held out from training to measure accuracy on unseen images after each epoch.",
        shown=lambda info: not info.validates_on_test,
    ),
    "seed": Setting(
        "Seed",
        "Decides the first weights and the order of images: the same seed gives the same run.",
    ),
    "optimizer": _choice(
        "Optimizer",
        OPTIMIZERS,
        "How a step follows from the gradient. Adam gives each weight a pace of its own; SGD usually needs a learning "
        "rate 10 to 100 times as large.",
        TRAINING,
    ),
    "schedule": _choice(
        "Learning rate schedule",
        SCHEDULES,
        "How the learning rate changes from the first step to the last.",
        TRAINING,
    ),
    "weight_decay": Setting(
        "Weight decay",
        "How fast each weight shrinks besides, which keeps a network simple: 0 is off, 0.01 is usual, 1 is a lot.",
        group=TRAINING,
    ),
    "pixels": _choice(
        "Pixels",
        PIXELS,
        "What the first layer gets. Networks learn best from small numbers: try what raw ones do.",
        TRAINING,
    ),
    "first_weights": _choice(
        "First weights",
        FIRST_WEIGHTS,
        "How the weights are drawn before the first step. Units that begin equal stay equal: try it.",
        TRAINING,
    ),
    "wrong_labels": Setting(
        "Wrong labels",
        "Share of the training images that get a wrong label, 0 to 1. Validation and test images keep theirs.",
        group=DATA,
    ),
    "left_out": Setting(
        "Digits left out",
        'Digits that are not trained on, for instance "3, 8"; of other classes their numbers, from 0. It is tested on '
        "them all the same.",
        text=lambda digits: ", ".join(map(str, digits)),
        group=DATA,
    ),
    "imbalance": Setting(
        "Imbalance",
        "How many times as many images of 0, the first class, as of 9, the last one, are trained on, those between in "
        "equal steps; 1 is balanced.",
        group=DATA,
    ),
}
EPOCHS = Setting(
    "Epochs",
    "One epoch shows the network every training image once. More epochs learn more, until it overfits.",
)


def plan_now() -> Plan:
    """What the widgets name now, also in a callback, where the page's own variables are out of date.

    It has one trial, or one for each combination where a field has several values.

    Raises:
        ConfigError: where a setting is out of its range.
    """
    model, classes = model_now(), classes_now()
    shown = shown_settings(model)
    values = {name: understand_all(name, text_now(model, name), model, classes) for name in shown}
    others = {"augment": augment_now(), "dataset": chosen_dataset(), "classes": classes}
    base = TrainingConfig(model=model, **others, **{name: each[0] for name, each in values.items()})
    space = {name: each for name, each in values.items() if len(each) > 1}
    labels = ", ".join(setting_of(name).label for name in space)
    return plan_of(base, space, name=f"{base.title}: {labels.lower()}")


def settings_now() -> TrainingConfig:
    """The settings in the widgets now; the first of several values.

    Raises:
        ConfigError: where a setting is out of its range.
    """
    return plan_now().base


def settings_from(address: Mapping[str, str]) -> TrainingConfig:
    """The settings that an address names, whatever the widgets show; what it does not name is the default.

    Raises:
        ConfigError: where a setting is not known or out of its range.
    """
    model = model_name(address.get("model", DEFAULT.model))
    names = {address_name(model, name): name for name in shown_settings(model)}
    if unknown := [word for word in address if word not in (*OF_ANY, *names)]:
        raise ConfigError(f"There is no setting {unknown[0]!r}. There are: {', '.join((*OF_ANY, *names))}.")
    dataset = read_dataset(address.get("dataset", ""))
    classes = len(classes_of(dataset))
    known = {names[word]: text for word, text in address.items() if word in names}
    values = {name: understand(name, text, model, classes) for name, text in known.items()}
    others = {"augment": address.get("augment") == ON, "dataset": dataset, "classes": classes}
    return TrainingConfig(model=model, **others, **values)


def take_settings(config: TrainingConfig, *, of_lesson: bool = False) -> None:
    """Put the settings of a run into the widgets; all but the run that it was fine-tuned from.

    What a teacher's link has locked stays, but for what it leaves to the lesson; a locked network takes the others.
    """
    texts = texts_of(config)
    if of_lesson:
        let_lesson_set(texts)
    model = last_model() if locked("model") else config.model
    for name in {*OF_ANY, *shown_settings(model)} & set(texts):
        remember(PAGE, address_name(model, name), texts[name])


def locked_otherwise(config: TrainingConfig) -> list[str]:
    """The labels of the settings that a teacher's link has locked with another value than the run's."""
    texts = texts_of(config)
    names = [name for name, text in all_locked().items() if texts.get(name) != text]
    return sorted({LOCK_LABELS.get(name) or setting_of(name).label for name in names})


def texts_of(config: TrainingConfig) -> dict[str, str]:
    """The settings of a run by name, as they stand in an address."""
    texts = texts_of_any(config.model, augment=config.augment, dataset=config.dataset)
    for name in shown_settings(config.model):
        texts[name] = config.layers.text if name == "network" else setting_of(name).text(getattr(config, name))
    return texts


def with_locks(config: TrainingConfig) -> TrainingConfig:
    """The settings with those in their place that a teacher's link has locked, whatever a lesson says.

    Raises:
        ConfigError: where one of them cannot be.
    """
    if not fixed():
        return config
    texts = {**texts_of(config), **fixed()}
    model = model_name(texts["model"])
    known = (*OF_ANY, *shown_settings(model))
    return settings_from({address_name(model, name): texts[name] for name in known if name in texts})


def settings_in_address() -> str:
    """The settings in the widgets now as the query of an address, also those that are defaults."""
    model = model_now()
    values = {address_name(model, name): text_now(model, name) for name in shown_settings(model)}
    return urlencode({**texts_of_any(model, augment=augment_now(), dataset=chosen_dataset()), **values})


def texts_of_any(model: str, *, augment: bool, dataset: str) -> dict[str, str]:
    """The settings that do not depend on the network, and its name, as they stand in an address."""
    return {"model": title_in_address(model), "augment": ON if augment else OFF, "dataset": dataset or IN_USE}


def model_now() -> str:
    """The network in its widget, also in a callback; the locked one where it is locked."""
    return last_model() if locked("model") else now("model", last_model())


def augment_now() -> bool:
    """Whether augmentation is switched on in its widget, also in a callback; as it is locked where it is."""
    return last_augment() if locked("augment") else now("augment", last_augment())


def chosen_dataset() -> str:
    """The fingerprint of the dataset in its widget, also in a callback; "" for the one in use."""
    return last_dataset() if locked("dataset") else now("dataset", last_dataset())


def last_dataset() -> str:
    """The fingerprint of the dataset that was chosen last, or is locked; "" for the one in use, or where it is gone."""
    with suppress(ConfigError):
        return read_dataset(_dataset_text())
    return ""


def missing_dataset() -> bool:
    """Whether a dataset was chosen, or is locked, that is not here."""
    try:
        read_dataset(_dataset_text())
    except ConfigError:
        return True
    return False


def _dataset_text() -> str:
    return locked("dataset") or recall(PAGE, "dataset")


def read_dataset(text: str) -> str:
    """The fingerprint of the dataset that a text names, by its fingerprint or its name; "" for the one in use.

    Raises:
        ConfigError: where it is not here.
    """
    wanted, used = text.strip().casefold(), dataset_now()
    if wanted in ("", IN_USE) or (used and wanted in (used.fingerprint, used.name.casefold())):
        return ""
    datasets = services().datasets
    if kept := datasets.get(wanted) or datasets.named(wanted):
        return kept.fingerprint
    there = ", ".join(name for name in (used.name if used else IN_USE, *(kept.name for kept in datasets.all())))
    raise ConfigError(f"There is no such dataset here. There are: {there}.")


def classes_of(fingerprint: str) -> Classes:
    """The classes of a dataset that is here, by its fingerprint; "" is the one in use."""
    kept = services().datasets.get(fingerprint) if fingerprint else None
    found = kept or dataset_now()
    return found.classes if found else DIGITS


def classes_now() -> int:
    """How many classes the dataset in its widget has, which is how many outputs the next network has."""
    return len(classes_of(chosen_dataset()))


def last_model() -> str:
    """The network that was chosen last, or is locked; the default where the address names an unknown one."""
    with suppress(ConfigError):
        return model_name(locked("model") or recall(PAGE, "model", DEFAULT.model))
    return DEFAULT.model


def last_augment() -> bool:
    """Whether augmentation was switched on last, or is locked."""
    return (locked("augment") or recall(PAGE, "augment")) == ON


def shown_settings(model: str) -> list[str]:
    """The names of an architecture's settings in text fields, epochs first."""
    return ["epochs", *(name for name, setting in MORE.items() if setting.shown(MODELS[model]))]


def problem_with(model: str, name: str) -> str:
    """Why the text typed for a setting is invalid, as a sentence; "" where it is valid."""
    try:
        understand_all(name, text_now(model, name), model, classes_now())
    except ConfigError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1024)  # a page asks for each setting several times
def understand(name: str, text: str, model: str = DEFAULT.model, classes: int = DEFAULT.classes) -> Any:
    """The value of a setting from the text that was typed.

    Raises:
        ConfigError: where the text is invalid; the message names the setting, the text and what would be right.
    """
    try:
        value = PARSERS[name](text)
    except ConfigError as error:
        raise ConfigError(f"{setting_of(name).label}: {error}") from error
    TrainingConfig(model=model, classes=classes, **{name: value})  # its limits are checked there
    return value


@lru_cache(maxsize=1024)
def understand_all(name: str, text: str, model: str = DEFAULT.model, classes: int = DEFAULT.classes) -> tuple:
    """The values of a setting from the text that was typed, one or several.

    Raises:
        ConfigError: as `understand`.
    """
    one = partial(understand, name, model=model, classes=classes)
    return parse_several(name, text, one) if setting_of(name).takes_several else (one(text),)


def text_now(model: str, name: str) -> str:
    """The text in the field of a setting, or the text that a field not drawn yet will begin with."""
    kept = last_text(model, name)
    if locked(name) is not None:
        return kept
    if name == "network":
        return network_now(address_name(model, name), kept)
    return epochs_now(kept) if name == "epochs" else now(address_name(model, name), kept)


def last_text(model: str, name: str) -> str:
    """The text typed last for a setting, or the locked one, or its default."""
    if (text := locked(name)) is not None:
        return text[: setting_of(name).most]
    return recall(PAGE, address_name(model, name), default_text(model, name))[: setting_of(name).most]


def address_name(model: str, name: str) -> str:
    """A setting's name in the address; each architecture has its own, since their defaults differ."""
    return name if name in (*OF_ANY, "epochs") else f"{title_in_address(model)}_{name}"


def title_in_address(model: str) -> str:
    """An architecture's name in the address, "classic" for instance; `model_name` reads it back."""
    return MODELS[model].title.lower()


def setting_of(name: str) -> Setting:
    """The setting of this name."""
    return EPOCHS if name == "epochs" else MORE[name]


def default_text(model: str, name: str) -> str:
    """The default of a setting, as text; no more than the teacher has set for who is in front of the page."""
    if name == "network":
        return _usual(model).layers.text
    value = getattr(_usual(model), name)
    if name == "epochs":
        value = at_most(value, own_rules(store().home).epochs)
    elif name == "training_images":
        images = own_rules(store().home).images
        value = value if images is not None and images >= ALL_IMAGES else at_most(value, images)
    return setting_of(name).text(value)


def at_most(value: int | None, limit: float | None) -> int | None:
    """A number that fits a limit; None is without end, and no limit."""
    return value if limit is None or (value is not None and value <= limit) else int(limit)


@cache
def _usual(model: str) -> TrainingConfig:
    return TrainingConfig(model=model)
