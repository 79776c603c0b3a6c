"""The results of a run that ended, in the places that it had while it trained, and its files."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import Dataset
from core.runs import Run
from core.runs.kept import until_folder_changes
from dashboard.components.classes import are_digits
from dashboard.components.draw.fine_tuning import fine_tuning_report
from dashboard.components.formatting import percent, seconds_in_words
from dashboard.components.session import dataset_of, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.import_run import show_bundle
from dashboard.components.train.live import last_numbers
from dashboard.components.train.places import (
    Number,
    fits,
    show_charts,
    show_end,
    show_numbers,
    show_tables,
    show_test_images,
)
from dashboard.components.whose import full_name, listed
from dashboard.components.widgets.gallery import Tile, gallery

SAMPLE_IMAGES = 28
SAMPLE = 5, 10  # rows and columns of the figure of sample predictions


def show_results(run: Run) -> None:
    """Show what came of a run, in the places that it had while it trained."""
    history, epochs = run.history(), _epochs(run)
    complete = bool(history.epochs) or run.state.name == "finished"
    show_end(_outcome(run))
    if not complete and not history.batches:
        return  # nothing was trained
    show_numbers(_test_numbers(run) if run.summary else last_numbers(history))
    show_charts(run, epochs)
    fine_tuning_report(run)
    show_test_images(run)
    if complete:
        show_tables(run, epochs, lambda: downloads(run, dataset_of(run)), _trained_on(run))


def _epochs(run: Run) -> int:
    """How many epochs the charts show: all that were planned, unless training ended well before."""
    completed = len(run.history().epochs)
    return max(1, completed) if run.state.name == "finished" else run.state.target_epochs


def _outcome(run: Run) -> str:
    """What came of the training, in a line."""
    state, history, summary = run.state, run.history(), run.summary or {}
    completed = len(history.epochs)
    words, _, _ = state.message.partition("\n\n")
    epochs = summary.get("epochs", completed)
    if state.name == "finished" or run.imported:
        counted = "1 epoch" if epochs == 1 else f"{epochs} epochs"
        if run.imported and epochs == completed and history.epoch_under_way:
            counted = f"Ended within epoch {history.epoch_under_way}"
        told = [counted + (f" in {seconds_in_words(seconds)}" if (seconds := summary.get("training_seconds")) else "")]
        if images := summary.get("training_images"):
            told[0] += f" on {images:,} images, validated on {_validated_on(run)}"
        return " · ".join(told + ([escape_markdown(words)] if words else []))
    by = " by the teacher" * state.is_by_teacher
    why = f" · {escape_markdown(words)}" if state.name == "stopped" and words and not by else ""
    when = f"within epoch {begun}" if (begun := history.epoch_under_way) else f"after {completed}"
    return f"{state.name.capitalize()}{by} {when} of {state.target_epochs}{'' if begun else ' epochs'}{why}"


def _validated_on(run: Run) -> str:
    """The images that the run was validated on, in words."""
    if run.config and run.config.info.validates_on_test:
        return "the test images"
    return f"{(run.summary or {}).get('validation_images', 0):,} others"


def _test_numbers(run: Run) -> list[Number]:
    """Accuracy on test, validation and training images, and parameters.

    Of a network that is validated on the test images, the mistakes stand in the place of validation accuracy, which
    would be test accuracy once more.
    """
    accuracy, best, history = run.test_accuracy, best_other(run), run.history()
    last = history.epochs[-1] if history.epochs else {}
    if history.epoch_under_way and run.epochs_learned != run.summary.get("epochs"):  # it was stopped within one
        last = {"accuracy": history.last_batch.get("epoch_accuracy")}
        last["val_accuracy"] = run.summary.get("validation_accuracy")
    better = accuracy is not None and best is not None and accuracy > best.test_accuracy
    return [
        Number(
            "Test accuracy",
            percent(accuracy),
            _beside_best(accuracy, best) if accuracy is not None and best else None,
            help="Share of test images that it reads right; it did not learn them. Below: beside the best other.",
            better=better,
        ),
        _mistakes(run, accuracy)
        or Number("Validation accuracy", percent(last.get("val_accuracy")), help="At the end of training."),
        Number(
            "Training accuracy",
            percent(last.get("accuracy")),
            help="Of the images that it learned, counted during the last epoch.",
        ),
        Number("Parameters", f"{run.summary.get('parameters', 0):,}"),
    ]


def _mistakes(run: Run, accuracy: float | None) -> Number | None:
    """How many test images a network misreads that is validated on them; None for others, and where it is not known."""
    images = run.summary.get("parity", {}).get("images")
    if accuracy is None or not images or not (run.config and run.config.info.validates_on_test):
        return None
    wrong = round((1 - accuracy) * images)
    return Number(
        "Mistakes", f"{wrong:,}", f"of {images:,} test images", help="It is validated on the test images too."
    )


def _beside_best(accuracy: float, best: Run) -> str:
    """How much better or worse than the best other run it is, briefly."""
    points, name = 100 * (accuracy - best.test_accuracy), escape_markdown(full_name(best))
    if abs(points) < 0.005:
        return f"as good as {name}"
    return f"{abs(points):.2f} points {'above' if points > 0 else 'below'} {name}"


def best_other(run: Run) -> Run | None:
    """The run in lists with the highest accuracy on the same test images, apart from this one."""
    data = run.dataset.get("fingerprint")
    among = {other.id for other in listed(store().runs())} - {run.id}
    scored = [
        (accuracy, run_id)
        for run_id, (accuracy, fingerprint) in store().of_each(_score).items()
        if accuracy is not None and fingerprint == data and run_id in among
    ]
    return store().get(max(scored, key=lambda entry: entry[0])[1]) if scored else None


@until_folder_changes
def _score(run: Run) -> tuple[float | None, str | None]:
    """A run's test accuracy, and the fingerprint of the dataset."""
    return run.test_accuracy, run.dataset.get("fingerprint")


