"""A run while it is active: bars, numbers, curves and a hundred test images, twice a second."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.runs import History, Run
from dashboard.components.charts import history_chart
from dashboard.components.shared import percent, store
from dashboard.components.results import test_images

REFRESH_SECONDS = 0.4
SPEED_BATCHES = 12  # over how many progress events the speed is averaged


@st.fragment(run_every=REFRESH_SECONDS)
def live(run: Run) -> None:
    """Everything that moves; ends itself when the run is over."""
    state, history = run.state, run.history()
    if not state.is_active:
        st.rerun()
    epochs = state.target_epochs
    done = history.last_batch.get("position", 0.0)
    st.progress(min(1.0, done / epochs), text=_where(run, history, epochs))
    part = done - len(history.epochs)
    st.progress(min(1.0, max(0.0, part)), text=f"Epoch {min(len(history.epochs) + 1, epochs)} of {epochs}")
    _numbers(history, epochs)
    if history.batches:
        for column, panel in zip(st.columns(2), history_chart(history, epochs), strict=True):
            with column:
                st.altair_chart(panel, key=f"live_{panel.title}")
    test_images(run)


def _where(run: Run, history: History, epochs: int) -> str:
    """What the worker is at, in words."""
    if run.state.name == "queued":
        return _queue_position(run)
    request = run.control.get("request")
    if request:
        return "Pausing" if request == "pause" else "Stopping, and keeping what was learned"
    if history.phase == "waiting":
        return "The worker has the run and is building the network"
    if history.phase == "finishing":
        return "Exporting the model and checking the export on the whole test set"
    done = history.last_batch.get("position", 0.0)
    left = (epochs - done) * history.epoch_images / max(1.0, _speed(history))
    return f"{100 * done / epochs:.0f} % of {epochs} epochs · {_duration(left)} left" if done else "The first batches"


def _queue_position(run: Run) -> str:
    queue = [waiting.id for waiting in store().queued()]
    ahead = queue.index(run.id) if run.id in queue else 0
    training = [other.name for other in store().runs() if other.state.name == "running"]
    if training:
        place = "next in line" if ahead == 0 else f"{ahead} before it in line"
        return f"Waiting for {' and '.join(training)} to end, {place}"
    return "Waiting for a worker; TensorFlow takes a few seconds to start"


def _numbers(history: History, epochs: int) -> None:
    last = history.last_batch
    validation = history.epochs[-1] if history.epochs else {}
    with st.container(horizontal=True):
        st.metric("Training accuracy", percent(last.get("epoch_accuracy")), help="Of the epoch under way.")
        st.metric("Training loss", f"{last['epoch_loss']:.4f}" if last else "–", help="Of the epoch under way.")
        st.metric("Validation accuracy", percent(validation.get("val_accuracy")), help="After the last whole epoch.")
        st.metric("Images a second", f"{_speed(history):,.0f}" if last else "–")
        st.metric("Learning rate", f"{last['learning_rate']:.2g}" if last else "–")


def _speed(history: History) -> float:
    """Images a second over the last batches, the first call with its compilation left out."""
    recent = history.batches[1:][-SPEED_BATCHES:] or history.batches
    speeds = [batch.get("images_per_second", 0.0) for batch in recent]
    return float(np.median(speeds)) if speeds else 0.0


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
