"""A look inside a network, held against Keras, finite differences, products of matrices and sums."""

from __future__ import annotations

import numpy as np
import pytest

from core.config import TrainingConfig
from core.interpretability import numpy_network
from core.interpretability.inside import Inside
from core.network import Network, read_network
from tests.support.networks import random_images, random_network, random_weights

CNN = (
    "conv 5 5 same stride 2, norm, relu, pool, conv 6 3, leaky relu, average pool, flatten, dense 12, norm, relu, "
    "dropout 0.2, output softmax"
)
SMOOTH = "conv 4 5 stride 2, tanh, average pool, flatten, dense 12, gelu, dense 8, sigmoid, output softmax"


def inside_of(network: Network | str, **options) -> Inside:
    network = read_network(network) if isinstance(network, str) else network
    return Inside(network, random_weights(network), **options)


def logits_of(inside: Inside, x: np.ndarray) -> np.ndarray:
    """Logits float64 (n, 10) of scaled pixels (n, 28, 28), in double precision."""
    x = x[..., np.newaxis].astype(np.float64)
    for block in inside.network.blocks:
        weights = {name: array.astype(np.float64) for name, array in inside.weights.get(block.name, {}).items()}
        x = numpy_network.forward(block, x, weights)
    return x


# Forwards


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "pixels"), [*((seed, "0-1") for seed in range(10)), (10, "0-255")])
def test_every_layer_puts_out_what_it_does_in_keras(seed, pixels):
    import keras

    from core import models
    from core.training.named_weights import NAMES, weights_by_name

    network, images = random_network(seed), random_images(3, seed)
    config = TrainingConfig(network=network.text, pixels=pixels)
    inside = Inside(config.layers, random_weights(config.layers, seed), pixels=pixels)
    model = models.build(config)
    for layer in model.layers:
        for weight in layer.weights:
            if layer.name in inside.weights:
                weight.assign(inside.weights[layer.name][NAMES.get(weight.name, weight.name)])
    assert weights_by_name(model).keys() == inside.weights.keys()
    in_keras = keras.Model(model.inputs, {layer.name: layer.output for layer in model.layers})(images, training=False)
    found = inside.activations(images)
    assert list(found) == ["images", *[block.name for block in network.blocks], "logits", "probabilities"]
    np.testing.assert_allclose(found["images"], in_keras["channel"], rtol=1e-6)
    for block in network.blocks:
        expected = np.asarray(in_keras[block.name])
        np.testing.assert_allclose(
            found[block.name], expected, atol=1e-5 * max(1, np.abs(expected).max()), err_msg=f"{block} of {network}"
        )


def test_ten_thousand_images_are_read_in_parts_as_one_by_one():
    inside, images = inside_of(CNN), random_images(700)
    together = inside.activations(images, ("probabilities", "relu_1"))
    assert list(together) == ["relu_1", "probabilities"]
    for place in (0, 511, 512, 699):
        alone = inside.activations(images[place : place + 1])
        for name, values in together.items():
            np.testing.assert_allclose(values[place], alone[name][0], atol=1e-5)
    assert inside.activations(images[:0])["logits"].shape == (0, 10)


def test_images_and_names_that_do_not_fit_are_refused_in_words():
    inside = inside_of(CNN)
    with pytest.raises(ValueError, match=r"uint8 \(n, 28, 28\), not float64"):
        inside.activations(np.zeros((1, 28, 28)))
    with pytest.raises(ValueError, match="no layer 'dense_7', only images, conv_1"):
        inside.activations(random_images(1), ("dense_7",))
    with pytest.raises(ValueError, match="dense_1 has units 0 to 11, not 12"):
        inside.unit(random_images(1)[0], "dense_1", 12)


# Backwards


