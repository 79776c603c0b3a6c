"""A new sweep: which settings differ and their values; all else is as it is set on Train."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.config import MODELS, ConfigError, TrainingConfig, parse_number, parse_whole
from core.data import Dataset
from core.people import refusal_to_make
from core.sweeps import Plan, tpe
from core.sweeps.halving import PARTS, Halving
from core.sweeps.plan import MOST_TRIALS, plan_of
from core.sweeps.values import parse_several, separators_of
from dashboard.components.actions import note_failure
from dashboard.components.address import recall, remember
from dashboard.components.fields import TYPING_PAUSE, say_refused
from dashboard.components.formatting import settings_in_words
from dashboard.components.session import TRAIN_PAGE
from dashboard.components.text import escape_markdown
from dashboard.components.train.locks import locked
from dashboard.components.train.settings import setting_of, settings_now, shown_settings, understand
from dashboard.components.train.settings_form import what_they_take, why_too_much
from dashboard.components.tune.question import begin_or_ask
from dashboard.components.views import now, view

PAGE = "tune"
MODEL = "model"
EXAMPLES = {  # the values that a field begins with
    "epochs": "5, 10, 20",
    "learning_rate": "0.01, 0.001, 0.0001",
    "batch_size": "32, 128, 512",
    "seed": "3 seeds",
    "training_images": "500, 5000, all",
    "validation_images": "1000, 5000",
    "weight_decay": "0, 0.01, 0.1",
    "wrong_labels": "0, 0.1, 0.3",
    "left_out": "3 | 8",
    "imbalance": "1, 10, 100",
    "patience": "0, 3",
    "network": "flatten, output softmax | flatten, dense 32, relu, output softmax",
}
AT_FIRST = "learning_rate,seed"
EVERY, RANDOM, TPE = "Every combination", "At random", "TPE"
MOST_TEXT = 1000  # characters of the values of one setting


def show_new_sweep(digits: Dataset) -> None:
    """Show the form: what differs, the values, and the button that says what it starts."""
    names, search = _names(), _search()
    st.multiselect(
        "What differs",
        _possible(),
        default=names,
        format_func=_label,
        placeholder="Choose settings",
        help="Each of these settings takes several values. Several seeds show how much is chance.",
        **view("differs", names, lambda chosen: remember(PAGE, "differs", ",".join(chosen))),
    )
    with st.grid(2, min_column_width=260):
        for name in names:
            with st.container(gap="xxsmall"):
                _field(name)
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_search"):
        st.segmented_control(
            "Trials",
            [EVERY, RANDOM, TPE],
            default=search,
            required=True,
            help="At random needs fewer trials where only few of the settings matter. TPE (Optuna) learns from the "
            "trials so far where to look next, and tries any number between the smallest and the largest value.",
            **view("search", search, partial(remember, PAGE, "search")),
        )
        if search != EVERY:
            kept = _count()
            st.text_input("How many", kept, 6, live=TYPING_PAUSE, width=110, **view("count", kept, _keep_count))
        kept = _minutes()
        st.text_input(
            "Minutes",
            kept,
            8,
            live=TYPING_PAUSE,
            width=110,
            placeholder="no limit",
            help="When they are over, no run begins; those in training come to their end. More can be given later.",
            **view("minutes", kept, partial(remember, PAGE, "minutes")),
        )
    st.toggle(
        "Stop the weak ones early",
        _stops(),
        help="Successive halving: time goes to the trials that promise most. A slow starter may be lost.",
        **view("stop_weak", _stops(), lambda on: remember(PAGE, "stop_weak", "true" if on else "")),
    )
    (plan, wrong), reason = _plan(), refusal_to_make()
    if plan and (too_much := why_too_much(plan)):
        plan, wrong = None, too_much
    if plan and plan.halving:
        st.caption(_halving_in_words(plan))
    count = plan.count if plan else 0
    with st.container(gap="xsmall", key="sweep_start_area"):
        st.button(
            f"Start {count:,} run{'s' * (count != 1)}" if plan else "Start",
            type="primary",
            icon=":material/play_arrow:",
            key="start_sweep",
            disabled=plan is None or bool(reason),
            help=reason or None,
            on_click=start,
        )
        if plan is None:
            say_refused(wrong)
        else:
            late = "" if plan.minutes is None else f"; after {plan.minutes:,g} min no run begins"
            less = ", less where trials are stopped early" if plan.halving else ""
            st.caption(escape_markdown(what_they_take(plan, digits) + less + late))
    if base := _base():
        epochs = "" if "epochs" in names else f" · {base.epochs} epoch{'s' * (base.epochs > 1)}"
        st.caption(f"All else is as on Train: {escape_markdown(settings_in_words(base))}{epochs}.")
        st.page_link(TRAIN_PAGE, label="Change it on Train", icon=":material/model_training:")


def start() -> None:
    """In a callback: begin the sweep that the fields name now, or say what is wrong."""
    plan, wrong = _plan()
    if plan is None:
        note_failure(wrong)
    else:
        begin_or_ask(plan)


def _field(name: str) -> None:
    """The field for the values of a setting, and below it why they are invalid."""
    kept = _kept(name)
    if choices := _choices(name):
        chosen = _among(choices, kept)
        st.multiselect(
            _label(name),
            list(choices),
            default=chosen,
            format_func=choices.get,
            **view(f"tune_{name}", chosen, lambda values: remember(PAGE, name, ",".join(values))),
        )
    else:
        sign = separators_of(name)[0]
        seeds = ' "5 seeds" are five different ones.' if name == "seed" else ""
        help = f'Values with "{sign}" between them, for instance {EXAMPLES[name]}.{seeds}'
        shown = view(f"tune_{name}", kept, partial(remember, PAGE, name))
        st.text_input(_label(name), kept, MOST_TEXT, live=TYPING_PAUSE, help=help, **shown)
    try:
        _values(name)
    except ConfigError as error:
        say_refused(str(error))


def _possible() -> list[str]:
    found = [MODEL, *shown_settings(_base_model())]
    found = [name for name in found if locked(name) is None]
    return [name for name in found if name != "seed" or _search() != TPE]  # which is no choice


def _names() -> list[str]:
    """The settings that differ, as they were chosen last."""
    chosen, possible = recall(PAGE, "differs", AT_FIRST).split(","), _possible()
    return [name for name in dict.fromkeys(chosen) if name in possible]


def _label(name: str) -> str:
    return "Network" if name == MODEL else setting_of(name).label


def _choices(name: str) -> dict[str, str]:
    """The values to choose from with their titles; {} where values are typed."""
    if name == MODEL:
        return {model: info.title for model, info in MODELS.items()}
    return dict(setting_of(name).choices)


def _among(choices: dict[str, str], kept: str) -> list[str]:
    return [value for value in dict.fromkeys(kept.split(",")) if value in choices]


def _kept(name: str) -> str:
    """The values of a setting as they were kept last."""
    return recall(PAGE, name, EXAMPLES.get(name) or ",".join(list(_choices(name))[:2]))


def _values(name: str) -> tuple:
    """The values of a setting now; raises ConfigError."""
    kept = _kept(name)
    if not (choices := _choices(name)):
        return parse_several(name, now(f"tune_{name}", kept), partial(understand, name, model=_base_model()))
    values = tuple(now(f"tune_{name}", _among(choices, kept)))
    if not values:
        raise ConfigError(f"{_label(name)}: choose at least one.")
    return values


def _search() -> str:
    search = recall(PAGE, "search", EVERY)
    return search if search in (EVERY, RANDOM, TPE) else EVERY


def _count() -> str:
    return recall(PAGE, "count", "20")


def _keep_count(text: str) -> None:
    remember(PAGE, "count", text)


def _minutes() -> str:
    return recall(PAGE, "minutes", "")


def _stops() -> bool:
    return recall(PAGE, "stop_weak", "") == "true"


def _halving_in_words(plan: Plan) -> str:
    """After which epochs trials are judged, and how."""
    rule = plan.halving
    rungs = list(map(str, rule.rungs(max(config.epochs for config in plan.configs))))
    if not rungs:
        return "Trials of one epoch cannot be stopped early."
    after = " and ".join(filter(None, (", ".join(rungs[:-1]), rungs[-1])))
    return (
        f"After epoch {after}, a trial goes on only if it is among the best {PARTS[rule.factor]} of those that have "
        "come so far. The others keep what they have learned, and do not count."
    )


def minutes_in(text: str) -> float | None:
    """The minutes that were typed, None where nothing was; raises ConfigError."""
    return parse_number(text) if text.strip() else None


def _base() -> TrainingConfig | None:
    """The settings on Train, the first of several values; None where one of them is invalid."""
    try:
        return settings_now()
    except ConfigError:
        return None


def _base_model() -> str:
    base = _base()
    return base.model if base else TrainingConfig().model


def _plan() -> tuple[Plan | None, str]:
    """The sweep that the fields name now; or None and why there is none, as a sentence."""
    try:
        base, names = settings_now(), now("differs", _names())
        if not names:
            return None, "Choose at least one setting that differs."
        space = {name: _values(name) for name in names}
        count = None
        search = now("search", _search())
        if search != EVERY:
            count = parse_whole(now("count", _count()))
            if not 1 <= count <= MOST_TRIALS:
                raise ConfigError(f"Choose 1 to {MOST_TRIALS:,} trials, not {count:,}.")
        title = "Networks" if MODEL in names else base.title
        name = f"{title}: {', '.join(map(_label, names)).lower()}"
        halving = Halving() if now("stop_weak", _stops()) else None
        minutes = minutes_in(now("minutes", _minutes()))
        if search == TPE:
            return tpe.plan_of(base, space, count, name, minutes=minutes, halving=halving), ""
        return plan_of(base, space, count, name, minutes=minutes, halving=halving), ""
    except ConfigError as error:
        return None, str(error)
