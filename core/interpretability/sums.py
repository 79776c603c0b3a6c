"""The sum that gives a unit its number, written down so that it can be added up by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from core.interpretability.inside import Unit
from core.interpretability.pictures import block_of, source
from core.network import Network, padding

DECIMALS, MOST_DECIMALS = 3, 9
HALF = Decimal(5).scaleb(-DECIMALS - 1)  # of the last decimal


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
    numbers = [number for term in terms for number in (term.input, term.weight)]

    def is_right(*shown: Decimal) -> bool:
        hands = zip(shown[::2], shown[1::2], terms, strict=True)
        return all(abs(one * other - _exact(term.product)) <= HALF for one, other, term in hands)

    return _decimals(numbers, is_right)


def norm_decimals(number: float, mean: float, deviation: float, gamma: float, beta: float, result: float) -> int:
    """With how many decimals all but the result of (number − mean) ÷ deviation × gamma + beta are to be written."""

    def is_right(x: Decimal, m: Decimal, d: Decimal, g: Decimal, b: Decimal) -> bool:
        return bool(d) and abs((x - m) / d * g + b - _exact(round(result, DECIMALS))) <= HALF

    return _decimals([number, mean, deviation, gamma, beta], is_right)


def _decimals(numbers: Sequence[float], is_right: Callable[..., bool]) -> int:
    """The fewest decimals with which numbers give by hand what they are said to."""
    for decimals in range(DECIMALS, MOST_DECIMALS):
        if is_right(*(Decimal(f"{number:.{decimals}f}") for number in numbers)):
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
