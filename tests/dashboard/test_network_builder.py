"""The builder of networks: rows and text are the same network, whatever is typed, and the address carries it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import MODELS, TrainingConfig
from core.evaluation.learning_words import held_back
from core.layers import NetworkError
from core.network import read_network
from dashboard.components.widgets.network_rows import BEGIN, checked, examine, in_numbers, rows_of, text_of
from tests.support.network_texts import TEXTS
from tests.support.pages import open_page, words

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from([*BEGIN, "kind"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["kind", "units", "stride"]), inner),
    max_leaves=12,
)


@pytest.mark.parametrize("model", MODELS)
def test_the_rows_of_a_network_are_its_text_again(model):
    network = MODELS[model].network()
    assert text_of(rows_of(network.text)) == network.text


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_any_text_has_rows_which_say_what_is_wrong_exactly_where_training_would_refuse_it(text):
    examined = examine(rows_of(text))
    numbers = in_numbers(examined)
    assert len(examined.rows) == len(examined.errors) == len(numbers)
    try:
        network = read_network(text)
    except NetworkError:
        assert examined.error
    else:
        assert (examined.error, any(examined.errors)) == ("", False)
        assert read_network(text_of(examined.rows)) == network
        assert sum(row["parameters"] for row in numbers) == network.parameters
        assert sum(row["multiplications"] for row in numbers) == network.multiplications


@given(JSON)
def test_whatever_a_browser_sends_as_rows_is_read_or_ignored(sent):
    if (rows := checked(sent)) is not None:
        in_numbers(examine(rows))


@pytest.mark.parametrize(
    ("field", "value", "text", "words"),
    [
        ("units", "", "dense, relu", "ow many units? For instance dense 100."),
        ("units", "9,999", "dense 9999, relu", "nits must be a whole number from 1 to 4,096"),
        ("activation", "none", "dense 100", 'eeds a row of numbers, but gets 28 × 28 × 1. Put "flatten" before it.'),
    ],
)
def test_what_is_typed_into_a_row_is_kept_and_its_mistake_is_said_at_the_row(field, value, text, words):
    [row] = checked([{"kind": "dense", "units": "100", "activation": "relu", field: value}])
    assert (row[field], text_of([row])) == (value, text)
    examined = examine([row, {"kind": "output", "activation": "softmax"}])
    assert examined.rows[0] == row
    assert words in examined.errors[0]
    assert words in examined.error  # which names the layer too
    assert examined.errors[1] == ""


def test_a_unit_sees_the_pixels_that_are_found_by_going_back_from_it():
    first = last = 4 // 2  # the middle one of 4 × 4 units, back through pool, conv, pool and conv
    for window, stride in ((2, 2), (5, 1), (2, 2), (5, 1)):
        first, last = first * stride, last * stride + window - 1
    pool = in_numbers(examine(rows_of("conv 4 5, pool, conv 4 5, pool, flatten, output softmax")))[3]
    assert pool["field"] == [last - first + 1, first, 4]


def builder(at):
    """What the builder was given to show, None where it is closed."""
    found = [node.proto for node in at.get("bidi_component") if node.proto.component_name == "digitlab_network_builder"]
    return json.loads(found[0].json) if found else None


@pytest.mark.slow
@pytest.mark.usefixtures("laboratory")
class TestPage:
    def test_a_link_carries_the_network_and_that_the_builder_is_open(self, store):
        network = "flatten, dense 30, tanh, output softmax"
        at = open_page("train", model="mlp", mlp_network="Flatten; Dense 30 tanh; output", build="true")
        assert [row["kind"] for row in builder(at)["rows"]] == ["flatten", "dense", "output"]
        assert "23,860 parameters, 23,820 multiplications an image, 9 % of MLP" in words(at)
        at.button(key="start").click().run()
        assert store.runs()[0].config == TrainingConfig("mlp", network=network)
        at.button(key="reset_builder").click().run()
        assert at.query_params["mlp_network"] in (MODELS["mlp"].layers, [MODELS["mlp"].layers])
        at.button(key="close_builder").click().run()
        assert builder(at) is None

    def test_the_settings_of_a_run_with_layers_of_its_own_can_be_used_again(self, store):
        run = store.create(TrainingConfig("cnn", network="conv 4 3, relu, flatten, output softmax"))
        run.set_state("failed", message="")
        at = open_page("train", build="true")
        at.button(key=f"use_{run.id}").click().run()
        assert builder(at)["rows"][0]["filters"] == "4"
        at.button(key="start").click().run()
        assert {run.config for run in store.runs()} == {run.config}

    @pytest.mark.parametrize(
        ("settings", "config"),
        [
            ({"classic_network": "flatten, dense 64, output"}, TrainingConfig(network="flatten, dense 64, output")),
            ({"classic_pixels": "0-255"}, TrainingConfig(pixels="0-255")),
            ({"classic_first_weights": "equal"}, TrainingConfig(first_weights="equal")),
            ({}, TrainingConfig()),
        ],
    )
    def test_what_will_hold_a_network_back_is_said_before_it_is_trained_in_the_words_after_it(self, settings, config):
        at = open_page("train", build="true", **settings)
        assert builder(at)["hint"] == held_back(config)
        assert (":material/lightbulb:" in words(at)) == bool(held_back(config))
        assert held_back(config) in words(at)
        assert not at.button(key="start").disabled

    @pytest.mark.parametrize(
        "text", ["", ",,", "conv 9999", "dense 100", "relu " * 400, "x" * 3000, "<b>*_`$x$", "\0٣"]
    )
    def test_a_text_that_is_no_network_is_answered_in_words_and_start_is_off(self, store, text):
        at = open_page("train", build="true", classic_network=text)
        assert "To start, correct: Layers." in words(at)
        assert at.button(key="start").disabled
        assert builder(at)["error"] or any(builder(at)["errors"])
