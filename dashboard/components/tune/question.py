"""The question whether a sweep of many runs, or of many hours, is meant."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.data import Dataset
from core.sweeps import Plan
from dashboard.components.actions import run_action
from dashboard.components.question import ask, asked, show_question
from dashboard.components.session import begin_sweep, dataset_now, services
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings_form import seconds_in_all, what_they_take

MANY_RUNS, LONG_SECONDS = 200, 3600.0  # above either of which it is asked
QUESTION = "sweep_to_begin"  # under which the session keeps the plan


def begin_or_ask(plan: Plan) -> None:
    """In a callback: begin a sweep; where it is a large one, ask first."""
    if is_large(plan):
        ask(QUESTION, plan)
    else:
        run_action(begin_sweep, plan)


def is_large(plan: Plan) -> bool:
    """Whether it may be more than people mean: a typing error, or seeds that multiply."""
    if plan.count > MANY_RUNS:
        return True
    if plan.minutes is not None and 60 * plan.minutes <= LONG_SECONDS:
        return False
    digits = dataset_now()
    return plan.count > 1 and digits is not None and seconds_in_all(plan, _of(plan, digits))[0] > LONG_SECONDS


def _of(plan: Plan, digits: Dataset) -> Dataset:
    return services().datasets.of(plan.base.dataset, digits)


def ask_whether_to_begin() -> None:
    """Show the question where a large sweep is about to begin."""
    if plan := asked(QUESTION):
        runs = f"Start {plan.count:,} runs"
        show_question(
            QUESTION,
            f"{runs}?",
            partial(_say_what_it_takes, plan),
            no="Back",
            yes=runs,
            icon=":material/play_arrow:",
            key="really_start_sweep",
            on_yes=partial(run_action, begin_sweep, plan),
        )


def _say_what_it_takes(plan: Plan) -> None:
    digits = dataset_now()
    what = f"{what_they_take(plan, _of(plan, digits))}. " if digits else ""
    st.write(escape_markdown(f"{what}You can pause or stop them at any time; what has ended by then is kept."))
    if plan.minutes is None:
        st.caption("On Tune, Minutes limits the time.")
