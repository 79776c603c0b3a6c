"""Robustness: a run's accuracy on test images that were shifted, turned, blurred and so on."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from core.data import Dataset
from core.predictor import model_fingerprint
from core.robustness import corruptions, measure
from core.robustness.measure import Robustness
from core.robustness.words import in_words
from core.runs import Run, RunView
from dashboard.components.background_job import await_begin, begin_button, follow
from dashboard.components.charts import robustness as charts
from dashboard.components.charts.confusion import is_wide
from dashboard.components.classes import Classes, name_of, noun, one_of
from dashboard.components.downloads import show_download
from dashboard.components.formatting import percent
from dashboard.components.how_measured import how_measured
from dashboard.components.learn.lesson_link import lesson_link
from dashboard.components.page_head import begin_page
from dashboard.components.text import escape_markdown

KIND = "robustness"
MEAN = "Mean"
STEPS = 1 + len(corruptions.CORRUPTIONS) * len(corruptions.STRENGTHS)  # unchanged, and each change in each strength

CONVOLUTIONS = "Its convolutions look for the same small patterns in all places, which helps when an image is shifted."
NO_CONVOLUTIONS = (
    "It has weights for each pixel, so a shifted image is new to it. A CNN looks for the same small patterns in all "
    "places."
)


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Robustness", needs="model")
    if run is None:
        return
    if reason := run.foreign_dataset(digits):
        st.error(escape_markdown(reason), icon=":material/database_off:")
        return
    st.header("How much does it still read?", anchor=False)
    result = measure.load(run)
    if result is None:
        offer(run, digits)
        show_samples(digits)
        return
    if reason := result.stale(model_fingerprint(run.path), digits.fingerprint):
        offer_again(run, reason)
    show_headline(run, result)
    with st.grid(1 if is_wide(run.classes) else 2, min_column_width=400, gap="large"):
        with st.container():
            show_changes(digits, result)
        with st.container():
            show_digits(result, run.classes)
    show_download(
        "Download CSV",
        partial(result.as_csv, run.classes),
        f"{run.id}-robustness.csv",
        "text/csv",
        key="download_robustness",
        help=f"Accuracy under each change and strength, overall and of each {noun(run.classes)}.",
    )
    with how_measured():
        st.markdown(
            f"- Each of the {result.images:,} test images is read under every change and strength, always changed in "
            "the same way, after MNIST-C (Mu & Gilmer 2019).\n"
            "- Losses are percentage points of accuracy against the unchanged images."
        )


def offer(run: Run, digits: Dataset) -> None:
    """Say what a measurement does and tells, and show the button that starts it, or its progress."""
    kinds = "digits" if digits.is_digits else "classes"
    images, ways, strengths = len(digits.x_test), len(corruptions.CORRUPTIONS), len(corruptions.STRENGTHS)
    st.markdown(
        f"It reads all {images:,} test images under {ways} changes in {strengths} strengths each: "
        f"**{images * ways * strengths:,} images**. Then you see which changes and which {kinds} cost it accuracy."
    )
    with st.container(key="robustness_status"):
        if not follow(run, KIND, STEPS, alike=True):
            with st.container(gap="small"):
                begin_button(run, KIND, "Measure", key="measure", primary=True)
                await_begin(run, KIND, f"Takes about {'20' if images > 2_000 else 'a few'} seconds.")


def offer_again(run: Run, reason: str) -> None:
    """Say why the saved result is out of date, and show the button that measures again, or its progress."""
    if not follow(run, KIND, STEPS, alike=True):
        st.warning(f"These numbers are out of date: {reason}. Measure again.", icon=":material/history:")
        begin_button(run, KIND, "Measure again", key="measure", primary=True)


def show_headline(run: RunView, result: Robustness) -> None:
    """Show mean accuracy and the worst test, and name the classes and changes that cost most."""
    hardest = min(result.changed, key=lambda measurement: measurement.accuracy)
    with st.grid(3, min_column_width=150):
        st.metric("Unchanged", percent(result.unchanged.accuracy), help=f"Of {result.images:,} test images.")
        st.metric(
            "Under change",
            percent(result.mean_accuracy),
            help="Mean accuracy over all changes and strengths below.",
        )
        st.metric(
            f"Worst single test: {hardest.change}, {corruptions.STRENGTH_NAMES[hardest.strength]}",
            percent(hardest.accuracy),
        )
    st.markdown(in_words(result, tuple(map(escape_markdown, run.classes))))
    if run.config is not None:
        st.markdown(CONVOLUTIONS if run.config.layers.has_convolutions else NO_CONVOLUTIONS)
        lesson_link("cnn", "Why does a CNN do better?")


def show_samples(digits: Dataset) -> None:
    """Show an image under each change, before anything is measured."""
    st.header("What is changed", anchor=False)
    index = choose_sample(digits)
    what = one_of(digits.classes, digits.y_test[index])
    what = what[0].upper() + what[1:]
    with st.grid(5, min_column_width=150, gap=("medium", "small"), key="changes"):
        for name, change in corruptions.CORRUPTIONS.items():
            with st.container(gap="xsmall"):
                st.markdown(f"**{name.capitalize()}**")
                words = f"{what}, changed weakly, medium and strongly: {name}"
                st.image(sample_row(digits.fingerprint, index, name, digits), width="stretch", alt=words)
                st.caption(change.describe_all())


@st.cache_resource(max_entries=320, show_spinner=False)
def sample_row(fingerprint: str, index: int, name: str, _digits: Dataset) -> np.ndarray:
    """A test image under a change in its three strengths, side by side, cached for all sessions."""
    return charts.sample_row(_digits.x_test, index, name)


def show_changes(digits: Dataset, result: Robustness) -> None:
    """Show one row for each change: a sample in each strength, with the accuracy."""
    words = "Accuracy, and below it the difference from the unchanged images in percentage points."
    st.header("Change by change", anchor=False, help=words)
    index = choose_sample(digits)
    st.vega_lite_chart(
        charts.change_chart(samples(digits.fingerprint, index, digits), result),
        key="changes",
        alt="Accuracy under each change and strength, with a sample of each",
    )


def choose_sample(digits: Dataset) -> int:
    """Choose a class, and return the first test image of it."""
    kinds = np.unique(digits.y_test).tolist()
    named = {"format_func": name_of(digits.classes), "key": "sample_digit", "persist_state": "session"}
    if is_wide(digits.classes):
        digit = st.selectbox("Sample", kinds, width=200, **named)
    else:
        digit = st.segmented_control("Sample", kinds, default=kinds[0], required=True, **named)
    return int(np.flatnonzero(digits.y_test == (digit if digit in kinds else kinds[0]))[0])


@st.cache_resource(max_entries=32, show_spinner=False)
def samples(fingerprint: str, index: int, _digits: Dataset) -> dict[tuple[str, int], str]:
    """A test image under each change, cached for all sessions."""
    return charts.samples(_digits.x_test, index)


def show_digits(result: Robustness, classes: Classes) -> None:
    """Show how much accuracy each class loses under each change."""
    what = noun(classes)
    words = f"Percentage points of accuracy that each {what} loses."
    st.header(f"{what.capitalize()} by {what}", anchor=False, help=words)
    names = {corruptions.STRENGTH_NAMES[strength].capitalize(): strength for strength in corruptions.STRENGTHS}
    name = st.segmented_control(
        "Strength", [*names, MEAN], default=MEAN, required=True, key="strength", persist_state="session"
    )
    place = st.container(key="classes_by_change")
    place.vega_lite_chart(
        charts.digit_chart(result, names.get(name), classes),
        width="content" if is_wide(classes) else "stretch",
        key="digits",
        alt=f"Percentage points of accuracy that each {what} loses under each change",
    )


page()
