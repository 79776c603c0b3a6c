"""Networks with weights drawn at random, for tests that need no training."""

from __future__ import annotations

import numpy as np

from core.layers import ACTIVATIONS, NetworkError
from core.network import Network, read_network
from core.runs.weights import Weights, weight_shapes

ON_PICTURES = (
    "conv 3 3",
    "conv 4 5 same",
    "conv 5 4 same stride 3",
    "conv 2 3 stride 2",
    "pool",
    "pool 3 stride 1",
    "pool 3 stride 2",
    "average pool",
    "average pool 3 stride 2",
    "norm",
    "dropout 0.3",
    *ACTIVATIONS,
)
ON_ROWS = ("dense 6", "dense 9", "norm", "dropout 0.5", *ACTIVATIONS)
TO_ROWS = ("flatten", "global pool", "global max pool")


def random_network(seed: int) -> Network:
    """Up to five layers on pictures, up to four on rows of numbers, and an output."""
    rng = np.random.default_rng(seed)
    while True:
        layers = [
            *rng.choice(ON_PICTURES, rng.integers(0, 6)),
            rng.choice(TO_ROWS),
            *rng.choice(ON_ROWS, rng.integers(0, 5)),
            rng.choice(["output softmax", "output sigmoid"]),
        ]
        try:
            return read_network(", ".join(layers))
        except NetworkError:  # a window larger than its picture
            continue


def random_weights(network: Network, seed: int = 0) -> Weights:
    """Float32 weights such that numbers stay near 1 through all layers; biases and shifts are not zero."""
    rng = np.random.default_rng(seed)
    return {
        layer: {
            name: (
                rng.uniform(0.5, 1.5, shape)
                if name in ("gamma", "variance")
                else rng.normal(0, 1.4 / np.sqrt(max(1, np.prod(shape[:-1]))) if name == "kernel" else 0.3, shape)
            ).astype(np.float32)
            for name, shape in shapes.items()
        }
        for layer, shapes in weight_shapes(network).items()
    }


def random_images(count: int, seed: int = 0) -> np.ndarray:
    """Uint8 (count, 28, 28), half of the pixels black."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 256, (count, 28, 28)) * rng.integers(0, 2, (count, 28, 28))).astype(np.uint8)