def _trained_on(run: Run) -> str:
    """What the run was trained and validated on, in a sentence; "" before it has a model."""
    summary = run.summary
    if not summary:
        return ""
    data = escape_markdown(run.dataset.get("name", "an unknown dataset"))
    images = f"{summary.get('training_images', 0):,} images"
    if run.config and run.config.start_from:
        words = f"Fine-tuned on {images}: your digits, repeated, plus a sample of {data}"
    elif run.config and run.config.augment:
        digits = ", plus 5 % synthetic digits" * are_digits(run.classes)
        words = f"Trained on {images}: {data}, augmented anew each epoch{digits}"
    else:
        words = f"Trained on {images} of {data}"
    return f"{words}; validated on {_validated_on(run)}."


def _verified(run: Run) -> str:
    """How the exported model compares with the trained network, in a sentence; "" where it was not compared."""
    parity = (run.summary or {}).get("parity", {})
    differing = parity.get("different_predictions")
    if differing is None:
        return ""
    agreement = "all predictions match" if differing == 0 else f"{differing:,} predictions differ from"
    return (
        f"The exported model was verified on {parity.get('images', 0):,} test images: {agreement} those of the trained "
        f"network, largest difference in probability {parity.get('max_abs_difference', 0):.1e}."
    )


def downloads(run: Run, found: Dataset) -> None:
    """Show buttons for figures and model files; figures are made when they are clicked."""

    def figure(kind: str) -> bytes:
        from core.evaluation import figures  # matplotlib takes half a second to import

        if kind == "history":
            return figures.figure_bytes(figures.history_figure(run.history().epochs, run.name))
        sample = slice(0, SAMPLE[0] * SAMPLE[1])
        probabilities = run.probabilities()[sample]
        return figures.figure_bytes(
            figures.predictions_figure(found.x_test[sample], found.y_test[sample], probabilities, *SAMPLE, run.classes)
        )

    if verified := _verified(run):
        st.write(verified)
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
        if fits(run, found):
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


def sample_digits(found: Dataset) -> None:
    """Show some of the training images, evenly spread over the training set, with their labels."""
    count = len(found.x_train)
    shown = np.linspace(0, count - 1, min(SAMPLE_IMAGES, count)).astype(int)
    tiles = [Tile(int(index), int(found.y_train[index]), of="training") for index in shown]
    name = f"{len(shown)} of {count:,} training images of {found.name}"
    st.caption(escape_markdown(name))
    look = {"selectable": False, "tile_size": 44, "label": name, "classes": found.classes}
    gallery(found.x_train[shown], tiles, key="sample_digits", **look)
