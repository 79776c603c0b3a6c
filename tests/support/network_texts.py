"""Texts that people might write for a network, most of them wrong."""

from __future__ import annotations

from hypothesis import strategies as st

from core.layers import ACTIVATIONS

WORDS = ["conv", "dense", "pool", "average pool", "norm", "flatten", "output", "softmax", "dropout", "global pool"]
PARTS = [*WORDS, *ACTIVATIONS, "same", "stride", "3", "16 5", "100", "0.3", "-1", "9" * 30, "0,5", "٣", "(", "3x4", "="]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PARTS), max_size=12).map(" ".join),
    st.lists(st.sampled_from([*PARTS, "conv 8 3 relu", "dense 9, tanh"]), max_size=20).map(", ".join),
    st.lists(st.sampled_from(["conv 4 3", "pool", "relu", "norm", "dropout 0.2"]), max_size=9).map(
        lambda layers: ", ".join([*layers, "flatten", "dense 20 elu", "output softmax"])
    ),
)
