"""Datasets in files: NumPy's npz, and folders of MNIST's own form (IDX)."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE
from core.storage import printable

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
IDX_STEMS = {
    "x_train": ("train-images", "idx3-ubyte"),
    "y_train": ("train-labels", "idx1-ubyte"),
    "x_test": ("t10k-images", "idx3-ubyte"),
    "y_test": ("t10k-labels", "idx1-ubyte"),
}
MOST_IMAGES = 300_000  # 235 MB an array: more than EMNIST's digits, and still fits into a laptop's memory


class DatasetError(ValueError):
    """A dataset cannot be used; the message names the file, what is wrong with it and what would be right."""

    def __init__(self, words: str) -> None:
        super().__init__(printable(words))


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the four arrays; headers are checked before any data is read, so that no file can fill the memory."""
    if not path.is_file():  # reading a pipe or a device might never end
        raise DatasetError(f"{path} is not a regular file. Wanted: MNIST's mnist.npz.")
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [name.removesuffix(".npy") for name in archive.namelist()]
            missing = [name for name in ARRAYS if name not in inside]
            if missing:
                there = ", ".join(inside[:10]) or "nothing"
                raise DatasetError(f"{path} lacks {_listed(missing)}; it holds {there}. Wanted: {_listed(ARRAYS)}.")
            shapes = {name: _npy_shape(archive, name, path) for name in ARRAYS}
            _check_counts(shapes, path)
            arrays = {}
            for name in ARRAYS:
                with archive.open(f"{name}.npy") as member:
                    arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
                    member.read(1)  # reaching the end makes zipfile compare the checksum
    except DatasetError:
        raise
    except zipfile.BadZipFile as error:
        raise DatasetError(f"{path} is not an npz file, or is damaged ({error}). Wanted: MNIST's mnist.npz.") from error
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}). Wanted: an undamaged mnist.npz.") from error
    return _checked_labels(arrays, dict.fromkeys(ARRAYS, path))


def _npy_shape(archive: zipfile.ZipFile, name: str, path: Path) -> tuple[int, ...]:
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        headers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in headers:
            raise DatasetError(f"{name} in {path} has NumPy's format {version}. Wanted: a plain array of numbers.")
        shape, _, dtype = headers[version](member)
    if dtype.hasobject:
        raise DatasetError(
            f"{name} in {path} holds pickled Python objects, which could run code and are never loaded. "
            "Wanted: a plain array of numbers."
        )
    if name.startswith("x") and dtype != np.uint8:
        raise DatasetError(f"{name} in {path} is {dtype}. Wanted: uint8, 0 to 255.")
    if name.startswith("y") and dtype.kind not in "iu":
        raise DatasetError(f"{name} in {path} is {dtype}. Wanted: whole numbers, 0 to 9.")
    return shape


def read_idx_folder(folder: Path) -> dict[str, np.ndarray]:
    """Read the four IDX files, gzipped or not (format: yann.lecun.com/exdb/mnist)."""
    files, missing = {}, []
    for name, (stem, kind) in IDX_STEMS.items():
        spellings = [f"{stem}{mark}{kind}{end}" for end in ("", ".gz") for mark in "-."]
        found = [folder / spelling for spelling in spellings if (folder / spelling).is_file()]
        if found:
            files[name] = found[0]
        else:
            missing.append(spellings[0])
    if missing:
        hint = f" It has an mnist.npz: name {folder / 'mnist.npz'}." if (folder / "mnist.npz").is_file() else ""
        raise DatasetError(f"The folder {folder} lacks {_listed(missing)} (each may end in .gz).{hint}")
    arrays = {name: _read_idx(file, images=name.startswith("x")) for name, file in files.items()}
    _check_counts({name: array.shape for name, array in arrays.items()}, folder)
    return _checked_labels(arrays, files)


def _read_idx(path: Path, *, images: bool) -> np.ndarray:
    rank, what = (3, "images") if images else (1, "labels")
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            magic = int.from_bytes(file.read(4))
            if magic != 0x800 + rank:
                raise DatasetError(f"{path} begins with the number {magic}. Wanted: {0x800 + rank}, IDX {what}.")
            header = file.read(4 * rank)
            shape = tuple(np.frombuffer(header, ">u4").tolist()) if len(header) == 4 * rank else ()
            if not shape or shape[1:] not in ((), IMAGE_SHAPE) or shape[0] > MOST_IMAGES:
                raise DatasetError(f"{path} announces the shape {shape}. Wanted: n{' × 28 × 28' if images else ''}.")
            size = int(np.prod(shape))
            data = file.read(size + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} cannot be read ({error}). Wanted: an undamaged IDX file.") from error
    if len(data) != size:
        fault = "ends too early" if len(data) < size else "has more data than announced"
        raise DatasetError(f"{path} {fault}. Wanted: {shape[0]:,} {what}, as its header says.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _check_counts(shapes: dict[str, tuple[int, ...]], where: Path) -> None:
    for part in ("train", "test"):
        images, labels = shapes[f"x_{part}"], shapes[f"y_{part}"]
        if len(images) != 3 or images[1:] != IMAGE_SHAPE:
            raise DatasetError(f"x_{part} in {where} has the shape {images}. Wanted: (n, 28, 28).")
        if not 0 < images[0] <= MOST_IMAGES:
            raise DatasetError(f"x_{part} in {where} has {images[0]:,} images. Wanted: 1 to {MOST_IMAGES:,}.")
        if labels != images[:1]:
            raise DatasetError(
                f"y_{part} in {where} has the shape {labels}. Wanted: {images[:1]}, a label for each image."
            )


def _checked_labels(arrays: dict[str, np.ndarray], files: dict[str, Path]) -> dict[str, np.ndarray]:
    for name in ("y_train", "y_test"):
        low, high = arrays[name].min(), arrays[name].max()
        if low < 0 or high > 9:
            raise DatasetError(f"{name} in {files[name]} has labels from {low} to {high}. Wanted: 0 to 9.")
    return {name: np.ascontiguousarray(array, dtype=np.uint8) for name, array in arrays.items()}


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names)
