"""A network's layers in NumPy, forwards and backwards, as Keras calculates them when nothing is trained.

Each function takes arrays of n images, (n, height, width, channels) or (n, units), and keeps their dtype. The layers
are those of core.layers; Keras is what the tests hold them against.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.layers import Layer
from core.network import Block, padding

EPSILON = 1e-3  # that Keras' batch normalisation adds to the variance
SLOPE = 0.2  # of Keras' leaky ReLU, below 0
MOST_NUMBERS = 2**23  # of the windows of a convolution in memory at once

CURVED = {"elu", "gelu", "tanh", "sigmoid"}  # all other layers are linear, or consist of linear pieces

Arrays = Mapping[str, np.ndarray]


def forward(block: Block, x: np.ndarray, weights: Arrays) -> np.ndarray:
    """What a layer makes of its input; of the output layer the logits, before softmax or sigmoid."""
    layer = block.layer
    match layer.kind:
        case "dense" | "output":
            y = x @ weights["kernel"]
            return y + weights["bias"] if block.bias else y
        case "conv":
            y = _convolve(_padded(x, layer), weights["kernel"], layer.stride)
            return y + weights["bias"] if block.bias else y
        case "pool":
            if layer.average:
                return _windows(x, layer.window, layer.stride).mean(axis=(4, 5))
            return _largest_of_windows(x, layer.window, layer.stride)
        case "global pool":
            return x.mean(axis=(1, 2)) if layer.average else x.max(axis=(1, 2))
        case "flatten":
            return x.reshape(len(x), -1)
        case "norm":
            factor = norm_factor(weights)
            return x * factor + (weights["beta"] - weights["mean"] * factor)
        case "dropout":
            return x
    return activation(layer.kind, x)


def backward(block: Block, x: np.ndarray, y: np.ndarray, gradient: np.ndarray, weights: Arrays) -> np.ndarray:
    """The gradient of a number with respect to a layer's input, of the shape of `x`.

    Args:
        block: the layer.
        x: its input.
        y: its output, of the output layer the logits.
        gradient: of the number with respect to `y`, of its shape.
        weights: of the layer.
    """
    layer = block.layer
    match layer.kind:
        case "dense" | "output":
            return gradient @ weights["kernel"].T
        case "conv":
            kernel = weights["kernel"]
            size, _, channels, filters = kernel.shape
            parts = (gradient.reshape(-1, filters) @ kernel.reshape(-1, filters).T).reshape(
                *gradient.shape[:3], size, size, channels
            )
            return _add_windows(parts, x.shape, layer)
        case "pool":
            if layer.average:
                share = (gradient / layer.window**2)[:, :, :, None, None]
                parts = np.broadcast_to(share, (*gradient.shape[:3], layer.window, layer.window, gradient.shape[3]))
            else:
                windows = np.moveaxis(_windows(x, layer.window, layer.stride), 3, 5)
                parts = _at_first_largest(windows, gradient)
            return _add_windows(parts, x.shape, layer)
        case "global pool":
            if layer.average:
                return np.broadcast_to(gradient[:, None, None] / math.prod(x.shape[1:3]), x.shape)
            return _at_first_largest(x[:, None, None], gradient[:, None, None])[:, 0, 0]
        case "flatten":
            return gradient.reshape(x.shape)
        case "norm":
            return gradient * norm_factor(weights)
        case "dropout":
            return gradient
    return gradient * slope(layer.kind, x, y)


def offset(block: Block, gradient: np.ndarray, weights: Arrays) -> float:
    """What a layer's bias, or a normalisation's shift, adds to a number with this gradient at the layer's output."""
    if block.layer.kind == "norm":
        shift = weights["beta"] - weights["mean"] * norm_factor(weights)
    elif block.bias:
        shift = weights["bias"]
    else:
        return 0.0
    return float(np.sum(gradient * shift, dtype=np.float64))


def norm_factor(weights: Arrays) -> np.ndarray:
    """What a trained batch normalisation multiplies each channel by: γ / √(variance + 0.001)."""
    return weights["gamma"] / np.sqrt(weights["variance"] + weights["variance"].dtype.type(EPSILON))


def activation(kind: str, x: np.ndarray) -> np.ndarray:
    """An activation of core.layers of each number."""
    match kind:
        case "relu":
            return np.maximum(x, 0)
        case "leaky relu":
            return np.where(x > 0, x, x.dtype.type(SLOPE) * x)
        case "elu":
            return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        case "gelu":
            return x * _normal_share(x)
        case "tanh":
            return np.tanh(x)
        case "sigmoid":
            return 0.5 * (1 + np.tanh(0.5 * x))  # which never overflows
    raise ValueError(f"{kind} is not an activation.")


