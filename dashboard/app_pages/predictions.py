"""Predictions: what a run predicts for every test image, and its mistakes."""

from __future__ import annotations

import streamlit as st

from core.evaluation import label_errors, metrics, predictions, reports, selection
from core.evaluation.predictions import NEWEST, saved_version
from core.evaluation.selection import Filter
from core.storage import printable
from dashboard.components.charts.confusion import clicked, confusion_chart
from dashboard.components.downloads import show_downloads
from dashboard.components.formatting import SIGMOID_SENTENCE, percent
from dashboard.components.page_head import begin_page
from dashboard.components.predictions.digit_table import per_digit_table
from dashboard.components.predictions.filters import begin_again, choose_filter, matrix_key, show_pair, show_shortcuts
from dashboard.components.predictions.image_panel import chosen_image, open_image, show_image, show_neighbours
from dashboard.components.predictions.time_machine import choose_moment
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.gallery import Tile, gallery

IMAGES_PER_PAGE = 100


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Predictions", needs="probabilities")
    if run is None:
        return
    try:
        moments = predictions.moments(run)
        headline = st.container()
        epoch = choose_moment(moments, on_change=begin_again)
        reading = cached_predictions(printable(run.path), saved_version(run), epoch, run, digits)
    except predictions.PredictionsError as error:
        st.error(escape_markdown(error), icon=":material/broken_image:")
        return
    with headline:
        show_headline(run, reading, newest=epoch == moments[NEWEST])
    show_shortcuts(digits, several_epochs=len(moments) > 1)
    wanted = choose_filter(digits)
    image = chosen_image(len(reading.labels))
    needs_past = wanted.needs_past or image is not None
    past = (
        cached_epoch_predictions(printable(run.path), saved_version(run), reading.epoch, run, digits)
        if needs_past
        else None
    )
    found = selection.matching(reading, past, wanted)

    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_gallery(run, digits, reading, found, wanted, image)
    with right:
        if image is not None:
            with st.container(key="one_image", border=True):
                show_image(run, digits, reading, past, selection.place(found, image), IMAGES_PER_PAGE)
                neighbours = st.container()
        show_matrix(run, reading, wanted)

    st.subheader("Most frequent mistakes")
    show_worst_pairs(reading)
    st.subheader("Digit by digit")
    show_digits(reading)
    if image is not None:
        with neighbours:  # last, since the first time takes seconds: the page is there meanwhile
            show_neighbours(run, digits, reading, image)


@st.cache_resource(max_entries=8, show_spinner="Reading the predictions")
def cached_predictions(path, version, epoch, _run, _digits) -> predictions.Predictions:
    """A run's predictions after `epoch`, or its newest, cached for all sessions until its files change."""
    return predictions.load_predictions(_run, _digits, epoch)


@st.cache_resource(max_entries=2, show_spinner="Looking back over the epochs")
def cached_epoch_predictions(path, version, until, _run, _digits) -> predictions.EpochPredictions | None:
    """The predictions of every saved epoch up to `until`, cached for all sessions until the run's files change."""
    return predictions.load_epoch_predictions(_run, _digits, until)


def show_headline(run, reading: predictions.Predictions, *, newest: bool) -> None:
    """Show accuracy, mistakes and epochs, and which moment of the run they describe."""
    corrected = reading.corrected
    with st.grid(4 if corrected else 3, min_column_width=150):
        st.metric(
            "Test accuracy", percent(reading.accuracy), help="Share of test images whose prediction is the label."
        )
        if corrected:
            st.metric(
                "With corrected labels",
                percent(corrected.corrected),
                help="Fifteen labels of MNIST's test set are known to be wrong or in doubt: ten are corrected, "
                f"five left out. {label_errors.LABEL_ERRORS_SOURCE}.",
            )
        st.metric("Mistakes", f"{reading.mistakes:,}", help=f"Of {len(reading.labels):,} test images.")
        st.metric("Epochs", reading.epoch)
    if run.state.is_active:
        watch(run, saved_version(run), reading.epoch)
    if not newest:
        st.caption(f":material/history: As it was after epoch {reading.epoch}.")
    if run.config is not None and run.config.model == "seed":
        st.caption(SIGMOID_SENTENCE)


