"""The sidebar of the Train page: the settings of the next run, all of them in the address."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st

from core.compute.machines import cluster_address, seconds_for
from core.config import MODELS, ConfigError, ModelInfo, TrainingConfig, model_name
from core.data import Dataset
from core.people import Rules, read_rules, refusal_to_make
from core.people.rules import limits_in_words, own_rules
from core.runs import NotYoursError
from core.sweeps import Plan
from dashboard.components.address import recall, remember, restore
from dashboard.components.fields import TYPING_PAUSE, say_refused, say_understood
from dashboard.components.formatting import duration_in_words
from dashboard.components.people import this_person
from dashboard.components.session import store
from dashboard.components.text import escape_markdown
from dashboard.components.train.datasets import show_dataset
from dashboard.components.train.layers import LONG, hear_layers, show_layers, takes
from dashboard.components.train.locks import locked, show_locked
from dashboard.components.train.settings import (
    DATA,
    DEFAULT,
    MORE_SETTINGS,
    OF_ANY,
    OFF,
    ON,
    PAGE,
    TRAINING,
    address_name,
    at_most,
    classes_now,
    default_text,
    last_augment,
    last_model,
    last_text,
    plan_now,
    problem_with,
    setting_of,
    settings_in_address,
    shown_settings,
    text_now,
    title_in_address,
    understand_all,
)
from dashboard.components.views import view
from dashboard.components.widgets.copy_button import copy_button
from dashboard.components.widgets.epochs_field import epochs_field

LOOK_SECONDS = 2.0
ESTIMATED = 10  # trials whose time is estimated; the others take as long
NOUNS = {  # of several values
    "model": "networks",
    "network": "networks",
    "augment": "kinds of images",
    "optimizer": "optimizers",
    "schedule": "schedules",
    "pixels": "kinds of pixels",
    "first_weights": "kinds of first weights",
    "epochs": "numbers of epochs",
    "learning_rate": "learning rates",
    "batch_size": "batch sizes",
    "patience": "patiences",
    "training_images": "numbers of training images",
    "validation_images": "numbers of validation images",
    "seed": "seeds",
    "weight_decay": "weight decays",
    "wrong_labels": "shares of wrong labels",
    "left_out": "choices of digits left out",
    "imbalance": "imbalances",
}
SYNTHETIC = (
    ", and adds synthetic digits in other handwriting: a 1 with a flag, a 7 with a bar. Slower to train, better on "
    "hand-drawn digits."
)
GROUPS = {  # parts of the sidebar below Start, with their icons
    MORE_SETTINGS: ":material/tune:",
    TRAINING: ":material/science:",
    DATA: ":material/database:",
}


def training_settings(start: Callable[[], None], digits: Dataset) -> None:
    """Show the settings and the button that calls `start`, which is disabled while a setting is invalid.

    Elements whose height depends on a choice are below the button, so that it does not move under a click. The button
    and what is said of it stay in sight when the sidebar is scrolled (page.css).
    """
    st.header("New run", anchor=False)
    _epochs()
    model = _choose_model()
    restore(PAGE, *OF_ANY, *(address_name(model, name) for name in shown_settings(model)))
    hear_layers(model)
    plan, wrong = _ready(model)
    with st.container(key="start_area", gap="xsmall"):
        words = "Start training" if plan is None or len(plan.points) == 1 else f"Start {len(plan.points):,} runs"
        st.button(words, width="stretch", key="start", **_start_button(start, wrong))
        if plan is None:
            say_refused(wrong)
        else:
            st.caption(escape_markdown(what_they_take(plan, digits)))
    if (person := this_person()) and not person.is_teacher:
        _say_limits(wrong)
    st.toggle(
        "Augment",
        last_augment(),
        disabled=locked("augment") is not None,
        **view("augment", last_augment(), _keep_augment),
        help="Shifts, turns, stretches and bends every image and varies its pen, differently in each epoch"
        + (
            SYNTHETIC if digits.is_digits else ". Synthetic digits, which it adds to digits, are off for other classes."
        ),
    )
    if locked("augment"):
        show_locked()
    with st.container(gap="xsmall"):  # even if empty: else the elements that follow would be new ones, and collapse
        st.caption(_about(model))
        _recipe(MODELS[model])
    show_dataset(digits)
    show_layers(digits, plan and plan.base)
    for group, icon in GROUPS.items():
        _group(model, group, icon)
    here = (st.context.url or "").partition("?")[0]
    copy_button("Copy link to these settings", f"{here}?{settings_in_address()}", key="copy_settings")


def _about(model: str) -> str:
    """What the network is; where its layers were changed, what is still that of the one it was."""
    info, text = MODELS[model], text_now(model, "network")
    try:
        if not TrainingConfig(model=model, network=text, classes=classes_now()).network:
            return info.about
    except ConfigError:
        pass
    still = [
        *(["it is validated on the test set"] if info.validates_on_test else []),
        *(["its weights are averaged"] if info.averages else []),
    ]
    return f"Your own layers, in place of {info.title}'s{'; as there, ' + ' and '.join(still) if still else ''}."


def _group(model: str, group: str, icon: str) -> None:
    """Show the settings of a group, folded away; its title counts those that are not as usual."""
    names = [name for name in shown_settings(model) if setting_of(name).group == group and name != "epochs"]
    changed = sum(text_now(model, name).strip() != default_text(model, name) for name in names)
    label = f"{group} · {changed} changed" if changed else group
    with st.expander(label, icon=icon, key=f"group_{group}"), st.grid(2, min_column_width=110):
        for name in names:
            with st.container(gap="xxsmall"):
                _field(model, name)


def start_first(start: Callable[[], None]) -> str:
    """Show, where there is no run, the button that starts what is set, which is the classic network at first.

    Returns why it is off, as a sentence; "" where it is on.
    """
    plan, wrong = _ready(last_model())
    st.button(f"Train {_what_starts(plan)}", key="start_first", **_start_button(start, wrong))
    return wrong


def start_in_page(start: Callable[[], None]) -> None:
    """Show a start button that names what it starts; page.css shows it on phones, where the sidebar is closed.

    It is quiet: what to do with the run on the page comes first.
    """
    plan, wrong = _ready(last_model())
    with st.container(key="start_in_page", width="content"):
        st.button(
            f"Start {_what_starts(plan)}",
            key="start_here",
            **{
                "help": "Change the settings in the menu, at the top left.",
                **_start_button(start, wrong),
                "type": "secondary",
            },
        )
        if wrong:
            st.caption(wrong)


def _what_starts(plan: Plan | None) -> str:
    return plan_in_words(plan) if plan else MODELS[last_model()].title


def show_networks(start: Callable[[], None]) -> None:
    """Show the networks that have a name with their layers; one of them is chosen for the next run, and started."""
    _, wrong = _ready(last_model())
    st.header("Networks to choose from", anchor=False)
    with st.grid(2, min_column_width=320, key="networks"):
        for name, info in MODELS.items():
            network, chosen = info.network(classes=classes_now()), name == last_model()
            with st.container(border=True, gap="xsmall"):
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"**{info.title}** · {network.parameters:,} parameters", width="stretch")
                    if chosen:
                        st.button(
                            "Train it", key=f"train_{name}", **{**_start_button(start, wrong), "type": "secondary"}
                        )
                    elif not locked("model"):
                        st.button("Choose", type="tertiary", key=f"choose_{name}", on_click=_keep_model, args=(name,))
                st.markdown(info.about)
                st.caption(network.text)


def _start_button(start: Callable[[], None], wrong: str) -> dict:
    reason = refusal_to_make()
    look = {"type": "primary", "icon": ":material/play_arrow:", "on_click": start, "disabled": bool(wrong or reason)}
    return {**look, "help": reason} if reason else look


def _ready(model: str) -> tuple[Plan | None, str]:
    """The settings, ready to be started; or None and what keeps them from it, as a sentence."""
    try:
        plan = plan_now()
        wrong = why_too_much(plan)
        return None if wrong else plan, wrong
    except ConfigError as error:
        wrong = [setting_of(name).label for name in shown_settings(model) if problem_with(model, name)]
        return None, f"To start, correct: {', '.join(wrong)}." if wrong else str(error)


def why_too_much(plan: Plan) -> str:
    """Which limit of the teacher keeps this from being started, as a sentence; "" where none does."""
    try:
        store().check_limits(*plan.most)
    except NotYoursError as error:
        return str(error)
    return ""


@st.fragment(run_every=LOOK_SECONDS)
def _say_limits(wrong: str) -> None:
    """Tell a pupil the limits, but where Start says already what keeps it off.

    The page is drawn again where that is something else now.
    """
    if _ready(last_model())[1] != wrong:
        st.rerun()
    if wrong:
        return
    rules = read_rules(store().home)
    if rules.waiting == Rules().waiting:  # which nobody set
        rules = replace(rules, waiting=None)
    if words := limits_in_words(rules):
        st.caption(f"Your teacher allows at most {words}.")


def what_they_take(plan: Plan, digits: Dataset) -> str:
    """What Start begins, in words: network, epochs, and how long it takes.

    Where no such network was trained here, only a long time is told, which can be guessed roughly.
    """
    words = plan_in_words(plan) + (f", on {digits.name}" if plan.base.dataset else "")
    seconds, each, how = seconds_in_all(plan, digits)
    if how:
        words += f", {how} {duration_in_words(max(1.0, seconds))} {'on the cluster' if cluster_address() else 'here'}"
    if each > LONG:
        words += f": an epoch alone takes {duration_in_words(each)}"
    return words


def seconds_in_all(plan: Plan, digits: Dataset) -> tuple[float, float, str]:
    """The seconds until all runs have ended, the longest epoch, from some of them, and how sure it is, as `takes`."""
    configs = plan.configs
    if len(configs) > ESTIMATED:  # at random: those that follow each other are alike
        configs = random.Random(0).sample(configs, ESTIMATED)
    times, hows = zip(*(takes(config, digits) for config in configs), strict=True)
    seconds = max(*times, seconds_for(store().home, sum(times) / len(times), plan.count))
    how = "about" if set(hows) == {"about"} else "roughly" if seconds > LONG else ""
    return seconds, max(time / config.epochs for time, config in zip(times, configs, strict=True)), how


def plan_in_words(plan: Plan) -> str:
    """ "Dense, 10 epochs"; "Dense, 3 learning rates × 5 seeds"."""
    if len(plan.points) == 1 and not plan.trials:
        return f"{plan.base.title}, {epochs_in_words(plan.base.epochs)}"
    return varied_in_words(plan) if "model" in plan.varied else f"{plan.base.title}, {varied_in_words(plan)}"


def varied_in_words(plan: Plan) -> str:
    """What differs between the trials: "3 learning rates × 5 seeds"; "" where there is one."""
    if plan.trials:
        return f"{plan.trials:,} trials chosen by TPE"
    counts = {name: len(values) for name, values in plan.values.items()}
    return " × ".join(f"{count} {NOUNS[name]}" for name, count in counts.items() if count > 1)


def epochs_in_words(epochs: int) -> str:
    """ "1 epoch"; "10 epochs"."""
    return "1 epoch" if epochs == 1 else f"{epochs} epochs"


def _choose_model() -> str:
    """Choose the network; the address takes its name or its title, as the command line does."""
    model, named = last_model(), locked("model") or recall(PAGE, "model", DEFAULT.model)
    with st.container(gap=None):
        try:
            model_name(named)
        except ConfigError as error:
            say_refused(str(error))
    st.segmented_control(
        "Model",
        list(MODELS),
        default=model,
        required=True,
        **view("model", model, _keep_model),
        format_func=lambda name: MODELS[name].title if name in MODELS else name,
        width="stretch",
        disabled=locked("model") is not None,
    )
    if locked("model"):
        show_locked()
    return model


def _keep_model(model: str) -> None:
    remember(PAGE, "model", title_in_address(model))


def _keep_augment(augment: bool) -> None:
    remember(PAGE, "augment", ON if augment else OFF)


def _recipe(info: ModelInfo) -> None:
    """Offer the epochs and augmentation recommended for a network, where others are set."""
    if info.recipe is None or locked("epochs") or locked("augment"):
        return
    epochs, augment = info.recipe
    if at_most(epochs, own_rules(store().home).epochs) != epochs:
        return
    if (text_now(DEFAULT.model, "epochs").strip(), last_augment()) != (str(epochs), augment):
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


def _epochs() -> None:
    problem = problem_with(DEFAULT.model, "epochs")
    with st.container(gap=None, key="epochs"):
        if (text := locked("epochs")) is not None:
            st.text_input("Epochs", text, disabled=True, help=setting_of("epochs").help, key="locked_epochs")
            show_locked()
            return
        st.markdown("Epochs", help=setting_of("epochs").help)
        epochs_field(last_text(DEFAULT.model, "epochs"), partial(remember, PAGE, "epochs"), wrong=bool(problem))
        _say(DEFAULT.model, "epochs")


def _field(model: str, name: str) -> None:
    """Show the field of a setting, and below it how its text was read, or why it is invalid."""
    setting, kept, key = setting_of(name), last_text(model, name), address_name(model, name)
    is_locked = locked(name) is not None
    shown = {**view(key, kept, partial(remember, PAGE, key)), "disabled": is_locked}
    if setting.choices:
        values = list(setting.choices)
        index = values.index(kept) if kept in values else 0
        st.selectbox(setting.label, values, index, setting.choices.get, help=setting.help, **shown)
        if is_locked:
            show_locked()
        return
    st.text_input(setting.label, kept, setting.most, live=TYPING_PAUSE, help=setting.help, **shown)
    _say(model, name)
    if is_locked:
        show_locked()


def _say(model: str, name: str) -> None:
    with st.container():
        if problem := problem_with(model, name):
            say_refused(problem)
        else:
            text = text_now(model, name)
            values = understand_all(name, text, model, classes_now())
            written = ("; " if name == "left_out" else ", ").join(map(setting_of(name).text, values))
            say_understood(text, written if len(values) == 1 else f"{len(values)} values: {written}")
