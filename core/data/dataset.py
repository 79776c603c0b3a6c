"""Where digits come from: a file of your own, Keras' cache, a download, or the digits inside scikit-learn."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import queue
import tempfile
import time
import traceback
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Thread

import numpy as np

from core.storage import printable

MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
MNIST_TEST_LABELS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
IDX_STEMS = {
    "x_train": ("train-images", "idx3-ubyte"),
    "y_train": ("train-labels", "idx1-ubyte"),
    "x_test": ("t10k-images", "idx3-ubyte"),
    "y_test": ("t10k-labels", "idx1-ubyte"),
}
CONNECT_SECONDS = 3.0
STALL_SECONDS = 10.0
MOST_BYTES = 64 * 2**20  # of a download: MNIST's file has 11.5 MB
MOST_IMAGES = 300_000  # 235 MB an array: more than EMNIST's digits, and still fits into a laptop's memory

Progress = Callable[[int, int], None]


class DatasetError(ValueError):
    """Says which file, what is wrong with it, and what would be right."""

    def __init__(self, words: str) -> None:
        super().__init__(printable(words))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, read-only, as every part of Digit Lab uses them.

    Attributes
    ----------
    name : "MNIST", "Own digits" or "Embedded digits".
    source : where it came from, as a phrase for people.
    x_train, x_test : uint8 (n, 28, 28), 0 is background, 255 is full ink.
    y_train, y_test : uint8 (n,), 0 to 9.
    note : that it is not MNIST but what, or None where it is MNIST.
    warnings : a sentence for each source that was set or kept and could not be used, which someone should repair.
    """

    name: str
    source: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    note: str | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ARRAYS:
            getattr(self, name).setflags(write=False)
        for name in ("source", "note"):  # with paths, which may hold bytes that are no text
            text = getattr(self, name)
            object.__setattr__(self, name, text and printable(text))

    @property
    def is_mnist(self) -> bool:
        return self.name == "MNIST"

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the SHA-256 over all four arrays: the same for equal data in any file."""
        digest = hashlib.sha256()
        for name in ARRAYS:
            array = np.ascontiguousarray(getattr(self, name))
            digest.update(f"{name} {array.dtype} {array.shape};".encode())
            digest.update(array)
        return digest.hexdigest()[:16]


def load_dataset(
    path: str | Path | None = None, *, allow_download: bool = True, progress: Progress | None = None
) -> Dataset:
    """Load `path`, or the first that works of DIGITLAB_DATA, Keras' cache, a download, the embedded digits.

    Parameters
    ----------
    path : an mnist.npz or a folder with the four IDX files; nothing else is tried then.
    allow_download : False never touches the network.
    progress : called with bytes so far and bytes in all (0 where the server does not say) during a download.

    Raises
    ------
    DatasetError
        If `path` was given and cannot be used, or if not even the embedded digits can be had, whatever the cause.
    """
    try:
        return _first_that_works(path, allow_download, progress)
    except DatasetError:
        raise
    except MemoryError as error:
        raise DatasetError(
            "The memory was not enough to load the digits. Close other programs, then start again."
        ) from error
    except Exception as error:
        traceback.print_exc()
        words = str(error) or type(error).__name__
        raise DatasetError(f"The digits could not be loaded: {words}. The program's output has the details.") from error


def _first_that_works(path: str | Path | None, allow_download: bool, progress: Progress | None) -> Dataset:
    if path is not None:
        return _from_path(Path(path), "")
    warnings: list[str] = []  # told with whatever is used in its place
    reasons: list[str] = []  # why it is not MNIST: shown with the embedded digits only

    wanted = os.environ.get("DIGITLAB_DATA")
    if wanted:
        try:
            return _from_path(Path(wanted), " (DIGITLAB_DATA)")
        except DatasetError as error:
            warnings.append(f"DIGITLAB_DATA cannot be used: {error}")

    cache = keras_cache_path()
    occupied = cache is not None and os.path.lexists(cache)
    if cache is None:
        reasons.append("There is no home folder to keep MNIST in.")
    elif occupied:
        try:
            return _dataset(_read_npz(cache), f"Keras' cache, {cache}", warnings)
        except DatasetError as error:
            warnings.append(f"Keras' cache was skipped: {error}")
    else:
        reasons.append("Keras' cache has no MNIST yet.")

    if allow_download and cache is not None:
        try:
            kept = _download(cache, progress)
            if kept is not None:
                warnings.append(f"MNIST was downloaded instead; the file that was there is now {kept}.")
            return _dataset(_read_npz(cache), f"download from {MNIST_URL}, kept as {cache}", warnings)
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = str(error).removeprefix("<urlopen error ").removesuffix(">") or type(error).__name__
            reasons.append(f"The download of {MNIST_URL} did not work ({why}).")
    else:
        reasons.append("A download was not tried.")

    try:
        from core.data.sklearn_digits import COPIES, embedded_digits

        arrays = embedded_digits()
    except ImportError as error:
        raise DatasetError(" ".join([*warnings, *reasons, f"scikit-learn's digits cannot be had: {error}"])) from error
    train, test = len(arrays["y_train"]) // (1 + COPIES), len(arrays["y_test"])
    repair = f"from {MNIST_URL}" + (", in place of the file that is there" if occupied else "")
    place = f"put mnist.npz at {cache} ({repair}), or " if cache else ""
    advice = f"{place}set DIGITLAB_DATA to the path of an mnist.npz, and start again"
    note = (
        f"This is not MNIST but the {train + test:,} handwritten digits in scikit-learn (UCI, 8×8 pixels, "
        f"enlarged to 28×28): {train:,} for training, each with {COPIES} slightly warped copies, so "
        f"{len(arrays['y_train']):,} images, and {test} others for testing. To get MNIST, {advice}."
    )
    source = f"scikit-learn's {train + test:,} digits (UCI)"
    return Dataset("Embedded digits", source, **arrays, note=" ".join([note, *reasons]), warnings=tuple(warnings))


def keras_cache_path() -> Path | None:
    """Where Keras keeps mnist.npz: `$KERAS_HOME/datasets`, or `~/.keras/datasets`; None without a home folder."""
    try:
        home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
        return Path(home).expanduser().absolute() / "datasets" / "mnist.npz"
    except RuntimeError:
        return None


def _from_path(path: Path, how: str) -> Dataset:
    try:
        path = path.expanduser().absolute()
        is_folder = path.is_dir()
        if not is_folder and not path.exists():
            raise DatasetError(f"{path} does not exist. Wanted: an mnist.npz or a folder with the four IDX files.")
    except (OSError, RuntimeError) as error:  # RuntimeError: of a "~" where there is no home folder
        raise DatasetError(f"{path} cannot be reached: {getattr(error, 'strerror', None) or error}.") from error
    if is_folder:
        return _dataset(_read_idx_folder(path), f"folder {path}{how}", [])
    return _dataset(_read_npz(path), f"file {path}{how}", [])


def _dataset(arrays: dict[str, np.ndarray], source: str, warnings: list[str]) -> Dataset:
    """Name arrays that have MNIST's form; MNIST itself is known by its counts, also of each test digit."""
    train, test = len(arrays["y_train"]), len(arrays["y_test"])
    counts = tuple(np.bincount(arrays["y_test"], minlength=10).tolist())
    if train == 60_000 and counts == MNIST_TEST_LABELS:
        return Dataset("MNIST", source, **arrays, warnings=tuple(warnings))
    note = (
        f"This is not MNIST but other digits: {train:,} images for training and {test:,} for testing, "
        f"from {source}. MNIST has 60,000 and 10,000."
    )
    return Dataset("Own digits", source, **arrays, note=note, warnings=tuple(warnings))


