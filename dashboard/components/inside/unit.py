"""One unit: the sum that gives its number, what excites it most, and where it goes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from core.data import Dataset
from core.data.classes import DIGITS
from core.interpretability.inside import IMAGES, Inside, Unit
from core.interpretability.numpy_network import EPSILON
from core.interpretability.pictures import block_of, source, weight_pictures
from core.interpretability.sums import factor_decimals, norm_decimals, written
from dashboard.components.classes import Classes, are_digits, count_word
from dashboard.components.inside.choice import PLACE, choose_unit, open_test_image
from dashboard.components.inside.exciting import are_known, most_exciting
from dashboard.components.inside.words import (
    OUTPUT,
    PROBABILITIES,
    fixed,
    place_name,
    short_titles,
    unit_name,
    unit_words,
)
from dashboard.components.predictions.time_machine import is_playing
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.gallery import Tile, gallery
from dashboard.components.widgets.wall import Group, limit_of, short, wall

MOST_TERMS, MOST_OUTGOING, MOST_POOLED = 8, 5, 16
BEHIND = {  # what an activation does with a number
    "relu": "ReLU keeps what is above zero: max(0, {x}) = **{y}**.",
    "leaky relu": "Leaky ReLU keeps what is above zero, and a little of what is below: {x} becomes **{y}**.",
    "elu": "ELU keeps what is above zero; below it is eˣ − 1: {x} becomes **{y}**.",
    "gelu": "GELU keeps large numbers and fades out small ones: {x} becomes **{y}**.",
    "tanh": "tanh squeezes the number between −1 and 1: tanh({x}) = **{y}**.",
    "sigmoid": "The sigmoid squeezes the number between 0 and 1: σ({x}) = **{y}**.",
}


def show_unit(
    digits: Dataset,
    inside: Inside,
    pixels: np.ndarray,
    values: dict[str, np.ndarray],
    unit: tuple[str, int],
    classes: Classes = DIGITS,
) -> None:
    """Show how the chosen unit comes to its number for an image, and what else it does.

    Args:
        digits: the dataset.
        inside: the network.
        pixels: the image, uint8 (28, 28).
        values: what each layer puts out for it, without the axis of images.
        unit: layer and number.
        classes: the names of the classes.
    """
    name, index = unit
    st.header(escape_markdown(unit_name(inside.network, name, index, classes)), anchor=False)
    if name == PROBABILITIES:
        _show_softmax(values["logits"], index)
        _offer(inside, OUTPUT, index, "Its logit", classes)
        return
    array = values["logits"] if name == OUTPUT else values[name]
    at = (*_show_map(index, array), index) if array.ndim == 3 else (index,)
    found = inside.unit(pixels, name, at)
    if found.kind in ("dense", "conv", "output"):
        _show_pictures(inside, found)
        _show_sum(inside, found)
    else:
        _show_step(inside, found)
    show_outgoing(inside, found, classes=classes)
    show_exciting(digits, inside, name, index)


def _show_map(index: int, array: np.ndarray) -> tuple[int, int]:
    """Show the unit's feature map, in which a place can be chosen; returns row and column."""
    chosen = array[..., index]
    width = chosen.shape[1]
    strongest = int(np.abs(chosen).argmax())
    at = st.session_state.get(PLACE, strongest)
    at = at if at < chosen.size else strongest
    row, column = divmod(at, width)
    st.markdown(f"At row {row}, column {column} it is **{short(float(chosen[row, column]))}**. Click another place.")
    wall(
        [
            Group(
                "place",
                "",
                chosen.reshape(-1, 1, 1),
                width=max(6, 196 // width),
                values=[short(float(value)) for value in chosen.ravel()],
                unit="place",
                columns=width,
            )
        ],
        key="inside_map",
        selected=("place", at),
        on_choose=lambda _, place: st.session_state.update({PLACE: place}),
    )
    return row, column


def _show_pictures(inside: Inside, found: Unit) -> None:
    """Show weights, input and their products as three pictures, for units that see a picture."""
    if found.inputs.ndim == 3 or len(source(inside.network, found.layer).shape) == 3:
        shape = source(inside.network, found.layer).shape
        arrays = {"Weights": found.weights, "Input": found.inputs, "Product": found.products}
        with st.container(key="three_pictures", horizontal=True, gap="small"):
            for title, array in arrays.items():
                pictures = weight_pictures(array[..., np.newaxis] if array.ndim == 3 else array[:, np.newaxis], shape)
                side = pictures.shape[2]
                width = side * max(1, round(90 / side))
                with st.container(width=width + 6):
                    wall(
                        [
                            Group(
                                title,
                                title,
                                pictures,
                                width=width,
                                captions=[f"±{short(limit_of(pictures))}"],
                                unit="picture",
                                has_key=False,
                                selectable=False,
                            )
                        ],
                        key=f"unit_{title.lower()}",
                    )


def _show_sum(inside: Inside, found: Unit) -> None:
    """Show the sum as a table that can be added up by hand."""
    said = written(found, inside.network, MOST_TERMS)
    decimals = factor_decimals(said.terms)
    rows = [
        (
            place_name(found.source, term.place),
            f"{fixed(term.input, decimals)} × {fixed(term.weight, decimals)}",
            term.product,
        )
        for term in said.terms
    ]
    if said.others:
        rows.append((f"{said.others:,} other{'' if said.others == 1 else 's'}", "", said.rest))
    if block_of(inside.network, found.layer).bias:
        rows.append(("bias", "", said.bias))
    table = ["| From | Input × weight | Product |", "|:--|--:|--:|"]
    table += [f"| {name} | {product} | {fixed(value)} |" for name, product, value in rows]
    table.append(f"| **Sum** | | **{fixed(said.total)}** |")
    with st.container(key="inside_sum"):
        st.markdown("\n".join(table))


def _show_step(inside: Inside, found: Unit) -> None:
    """Show what a layer without a sum makes of its input."""
    after, inputs = found.value, found.inputs
    block = block_of(inside.network, found.layer)
    match found.kind:
        case "pool" | "global pool":
            what = "mean" if block.layer.average else "largest"
            numbers = ", ".join(short(float(number)) for number in inputs.ravel()[:MOST_POOLED])
            if inputs.size > MOST_POOLED:
                numbers = f"{inputs.size} places of map {found.index[-1]}"
            st.markdown(f"The {what} of {numbers} is **{short(after)}**.")
        case "norm":
            numbers = {name: float(array[found.index[-1]]) for name, array in inside.weights[found.layer].items()}
            deviation = math.sqrt(numbers["variance"] + EPSILON)
            parts = (float(inputs), numbers["mean"], deviation, numbers["gamma"], numbers["beta"])
            decimals = norm_decimals(*parts, after)
            x, mean, deviation, gamma, beta = (fixed(part, decimals) for part in parts)
            st.markdown(
                f"({x} − {mean}) ÷ {deviation} × {gamma} + {beta} = **{fixed(after)}**",
                help="Minus the mean, divided by the standard deviation (both of the training images), "
                "times a learned scale, plus a learned shift.",
            )
        case _:
            st.markdown(BEHIND[found.kind].format(x=fixed(float(inputs)), y=fixed(after)))
    if found.source != IMAGES:
        _offer(inside, found.source, found.index[-1], "Its input")


def _show_softmax(logits: np.ndarray, index: int) -> None:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    st.markdown(
        f"Softmax: e to the power of each logit, divided by the sum of all {count_word(len(logits))}. The largest "
        "logit is subtracted first, which changes nothing."
    )
    shown = [fixed(float(power)) for power in powers]
    st.markdown(
        f"e^({fixed(float(logits[index]))} − {fixed(float(logits.max()))}) = {shown[index]}  \n"
        f"{shown[index]} ÷ {fixed(float(powers.sum()))} = **{fixed(float(powers[index] / powers.sum()))}**"
    )


def show_exciting(
    digits: Dataset, inside: Inside, name: str, index: int, on_choose: Callable[[int], None] = open_test_image
) -> None:
    """Show the sixteen test images that excite a unit most; `on_choose` gets the number of one that is clicked.

    The first time takes up to seconds, so this is shown last, and not while epochs follow each other.
    """
    with st.container(key="inside_exciting"):
        st.markdown(
            "**Test images that excite it most**",
            help="Of the first test images. Of a feature map: its largest number anywhere in the image.",
        )
        if is_playing() and not are_known(inside, digits):
            return
        found, numbers = most_exciting(inside, digits, name, index)
        gallery(
            digits.x_test[found],
            [
                Tile(int(image), int(digits.y_test[image]), note=short(float(number)), of="test")
                for image, number in zip(found, numbers, strict=True)
            ],
            key="exciting",
            on_choose=on_choose,
            tile_size=42,
            label="Test images that excite it most",
            full=len(found),
            classes=digits.classes,
        )


def show_outgoing(
    inside: Inside, found: Unit, on_choose: Callable[[str, int], None] = choose_unit, classes: Classes = DIGITS
) -> None:
    """Show the largest weights by which a unit goes on, as buttons; `on_choose` gets layer and number of a unit."""
    if found.outgoing is None:
        return
    weights = found.outgoing.reshape(-1, found.outgoing.shape[-1])
    weights = weights[np.abs(weights).argmax(axis=0), np.arange(weights.shape[1])]
    names = classes if found.goes_to == OUTPUT else None
    where = (
        f"the {'digits' if are_digits(classes) else 'classes'}"
        if names
        else short_titles(inside.network)[found.goes_to]
    )
    st.markdown(
        f"**Where it goes: {where}**",
        help="Its largest weights in the next layer that has weights.",
    )
    with st.container(horizontal=True, gap="xsmall", key="outgoing"):
        for other in np.argsort(-np.abs(weights), kind="stable")[:MOST_OUTGOING].tolist():
            st.button(
                f"{escape_markdown(names[other]) if names else other}: {short(float(weights[other]))}",
                key=f"to_{found.goes_to}_{other}",
                on_click=on_choose,
                args=(found.goes_to, other),
                help=f"Look at {escape_markdown(unit_words(inside.network, found.goes_to, other, classes))}.",
            )


def _offer(inside: Inside, name: str, index: int, words: str, classes: Classes = DIGITS) -> None:
    st.button(
        f"{words}: {escape_markdown(unit_words(inside.network, name, index, classes))}",
        key="unit_before",
        icon=":material/arrow_upward:",
        on_click=choose_unit,
        args=(name, index),
    )
