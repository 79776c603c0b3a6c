"""Map: the test images by the network's last hidden layer. Images with similar activations lie close together."""

from __future__ import annotations

from collections import Counter

import numpy as np
import streamlit as st

from core.compute.job import Status
from core.data import Dataset
from core.interpretability import embedding
from core.interpretability.embedding import Embedding, Layout
from core.people import refusal
from core.predictor import Predictor, model_fingerprint
from core.runs import Run
from core.storage import printable
from dashboard.components.actions import run_action
from dashboard.components.background_job import REFRESH_SECONDS
from dashboard.components.charts import embedding as chart
from dashboard.components.classes import Classes, name_of, noun, one_of, width
from dashboard.components.formatting import certainty, duration_in_words
from dashboard.components.how_measured import how_measured
from dashboard.components.learn.glossary import MOST_WORDS, linked
from dashboard.components.loaded_models import load
from dashboard.components.page_head import begin_page
from dashboard.components.session import active, current_choice, jobs, open_run, services, store
from dashboard.components.text import escape_markdown
from dashboard.components.whose import full_name, listed
from dashboard.components.widgets.gallery import MOST_TILES, Tile, enlarged, gallery

KIND = "map"
PROGRESS_WIDTH = 330  # pixels
GALLERY_HEIGHT = 438  # pixels: four rows of tiles with their captions
LAYOUTS = ("t-SNE", "PCA")
CLEARED = "map_cleared"  # under which the session counts the rectangles that were removed by the button
PREDICTIONS_PAGE = "app_pages/predictions.py"


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Map", needs="model")
    if run is None:
        return
    if reason := run.foreign_dataset(digits):
        st.error(escape_markdown(reason), icon=":material/database_off:")
        return
    predictor = load(run)
    if predictor is None:
        return
    model = model_fingerprint(run.path)
    readings = cached_embedding(printable(run.path), model, digits.fingerprint, predictor, digits)
    if readings.alike:
        show_no_map(run, readings)
        return
    st.markdown(
        "Each dot is a test image in the colour of its label, each cross a mistake. What the network finds alike lies "
        "close together."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="map_choices"):
        status = jobs().status(run, KIND)  # before the look at the map, which is there once the job has finished
        layout = choose_layout(run, model, digits)
        mask = choose_images(readings, run.classes)
        if layout is None and not is_pca_chosen():
            await_tsne(run, status)
    name = "PCA" if layout is None else "t-SNE"
    layout = layout or Layout(readings.shown, readings.pca.points[readings.shown])
    shown = layout.only(mask)
    if len(shown.indices):
        chosen = choose_one(readings, shown)
        left, right = st.columns([3, 2], gap="medium")
        with left, st.container(key="map_chart"):
            region = show_map(run, model, readings, shown, name, chosen, is_filtered=not mask.all())
        with right:
            show_chosen(run, digits, readings, chosen)
            show_images(digits, run.classes, readings, shown, mask, region, chosen)
    else:
        st.info("No image matches this filter.", icon=":material/filter_alt:")
    with how_measured():
        st.markdown(linked(describe(readings, layout, name), MOST_WORDS))


@st.cache_resource(max_entries=4, show_spinner="Reading the test images")
def cached_embedding(path: str, model: str, fingerprint: str, _predictor: Predictor, _digits: Dataset) -> Embedding:
    """The model's predictions and activations for all test images, cached for all sessions until the model changes."""
    return embedding.embed_test_images(_predictor, _digits)


def show_no_map(run: Run, readings: Embedding) -> None:
    """Say that the network sees all images alike and what it reads, and lead to its digits and to the best run."""
    digit, times = Counter(readings.predictions.tolist()).most_common(1)[0]
    images = len(readings.predictions)
    every = "every image" if times == images else f"{times:,} of {images:,} images"
    st.info(
        f"This network sees all images alike, so there is no map. It reads {every} as "
        f"{escape_markdown(run.classes[digit])}.",
        icon=":material/blur_on:",
    )
    with st.container(horizontal=True):
        if st.button("See them in Predictions", key="see_all", icon=":material/grid_view:"):
            st.switch_page(PREDICTIONS_PAGE, query_params={"run": run.id})
        best = store().best(listed(store().runs()))
        if best is not None and best.id != run.id and best.has_model:
            words = f"Show the map of the best run, {escape_markdown(full_name(best))}"
            st.button(words, key="show_best", on_click=open_run, args=(best.id,), icon=":material/swap_horiz:")


def choose_layout(run: Run, model: str, digits: Dataset) -> Layout | None:
    """Choose the layout, in the address; returns t-SNE where it is chosen and there, None for PCA.

    Until t-SNE is there, PCA is shown, and the choice says so.
    """
    stored = None if is_pca_chosen() else stored_tsne(run, model, digits)
    is_open = bool(stored) or is_pca_chosen()
    wanted = st.segmented_control(
        "Layout",
        LAYOUTS,
        default=LAYOUTS[0] if is_open else "PCA",
        required=True,
        disabled=not is_open,
        key="layout" if is_open else "layout_for_now",
        help="t-SNE: keeps close neighbours together. PCA: the two directions in which the images differ most.",
        bind="query-params" if is_open else None,
    )
    return None if wanted == "PCA" else stored


