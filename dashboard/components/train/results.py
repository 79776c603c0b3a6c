"""The results of a run: numbers, curves, a hundred test images, and files to download."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from core.config import ModelInfo
from core.data import Dataset
from core.runs import Run
from dashboard.components.charts.history import history_charts
from dashboard.components.formatting import percent, seconds_in_words
from dashboard.components.session import dataset, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.import_run import show_bundle
from dashboard.components.widgets.gallery import Tile, gallery

CLASSIC_ACCURACY = 0.9572  # what the classic script reports
SHOWN_IMAGES = 100
SAMPLE_IMAGES = 28


def headline(run: Run) -> None:
    """Show test accuracy against the classic script and the best run, training time, epochs and parameters."""
    summary = run.summary
    if summary is None:
        epochs = run.history().epochs
        if epochs:
            completed = "1 epoch" if len(epochs) == 1 else f"{len(epochs)} epochs"
            st.write(f"{completed} completed, validation accuracy {percent(epochs[-1].get('val_accuracy'))}")
        return
    accuracy = run.test_accuracy
    best = store().best()
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "Test accuracy",
            percent(accuracy),
            f"{100 * (accuracy - CLASSIC_ACCURACY):+.2f} points against the classic script's 95.72 %"
            if accuracy is not None and run.dataset.get("name") == "MNIST"
            else None,
            help="Share of test images that it reads right. It was not trained on them.",
            width="content",
        )
        if best and best.id != run.id and best.test_accuracy is not None:
            st.metric(
                "Best run so far",
                percent(best.test_accuracy),
                escape_markdown(best.name),
                delta_color="off",
                delta_arrow="off",
                width="content",
            )
        elif best:
            st.metric("Best run so far", "This one", width="content")
        st.metric("Training time", seconds_in_words(summary.get("training_seconds", 0.0)), width="content")
        st.metric("Epochs", summary.get("epochs", "–"), width="content")
        st.metric("Parameters", f"{summary.get('parameters', 0):,}", width="content")
    st.caption(_small_print(run, summary))


def _small_print(run: Run, summary: dict) -> str:
    parity = summary.get("parity", {})
    differing = parity.get("different_predictions")
    data = escape_markdown(run.dataset.get("name", "an unknown dataset"))
    images = f"{summary.get('training_images', 0):,} images"
    if run.config and run.config.start_from:
        words = [f"Fine-tuned on {images}: your digits, repeated, plus a sample of {data}."]
    elif run.config and run.config.augment:
        words = [f"Trained on {images}: {data}, augmented anew each epoch, plus 5 % synthetic digits."]
    else:
        words = [f"Trained on {images} of {data}."]
    if differing is not None:
        agreement = "all predictions match" if differing == 0 else f"{differing} predictions differ from"
        words.append(
            f"Exported model, verified on {parity.get('images', 0):,} test images: {agreement} those of the trained "
            f"network, largest difference in probability {parity.get('max_abs_difference', 0):.1e}."
        )
    if run.config and run.config.info.validates_on_test:
        words.append("Like the classic script, it validates on the test images.")
    return " ".join(words)


def details(run: Run, found: Dataset) -> None:
    """Show curves, test images, the table of epochs, the layers and files to download."""
    history = run.history()
    if history.batches:
        charts = history_charts(history, math.ceil(history.last_batch.get("position", 1.0)))
        for column, (measure, chart) in zip(st.columns(2), charts.items(), strict=True):
            column.vega_lite_chart(chart, key=f"ended_{measure}")
    epochs, layers, files = st.tabs(["Epochs", "Network", "Files"])
    with epochs:
        st.dataframe(epoch_table(run), hide_index=True, height="content")
    with layers:
        layer_table(run.architecture)
    with files:
        downloads(run, found)
    test_images(run)


def epoch_table(run: Run) -> pd.DataFrame:
    """One row for each epoch, numbers as text with the same number of decimals."""
    rows = [
        {
            "Epoch": epoch.get("epoch"),
            "Loss": f"{epoch.get('loss', float('nan')):.4f}",
            "Accuracy": percent(epoch.get("accuracy")),
            "Validation loss": f"{epoch.get('val_loss', float('nan')):.4f}",
            "Validation accuracy": percent(epoch.get("val_accuracy")),
            "Learning rate": f"{epoch.get('learning_rate', float('nan')):.2g}",
            "Seconds so far": f"{epoch.get('training_seconds', float('nan')):.1f}",
        }
        for epoch in run.history().epochs
    ]
    return pd.DataFrame(rows)


def runs_table(runs: list[Run], shown: Run | None) -> pd.DataFrame:
    """One row for each run; the one on the page is marked."""
    rows = []
    for run in runs:
        config, summary = run.config, run.summary or {}
        seconds = summary.get("training_seconds")
        rows.append(
            {
                "": "▸" if shown and run.id == shown.id else "",
                "Run": run.name,
                "State": run.state.name.capitalize(),
                "Network": config.info.title if config else "–",
                "Epochs": str(summary.get("epochs", "–")),
                "Test accuracy": percent(run.test_accuracy),
                "Training time": "–" if seconds is None else seconds_in_words(seconds),
                "Data": run.dataset.get("name", "–"),
            }
        )
    return pd.DataFrame(rows)


def layer_table(rows: list[dict], *, names: bool = True) -> None:
    """Show the layers with their shapes and parameters."""
    table = pd.DataFrame(
        {
            **({"Name": [row.get("name") for row in rows]} if names else {}),
            "Layer": [row.get("kind") for row in rows],
            "Output": [" × ".join(map(str, row.get("shape", []))) for row in rows],
            "Parameters": [f"{row.get('parameters', 0):,}" for row in rows],
        }
    )
    st.dataframe(table, hide_index=True, height="content")


def architecture_card(info: ModelInfo, rows: list[dict]) -> None:
    """Show a network with its layers, before anything is trained."""
    with st.container(border=True):
        st.markdown(f"**{info.title}** · {sum(row.get('parameters', 0) for row in rows):,} parameters")
        st.caption(info.about)
        layer_table(rows, names=False)


def downloads(run: Run, found: Dataset) -> None:
    """Show buttons for figures and model files; figures are made when they are clicked."""

    def figure(kind: str) -> bytes:
        from core.evaluation import figures  # matplotlib takes half a second to import

        if kind == "history":
            return figures.figure_bytes(figures.history_figure(run.history().epochs, run.name))
        sample = slice(0, 50)
        probabilities = run.probabilities()[sample]
        return figures.figure_bytes(
            figures.predictions_figure(found.x_test[sample], found.y_test[sample], probabilities, 5, 10)
        )

    with st.container(horizontal=True):
        if run.history().epochs:
            st.download_button(
                "History as PNG",
                lambda: figure("history"),
                f"{run.id}-history.png",
                "image/png",
                icon=":material/show_chart:",
                on_click="ignore",
            )
        if _fits(run, found):
            st.download_button(
                "Sample predictions as PNG",
                lambda: figure("predictions"),
                f"{run.id}-predictions.png",
                "image/png",
                icon=":material/image:",
                on_click="ignore",
            )
        for path, label in ((run.keras_path, "Keras model"), (run.model_path, "LiteRT model")):
            if path.exists():
                st.download_button(
                    label,
                    path.read_bytes,
                    f"{run.id}.{path.suffix[1:]}",
                    "application/octet-stream",
                    icon=":material/download:",
                    on_click="ignore",
                )
        show_bundle(run)
    st.caption(f"All files of this run are in the folder {escape_markdown(run.path)}")


def _fits(run: Run, found: Dataset) -> bool:
    """Whether the run's probabilities belong to the dataset that is loaded."""
    probabilities = run.probabilities()
    return probabilities is not None and len(probabilities) == len(found.y_test) and not run.foreign_dataset(found)


