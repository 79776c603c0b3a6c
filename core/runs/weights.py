"""A network's weights by name: those after each epoch, and the newest. They are read without TensorFlow.

A file holds an array for each weight, "dense_1/kernel", and the epoch. Names of layers are those of core.network; of a
layer with weights, `WEIGHTS` has the names and order.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE
from core.network import Network
from core.runs.files import KERAS_MODEL, WEIGHTS, WEIGHTS_FOLDER, epoch_weights
from core.storage import version, write_atomically

if TYPE_CHECKING:
    from core.runs.view import RunView

Weights = dict[str, dict[str, np.ndarray]]  # by the names of layer and weight

MOST_BYTES = 20 * 10**6  # of all epochs of a run
EPOCH = "epoch"
NORM = ("gamma", "beta", "mean", "variance")
KERAS_CLASSES = {"dense": "dense", "output": "dense", "conv": "conv2d", "norm": "batch_normalization"}


def weight_shapes(network: Network) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shape of each weight by the names of layer and weight, in Keras' order.

    Kernels are (inputs, units) and (height, width, channels, filters), all others (units,).
    """
    shapes, before = {}, (*IMAGE_SHAPE, 1)
    for block in network.blocks:
        layer, width = block.layer, block.shape[-1:]
        match layer.kind:
            case "dense" | "output":
                shapes[block.name] = {"kernel": (*before, *width)}
            case "conv":
                shapes[block.name] = {"kernel": (layer.window, layer.window, before[-1], layer.size)}
            case "norm":
                shapes[block.name] = dict.fromkeys(NORM, width)
        if block.bias:
            shapes[block.name]["bias"] = width
        before = block.shape
    return shapes


# Writing


def write_weights(folder: Path, weights: Weights, epoch: int) -> None:
    """Keep the weights that are tested and saved, float32, in a run's folder."""
    _write(folder / WEIGHTS, flat(weights), epoch)


def write_epoch_weights(folder: Path, weights: Weights, epoch: int) -> None:
    """Keep the weights after an epoch (0: before the first batch) as float16, and thin out what is kept.

    All of them stay within `MOST_BYTES`; a network so large that first and last do not fit keeps none.
    """
    arrays = {name: _halved(array) for name, array in flat(weights).items()}
    if 2 * sum(array.nbytes for array in arrays.values()) > MOST_BYTES:
        return
    path = folder / epoch_weights(epoch)
    path.parent.mkdir(exist_ok=True)
    _write(path, arrays, epoch)
    _thin_out(folder)


def forget_later_weights(folder: Path, epoch: int) -> None:
    """Remove the weights of epochs after `epoch`, which a run that begins again there will write anew."""
    for later in kept_epochs(folder):
        if later > epoch:
            (folder / epoch_weights(later)).unlink(missing_ok=True)


def _write(path: Path, arrays: dict[str, np.ndarray], epoch: int) -> None:
    write_atomically(path, lambda file: np.savez(file, **{EPOCH: np.int64(epoch)}, **arrays))


def flat(weights: Weights) -> dict[str, np.ndarray]:
    """The weights as a file names them: "dense_1/kernel"."""
    return {f"{layer}/{name}": array for layer, arrays in weights.items() for name, array in arrays.items()}


def _halved(array: np.ndarray) -> np.ndarray:
    """The array as float16; as it is where a number is too large for that."""
    fits = np.abs(array).max(initial=0) <= np.finfo(np.float16).max
    return array.astype(np.float16 if fits else np.float32)


