"""The networks that have a name: each a line of layers and the defaults of its training. One entry makes a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.layers import CLASSES
from core.network import Network, read_network

HIDDEN_LAYERS = (1, 8)
HIDDEN_UNITS = (1, 2048)


def within(hidden_layers: Sequence[int]) -> bool:
    """Whether so many hidden layers of these widths are within the limits."""
    (few, many), (narrow, wide) = HIDDEN_LAYERS, HIDDEN_UNITS
    return few <= len(hidden_layers) <= many and all(narrow <= units <= wide for units in hidden_layers)


@dataclass(frozen=True)
class ModelInfo:
    """A network that has a name: its title, a description, its layers and the defaults of its training.

    `layers` is a line of core.layers, in which {dropout} and {hidden} stand for those settings.
    """

    title: str
    about: str
    layers: str
    batch_size: int = 64
    learning_rate: float = 0.001
    dropout: float = 0.0
    recipe: tuple[int, bool] | None = None  # recommended epochs and augmentation
    schedule: str = "constant"
    validates_on_test: bool = False
    averages: bool = False  # the weights that are tested and saved are a running average

    @property
    def free_layers(self) -> bool:
        """Whether number and width of hidden layers can be set by `hidden_layers`."""
        return "{hidden}" in self.layers

    @property
    def free_dropout(self) -> bool:
        """Whether `dropout` can be set."""
        return self.free_layers or "{dropout}" in self.layers

    def settings_of(self, text: str) -> dict | None:
        """The hidden layers and dropout with which this network is the one that `text` names; None where it is not.

        Args:
            text: a network in its usual form (core.network.Network.text).
        """
        layers = [block.layer for block in read_network(text).blocks]
        values = {}
        if self.free_layers:
            values["hidden_layers"] = tuple(layer.size for layer in layers if layer.kind == "dense")
            if not within(values["hidden_layers"]):
                return None
        if self.free_dropout:
            values["dropout"] = next((layer.share for layer in layers if layer.kind == "dropout"), 0.0)
        return values if self.network(**values).text == text else None

    def network(
        self, hidden_layers: Sequence[int] = (128,), dropout: float | None = None, classes: int = CLASSES
    ) -> Network:
        """Its layers, counted, with the hidden layers and dropout that it lets one choose; None is its own dropout.

        Raises:
            NetworkError: where they have too many parameters.
        """
        dropout = self.dropout if dropout is None else dropout
        hidden = ", ".join(f"dense {units}, relu, dropout {dropout}" for units in hidden_layers)
        return read_network(self.layers.format(hidden=hidden, dropout=dropout), classes)


CONVOLUTIONAL = (
    "conv {} 5, pool, norm, relu, conv {} 5, pool, norm, relu, flatten, dense {}, norm, relu, dropout {{dropout}}, "
    "output softmax"
)
MODELS: dict[str, ModelInfo] = {
    "seed": ModelInfo(
        title="Classic",
        about="The classic script: 100 hidden units and sigmoid scores, validated on the test set.",
        layers="flatten, dense 100, relu, output sigmoid",
        batch_size=32,
        validates_on_test=True,
    ),
    "linear": ModelInfo(
        title="Linear",
        about="No hidden layer: ten templates, one for each digit, that can be looked at.",
        layers="flatten, output softmax",
    ),
    "dense": ModelInfo(
        title="Dense",
        about="Softmax, hidden layers of your choice, dropout, and held-out validation images.",
        layers="flatten, {hidden}, output softmax",
    ),
    "mlp": ModelInfo(
        title="MLP",
        about="A multilayer perceptron with two hidden layers, as wide as in LeCun et al. (1998).",
        layers="flatten, dense 300, relu, dense 100, relu, output softmax",
    ),
    "lenet": ModelInfo(
        title="LeNet-5",
        about="The convolutional network that read the cheques of American banks (LeCun et al., 1998).",
        layers=(
            "conv 6 5 same, tanh, average pool, conv 16 5, tanh, average pool, flatten, dense 120, tanh, "
            "dense 84, tanh, output softmax"
        ),
        batch_size=64,
        learning_rate=0.003,
        recipe=(10, True),
        schedule="decay",
    ),
    "cnn": ModelInfo(
        title="CNN",
        about="A small convolutional network that looks for strokes anywhere in the image.",
        layers=CONVOLUTIONAL.format(16, 32, 128),
        batch_size=96,
        learning_rate=0.01,
        schedule="decay",
    ),
    "best": ModelInfo(
        title="Best",
        about="A wider CNN with dropout and averaged weights. Most accurate with augmentation and 20 epochs.",
        layers=CONVOLUTIONAL.format(32, 64, 96),
        batch_size=128,
        learning_rate=0.005,
        dropout=0.3,
        recipe=(20, True),
        schedule="decay",
        averages=True,
    ),
}
