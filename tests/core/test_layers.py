"""A network as text: what people write is understood, and a mistake is answered with what would be right."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.layers import ACTIVATIONS, NetworkError, read_layers
from core.network import read_network

CLASSIC = "flatten, dense 100, relu, output sigmoid"
LINEAR = "flatten, output softmax"
WORDS = ("flatten", "dense", "conv", "pool", "norm", "dropout", "relu", "output", "softmax", "global pool")


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("FLATTEN ;  Dense 100 ReLU\noutput   Sigmoid", CLASSIC),
        ("flatten → dense100 → relu -> output sigmoid", CLASSIC),
        ("flatten, dense 100 relu, dense 10 sigmoid", CLASSIC),
        ("flatten, dense 100, relu, dense 10, sigmoid", CLASSIC),
        ('layers.Flatten(), layers.Dense(100, activation="relu"), layers.Dense(10, activation="sigmoid")', CLASSIC),
        ("Flatten()\nkeras.layers.Dense(units=100, activation='relu')\nkeras.layers.Dense(10, 'sigmoid')", CLASSIC),
        ("flatten dense 100 relu output sigmoid", CLASSIC),
        ("Flatten dense100 and ReLU then Dense 10 sigmoid", CLASSIC),
        (
            "conv 8 5 same norm leaky relu average pool 3 conv 4 batch norm flatten dense 9 output",
            "conv 8 5 same, norm, leaky relu, average pool 3, conv 4 3, norm, flatten, dense 9, output softmax",
        ),
        (
            "model = tf.keras.Sequential([\n  tf.keras.layers.Flatten(input_shape=(28, 28)),\n"
            "  tf.keras.layers.Dense(100, activation='relu'),\n  tf.keras.layers.Dense(10, 'sigmoid')\n])",
            CLASSIC,
        ),
        (
            "model.add(keras.Input((28, 28, 1)))\nmodel.add(Flatten())\nmodel.add(Dense(100))\n"
            "model.add(Activation('relu'))\nmodel.add(Dense(10, activation='sigmoid'))",
            CLASSIC,
        ),
        ("flatten, output", LINEAR),
        ("flatten × output softmax.", LINEAR),
        ("flatten / dropout 50% / hidden 64relu / output", "flatten, dropout 0.5, dense 64, relu, output softmax"),
        ("flatten, none, dropout 0, output softmax", LINEAR),
        ("flatten, dense 20 none, output", "flatten, dense 20, output softmax"),
        ("conv 8, flatten, output", "conv 8 3, flatten, output softmax"),
        ("conv 8 5×5 stride 2 same, flatten, output", "conv 8 5 stride 2 same, flatten, output softmax"),
        (
            "Conv2D(8, (5, 5), strides=(2, 2), padding='same'); MaxPooling2D(pool_size=(3, 3)); Flatten(); output",
            "conv 8 5 stride 2 same, pool 3, flatten, output softmax",
        ),
        (
            "max pool, pool 2, avg pool 3 stride 2, flatten, output",
            "pool, pool, average pool 3 stride 2, flatten, output softmax",
        ),
        ("conv 8 3, global average pool, output", "conv 8 3, global pool, output softmax"),
        ("conv 8 3, GlobalMaxPooling2D, output", "conv 8 3, global max pool, output softmax"),
        (
            "flatten, batch normalization, leaky_relu, dropout 0,25, output",
            "flatten, norm, leaky relu, dropout 0.25, output softmax",
        ),
        ("flatten, dropout, dense 5 leaky relu, output", "flatten, dropout 0.5, dense 5, leaky relu, output softmax"),
    ],
)
def test_what_people_write_is_understood(written, usual):
    assert read_network(written).text == usual


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("flaten dense 64 relu output", 'Layer 1, "flaten": there is no layer "flaten". Did you mean "flatten"?'),
        (
            "flatten dence 64 relu output",
            'Layer 1, "flatten dence 64 relu": "dence" is not understood. Did you mean "dense"?',
        ),
        ("flatten dense 64 32 relu", 'dense takes one number. Did you mean "dense 64, dense 32"?'),
        ("flatten 64 relu, output", 'flatten takes no number. Did you mean "flatten, dense 64"?'),
        ("Flatten(), Linear(784, 128), output", 'linear takes no number. Did you mean "dense 128"?'),
        ("flatten, dence 100, output", 'Layer 2, "dence 100": there is no layer "dence". Did you mean "dense"?'),
        (
            "flatten, dense 100 rleu, output",
            'Layer 2, "dense 100 rleu": "rleu" is not understood. Did you mean "relu"?',
        ),
        ("konv 8 3, flatten, output", 'Did you mean "conv"?'),
        (
            "conv 8 3 strides, flatten, output",
            'Layer 1, "conv 8 3 strides": a stride needs a number, for instance stride 2.',
        ),
        ("flatten, dense, output", 'Layer 2, "dense": how many units? For instance dense 100.'),
        ("flatten, dense 0, output", "units must be a whole number from 1 to 4,096"),
        ("flatten, dense 5000, output", "units must be a whole number from 1 to 4,096"),
        ("flatten, dense 2.5, output", 'not "2.5"'),
        ("flatten, dropout 95, output", "the share must be from 0 to 0.9, for instance 0.3"),
        ("flatten, dropout 50, output", "for instance 0.5"),
        (
            "flatten, 100, output",
            "is a number without a layer. A layer's name comes first, as in dense 100.",
        ),
        ("conv 8 5x3, flatten, output", "5 × 3 is not square. Use one number, for instance 5."),
        (
            "dense 100, output",
            'Layer 1, "dense 100" needs a row of numbers, but gets 28 × 28 × 1. Put "flatten" before it.',
        ),
        (
            "flatten, conv 8 3, output",
            'Layer 2, "conv 8 3" needs a picture, but gets a row of numbers. Put it before flatten.',
        ),
        ("flatten, flatten, output", "its input is a row of numbers already. Remove it."),
        ("pool 14, conv 8 5, flatten, output", "its kernel is 5 × 5, but the picture is only 2 × 2 there."),
        (
            "flatten dense 64 relu",
            'A network ends in "output softmax" or "output sigmoid". End it so: "dense 64, relu, output softmax".',
        ),
        ("conv 16 5, dense 10", 'End it so: "conv 16 5, flatten, output softmax".'),
        ("dense 10", 'End it so: "flatten, output softmax".'),
        ("dense 20, relu", 'Layer 1, "dense 20" needs a row of numbers'),
        ("pool 3 2, flatten, output", 'pool takes one number. Did you mean "pool 3 stride 2"?'),
        ("flatten, relu 5000, output", 'relu takes no number. Did you mean "relu"?'),
        ("norm 32, flatten, output", 'norm takes no number. Did you mean "norm"?'),
        ("conv 8 3 3, flatten, output", 'Did you mean "conv 8 3"?'),
        ("flatten, output softmaxx", '"softmaxx" is not understood. Did you mean "softmax"?'),
        ("flatten, output swish", '"swish" is not understood. An output is softmax or sigmoid.'),
        ("flatten, dense 64 rellu, output", 'Did you mean "relu"?'),
        ("flatten, dense 64 relu6, output", '"relu6" is not understood. Did you mean "relu"?'),
        ("flatten, dense ten, output", '"ten" is not understood. Behind a layer can stand its activation: relu,'),
        ("flatten, dense 5 batchnrom, output", 'Did you mean "batchnorm"?'),
        ("conv 8 3, gloabl pool, output", 'Did you mean "global pool"?'),
        ("flatten, drop out 0.3, output", 'Did you mean "dropout"?'),
        ("flatten, attention, output", 'there is no layer "attention". There are: dense, conv,'),
        ("flatten, dense 10 softmax, dense 10 softmax", 'Layer 3, "softmax": softmax belongs to the output'),
        ("flatten, output, relu", 'Layer 2, "output softmax": the output is the last layer.'),
        ("flatten, softmax, output", 'end with "output softmax"'),
        ("flatten, output relu", "an output is softmax or sigmoid, not relu"),
        ("flatten, output 12", "the output has 10 units, one for each digit"),
        ("flatten, dense 4096, dense 4096, dense 4096, dense 4096, output", "54 million parameters"),
        ("conv 512 28 same, flatten, output", "an epoch would take about 16 minutes"),
        ("", "Name its layers, for instance"),
        (" ,; ", "Name its layers, for instance"),
        ("none", "Name its layers, for instance"),
        ("linear, none, dropout 0", "Name its layers, for instance"),
        ("flatten, dense -3, output", "-3 is negative. Sizes are whole numbers from 1."),
        ("relu," * 100 + "flatten, output", "102 layers; 60 are the limit"),
        ("x" * 3000, "3,000 characters"),
    ],
)
def test_a_mistake_is_answered_with_its_place_and_what_would_be_right(written, answer):
    with pytest.raises(NetworkError, match=re.escape(answer)):
        read_network(written)


pictures = st.one_of(
    st.builds(
        "conv {} {} stride {}{}".format,
        st.integers(1, 20),
        st.integers(1, 5),
        st.integers(1, 2),
        st.sampled_from(["", " same"]),
    ),
    st.builds("{}pool {} stride {}".format, st.sampled_from(["", "average "]), st.integers(2, 3), st.integers(1, 2)),
    st.sampled_from(["norm", "dropout 0.25", *ACTIVATIONS]),
)
rows = st.one_of(
    st.builds("dense {}".format, st.integers(1, 64)), st.sampled_from(["norm", "dropout 0.5", *ACTIVATIONS])
)
networks = st.builds(
    lambda *parts: [*parts[0], parts[1], *parts[2], parts[3]],
    st.lists(pictures, max_size=4),
    st.sampled_from(["flatten", "global pool", "global max pool"]),
    st.lists(rows, max_size=4),
    st.sampled_from(["output softmax", "output sigmoid"]),
)


@given(networks, st.sampled_from([",", " , ", ";\n", "\n", " → ", " "]), st.booleans())
def test_signs_between_layers_and_capitals_do_not_matter_and_the_usual_form_is_read_as_itself(
    layers, between, capitals
):
    written = between.join(layers)
    try:
        network = read_network(written.upper() if capitals else written)
    except NetworkError:  # a pool larger than its picture
        return
    assert read_network(network.text) == network == read_network(", ".join(layers))


@given(
    st.lists(
        st.sampled_from(WORDS) | st.integers(0, 99).map(str) | st.text("adelnoprsux", min_size=2, max_size=7),
        max_size=9,
    ),
    st.sampled_from([", ", " "]),
)
@example(["norm", "32"], " ")
@example(["none", "3", "4"], " ")
@example(["global pool", "2"], " ")
@example(["conv", "3", "4", "5"], " ")
@example(["dense", "5", "0"], " ")
@example(["flatten", "ne"], " ")
def test_what_is_suggested_can_be_read_itself(words, between):
    try:
        read_network(between.join(words))
    except NetworkError as error:
        for suggested in re.findall(r'(?:Did you mean|End it so:) "([^"]+)"', str(error)):
            if suggested not in ("stride", "same", "softmax", "dense", "conv", "none"):  # no whole layer
                assert read_layers(suggested)


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                "dense",
                "none",
                "linear",
                "conv",
                "pool",
                "flatten",
                "output",
                "relu",
                "same",
                "stride",
                "3",
                "10",
                "0.5",
                "5x5",
                ",",
                ";",
                "(",
                ")",
                "=",
            ]
        )
    ).map(" ".join)
)
@example("linear, none")
@example("dense " + "9" * 5000)
@example("conv ²")
def test_whatever_is_written_gives_layers_or_words_about_it(text):
    try:
        answer = read_layers(text)
    except NetworkError as error:
        answer = str(error)
    assert isinstance(answer, tuple) or answer.endswith((".", "?"))