def _thin_out(folder: Path) -> None:
    epochs = kept_epochs(folder)
    largest = max((folder / epoch_weights(epoch)).stat().st_size for epoch in epochs)
    kept = thinned(epochs[-1], MOST_BYTES // largest)
    for epoch in set(epochs) - set(kept):
        (folder / epoch_weights(epoch)).unlink(missing_ok=True)


def thinned(last: int, most: int) -> list[int]:
    """The epochs from 0 to `last` that are kept where there is room for so many, in order.

    The first and the last are; of those between every one, every second, fourth, …, and besides those from which the
    number doubles (1, 2, 4, 8, …), since a network changes most at first. What is left out now is also left out after
    later epochs, so nothing is missed that is gone.
    """
    every = 1
    while every <= last:
        early = {2**power for power in range(every.bit_length() - 1)}  # before `every`, which is such a number itself
        kept = sorted({0, *early, *range(every, last + 1, every), last})
        if len(kept) <= most:
            return kept
        every *= 2
    return sorted({0, last}) if most >= 2 else []


# Reading


def kept_epochs(folder: Path) -> list[int]:
    """The epochs whose weights are kept, in order; 0 is before the first batch."""
    names = (path.stem for path in (folder / WEIGHTS_FOLDER).glob("epoch-*.npz"))
    return sorted(int(name[6:]) for name in names if name[6:].isdecimal())


def weights_path(run: RunView, epoch: int | None = None) -> Path | None:
    """The file with the weights after `epoch`, or with those that were written last; None where there is none."""
    if run.too_new:
        return None
    if epoch is not None:
        path = run.path / epoch_weights(epoch)
        return path if path.exists() else None
    newest, epochs = run.path / WEIGHTS, kept_epochs(run.path)[-1:]
    last = [run.path / epoch_weights(number) for number in epochs]
    if epochs and (saved := _epoch_of(newest)) is not None and saved >= epochs[0]:
        return newest  # whatever their times: a copy of a folder may have given them new ones
    found = [(version(path, missing_ok=True).modified, path) for path in (newest, *last) if path.exists()]
    if found:
        return max(found, key=lambda pair: pair[0])[1]  # of equals weights.npz
    return run.keras_path if run.keras_path.exists() else None


def _epoch_of(path: Path) -> int | None:
    """The epoch that a file of weights names, None where it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return int(arrays[EPOCH])
    except Exception:  # a damaged zip raises many kinds
        return None


class Kept(NamedTuple):
    """Weights float32, not to be changed, and their epoch, None where that is not known."""

    weights: Weights
    epoch: int | None


def read_file(path: Path, network: Network) -> Kept | None:
    """What a file that `weights_path` named holds of a network; None where it is damaged.

    Raises:
        OSError: where it cannot be read.
    """
    try:
        if path.name == KERAS_MODEL:
            return Kept(_checked(_of_keras(path, network), weight_shapes(network)), None)
        with np.load(path, allow_pickle=False) as arrays:
            shapes = weight_shapes(network)
            read = {layer: {name: arrays[f"{layer}/{name}"] for name in names} for layer, names in shapes.items()}
            return Kept(_checked(read, shapes), int(arrays[EPOCH]))
    except OSError:
        raise
    except Exception:  # a damaged zip raises many kinds
        return None


def _checked(weights: Weights, shapes: Mapping[str, Mapping[str, tuple[int, ...]]]) -> Weights:
    """The weights as float32 that cannot be changed; raises ValueError where one is not of its shape or not finite."""
    found: Weights = {}
    for layer, names in shapes.items():
        found[layer] = {}
        for name, shape in names.items():
            array = weights[layer][name]
            if array.dtype not in (np.float16, np.float32) or array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{layer}/{name} is not a weight of this network")
            array = np.ascontiguousarray(array, dtype=np.float32)
            array.setflags(write=False)
            found[layer][name] = array
    return found


def _of_keras(path: Path, network: Network) -> Weights:
    """The weights in a `.keras` file, in which layers are numbered by their class and weights by their order."""
    import h5py  # which Keras needs; it takes a moment to import

    with zipfile.ZipFile(path) as archive:
        file = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
    numbers: dict[str, int] = {}
    found: Weights = {}
    shapes = weight_shapes(network)
    for block in network.blocks:
        if block.name in shapes:
            kind = KERAS_CLASSES[block.layer.kind]
            number = numbers[kind] = numbers.get(kind, -1) + 1
            place = f"layers/{kind}_{number}/vars" if number else f"layers/{kind}/vars"
            found[block.name] = {name: file[place][str(at)][()] for at, name in enumerate(shapes[block.name])}
    return found
