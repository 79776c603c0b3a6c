"""The panel of one image: label, prediction, probabilities over the epochs, explanations, and a link to Draw."""

from __future__ import annotations

from collections import Counter

import numpy as np
import streamlit as st

from core.data import Dataset
from core.evaluation import label_errors, predictions
from core.evaluation.predictions import EpochPredictions, Predictions
from core.evaluation.selection import Place
from core.interpretability import neighbours, saliency
from core.predictor import Predictor
from core.runs import Run
from dashboard.components import loaded_models
from dashboard.components.charts import probabilities
from dashboard.components.classes import Classes, are_digits, no_idea, one_of
from dashboard.components.downloads import show_downloads
from dashboard.components.formatting import (
    LEAST_CERTAINTY,
    SIGMOID_SENTENCE,
    certainty,
    distance_text,
    ends_in_sigmoids,
)
from dashboard.components.saliency import PATCH, describe_occlusion, occlusion
from dashboard.components.text import escape_markdown
from dashboard.components.widgets import canvas
from dashboard.components.widgets.gallery import Tile, enlarged, gallery, picture

DRAW_PAGE = "app_pages/draw.py"
NEIGHBOURS = 10
IMAGE, MATRIX = "Image", "Matrix"  # what the panel shows


def show_image(run: Run, digits: Dataset, reading: Predictions, past: EpochPredictions | None, image: int) -> None:
    """Show everything about the image but its neighbours, which take longer."""
    prediction, classes = int(reading.predictions[image]), run.classes
    left, words = st.columns([2, 3], vertical_alignment="center", wrap=False)
    left.image(picture(enlarged(digits.x_test[image])), width=168, alt=f"Image {image}, enlarged")
    with words:
        show_reading(reading, image, classes)
    show_doubt(digits, image)
    model = loaded_models.load(run) if run.has_model else None
    if model is None:
        when = "when training ends" if run.state.is_active else "once the run has a model"
        st.caption(f"“Which ink decided”, nearest images and Send to Draw come {when}.")
    if st.session_state.pop("go_to_draw", False):
        # Parameters must be given: st.switch_page without them refuses to clear those of widgets (streamlit 1.67).
        st.switch_page(DRAW_PAGE, query_params={"run": run.id})
    with st.container(key="probabilities"):
        st.vega_lite_chart(
            probabilities.probability_chart(reading, image, classes),
            alt=f"Probabilities of image {image}, highest for {classes[prediction]}",
        )
    st.caption(no_idea(classes), help=SIGMOID_SENTENCE if ends_in_sigmoids(run.config) else None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Send to Draw",
            icon=":material/draw:",
            key="send_to_draw",
            on_click=send_to_draw,
            args=(digits, reading, image, classes),
            disabled=model is None,
        )
        st.page_link(
            "app_pages/inside.py",
            label="Look inside",
            icon=":material/visibility:",
            query_params={"run": run.id, "part": "One image", "image": str(image)},
            help="Every unit on the way from its pixels to its probabilities.",
        )
        show_downloads(
            lambda format: image_file(run, digits, reading, past, model, image, format),
            f"{run.id}-image-{image}",
            "image",
            label="Download image",
        )
    if past is not None and len(past.epochs) > 1:
        st.caption(predictions.describe_learning(past, image))
        with st.container(key="past"):
            st.vega_lite_chart(
                probabilities.past_chart(past, reading, image, classes),
                alt=f"Probabilities of image {image} over the epochs",
            )
    if model is not None:
        show_occlusion(run, model, digits.x_test[image], prediction)


def show_header(place: Place, page_size: int) -> str:
    """Show what the panel can show, and buttons to the previous and next image and to close it; return the choice."""
    with st.container(key="image_header", horizontal=True, vertical_alignment="center", gap="xxsmall"):
        shown = st.segmented_control(
            "Panel",
            (IMAGE, MATRIX),
            default=IMAGE,
            required=True,
            format_func=lambda part: f"Image {place.image}" if part == IMAGE else part,
            key="panel",
            label_visibility="collapsed",
            width="stretch",
        )
        for name, icon, target in (
            ("Previous", "chevron_left", place.previous),
            ("Next", "chevron_right", place.next),
        ):
            st.button(
                name,
                icon=f":material/{icon}:",
                key=f"{name.lower()}_image",
                type="tertiary",
                on_click=open_image,
                args=(target, place.page_of(target, page_size)),
                disabled=target is None,
            )
        st.button("Close", icon=":material/close:", key="close_image", type="tertiary", on_click=close_image)
    return shown


def show_reading(reading: Predictions, image: int, classes: Classes) -> None:
    """Show label, prediction, confidence, second guess and loss."""
    mark = ":blue[:material/check:]" if reading.right[image] else ":orange[:material/close:]"
    second = int(reading.second[image])
    label, read = (escape_markdown(classes[each[image]]) for each in (reading.labels, reading.predictions))
    st.markdown(f"{mark} {'A ' if are_digits(classes) else ''}**{label}**, read as **{read}**")
    lines = [f"Confidence: {certainty(reading.confidence[image])}", f"Loss: {max(0, reading.loss[image]):.3f}"]
    if reading.probabilities[image, second] >= LEAST_CERTAINTY:
        lines.insert(
            1, f"Second guess: {escape_markdown(classes[second])} ({certainty(reading.probabilities[image, second])})"
        )
    st.markdown(
        "  \n".join(lines),
        help="Loss: minus the logarithm of the label's probability. 0 is best.",
    )