def test_images(run: Run) -> None:
    """Show the first hundred test images with the run's predictions, right and wrong marked."""
    found = dataset()
    if not _fits(run, found):
        if run.probabilities() is not None:
            name = escape_markdown(run.dataset.get("name"))
            st.caption(
                f"Test images are not shown: the run was trained on {name}, another dataset than the one loaded now."
            )
        return
    probabilities = run.probabilities()[:SHOWN_IMAGES]
    labels = found.y_test[:SHOWN_IMAGES]
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = int((predictions == labels).sum())
    epochs = len(run.history().epochs)
    st.subheader(f"The first {len(labels)} test images: {right} right", anchor=False)
    st.caption(f"After {epochs} {'epoch' if epochs == 1 else 'epochs'}; a cross marks a mistake.")
    tiles = [
        Tile(index, int(label), int(prediction), float(confidence))
        for index, (label, prediction, confidence) in enumerate(zip(labels, predictions, confidences, strict=True))
    ]
    gallery(found.x_test[: len(labels)], tiles, key=f"test_images_{run.id}", selectable=False, tile_size=44)


def sample_digits(found: Dataset) -> None:
    """Show some of the training images, evenly spread over the training set, with their labels."""
    count = len(found.x_train)
    shown = np.linspace(0, count - 1, min(SAMPLE_IMAGES, count)).astype(int)
    tiles = [Tile(int(index), int(found.y_train[index]), of="training") for index in shown]
    name = f"{len(shown)} of {count:,} training images of {found.name}"
    st.caption(escape_markdown(name))
    gallery(found.x_train[shown], tiles, key="sample_digits", selectable=False, tile_size=44, label=name)
