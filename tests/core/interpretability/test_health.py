"""Dead and identical units, saturation and updates are found where they were put, and said in words."""

from __future__ import annotations

import numpy as np
import pytest

from core.config import TrainingConfig
from core.interpretability.health import Update, digit_counts, judge_updates, kernels, spread, units, updates
from core.interpretability.inside import Inside
from core.network import read_network
from tests.support.networks import random_images, random_weights

IMAGES = random_images(120)


def inside_of(text: str, change=None) -> Inside:
    network = read_network(text)
    weights = random_weights(network)
    if change:
        change(weights)
    return Inside(network, weights)


def test_dead_and_always_on_units_and_the_share_that_is_on_are_counted():
    def change(weights):
        weights["dense_1"]["bias"][:] = 0
        weights["dense_1"]["bias"][[2, 5, 6]] = -100
        weights["dense_1"]["bias"][[1]] = 100

    inside = inside_of("flatten, dense 12, relu, output softmax", change)
    ((found,), probabilities) = units(inside, IMAGES)
    values = inside.activations(IMAGES)["relu_1"]
    np.testing.assert_allclose(probabilities, inside.probabilities(IMAGES), atol=1e-6)
    assert (found.layer, found.count, found.dead, found.always_on) == ("relu_1", 12, (2, 5, 6), (1,))
    assert found.on == pytest.approx((values > 0).mean())
    counts, edges = found.histogram
    np.testing.assert_array_equal(counts, np.histogram(values[values > 0], edges)[0])
    assert counts.sum() == (values > 0).sum()  # the zeros would hide all others
    assert not found.well
    assert found.sentence.startswith("3 of 12 units are dead: no image turns them on")


def test_a_channel_counts_in_all_its_places():
    def change(weights):
        weights["conv_1"]["bias"][:] = [-100, 100, 0]

    ((found,), _) = units(inside_of("conv 3 5, relu, flatten, output softmax", change), IMAGES)
    assert (found.count, found.dead, found.always_on) == (3, (0,), (1,))


def test_a_layer_as_it_should_be_is_called_normal():
    ((found,), _) = units(inside_of("flatten, dense 60, norm, relu, output softmax"), IMAGES)
    assert found.well
    assert "This is normal." in found.sentence


def test_units_that_all_say_the_same_are_told():
    def change(weights):
        for arrays in weights.values():
            for array in arrays.values():
                array[:] = 0.05

    ((found,), _) = units(inside_of("flatten, dense 8, relu, output softmax", change), IMAGES)
    assert (found.same, found.well) == (True, False)
    assert found.sentence.startswith("All 8 units say the same")


def test_saturated_units_are_told():
    inside = inside_of("flatten, dense 30, tanh, dense 9, sigmoid, output softmax")
    raw = Inside(inside.network, inside.weights, pixels="0-255")
    good, bad = units(inside, IMAGES)[0][0], units(raw, IMAGES)[0][0]
    assert (good.well, bad.well) == (True, False)
    assert bad.saturated == pytest.approx((np.abs(raw.activations(IMAGES)["tanh_1"]) > 0.99).mean())
    assert "saturated" in bad.sentence


def test_a_network_without_hidden_units_has_none_to_judge():
    assert units(inside_of("flatten, output softmax"), IMAGES)[0] == []


def test_kernels_have_their_own_mean_and_spread():
    inside = inside_of("conv 3 5, norm, relu, flatten, output softmax")
    found = {kernel.layer: kernel for kernel in kernels(inside)}
    assert list(found) == ["conv_1", "output"]
    assert found["conv_1"].deviation == pytest.approx(inside.weights["conv_1"]["kernel"].std(), rel=1e-5)
    assert found["output"].histogram[0].sum() == inside.weights["output"]["kernel"].size


def test_updates_are_distances_between_kept_epochs(store):
    config = TrainingConfig("linear")
    run, weights = store.create(config), random_weights(config.layers)
    kernel = weights["output"]["kernel"]
    for epoch, factor in ((0, 1), (1, 2), (3, 4), (4, 4)):
        run.write_epoch_weights({"output": {**weights["output"], "kernel": kernel * factor}}, epoch)
    found = updates(run)
    assert [(update.layer, update.before, update.after) for update in found] == [
        ("output", 0, 1),
        ("output", 1, 3),
        ("output", 3, 4),
    ]
    assert [update.ratio for update in found] == pytest.approx([1, 0.5, 0], rel=1e-3)
    assert found[0].distance == pytest.approx(np.linalg.norm(kernel), rel=1e-3)
    assert updates(store.create(config)) == []


@pytest.mark.parametrize(
    ("ratios", "words", "well"),
    [
        ([0, 0], "have not moved", False),
        ([0.002, 0.002], "change by only 0.2 %", False),
        ([11, 0.4], "by 11 times their size", False),
        ([0.9, 0.8], "still change by 80.0 %", False),
        ([0.54, 0.15], "change by 15.0 % an epoch, after 54.0 % at first. This is normal", True),
        ([0.4], "changed by 40.0 % in the first epoch", True),
    ],
)
def test_updates_are_judged_in_words(ratios, words, well):
    moved = [Update("dense_1", epoch, epoch + 1, ratio, 1.0) for epoch, ratio in enumerate(ratios)]
    sentence, _, judged = judge_updates(moved)
    assert words in sentence
    assert judged == well


def test_weights_that_begin_at_zero_have_no_ratio_and_are_not_blamed():
    assert judge_updates([Update("output", 0, 1, 2.0, 0.0), Update("output", 1, 2, 0.2, 2.0)])[2]


def test_reading_everything_as_one_digit_is_said():
    labels = np.arange(100) % 10
    always = np.tile(np.eye(10)[5], (100, 1))
    read, true, sentence = digit_counts(always, labels)
    assert (read[5], true.tolist(), sentence) == (100, [10] * 10, "Every image is read as 5.")
    assert digit_counts(np.eye(10)[labels], labels)[2] == ""
    assert digit_counts(np.eye(10)[np.where(labels == 3, 8, labels)], labels)[2] == "No image is read as 3."
    mostly = np.vstack([always[:95], np.eye(10)[:5]])
    assert digit_counts(mostly, labels)[2] == "95 % of the images are read as 5."


def test_a_digit_that_is_read_far_more_or_less_often_than_it_is_there_is_named():
    labels = np.repeat(np.arange(10), 100)
    read = labels.copy()
    read[920:] = 4  # eighty nines
    assert digit_counts(np.eye(10)[read], labels)[2] == "9 is read too seldom: 20 times, and it is there 100 times."
    read[:] = labels
    read[:30] = 7
    assert digit_counts(np.eye(10)[read], labels)[2] == "0 is read too seldom: 70 times, and it is there 100 times."
    read[:] = labels
    read[:200:8] = 4  # 25 of zeros and ones
    assert digit_counts(np.eye(10)[read], labels)[2] == ""


def test_epochs_are_spread_with_both_ends():
    assert spread(list(range(100)), 4) == [0, 33, 66, 99]
    assert spread([0, 1], 4) == [0, 1]