@pytest.mark.parametrize("seed", range(20))
def test_gradients_are_what_differences_of_logits_say(seed):
    inside, image = inside_of(random_network(seed)), random_images(1, seed)[0]
    x, step, places = image / 255, 1e-6, np.random.default_rng(seed).integers(0, 28, (30, 2))
    moved = np.repeat(x[np.newaxis], 61, axis=0)
    for number, (row, column) in enumerate(places):
        moved[1 + 2 * number, row, column] += step
        moved[2 + 2 * number, row, column] -= step
    logits = logits_of(inside, moved)
    above, below = (logits[1::2] - logits[0]) / step, (logits[0] - logits[2::2]) / step
    smooth = np.abs(above - below).max(axis=1) < 1e-4  # at a corner, as where a pool has two largest, there is none
    assert smooth.sum() >= 10
    for target, digits in ((3, [3]), ((4, 9), [4, 9])):
        expected = above[:, digits[0]] - (above[:, digits[1]] if digits[1:] else 0)
        found = inside.gradient(image, target)[places[:, 0], places[:, 1]]
        np.testing.assert_allclose(found[smooth], expected[smooth], atol=1e-4 * max(1, np.abs(expected).max()))


def test_the_template_of_dense_layers_is_the_product_of_the_matrices_over_the_units_that_are_on():
    inside, image = inside_of("flatten, dense 30, relu, dense 20, relu, output softmax"), random_images(1)[0]
    first, second, last = (inside.weights[name] for name in ("dense_1", "dense_2", "output"))
    on = [inside.activations(image[np.newaxis])[name][0] > 0 for name in ("relu_1", "relu_2")]
    assert 0 < on[0].sum() < 30
    assert 0 < on[1].sum() < 20
    inner = second["kernel"] * on[1] @ last["kernel"]
    product = first["kernel"] * on[0] @ inner
    biases = first["bias"] * on[0] @ inner + second["bias"] * on[1] @ last["kernel"] + last["bias"]
    for digit in (0, 7):
        found = inside.contributions(image, digit)
        np.testing.assert_allclose(found.template, product[:, digit].reshape(28, 28), atol=1e-5)
        assert found.offset == pytest.approx(biases[digit], abs=1e-5)


@pytest.mark.parametrize("text", [CNN, "flatten, output softmax", "flatten, dense 20, norm, relu, output sigmoid"])
@pytest.mark.parametrize("pixels", ["0-1", "0-255"])
def test_contributions_add_up_to_the_logit_and_to_the_difference_of_two(text, pixels):
    inside, image = inside_of(text, pixels=pixels), random_images(1)[0]
    logits = inside.logits(image[np.newaxis])[0]
    for digit, against, value in ((4, None, logits[4]), (4, 9, logits[4] - logits[9])):
        found = inside.contributions(image, digit, against)
        assert found.exact
        assert found.value == pytest.approx(value, abs=1e-5, rel=1e-5)
        assert found.pixels.sum() + found.offset == pytest.approx(value, rel=1e-4, abs=1e-4)
        assert (found.pixels[image == 0] == 0).all()
        assert abs(found.error) < 1e-4 * max(1, abs(value))
    found = inside.contributions(image, 4)
    scaled = inside.activations(image[np.newaxis], ("images",))["images"][0, ..., 0]
    assert (found.template * scaled).sum() + found.offset == pytest.approx(logits[4], rel=1e-4, abs=1e-4)


def test_integrated_gradients_add_up_nearly_and_say_how_nearly():
    inside, image = inside_of(SMOOTH), random_images(1)[0]
    logits = inside.logits(np.stack([image, np.zeros_like(image)]))
    found = inside.contributions(image, 2, 5)
    assert not found.exact
    assert found.offset == pytest.approx(logits[1, 2] - logits[1, 5], abs=1e-5)
    assert found.value == pytest.approx(logits[0, 2] - logits[0, 5], abs=1e-5)
    assert found.pixels.sum() + found.offset + found.error == pytest.approx(found.value, abs=1e-5)
    assert abs(found.error) < 1e-3 * max(1, abs(found.value))


def test_occlusion_finds_the_only_pixel_that_counts():
    network = read_network("flatten, output softmax")
    weights = random_weights(network)
    kernel = np.zeros((784, 10), np.float32)
    kernel[10 * 28 + 12, 3] = 5
    inside = Inside(network, {"output": {**weights["output"], "kernel": kernel}})
    effect = inside.occlusion(np.full((28, 28), 255, np.uint8), 3, size=3)
    assert effect[10, 12] == effect.max() > 0.1
    assert effect[20:, 20:].max() < 1e-6


