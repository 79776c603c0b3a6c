"""Map: the test images by the network's last hidden layer. Images with similar activations lie close together."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import Dataset
from core.interpretability import embedding
from core.interpretability.embedding import Embedding, Layout
from core.predictor import Predictor, model_fingerprint
from core.runs import Run
from core.storage import printable
from dashboard.components.background_job import begin_button, follow
from dashboard.components.charts import embedding as chart
from dashboard.components.loaded_models import load
from dashboard.components.page_head import begin_page
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.gallery import MOST_TILES, Tile, gallery

KIND = "map"
LAYOUTS = ("PCA", "t-SNE")
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
    st.caption(
        f"Each dot is a test image, placed by the {readings.pca.dimensions} activations of the network's last hidden "
        "layer. Images with similar activations lie close together."
    )
    wanted, mask = choose(readings)
    layout = tsne_layout(run, model, digits) if wanted == "t-SNE" else None
    name = "PCA" if layout is None else "t-SNE"
    layout = layout or Layout(readings.shown, readings.pca.points[readings.shown])
    say_what_is_shown(readings, layout, name)
    shown = layout.only(mask)
    if not len(shown.indices):
        st.info("No image matches this filter.", icon=":material/filter_alt:")
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        region = show_map(run, model, readings, shown, name)
    with right:
        show_images(run, digits, readings, shown, region)


@st.cache_resource(max_entries=4, show_spinner="Reading the test images")
def cached_embedding(path: str, model: str, fingerprint: str, _predictor: Predictor, _digits: Dataset) -> Embedding:
    """The model's predictions and activations for all test images, cached for all sessions until the model changes."""
    return embedding.embed_test_images(_predictor, _digits)


def choose(readings: Embedding) -> tuple[str, np.ndarray]:
    """Choose the layout and, as a mask bool (n,), the images on the map; both are in the address."""
    bound = {"bind": "query-params"}
    pick = {"options": range(10), "index": None, "placeholder": "Any", "width": 110}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layout = st.segmented_control(
            "Layout",
            LAYOUTS,
            default=LAYOUTS[0],
            required=True,
            key="layout",
            help="PCA: the two directions in which the images differ most. t-SNE: keeps close neighbours together.",
            **bound,
        )
        label = st.selectbox("Label", key="map_label", help="The digit that the dataset gives.", **pick, **bound)
        read_as = st.selectbox("Read as", key="map_read", help="The digit that the network predicts.", **pick, **bound)
        mistakes = st.toggle("Mistakes only", key="map_mistakes", **bound)
    mask = np.full(len(readings.labels), True)
    if label in range(10):
        mask &= readings.labels == label
    if read_as in range(10):
        mask &= readings.predictions == read_as
    if mistakes:
        mask &= ~readings.right
    return layout if layout in LAYOUTS else LAYOUTS[0], mask


def tsne_layout(run: Run, model: str, digits: Dataset) -> Layout | None:
    """The saved t-SNE of this model; None where there is none, with a button that computes it."""
    stored = embedding.load_tsne(run)
    images = len(digits.y_test)
    reason = stored.stale(model, digits.fingerprint) if stored else ""
    if stored and not reason and stored.indices.max(initial=0) < images:
        return Layout(stored.indices, stored.points)
    if not follow(run, KIND):
        if reason:
            st.warning(
                f"The t-SNE of this run is out of date: {reason}. Compute it again.",
                icon=":material/history:",
            )
        begin_button(run, KIND, "Compute t-SNE", key="compute_tsne", primary=True)
        st.caption(
            f"Lays out {min(images, embedding.SAMPLE):,} of {images:,} test images in the background. Takes about "
            "half a minute on two processor cores. The result is saved with the run."
        )
    st.caption("Until then, PCA:")
    return None


def say_what_is_shown(readings: Embedding, layout: Layout, name: str) -> None:
    """Say which images are on the map and how to read their distances."""
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
    if name == "PCA":
        first, second = readings.pca.explained
        meaning = (
            f"Its two directions hold {100 * (first + second):.0f} % of the hidden layer's variance "
            f"({100 * first:.0f} % across and {100 * second:.0f} % up), so dots that touch may be far apart in others."
        )
    else:
        meaning = "Neighbours are close in the hidden layer; the distances between groups and their sizes say little."
    st.caption(f"{sample} {meaning}")


def show_map(run: Run, model: str, readings: Embedding, shown: Layout, name: str) -> dict | None:
    """Show the map; returns the rectangle that was drawn on it, None without one."""
    parts = (st.session_state.get(key) for key in ("map_label", "map_read", "map_mistakes"))
    event = st.vega_lite_chart(
        chart.map_chart(readings, shown),
        key="_".join(["map", run.id, model, name, *map(str, parts)]),
        on_select="rerun",
        alt=f"Map of {len(shown.indices):,} test images by {name}; crosses are mistakes",
    )
    return chart.chosen_region(event.selection)


def show_images(run: Run, digits: Dataset, readings: Embedding, shown: Layout, region: dict | None) -> None:
    """Show the images in the rectangle, or all images on the map without one."""
    found = embedding.by_confidence(readings, shown.indices if region is None else shown.within(region))
    mistakes = int((~readings.right[found]).sum())
    where = "on the map" if region is None else "in the rectangle"
    count = f"{len(found):,} image{'' if len(found) == 1 else 's'} {where}"
    st.markdown(f"**{count}**, {mistakes:,} mistake{'' if mistakes == 1 else 's'}")
    more = f" The first {MOST_TILES} are shown, mistakes first." if len(found) > MOST_TILES else ""
    hint = "Drag a rectangle over the map to see just its images." if region is None else "A double click removes it."
    st.caption(f":material/highlight_alt: {hint}{more}")
    tiles = [
        Tile(i, int(readings.labels[i]), int(readings.predictions[i]), float(readings.confidence[i]))
        for i in found[:MOST_TILES].tolist()
    ]
    if not tiles:
        return
    link = st.container()
    with st.container(height=520, border=False):
        image = gallery(
            digits.x_test[found[:MOST_TILES]],
            tiles,
            key="map_gallery",
            selected=st.session_state.get("map_image"),
            on_choose=lambda index: st.session_state.update(map_image=index),
            label=f"Test images {where}",
        )
    if image in found:
        link.page_link(
            PREDICTIONS_PAGE,
            label=f"Open image {image} in Predictions",
            icon=":material/grid_view:",
            query_params={"run": run.id, "show": "All", "image": str(image)},
        )


page()
