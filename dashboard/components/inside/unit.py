"""One unit: the sum that gives its number, what excites it most, and where it goes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import Dataset
from core.interpretability import sums
from core.interpretability.inside import Inside
from core.interpretability.pictures import IMAGES, block_of, input_picture, source, weight_pictures
from core.runs import RunView
from dashboard.components.inside.choice import PLACE, choose_unit, open_test_image
from dashboard.components.inside.exciting import most_exciting
from dashboard.components.inside.words import OUTPUT, PROBABILITIES, place_name, unit_name
from dashboard.components.widgets.gallery import Tile, gallery
from dashboard.components.widgets.wall import Group, short, wall

MOST_TERMS, MOST_OUTGOING = 8, 5
BEHIND = {  # what an activation does with a number
    "relu": "ReLU keeps what is above zero: max(0, {x}) = **{y}**.",
    "leaky relu": "Leaky ReLU keeps what is above zero, and a little of what is below: {x} becomes **{y}**.",
    "elu": "ELU keeps what is above zero; below it is eˣ − 1: {x} becomes **{y}**.",
    "gelu": "GELU keeps large numbers and fades out small ones: {x} becomes **{y}**.",
    "tanh": "tanh squeezes the number between −1 and 1: tanh({x}) = **{y}**.",
    "sigmoid": "The sigmoid squeezes the number between 0 and 1: σ({x}) = **{y}**.",
}


def show_unit(
    run: RunView, digits: Dataset, inside: Inside, values: dict[str, np.ndarray], unit: tuple[str, int]
) -> None:
    """Show how the chosen unit comes to its number for the image whose `values` are given, and what else it does."""
    name, index = unit
    st.subheader(unit_name(inside.network, name, index), anchor=False)
    if name == PROBABILITIES:
        _show_softmax(values["logits"], index)
        _offer(inside, OUTPUT, index, "Its logit")
        return
    array = values["logits"] if name == OUTPUT else values[name]
    place = _show_map(name, index, array) if array.ndim == 3 else (0, 0)
    kind = block_of(inside.network, name).layer.kind
    if kind in ("dense", "conv", "output"):
        found = sums.unit_sum(inside.network, inside.weights, values, name, index, place)
        _show_pictures(inside, found, name)
        _show_sum(found)
    else:
        _show_step(inside, values, name, index, place)
    show_exciting(run, digits, inside, name, index)
    show_outgoing(inside, name, index)


def _show_map(name: str, index: int, array: np.ndarray) -> tuple[int, int]:
    """Show the unit's feature map, in which a place can be chosen; returns row and column."""
    chosen = array[..., index]
    height, width = chosen.shape
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


def _show_pictures(inside: Inside, found: sums.UnitSum, name: str) -> None:
    """Show weights, input and their products as three pictures, for units that see a picture."""
    if len(found.source.shape) != 3:
        return
    if found.inputs.ndim == 3:
        weights, inputs, products = (
            weight_pictures(array[..., np.newaxis], found.source.shape)
            for array in (found.weights, found.inputs, found.inputs * found.weights)
        )
    else:
        weights, inputs, products = (
            weight_pictures(array[:, np.newaxis], found.source.shape)
            for array in (found.weights, found.inputs, found.inputs * found.weights)
        )
    side = weights.shape[2]
    width = side * max(1, round(112 / side))
    with st.container(key="three_pictures", horizontal=True, gap="small"):
        for title, pictures in (("Weights", weights), ("Input", inputs), ("Product", products)):
            with st.container(width=width + 8):
                wall(
                    [Group(title, title, pictures, width=width, selectable=False, unit="picture")],
                    key=f"unit_{title.lower()}",
                )


def _show_sum(found: sums.UnitSum) -> None:
    """Show the sum as a table that can be added up by hand."""
    terms, others, rest, bias, total = found.written(MOST_TERMS)
    rows = [
        (place_name(found.source.name, term.place), f"{_fixed(term.input)} × {_fixed(term.weight)}", term.product)
        for term in terms
    ]
    if others:
        rows.append((f"{others:,} others", "", rest))
    rows.append(("bias", "", bias))
    table = ["| | input × weight | |", "|:--|--:|--:|"]
    table += [f"| {name} | {product} | {_fixed(value)} |" for name, product, value in rows]
    table.append(f"| **Sum** | | **{_fixed(total)}** |")
    with st.container(key="inside_sum"):
        st.markdown("\n".join(table))


