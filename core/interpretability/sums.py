"""The sum behind one unit's number, term by term, rounded so that it can be added up by hand; and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from core.interpretability.pictures import Source, block_of, source, weighted
from core.network import Network

DECIMALS = 3


@dataclass(frozen=True)
class Term:
    """One input of a unit times its weight. `place` is the input's place in its layer, (row, column, channel) or (n,)."""

    place: tuple[int, ...]
    input: float
    weight: float
    product: float


@dataclass(frozen=True, eq=False)
class UnitSum:
    """A unit's sum: input times weight over all inputs, plus bias.

    Attributes:
        source: where its inputs come from.
        inputs: float32, as the unit sees them: (inputs,) of a dense layer, (side, side, channels) of a convolution.
        weights: of the same shape.
        bias: 0 where the unit has none.
        places: of each input in its layer, int (inputs, 1 or 3); -1 or beyond the edge where a convolution is padded.
    """

    source: Source
    inputs: np.ndarray
    weights: np.ndarray
    bias: float
    places: np.ndarray

    @property
    def total(self) -> float:
        """The sum, in double precision."""
        return float((self.inputs.astype(np.float64) * self.weights).sum()) + self.bias

    def written(self, most: int = 8) -> tuple[list[Term], int, float, float, float]:
        """The sum as it is written down, every number rounded so that what is shown adds up exactly.

        Args:
            most: how many of the largest products are listed, those of zero left out.

        Returns:
            The largest products, how many others are not zero, their sum, the bias, and the total.
        """
        products = (self.inputs.astype(np.float64) * self.weights).ravel()
        counted = np.flatnonzero(products)
        order = counted[np.argsort(-np.abs(products[counted]), kind="stable")]
        inputs, weights = self.inputs.ravel(), self.weights.ravel()
        terms = [
            Term(
                tuple(int(part) for part in self.places[i]),
                float(inputs[i]),
                float(weights[i]),
                round(float(products[i]), DECIMALS),
            )
            for i in order[:most]
        ]
        total, bias = round(self.total, DECIMALS), round(self.bias, DECIMALS)
        exact = Decimal(repr(total)) - Decimal(repr(bias)) - sum(Decimal(repr(term.product)) for term in terms)
        return terms, len(order) - len(terms), round(float(exact), DECIMALS), bias, total


def unit_sum(
    network: Network,
    weights: Mapping[str, Mapping[str, np.ndarray]],
    values: Mapping[str, np.ndarray],
    name: str,
    index: int,
    place: tuple[int, int] = (0, 0),
) -> UnitSum:
    """The sum of a unit of a dense layer, of the output (its logit), or of a convolution's filter at one place.

    Args:
        network: the network.
        weights: of each layer, by its name: "kernel" and "bias".
        values: what each layer puts out for one image, by its name, and "images": its scaled pixels.
        name: the layer's.
        index: of the unit or filter.
        place: row and column in the feature map, for convolutions.

    Raises:
        KeyError: for a layer without weights of this kind.
    """
    block, origin = block_of(network, name), source(network, name)
    kernel = np.asarray(weights[name]["kernel"], np.float32)
    bias = float(weights[name]["bias"][index]) if "bias" in weights[name] else 0.0
    before = np.asarray(values[origin.name], np.float32).reshape(origin.shape)
    if block.layer.kind != "conv":
        places = np.stack(np.unravel_index(np.arange(before.size), origin.shape), axis=1)
        return UnitSum(origin, before.ravel(), kernel[:, index], bias, places)
    side, stride = block.layer.window, block.layer.stride
    top, left = (
        stride * at - (_padding(length, stride, side) if block.layer.same else 0)
        for at, length in zip(place, origin.shape[:2], strict=True)
    )
    rows, columns = np.arange(top, top + side), np.arange(left, left + side)
    inside = ((rows >= 0) & (rows < origin.shape[0]))[:, None] & ((columns >= 0) & (columns < origin.shape[1]))
    patch = before[np.clip(rows, 0, origin.shape[0] - 1)][:, np.clip(columns, 0, origin.shape[1] - 1)]
    patch = patch * inside[..., None]
    grid = np.meshgrid(rows, columns, np.arange(origin.shape[2]), indexing="ij")
    return UnitSum(origin, patch, kernel[..., index], bias, np.stack([axis.ravel() for axis in grid], axis=1))


def outgoing(
    network: Network, weights: Mapping[str, Mapping[str, np.ndarray]], name: str, index: int
) -> tuple[str, np.ndarray] | None:
    """Where a unit goes: the next layer with weights, and its weight to each unit there, float32 (units,).

    Of a feature map it is, for each unit, the weight farthest from zero: a map has one weight to a unit for each of its
    places, or for each place of a kernel.

    Returns:
        None behind the last layer with weights.
    """
    later = _behind(network, name)
    if later is None:
        return None
    kernel = np.asarray(weights[later]["kernel"], np.float32)
    shape = source(network, later).shape
    if kernel.ndim == 2 and len(shape) == 1:
        return later, kernel[index]
    spread = kernel[:, :, index] if kernel.ndim == 4 else kernel.reshape(*shape, -1)[:, :, index]
    spread = spread.reshape(-1, spread.shape[-1])
    return later, spread[np.abs(spread).argmax(axis=0), np.arange(spread.shape[1])]


def _behind(network: Network, name: str) -> str | None:
    names = [block.name for block in network.blocks]
    after = names[names.index(name) + 1 :] if name in names else []
    return next((block.name for block in weighted(network) if block.name in after), None)


def _padding(side: int, stride: int, window: int) -> int:
    """Pixels that TensorFlow adds at the upper and left edge under "same"."""
    return max(0, (-(-side // stride) - 1) * stride + window - side) // 2
