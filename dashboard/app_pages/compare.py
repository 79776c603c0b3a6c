"""Compare: any runs in a table and in one chart, and any two on the same images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

import pandas as pd
import streamlit as st

from core.evaluation import baselines, comparison, predictions, selection
from core.evaluation.comparison import GROUPS, Pair
from core.evaluation.predictions import saved_version
from core.formatting import certainty, percent
from core.runs import Run
from core.storage import printable
from dashboard.components.address import recall, remember
from dashboard.components.charts import curves, probabilities, setting, theme
from dashboard.components.charts.across import AXES
from dashboard.components.charts.of_runs import without_others
from dashboard.components.classes import one_of
from dashboard.components.compare import run_table, run_table_view, verdict
from dashboard.components.compare.deletion import ask_whether_to_delete, show_delete_menu
from dashboard.components.compare.pair_choice import (
    PAGE,
    PLACE,
    begin_again,
    choose_comparable,
    choose_dataset,
    choose_two,
    datasets_of,
    follow_list,
    missing_of_pair,
    say_not_found,
    show_compare_button,
)
from dashboard.components.compare.run_choice import MOST_FOUND, choose_runs
from dashboard.components.curve_axis import choose_axis
from dashboard.components.curve_words import show_words_of_each
from dashboard.components.downloads import show_downloads
from dashboard.components.following import follow
from dashboard.components.how_measured import how_measured
from dashboard.components.learn.lesson_link import lesson_link
from dashboard.components.page_head import show_title
from dashboard.components.report import show_report
from dashboard.components.run_picker import lead_to_training
from dashboard.components.session import dataset_note, dataset_of, remember_names, store
from dashboard.components.text import escape_markdown
from dashboard.components.views import view
from dashboard.components.whose import listed
from dashboard.components.widgets.gallery import enlarged, gallery, picture
from dashboard.components.widgets.tiles import reading_tiles

PAIR_IMAGES_PER_PAGE = 24


def page() -> None:
    """The whole page, from top to bottom."""
    show_title("Compare")
    discarded = store().of_each(run_table.is_discarded)
    known = [run for run in store().runs() if not discarded.get(run.id, True)]
    follow_list(listed(known))
    everybodys, runs = len(known), {run.id: run for run in listed(known, *chosen_ids())}
    names = run_table.unique_names(runs, store().names())
    gone = missing_of_pair(runs)
    follow(runs_on_page(runs))
    datasets, digits = datasets_of(runs)
    dataset_note(digits)
    if len(runs) < 2:
        say_not_found(gone, "")
        only = "".join(f" There is one: {run.name}." for run in runs.values())
        others = " At your name, Everybody's shows those of others." if everybodys > len(runs) else ""
        lead_to_training(
            f"Comparing needs at least two runs.{only}{others}", "Train another network" if runs else "Train a network"
        )
        return
    remember_names(names)
    best = st.container(key="best_of_runs")
    chosen, target, part = choose_runs(runs, names)
    chosen.sort(key=lambda run: -(run.test_accuracy or 0.0))  # the newest first of equals
    ticked = []
    with best:
        among = f"Of those on {escape_markdown(digits.name)}, " if len(datasets) > 1 else ""
        among = among or ("" if len(chosen) == len(runs) else f"Of the {len(chosen)} shown, ")
        show_best(chosen, names, digits, among)
    if chosen:
        ticked = show_runs(chosen, target, part, names, digits, in_order(runs))
    ask_whether_to_delete()
    st.space("small")
    with st.container(key=PLACE):
        st.header("Two runs on the same images", anchor=False)
        choose_dataset(datasets, digits)
    comparable = choose_comparable(runs, names, digits, gone)
    if len(comparable) < 2:
        lead_to_training("This needs two runs with predictions for these test images.", "Train another network")
        return
    pair = [run.id for run in ticked if run.id in comparable]
    show_pair(*choose_two(comparable, names, pair if len(pair) == 2 else [run.id for run in chosen]), names, digits)


def runs_on_page(runs) -> list[Run]:
    """The runs that the page may show: those named in the address, and the newest ones."""
    return [runs[run_id] for run_id in dict.fromkeys([*chosen_ids(), *list(runs)[:MOST_FOUND]]) if run_id in runs]


def chosen_ids() -> list[str]:
    """The ids of the runs that are named in the address."""
    return [*recall(PAGE, "runs").split(","), recall(PAGE, "a"), recall(PAGE, "b")]


def in_order(runs) -> list[str]:
    """The ids of all runs from the oldest, which gives them colours; a deleted one keeps its place meanwhile."""
    order = st.session_state.setdefault("run_order", [])
    known = set(order)
    order += [run_id for run_id in reversed(runs) if run_id not in known]
    return order


@st.cache_resource(max_entries=4, show_spinner=False)
def baselines_of(fingerprint, _digits) -> tuple[baselines.Baseline, ...]:
    """What needs no network, cached for each dataset."""
    return baselines.baselines(_digits)


@st.cache_data(max_entries=500, show_spinner="Reading the predictions")
def scores(path, version, fingerprint, _run, _digits) -> run_table.Scores:
    """A run's numbers on the test images, cached until its files change."""
    return run_table.scores(_run, _digits)


