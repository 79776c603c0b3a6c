"""A look inside a run's network: what each unit says of an image, what it is made of, and which pixels decide.

Everything is calculated from the run's weights in NumPy, without TensorFlow, for any epoch whose weights are kept.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from core.data.classes import DIGITS
from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE
from core.interpretability import numpy_network as layers
from core.interpretability.saliency import occlusion_map
from core.layers import ACTIVATIONS
from core.network import Block, Network, padding
from core.runs import RunView
from core.runs.starter import FOLDER as STARTER
from core.runs.weights import Weights, kept_epochs, read_file, weights_path
from core.storage import until_changed

IMAGES, LOGITS, PROBABILITIES = "images", "logits", "probabilities"  # what stands before and behind the layers
MOST_NUMBERS = 2**21  # in memory at once, of all layers of a chunk of images
MOST_IMAGES = 512  # in a chunk
FEW_IMAGES = 4  # whose numbers of all layers fit into the processor's cache
STEPS = (32, 128, 512)  # of integrated gradients: more where the sum is not reached
NEAR_ENOUGH = 1e-3  # of the number that is explained, or of 1 where that is more

Steps = list[tuple[Block, np.ndarray, np.ndarray]]  # layers with their input and output for n images
Target = int | tuple[int, int]  # a digit, or two: what speaks for the first and against the second


def load_inside(run: RunView, epoch: int | None = None) -> Inside | None:
    """The network of a run after `epoch` (0: before the first batch) or, without one, the newest; it is kept in memory.

    Returns:
        None where its weights are not there; `why_not` says why.
    """
    path, config = weights_path(run, epoch), run.config
    if path is None or config is None:
        return None
    try:
        return _load(path, config.layers, config.pixels)
    except OSError:
        return None


@until_changed(maxsize=32)
def _load(path: Path, network: Network, pixels: str) -> Inside | None:
    kept = read_file(path, network)
    return Inside(network, kept.weights, pixels=pixels, epoch=kept.epoch) if kept else None


def weight_epochs(run: RunView) -> list[int]:
    """The epochs whose weights are kept, in order; 0 is before the first batch. [] where only the newest are."""
    return kept_epochs(run.path) if not run.too_new else []


def why_not(run: RunView, epoch: int | None = None) -> str:
    """Why `load_inside` finds nothing and what to do, in words; "" where it finds the weights."""
    if run.too_new or load_inside(run, epoch) is not None:
        return run.too_new
    if run.config is None:
        return run.unusable
    if weights_path(run, epoch) is not None:
        return f"The weights of {run.name} are damaged. Train it again, or choose another epoch or run."
    if epoch is not None and weight_epochs(run):
        return f"The weights after epoch {epoch:,} were not kept. Choose another epoch."
    if run.imported:
        return f"{run.name} was imported without its weights. Pack it again with this version, or choose another run."
    if run.state.is_active:
        return "The weights appear as soon as training begins."
    if run.has_model:
        return f"{run.name} has its model, but not the weights of its layers. Choose a run that was trained here."
    return f"{run.name} has not been trained yet."


def only_newest(run: RunView) -> str:
    """Why only the newest weights can be shown and no earlier epoch's, in words; "" where there are others."""
    if weight_epochs(run):
        return ""
    if run.imported:
        return f"{run.name} was imported with its newest weights only."
    if run.path == STARTER:
        return "The starter is shipped with its final weights only."
    return f"{run.name} keeps its newest weights only: it was trained by an earlier version, or is very large."


@dataclass(frozen=True, eq=False)
class Contributions:
    """How much each pixel adds to a logit, or to the difference of two: `pixels`.sum() + `offset` + `error` = `value`.

    Attributes:
        pixels: float32 (28, 28).
        offset: what is there without any pixel: where `exact` by the biases of the units that are on, otherwise what a
            black image gets.
        value: the logit, or the first minus the second.
        error: what the sum leaves out: rounding where `exact`, otherwise the error of the numerical integral.
        template: what the network is for this image where it is piecewise linear, float32 (28, 28): the gradient, by
            which each scaled pixel is multiplied, also of every image so near that the same units are on. In dense
            layers with ReLU it is the product of the weight matrices over the units that are on. None for other
            networks, whose contributions are integrated gradients from a black image (Sundararajan et al., 2017).
    """

    pixels: np.ndarray
    offset: float
    value: float
    error: float
    template: np.ndarray | None = None

    @property
    def exact(self) -> bool:
        """Whether they add up without an integral, since the network is piecewise linear."""
        return self.template is not None