def is_pca_chosen() -> bool:
    """Whether PCA was chosen, here or in the address."""
    return st.session_state.get("layout", st.query_params.get("layout")) == "PCA"


def choose_images(readings: Embedding, classes: Classes) -> np.ndarray:
    """Choose which images are on the map, a mask bool (n,), in the address."""
    bound = {"bind": "query-params"}
    known, what = range(len(classes)), noun(classes)
    pick = {"options": known, "format_func": name_of(classes), "index": None, "placeholder": "Any"}
    pick["width"] = width(classes, least=110)
    label = st.selectbox("Label", key="map_label", help=f"The {what} that the dataset gives.", **pick, **bound)
    read_as = st.selectbox("Read as", key="map_read", help=f"The {what} that the network predicts.", **pick, **bound)
    mistakes = st.toggle("Mistakes only", key="map_mistakes", **bound)
    mask = np.full(len(readings.labels), True)
    if label in known:
        mask &= readings.labels == label
    if read_as in known:
        mask &= readings.predictions == read_as
    if mistakes:
        mask &= ~readings.right
    return mask


def stored_tsne(run: Run, model: str, digits: Dataset) -> Layout | None:
    """The saved t-SNE of this model, None where there is none yet."""
    stored = embedding.load_tsne(run)
    if stored and not stored.stale(model, digits.fingerprint) and stored.indices.max(initial=0) < len(digits.y_test):
        return Layout(stored.indices, stored.points)
    return None


def await_tsne(run: Run, status: Status) -> None:
    """Let the run's t-SNE be laid out, and show how far it is, or why it failed."""
    if status.name in ("failed", "interrupted"):
        st.error(escape_markdown(status.words), icon=":material/error:")
        make_now_button(run, "Try t-SNE again")
        return
    if status.name != "running":
        services().after_training.ask(run, KIND)
    show_progress(run)


@st.fragment(run_every=REFRESH_SECONDS)
def show_progress(run: Run) -> None:
    """Show how far the run's t-SNE is, until it is there, and then draw the page again."""
    status, trains = jobs().status(run, KIND), active(REFRESH_SECONDS)
    waits = services().after_training.is_waiting(run, KIND)
    with st.container(horizontal=True, vertical_alignment="center"):
        if status.name == "running" or (waits and not (trains.running or trains.queued)):
            words = f"t-SNE is getting ready · {100 * status.fraction:.0f} %"
            if status.seconds_left is not None:
                words += f" · about {duration_in_words(max(1, status.seconds_left))} left"
            st.progress(status.fraction, text=words, width=PROGRESS_WIDTH)
        elif waits:
            st.markdown("t-SNE comes when training ends")
            make_now_button(run, "Make t-SNE now", "tertiary")
        else:
            st.rerun()


def make_now_button(run: Run, label: str, kind: str = "secondary") -> None:
    """Show a button that lays out the map by t-SNE now, also while something trains."""
    st.button(
        label,
        key="make_map",
        icon=":material/play_arrow:",
        type=kind,
        on_click=make_now,
        args=(run,),
        disabled=bool(reason := refusal(run.owner, run.name)),
        help=reason or None,
    )


def make_now(run: Run) -> None:
    """Lay out the chosen run's map by t-SNE."""
    run_action(services().after_training.do_now, current_choice(run), KIND)


def describe(readings: Embedding, layout: Layout, name: str) -> str:
    """Which images are on the map, what places them, and how to read their distances, as a list of sentences."""
    images, shown = len(readings.labels), len(layout.indices)
    mistakes, there = int((~readings.right).sum()), int((~readings.right[layout.indices]).sum())
    if shown == images:
        sample = f"All {images:,} test images, {mistakes:,} of them mistakes."
    elif there == mistakes:
        sample = (
            f"{shown:,} of {images:,} test images: all {mistakes:,} mistakes and {shown - there:,} others, "
            "chosen at random."
        )
    else:
        sample = f"{shown:,} of {images:,} test images, chosen at random, with {there:,} of {mistakes:,} mistakes."
    place = (
        f"An image is placed by the {readings.pca.dimensions} activations of the network's last hidden layer, brought "
        f"to two dimensions by {name}."
    )
    if name == "PCA":
        first, second = readings.pca.explained
        distances = (
            f"The two directions hold {100 * (first + second):.0f} % of the hidden layer's variance "
            f"({100 * first:.0f} % across and {100 * second:.0f} % up), so dots that touch may be far apart in others."
        )
    else:
        distances = (
            "Neighbours on the map are close in the hidden layer. The distances between groups, and their sizes, say "
            "little (van der Maaten & Hinton 2008)."
        )
    return "\n".join(f"- {words}" for words in (sample, place, distances))


