"""Compare: any runs in a table and in one chart, and any two on the same images."""

from __future__ import annotations

import streamlit as st

from core.evaluation import comparison, predictions, selection
from core.evaluation.comparison import GROUPS, Pair
from core.evaluation.predictions import saved_version
from core.formatting import percent
from core.runs import Run
from core.storage import printable
from dashboard.components.address import recall, remember
from dashboard.components.charts import curves, probabilities
from dashboard.components.compare import run_table, verdict
from dashboard.components.compare.pair_choice import (
    PAGE,
    begin_again,
    choose_comparable,
    choose_two,
    missing_of_pair,
    say_not_found,
)
from dashboard.components.following import follow
from dashboard.components.page_head import show_title
from dashboard.components.session import TRAIN_PAGE, dataset, dataset_note, remember_names, store
from dashboard.components.text import escape_markdown
from dashboard.components.views import view
from dashboard.components.widgets.gallery import gallery
from dashboard.components.widgets.tiles import reading_tiles

PAIR_IMAGES_PER_PAGE = 24
SHOWN_AT_FIRST = 10
NONE = "none"


def page() -> None:
    """The whole page, from top to bottom."""
    show_title("Compare")
    digits = dataset()
    dataset_note(digits)
    runs = {run.id: run for run in store().runs()}
    gone = missing_of_pair(runs)
    follow(runs_on_page(runs))
    if len(runs) < 2:
        say_not_found(gone, "")
        lead_to_training("Comparing needs at least two runs.", "Train another network" if runs else "Train a network")
        return
    names = run_table.unique_names(runs)
    remember_names(names)
    chosen = [runs[run_id] for run_id in choose_runs(runs, names)]
    if chosen:
        show_table(chosen, names, digits)
        show_curves(chosen, names)
    st.subheader("Two runs on the same images")
    comparable = choose_comparable(runs, names, digits, gone)
    if len(comparable) < 2:
        lead_to_training("This needs two runs with predictions for these test images.", "Train another network")
        return
    show_pair(*choose_two(comparable, names), names, digits)


def runs_on_page(runs) -> list[Run]:
    """The runs that the page may show: those named in the address, and the newest ones."""
    chosen = (*recall(PAGE, "runs").split(","), recall(PAGE, "a"), recall(PAGE, "b"))
    return [runs[run_id] for run_id in dict.fromkeys([*chosen, *list(runs)[:SHOWN_AT_FIRST]]) if run_id in runs]


def lead_to_training(why: str, words: str) -> None:
    """Say why there is too little to compare, with a link to Train."""
    st.info(why)
    st.page_link(TRAIN_PAGE, label=words, icon=":material/model_training:")


def choose_runs(runs, names) -> list[str]:
    """Choose the runs of table and chart, and name those in the address that do not exist."""
    wanted = recall(PAGE, "runs")
    asked_for = dict.fromkeys(wanted.split(","))
    chosen = [run_id for run_id in asked_for if run_id in runs]
    say_not_found([run_id for run_id in asked_for if run_id not in (NONE, "", *runs)])
    if not chosen and wanted != NONE:
        chosen = list(runs)[:SHOWN_AT_FIRST]
    st.multiselect(
        "Runs",
        list(runs),
        default=chosen,
        format_func=lambda run_id: names.get(run_id, run_id),
        placeholder="Choose runs",
        **view("compared_runs", chosen, lambda ids: remember(PAGE, "runs", ",".join(ids) or NONE), runs),
    )
    return chosen


@st.cache_data(max_entries=500, show_spinner="Reading the predictions")
def scores(path, version, fingerprint, _run, _digits) -> run_table.Scores:
    """A run's numbers on the test images, cached until its files change."""
    return run_table.scores(_run, _digits)


@st.cache_resource(max_entries=6, show_spinner="Reading the predictions")
def cached_predictions(path, version, fingerprint, _run, _digits) -> predictions.Predictions:
    """A run's newest predictions for the test images, cached until its files change."""
    return predictions.load_predictions(_run, _digits, None)


def show_table(chosen, names, digits) -> None:
    """Show the table of the chosen runs, one row each."""
    found = [
        scores(printable(run.path), (saved_version(run), run.test_accuracy), digits.fingerprint, run, digits)
        for run in chosen
    ]
    frame = run_table.table(chosen, names, found)
    percents = {
        "Test accuracy": "Share of test images whose prediction is the label.",
        "Corrected labels": "Test accuracy with MNIST's known label errors corrected: ten relabelled, five left out.",
        "Calibration error": "Expected calibration error: how far confidence and accuracy lie apart.",
        "Robustness": "Mean accuracy over all changes and strengths on the Robustness page.",
    }
    texts = {name: st.column_config.TextColumn(alignment="right") for name in ("Epochs", "Parameters", "Training time")}
    with st.container(key="on_screen"):
        st.dataframe(
            frame,
            hide_index=True,
            height="content",
            column_config={
                "Run": st.column_config.TextColumn(pinned=True, width=150),
                **texts,
                **{name: st.column_config.NumberColumn(format="%.2f %%", help=it) for name, it in percents.items()},
            },
            placeholder="–",
            alt="The chosen runs with their numbers and the settings that differ",
        )
    with st.container(key="on_paper"):  # where nobody can scroll to the other columns
        st.table(run_table.as_text(frame, list(percents)).map(escape_markdown), hide_index=True)


