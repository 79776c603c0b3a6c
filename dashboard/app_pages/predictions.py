"""Predictions: what a run predicts for every test image, and its mistakes."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.evaluation import label_errors, metrics, predictions, reports, selection
from core.evaluation.predictions import NEWEST, saved_version
from core.evaluation.selection import Filter
from core.storage import printable
from dashboard.components.charts.confusion import clicked, confusion_chart, is_wide
from dashboard.components.classes import Classes, are_digits, no_idea, noun
from dashboard.components.downloads import show_downloads
from dashboard.components.formatting import SIGMOID_SENTENCE, ends_in_sigmoids, percent
from dashboard.components.how_measured import how_measured
from dashboard.components.learn.lesson_link import lesson_link
from dashboard.components.page_head import begin_page
from dashboard.components.predictions.digit_table import per_digit_table
from dashboard.components.predictions.filters import (
    choose_filter,
    clear,
    filter_words,
    first_page,
    matrix_key,
    show_pair,
)
from dashboard.components.predictions.image_panel import (
    IMAGE,
    chosen_image,
    close_image,
    open_image,
    show_header,
    show_image,
    show_neighbours,
)
from dashboard.components.predictions.time_machine import choose_moment
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.gallery import gallery
from dashboard.components.widgets.tiles import reading_tiles

IMAGES_PER_PAGE = 80  # ends with a full row of 4, 5, 8 or 10
TILE_SIZE = 46  # pixels at least: eight stand beside the matrix on a screen of 1,366
EXAMPLE = 4, 9  # classes, for what the marks mean


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Predictions", needs="probabilities")
    if run is None:
        return
    try:
        moments = predictions.moments(run)
        with st.container(key="headline", horizontal=True, gap="medium"):
            headline = st.container(key="numbers", horizontal=True, width="content")
            epoch = choose_moment(moments, on_change=first_page)
        reading = cached_predictions(printable(run.path), saved_version(run), digits.fingerprint, epoch, run, digits)
    except predictions.PredictionsError as error:
        st.error(escape_markdown(error), icon=":material/broken_image:")
        return
    with st.container(key="controls", gap="xsmall"):
        count = st.container(key="count", horizontal=True, vertical_alignment="center", gap="xsmall")
        wanted = choose_filter(digits, run.classes, several_epochs=len(moments) > 1)
    image = chosen_image(len(reading.labels))
    needs_past = wanted.needs_past or image is not None
    past = (
        cached_epoch_predictions(
            printable(run.path), saved_version(run), digits.fingerprint, reading.epoch, run, digits
        )
        if needs_past
        else None
    )
    found = selection.matching(reading, past, wanted)
    # All that an epoch changes is sent at once, so that no moment shows the numbers of one and the digits of another.
    with headline:
        show_headline(run, reading, moments[NEWEST])
    with count:
        show_count(digits, run.classes, found, wanted)
    below = image is None and is_wide(run.classes)  # a matrix of many classes needs the width of the page
    with st.container(key="digits_area").container(key="digits_above" if below else "digits_and_more"):
        with st.container():
            show_gallery(run, digits, reading, found, wanted, image)
        beside = st.container(key="one_image" if image is not None else "beside", border=image is not None)
    with beside:
        if image is not None and show_header(selection.place(found, image), IMAGES_PER_PAGE) == IMAGE:
            show_image(run, digits, reading, past, image)
            show_neighbours(run, digits, reading, image)  # last, since the first time takes seconds
        else:
            show_matrix(run, reading, wanted)
            show_worst_pairs(reading, run.classes)
            show_digits(reading, run.classes)


@st.cache_resource(max_entries=8, show_spinner="Reading the predictions")
def cached_predictions(path, version, fingerprint, epoch, _run, _digits) -> predictions.Predictions:
    """A run's predictions after `epoch`, or its newest, cached for all sessions until its files change."""
    return predictions.load_predictions(_run, _digits, epoch)


