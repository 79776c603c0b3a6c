"""The dataset: from a file of your own, Keras' cache, a download, or the digits in scikit-learn."""

from __future__ import annotations

import hashlib
import http.client
import os
import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from core.data import download, files
from core.data.classes import DIGITS
from core.data.download import Progress
from core.data.files import ARRAYS, DatasetError, Digits
from core.home import absolute
from core.storage import printable

MNIST, EMBEDDED = "MNIST", "Embedded digits"
MNIST_FINGERPRINT = "6293a95329978b80"
MNIST_TEST_LABELS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, read-only, as every part of Digit Lab uses them.

    Attributes
    ----------
    name : "MNIST", "Own digits", "Own images", "Embedded digits" or another that is recognised, or what people called
        it when they added it.
    source : where it came from, as a phrase for people.
    x_train, x_test : uint8 (n, 28, 28), 0 is background, 255 is full ink.
    y_train, y_test : uint8 (n,), 0 to 9, or the numbers of other classes.
    note : a sentence that says what it is instead of MNIST, or None where it is MNIST.
    warnings : a sentence for each configured or cached source that could not be used.
    classes : the names of the labels in their order, 2 to 47; "0" to "9" where they are digits.
    """

    name: str
    source: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    note: str | None = None
    warnings: tuple[str, ...] = ()
    classes: tuple[str, ...] = DIGITS

    def __post_init__(self) -> None:
        for name in ARRAYS:
            getattr(self, name).setflags(write=False)
        for name in ("source", "note"):  # with paths, which may hold bytes that are no text
            text = getattr(self, name)
            object.__setattr__(self, name, text and printable(text))

    @property
    def is_mnist(self) -> bool:
        return self.name == MNIST

    @property
    def is_digits(self) -> bool:
        """Whether its images show digits, and not other things."""
        return self.classes == DIGITS

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """What looks wrong in it, each with the remedy; nothing where it is MNIST or the embedded digits."""
        if self.name == EMBEDDED or self.fingerprint == MNIST_FINGERPRINT:
            return ()
        from core.data.doubts import doubts

        return doubts(*(getattr(self, name) for name in ARRAYS), self.classes)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the SHA-256 over all four arrays, and the names of classes that are not the digits.

        Equal data have equal fingerprints.
        """
        digest = hashlib.sha256()
        for name in ARRAYS:
            array = np.ascontiguousarray(getattr(self, name))
            digest.update(f"{name} {array.dtype} {array.shape};".encode())
            digest.update(array)
        if not self.is_digits:
            digest.update("\n".join(self.classes).encode())
        return digest.hexdigest()[:16]


