"""The page Inside: weights, layers, sums, contributions and health of runs with random weights."""

from __future__ import annotations

import base64
import io
import json
import re
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from core.config import TrainingConfig
from core.interpretability.inside import Inside, load_inside
from core.runs.weights import write_epoch_weights, write_weights
from dashboard.components.widgets.wall import NEGATIVE, POSITIVE, UNUSED, short, signed_sheet
from tests.support.networks import random_weights
from tests.support.pages import as_seen, open_page, words

pytestmark = pytest.mark.usefixtures("laboratory")
NETWORKS = {
    "dense": TrainingConfig(model="dense", hidden_layers=(20,), epochs=3),
    "conv": TrainingConfig(network="conv 4 5, pool, norm, relu, flatten, dense 12, tanh, output softmax", epochs=3),
}


@pytest.fixture
def make_inside(store):
    """A run that has its weights after epochs 0 and 3, and no model."""

    def make(name="dense", state="finished"):
        run = store.create(NETWORKS[name])
        network = run.config.layers
        for seed, epoch in enumerate((0, 2, 3)):
            write_epoch_weights(run.path, random_weights(network, seed), epoch)
        write_weights(run.path, random_weights(network, 2), 3)
        run.set_state(state)
        return run

    return make


def walls(at):
    """The groups of each wall on the page by their names, later walls last."""
    found = [node.proto for node in at.get("bidi_component") if node.proto.component_name == "digitlab_wall"]
    return {group["name"]: group for proto in found for group in json.loads(proto.json)["groups"]}