# Units


@pytest.mark.parametrize("text", [CNN, SMOOTH, "conv 3 3, pool 3 stride 2, elu, global pool, output softmax"])
def test_a_unit_adds_up_to_its_number_by_hand(text):
    inside, image = inside_of(text), random_images(1)[0]
    found = inside.activations(image[np.newaxis])
    rng = np.random.default_rng(0)
    for block in inside.network.blocks:
        for place in rng.integers(0, np.prod(block.shape), 4):
            unit = inside.unit(image, block.name, int(place))
            value = found["logits" if block.layer.kind == "output" else block.name][0][unit.index]
            assert unit.value == pytest.approx(value, abs=1e-5)
            if unit.weights is not None:
                assert unit.products.sum() + unit.bias == pytest.approx(value, abs=1e-4)
            elif block.layer.kind in ("pool", "dropout", "flatten"):
                assert unit.inputs.max() == pytest.approx(value)
            else:
                assert numpy_network.activation(block.layer.kind, unit.inputs) == pytest.approx(value, abs=1e-5)


def test_a_unit_sees_no_more_than_its_square_and_its_template_is_its_gradient():
    inside = inside_of("conv 3 5 same stride 2, tanh, conv 4 3, average pool, flatten, output softmax")
    image = random_images(1)[0]
    for index in ((0, 0, 1), (2, 3, 0), (5, 5, 2)):
        unit = inside.unit(image, "pool_1", index)
        top, left, side = unit.square
        rows, columns = np.nonzero(unit.template)
        assert top <= rows.min()
        assert rows.max() < top + side
        assert left <= columns.min()
        assert columns.max() < left + side
        inner = (slice(max(0, int(top)), int(top + side)), slice(max(0, int(left)), int(left + side)))
        assert (unit.template[inner] != 0).mean() > 0.99  # and no less


def test_weights_on_the_image_are_pictures_and_lead_on_to_the_next_layer():
    inside, image = inside_of("flatten, dense 12, relu, dropout 0.2, output softmax"), random_images(1)[0]
    unit = inside.unit(image, "dense_1", 5)
    assert (unit.source, unit.inputs.shape) == ("images", (28, 28, 1))
    np.testing.assert_array_equal(unit.picture, inside.weights["dense_1"]["kernel"][:, 5].reshape(28, 28))
    assert unit.goes_to == "output"
    np.testing.assert_array_equal(unit.outgoing, inside.weights["output"]["kernel"][5])
    last = inside.unit(image, "probabilities", 3)
    assert (last.source, last.goes_to, last.outgoing, last.picture) == ("relu_1", "", None, None)
    cnn = inside_of(CNN)
    kernel = cnn.unit(image, "conv_1", (2, 3, 4))
    np.testing.assert_array_equal(kernel.picture, cnn.weights["conv_1"]["kernel"][:, :, 0, 4])
    assert kernel.goes_to == "conv_2"
    np.testing.assert_array_equal(kernel.outgoing, cnn.weights["conv_2"]["kernel"][:, :, 4])
    channel = cnn.unit(image, "pool_2", (1, 0, 2))
    np.testing.assert_array_equal(channel.outgoing, cnn.weights["dense_1"]["kernel"][(1 * 2 + 0) * 6 + 2])


def test_the_most_exciting_images_are_those_with_the_largest_numbers():
    inside, images = inside_of(CNN), random_images(60)
    values = inside.activations(images, ("relu_1", "dense_1"))
    for layer, index, expected in (
        ("dense_1", 3, values["dense_1"][:, 3]),
        ("relu_1", (2, 2, 4), values["relu_1"][..., 4].max(axis=(1, 2))),
    ):
        places, excitements = inside.most_exciting(images, layer, index, count=5)
        assert places.tolist() == np.argsort(-expected, kind="stable")[:5].tolist()
        np.testing.assert_allclose(excitements, np.sort(expected)[::-1][:5], rtol=1e-6)
    again = inside.most_exciting(images[::-1].copy(), "dense_1", 3, count=1)
    assert again[0].tolist() == [59 - inside.most_exciting(images, "dense_1", 3, count=1)[0][0]]
