"""The sum that gives a unit its number, written down so that it can be added up by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from core.interpretability.inside import Unit
from core.interpretability.pictures import block_of, source
from core.network import Network, padding

DECIMALS, MOST_DECIMALS = 3, 9


@dataclass(frozen=True)
class Term:
    """One input of a unit times its weight.

    Attributes:
        place: of the input in its layer, (row, column, channel) or (unit,).
        input: what it gets there.
        weight: what that is multiplied by.
        product: of both, rounded.
    """

    place: tuple[int, ...]
    input: float
    weight: float
    product: float


@dataclass(frozen=True)
class WrittenSum:
    """A unit's sum, every number rounded: the products of `terms`, `rest` and `bias` add up to `total` exactly.

    Attributes:
        terms: the largest products, whatever their sign, the largest first.
        others: how many further products are not zero.
        rest: their sum.
        bias: what is added to all products.
        total: what the unit puts out.
    """

    terms: tuple[Term, ...]
    others: int
    rest: float
    bias: float
    total: float


def written(unit: Unit, network: Network, most: int = 8) -> WrittenSum:
    """The sum of a unit of a dense layer, the output or a convolution, with at most `most` products listed.

    Raises:
        ValueError: for a unit that has no weights.
    """
    if unit.products is None:
        raise ValueError(f"A unit of {unit.layer} has no weights.")
    products = unit.products.astype(np.float64).ravel()
    counted = np.flatnonzero(products)
    order = counted[np.argsort(-np.abs(products[counted]), kind="stable")]
    places, inputs, weights = _places(unit, network), unit.inputs.ravel(), unit.weights.ravel()
    terms = tuple(
        Term(tuple(places[i].tolist()), float(inputs[i]), float(weights[i]), round(float(products[i]), DECIMALS))
        for i in order[:most]
    )
    total, bias = round(unit.value, DECIMALS), round(unit.bias, DECIMALS)
    rest = _exact(total) - _exact(bias) - sum(_exact(term.product) for term in terms)
    return WrittenSum(terms, len(order) - len(terms), float(rest), bias, total)


def factor_decimals(terms: Sequence[Term]) -> int:
    """With how many decimals inputs and weights are to be written, so that they give each product by hand."""
    half = Decimal(5).scaleb(-DECIMALS - 1)
    for decimals in range(DECIMALS, MOST_DECIMALS):
        by_hand = (Decimal(f"{term.input:.{decimals}f}") * Decimal(f"{term.weight:.{decimals}f}") for term in terms)
        if all(abs(hand - _exact(term.product)) <= half for hand, term in zip(by_hand, terms, strict=True)):
            return decimals
    return MOST_DECIMALS


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))


def _places(unit: Unit, network: Network) -> np.ndarray:
    """The place of each input in its layer, int (inputs, 1 or 3); of a padded convolution some are outside of it."""
    shape = source(network, unit.layer).shape
    if unit.kind != "conv":
        return np.stack(np.unravel_index(np.arange(unit.inputs.size), shape), axis=1)
    layer = block_of(network, unit.layer).layer
    starts = [at * layer.stride - padding(layer, side)[0] for at, side in zip(unit.index[:2], shape[:2], strict=True)]
    grid = np.indices(unit.inputs.shape).reshape(3, -1).T
    return grid + np.array([*starts, 0])
