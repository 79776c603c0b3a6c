"""What is typed becomes values, values become trials, and each trial has a name that says in what it differs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import ConfigError, TrainingConfig, parse_digits, parse_number, parse_whole, read
from core.sweeps import Plan, every_combination
from core.sweeps.plan import some_combinations
from core.sweeps.values import parse_seeds, parse_values

DENSE = TrainingConfig("dense", epochs=2)


@pytest.mark.parametrize(
    ("text", "parse", "values"),
    [
        ("0.1, 0.01, 0.001", parse_number, (0.1, 0.01, 0.001)),
        ("0.1,0.01", parse_number, (0.1, 0.01)),
        ("0,1", parse_number, (0.1,)),
        ("0,1; 0,01", parse_number, (0.1, 0.01)),
        ("0,1, 0,01", parse_number, (0.1, 0.01)),
        ("5, 10,20 ", parse_whole, None),
        ("5,10,20", parse_whole, (5, 10, 20)),
        ("5,000", parse_whole, (5000,)),
        ("5,000; 10,000", parse_whole, (5000, 10000)),
        ("5 | 10 | 5", parse_whole, (5, 10)),
        ("5, ", parse_whole, (5,)),
        ("", parse_whole, None),
        ("5, many", parse_whole, None),
    ],
)
def test_values_are_read_as_people_write_them(text, parse, values):
    if values is None:
        with pytest.raises(ConfigError):
            parse_values(text, parse)
    else:
        assert parse_values(text, parse) == values


def test_what_has_commas_of_its_own_is_told_apart_by_a_bar():
    assert parse_values("3, 8", parse_digits, "|") == ((3, 8),)
    assert parse_values("3 | 8", parse_digits, "|") == ((3,), (8,))
    networks = parse_values(
        "flatten, output softmax | flatten, dense 8, output softmax", lambda text: read(text).text, "|"
    )
    assert networks == ("flatten, output softmax", "flatten, dense 8, output softmax")


def test_seeds_can_be_counted():
    assert parse_seeds("5 seeds", parse_whole) == (0, 1, 2, 3, 4)
    assert parse_seeds("7", parse_whole) == (7,)
    assert parse_seeds("1, 3", parse_whole) == (1, 3)
    for text in ("0 seeds", "1000 seeds", "five seeds"):
        with pytest.raises(ConfigError):
            parse_seeds(text, parse_whole)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(), min_size=1, max_size=4, unique=True)), st.data()
)
def test_combinations_are_all_there_once_and_some_of_them_are_drawn_without_repetition(space, data):
    total = math.prod(map(len, space.values()))
    points = every_combination(space)
    assert len({tuple(point.items()) for point in points}) == len(points) == total
    count, seed = data.draw(st.integers(0, total + 3)), data.draw(st.integers(0, 9))
    some = some_combinations(space, count, seed)
    assert some == some_combinations(space, count, seed)
    assert len({tuple(point.items()) for point in some}) == len(some) == min(count, total)
    assert all(point in points for point in some)


def test_trials_are_named_by_what_differs():
    plan = Plan(DENSE, every_combination({"learning_rate": (0.1, 0.001), "seed": (0, 2)}))
    assert [plan.name_of(number) for number in range(4)] == [
        "lr 0.1 · seed 0",
        "lr 0.1 · seed 2",
        "lr 0.001 · seed 0",
        "lr 0.001 · seed 2",
    ]
    assert plan.run_name(3) == "Dense · lr 0.001, seed 2"
    assert Plan(DENSE, every_combination({"model": ("cnn",), "seed": (1,)})).run_name(0) == "CNN · seed 1"
    layers = "flatten, dense 64, relu, dense 64, relu, dense 64, relu, output softmax"
    assert Plan(DENSE, ({"network": layers},)).name_of(0) == f"{layers[:55]}… (1)"


def test_trials_of_different_networks_are_named_by_the_layers_that_differ():
    wide = "flatten, " + "dense 300, relu, " * 5 + "output softmax"
    networks = ("flatten, output softmax", "flatten, dense 32, relu, output softmax", wide, wide.replace("300", "299"))
    plan = Plan(DENSE, every_combination({"network": networks, "seed": (0, 1)}))
    assert [plan.name_of(number) for number in (0, 3, 5, 7)] == [
        "flatten, output softmax · seed 0",
        "dense 32, relu · seed 1",
        "dense 300, relu, dense 300, relu, dense 300, r… (3) · seed 1",
        "dense 299, relu, dense 299, relu, dense 299, r… (4) · seed 1",
    ]
    assert max(len(plan.name_of(number)) for number in range(8)) == 60
    assert plan.run_name(3) == "Dense · dense 32, relu · seed 1"
    assert max(len(plan.run_name(number)) for number in range(8)) == 54  # so that a number fits behind it


def test_another_network_takes_its_own_defaults_and_what_is_asked_of_any():
    base = TrainingConfig("dense", epochs=3, learning_rate=0.5, seed=4, training_images=500)
    dense, cnn = Plan(base, every_combination({"model": ("dense", "cnn")})).configs
    assert dense == base
    assert cnn == TrainingConfig("cnn", epochs=3, seed=4, training_images=500)


def test_a_plan_is_refused_where_a_trial_is_impossible_or_there_are_too_many():
    with pytest.raises(ConfigError, match="Batch size"):
        assert Plan(DENSE, ({"batch_size": 1},)).configs
    with pytest.raises(ConfigError, match="1 to 5,000 trials, not 5,001"):
        Plan(DENSE, tuple({"seed": seed} for seed in range(5001)))
    with pytest.raises(ConfigError, match="not 0"):
        Plan(DENSE, ())


def test_trials_are_repeated_with_seeds_that_were_not_used():
    plan = Plan(DENSE, every_combination({"learning_rate": (0.1, 0.01)})).with_seeds([1, 0], 2)
    assert [(point["learning_rate"], point["seed"]) for point in plan.points] == [
        (0.1, 0),
        (0.01, 0),
        (0.01, 1),
        (0.01, 2),
        (0.1, 1),
        (0.1, 2),
    ]
