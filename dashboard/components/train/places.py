"""The places of a run on Train, the same while it trains and afterwards: progress, numbers, charts, digits and tables.

Each place has its height before there is anything to fill it with, and its elements keep their keys from one run to the
next. So nothing moves when a run starts, learns or ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.data import Dataset
from core.evaluation.learning_words import off_when_validating
from core.network import Network, in_words
from core.runs import History, Run
from core.runs.files import EVENTS
from core.storage import printable, version
from dashboard.components.charts.history import history_charts
from dashboard.components.charts.theme import is_dark
from dashboard.components.curve_axis import choose_axis
from dashboard.components.curve_words import show_words
from dashboard.components.formatting import percent, rate_text
from dashboard.components.session import dataset_of
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.gallery import Tile, gallery

NUMBER_HEIGHT = 96  # pixels: a label, a value, and a remark below it
MOST_ROWS = 10
MOST_HEIGHT = 37 + 35 * MOST_ROWS + 17  # pixels: a half row shows that it goes on
MOST_KEPT = 32  # runs whose charts and tables are kept
SHOWN_IMAGES = 96  # ends with a full row of 6, 8, 12 or 16


@dataclass(frozen=True)
class Number:
    """One of the four numbers of a run: its label, its value as text, a remark below it, and an explanation."""

    label: str
    value: str
    remark: str | None = None
    help: str | None = None
    better: bool = False  # than what the remark compares it with


def show_progress(per_cent: int, words: str) -> None:
    """Show how many per cent of the epochs are trained, and in words what the run is at."""
    with st.container(key="run_progress"):
        st.progress(per_cent, text=words)


def show_end(words: str) -> None:
    """Show what came of the training, in the place of its progress: nothing is to be waited for, so there is no bar."""
    with st.container(key="run_progress"):
        st.markdown(words)


def show_numbers(numbers: Sequence[Number]) -> None:
    """Show four numbers in columns of the same width."""
    with st.grid(4, min_column_width=150, key="run_numbers"):
        for number in numbers:
            st.metric(
                number.label,
                number.value,
                number.remark,
                "normal" if number.better else "off",
                delta_arrow="off",
                help=number.help,
                height=NUMBER_HEIGHT,
            )


def show_charts(run: Run, epochs: int) -> None:
    """Show what the curves say, and loss and accuracy over epochs, updates or seconds; without any, the empty axes."""
    show_words(run)
    charts = _charts(*_saved(run), epochs, choose_axis("train"), is_dark(), run)
    with st.container(key="run_charts"):
        for column, (measure, chart) in zip(st.columns(2), charts.items(), strict=True):
            column.vega_lite_chart(chart, key=f"run_{measure}")


@st.cache_resource(max_entries=MOST_KEPT, show_spinner=False)
def _charts(path: str, version: tuple, epochs: int, over: str, is_dark: bool, _run: Run) -> dict[str, dict]:
    """The charts of a run, for everybody who looks at it, until it learns more."""
    history, config = _run.history(), _run.config
    again = off_when_validating(config) if config else []
    measured = any("train_loss" in epoch for epoch in history.epochs) or not history.epochs
    return history_charts(
        history,
        epochs,
        over=over,
        batches_an_epoch=history.batches_an_epoch(config.batch_size if config else None),
        read_again=" and ".join(again) if measured else "",
        classes=_run.classes,
    )


def _saved(run: Run) -> tuple[str, tuple]:
    """Where a run is, and what is another when it has learned more."""
    return printable(run.path), (version(run.path / EVENTS, missing_ok=True), bool(run.config))


def show_test_images(run: Run) -> None:
    """Show the first test images, before there are predictions and with them, right and wrong marked."""
    found, probabilities = dataset_of(run), run.probabilities()
    labels = found.y_test[:SHOWN_IMAGES]
    if probabilities is None and run.state.is_active and not run.foreign_dataset(found):
        title, words = f"The first {len(labels)} test images", "After the first epoch it reads them."
        tiles = [Tile(index, int(label)) for index, label in enumerate(labels)]
    elif fits(run, found):
        first = probabilities[:SHOWN_IMAGES]
        predictions, confidences = first.argmax(axis=1), first.max(axis=1)
        title = f"The first {len(labels)} test images: {int((predictions == labels).sum())} right"
        words = f"{_read_when(run)}; a cross marks a mistake."
        tiles = [
            Tile(index, int(label), int(prediction), float(confidence))
            for index, (label, prediction, confidence) in enumerate(zip(labels, predictions, confidences, strict=True))
        ]
    else:
        if probabilities is not None:
            name = escape_markdown(run.dataset.get("name"))
            st.caption(f"Test images are not shown: the run was trained on {name}, which is not here.")
        return
    st.header(title, anchor=False)
    st.caption(words)
    gallery(found.x_test[: len(labels)], tiles, key="test_images", selectable=False, tile_size=44, classes=run.classes)


def _read_when(run: Run) -> str:
    """After how many epochs, or within which one, the network was as it is shown."""
    epochs, within = len(run.history().epochs), run.epochs_learned or 0
    if within > epochs:
        return f"Within epoch {math.ceil(within)}"
    return f"After {epochs} {'epoch' if epochs == 1 else 'epochs'}"


def fits(run: Run, found: Dataset) -> bool:
    """Whether the run's probabilities belong to this dataset."""
    probabilities = run.probabilities()
    return probabilities is not None and len(probabilities) == len(found.y_test) and not run.foreign_dataset(found)