@st.cache_resource(max_entries=6, show_spinner="Reading the predictions")
def cached_predictions(path, version, fingerprint, _run, _digits) -> predictions.Predictions:
    """A run's newest predictions for the test images, cached until its files change."""
    return predictions.load_predictions(_run, _digits, None)


@st.cache_resource(max_entries=64, show_spinner=False)
def of_frame(what: str, _make: Callable, frame: pd.DataFrame, is_dark: bool, *given, **look):
    """What `_make`, called `what`, makes of the frame: a chart, for instance, which takes a third of a page's time."""
    return _make(frame, *given, **look)


def show_best(chosen: list[Run], names, digits, among: str) -> None:
    """Say which of the runs is best, by how much, and whether that could be chance; `among` which, where not all."""
    comparable = (run for run in chosen if run_table.reason_not_comparable(run, digits) is None)
    try:
        found = [(newest_predictions(run, digits), escape_markdown(names[run.id])) for run in islice(comparable, 2)]
    except predictions.PredictionsError:  # said below
        return
    if len(found) == 2:
        (following, one), (best, other) = sorted(found, key=lambda each: each[0].accuracy)
        st.markdown(f"★ {among}{comparison.best(comparison.pair(following, best), one, other)}")


def newest_predictions(run: Run, digits) -> predictions.Predictions:
    """A run's newest predictions for the test images."""
    return cached_predictions(printable(run.path), saved_version(run), digits.fingerprint, run, digits)


def show_runs(chosen, target, part, names, digits, order) -> list[Run]:
    """Show the chosen runs as a table, their curves, and one of their settings against accuracy.

    Returns the runs whose rows are ticked.
    """
    found = [
        scores(printable(run.path), (saved_version(run), run.test_accuracy), own.fingerprint, run, own)
        for run, own in ((run, dataset_of(run)) for run in chosen)
    ]
    table = run_table.table(chosen, names, found, target)
    marked = show_table(table, chosen, part, digits)
    drawn = run_table.names_in_charts(chosen, names)
    look = {
        "target": target,
        "chosen": [drawn[run.id] for run in marked],
        "order": without_others([drawn.get(run_id, run_id) for run_id in order], {drawn[run.id] for run in chosen}),
    }
    show_curves(chosen, drawn, look)
    if len(chosen) > 2:
        show_setting(chosen, drawn, found, table.settings, look)
    return marked


def show_table(table: run_table.RunTable, chosen: list[Run], part: str, digits) -> list[Run]:
    """Show the table, and what can be done with it; returns the runs whose rows are selected."""
    with st.container(key="on_screen"):
        with st.container(key="all_columns" if run_table_view.is_narrow(table) else "some_columns"):
            rows = run_table_view.show(table, [run.id for run in chosen], part)
        marked = [chosen[row] for row in rows if row < len(chosen)]
        several = any(dataset_of(run).fingerprint != digits.fingerprint for run in chosen)
        read_without = baselines_of(digits.fingerprint, digits)
        run_table_view.show_notes(table, part, read_without, digits.name if several else "")
        with st.container(horizontal=True, vertical_alignment="center"):
            show_compare_button(marked, digits)
            show_downloads(None, "runs", "compared", csv=table.csv)
            show_delete_menu(marked)
            with st.container(width="content", key="how_to_tick"):
                st.caption(run_table_view.TICK, width="content")
    with st.container(key="on_paper"):
        run_table_view.show_on_paper(table)
    return marked


def show_curves(chosen, names, look) -> None:
    """Validation accuracy over epochs, updates or training time, and what the curves say."""
    st.space("small")
    with st.container(horizontal=True, vertical_alignment="center"):  # at the left: the chart has tools at the right
        st.header("Validation accuracy", width="content", anchor=False)
        axis = choose_axis(PAGE)
    frame = run_table.curves(chosen, names).dropna(subset=[AXES[axis].column])
    if frame.empty:
        st.caption("None of these runs has completed an epoch.")
        return
    with st.container(key="compared_curves"):
        st.vega_lite_chart(
            of_frame("curves", curves.curves_chart, frame, theme.is_dark(), axis, **look),
            alt="Validation accuracy of the chosen runs after each epoch",
        )
    words = [] if look["target"] is None else [run_table.reached_in_words(chosen, look["target"])]
    if groups := of_frame("on one line", curves.on_one_line, frame, False, axis, look["target"]):
        words.append(f"On one line: {escape_markdown('; '.join(map(' = '.join, groups)))}.")
    if validates := run_table.validates_in_words(chosen, names):
        words.append(escape_markdown(validates))
    if words:
        st.caption(" ".join(words))
    show_words_of_each(chosen, names)