@dataclass(frozen=True, eq=False)
class Unit:
    """One unit and how its number comes about.

    Attributes:
        layer: its layer's name; `index` its place there, (unit,) or (row, column, channel).
        value: what it puts out, of the output layer the logit.
        source: the layer that its inputs come from, past flatten and dropout; "images" for the scaled pixels.
        inputs: what it gets, float32: the whole source, its window of it (height, width, channels), or one number ().
        weights: of `inputs`' shape, None where it multiplies by none (activations, the largest of a pool).
        bias: what is added; of a normalisation its shift.
        picture: its weights as a picture (28, 28) or kernel (side, side) where its input is the image, otherwise None.
        square: the part of the image it depends on: top, left and side in pixels; it may reach over the edge.
        template: float32 (28, 28), the gradient of `value` with respect to the scaled pixels of this image.
        goes_to: the next layer with weights, "" where there is none or a pool leaves this unit out.
        outgoing: the weights there that this unit's number, or its channel's, is multiplied by; (units,) of a dense
            layer, (side, side, filters) of a convolution; otherwise None.
    """

    layer: str
    index: tuple[int, ...]
    kind: str
    value: float
    source: str
    inputs: np.ndarray
    weights: np.ndarray | None
    bias: float
    picture: np.ndarray | None
    square: tuple[float, float, float]
    template: np.ndarray
    goes_to: str
    outgoing: np.ndarray | None

    @property
    def products(self) -> np.ndarray | None:
        """Each input times its weight: with the bias they add up to `value`. None where there are no weights."""
        return None if self.weights is None else self.inputs * self.weights