def choose_one(readings: Embedding, shown: Layout) -> int:
    """The image that a ring is around: the one that was chosen, or the first in the gallery."""
    image = st.session_state.get("map_image")
    return image if image in shown.indices else int(embedding.by_confidence(readings, shown.indices)[0])


def show_map(
    run: Run, model: str, readings: Embedding, shown: Layout, name: str, chosen: int, *, is_filtered: bool
) -> dict | None:
    """Show the map with a ring around an image; returns the rectangle that was drawn on it, None without one."""
    parts = (st.session_state.get(key) for key in ("map_label", "map_read", "map_mistakes", CLEARED))
    event = st.vega_lite_chart(
        chart.map_chart(readings, shown, chosen, is_filtered=is_filtered, classes=run.classes),
        key="_".join(["map", run.id, model, name, *map(str, parts)]),
        on_select="rerun",
        alt=f"Map of {len(shown.indices):,} test images by {name}; crosses are mistakes",
    )
    return chart.chosen_region(event.selection)


def show_images(
    digits: Dataset,
    classes: Classes,
    readings: Embedding,
    shown: Layout,
    mask: np.ndarray,
    region: dict | None,
    chosen: int,
) -> None:
    """Show the images in the rectangle, or all images on the map without one."""
    found = embedding.by_confidence(readings, shown.indices if region is None else shown.within(region))
    where = "" if region is None else " in the rectangle"
    with st.container(horizontal=True, vertical_alignment="center", key="map_count"):
        st.markdown(count(readings, found, found if region else np.flatnonzero(mask), where), width="content")
        if region is not None:
            st.button("Clear", key="clear_region", icon=":material/close:", type="tertiary", on_click=clear_region)
    more = f" The first {MOST_TILES} are shown, mistakes first." if len(found) > MOST_TILES else ""
    if region is None:
        with st.container(key="map_hint"):  # the browser shows one of them: a finger scrolls where a mouse drags
            st.caption(f"Drag a rectangle over the map to see just its images.{more}")
            st.caption(f"Choose a label to see just its images.{more}")
    else:
        st.caption(more.strip() or "Mistakes come first.")
    tiles = [
        Tile(i, int(readings.labels[i]), int(readings.predictions[i]), float(readings.confidence[i]))
        for i in found[:MOST_TILES].tolist()
    ]
    if not tiles:
        return
    with st.container(height=GALLERY_HEIGHT, border=False, key="map_tiles"):
        gallery(
            digits.x_test[found[:MOST_TILES]],
            tiles,
            key="map_gallery",
            selected=chosen,
            on_choose=lambda index: st.session_state.update(map_image=index),
            label=f"Test images{where or ' on the map'}",
            full=60,  # as many columns as there is room for, up to six: it scrolls, so no last row is seen to be short
            classes=classes,
        )


def count(readings: Embedding, found: np.ndarray, among: np.ndarray, where: str) -> str:
    """How many images were found, and how many mistakes are there, of those `among` which the map is a sample."""
    images, mistakes, in_all = len(found), int((~readings.right[found]).sum()), int((~readings.right[among]).sum())
    plural = "" if in_all == 1 else "s"
    if images == len(among):
        return f"**{images:,} image{'' if images == 1 else 's'}{where}**, {mistakes:,} mistake{plural}"
    words = f"**{images:,} of {len(among):,} images**"
    if mistakes == in_all:
        return f"{words}, {'all' if in_all > 1 else 'the'} {in_all:,} mistake{plural} included"
    return f"{words}, {mistakes:,} of {in_all:,} mistakes"


def show_chosen(run: Run, digits: Dataset, readings: Embedding, image: int) -> None:
    """Show an image large, and the way to all that Predictions tells of it."""
    with st.container(horizontal=True, vertical_alignment="center", key="map_image_place"):
        st.image(enlarged(digits.x_test[image]), width=112, alt=f"Image {image}, enlarged")
        with st.container(width="stretch", gap="small"):
            label = escape_markdown(one_of(run.classes, readings.labels[image]))
            read_as = escape_markdown(run.classes[readings.predictions[image]])
            st.markdown(
                f"**Image {image}**, ringed on the map: {label}, read as {read_as}, "
                f"{certainty(readings.confidence[image])} sure"
            )
            if st.button("See it in Predictions", key="see_image", icon=":material/grid_view:"):
                st.switch_page(PREDICTIONS_PAGE, query_params={"run": run.id, "show": "All", "image": str(image)})


def clear_region() -> None:
    """Remove the rectangle: the map is drawn with another key."""
    st.session_state[CLEARED] = st.session_state.get(CLEARED, 0) + 1


page()
