"""The weights of a layer as pictures, and the one that was chosen."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import Dataset
from core.data.split import altered, split
from core.interpretability.inside import IMAGES, Inside, load_inside, weight_epochs
from core.interpretability.pictures import block_of, never_inked, source, weight_pictures, weighted
from core.runs import RunView
from dashboard.components.classes import Classes
from dashboard.components.inside.choice import choose_unit, chosen_unit, open_test_image
from dashboard.components.inside.layers import captions_of
from dashboard.components.inside.unit import show_exciting, show_outgoing
from dashboard.components.inside.words import OUTPUT, one_unit, titles, unit_name
from dashboard.components.learn.glossary import MOST_WORDS, linked
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.wall import Group, short, wall

WIDEST = 168  # CSS pixels of the chosen picture
MOST_LOOKED_AT = 200_000  # weights
MOST_SHARE = 0.997  # of the weights, which lie within the colours' scale
FEW = 32  # pictures, for which there is room for larger ones
STRONGEST, BY_NUMBER = "Strongest first", "By number"
PANEL, LAYER = "inside_unit", "weights_of"
COLORS = "**Orange** raises its sum, **blue** lowers it."


def show_weights(run: RunView, digits: Dataset, inside: Inside) -> None:
    """Show the wall of one layer's weights, and beside it the chosen unit."""
    names = titles(inside.network)
    layers = [block.name for block in weighted(inside.network)]
    if st.session_state.get(LAYER) not in layers:
        st.session_state[LAYER] = layers[0]  # of another run's network
    with st.container(horizontal=True, vertical_alignment="bottom", key="weights_choice"):
        name = st.selectbox(
            "Weights of", layers, format_func=lambda layer: names.get(layer, layer), key=LAYER, width=320
        )
        order = STRONGEST if name == OUTPUT else _choose_order()
    block, origin = block_of(inside.network, name), source(inside.network, name)
    pictures = weight_pictures(inside.weights[name]["kernel"], origin.shape)
    unused = _unused(run, digits, inside, name)
    limit = _limit(run, inside, name, origin.shape, unused)
    numbers = _strongest_first(run, inside, name, unused) if name != OUTPUT and order == STRONGEST else ()
    unit = chosen_unit({name: len(pictures)}, (name, numbers[0] if numbers else 0))
    with st.container(key="inside_area").container(key="inside_and_unit"):
        with st.container():
            st.markdown(linked(_how_to_read(block.layer.kind, origin.name, origin.shape), MOST_WORDS))
            if unused is not None:
                st.caption(
                    f"Grey: {int(unused.sum())} of 784 pixels have no ink in any training image. "
                    "Their weights stay as they were drawn at the start."
                )
            wall(
                [
                    Group(
                        name,
                        names[name],
                        pictures[list(numbers)] if numbers else pictures,
                        unused=unused,
                        limit=limit,
                        width=_width(pictures),
                        note=f"{pictures[0].size:,} weights each" if origin.name == IMAGES else "",
                        numbers=numbers,
                        captions=captions_of(run.classes)
                        if name == OUTPUT
                        else [str(number) for number in numbers or range(len(pictures))],
                        unit=one_unit(block) if block.layer.kind == "conv" else "unit",
                    )
                ],
                key="weights_wall",
                selected=unit,
                on_choose=choose_unit,
                reveal=PANEL,
            )
        with st.container(key=PANEL, border=True):
            _show_one(digits, inside, unit, pictures[unit[1]], unused, limit, run.classes)


def _show_one(
    digits: Dataset,
    inside: Inside,
    unit: tuple[str, int],
    picture: np.ndarray,
    unused: np.ndarray | None,
    limit: float,
    classes: Classes,
) -> None:
    name, index = unit
    st.header(escape_markdown(unit_name(inside.network, name, index, classes)), anchor=False)
    wall(
        [Group("chosen weights", "", picture[np.newaxis], unused=unused, limit=limit, width=WIDEST, selectable=False)],
        key="one_weights",
    )
    used = picture[np.isfinite(picture)] if unused is None else picture[~unused]
    bias = inside.weights[name].get("bias")
    st.markdown(
        f"Weights from **{short(float(used.min()))}** to **{short(float(used.max()))}**"
        + ("." if bias is None else f", bias **{short(float(bias[index]))}**.")
    )
    at = index if block_of(inside.network, name).layer.kind != "conv" else (0, 0, index)
    show_outgoing(inside, inside.unit(digits.x_test[0], name, at), _open_unit, classes)
    show_exciting(digits, inside, name, index, on_choose=_open_image)