def _show_step(
    inside: Inside, values: dict[str, np.ndarray], name: str, index: int, place: tuple[int, int]
) -> None:
    """Show what a layer without weights, or a normalisation, makes of its input."""
    block, origin = block_of(inside.network, name), source(inside.network, name)
    before, after = values[origin.name], values[name]
    after = float(after[(*place, index)] if after.ndim == 3 else after[index])
    layer = block.layer
    if layer.kind == "pool":
        top, left = (layer.stride * at for at in place)
        window = before[top : top + layer.window, left : left + layer.window, index]
        numbers = ", ".join(short(float(value)) for value in window.ravel()[:25])
        what = "mean" if layer.average else "largest"
        st.markdown(f"The {what} of {numbers} is **{short(after)}**.")
    elif layer.kind == "global pool":
        st.markdown(
            f"The {'mean' if layer.average else 'largest'} of all {before[..., index].size} places of map {index} "
            f"is **{short(after)}**."
        )
    else:
        number = float(before[(*place, index)] if before.ndim == 3 else before[index])
        if layer.kind == "norm":
            numbers = inside.weights[name]
            mean, variance, gamma, beta = (float(numbers[part][index]) for part in ("mean", "variance", "gamma", "beta"))
            st.markdown(
                f"({_fixed(number)} − mean {_fixed(mean)}) ÷ deviation {_fixed(np.sqrt(variance + 1e-3))} "
                f"× {_fixed(gamma)} + {_fixed(beta)} = **{_fixed(after)}**"
            )
        else:
            st.markdown(BEHIND[layer.kind].format(x=_fixed(number), y=_fixed(after)))
    if origin.name != IMAGES:
        _offer(inside, origin.name, index, "Where its input comes from")


def _show_softmax(logits: np.ndarray, index: int) -> None:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    st.markdown(
        "Softmax: e to the power of each logit, divided by the sum of all ten. The largest logit is subtracted first, "
        "which changes nothing."
    )
    shown = [_fixed(float(power)) for power in powers]
    st.markdown(
        f"e^({_fixed(float(logits[index]))} − {_fixed(float(logits.max()))}) = {shown[index]}  \n"
        f"{shown[index]} ÷ {_fixed(float(powers.sum()))} = **{_fixed(float(powers[index] / powers.sum()))}**"
    )


def show_exciting(run: RunView, digits: Dataset, inside: Inside, name: str, index: int) -> None:
    """Show the sixteen test images that excite a unit most; a click looks at one of them."""
    st.markdown("**Test images that excite it most**", help="Of a feature map: its largest number anywhere in the image.")
    found, numbers = most_exciting(run, digits, inside, name, index)
    gallery(
        digits.x_test[found],
        [
            Tile(int(image), int(digits.y_test[image]), note=short(float(number)), of="test")
            for image, number in zip(found, numbers, strict=True)
        ],
        key="exciting",
        on_choose=open_test_image,
        tile_size=42,
        label="Test images that excite it most",
        full=len(found),
    )


def show_outgoing(inside: Inside, name: str, index: int) -> None:
    """Show the largest weights by which a unit goes on, as buttons that look at the unit there."""
    if name in (OUTPUT, PROBABILITIES):
        return
    found = sums.outgoing(inside.network, inside.weights, name, index)
    if found is None:
        return
    later, weights = found
    st.markdown("**Where it goes**", help="Its largest weights in the next layer that has weights.")
    with st.container(horizontal=True, gap="xsmall", key="outgoing"):
        for other in np.argsort(-np.abs(weights), kind="stable")[:MOST_OUTGOING].tolist():
            words = f"{'digit' if later == OUTPUT else later} {other}: {short(float(weights[other]))}"
            st.button(words, key=f"to_{later}_{other}", on_click=choose_unit, args=(later, other))


def _offer(inside: Inside, name: str, index: int, words: str) -> None:
    st.button(
        f"{words}: {unit_name(inside.network, name, index).lower()}",
        key="unit_before",
        icon=":material/arrow_upward:",
        on_click=choose_unit,
        args=(name, index),
    )


def _fixed(value: float) -> str:
    """A number with as many decimals as sums are written with, and a true minus sign."""
    text = f"{value:,.{sums.DECIMALS}f}"
    return ("0.000" if not float(text.replace(",", "")) else text).replace("-", "−")
