"""What can be asked of a run: to pause, stop or resume, to learn faster or slower, and to train more epochs."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.config import ConfigError
from core.runs import Run
from dashboard.components.attempts import attempt
from dashboard.components.fields import MOST_TYPED, number_text, say_refused, say_understood
from dashboard.components.session import note_gone, store
from dashboard.components.train.settings import understand
from dashboard.components.views import view

DRAW_PAGE = "app_pages/draw.py"
PREDICTIONS_PAGE = "app_pages/predictions.py"


def show_controls(run: Run) -> None:
    """Pause, stop and learning rate of a run that trains or waits."""
    state = run.state
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.name == "queued" and not state.resumes:
            help = "Take it out of the queue. Nothing of it is trained yet, so nothing is kept."
            _button("Cancel", run, _cancel, run, icon=":material/close:", help=help)
            return
        _button("Pause", run, run.pause, icon=":material/pause:")
        if state.name != "queued":
            help = "End here; the model as it is now is exported and can be used."
            _button("Stop and keep", run, run.stop, icon=":material/stop:", help=help)
            with st.popover("Learning rate", icon=":material/speed:"):
                _rate_field(run, "It takes effect with the next batches.")


def show_ways_on(run: Run) -> None:
    """Resume and train more, for a run that ended, and where to look at what it learned."""
    state = run.state
    unfinished = state.name == "interrupted" or (  # even after the last epoch: its model is not kept yet
        state.name != "finished" and len(run.history().epochs) < state.target_epochs
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if unfinished and not run.imported:
            _button("Resume", run, _resume, run, icon=":material/resume:", type="primary")
        if run.has_model:
            st.page_link(PREDICTIONS_PAGE, label="See its mistakes", icon=":material/grid_view:")
            st.page_link(DRAW_PAGE, label="Draw a digit for it", icon=":material/draw:")
        if not run.imported:
            with st.popover("Train more", icon=":material/add:"):
                keys = _epochs_field(run), _rate_field(run, "From here on; the epochs so far stay as they are.")
                _button("Continue training", run, _train_more, run, *keys, type="primary")


def _button(label: str, run: Run, action: Callable, *arguments: object, **look: object) -> None:
    """A button that does something to this run, and to no other that may stand on the page a moment later."""
    key = f"{label.split()[0].lower()}_{run.id}"
    st.button(label, key=key, on_click=attempt, args=(action, *arguments), **look)


def _cancel(run: Run) -> None:
    """Take a run out of the queue that nothing is known of; the page says so, and leads to the others."""
    store().delete(run)
    note_gone(run, "cancelled")


def _resume(run: Run) -> None:
    """Go on with a run, where nobody else had it go on already."""
    if not run.state.is_active:
        run.resume()


def _epochs_field(run: Run) -> str:
    """How many epochs more; returns the field's key."""
    key = f"more_epochs_{run.id}"
    text = st.text_input("More epochs", "5", MOST_TYPED, key, help="1 to 200, after those that are complete.")
    _say("epochs", text)
    return key


def _rate_field(run: Run, help: str) -> str:
    """The learning rate, changed while a run trains or before it goes on; returns the field's key."""
    now = number_text(_rate_in_force(run))
    options = view(f"rate_{run.id}", now, lambda text: attempt(_take_rate, run, text))
    text = st.text_input("Learning rate", now, MOST_TYPED, help=help, **options)
    _say("learning_rate", text)
    return options["key"]


def _say(name: str, text: str) -> None:
    """Say below a field how it was understood, or why it was not."""
    with st.container():
        try:
            say_understood(text, number_text(understand(name, text)))
        except ConfigError as error:
            say_refused(str(error))


def _rate_in_force(run: Run) -> float:
    """The learning rate that was asked for last, and before that the one of its settings."""
    return run.control.get("learning_rate") or run.config.learning_rate


def _take_rate(run: Run, text: str) -> None:
    """Ask for the learning rate that stands in the field."""
    rate = understand("learning_rate", text)
    if rate != _rate_in_force(run):
        run.request(learning_rate=rate)


def _train_more(run: Run, epochs_key: str, rate_key: str) -> None:
    """Train as many epochs more as the one field says, at the learning rate that the other says."""
    epochs = understand("epochs", st.session_state[epochs_key])
    _take_rate(run, st.session_state[rate_key])
    run.extend(epochs)