def _open_unit(name: str, index: int) -> None:
    """Look at a unit of another layer."""
    choose_unit(name, index)
    st.session_state[LAYER] = name


def _open_image(image: int) -> None:
    """Look at an image of the test set, layer by layer."""
    open_test_image(image)
    st.session_state["part"] = "One image"


def _choose_order() -> str:
    return st.segmented_control(
        "Order",
        (STRONGEST, BY_NUMBER),
        default=STRONGEST,
        required=True,
        key="weights_order",
        persist_state="session",
        help="Strongest: the longest weights (Euclidean) after the newest epoch, so that nothing moves in the time "
        "machine. The number below a picture is the unit's.",
    )


def _strongest_first(run: RunView, inside: Inside, name: str, unused: np.ndarray | None) -> tuple[int, ...]:
    """The numbers of a layer's units, those with the longest weights in the newest epoch first."""
    kernel = (load_inside(run) or inside).weights[name]["kernel"]
    kernel = kernel.reshape(-1, kernel.shape[-1])
    lengths = np.linalg.norm(kernel if unused is None else kernel[~unused.ravel()], axis=0)
    return tuple(np.argsort(-lengths, kind="stable").tolist())


def _how_to_read(kind: str, origin: str, shape: tuple[int, ...]) -> str:
    what = "filter" if kind == "conv" else "unit"
    if origin == IMAGES:
        one = "a kernel that slides over the image" if kind == "conv" else "the weights of one unit, one for each pixel"
        return f"Each picture is {one}. Ink on **orange** raises the {what}'s sum, ink on **blue** lowers it."
    if len(shape) == 3:
        place = "the kernel for each map" if kind == "conv" else "the weights to each map"
        return f"Each picture is one {what}: {place} of the layer before, side by side. {COLORS}"
    return f"Each picture is one {what}: a square is its weight to a unit of the layer before. {COLORS}"


def _width(pictures: np.ndarray) -> int:
    """Of a picture in CSS pixels, a whole number for each of its own; larger where there are few."""
    count, _, side = pictures.shape
    return side * max(1, round((84 if count <= FEW else 56) / side))


def _limit(run: RunView, inside: Inside, name: str, shape: tuple[int, ...], unused: np.ndarray | None) -> float:
    """The number that has the full colour: one for all epochs, so that weights can be seen to grow; few lie beyond."""
    epochs = weight_epochs(run)
    others = [load_inside(run), load_inside(run, epochs[0]) if epochs else None]
    limits = []
    for each in (inside, *filter(None, others)):
        pictures = weight_pictures(each.weights[name]["kernel"], shape)
        sizes = np.abs(pictures if unused is None else pictures[:, ~unused])
        limits.append(float(np.nanquantile(sizes.ravel()[:: 1 + sizes.size // MOST_LOOKED_AT], MOST_SHARE)))
    return max(limits) or 1.0


def _unused(run: RunView, digits: Dataset, inside: Inside, name: str) -> np.ndarray | None:
    """The pixels whose weights no training image can change, bool (28, 28); None where that is not so."""
    config, blocks = run.config, inside.network.blocks
    first = [block.layer.kind for block in blocks[: [block.name for block in blocks].index(name)]]
    is_plain = set(first) <= {"flatten", "dropout"} and len(source(inside.network, name).shape) == 3
    if run.foreign_dataset(digits):
        return None
    if config is None or config.augment or config.start_from or config.weight_decay or not is_plain:
        return None
    if source(inside.network, name).name != IMAGES or block_of(inside.network, name).layer.kind == "conv":
        return None
    found = _never_inked(digits.fingerprint, repr(config), config, digits)
    return found if found.any() else None


@st.cache_resource(max_entries=16, show_spinner=False)
def _never_inked(fingerprint: str, config: str, _config, _digits) -> np.ndarray:
    images = split(_digits, _config)
    return never_inked(altered(images.x_train, images.y_train, _config)[0])