def slope(kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The derivative of an activation at `x`, where it puts out `y`; of ReLU at 0 it is 0, as in TensorFlow."""
    match kind:
        case "relu":
            return (x > 0).astype(x.dtype)
        case "leaky relu":
            return np.where(x > 0, x.dtype.type(1), x.dtype.type(SLOPE))
        case "elu":
            return np.where(x > 0, x.dtype.type(1), y + 1)
        case "gelu":
            return _normal_share(x) + x * np.exp(-0.5 * x * x) / x.dtype.type(math.sqrt(2 * math.pi))
        case "tanh":
            return 1 - y * y
        case "sigmoid":
            return y * (1 - y)
    raise ValueError(f"{kind} is not an activation.")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) of logits (n, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def windows_size(block: Block, channels: int) -> int:
    """How many numbers the windows of a convolution have for one image; 0 for other layers."""
    if block.layer.kind != "conv":
        return 0
    return block.shape[0] * block.shape[1] * block.layer.window**2 * channels


def _padded(x: np.ndarray, layer: Layer) -> np.ndarray:
    around = padding(layer, x.shape[1])
    return np.pad(x, ((0, 0), around, around, (0, 0))) if any(around) else x


def _windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """All windows of pictures (n, h, w, c), a view (n, rows, columns, c, size, size)."""
    return sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]


def _convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """One product of matrices: each window as a row, each filter as a column; in parts where they are many."""
    size, filters = kernel.shape[0], kernel.shape[3]
    windows = _windows(x, size, stride).transpose(0, 1, 2, 4, 5, 3)  # a row of a window is one piece of memory
    n, rows, columns = windows.shape[:3]
    flat_kernel = kernel.reshape(-1, filters)
    at_once = max(1, MOST_NUMBERS // (n * columns * len(flat_kernel)))
    if at_once >= rows:
        return (windows.reshape(-1, len(flat_kernel)) @ flat_kernel).reshape(n, rows, columns, filters)
    y = np.empty((n, rows, columns, filters), np.result_type(x, kernel))
    for first in range(0, rows, at_once):
        part = windows[:, first : first + at_once]
        y[:, first : first + at_once] = (part.reshape(-1, len(flat_kernel)) @ flat_kernel).reshape(
            n, -1, columns, filters
        )
    return y


def _largest_of_windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """The largest number of each window, by comparing whole pictures: far faster than a maximum of each window."""
    rows = (x.shape[1] - size) // stride + 1
    columns = (x.shape[2] - size) // stride + 1
    largest = None
    for row in range(size):
        for column in range(size):
            shifted = x[:, row : row + (rows - 1) * stride + 1 : stride, column:][:, :, : (columns - 1) * stride + 1]
            shifted = shifted[:, :, ::stride]
            largest = shifted.copy() if largest is None else np.maximum(largest, shifted, out=largest)
    return largest


def _at_first_largest(windows: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Windows (n, rows, columns, h, w, c), 0 but for the gradient (n, rows, columns, c) at the first largest."""
    n, rows, columns, height, width, channels = windows.shape
    flat = windows.reshape(n, rows, columns, height * width, channels)
    parts = np.zeros(flat.shape, gradient.dtype)
    np.put_along_axis(parts, flat.argmax(axis=3)[:, :, :, None], gradient[:, :, :, None], axis=3)
    return parts.reshape(windows.shape)


def _add_windows(parts: np.ndarray, shape: tuple[int, ...], layer: Layer) -> np.ndarray:
    """Pictures of `shape` where windows (n, rows, columns, size, size, c) are added up, each at its place."""
    before, behind = padding(layer, shape[1])
    n, side, _, channels = shape
    total = np.zeros((n, side + before + behind, side + before + behind, channels), parts.dtype)
    rows, columns = (parts.shape[1] - 1) * layer.stride + 1, (parts.shape[2] - 1) * layer.stride + 1
    for row in range(layer.window):
        for column in range(layer.window):
            place = total[:, row : row + rows : layer.stride, column : column + columns : layer.stride]
            place += parts[:, :, :, row, column]
    return total[:, before : before + side, before : before + side]


def _normal_share(x: np.ndarray) -> np.ndarray:
    """The share of a standard normal distribution below each number: Φ(x) = (1 + erf(x / √2)) / 2."""
    from scipy.special import erf

    return 0.5 * (1 + erf(x / x.dtype.type(math.sqrt(2))))
