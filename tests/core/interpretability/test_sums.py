"""The sum of a unit as it is written down, against NumPy; and the pictures of weights."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from core.interpretability.inside import Inside
from core.interpretability.pictures import never_inked, source, visible, weight_pictures
from core.interpretability.sums import factor_decimals, written
from core.network import read_network
from tests.support.networks import random_images, random_weights

DENSE = "flatten, dense 30, relu, dense 12, tanh, output softmax"
CNN = "conv 3 5 same stride 2, relu, pool, conv 4 3, norm, relu, flatten, dropout 0.2, dense 12, relu, output softmax"
UNITS = [  # of the network, the layer, its unit
    (DENSE, "dense_1", (7,)),
    (DENSE, "dense_2", (3,)),
    (DENSE, "output", (9,)),
    (CNN, "conv_1", (0, 13, 2)),  # at a corner, where the kernel stands out over the edge
    (CNN, "conv_2", (2, 3, 1)),
    (CNN, "dense_1", (5,)),
]


@pytest.mark.parametrize(("text", "layer", "index"), UNITS)
@pytest.mark.parametrize("most", [1, 8, 10_000])
def test_what_is_written_down_of_a_sum_adds_up_exactly_and_is_the_units_number(text, layer, index, most):
    network = read_network(text)
    inside, image = Inside(network, random_weights(network)), random_images(1, 3)[0]
    values = inside.activations(image[np.newaxis])
    said = written(inside.unit(image, layer, index), network, most)
    parts = [*(term.product for term in said.terms), said.rest, said.bias]
    assert sum(Decimal(repr(part)) for part in parts) == Decimal(repr(said.total))
    truth = values["logits" if layer == "output" else layer][0][index]
    assert said.total == pytest.approx(float(truth), abs=0.001)
    assert len(said.terms) == min(most, len(said.terms) + said.others)
    before = values[source(network, layer).name][0]
    for term in said.terms:  # each term is where it says, and is a product
        assert term.input == before[term.place]
        assert term.product == pytest.approx(term.input * term.weight, abs=0.0006)
    decimals = factor_decimals(said.terms)
    for term in said.terms:  # and by hand, from what is written, it gives the product that is written
        by_hand = Decimal(f"{term.input:.{decimals}f}") * Decimal(f"{term.weight:.{decimals}f}")
        assert abs(by_hand - Decimal(repr(term.product))) <= Decimal("0.0005")
    sizes = [abs(term.product) for term in said.terms]
    assert sizes == sorted(sizes, reverse=True)


def test_a_unit_without_weights_has_no_sum():
    network = read_network(DENSE)
    unit = Inside(network, random_weights(network)).unit(random_images(1)[0], "relu_1", 0)
    with pytest.raises(ValueError, match="relu_1 has no weights"):
        written(unit, network)


def test_a_picture_of_weights_has_each_weight_at_the_place_of_its_input():
    kernel = np.arange(784 * 3, dtype=np.float32).reshape(784, 3)
    pictures = weight_pictures(kernel, (28, 28, 1))
    assert pictures.shape == (3, 28, 28)
    assert pictures[2, 5, 9] == kernel[5 * 28 + 9, 2]
    filters = np.arange(3 * 3 * 4 * 2, dtype=np.float32).reshape(3, 3, 4, 2)
    picture = weight_pictures(filters, (12, 12, 4))[1]  # two by two channels, with a gap between them
    assert picture.shape == (7, 7)
    np.testing.assert_array_equal(picture[4:, 4:], filters[:, :, 3, 1])
    assert np.isnan(picture[3]).all()
    assert np.isnan(picture[:, 3]).all()
    row = weight_pictures(np.arange(10, dtype=np.float32).reshape(5, 2), (5,))[1]
    np.testing.assert_array_equal(row, [[1, 3, 5], [7, 9, np.nan]])


def test_a_source_is_the_layer_before_that_changes_numbers():
    network = read_network(CNN)
    assert source(network, "conv_1").name == "images"
    assert source(network, "dense_1").name == "relu_2"
    assert source(network, "dense_1").shape == (5, 5, 4)
    assert not {block.layer.kind for block in visible(network)} & {"flatten", "dropout"}


def test_a_pixel_is_inked_where_one_image_has_ink():
    images = np.zeros((3, 28, 28), np.uint8)
    images[1, 4, 5] = 1
    assert np.flatnonzero(~never_inked(images)).tolist() == [4 * 28 + 5]
