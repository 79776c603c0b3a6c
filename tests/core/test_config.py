"""Every setting has its limits, and a message that names it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import (
    EXPERIMENTS,
    FIRST_WEIGHTS,
    MODELS,
    OPTIMIZERS,
    PIXELS,
    SCHEDULES,
    ConfigError,
    TrainingConfig,
    model_name,
    parse_digits,
    parse_hidden_layers,
)

LIMITS = {  # setting: what messages call it, lowest, highest, just below, just above
    "epochs": ("Epochs", 1, 200, 0, 201),
    "batch_size": ("Batch size", 8, 4096, 7, 4097),
    "learning_rate": ("Learning rate", 1e-6, 1.0, 0.9e-6, 1.0001),
    "dropout": ("Dropout", 0.0, 0.9, -0.001, 0.901),
    "seed": ("Seed", 0, 2**31 - 1, -1, 2**31),
    "training_images": ("Training images", 100, 1_000_000, 99, 1_000_001),
    "validation_images": ("Validation images", 100, 1_000_000, 99, 1_000_001),
    "patience": ("Patience", 0, 200, -1, 201),
    "weight_decay": ("Weight decay", 0.0, 1.0, -0.001, 1.001),
    "wrong_labels": ("Wrong labels", 0.0, 1.0, -0.001, 1.001),
    "imbalance": ("Imbalance", 1, 1000, 0, 1001),
    "hidden_layers": ("hidden layers", (1,), (2048,) * 8, (), (1,) * 9),
}
MEASURED = ("learning_rate", "dropout", "weight_decay", "wrong_labels")
WHOLE = [name for name in LIMITS if name not in (*MEASURED, "hidden_layers")]

configs = st.builds(
    TrainingConfig,
    model=st.sampled_from(sorted(MODELS)),
    epochs=st.integers(1, 200),
    batch_size=st.none() | st.integers(8, 4096),
    learning_rate=st.none() | st.floats(1e-6, 1.0),
    hidden_layers=st.lists(st.integers(1, 2048), min_size=1, max_size=8),
    dropout=st.floats(0, 0.9),
    seed=st.integers(0, 2**31 - 1),
    training_images=st.none() | st.integers(100, 1_000_000),
    validation_images=st.integers(100, 1_000_000),
    patience=st.integers(0, 200),
    augment=st.booleans(),
    start_from=st.from_regex(r"[0-9a-z-]{0,30}", fullmatch=True),
    network=st.sampled_from(["", "flatten, output softmax", "flatten, dense 7, dropout 0.3, tanh, output sigmoid"]),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    schedule=st.none() | st.sampled_from(sorted(SCHEDULES)),
    weight_decay=st.floats(0, 1),
    pixels=st.sampled_from(sorted(PIXELS)),
    first_weights=st.sampled_from(sorted(FIRST_WEIGHTS)),
    wrong_labels=st.floats(0, 1),
    left_out=st.lists(st.integers(0, 9), max_size=9).map(tuple),
    imbalance=st.integers(1, 1000),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("setting", LIMITS)
def test_a_setting_is_taken_up_to_its_limits_and_refused_beyond_with_its_name(setting):
    called, lowest, highest, below, above = LIMITS[setting]
    for value in (lowest, highest):
        assert getattr(TrainingConfig(**{setting: value}), setting) == value
    for value in (below, above):
        with pytest.raises(ConfigError, match=called):
            TrainingConfig(**{setting: value})


@pytest.mark.parametrize("setting", WHOLE)
@pytest.mark.parametrize("value", [8.0, "8", True, math.nan])
def test_what_is_counted_must_be_a_whole_number(setting, value):
    with pytest.raises(ConfigError, match=f"{LIMITS[setting][0]} must be a whole number"):
        TrainingConfig(**{setting: value})


@pytest.mark.parametrize("setting", MEASURED)
@pytest.mark.parametrize("value", [math.nan, math.inf, "0.1", True])
def test_what_is_measured_must_be_a_finite_number(setting, value):
    with pytest.raises(ConfigError, match=f"{LIMITS[setting][0]} must be a number"):
        TrainingConfig(**{setting: value})


@pytest.mark.parametrize("width", [0, 2049, 64.0])
def test_the_width_of_a_hidden_layer_is_from_1_to_2048(width):
    with pytest.raises(ConfigError, match="width of a hidden layer"):
        TrainingConfig("dense", hidden_layers=(128, width))


def test_an_unknown_model_is_refused_with_the_names_of_those_that_exist():
    with pytest.raises(ConfigError, match=r"'transformer'.*classic, linear, dense"):
        TrainingConfig("transformer")


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_found_by_its_name_and_its_title_in_capitals_or_not(name):
    title = MODELS[name].title
    for written in (name, name.upper(), title, title.lower(), title.upper(), f" {title} "):
        assert model_name(written) == name


@pytest.mark.parametrize("written", ["", "transformer", "Starter", "seeds"])
def test_a_network_that_is_called_nothing_here_is_refused_with_the_names(written):
    with pytest.raises(ConfigError, match="Choose one of: classic, linear, dense, mlp, lenet-5, cnn, best"):
        model_name(written)


def test_the_classic_settings_are_the_default():
    config = TrainingConfig()
    assert (config.model, config.epochs, config.batch_size, config.learning_rate) == ("seed", 10, 32, 0.001)
    assert config.info.validates_on_test
    assert config.patience == 0


@given(configs)
def test_a_config_survives_json(config):
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_settings_of_another_version_are_left_out():
    values = {**TrainingConfig("dense", epochs=3).as_dict(), "momentum": 0.9}
    assert TrainingConfig.from_dict(values) == TrainingConfig("dense", epochs=3)


@given(st.dictionaries(st.sampled_from([*LIMITS, *EXPERIMENTS, "model", "other"]), anything, max_size=3) | anything)
def test_whatever_a_file_or_a_link_says_gives_a_config_or_words_about_it(values):
    try:
        config = TrainingConfig.from_dict(values)
    except ConfigError:
        return
    assert TrainingConfig.from_dict(config.as_dict()) == config


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=10), st.sampled_from([", ", ",", " ", " , "]))
def test_hidden_layers_are_read_as_people_type_them(widths, between):
    assert parse_hidden_layers(between.join(map(str, widths))) == tuple(widths)


@pytest.mark.parametrize("text", ["", " ", ",", "128; 64", "12.8", "-5", "wide", "1e3", "²"])
def test_hidden_layers_that_are_no_whole_numbers_are_refused_with_an_example(text):
    with pytest.raises(ConfigError, match='for instance "128, 64"'):
        parse_hidden_layers(text)


@pytest.mark.parametrize("values", [{"augment": 1}, {"augment": "yes"}, {"start_from": "../x"}, {"start_from": None}])
def test_other_settings_of_the_wrong_kind_are_refused(values):
    with pytest.raises(ConfigError, match=r"Augment|start_from"):
        TrainingConfig(**values)


def test_the_layers_of_a_named_network_as_text_are_that_network():
    assert TrainingConfig(network="Flatten, Dense(100, relu), Dense(10, sigmoid)") == TrainingConfig()
    assert TrainingConfig("cnn", network=TrainingConfig("cnn", dropout=0.2).layers.text).dropout == 0.2
    dense = TrainingConfig("dense", network="flatten, dense 64 relu, dense 32 relu, output softmax")
    assert (dense.network, dense.hidden_layers, dense.title) == ("", (64, 32), "Dense")


def test_a_network_whose_layers_were_changed_says_so_and_keeps_how_its_model_trains():
    config = TrainingConfig(network="flatten, dense 100, output sigmoid")
    assert (config.title, config.experiments, config.batch_size) == ("Custom", ["network"], 32)
    assert TrainingConfig(optimizer="sgd", schedule="constant").experiments == ["optimizer"]


@pytest.mark.parametrize(("text", "digits"), [("3, 8", (3, 8)), ("3;3 8", (3, 8)), ("", ())])
def test_digits_are_read_as_people_type_them(text, digits):
    assert parse_digits(text) == digits


@pytest.mark.parametrize("text", ["three", "12", "83", "0123456789", "0,1,2,3,4,5,6,7,8,9", "-1", "²", "3,11", "0,…,9"])
def test_digits_that_are_none_or_all_are_refused(text):
    with pytest.raises(ConfigError, match=r"Enter digits|Write digits apart|keep at least one|is not a digit"):
        parse_digits(text)