class Inside:
    """A network with the weights of one moment, to be looked into. Threads may share it.

    Attributes:
        network: its layers.
        weights: float32 by the names of layer and weight ("dense_1", "kernel"); not to be changed.
        epoch: after which the weights were taken, None where that is not known.
        pixels: "0-1" or "0-255", what its first layer gets.
    """

    def __init__(self, network: Network, weights: Weights, *, pixels: str = "0-1", epoch: int | None = None) -> None:
        self.network = network
        self.weights = weights
        self.pixels = pixels
        self.epoch = epoch
        self._scale = np.float32(1 / 255 if pixels == "0-1" else 1)
        self._places = {block.name: place for place, block in enumerate(network.blocks)}
        self._excited: tuple[np.ndarray, dict[str, np.ndarray]] | None = None  # images, and numbers (n, units) by layer
        self._exciting = threading.Lock()

    @property
    def piecewise_linear(self) -> bool:
        """Whether its logits are linear in the pixels around each image, so that contributions are exact."""
        return not any(block.layer.kind in layers.CURVED for block in self.network.blocks)

    @property
    def linear(self) -> bool:
        """Whether its logits are linear in the pixels of all images, so that one template is that of each image."""
        return all(
            layer.average if layer.kind in ("pool", "global pool") else layer.kind not in ACTIVATIONS
            for layer in (block.layer for block in self.network.blocks)
        )

    # Forwards

    def activations(self, images: np.ndarray, only: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """What every layer puts out, float32 (n, *shape) by its name.

        First come "images", the scaled pixels (n, 28, 28, 1), last "logits" and "probabilities" (n, classes).
        "output" is what the output layer puts out, after softmax or sigmoid; the probabilities are the softmax of the
        logits.

        Args:
            images: uint8 (n, 28, 28).
            only: names to be calculated and kept, all if not said: of 10,000 images all layers of a convolutional
                network have gigabytes.

        Raises:
            ValueError: for images of another dtype or shape, or a name that no layer has.
        """
        _check_images(images)
        order = [IMAGES, *self._places, LOGITS, PROBABILITIES]
        if unknown := set(only or ()) - set(order):
            raise ValueError(f"The network has no layer {sorted(unknown)[0]!r}, only {', '.join(order)}.")
        names = [name for name in order if only is None or name in only]
        found = {name: np.empty((len(images), *self._shape(name)), np.float32) for name in names}
        for part in self._chunks(len(images)):
            for name, values in self._forward(self._scaled(images[part]), last=names[-1] if names else IMAGES):
                if name in found:
                    found[name][part] = values
        return found

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Float32 (n, classes), the numbers before softmax or sigmoid, for uint8 (n, 28, 28)."""
        return self.activations(images, (LOGITS,))[LOGITS]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float32 (n, classes), rows summing to 1, for uint8 (n, 28, 28)."""
        return self.activations(images, (PROBABILITIES,))[PROBABILITIES]

    def _forward(self, x: np.ndarray, last: str = PROBABILITIES) -> Iterator[tuple[str, np.ndarray]]:
        """Name and output of each layer for scaled pixels (n, 28, 28, 1), to `last`."""
        yield IMAGES, x
        for block in self.network.blocks:
            if last == IMAGES:
                return
            x = layers.forward(block, x, self.weights.get(block.name, {}))
            if block.layer.kind != "output":
                yield block.name, x
                if block.name == last:
                    return
        probabilities = layers.softmax(x)
        output = probabilities if self.network.activation == "softmax" else layers.activation("sigmoid", x)
        yield self.network.blocks[-1].name, output
        yield LOGITS, x
        yield PROBABILITIES, probabilities

    def _scaled(self, images: np.ndarray) -> np.ndarray:
        return images[..., np.newaxis].astype(np.float32) * self._scale

    def _shape(self, name: str) -> tuple[int, ...]:
        if name == IMAGES:
            return (*IMAGE_SHAPE, 1)
        return (
            (self.network.classes,)
            if name in (LOGITS, PROBABILITIES)
            else self.network.blocks[self._places[name]].shape
        )

    def _chunks(self, count: int) -> Iterator[slice]:
        numbers, channels = self.network.activations, 1
        for block in self.network.blocks:
            numbers, channels = max(numbers, layers.windows_size(block, channels)), block.shape[-1]
        size = max(1, min(MOST_IMAGES, MOST_NUMBERS // numbers))
        for first in range(0, count, size):
            yield slice(first, first + size)

    # Backwards

    def gradient(self, image: np.ndarray, target: Target) -> np.ndarray:
        """The gradient of a digit's logit, or of the first minus the second, with respect to the scaled pixels.

        Args:
            image: uint8 (28, 28).
            target: a digit, or two digits.

        Returns:
            float32 (28, 28).
        """
        return self._back(self._steps(self._one(image)), _direction(target, self.network.classes)).gradient

    def contributions(self, image: np.ndarray, digit: int, against: int | None = None) -> Contributions:
        """What each pixel adds to the logit of `digit` or, with `against`, to how far that is above another's.

        Exact for piecewise linear networks; otherwise by integrated gradients, with as many steps as its sum needs.
        """
        x, direction = (
            self._one(image),
            _direction(digit if against is None else (digit, against), self.network.classes),
        )
        back = self._back(self._steps(x), direction)
        if self.piecewise_linear:
            pixels, error = back.gradient * x[0, ..., 0], back.value - back.offset - back.sum
            return Contributions(pixels, back.offset, back.value, error, template=back.gradient)
        offset = float(self.logits(np.zeros((1, *IMAGE_SHAPE), np.uint8))[0] @ direction)
        for steps in STEPS:
            pixels = self._integrated(x, direction, steps)
            error = back.value - offset - float(pixels.sum(dtype=np.float64))
            if abs(error) <= NEAR_ENOUGH * max(1.0, abs(back.value)):
                break
        return Contributions(pixels, offset, back.value, error)

    def _integrated(self, x: np.ndarray, direction: np.ndarray, steps: int) -> np.ndarray:
        """Pixels times the mean gradient on the straight way from black to the image, at the middle of each step."""
        total = np.zeros(IMAGE_SHAPE, np.float64)
        for part in self._chunks(steps):
            shares = (np.arange(part.start, min(part.stop, steps), dtype=np.float32) + 0.5) / steps
            gradients = self._back(self._steps(x * shares[:, None, None, None]), direction).gradients
            total += gradients.sum(axis=(0, 3), dtype=np.float64)
        return (x[0, ..., 0] * total / steps).astype(np.float32)

    def occlusion(self, image: np.ndarray, digit: int, size: int = 5) -> np.ndarray:
        """How much probability of `digit` hangs on each pixel, float64 (28, 28): core.interpretability.saliency."""
        return occlusion_map(self, image, digit, patch=size, stride=max(1, size // 2))

    def _steps(self, x: np.ndarray, name: str = LOGITS) -> Steps:
        """Each layer with its input and its output for scaled pixels (n, 28, 28, 1), to the layer `name`."""
        steps = []
        for block in self.network.blocks:
            y = layers.forward(block, x, self.weights.get(block.name, {}))
            steps.append((block, x, y))
            x = y
            if block.name == name:
                break
        return steps

    def _back(self, steps: Steps, direction: np.ndarray) -> _Back:
        """The gradient of Σ `direction` · the last layer's output, back to the scaled pixels."""
        start, last = steps[0][1], steps[-1][2]
        gradient = np.broadcast_to(direction.astype(last.dtype), last.shape)
        values, offset = (last * gradient).reshape(len(last), -1).sum(axis=1), 0.0
        for block, x, y in reversed(steps):
            weights = self.weights.get(block.name, {})
            offset += layers.offset(block, gradient[:1], weights)
            gradient = layers.backward(block, x, y, gradient, weights)
        return _Back(start, values, gradient, offset)

    def _one(self, image: np.ndarray) -> np.ndarray:
        _check_images(image[np.newaxis])
        return self._scaled(image[np.newaxis])

    # One unit

    def unit(self, image: np.ndarray, layer: str, index: int | tuple[int, ...]) -> Unit:
        """A unit of a layer at work on an image uint8 (28, 28).

        Args:
            image: the image.
            layer: the layer's name; "output", "logits" and "probabilities" are all the unit of the output layer.
            index: its place, (unit,) or (row, column, channel); a number is the place in the flattened output.

        Raises:
            ValueError: for a layer or unit that there is not.
        """
        name = self.network.blocks[-1].name if layer in (LOGITS, PROBABILITIES) else layer
        if name not in self._places:
            raise ValueError(f"The network has no layer {layer!r}, only {', '.join(self._places)}.")
        block = self.network.blocks[self._places[name]]
        index = _index(index, block)
        direction = np.zeros(block.shape, np.float32)
        direction[index] = 1
        steps = self._steps(self._one(image), name)
        back = self._back(steps, direction)
        source, values = _source(steps)
        inputs, weights, bias = _at_work(block, index, values, self.weights.get(name, {}))
        picture = weights[..., 0] if weights is not None and source == IMAGES and weights.ndim == 3 else None
        goes_to, outgoing = self._outgoing(self._places[name] + 1, index)
        return Unit(
            layer=name,
            index=index,
            kind=block.layer.kind,
            value=back.value,
            source=source,
            inputs=inputs,
            weights=weights,
            bias=bias,
            picture=picture,
            square=_square(block, index),
            template=back.gradient,
            goes_to=goes_to,
            outgoing=outgoing,
        )

    def _outgoing(self, place: int, index: tuple[int, ...]) -> tuple[str, np.ndarray | None]:
        """The next layer with a kernel, and the weights of it that the unit at `index` of the layer before meets."""
        shape = self.network.blocks[place - 1].shape
        for block in self.network.blocks[place:]:
            layer = block.layer
            if layer.kind in ("dense", "output"):
                return block.name, self.weights[block.name]["kernel"][index[0]]
            if layer.kind == "conv":
                return block.name, self.weights[block.name]["kernel"][:, :, index[-1]]
            if layer.kind == "flatten":
                index = (int(np.ravel_multi_index(index, shape)),)
            elif layer.kind == "global pool":
                index = index[-1:]
            elif layer.kind == "pool":
                index = (index[0] // layer.stride, index[1] // layer.stride, index[2])
                if max(index[:2]) >= block.shape[0]:
                    return "", None
            shape = block.shape
        return "", None

    def knows(self, images: np.ndarray) -> bool:
        """Whether `most_exciting` answers at once for these images, uint8 (n, 28, 28)."""
        return self._excited is not None and _is_same(self._excited[0], images)

    def most_exciting(
        self, images: np.ndarray, layer: str, index: int | tuple[int, ...], count: int = 16
    ) -> tuple[np.ndarray, np.ndarray]:
        """The images for which a unit, or a channel anywhere in its picture, puts out most.

        All layers are calculated at once and kept, so that the next unit answers at once.

        Args:
            images: uint8 (n, 28, 28).
            layer: the layer's name.
            index: the unit, or the channel of a picture; of a tuple the last number is that.
            count: how many, at most n.

        Returns:
            Their places int64 (count,) in `images`, the most exciting first, and float32 (count,) what it puts out.
        """
        with self._exciting:
            if not self.knows(images):
                self._excited = images, self._strengths(images)
            values = self._excited[1][layer]
        ours = values[:, index[-1] if isinstance(index, tuple) else index]
        order = np.argsort(-ours, kind="stable")[:count]
        return order, ours[order]

    def _strengths(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """What each unit puts out for each image, at most over its picture, float32 (n, units) by layer."""
        found: dict[str, list[np.ndarray]] = {}
        with one_thread():
            for first in range(0, len(images), FEW_IMAGES):
                for name, values in self.activations(images[first : first + FEW_IMAGES]).items():
                    found.setdefault(name, []).append(values.max(axis=(1, 2)) if values.ndim == 4 else values)
        return {name: np.concatenate(parts) for name, parts in found.items()}


def one_thread() -> AbstractContextManager:
    """Small matrices are multiplied by one thread: several wait for each other, long on a busy machine."""
    return threadpool_limits(1, user_api="blas")


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays are the same place in memory, as two equal slices of an array are."""
    return one.__array_interface__ == other.__array_interface__


def _source(steps: Steps) -> tuple[str, np.ndarray]:
    """The layer before the last of `steps`, past flatten and dropout, and its output for the first image."""
    name, values = IMAGES, steps[0][1]
    for block, _, y in steps[:-1]:
        if block.layer.kind not in ("flatten", "dropout"):
            name, values = block.name, y
    return name, values[0]


@dataclass(frozen=True, eq=False)
class _Back:
    """A number of n images and its gradient: scaled pixels `x` (n, 28, 28, 1), values (n,), gradients like `x`.

    The offset, of the first image, is what the biases add to it, as far as the network is piecewise linear.
    """

    x: np.ndarray
    values: np.ndarray
    gradients: np.ndarray
    offset: float

    @property
    def value(self) -> float:
        return float(self.values[0])

    @property
    def gradient(self) -> np.ndarray:
        return self.gradients[0, ..., 0]

    @property
    def sum(self) -> float:
        """Of gradient times pixels, of the first image."""
        return float(np.sum(self.gradients[0] * self.x[0], dtype=np.float64))


def _at_work(
    block: Block, index: tuple[int, ...], values: np.ndarray, weights: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray | None, float]:
    """Inputs, weights (None where there are none) and bias of a unit, of the output of its source for one image."""
    layer = block.layer
    bias = float(weights["bias"][index[-1]]) if block.bias else 0.0
    match layer.kind:
        case "dense" | "output":
            return values, weights["kernel"][:, index[0]].reshape(values.shape), bias
        case "conv" | "pool":
            before, behind = padding(layer, values.shape[0])
            padded = np.pad(values, ((before, behind), (before, behind), (0, 0)))
            row, column = index[0] * layer.stride, index[1] * layer.stride
            window = padded[row : row + layer.window, column : column + layer.window]
            if layer.kind == "conv":
                return window, weights["kernel"][..., index[2]], bias
            window = window[..., index[2]]
            return window, np.full(window.shape, 1 / window.size, np.float32) if layer.average else None, 0.0
        case "global pool":
            channel = values[..., index[0]]
            return channel, np.full(channel.shape, 1 / channel.size, np.float32) if layer.average else None, 0.0
    number = values.reshape(block.shape)[index]
    if layer.kind == "norm":
        factor = layers.norm_factor(weights)[index[-1]]
        shift = float(weights["beta"][index[-1]] - weights["mean"][index[-1]] * factor)
        return np.asarray(number), np.asarray(factor), shift
    return np.asarray(number), None, 0.0


def _square(block: Block, index: tuple[int, ...]) -> tuple[float, float, float]:
    """Top, left and side, in pixels, of the part of the image that a unit depends on."""
    if len(index) != 3 or block.sees >= IMAGE_SIDE:
        return 0.0, 0.0, float(IMAGE_SIDE)
    top, left = (block.start + place * block.step - block.sees / 2 for place in index[:2])
    return top, left, float(block.sees)


def _index(index: int | tuple[int, ...], block: Block) -> tuple[int, ...]:
    size = int(np.prod(block.shape))
    if not isinstance(index, tuple):
        if not 0 <= index < size:
            raise ValueError(f"{block.name} has units 0 to {size - 1:,}, not {index}.")
        return tuple(int(place) for place in np.unravel_index(index, block.shape))
    if len(index) != len(block.shape) or any(not 0 <= at < most for at, most in zip(index, block.shape, strict=True)):
        raise ValueError(f"{block.name} has the shape {block.shape}, so it has no unit {index}.")
    return tuple(int(place) for place in index)


def _direction(target: Target, classes: int) -> np.ndarray:
    """What the logits are multiplied by, so that their sum is the target: 1 for it, -1 for what it is held against."""
    digits = target if isinstance(target, tuple) else (target,)
    direction = np.zeros(classes, np.float32)
    for digit, sign in zip(digits, (1, -1), strict=False):
        if digit not in range(classes):
            what = "digit" if classes == len(DIGITS) else "class"
            raise ValueError(f"A {what} is 0 to {classes - 1}, not {digit}.")
        direction[digit] += sign
    return direction


def _check_images(images: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE:
        raise ValueError(f"Images must be uint8 (n, 28, 28), not {images.dtype} {images.shape}.")
