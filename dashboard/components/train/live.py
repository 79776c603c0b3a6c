"""A run while it is active: progress, numbers, curves and the first test images, updated twice a second."""

from __future__ import annotations

import time

import streamlit as st

from core.config import TrainingConfig
from core.runs import History, Run
from dashboard.components.following import is_outdated
from dashboard.components.formatting import duration_in_words, percent, rate_text, training_images_in_words
from dashboard.components.page_head import show_tab_title
from dashboard.components.progress import per_cent_done
from dashboard.components.session import dataset, dataset_of, launcher, remember_removal
from dashboard.components.train.line import Place, place_in_line
from dashboard.components.train.places import (
    Number,
    show_charts,
    show_numbers,
    show_progress,
    show_tables,
    show_test_images,
)

REFRESH_SECONDS = 0.4
MOMENT, LOOK_SECONDS = 0.3, 0.02  # in which a worker that is ready begins


def give_a_moment(run: Run) -> None:
    """Wait a moment for a run that was just started: a worker that is ready trains before the page is drawn."""
    until = time.monotonic() + MOMENT
    while time.monotonic() < until and run.state.is_active and not run.history().batches:
        time.sleep(LOOK_SECONDS)


@st.fragment(run_every=REFRESH_SECONDS)
def live(run: Run) -> None:
    """Show progress, numbers, curves and test images; runs the page again when the run changes its state."""
    if is_outdated():
        st.rerun()
    state, history = run.state, run.history()
    place = place_in_line(run, dataset()) if state.name == "queued" else None
    epochs = state.target_epochs
    done = per_cent_done(run)
    if state.name == "running":
        show_tab_title(progress=f"{done} %")
    show_progress(done, place.words if place else _where(run, history, epochs, done))
    show_numbers(_numbers_in_line(run, place) if place else last_numbers(history))
    show_charts(run, epochs)
    show_test_images(run)
    if not place:
        show_tables(run, epochs, lambda: st.caption("Its files can be downloaded here when it has ended."))


@st.fragment(run_every=REFRESH_SECONDS)
def await_deletion(run: Run) -> None:
    """Say that a run is stopping to be deleted, until it is."""
    remember_removal(run, "deleted")
    if is_outdated():
        st.rerun()
    st.info("Stopping. The run is deleted once its worker has ended.", icon=":material/hourglass_empty:")


def _where(run: Run, history: History, epochs: int, done: int) -> str:
    """What the worker does at the moment, in words, with the per cent that are done."""
    if run.state.name == "queued":
        if launcher().problem:
            return "Waiting for a worker"  # the page shows the reason above
        return "Waiting for a worker: TensorFlow takes a few seconds to start"
    if request := run.control.get("request"):
        return "Pausing" if request == "pause" else "Stopping and saving the model"
    if history.phase == "waiting":
        return "Building the network"
    if history.phase == "finishing":
        return "Exporting the model and verifying it on the test set"
    if not history.batches:
        return "Training the first batches"
    left, epoch = history.seconds_left(epochs), min(len(history.epochs) + 1, epochs)
    words = f"Epoch {epoch} of {epochs}{_batch(run, history, epoch)} · {done} %"
    return words if left is None else f"{words} · {duration_in_words(left)} left"


def _batch(run: Run, history: History, epoch: int) -> str:
    """Which batch of an epoch it is at, as a part of a line; "" where that is not known."""
    size = run.config.batch_size if run.config else 0
    batches = history.batches_an_epoch(size)
    if not size or not batches:
        return ""
    batch = min(max(1, history.last_batch["step"] - batches * (epoch - 1)), batches)
    return f", batch {batch:,} of {batches:,}, {size:,} images each"


def _numbers_in_line(run: Run, place: Place) -> list[Number]:
    """What stands in place of the numbers that a run in line does not have yet."""
    starts = [] if place.seconds is None else [Number("Starts in about", duration_in_words(place.seconds))]
    return [
        *starts,
        Number("Epochs", str(run.state.target_epochs)),
        Number("Training images", training_images_in_words(run.config or TrainingConfig(), dataset_of(run))),
    ]


def last_numbers(history: History) -> list[Number]:
    """The newest numbers of training, each a dash before there is one."""
    last = history.last_batch
    validation = history.epochs[-1] if history.epochs else {}
    speed, rate = history.images_per_second(), last.get("learning_rate")
    return [
        Number(
            "Training accuracy",
            percent(last.get("epoch_accuracy")),
            None if last.get("epoch_loss") is None else f"loss {last['epoch_loss']:.4f} · this epoch",
            help="Mean of the epoch so far, its first batches too. The thin line shows the last batches alone.",
        ),
        Number(
            "Validation accuracy",
            percent(validation.get("val_accuracy")),
            f"after epoch {validation['epoch']}" if validation else None,
        ),
        Number("Images a second", "–" if speed is None else f"{speed:,.0f}"),
        Number(
            "Learning rate now",
            "–" if rate is None else rate_text(rate),
            help="CNN and Best begin with a low one, rise to the one in the settings, and decay to almost 0. The "
            "others keep theirs.",
        ),
    ]
