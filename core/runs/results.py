"""Results that were computed with a run's model and stay in its folder, each with what it was computed from.

They are accuracy under changes, the layout by t-SNE, the OOD detector, and what was measured of each export.
A result holds the fingerprint of the model, and where they matter the dataset's and the number of the method, so that
it is known to be out of date after the run was trained further. The modules that compute a result know its values.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core.storage import read_json, write_atomically, write_json

CHANGED = {
    "model": "the model has changed, after further training for instance",
    "dataset": "the dataset has changed",
    "method": "the method has changed",
}
T = TypeVar("T")


def save(run_folder: str | os.PathLike[str], file: str, values: Mapping[str, Any]) -> None:
    """Write a result's values, whole or not at all: as JSON or, for a name that ends in .npz, as arrays.

    Raises:
        OSError: where the folder is gone or cannot be written.
    """
    path = Path(run_folder) / file
    if path.suffix == ".npz":
        write_atomically(path, lambda opened: np.savez(opened, **values))
    else:
        write_json(path, values)


def load(run_folder: str | os.PathLike[str], file: str, parse: Callable[[dict], T | None]) -> T | None:
    """The result that `parse` makes of a file's values; None where the file is missing or damaged.

    Args:
        parse: takes the values by their names, and raises KeyError, TypeError, ValueError, AttributeError or
            OverflowError where they are not a result's.
    """
    path = Path(run_folder) / file
    try:
        return parse(_arrays(path) if path.suffix == ".npz" else read_json(path))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def stale(result: Any, *, model: str, dataset: str | None = None, method: object = None) -> str:
    """Why a result is out of date, as clauses of a sentence; "" where it is not.

    Args:
        result: has the attribute `model`, and `dataset` and `method` where these are given.
        model, dataset: the fingerprints of today.
        method: what the result's `method` would be if it was computed today.
    """
    now = {"model": model, "dataset": dataset, "method": method}
    return " and ".join(
        words for name, words in CHANGED.items() if now[name] is not None and getattr(result, name) != now[name]
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # a damaged zip raises many kinds
        raise ValueError(f"{path} is missing or damaged.") from error
