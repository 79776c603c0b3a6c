"""The controls of a run: pause, stop, resume, learning rate, and more epochs."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.config import ConfigError
from core.people import may_change
from core.people.rules import own_rules
from core.runs import Run
from dashboard.components.actions import run_action
from dashboard.components.classes import are_digits
from dashboard.components.fields import MOST_TYPED, number_text, say_refused, say_understood
from dashboard.components.session import remember_removal, store
from dashboard.components.train.settings import at_most, understand
from dashboard.components.views import view

USUAL = 5  # epochs to add, where the teacher allows as many

DRAW_PAGE = "app_pages/draw.py"
PREDICTIONS_PAGE = "app_pages/predictions.py"


def show_controls(run: Run, start_another: Callable[[], None]) -> None:
    """Show pause, stop and learning rate of a run that trains, pause or cancel of one that is queued.

    None of them for another's run. Last in their row is what `start_another` shows: the start of another run.
    """
    state, requested = run.state, run.control.get("request")
    with st.container(horizontal=True, vertical_alignment="center", key="run_controls"):
        if not may_change(run.owner):
            start_another()
            return
        if state.name == "queued" and not state.resumes:
            _button("Cancel", run, _cancel, run, icon=":material/close:")
        else:
            _button("Pause", run, run.pause, icon=":material/pause:", disabled=bool(requested))
        if state.name != "queued":
            _button("Stop and save", run, run.stop, icon=":material/stop:", disabled=requested == "stop")
            with st.popover("Learning rate", icon=":material/speed:", disabled=requested == "stop"):
                _rate_field(run, "Takes effect within a few batches.")
        start_another()


def show_next_steps(run: Run, start_another: Callable[[], None]) -> None:
    """Show resume and more epochs for a run that ended, links to its mistakes and to Draw, and what starts another."""
    state = run.state
    unfinished = state.name == "interrupted" or (  # even after the last epoch: its model is not saved yet
        state.name != "finished" and len(run.history().epochs) < state.target_epochs
    )
    with st.container(horizontal=True, vertical_alignment="center", key="run_controls"):
        is_trainable = not run.imported and may_change(run.owner)
        if unfinished and is_trainable:
            label, icon = ("Start again", "restart_alt") if starts_again(run) else ("Resume", "resume")
            _button(label, run, _resume, run, word="resume", icon=f":material/{icon}:", type="primary")
        if run.has_model:
            look = "secondary" if unfinished and is_trainable else "primary"
            if st.button("See its mistakes", icon=":material/grid_view:", key="see_mistakes", type=look):
                st.switch_page(PREDICTIONS_PAGE)
            draw = f"Draw {'a digit' if are_digits(run.classes) else 'an image'} for it"
            if st.button(draw, icon=":material/draw:", key="draw_digit"):
                st.switch_page(DRAW_PAGE)
        if run.history().epochs and is_trainable:
            with st.popover("Train more epochs", icon=":material/add:"):
                keys = _epochs_field(run), _rate_field(run, "Applies to the new epochs only.")
                _button("Continue training", run, _train_more, run, *keys, type="primary")
        start_another()


def starts_again(run: Run) -> bool:
    """Whether a run ended before its first epoch and has no usable checkpoint."""
    return run.state.name != "paused" and not run.history().epochs and bool(run.checkpoint_flaw)


def _button(label: str, run: Run, action: Callable, *arguments: object, word: str = "", **look: object) -> None:
    """Show a button that acts on this run, also where the page shows another run a moment later."""
    key = f"{word or label.split()[0].lower()}_{run.id}"
    st.button(label, key=key, on_click=run_action, args=(action, *arguments), **look)


def _cancel(run: Run) -> None:
    """Delete a run that waits for its first epoch; the page says so, and links to the others."""
    store().delete(run)
    remember_removal(run, "cancelled")


def _resume(run: Run) -> None:
    """Resume a run, unless another session has resumed it already."""
    if not run.state.is_active:
        run.resume()


def _epochs_field(run: Run) -> str:
    """Show the field for the number of epochs to add; returns its key."""
    key = f"more_epochs_{run.id}"
    usual = str(at_most(USUAL, own_rules(store().home).epochs))
    text = st.text_input("More epochs", usual, MOST_TYPED, key, help="1 to 200, added to those that are completed.")
    _say("epochs", text)
    return key


def _rate_field(run: Run, help: str) -> str:
    """Show the field for the learning rate from now on; returns its key."""
    now = number_text(_rate_in_force(run))
    options = view(f"rate_{run.id}", now, lambda text: run_action(_take_rate, run, text))
    text = st.text_input("Learning rate", now, MOST_TYPED, help=help, **options)
    _say("learning_rate", text)
    return options["key"]


def _say(name: str, text: str) -> None:
    """Show below a field how its text was read, or why it is invalid."""
    with st.container():
        try:
            say_understood(text, number_text(understand(name, text)))
        except ConfigError as error:
            say_refused(str(error))


def _rate_in_force(run: Run) -> float:
    """The learning rate that was requested last, or the one in the run's settings."""
    return run.control.get("learning_rate") or run.config.learning_rate


def _take_rate(run: Run, text: str) -> None:
    """Request the learning rate in the field."""
    rate = understand("learning_rate", text)
    if rate != _rate_in_force(run):
        run.request(learning_rate=rate)


def _train_more(run: Run, epochs_key: str, rate_key: str) -> None:
    """Train the number of epochs in one field at the learning rate in the other."""
    epochs = understand("epochs", st.session_state[epochs_key])
    _take_rate(run, st.session_state[rate_key])
    run.extend(epochs)
