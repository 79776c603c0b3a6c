"""Export: the network in other formats, each proven to answer as the run does, with code that runs it."""

from __future__ import annotations

import io

import streamlit as st
from PIL import Image

from core.data import Dataset
from core.export import verify
from core.export.formats import FORMATS, possible
from core.export.verify import Exports
from core.predictor import model_fingerprint
from core.runs import Run, RunView
from dashboard.components.background_job import begin_button, follow
from dashboard.components.export import format_cards
from dashboard.components.run_picker import choose_run
from dashboard.components.session import dataset, dataset_note
from dashboard.components.text import escape_markdown
from dashboard.components.train.import_run import show_bundle

KIND = "export"


def page() -> None:
    """The whole page, from top to bottom."""
    st.title("Export")
    digits = dataset()
    dataset_note(digits)
    run = choose_run(needs="reader")
    if run is None:
        return
    st.markdown(
        "Take the network out. Each format takes pixels as they are, uint8 (n, 28, 28) from 0 to 255, white on black, "
        "and gives ten probabilities that sum to 1: scaling is inside."
    )
    own = isinstance(run, Run)
    if show_run(run, digits) if own else show_starter(run):
        give_digit(digits)
    if own:
        st.subheader("The whole run")
        st.markdown(
            "For another Digit Lab: settings, history, predictions and the LiteRT model in one zip. It is dropped on "
            "the Train page there, under Import a run."
        )
        show_bundle(run)


def show_starter(starter: RunView) -> bool:
    """The shipped network: its one file; True, as there is something to run."""
    st.info(
        "The starter is shipped as LiteRT only. Train a network of your own to export it in every format.",
        icon=":material/info:",
    )
    litert = FORMATS["litert"]
    format_cards.card(litert, None, litert.path(starter).read_bytes())
    return True


def show_run(run: Run, digits: Dataset) -> bool:
    """The button, how far it is, the proof, and the formats; whether there is something to run."""
    stored = verify.load(run)
    reason = stored.stale(model_fingerprint(run.path), digits.fingerprint) if stored else ""
    current = None if reason else stored
    files = {name: verify.proven_file(run, current, name) if current else None for name in FORMATS}
    if foreign := run.foreign_dataset(digits):
        st.error(escape_markdown(foreign), icon=":material/database_off:")
    elif not follow(run, KIND) and any(files[name] is None and not FORMATS[name].missing for name in possible(run)):
        offer(run, digits, stored, reason)
    if current:
        format_cards.proof_table(current)
        if words := format_cards.price(current):
            st.markdown(words)
    st.subheader("Formats")
    for name, format in FORMATS.items():
        why_not = "" if name in possible(run) else "This run has no Keras model to make it from, only LiteRT."
        format_cards.card(format, current.of(name) if current else None, files[name], reason=why_not)
    return any(files.values())


def offer(run: Run, digits: Dataset, stored: Exports | None, reason: str) -> None:
    """The button that exports, where a file is missing, and the reason why what is stored is out of date."""
    if reason:
        st.warning(f"These exports are out of date: {reason}. Export again.", icon=":material/history:")
    elif stored is None:
        st.markdown(
            f"One click writes every format and reads all {len(digits.x_test):,} test images with each, in its own "
            "runtime. On two processor cores that takes 10 to 60 seconds, and files and proof are kept in the run."
        )
    label = "Export and prove" if stored is None else "Export again"
    begin_button(run, KIND, label, key="export", primary=True)


def give_digit(digits: Dataset) -> None:
    """A test image for the code to read."""
    file = io.BytesIO()
    Image.fromarray(digits.x_test[0]).save(file, "PNG")
    st.download_button(
        "digit.png",
        file.getvalue(),
        "digit.png",
        "image/png",
        key="download_digit",
        icon=":material/image:",
        on_click="ignore",
        help=f"The first test image, a {digits.y_test[0]}, for the code above to read.",
    )
    st.caption(
        "A digit for the code to read. Digits of your own need MNIST's form, as Draw brings them to: white on black, "
        "28 × 28, centred by their mass."
    )


page()