def show_curves(chosen, names) -> None:
    """Validation accuracy over epochs or training time."""
    frame = run_table.curves(chosen, names)
    if frame.empty:
        st.caption("None of these runs has completed an epoch.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):  # at the left: the chart has tools at the right
        st.markdown("**Validation accuracy**", width="content")
        axis = st.segmented_control(
            "Over",
            list(curves.AXES),
            default="Epochs",
            required=True,
            key="curve_axis",
            label_visibility="collapsed",
        )
    axis = axis if axis in curves.AXES else "Epochs"
    st.vega_lite_chart(curves.curves_chart(frame, axis), alt="Validation accuracy of the chosen runs after each epoch")
    if any(run.config is not None and run.config.info.validates_on_test for run in chosen):
        st.caption(
            "The classic network validates on the test images, the others on images held out of the training set."
        )


def show_pair(first, second, names, digits) -> None:
    """Show what the second run fixed and broke, whether that could be chance, and the images."""
    readings = []
    for run in (first, second):
        try:
            readings.append(
                cached_predictions(printable(run.path), saved_version(run), digits.fingerprint, run, digits)
            )
        except predictions.PredictionsError as error:
            st.error(escape_markdown(f"{names[run.id]}: {error}"), icon=":material/broken_image:")
            return
    both = comparison.pair(*readings)
    one, other = (escape_markdown(names[run.id]) for run in (first, second))
    for run, reading in zip((first, second), readings, strict=True):
        if run.state.is_active:
            name = escape_markdown(names[run.id])
            st.caption(f":material/play_circle: {name}: after epoch {reading.epoch}, still training.")
    show_verdict(both, one, other)
    group = choose_group(both, one, other)
    show_images(both, group, one, other, digits)


def show_verdict(both: Pair, one: str, other: str) -> None:
    """Show the difference and McNemar's test of it in words."""
    with st.container(border=True):
        st.markdown(f"**{verdict.verdict(both)}**")
        st.markdown(verdict.difference(both, one, other))
        st.caption(
            "McNemar’s exact test uses the images that exactly one of the two gets right. p is the probability of a "
            "split at least this uneven if both networks were equally good. It compares these two trained networks: "
            "trained again from another seed, they may differ."
        )


def choose_group(both: Pair, one: str, other: str) -> str:
    """Choose one of the four groups, each shown with its number of images."""
    counts = both.groups.counts
    wanted = recall(PAGE, "group")
    shown = wanted if wanted in GROUPS else next((name for name in GROUPS if counts[name]), "both_right")

    def keep(group: str | None) -> None:
        remember(PAGE, "group", group or shown)
        begin_again()

    st.segmented_control(
        "Images",
        list(GROUPS),
        default=shown,
        required=True,
        format_func=lambda name: f"{GROUPS[name]} · {counts[name]:,}",
        **view("pair_group", shown, keep, GROUPS),
        help=f"Fixed: {one} is wrong, {other} right. Broken: {one} is right, {other} wrong.",
    )
    return shown


def show_images(both: Pair, group: str, one: str, other: str, digits) -> None:
    """Show the images of a group with the predictions of each run, and the image that is open."""
    found = comparison.images_of(both, group)
    if not len(found):
        st.info("This group is empty.", icon=":material/filter_alt:")
        return
    here = st.columns(2, gap="medium")
    number = st.pagination(selection.pages(found, PAIR_IMAGES_PER_PAGE), key="pair_page")
    shown = found[(number - 1) * PAIR_IMAGES_PER_PAGE : number * PAIR_IMAGES_PER_PAGE]
    image = st.session_state.get("pair_image")
    image = image if image in shown else None
    for column, name, words, reading in zip(
        here, ("first", "second"), (one, other), (both.first, both.second), strict=True
    ):
        with column:
            st.markdown(f"**{words}** reads")
            gallery(
                digits.x_test[shown],
                reading_tiles(reading, shown, digits),
                key=f"gallery_{name}",
                selected=image,
                on_choose=open_image,
                label=f"{GROUPS[group]}: as the {name} run reads them",
                reveal="pair_image_panel",
            )
    with st.container(key="pair_image_panel"):
        if image is not None:
            show_image(both, image, one, other)


def open_image(image: int) -> None:
    """Show this image's probabilities of both runs."""
    st.session_state["pair_image"] = image


def show_image(both: Pair, image: int, one: str, other: str) -> None:
    """Show the ten probabilities of both runs for one image."""
    st.markdown(f"**Image {image}**, a {int(both.first.labels[image])}")
    for column, words, reading in zip(
        st.columns(2, gap="medium"), (one, other), (both.first, both.second), strict=True
    ):
        prediction = int(reading.predictions[image])
        with column:
            st.markdown(f"{words} reads a **{prediction}**, {percent(reading.confidence[image])} sure")
            st.vega_lite_chart(
                probabilities.probability_chart(reading, image),
                alt=f"Probabilities of image {image}, highest for {prediction}",
            )


page()