def pixels(url):
    """A sheet as RGBA, uint8 (h, w, 4)."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGBA"))


def numbers(text):
    """The numbers in a text, their minus signs as people write them."""
    return [Decimal(number.replace("−", "-").replace(",", "")) for number in re.findall(r"−?[\d,]+\.\d+", text)]


def table(at):
    """The rows of the sum on the page: name and number; the total is last."""
    [text] = [element.value for element in at.markdown if element.value.startswith("|")]
    rows = [row.strip("|").split("|") for row in text.splitlines()[2:]]
    return [(row[0].strip(" *"), numbers(row[-1])[0]) for row in rows]


def products(at):
    """Input, weight and product of the rows that are written so."""
    [text] = [element.value for element in at.markdown if element.value.startswith("|")]
    return [found for row in text.splitlines()[2:] if "×" in row and len(found := numbers(row.split("|", 2)[2])) == 3]


def test_colours_are_as_strong_as_numbers_zero_is_clear_and_what_is_unused_is_grey():
    values = np.array([[[0.5, -1.0], [0.0, 9.0]]])
    unused = np.array([[False, False], [False, True]])
    shown = pixels(signed_sheet(values, 1.0, 1, unused))
    assert [tuple(color[:3]) for color in (shown[0, 0], shown[0, 1])] == [POSITIVE, NEGATIVE]
    assert 120 <= shown[0, 0, 3] <= 132
    assert shown[0, 1, 3] == 255
    assert shown[1, 0, 3] == 0
    assert tuple(shown[1, 1]) == UNUSED


@pytest.mark.parametrize(
    ("number", "text"), [(-0.349, "−0.35"), (12.44, "12.4"), (0.0, "0"), (-0.00001, "−1.0e−05"), (np.nan, "no number")]
)
def test_numbers_are_written_short(number, text):
    assert short(number) == text


def test_the_wall_shows_the_weights_of_the_chosen_epoch_and_says_which_pixels_have_no_ink(make_inside, digits):
    run = make_inside()
    at = open_page("inside", run=run.id)
    assert at.title[0].value == f"Inside · {run.name}"
    never = int((digits.x_train[: 1400 - 1400 // 6].max(axis=0) == 0).sum())
    assert f"Grey: {never} of 784 pixels" in words(at)
    newest = walls(at)["dense_1"]
    assert newest["count"] == 20
    before = walls(open_page("inside", run=run.id, epoch="0"))["dense_1"]
    assert before["sheet"] != newest["sheet"]
    assert before["key"] == newest["key"]  # one scale for all epochs
    kernel = load_inside(run, 0).weights["dense_1"]["kernel"]
    shown = pixels(before["sheet"])[28 * (3 // before["columns"]) :, 28 * (3 % before["columns"]) :][:28, :28]
    numbers = newest["numbers"]
    assert before["numbers"] == numbers  # nothing moves in the time machine
    assert newest["captions"] == [str(number) for number in numbers]
    lengths = np.linalg.norm(
        load_inside(run).weights["dense_1"]["kernel"][digits.x_train.max(axis=0).ravel() > 0], axis=0
    )
    assert numbers[0] == int(lengths.argmax())
    expected = kernel[:, numbers[3]].reshape(28, 28)
    inked = shown[..., 3] != UNUSED[3]
    assert before["key"][0].startswith("≤ −")  # few weights lie beyond
    assert ((shown[..., 0] > shown[..., 2]) == (expected > 0))[inked & (np.abs(expected) > 0.02)].all()
    at.segmented_control(key="weights_order").set_value("By number").run()
    assert walls(at)["dense_1"]["captions"] == [str(number) for number in range(20)]


@pytest.mark.parametrize(
    ("name", "unit"),
    [("dense", ("dense_1", 7)), ("dense", ("output", 3)), ("conv", ("conv_1", 2)), ("conv", ("dense_1", 5))],
)
def test_the_sum_of_a_unit_adds_up_on_the_page_to_what_it_puts_out(make_inside, digits, name, unit):
    run = make_inside(name)
    at = open_page("inside", session={"inside_chosen_unit": unit}, run=run.id, part="One image", image="11")
    *parts, (label, total) = table(at)
    assert label == "Sum"
    for input, weight, product in products(at):
        assert abs(input * weight - product) <= Decimal("0.0005")
    assert sum(value for _, value in parts) == total
    values = load_inside(run).activations(digits.x_test[11:12])["logits" if unit[0] == "output" else unit[0]][0]
    value = values[..., unit[1]] if values.ndim == 3 else values[unit[1]]
    value = value.flat[np.abs(value).argmax()] if values.ndim == 3 else value
    assert float(total) == pytest.approx(float(value), abs=0.001)


def test_where_a_unit_goes_leads_to_the_weights_there(make_inside):
    run = make_inside()
    at = open_page("inside", session={"inside_chosen_unit": ("dense_1", 4), "weights_of": "gone_1"}, run=run.id)
    kernel = load_inside(run).weights["output"]["kernel"]
    digit = int(np.abs(kernel[4]).argmax())
    at.button(key=f"to_output_{digit}").click().run()
    assert not at.exception
    assert walls(at)["output"]["captions"] == list("0123456789")
    assert f"The logit of {digit}" in words(at)


def test_every_layer_has_its_pictures_from_the_first_to_the_probabilities(make_inside, digits):
    run = make_inside("conv")
    found = walls(open_page("inside", run=run.id, part="One image", image="4"))
    names = ["conv_1", "pool_1", "norm_1", "relu_1", "dense_1", "tanh_1", "output", "probabilities"]
    assert [name for name in found if name in names] == names
    assert [found[name]["count"] for name in names] == [4, 4, 4, 4, 12, 12, 10, 10]
    assert len(found["probabilities"]["values"]) == 10
    best = int(load_inside(run).probabilities(digits.x_test[4:5])[0].argmax())
    assert found["probabilities"]["values"][best] == max(
        found["probabilities"]["values"], key=lambda value: float(value.strip("<> %"))
    )


def test_a_normalisation_and_an_activation_say_how_they_come_to_their_number(make_inside):
    run = make_inside("conv")
    for unit, said in ((("norm_1", 1), "÷"), (("tanh_1", 3), "tanh("), (("pool_1", 0), "The largest of")):
        at = open_page("inside", session={"inside_chosen_unit": unit}, run=run.id, part="One image")
        assert said in words(at)


@pytest.mark.parametrize("unit", range(4))
def test_a_normalisation_can_be_worked_out_by_hand(make_inside, unit):
    at = open_page(
        "inside", session={"inside_chosen_unit": ("norm_1", unit)}, run=make_inside("conv").id, part="One image"
    )
    [line] = [element.value for element in at.markdown if "÷" in element.value]
    x, mean, deviation, gamma, beta, after = numbers(line)
    assert abs((x - mean) / deviation * gamma + beta - after) <= Decimal("0.0005")


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_what_speaks_for_a_digit_adds_up_to_its_logit(make_inside, digits, name):
    run = make_inside(name)
    at = open_page("inside", run=run.id, part="Why this digit", image="5")
    *parts, (label, total) = table(at)
    assert sum(value for _, value in parts) == total
    logits = load_inside(run).activations(digits.x_test[5:6])["logits"][0]
    first, second = np.argsort(-logits)[:2]
    other = second if first == digits.y_test[5] else digits.y_test[5]  # of a mistake the label
    assert label == f"Logit of {first} minus logit of {other}"
    assert float(total) == pytest.approx(float(logits[first] - logits[other]), abs=0.001)
    assert (name == "conv") == ("integrated gradients" in words(at))


def test_choices_of_why_are_called_the_same_for_every_image(make_inside):
    run = make_inside("dense")
    shown = [open_page("inside", run=run.id, part="Why this digit", image=image) for image in ("5", "7", "11")]
    options = [[box.options for box in at.selectbox if box.label in ("What speaks for", "and not for")] for at in shown]
    assert options[0] == options[1] == options[2]
    assert options[0][0] == ["the digit that it reads", *map(str, range(10))]


def test_health_has_a_sentence_for_each_layer(make_inside):
    run = make_inside()
    shown = words(open_page("inside", run=run.id, part="Health"))
    assert "20 units" in shown
    assert "ReLU" in shown
    assert "_1" not in shown  # layers are called the same on the whole page
    assert "Its weights" in shown
    assert "After ReLU 10 to 90 % is normal" in shown
    assert "It is normal that the first epoch moves them most" in shown


def test_health_begins_with_the_worst_finding(store, digits):
    run = store.create(NETWORKS["dense"])
    weights = random_weights(run.config.layers, 0)
    weights["dense_1"]["bias"][:15] = -1000
    write_weights(run.path, weights, 3)
    run.write_probabilities(np.eye(10, dtype=np.float32)[digits.y_test])
    run.set_state("finished")
    at = open_page("inside", run=run.id, part="Health")
    said = [each.value for each in at.markdown if each.value.startswith((":orange[", ":blue["))]
    assert "**ReLU:** 15 of 20 units are dead" in said[0]
    assert "Each digit is read about as often as it is there." in said[1]


@pytest.mark.parametrize(
    ("number", "refused"), [("7", False), ("07", False), ("99999", True), ("seven", True), ("²", True)]
)
def test_a_number_that_no_test_image_has_is_said(make_inside, digits, number, refused):
    seen = words(open_page("inside", run=make_inside().id, part="One image", image=number))
    assert (f"The test images are 0 to {len(digits.x_test) - 1}." in seen) == refused
    assert f"Test image {0 if refused else 7}, " in seen


def test_a_network_without_activations_is_one_template_for_every_image(store):
    run = store.create(TrainingConfig(network="flatten, output softmax"))
    write_weights(run.path, random_weights(run.config.layers, 1), 1)
    run.set_state("finished")
    at = open_page("inside", run=run.id, part="Why this digit")
    assert "For every image the whole network is one template" in words(at).replace("*", "")
    assert "units that are on" not in words(at)


def test_health_counts_the_digits_of_all_test_images_that_the_run_has_read(make_inside, digits):
    run = make_inside()
    assert "Counted on the first 300 test images" in words(open_page("inside", run=run.id, part="Health"))
    probabilities = np.eye(10, dtype=np.float32)[np.full(len(digits.y_test), 4)]
    run.write_probabilities(probabilities)
    shown = words(open_page("inside", run=run.id, part="Health"))
    assert f"Counted on all {len(digits.y_test):,} test images" in shown
    assert "Every image is read as 4" in shown


def test_health_says_in_words_what_no_chart_can_show(store):
    def open_health(text, weight, **settings):
        run = store.create(TrainingConfig(network=text, epochs=2, **settings))
        for epoch in (0, 1, 2):
            weights = random_weights(run.config.layers, epoch)
            if weight is not None:
                for array in (array for arrays in weights.values() for array in arrays.values()):
                    array[:] = weight
            write_epoch_weights(run.path, weights, epoch)
        write_weights(run.path, weights, 2)
        run.set_state("finished")
        return open_page("inside", run=run.id, part="Health")

    linear = words(open_health("flatten, dense 12, output softmax", None))
    assert "This network has no activation" in linear
    assert "No activation stands between “dense 12” and “output softmax”" in linear
    assert "Over the epochs" not in linear
    zeros = words(open_health("flatten, dense 12, relu, output softmax", 0, first_weights="zeros"))
    for said in (
        "All first weights are equal",
        "No weights have moved, so there is no change to draw",
        "It puts out **0** for every image",
        "All its weights are **0**",
    ):
        assert said in zeros or said.replace("*", "") in zeros
    assert "lower learning rate" not in zeros
    open_health("flatten, dense 12, relu, output softmax", 0, first_weights="zeros")
    assert "All weights are equal, so no pixel speaks for any digit." in words(
        open_page("inside", run=store.runs()[0].id, part="Why this digit")
    )
    raw = words(open_health("flatten, dense 12, tanh, output softmax", None, pixels="0-255"))
    assert raw.count("The pixels go in raw") == 1
    assert raw.lower().count("scale") == 1  # the cause is said once, and what to do with it
    assert "lower learning rate" not in raw


def test_health_runs_the_network_once_for_an_epoch(make_inside, monkeypatch):
    run, images = make_inside(), []
    forward = Inside._forward
    monkeypatch.setattr(Inside, "_forward", lambda self, x, **more: images.append(len(x)) or forward(self, x, **more))
    open_page("inside", run=run.id, part="Health")
    assert sum(images) == 300 * len((0, 2, 3, "newest"))


def test_only_the_open_part_is_computed(make_inside, monkeypatch):
    run = make_inside()
    monkeypatch.setattr("core.interpretability.health.units", None)
    monkeypatch.setattr("core.interpretability.inside.Inside.contributions", None)
    assert "dense_1" in walls(open_page("inside", run=run.id))


def test_a_run_without_weights_says_why_and_offers_one_that_has_them(make_inside, make_run):
    other, run = make_inside(), make_run()
    at = open_page("inside", run=run.id)
    assert "not been trained yet" in words(at) or "not the weights" in words(at)
    assert other.name in as_seen(at.button(key="show_instead").label)
    at.button(key="show_instead").click().run()
    assert not at.exception
    assert at.title[0].value == f"Inside · {other.name}"


def test_damaged_weights_are_said_and_the_nearest_whole_ones_are_shown(make_inside):
    run = make_inside()
    (run.path / "weights.npz").write_bytes(b"PK")
    assert "dense_1" in walls(open_page("inside", run=run.id))
    (run.path / "weights/epoch-0002.npz").write_bytes(b"PK")
    at = open_page("inside", run=run.id, epoch="2")
    assert "The weights after epoch 2 are missing or damaged" in at.warning[-1].value
    assert "dense_1" in walls(at)
    assert "The weights after epoch 2 are damaged" in words(open_page("inside", run=run.id, part="Health"))
    for epoch in (0, 3):
        (run.path / f"weights/epoch-000{epoch}.npz").write_bytes(b"PK")
    assert "The weights of" in words(open_page("inside", run=run.id))


def test_the_starter_can_be_looked_into(digits):
    at = open_page("inside", run="starter", part="One image", image="3")
    assert "final weights only" in words(at)
    *parts, (_, total) = table(at)
    assert sum(value for _, value in parts) == total


def test_without_a_run_the_starter_is_there_to_be_looked_into():
    at = open_page("inside")
    assert "Starter" in at.title[0].value
    assert walls(at)


@pytest.mark.parametrize("image", ["-1", "nan", "99999999", "٣", "1e3"])
def test_an_image_that_is_not_there_is_the_first_one(make_inside, image):
    at = open_page("inside", run=make_inside().id, part="One image", image=image)
    assert "Test image 0" in words(at)
