"""The arrays in a run's folder: what it says of the test images after each epoch, and of the validation images."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.layers import CLASSES
from core.runs.files import PREDICTIONS_FOLDER, PROBABILITIES, VALIDATION, epoch_predictions
from core.storage import read_array, until_changed, version, write_array, write_atomically

ROUNDING = 1.001  # float16 may round a probability of 1 no higher than this


def probabilities_path(folder: Path, epoch: int | None) -> Path:
    """Where the probabilities after `epoch` are kept, of the end without one."""
    return folder / (PROBABILITIES if epoch is None else epoch_predictions(epoch))


def write_probabilities(folder: Path, probabilities: np.ndarray, epoch: int | None = None) -> None:
    """Keep probabilities (n, classes) as float16, of one epoch or, without one, of the end.

    Where rounding would tie the prediction with another digit, it is moved to the next float16 above, so that
    the arg-max of what is kept is the arg-max of what was given.
    """
    half = probabilities.astype(np.float16)
    rows, predictions = np.arange(len(half)), probabilities.argmax(axis=1)
    above = np.nextafter(half.max(axis=1), np.float16(np.inf))
    half[rows, predictions] = np.where(half.argmax(axis=1) == predictions, half[rows, predictions], above)
    path = probabilities_path(folder, epoch)
    path.parent.mkdir(exist_ok=True)
    write_array(path, half)


def newest_probabilities(folder: Path, epochs: list[int], end: int, classes: int) -> np.ndarray | None:
    """The newest probabilities, of the end or of the last of `epochs`; None where there are none (`end_is_newest`)."""
    path = _newest(folder, epochs, end)
    return read_probabilities(path, classes) if path else None


def has_probabilities(folder: Path, epochs: list[int], end: int, classes: int) -> bool:
    """Whether `newest_probabilities` finds any; they are read once until they change, and not kept."""
    path = _newest(folder, epochs, end)
    return path is not None and _are_usable(path, classes)


def end_is_newest(folder: Path, epochs: list[int], end: int) -> bool:
    """Whether the probabilities of the end are the newest that are kept.

    Args:
        folder: the run's.
        epochs: those whose probabilities are kept, in order.
        end: the epochs that the end counts, 0 where that is not known. Then the times of the files decide, which a copy
            of the folder may have changed.
    """
    at_the_end = probabilities_path(folder, None)
    if not epochs or end >= epochs[-1]:
        return at_the_end.exists()
    last = probabilities_path(folder, epochs[-1])
    return version(at_the_end, missing_ok=True).modified >= version(last, missing_ok=True).modified


def _newest(folder: Path, epochs: list[int], end: int) -> Path | None:
    if end_is_newest(folder, epochs, end):
        return probabilities_path(folder, None)
    return probabilities_path(folder, epochs[-1]) if epochs else None


@until_changed(maxsize=4096)
def _are_usable(path: Path, classes: int) -> bool:
    return read_probabilities(path, classes) is not None


def read_probabilities(path: Path, classes: int = CLASSES) -> np.ndarray | None:
    """Probabilities float32 (n, classes), None where the file is missing or does not hold any."""
    try:
        return _probabilities(path, classes)
    except OSError:
        return None


@until_changed(maxsize=64)
def _probabilities(path: Path, classes: int) -> np.ndarray | None:
    array = read_array(path)
    if array is None or array.ndim != 2 or array.shape[1] != classes or array.dtype.kind != "f":
        return None
    array = array.astype(np.float32)
    if not ((array >= 0) & (array <= ROUNDING)).all():
        return None
    array.setflags(write=False)
    return array


def predicted_epochs(folder: Path) -> list[int]:
    """The epochs whose probabilities are kept, in order."""
    names = (path.stem for path in (folder / PREDICTIONS_FOLDER).glob("epoch-*.npy"))
    return sorted(int(name[6:]) for name in names if name[6:].isdecimal())


def write_validation(folder: Path, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Keep what the finished network says of the validation images: labels (n,), probabilities (n, classes)."""
    arrays = {"labels": labels.astype(np.uint8), "probabilities": probabilities.astype(np.float16)}
    write_atomically(folder / VALIDATION, lambda file: np.savez(file, **arrays))


def read_validation(folder: Path, classes: int = CLASSES) -> tuple[np.ndarray, np.ndarray] | None:
    """Labels uint8 (n,) and probabilities float32 (n, classes), None where there are none or they are damaged."""
    try:
        with np.load(folder / VALIDATION, allow_pickle=False) as arrays:
            labels, probabilities = arrays["labels"], arrays["probabilities"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, TypeError, AttributeError):
        return None
    whole = labels.ndim == 1 and labels.dtype == np.uint8 and probabilities.shape == (len(labels), classes)
    usable = whole and (labels < classes).all() and ((probabilities >= 0) & (probabilities <= ROUNDING)).all()
    return (labels, probabilities) if usable else None