@st.cache_resource(max_entries=2, show_spinner="Looking back over the epochs")
def cached_epoch_predictions(path, version, fingerprint, until, _run, _digits) -> predictions.EpochPredictions | None:
    """The predictions of every saved epoch up to `until`, cached for all sessions until the run's files change."""
    return predictions.load_epoch_predictions(_run, _digits, until)


def show_headline(run, reading: predictions.Predictions, last: int) -> None:
    """Show accuracy, mistakes and epochs of the chosen moment."""
    corrected = reading.corrected
    st.metric(
        "Test accuracy",
        percent(reading.accuracy),
        width="content",
        help=f"Share of the {len(reading.labels):,} test images whose prediction is the label.",
    )
    if corrected:
        st.metric(
            "With corrected labels",
            percent(corrected.corrected),
            width="content",
            help="Fifteen labels of MNIST's test set are known to be wrong or in doubt: ten are corrected, "
            f"five left out. {label_errors.LABEL_ERRORS_SOURCE}.",
        )
    st.metric("Mistakes", f"{reading.mistakes:,}", width="content")
    st.metric(
        "Epochs so far" if run.state.is_active else "Epochs",
        reading.epoch if reading.epoch == last else f"{reading.epoch} of {last}",
        width="content",
    )
    if run.state.is_active:
        watch(run, saved_version(run))


@st.fragment(run_every=2)
def watch(run, known) -> None:
    """Run the page again when the run, which still trains, has new predictions or has ended."""
    if saved_version(run) != known or not run.state.is_active:
        st.rerun()


def show_count(digits, classes: Classes, found, wanted: Filter) -> None:
    """Say how many images there are, by which filter, and what their marks mean."""
    words = escape_markdown(filter_words(wanted, classes))
    st.markdown(f"**{len(found):,} image{'' if len(found) == 1 else 's'}**: {words}", width="content")
    if wanted != Filter():
        st.button(
            "Clear",
            icon=":material/filter_alt_off:",
            key="clear",
            type="tertiary",
            on_click=clear,
            help="Show all mistakes again.",
        )
    st.pills("Filters", ["Filters"], selection_mode="multi", key="unfold", label_visibility="collapsed")
    marks = [words for show, words in marks_in_words(classes).items() if wanted.show in (show, "All")]
    marks += ["⚑ label in doubt"] if digits.is_mnist else []
    with st.container(key="marks", width="content"):
        st.caption(" · ".join(marks))


def marks_in_words(classes: Classes) -> dict[str, str]:
    """What the marks below the images mean, by which of them are shown."""
    names = classes[min(EXAMPLE[0], len(classes) - 2)], classes[min(EXAMPLE[1], len(classes) - 1)]
    one, other = map(escape_markdown, names)
    a = "a " if are_digits(classes) else ""
    return {"Right": f"✓ {one}: {a}{one}, read as {one}", "Mistakes": f"✗ {one}→{other}: {a}{one}, read as {other}"}


def show_gallery(run, digits, reading: predictions.Predictions, found, wanted: Filter, image: int | None) -> None:
    """Show a page of the images that match the filter."""
    if len(found) == 0:
        st.info("No image matches this filter.", icon=":material/filter_alt:")
    here = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container():
            pages = selection.pages(found, IMAGES_PER_PAGE)
            number = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
        shown = found[(number - 1) * IMAGES_PER_PAGE : number * IMAGES_PER_PAGE]
        if len(found):
            show_downloads(
                lambda format: reports.gallery_figure(digits, reading, shown, format),
                f"{run.id}-images",
                "images",
                csv=lambda: reports.as_csv(reading, found),
                label="Download list",
            )
    with how_measured():
        st.markdown(
            "The percentage below an image is the network's confidence: the highest of its probabilities for it. The "
            "label is the dataset's, and a mistake is a prediction that differs from it. " + no_idea(run.classes)
        )
        if ends_in_sigmoids(run.config):
            st.markdown(SIGMOID_SENTENCE)
        lesson_link("softmax", "Softmax or sigmoid?")
    if len(shown):
        with here:
            gallery(
                digits.x_test[shown],
                reading_tiles(reading, shown.tolist(), digits),
                key="gallery",
                selected=image,
                on_choose=open_image,
                on_close=close_image,
                label=f"Test images: {filter_words(wanted, run.classes)}",
                reveal="one_image",
                tile_size=TILE_SIZE,
                full=IMAGES_PER_PAGE,
                classes=run.classes,
            )