def show_tables(run: Run, epochs: int, files: Callable[[], None], note: str = "") -> None:
    """Show the epochs in a table of at most ten rows that scrolls, the layers, and what `files` shows.

    Args:
        run: the run.
        epochs: how many epochs it will have, for which the table has its height.
        files: shows the files to download.
        note: what the run was trained and validated on, in a sentence.
    """
    table, layers, downloads = st.tabs(["Epochs", "Network", "Files"], key="run_tables")
    with table:
        st.caption(best_epoch(run.history()))
        planned = min(MOST_ROWS, epochs) if run.state.is_active else 0
        rows, scrolls = _rows(*_saved(run), planned, run), epochs > MOST_ROWS and not run.state.is_active
        with st.container(key="on_screen" if scrolls else None):
            st.dataframe(
                rows,
                hide_index=True,
                width="content",  # so that numbers stand below their headings
                height="content" if epochs <= MOST_ROWS else MOST_HEIGHT,
                placeholder="–",
                column_config=EPOCH_COLUMNS,
                key="run_epochs",
            )
        if scrolls:
            with st.container(key="on_paper"):
                st.table(rows.style.format(EPOCH_FORMATS, na_rep="–"), hide_index=True)
        if note:
            st.caption(note)
    with layers:
        if run.config:
            layer_table(run.config.layers)
        else:
            st.caption("Its layers are not known, since its settings are damaged.")
    with downloads:
        files()


@st.cache_resource(max_entries=MOST_KEPT, show_spinner=False)
def _rows(path: str, version: tuple, planned: int, _run: Run) -> pd.DataFrame:
    """The epochs of a run, for everybody who looks at it, until there are more."""
    return epoch_table(_run.history(), planned)


EPOCH_COLUMNS = {
    "Epoch": st.column_config.TextColumn(),
    "Validation accuracy": st.column_config.NumberColumn(format="%.2f %%"),
    "Accuracy": st.column_config.NumberColumn(format="%.2f %%"),
    "Validation loss": st.column_config.NumberColumn(format="%.4f"),
    "Loss": st.column_config.NumberColumn(format="%.4f"),
    "Learning rate": st.column_config.TextColumn(alignment="right"),
    "Seconds so far": st.column_config.NumberColumn(format="%.1f"),
}
EPOCH_FORMATS = {  # the same on paper
    "Validation accuracy": "{:.2f} %",
    "Accuracy": "{:.2f} %",
    "Validation loss": "{:.4f}",
    "Loss": "{:.4f}",
    "Seconds so far": "{:.1f}",
}


def epoch_table(history: History, planned: int = 0) -> pd.DataFrame:
    """One row for each epoch, accuracies in percent; the epoch of the highest validation accuracy is named the best.

    Of the epochs that are `planned` and still to come, it has the numbers alone. A learning rate that stays the same is
    left out: the settings above say it.
    """
    to_come = [{"epoch": epoch} for epoch in range(len(history.epochs) + 1, planned + 1)]
    frame = pd.DataFrame([*history.epochs, *to_come])
    names = "epoch", "val_accuracy", "accuracy", "val_loss", "loss", "learning_rate", "training_seconds"
    frame = frame.reindex(columns=list(names)).astype(float)
    frame[["accuracy", "val_accuracy"]] *= 100
    frame["learning_rate"] = frame["learning_rate"].map(rate_text, na_action="ignore")
    best, width = _best(history), len(str(len(frame)))
    frame["epoch"] = [
        f"{epoch:{width}.0f}".replace(" ", "  ")
        + (" · best" if place == best else "")  # so that texts sort as numbers do
        for place, epoch in enumerate(frame["epoch"])
    ]
    frame = frame.set_axis(list(EPOCH_COLUMNS), axis="columns")
    return frame if frame["Learning rate"].nunique() > 1 else frame.drop(columns="Learning rate")


def best_epoch(history: History) -> str:
    """Which epoch had the highest validation accuracy, briefly; before there are two, what the best one is."""
    place = _best(history)
    if place is None:
        return "Best: the highest validation accuracy."
    epoch = history.epochs[place]
    return f"Best: epoch {epoch['epoch']}, {percent(epoch['val_accuracy'])} in validation."


def _best(history: History) -> int | None:
    """The place of the first epoch with the highest validation accuracy; None before there are two to choose from."""
    known = [(epoch["val_accuracy"], -place) for place, epoch in enumerate(history.epochs) if "val_accuracy" in epoch]
    return -max(known)[1] if len(known) > 1 else None


def layer_table(network: Network) -> None:
    """Show the layers with their shapes and parameters."""
    table = pd.DataFrame(
        {
            "Layer": [block.layer.text for block in network.blocks],
            "Output": [in_words(block.shape) for block in network.blocks],
            "Parameters": [block.parameters for block in network.blocks],
        }
    )
    columns = {"Parameters": st.column_config.NumberColumn(format="localized")}
    st.dataframe(table, hide_index=True, height="content", column_config=columns)
