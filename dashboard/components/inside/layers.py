"""One image, layer by layer: every feature map and unit from pixels to probabilities."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import Dataset
from core.data.classes import DIGITS
from core.interpretability.inside import Inside
from core.interpretability.pictures import activation_pictures, visible
from core.layers import ACTIVATIONS
from core.network import Block
from core.runs import RunView
from dashboard.components.charts.probabilities import probability_bars
from dashboard.components.classes import Classes, are_digits, count_word, no_idea
from dashboard.components.formatting import SIGMOID_SENTENCE, certainty, ends_in_sigmoids
from dashboard.components.inside.choice import Chosen, choose_image, choose_unit, chosen_unit
from dashboard.components.inside.unit import show_unit
from dashboard.components.inside.words import OUTPUT, PROBABILITIES, one_unit, shape_in_words, titles
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.wall import Group, short, wall

PANEL = "inside_unit"
BARS = 220  # pixels
LETTERS = 5  # of a class's name, which have room below a unit


def show_layers(run: RunView, digits: Dataset, inside: Inside) -> None:
    """Show the choice of image, what each layer makes of it, and the chosen unit."""
    with st.container(key="inside_area").container(key="inside_and_unit"):
        with st.container():
            with st.container(horizontal=True, gap="medium", key="inside_input"):
                with st.container(width=300, gap="small"):
                    chosen = choose_image(digits, run, part="One image")
                answer = st.container(width="stretch", key="inside_answer")
            below = st.container()
        beside = st.container(key=PANEL, border=True)
    if chosen is None:
        with beside:
            what = "a digit" if are_digits(run.classes) else "an image"
            st.markdown(f"Choose or draw {what}: its way through the network appears here.")
        return
    values = values_of(inside, chosen.pixels)
    groups = layer_groups(inside, values, run.classes)
    counts = {group.name: len(group.pictures) for group in groups if group.selectable}
    unit = chosen_unit(counts, (OUTPUT, int(values[PROBABILITIES].argmax())))
    with answer:
        show_answer(run, values, chosen)
    with below:
        wall(groups, key="layers_wall", selected=unit, on_choose=choose_unit, reveal=PANEL)
    with beside:
        show_unit(digits, inside, chosen.pixels, values, unit, run.classes)


def values_of(inside: Inside, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """What each layer puts out for one image, without the axis of images."""
    return {name: array[0] for name, array in inside.activations(pixels[np.newaxis]).items()}


def show_answer(run: RunView, values: dict[str, np.ndarray], chosen: Chosen) -> None:
    """Show what the network reads, its probabilities, and what they mean."""
    probabilities = values[PROBABILITIES]
    first = int(probabilities.argmax())
    mark = ""
    if chosen.label is not None:
        mark = ":blue[:material/check:] " if chosen.label == first else ":orange[:material/close:] "
    read = escape_markdown(run.classes[first])
    st.markdown(f"{mark}{escape_markdown(chosen.words)}, read as **{read}**")
    with st.container(key="inside_answer_bars"):
        st.vega_lite_chart(
            probability_bars(probabilities, marked=first, height=BARS, classes=run.classes),
            key="inside_bars",
            alt=f"{count_word(len(run.classes)).capitalize()} probabilities, highest for {run.classes[first]}",
        )
    st.caption(no_idea(run.classes), help=SIGMOID_SENTENCE if ends_in_sigmoids(run.config) else None)


def layer_groups(inside: Inside, values: dict[str, np.ndarray], classes: Classes = DIGITS) -> list[Group]:
    """What each layer puts out as a group of pictures."""
    names = titles(inside.network)
    groups = []
    for block in visible(inside.network):
        array = values["logits"] if block.name == OUTPUT else values[block.name]
        groups.append(_group(block, array, names[block.name], classes))
    probabilities = values[PROBABILITIES]
    groups.append(
        Group(
            PROBABILITIES,
            "Probabilities, softmax of the logits",
            activation_pictures(probabilities),
            limit=1.0,
            width=30,
            values=[certainty(float(p)) for p in probabilities],
            captions=captions_of(classes),
        )
    )
    return groups


def captions_of(classes: Classes) -> list[str]:
    """The names of classes below small pictures, cut to the room that there is."""
    return [name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…" for name in classes]


def _group(block: Block, array: np.ndarray, title: str, classes: Classes) -> Group:
    pictures = activation_pictures(array)
    notes = [shape_in_words(block)] if len(block.shape) > 1 else []  # the title says how many units
    if block.layer.kind in ACTIVATIONS:
        notes.append(f"{np.mean(pictures > 0):.0%} above zero".replace("%", " %"))
    is_map = array.ndim == 3
    numbers = pictures.max(axis=(1, 2)) if is_map else pictures[:, 0, 0]
    side = pictures.shape[2]
    return Group(
        block.name,
        title,
        pictures,
        width=_width(side) if is_map else 30 if block.name == OUTPUT else 20,
        note=" · ".join(notes),
        values=[("at most " if is_map else "") + short(float(number)) for number in numbers],
        captions=captions_of(classes) if block.name == OUTPUT else (),
        unit=one_unit(block),
    )


def _width(side: int) -> int:
    """Of a feature map in CSS pixels, smaller for few places, a whole number for each place."""
    wanted = 52 if side > 16 else 44 if side > 8 else 32
    return side * max(1, round(wanted / side))
