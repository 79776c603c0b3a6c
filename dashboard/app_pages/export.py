"""Export: a report, and the network in other formats, each verified against the run's own model, with code for it."""

from __future__ import annotations

import io
from functools import partial

import streamlit as st
from PIL import Image

from core.data import Dataset
from core.export import verify
from core.export.formats import FORMATS, possible
from core.export.verify import Exports
from core.predictor import model_fingerprint
from core.runs import Run, RunView
from dashboard.components.background_job import begin_button, follow
from dashboard.components.classes import Classes, one_of
from dashboard.components.export import format_cards
from dashboard.components.page_head import begin_page
from dashboard.components.report import show_report
from dashboard.components.text import escape_markdown
from dashboard.components.train.import_run import show_bundle

KIND = "export"


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Export", needs="reader")
    if run is None:
        return
    if isinstance(run, Run):
        show_report(run.id, f"{run.id}-report.html", partial(make_report, run, digits))
    st.markdown("Use this network in your own program.")
    if isinstance(run, Run):
        show_run(run, digits)
    else:
        show_starter(run, digits)


def show_starter(starter: RunView, digits: Dataset) -> None:
    """Show the shipped network, which has one file."""
    st.info(
        "The starter is shipped as LiteRT only. Train a network of your own to export it in every format.",
        icon=":material/info:",
    )
    litert = FORMATS["litert"]
    format_cards.card(litert, None, litert.path(starter).read_bytes())
    show_usage(["litert"], digits, starter.classes)


def show_run(run: Run, digits: Dataset) -> None:
    """Show the export button or its progress, the formats, their use and verification, and the whole run as a zip."""
    stored = verify.load(run)
    reason = stored.stale(model_fingerprint(run.path), digits.fingerprint) if stored else ""
    current = None if reason else stored
    files = {name: verify.verified_file(run, current, name) if current else None for name in FORMATS}
    made = [name for name in possible(run) if not FORMATS[name].missing]
    if foreign := run.foreign_dataset(digits):
        st.error(escape_markdown(foreign), icon=":material/database_off:")
    else:
        with st.container(key="export_place"):
            if not follow(run, KIND, 1 + len(made)) and any(files[name] is None for name in made):
                with st.container():  # one for another: its progress takes the place of all of it
                    offer(run, digits, stored, reason)
    files["litert"] = FORMATS["litert"].path(run).read_bytes()  # also before anything is exported
    st.header("Formats", anchor=False)
    for name, format in FORMATS.items():
        why_not = "" if name in possible(run) else "Needs a Keras model; this run has only LiteRT."
        format_cards.card(format, current, files[name], reason=why_not)
    if current:
        st.header("Verification", anchor=False)
        format_cards.verification_table(current)
    show_usage(possible(run), digits, run.classes)
    st.header("For another Digit Lab", anchor=False)
    st.markdown("Its Train page takes this zip under Import a run.")
    show_bundle(run)
    if run.history().batches:
        st.header("TensorBoard and MLflow", anchor=False)
        st.markdown("Its curves, weights and confusion matrix, for programs that compare runs. In the terminal:")
        st.code(f"python -m core.export {run.id} --format tensorboard mlflow", language=None, wrap_lines=True)


def make_report(run: Run, digits: Dataset, name: str, words: str) -> bytes:
    """The report of the run, by somebody of this name and with their words."""
    from core.report import Author, run_report

    return run_report(run, digits, Author(name, words))


def offer(run: Run, digits: Dataset, stored: Exports | None, reason: str) -> None:
    """Show the button that exports, and the reason why saved exports are out of date."""
    if reason:
        st.warning(f"These exports are out of date: {reason}. Export again.", icon=":material/history:")
    label = "Export and verify" if stored is None else "Export again"
    st.markdown(
        f"Each format is verified on all {len(digits.x_test):,} test images, which takes 10 to 60 seconds in all."
    )
    begin_button(run, KIND, label, key="export", primary=True)


def show_usage(names: list[str], digits: Dataset, classes: Classes) -> None:
    """Show code for each format, with a test image as the file that it reads."""
    file = io.BytesIO()
    Image.fromarray(digits.x_test[0]).save(file, "PNG")
    first, own = one_of(digits.classes, digits.y_test[0]), "Digits" if digits.is_digits else "Images"
    st.header("How to use it", anchor=False)
    format_cards.usage(
        [FORMATS[name] for name in names],
        file.getvalue(),
        f"The first test image, {first}. {own} of your own need MNIST's form, which the Draw page makes: "
        "white on black, 28 × 28, centred by mass.",
        classes,
    )


page()
