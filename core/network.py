"""What layers make of a picture: shapes, parameters, multiplications and receptive fields, without TensorFlow."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from core.drawing.mnist_form import IMAGE_SIDE as SIDE
from core.layers import CLASSES, Layer, NetworkError, read_layers

MOST_PARAMETERS = 40_000_000  # with Adam's two averages and a copy for the checkpoint about 1 GB
MOST_MULTIPLICATIONS = 100_000_000  # an image: an epoch of 60,000 takes about five minutes on two processor cores
MULTIPLICATIONS_A_SECOND = 20e9  # in training, forwards and back counted as one: two cores, small convolutions


@dataclass(frozen=True)
class Block:
    """A layer in its network, counted.

    Attributes:
        layer: the layer.
        name: its name in the Keras model and in the outputs of an exported one: "dense_1", "relu_2", "output".
        shape: of one image's output: (height, width, channels) or (units,).
        parameters: numbers that it has, those that normalisation only keeps included, as Keras counts.
        multiplications: of one image, in convolutions and dense layers.
        bias: whether a dense layer or convolution has one; it has none where a normalisation would take it out again.
        sees: side in pixels of the square of the image that one of its units depends on, at most the whole.
        step: pixels between the squares of neighbouring units.
        start: pixels from the image's edge to the middle of the first unit's square.
    """

    layer: Layer
    name: str
    shape: tuple[int, ...]
    parameters: int = 0
    multiplications: int = 0
    bias: bool = False
    sees: int = SIDE
    step: int = 0
    start: float = SIDE / 2


@dataclass(frozen=True)
class Network:
    """A network that can be trained: `text` in its usual form, and `blocks`, one for each layer."""

    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """The network as text, always the same for the same layers."""
        return ", ".join(block.layer.text for block in self.blocks)

    @property
    def parameters(self) -> int:
        """How many numbers it has, as Keras counts."""
        return sum(block.parameters for block in self.blocks)

    @property
    def multiplications(self) -> int:
        """How many an image takes."""
        return sum(block.multiplications for block in self.blocks)

    @property
    def activations(self) -> int:
        """How many numbers all layers put out for one image."""
        return sum(math.prod(block.shape) for block in self.blocks)

    @property
    def sees_pictures(self) -> bool:
        """Whether a layer works on pictures: it has convolutions or pools."""
        return any(block.layer.kind in ("conv", "pool", "global pool") for block in self.blocks)

    @property
    def has_convolutions(self) -> bool:
        """Whether a layer looks for the same small patterns in all places."""
        return any(block.layer.kind == "conv" for block in self.blocks)

    @property
    def classes(self) -> int:
        """How many classes it tells apart, 10 for digits."""
        return self.blocks[-1].shape[-1]

    @property
    def activation(self) -> str:
        """Of the output: "softmax" or "sigmoid"."""
        return self.blocks[-1].layer.activation


@lru_cache(maxsize=256)
def read_network(text: str, classes: int = CLASSES) -> Network:
    """The network that a text names, with an output for each of so many classes.

    Raises:
        NetworkError: where a layer is not understood, does not fit the one before it, or the whole is too large.

    Example:
        >>> network = read_network("Flatten; Dense(100, activation='relu'); output softmax")
        >>> network.text, network.parameters
        ('flatten, dense 100, relu, output softmax', 79510)
    """
    return count(read_layers(text, classes), classes)


def count(layers: tuple[Layer, ...], classes: int = CLASSES) -> Network:
    """A network of these layers and so many classes, with the shape, parameters and multiplications of each layer.

    Raises:
        NetworkError: where a layer does not fit the one before it, or the whole is too large.
    """
    kinds = [layer.kind for layer in layers]
    if "output" not in kinds:
        end = ", ".join(layer.text for layer in _ended(layers, classes)[-3:])
        raise NetworkError(f'A network ends in "output softmax" or "output sigmoid". End it so: "{end}".')
    if (first := kinds.index("output")) != len(kinds) - 1:
        place = f'Layer {first + 1}, "{layers[first].text}"'
        raise NetworkError(f"{place}: the output is the last layer. Move it to the end, or remove what follows.")
    blocks: list[Block] = []
    before = Block(Layer("input"), "images", (SIDE, SIDE, 1), sees=1, step=1, start=0.5)
    numbers: dict[str, int] = {}
    for position, layer in enumerate(layers):
        place = f'Layer {position + 1}, "{layer.text}"'
        numbers[layer.kind] = numbers.get(layer.kind, 0) + 1
        before = _count_layer(layer, before, classes, _has_bias(layers[position:]), place)
        name = layer.kind.replace(" ", "_")
        before = replace(before, name=name if layer.kind == "output" else f"{name}_{numbers[layer.kind]}")
        blocks.append(before)
        if math.prod(before.shape) > MOST_PARAMETERS or before.parameters > MOST_PARAMETERS:
            raise NetworkError(
                f"{place} has {_millions(max(before.parameters, math.prod(before.shape)))} parameters, more than this "
                f"program trains ({_millions(MOST_PARAMETERS)}). Use fewer units or filters, or pool before it."
            )
    network = Network(tuple(blocks))
    _check_size(network)
    return network


def _ended(layers: tuple[Layer, ...], classes: int) -> tuple[Layer, ...]:
    """Layers without an output as a network that ends in one, in the place of a last dense layer of as many units.

    Raises:
        NetworkError: where the layers do not fit each other, whatever their end.
    """
    kept = layers[:-1] if layers[-1:] == (Layer("dense", classes),) else layers
    output = Layer("output", activation="softmax")
    try:
        count((*kept, output), classes)
    except NetworkError:
        flat = (*kept, Layer("flatten"), output)
        with suppress(NetworkError):
            count(flat, classes)
            return flat
        raise
    return (*kept, output)


def _has_bias(layers: tuple[Layer, ...]) -> bool:
    """Whether the first of `layers` has a bias; a normalisation behind it, past pools and flatten, takes it out."""
    behind = next((layer.kind for layer in layers[1:] if layer.kind not in ("pool", "global pool", "flatten")), "")
    return layers[0].kind == "output" or (layers[0].kind in ("dense", "conv") and behind != "norm")


def _count_layer(layer: Layer, before: Block, classes: int, bias: bool, place: str) -> Block:
    shape = before.shape
    block = replace(before, layer=layer, parameters=0, multiplications=0, bias=bias)
    whole = {"sees": SIDE, "step": 0, "start": SIDE / 2}
    match layer.kind:
        case "dense" | "output":
            if len(shape) != 1:
                raise NetworkError(
                    f'{place} needs a row of numbers, but gets {in_words(shape)}. Put "flatten" before it.'
                )
            units = layer.size or classes
            work = shape[0] * units
            return replace(block, shape=(units,), parameters=work + bias * units, multiplications=work, **whole)
        case "conv" | "pool":
            side = _side_behind(layer, shape, place)
            window = {
                "sees": min(SIDE, before.sees + (layer.window - 1) * before.step),
                "step": before.step * layer.stride,
                "start": before.start + ((layer.window - 1) / 2 - padding(layer, shape[0])[0]) * before.step,
            }
            if layer.kind == "pool":
                return replace(block, shape=(side, side, shape[2]), **window)
            weights = layer.window**2 * shape[2] * layer.size
            return replace(
                block,
                shape=(side, side, layer.size),
                parameters=weights + bias * layer.size,
                multiplications=weights * side**2,
                **window,
            )
        case "flatten":
            if len(shape) == 1:
                raise NetworkError(f"{place}: its input is a row of numbers already. Remove it.")
            return replace(block, shape=(math.prod(shape),))
        case "global pool":
            if len(shape) == 1:
                raise NetworkError(
                    f"{place} needs a picture, but gets a row of numbers. Put it in the place of flatten."
                )
            return replace(block, shape=shape[2:], **whole)
        case "norm":
            return replace(block, parameters=4 * shape[-1])
    return block


def _side_behind(layer: Layer, shape: tuple[int, ...], place: str) -> int:
    """The side of the picture that a convolution or pool puts out."""
    if len(shape) == 1:
        raise NetworkError(f"{place} needs a picture, but gets a row of numbers. Put it before flatten.")
    if layer.same:
        return -(-shape[0] // layer.stride)
    if layer.window > shape[0]:
        what = "kernel" if layer.kind == "conv" else "pool"
        padded = ', "same"' if layer.kind == "conv" else ""
        raise NetworkError(
            f"{place}: its {what} is {layer.window} × {layer.window}, but the picture is only {shape[0]} × {shape[1]} "
            f"there. Use a smaller {what}{padded} or less pooling before it."
        )
    return (shape[0] - layer.window) // layer.stride + 1


def padding(layer: Layer, side: int) -> tuple[int, int]:
    """Pixels that a convolution adds before and behind each row and column of a picture of `side`, as TensorFlow."""
    if not layer.same:
        return 0, 0
    both = max(0, (-(-side // layer.stride) - 1) * layer.stride + layer.window - side)
    return both // 2, both - both // 2


def _check_size(network: Network) -> None:
    """Raise NetworkError where the whole has too many parameters or takes too long."""
    largest = max(network.blocks, key=lambda block: block.parameters)
    if network.parameters > MOST_PARAMETERS:
        raise NetworkError(
            f"The network has {_millions(network.parameters)} parameters, more than this program trains "
            f'({_millions(MOST_PARAMETERS)}); "{largest.layer.text}" has most of them. Use fewer units, or pool more.'
        )
    slowest = max(network.blocks, key=lambda block: block.multiplications)
    if network.multiplications > MOST_MULTIPLICATIONS:
        minutes = network.multiplications * 60_000 / MULTIPLICATIONS_A_SECOND / 60
        raise NetworkError(
            f"An image takes {_millions(network.multiplications)} multiplications, so that an epoch would take about "
            f'{minutes:,.0f} minutes; "{slowest.layer.text}" has most of them. Use fewer filters, or pool before it.'
        )


def in_words(shape: tuple[int, ...]) -> str:
    """A shape as "24 × 24 × 16" or "100"."""
    return " × ".join(f"{number:,}" for number in shape)


def _millions(number: int) -> str:
    return f"{number / 1e6:,.0f} million"
