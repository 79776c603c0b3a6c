"""Train: choose a network and its epochs in the sidebar, start, watch, and see the results."""

from functools import partial

import streamlit as st

from core.config import ConfigError, TrainingConfig
from core.data import Dataset
from core.people import refusal_to_make
from core.runs import ENDED, Run
from dashboard.components.actions import note_failure, run_action
from dashboard.components.learn.progress import note_run
from dashboard.components.page_head import show_title
from dashboard.components.run_picker import Choice, choose_run, say_missing
from dashboard.components.session import (
    active,
    dataset,
    dataset_named,
    dataset_note,
    dataset_of,
    older_runs_note,
    open_run,
    store,
)
from dashboard.components.text import escape_markdown
from dashboard.components.train.address_settings import forget_notes, restore_locks, show_notes_on_address, take_address
from dashboard.components.train.all_runs import show_all_runs
from dashboard.components.train.datasets import ask_whether_to_remove
from dashboard.components.train.import_run import import_note, show_import
from dashboard.components.train.layers import show_builder
from dashboard.components.train.live import await_deletion, give_a_moment, live
from dashboard.components.train.problems import show_launcher_problem, show_problems
from dashboard.components.train.results import sample_digits, show_results
from dashboard.components.train.run_controls import show_controls, show_next_steps
from dashboard.components.train.run_header import ask_whether_to_delete, show_actions
from dashboard.components.train.settings import chosen_dataset, plan_now
from dashboard.components.train.settings_form import show_networks, start_first, start_in_page, training_settings
from dashboard.components.tune.question import begin_or_ask
from dashboard.components.whose import full_name, listed

SINCE = 1.0  # seconds: how old may be what is known of other runs


def start() -> None:
    """Queue what the current settings name, a run or a sweep, or say which of them is out of range."""
    try:
        plan = plan_now()
    except ConfigError as error:
        note_failure(str(error))
        return
    if len(plan.points) == 1:
        run_action(begin, plan.base)
    else:
        begin_or_ask(plan)


def begin(config: TrainingConfig) -> None:
    """Queue a new run and show it."""
    begins_at_once = not active(SINCE).running
    run = store().create(config)
    note_run(run)
    forget_notes()
    open_run(run.id)
    if begins_at_once:
        give_a_moment(run)


# The sidebar


def sidebar(digits: Dataset) -> Choice:
    """Show the choice of run, and below it the settings of the next run and the start button; returns the choice.

    The next run is trained on `digits`.
    """
    choice = choose_run(needs="any", trainable=True)
    with st.sidebar.container(border=True, gap="xsmall", key="new_run"):
        training_settings(start, digits)
    return choice


# What is shown of a run


def show(run: Run) -> None:
    """Show the run: live while it is active, its results afterwards."""
    state, start_another = run.state, partial(start_in_page, start)
    with st.container(key="run_notes"):  # even if empty: else all that follows would be new, and move
        show_problems(run)
        import_note(run)
    if run.is_discarded:
        await_deletion(run)
    elif state.is_active or state.name in ENDED:
        with st.container(key="run_body"):
            if state.is_active:
                show_controls(run, start_another)
                live(run)
            else:
                show_next_steps(run, start_another)
                with st.container():  # as Streamlit puts one around the fragment above
                    show_results(run)
    else:
        start_another()


def show_missing(run_id: str) -> None:
    """Say that the chosen run was not found, with links to the others and a button that starts a new one."""
    say_missing(run_id)
    for run in listed(store().runs()):
        if run.state.name == "running":
            label = f"Go to {escape_markdown(full_name(run))}"
            st.button(label, icon=":material/arrow_forward:", key=f"go_to_{run.id}", on_click=open_run, args=(run.id,))
    st.button(
        "Start a run",
        type="primary",
        icon=":material/play_arrow:",
        key="start_one",
        on_click=start,
        disabled=bool(reason := refusal_to_make()),
        help=reason or None,
    )
    show_all_runs(None)


def empty(chosen: Dataset) -> None:
    """Introduce the program before there is a first run."""
    st.write(
        "Digit Lab trains a small neural network on images of handwritten digits while you watch. Then look at every "
        "mistake it makes and why, draw digits for it to read, change one setting and compare."
    )
    with st.container(horizontal=True, vertical_alignment="center", key="first_steps"):
        why_not = start_first(start)
        st.page_link("app_pages/draw.py", label="Draw a digit first", icon=":material/draw:")
        st.page_link("app_pages/learn.py", label="Take a lesson", icon=":material/school:")
    if why_not:
        st.caption(escape_markdown(why_not))
    sample_digits(chosen)
    show_networks(start)
    show_all_runs(None)
    show_import(found)
    show_launcher_problem()


# The page


def show_notes(found: Dataset) -> None:
    """Show what is to be said of the address, the data and older runs."""
    show_notes_on_address()
    dataset_note(found)
    older_runs_note()


found = dataset()
take_address()
restore_locks()
chosen = dataset_named(chosen_dataset())
choice = sidebar(chosen)
run = choice.run
if run is not None:
    show_title("Train", run, show_actions)
    show_notes(dataset_of(run))
    show_builder(chosen)
    show(run)
    show_all_runs(run)
    show_import(found)
elif choice.missing:
    show_title("Train")
    show_notes(chosen)
    show_builder(chosen)
    show_missing(choice.missing)
    show_import(found)
else:
    show_title("Train a network to read handwritten digits")
    with st.container():  # where a run has its settings, which replace all of it at once
        show_notes(chosen)
        show_builder(chosen)
        empty(chosen)
ask_whether_to_remove()
ask_whether_to_delete()