class _PatientConnection:
    """Connects within `CONNECT_SECONDS`; then each piece of data may take `STALL_SECONDS`."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_SECONDS)


class _Http(_PatientConnection, http.client.HTTPConnection):
    pass


class _Https(_PatientConnection, http.client.HTTPSConnection):
    pass


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, request)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, request)


def _download(target: Path, progress: Progress | None) -> Path | None:
    """Put the verified file at `target`; return the new name of a file that was in its place, else None."""
    opener = urllib.request.build_opener(_HttpHandler, _HttpsHandler)  # and urllib's own handling of proxies
    answer: queue.Queue[http.client.HTTPResponse | Exception] = queue.Queue()

    def ask() -> None:
        try:
            answer.put(opener.open(MNIST_URL, timeout=CONNECT_SECONDS))
        except Exception as error:
            answer.put(error)

    # A thread, since no time-out ends a look-up of the server's name, and each of its addresses has its own.
    Thread(target=ask, daemon=True).start()
    try:
        response = answer.get(timeout=2 * CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError("the server did not answer in time") from None
    if isinstance(response, Exception):
        raise response

    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(prefix="mnist.npz.", suffix=".part", dir=target.parent)
    try:
        with response, open(descriptor, "wb") as file:
            total = int(response.headers.get("Content-Length") or 0)
            digest, done = hashlib.sha256(), 0
            while block := response.read1(2**17):
                file.write(block)
                digest.update(block)
                done += len(block)
                if done > MOST_BYTES:
                    raise OSError(f"more than {MOST_BYTES:,} bytes came, which cannot be MNIST")
                if progress is not None:
                    progress(done, total)
            if digest.hexdigest() != MNIST_SHA256:
                raise OSError(f"the {done:,} bytes that came do not have the SHA-256 that Keras publishes")
            file.flush()
            os.fsync(file.fileno())
        kept = None
        if os.path.lexists(target):
            kept = target.with_name(f"{target.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
            target.rename(kept)
        os.replace(part, target)
        return kept
    finally:
        Path(part).unlink(missing_ok=True)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the four arrays; headers are checked before any data, so no file can fill the memory."""
    if not path.is_file():  # a pipe would be waited for, and a device has no end
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
        raise DatasetError(f"{path} is no npz file, or a damaged one ({error}). Wanted: MNIST's mnist.npz.") from error
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


def _read_idx_folder(folder: Path) -> dict[str, np.ndarray]:
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
            if not shape or shape[1:] not in ((), (28, 28)) or shape[0] > MOST_IMAGES:
                raise DatasetError(f"{path} announces the shape {shape}. Wanted: n{' × 28 × 28' if images else ''}.")
            size = int(np.prod(shape))
            data = file.read(size + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} cannot be read ({error}). Wanted: an undamaged IDX file.") from error
    if len(data) != size:
        fault = "ends too early" if len(data) < size else "goes on after its last one"
        raise DatasetError(f"{path} {fault}. Wanted: {shape[0]:,} {what}, as its header says.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _check_counts(shapes: dict[str, tuple[int, ...]], where: Path) -> None:
    for part in ("train", "test"):
        images, labels = shapes[f"x_{part}"], shapes[f"y_{part}"]
        if len(images) != 3 or images[1:] != (28, 28):
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