def show_matrix(run, reading: predictions.Predictions, wanted: Filter) -> None:
    """Show the confusion matrix; a click on a cell sets the filter to its label and prediction."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header(
            "Confusion matrix", width="content", help="Click a cell, or a row's or column's total, to see its images."
        )
        downloads = st.container(width="content")
    with st.container(horizontal=True, vertical_alignment="center"):
        unit = st.segmented_control(
            "Unit", ("Counts", "% of label"), default="Counts", required=True, key="unit", label_visibility="collapsed"
        )
        diagonal = st.toggle("Right ones too", key="diagonal", persist_state="session")
    with downloads:
        show_downloads(
            lambda format: reports.matrix_figure(reading, run.name, shares=unit == "% of label", format=format),
            f"{run.id}-confusion-matrix",
            "matrix",
            csv=lambda: reports.matrix_csv(reading.matrix, run.classes),
            label="Download matrix",
        )
    with st.container(key="matrix"):
        st.vega_lite_chart(
            confusion_chart(
                reading.matrix,
                shares=unit == "% of label",
                diagonal=diagonal,
                chosen=(wanted.label, wanted.prediction),
                classes=run.classes,
            ),
            width="content" if is_wide(run.classes) else "stretch",
            key=matrix_key(),
            on_select=partial(choose_cell, run.classes),
            alt=f"Confusion matrix, {reading.mistakes} mistakes",
        )


def show_worst_pairs(reading: predictions.Predictions, classes: Classes) -> None:
    """Show the most frequent mistakes as a list that filters for their images."""
    st.subheader("Most frequent mistakes")
    pairs = metrics.worst_pairs(reading.matrix, limit=12)
    if not pairs:
        st.caption("None")
    with st.container(key="pairs" if are_digits(classes) else "named_pairs"):
        for pair in pairs:
            label, read = (escape_markdown(classes[each]) for each in (pair.label, pair.prediction))
            st.button(
                f"{label} read as {read} · **{pair.count:,}**",
                key=f"pair_{pair.label}_{pair.prediction}",
                type="tertiary",
                on_click=show_pair,
                args=(pair.label, pair.prediction),
            )


def show_digits(reading: predictions.Predictions, classes: Classes) -> None:
    """Show precision, recall and F1 of each class."""
    what = noun(classes)
    st.header(f"{what.capitalize()} by {what}")
    percents = {
        "Precision": f"Of all images read as this {what}, the share with this label.",
        "Recall": f"Of all images with this label, the share read as this {what}.",
        "F1": "The harmonic mean of precision and recall.",
    }
    st.dataframe(
        per_digit_table(reading.matrix, classes),
        hide_index=True,
        placeholder="–",
        column_config={
            name: st.column_config.NumberColumn(format="%.2f %%", help=words) for name, words in percents.items()
        },
        alt=f"Precision, recall, F1, images and mistakes of each {what}",
    )


def choose_cell(classes: Classes) -> None:
    """Filter for the images of the cell that was clicked."""
    cell = clicked(st.session_state[matrix_key()].selection, classes)
    if cell is not None:
        st.session_state["label"], st.session_state["prediction"] = cell
        if None not in cell:
            st.session_state["show"] = "Right" if cell[0] == cell[1] else "Mistakes"
        st.session_state["page"] = 1


page()