@st.fragment(run_every=2)
def watch(run, known, epoch: int) -> None:
    """Say that the run still trains, and run the page again when it has new predictions."""
    if saved_version(run) != known or not run.state.is_active:
        st.rerun()
    st.caption(f":material/play_circle: After epoch {epoch}, still training.")


def show_gallery(run, digits, reading: predictions.Predictions, found, wanted: Filter, image: int | None) -> None:
    """Show the images that match the filter, a hundred a page."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{len(found):,} image{'' if len(found) == 1 else 's'}**: {wanted}", width="content")
        downloads = st.container(width="content")
    if len(found) == 0:
        st.info("No image matches this filter.", icon=":material/filter_alt:")
    here = st.container()
    number = st.pagination(selection.pages(found, IMAGES_PER_PAGE), key="page", bind="query-params")
    shown = found[(number - 1) * IMAGES_PER_PAGE : number * IMAGES_PER_PAGE]
    if len(found):
        with downloads:
            show_downloads(
                lambda format: reports.gallery_figure(digits, reading, shown, format),
                f"{run.id}-images",
                "images",
                csv=lambda: reports.as_csv(reading, found),
            )
    doubted = label_errors.ERRORS_BY_INDEX if digits.is_mnist else {}
    tiles = [
        Tile(
            index=i,
            label=int(reading.labels[i]),
            prediction=int(reading.predictions[i]),
            confidence=float(reading.confidence[i]),
            flag="label in doubt" if i in doubted else "",
        )
        for i in shown.tolist()
    ]
    if tiles:
        with here:
            gallery(
                digits.x_test[shown],
                tiles,
                key="gallery",
                selected=image,
                on_choose=open_image,
                label=f"Test images: {wanted}",
                reveal="one_image",
            )


def show_matrix(run, reading: predictions.Predictions, wanted: Filter) -> None:
    """Show the confusion matrix; a click on a cell sets the filter to its label and prediction."""
    st.subheader("Confusion matrix", help="Click a cell, or a row's or column's total, to see its images.")
    with st.container(horizontal=True, vertical_alignment="center"):
        unit = st.segmented_control(
            "Unit", ("Counts", "% of label"), default="Counts", required=True, key="unit", label_visibility="collapsed"
        )
        diagonal = st.toggle("Right ones too", key="diagonal", persist_state="session")
        show_downloads(
            lambda format: reports.matrix_figure(reading, run.name, shares=unit == "% of label", format=format),
            f"{run.id}-confusion-matrix",
            "matrix",
            csv=lambda: reports.matrix_csv(reading.matrix),
        )
    st.vega_lite_chart(
        confusion_chart(
            reading.matrix,
            shares=unit == "% of label",
            diagonal=diagonal,
            chosen=(wanted.label, wanted.prediction),
        ),
        key=matrix_key(),
        on_select=choose_cell,
        alt=f"Confusion matrix, {reading.mistakes} mistakes",
    )


def show_worst_pairs(reading: predictions.Predictions) -> None:
    """Show the most frequent mistakes as buttons that filter for their images."""
    pairs = metrics.worst_pairs(reading.matrix, limit=10)
    if not pairs:
        st.caption("None")
    with st.container(horizontal=True):
        for pair in pairs:
            times = "once" if pair.count == 1 else f"{pair.count} times"
            st.button(
                f"{pair.label} read as {pair.prediction}: {times}",
                key=f"pair_{pair.label}_{pair.prediction}",
                on_click=show_pair,
                args=(pair.label, pair.prediction),
            )


def show_digits(reading: predictions.Predictions) -> None:
    """Show precision, recall and F1 of each digit."""
    percents = {
        "Precision": "Of all images read as this digit, the share with this label.",
        "Recall": "Of all images with this label, the share read as this digit.",
        "F1": "The harmonic mean of precision and recall.",
    }
    st.dataframe(
        per_digit_table(reading.matrix),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.2f %%", help=words) for name, words in percents.items()
        },
        alt="Precision, recall, F1, images and mistakes of each digit",
    )


def choose_cell() -> None:
    """Filter for the images of the cell that was clicked."""
    cell = clicked(st.session_state[matrix_key()].selection)
    if cell is not None:
        st.session_state["label"], st.session_state["prediction"] = cell
        if None not in cell:
            st.session_state["show"] = "Right" if cell[0] == cell[1] else "Mistakes"
        st.session_state["page"] = 1


page()
