"""A run while it is active: progress, numbers, curves and a hundred test images, updated twice a second."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.runs import History, Run
from dashboard.components.charts.history import history_charts
from dashboard.components.following import is_outdated
from dashboard.components.formatting import percent
from dashboard.components.session import launcher, remember_removal, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.results import test_images

REFRESH_SECONDS = 0.4
SPEED_BATCHES = 12  # over how many progress events the speed is averaged


@st.fragment(run_every=REFRESH_SECONDS)
def live(run: Run) -> None:
    """Show progress, numbers, curves and test images; runs the page again when the run changes its state."""
    if is_outdated():
        st.rerun()
    state, history = run.state, run.history()
    epochs = state.target_epochs
    done = history.last_batch.get("position", 0.0)
    st.progress(min(1.0, done / epochs), text=_where(run, history, epochs))
    part = done - len(history.epochs)
    st.progress(min(1.0, max(0.0, part)), text=f"Epoch {min(len(history.epochs) + 1, epochs)} of {epochs}")
    _numbers(history)
    if history.batches:
        for column, (measure, chart) in zip(st.columns(2), history_charts(history, epochs).items(), strict=True):
            column.vega_lite_chart(chart, key=f"live_{measure}")
    test_images(run)


@st.fragment(run_every=REFRESH_SECONDS)
def await_deletion(run: Run) -> None:
    """Say that a run is stopping to be deleted, until it is."""
    remember_removal(run, "deleted")
    if is_outdated():
        st.rerun()
    st.info("Stopping. The run is deleted once its worker has ended.", icon=":material/hourglass_empty:")


def _where(run: Run, history: History, epochs: int) -> str:
    """What the worker does at the moment, in words."""
    if run.state.name == "queued":
        return _queue_position(run)
    request = run.control.get("request")
    if request:
        return "Pausing" if request == "pause" else "Stopping and saving the model"
    if history.phase == "waiting":
        return "Building the network"
    if history.phase == "finishing":
        return "Exporting the model and verifying it on the test set"
    done = history.last_batch.get("position", 0.0)
    left = (epochs - done) * history.epoch_images / max(1.0, _speed(history))
    return (
        f"{100 * done / epochs:.0f} % of {epochs} epochs · {_duration(left)} left"
        if done
        else "Training the first batches"
    )


def _queue_position(run: Run) -> str:
    queue = [waiting.id for waiting in store().queued()]
    ahead = queue.index(run.id) if run.id in queue else 0
    place = "next in line" if ahead == 0 else f"{ahead} before it in line"
    training = [escape_markdown(other.name) for other in store().runs() if other.state.name == "running"]
    if training:
        return f"Waiting for {' and '.join(training)} to end, {place}"
    if ahead:  # a worker is about to take the next run
        return f"Waiting for a worker, {place}"
    if launcher().problem:
        return "Waiting for a worker"  # the page shows the reason above
    return "Waiting for a worker: TensorFlow takes a few seconds to start"


def _numbers(history: History) -> None:
    last = history.last_batch
    validation = history.epochs[-1] if history.epochs else {}
    with st.container(horizontal=True):
        st.metric("Training accuracy", percent(last.get("epoch_accuracy")), help="Of the current epoch.")
        st.metric("Training loss", _number(last.get("epoch_loss"), ".4f"), help="Of the current epoch.")
        st.metric(
            "Validation accuracy", percent(validation.get("val_accuracy")), help="After the last completed epoch."
        )
        st.metric("Images a second", f"{_speed(history):,.0f}" if last else "–")
        st.metric("Learning rate", _number(last.get("learning_rate"), ".2g"))


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _speed(history: History) -> float:
    """Images a second over the last batches, without the first, which includes compilation."""
    recent = history.batches[1:][-SPEED_BATCHES:] or history.batches
    speeds = [batch.get("images_per_second", 0.0) for batch in recent]
    return float(np.median(speeds)) if speeds else 0.0


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
