"""Layers and their units in words."""

from __future__ import annotations

from collections.abc import Callable

from core.data.classes import DIGITS
from core.interpretability.inside import IMAGES
from core.interpretability.pictures import block_of
from core.interpretability.sums import DECIMALS
from core.names import not_among
from core.network import Block, Network, in_words
from dashboard.components.classes import Classes, count_word

PROBABILITIES, OUTPUT = "probabilities", "output"
_ACTIVATIONS = {"relu": "ReLU", "leaky relu": "Leaky ReLU", "elu": "ELU", "gelu": "GELU"}


def layer_title(block: Block) -> str:
    """A layer's name and size, as "Convolution, 16 filters, 5 × 5"."""
    layer = block.layer
    match layer.kind:
        case "dense":
            return f"Dense, {layer.size} units"
        case "conv":
            return f"Convolution, {layer.size} filters, {layer.window} × {layer.window}"
        case "pool":
            return f"{'Average' if layer.average else 'Max'} pool {layer.window} × {layer.window}"
        case "global pool":
            return f"Global {'average' if layer.average else 'max'} pool"
        case "norm":
            return "Normalisation"
        case "output":
            return f"Output, {count_word(block.shape[-1])} logits"
    return _ACTIVATIONS.get(layer.kind, layer.kind.capitalize())


def titles(network: Network) -> dict[str, str]:
    """The title of each layer by its name, numbered where two would be called the same."""
    return _numbered(network, layer_title)


def short_titles(network: Network) -> dict[str, str]:
    """A short title of each layer by its name, as "Dense 128", numbered where two would be called the same."""
    return _numbered(network, _short_title)


def _short_title(block: Block) -> str:
    kinds = {"dense": f"Dense {block.layer.size}", "conv": f"Convolution {block.layer.size}", "output": "Output"}
    return kinds.get(block.layer.kind) or layer_title(block)


def _numbered(network: Network, title_of: Callable[[Block], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for block in network.blocks:
        found[block.name] = not_among(found.values(), title_of(block))
    return found


def one_unit(block: Block) -> str:
    """What one of a layer's pictures is called: "unit", "filter" or "map"."""
    if block.layer.kind == "conv":
        return "filter"
    return "map" if len(block.shape) == 3 else "unit"


def unit_name(network: Network, name: str, index: int, classes: Classes = DIGITS) -> str:
    """A unit in words: "Unit 17 of Dense 128", "The logit of 3"."""
    if name == PROBABILITIES:
        return f"The probability of {classes[index]}"
    if name == OUTPUT:
        return f"The logit of {classes[index]}"
    return f"{one_unit(block_of(network, name)).capitalize()} {index} of {short_titles(network)[name]}"


def unit_words(network: Network, name: str, index: int, classes: Classes = DIGITS) -> str:
    """A unit in the middle of a sentence: "unit 17 of Dense 128", "the logit of 3"."""
    return f"the logit of {classes[index]}" if name == OUTPUT else f"unit {index} of {short_titles(network)[name]}"


def place_name(source: str, place: tuple[int, ...]) -> str:
    """An input's place in its layer: "pixel 12, 7" (row, column), "map 3 at 2, 4", "unit 17"."""
    if len(place) == 1:
        return f"unit {place[0]}"
    row, column, channel = place
    return f"pixel {row}, {column}" if source == IMAGES else f"map {channel} at {row}, {column}"


def shape_in_words(block: Block) -> str:
    """A layer's shape, as "12 × 12 × 16"."""
    return in_words(block.shape)


def fixed(value: float, decimals: int = DECIMALS) -> str:
    """A number with as many decimals as sums are written with, and a true minus sign."""
    text = f"{value:,.{decimals}f}"
    return (text if float(text.replace(",", "")) else text.lstrip("-")).replace("-", "−")
