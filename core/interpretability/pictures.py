"""Weights and activations as pictures: how a layer's numbers are laid out so that they can be looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE
from core.interpretability.inside import IMAGES
from core.network import Block, Network


@dataclass(frozen=True)
class Source:
    """Where a layer's input comes from.

    Attributes:
        name: the layer before, "images" for the first one, layers that only arrange numbers left out.
        shape: of its output: (height, width, channels) or (units,).
    """

    name: str
    shape: tuple[int, ...]


def block_of(network: Network, name: str) -> Block:
    """The block of this name.

    Raises:
        KeyError: where there is none.
    """
    for block in network.blocks:
        if block.name == name:
            return block
    raise KeyError(name)


def weighted(network: Network) -> list[Block]:
    """The dense layers and convolutions, the output included, in order."""
    return [block for block in network.blocks if block.layer.kind in ("dense", "conv", "output")]


def visible(network: Network) -> list[Block]:
    """The layers that change numbers when the network predicts: all but flatten and dropout."""
    return [block for block in network.blocks if block.layer.kind not in ("flatten", "dropout")]


def source(network: Network, name: str) -> Source:
    """The input of the layer `name`, in the shape that it has before it is flattened."""
    found = Source(IMAGES, (*IMAGE_SHAPE, 1))
    for block in network.blocks:
        if block.name == name:
            return found
        if block.layer.kind == "dropout":
            continue
        if block.layer.kind != "flatten":
            found = Source(block.name, block.shape)
    raise KeyError(name)


def weight_pictures(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The weights of each unit or filter as one picture, float32 (units, h, w); gaps are not a number.

    Args:
        kernel: float (inputs, units) of a dense layer, or (side, side, channels, filters) of a convolution.
        shape: of the layer's input before it is flattened, as in `Source`. Several channels stand side by side, with a
            gap between them; a row of units is broken into lines of equal length.
    """
    kernel = np.asarray(kernel, np.float32)
    if kernel.ndim == 4:
        return _side_by_side(np.moveaxis(kernel, 3, 0))
    if len(shape) == 3:
        return _side_by_side(kernel.T.reshape(-1, *shape))
    return _in_lines(kernel.T)


def activation_pictures(values: np.ndarray) -> np.ndarray:
    """What a layer puts out for one image, as pictures: (h, w, c) as c of them, (units,) as one pixel each.

    Returns:
        float32 (n, h, w).
    """
    values = np.asarray(values, np.float32)
    return np.moveaxis(values, 2, 0) if values.ndim == 3 else values.reshape(-1, 1, 1)


def never_inked(images: np.ndarray) -> np.ndarray:
    """The pixels that are background in every image, bool (28, 28), of uint8 (n, 28, 28)."""
    return ~np.asarray(images).any(axis=0)


def _side_by_side(maps: np.ndarray) -> np.ndarray:
    """Each unit's channels, (units, h, w, channels), in one picture, as square as it can be."""
    units, height, width, channels = maps.shape
    columns = math.ceil(math.sqrt(channels * height / width))
    rows = -(-channels // columns)
    gap = int(channels > 1)
    whole = np.full((units, rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan, np.float32)
    for channel in range(channels):
        y, x = (height + gap) * (channel // columns), (width + gap) * (channel % columns)
        whole[:, y : y + height, x : x + width] = maps[..., channel]
    return whole


def _in_lines(rows: np.ndarray) -> np.ndarray:
    """Each row of numbers, (units, n), as lines of equal length below each other, nearly square."""
    units, count = rows.shape
    columns = math.ceil(math.sqrt(count))
    lines = -(-count // columns)
    whole = np.full((units, lines * columns), np.nan, np.float32)
    whole[:, :count] = rows
    return whole.reshape(units, lines, columns)