def show_setting(chosen, names, found, differing: list[str], look) -> None:
    """Show one of the settings that differ against test accuracy, where there are runs to show."""
    if not differing:
        return
    st.space("small")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Test accuracy by", width="content", anchor=False)
        chosen_setting = st.selectbox("Setting", differing, key="setting", label_visibility="collapsed", width=200)
    frame, is_log = run_table.dots(chosen, names, found, chosen_setting), chosen_setting in run_table.LOGARITHMIC
    if frame.empty:
        st.caption("None of these runs has both this setting and a test accuracy.")
        return
    st.vega_lite_chart(
        of_frame("setting", setting.setting_chart, frame, theme.is_dark(), chosen_setting, log=is_log, **look),
        alt=f"{chosen_setting} against test accuracy, a dot for each run",
    )
    if outside := setting.runs_outside(frame, look["target"]):
        below = ", ".join(f"{escape_markdown(name)} ({percent(accuracy)})" for name, accuracy in outside)
        st.caption(f"Below the chart: {below}.")


def show_pair(first, second, names, digits) -> None:
    """Show what the second run fixed and broke, whether that could be chance, and the images."""
    readings = []
    for run in (first, second):
        try:
            readings.append(newest_predictions(run, digits))
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
    show_why_cnn(first, second, digits, {first.id: one, second.id: other})
    thing = f"{first.id}-{second.id}"
    show_report(thing, f"{thing}-report.html", partial(make_report, first, second, digits))
    group = choose_group(both, one, other)
    show_images(both, group, one, other, digits)


def make_report(first: Run, second: Run, digits, name: str, words: str) -> bytes:
    """The report of two runs, by somebody of this name and with their words."""
    from core.report import Author, comparison_report

    return comparison_report(first, second, digits, Author(name, words))


def show_verdict(both: Pair, one: str, other: str) -> None:
    """Show the difference and McNemar's test of it in words."""
    with st.container(border=True, key="pair_verdict"):
        st.markdown(f"**{comparison.verdict(both)}**")
        st.markdown(comparison.difference(both, one, other))
        with how_measured("How is this tested?"):
            st.write(
                "McNemar’s exact test uses the images that exactly one of the two gets right. p is the probability of "
                "a split at least this uneven if both networks were equally good. It compares these two trained "
                "networks: trained again from another seed, they may differ."
            )


def show_why_cnn(first, second, digits, names) -> None:
    """Say what a CNN does otherwise than a dense network, where the two are such, and lead to the measurements."""
    words = verdict.why_cnn(first, second, digits, names)
    if not words:
        return
    st.markdown(words)
    with st.container(horizontal=True):
        for run in (first, second):
            st.page_link(
                "app_pages/robustness.py",
                label=f"Robustness of {names[run.id]}",
                icon=":material/shield:",
                query_params={"run": run.id},
            )
        lesson_link("cnn", "Why does a CNN do better?")


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
    st.markdown(
        f"Under each {'digit' if digits.is_digits else 'image'}: what **{one}** reads, then what **{other}** reads"
    )
    here = st.container()
    pages = selection.pages(found, PAIR_IMAGES_PER_PAGE)
    number = st.pagination(pages, key="pair_page") if pages > 1 else 1
    shown = found[(number - 1) * PAIR_IMAGES_PER_PAGE : number * PAIR_IMAGES_PER_PAGE]
    image = st.session_state.get("pair_image")
    image = image if image in shown else None
    with here:
        gallery(
            digits.x_test[shown],
            reading_tiles(both.first, shown, digits, both.second),
            key="gallery_pair",
            selected=image,
            on_choose=open_image,
            label=f"{GROUPS[group]}: as the first and the second run read them",
            reveal="pair_image_panel",
            full=PAIR_IMAGES_PER_PAGE if pages > 1 else None,
            classes=digits.classes,
        )
    with st.container(key="pair_image_panel"):
        if image is not None:
            show_image(both, image, one, other, digits)


def open_image(image: int) -> None:
    """Show this image's probabilities of both runs."""
    st.session_state["pair_image"] = image


def show_image(both: Pair, image: int, one: str, other: str, digits) -> None:
    """Show one image and the probabilities of both runs for it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(picture(enlarged(digits.x_test[image])), width=84, alt=f"Image {image:,}, enlarged")
        label = escape_markdown(one_of(digits.classes, int(both.first.labels[image])))
        st.markdown(f"**Image {image:,}**, {label}", width="content")
    for column, words, reading in zip(
        st.columns(2, gap="medium"), (one, other), (both.first, both.second), strict=True
    ):
        prediction = int(reading.predictions[image])
        with column:
            read = escape_markdown(digits.classes[prediction])
            read = f"{'a ' if digits.is_digits else ''}**{read}**"
            st.markdown(f"{words} reads {read}, {certainty(reading.confidence[image])} sure")
            st.vega_lite_chart(
                probabilities.probability_chart(reading, image, digits.classes),
                alt=f"Probabilities of image {image:,}, highest for {digits.classes[prediction]}",
            )


page()