def show_doubt(digits: Dataset, image: int) -> None:
    """Show how five people labelled the image, where its label is in doubt."""
    error = label_errors.ERRORS_BY_INDEX.get(image) if digits.is_mnist else None
    if error is not None:
        st.warning(
            f"This label is in doubt: of five people, {error.votes_given} saw a {error.given}, "
            f"{error.votes_guess} a {error.guess} and {error.votes_neither} neither.",
            icon=":material/flag:",
        )


def show_occlusion(run: Run, model: Predictor, image: np.ndarray, prediction: int) -> None:
    """Show the occlusion map on the digit, and how to read it."""
    st.markdown(
        "**Which ink decided**",
        help=f"Occlusion map (Zeiler & Fergus 2014): each {PATCH} × {PATCH} patch is blanked in turn, and the finished "
        "network reads the rest. A pixel shows how many points of probability that costs, averaged over the patches "
        "that cover it.",
    )
    digit, effect = occlusion(run, model, image)
    left, words = st.columns([2, 3], vertical_alignment="center", wrap=False)
    left.image(picture(saliency.overlay(image, effect)), width=168, alt=f"Occlusion map for {run.classes[digit]}")
    with words:
        if digit != prediction:
            st.caption(f"The finished network reads {escape_markdown(one_of(run.classes, digit))}.")
        st.caption(describe_occlusion(effect, digit, run.classes))


def show_neighbours(run: Run, digits: Dataset, reading: Predictions, image: int) -> None:
    """Show the nearest training images by the last hidden layer, with progress the first time."""
    model = loaded_models.load(run) if run.has_model else None
    if model is None:
        return
    layer, places = loaded_models.hidden_layer(run, model, digits)
    bar = st.empty()
    while layer.progress < 1:
        bar.progress(layer.progress, "Running the network on the training images, once per run")
        layer.step()
    bar.empty()
    hidden = model.hidden(digits.x_test[image : image + 1])[0]
    nearest, distances = neighbours.nearest(layer.values, hidden, NEIGHBOURS)
    indices = places[nearest]
    labels = digits.y_train[indices]
    counts = Counter(labels.tolist()).most_common()
    said = ", ".join(f"{count} with label {escape_markdown(run.classes[digit])}" for digit, count in counts)
    st.markdown(
        "**Nearest training images**",
        help=f"Of {len(layer.values):,} training images, those whose activations in the last hidden layer are nearest "
        "to this image's, by Euclidean distance. Below each: label and distance.",
    )
    if not distances.any():
        st.caption(f"None: {len(distances)} or more are all like this image to the last hidden layer.")
        return
    label, read = (escape_markdown(run.classes[each[image]]) for each in (reading.labels, reading.predictions))
    st.caption(f"{said}. This one: label {label}, read as {read}.")
    tiles = [
        Tile(index=int(i), label=int(label), note=distance_text(distance), of="training")
        for i, label, distance in zip(indices, labels, distances, strict=True)
    ]
    gallery(
        digits.x_train[indices],
        tiles,
        key="neighbours",
        selectable=False,
        label="Nearest training images, by distance",
        classes=run.classes,
    )


def image_file(
    run: Run,
    digits: Dataset,
    reading: Predictions,
    past: EpochPredictions | None,
    model: Predictor | None,
    image: int,
    format: str,
) -> bytes:
    """The panel as a file, PNG or SVG."""
    from core.evaluation import figures  # matplotlib is slow to import, and few ask for a figure

    pixels, explained = digits.x_test[image], None
    if model is not None:
        digit, effect = occlusion(run, model, pixels)
        explained = digit, saliency.overlay(pixels, effect, times=1)
    figure = figures.image_figure(
        pixels,
        f"Image {image} of the test set of {digits.name}",
        label=int(reading.labels[image]),
        probabilities=reading.probabilities[image],
        explained=explained,
        past=None if past is None else (past.epochs, past.probabilities[:, image].astype(float)),
        names=run.classes,
    )
    return figures.figure_bytes(figure, format)


def send_to_draw(digits: Dataset, reading: Predictions, image: int, classes: Classes) -> None:
    """Put the image on Draw's canvas, and open Draw."""
    origin = f"Image {image} of the test set, label {classes[reading.labels[image]]}"
    canvas.put_image(digits.x_test[image], origin=origin, index=image)
    st.session_state["go_to_draw"] = True


def chosen_image(count: int) -> int | None:
    """The image that is open, None where there is none or the address names one that does not exist."""
    text = str(st.session_state.get("image") or "").strip()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else count
    return number if number < count else None


def open_image(image: int | None, page_number: int | None = None) -> None:
    """Open an image, or close the panel with None; show the gallery's page of that number where it is given."""
    st.session_state.update(image="" if image is None else str(image), panel=IMAGE)
    if page_number is not None:
        st.session_state["page"] = page_number


def close_image() -> None:
    """Close the panel."""
    open_image(None)