def load_dataset(
    path: str | Path | None = None, *, allow_download: bool = True, progress: Progress | None = None
) -> Dataset:
    """Load `path`, or the first that works of DIGITLAB_DATA, Keras' cache, a download, the embedded digits.

    Parameters
    ----------
    path : a file or folder of any form in `core.data.forms`; if given, no other source is tried.
    allow_download : whether the network may be used.
    progress : called with how much of a download, a table or a folder of pictures is read so far and in all, in bytes
        or pictures; in all is 0 where a server does not say.

    Raises
    ------
    DatasetError
        If `path` was given and cannot be used, or if no source can be loaded.
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
        raise DatasetError(f"The digits could not be loaded: {words}. See the program's output for details.") from error


def _first_that_works(path: str | Path | None, allow_download: bool, progress: Progress | None) -> Dataset:
    if path is not None:
        return _from_path(path, "", progress)
    warnings: list[str] = []  # shown with the dataset that is used instead
    reasons: list[str] = []  # why it is not MNIST: shown with the embedded digits only

    wanted = os.environ.get("DIGITLAB_DATA")
    if wanted:
        try:
            return _from_path(wanted, " (DIGITLAB_DATA)", progress)
        except DatasetError as error:
            warnings.append(f"DIGITLAB_DATA cannot be used: {error}")

    cache = keras_cache_path()
    occupied = cache is not None and os.path.lexists(cache)
    if cache is None:
        reasons.append("No home folder was found to store MNIST in.")
    elif occupied:
        try:
            return _dataset(files.read(cache), f"Keras' cache, {cache}", warnings)
        except DatasetError as error:
            warnings.append(f"Keras' cache was skipped: {error}")
    else:
        reasons.append("Keras' cache has no MNIST yet.")

    if allow_download and cache is not None:
        try:
            kept = download.download_mnist(cache, progress)
            if kept is not None:
                warnings.append(f"MNIST was downloaded instead, and the damaged file renamed to {kept}.")
            return _dataset(files.read(cache), f"download from {download.MNIST_URL}, saved as {cache}", warnings)
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = str(error).removeprefix("<urlopen error ").removesuffix(">") or type(error).__name__
            reasons.append(f"The download of {download.MNIST_URL} failed ({why}).")
    else:
        reasons.append("A download was not tried.")

    try:
        from core.data.sklearn_digits import COPIES, embedded_digits

        arrays = embedded_digits()
    except ImportError as error:
        raise DatasetError(
            " ".join([*warnings, *reasons, f"scikit-learn's digits could not be loaded: {error}"])
        ) from error
    train, test = len(arrays["y_train"]) // (1 + COPIES), len(arrays["y_test"])
    repair = f"from {download.MNIST_URL}" + (", replacing the damaged file" if occupied else "")
    place = f"put mnist.npz at {cache} ({repair}), or " if cache else ""
    advice = f"{place}set DIGITLAB_DATA to the path of an mnist.npz, and start again"
    note = (
        f"This is not MNIST. It is the {train + test:,} handwritten digits in scikit-learn (UCI, 8×8 pixels, "
        f"enlarged to 28×28): {train:,} for training, each with {COPIES} slightly warped copies "
        f"({len(arrays['y_train']):,} images), and {test} others for testing. To get MNIST, {advice}."
    )
    source = f"scikit-learn's {train + test:,} digits (UCI)"
    return Dataset(EMBEDDED, source, **arrays, note=" ".join([note, *reasons]), warnings=tuple(warnings))


def is_better_one_here(dataset: Dataset) -> bool:
    """Whether a dataset is the embedded digits, and MNIST was downloaded since it was loaded."""
    cache = keras_cache_path()
    return dataset.name == EMBEDDED and cache is not None and cache.exists()


def keras_cache_path() -> Path | None:
    """Where Keras keeps mnist.npz: `$KERAS_HOME/datasets`, or `~/.keras/datasets`; None without a home folder."""
    try:
        home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
        return Path(home).expanduser().absolute() / "datasets" / "mnist.npz"
    except RuntimeError:
        return None


def _from_path(path: Path | str, how: str, progress: Progress | None) -> Dataset:
    path = absolute(path)
    try:
        if not path.exists():
            raise DatasetError(f"{path} does not exist. {files.WANTED}")
        digits = files.read(path, progress)
    except OSError as error:
        raise DatasetError(f"{path} cannot be reached: {error.strerror or error}.") from error
    kind = "folder" if digits.path.is_dir() else "file"
    return _dataset(digits, f"{kind} {digits.path}{how}", [])


def _dataset(digits: Digits, source: str, warnings: list[str]) -> Dataset:
    """A dataset of what was read; MNIST itself is recognised by its number of images of each test digit."""
    arrays = digits.arrays()
    train, test = len(arrays["y_train"]), len(arrays["y_test"])
    counts = tuple(np.bincount(arrays["y_test"], minlength=len(digits.classes)).tolist())
    if train == 60_000 and digits.classes == DIGITS and counts == MNIST_TEST_LABELS:
        return Dataset(MNIST, source, **arrays, note=" ".join(digits.notes) or None, warnings=tuple(warnings))
    note = (
        f"This is not MNIST: {train:,} images for training and {test:,} for testing, from {source}. MNIST has "
        "60,000 and 10,000."
    )
    known = digits.names.dataset if digits.names and digits.classes != DIGITS else ""
    return Dataset(
        known or ("Own digits" if digits.classes == DIGITS else "Own images"),
        source,
        **arrays,
        note=" ".join([note, *digits.notes]),
        warnings=tuple(warnings),
        classes=digits.classes,
    )
