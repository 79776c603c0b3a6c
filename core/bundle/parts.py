"""What a bundle consists of: its files by name, how large each may be, and their contents in one object."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.config import TrainingConfig
from core.data.classes import MOST_CLASSES
from core.names import visible
from core.runs import files
from core.runs.state import config_values
from core.storage import printable

MOST_IMAGES = 300_000  # as in core.data
KB, MB = 2**10, 2**20
ARRAY_BYTES = MOST_IMAGES * MOST_CLASSES * 2 + KB
LIMITS = {  # the most bytes of each file
    files.CONFIG: 16 * KB,
    files.NAME: 4 * KB,
    files.STATE: 16 * KB,
    files.SUMMARY: 64 * KB,
    files.DATASET: 16 * KB,
    files.ARCHITECTURE: 64 * KB,
    files.EVENTS: 16 * MB,
    files.PROBABILITIES: ARRAY_BYTES,
    files.VALIDATION: ARRAY_BYTES + MOST_IMAGES + 4 * KB,
    files.WEIGHTS: 8 * MB,  # 2 million parameters; larger ones are left out
    files.LITERT_MODEL: 48 * MB,  # 12 million parameters
}
NEEDED = (files.CONFIG, files.SUMMARY, files.DATASET, files.PROBABILITIES, files.LITERT_MODEL)
EPOCH_FILE = re.compile(r"predictions/epoch-([0-9]{4})\.npy")
MOST_LETTERS = 300
CARD, CARD_BYTES = "model-card.md", 64 * KB  # for people; it is made anew from the run wherever it is packed


class PartError(ValueError):
    """A file of a bundle is not what it should be; the message says which and how."""


@dataclass(frozen=True, eq=False)
class Parts:
    """All of a bundle, checked; the model only by its size.

    Attributes:
        state: name "finished" or "stopped", message and target_epochs.
        events: of the kinds that core.bundle.schema knows, in order.
        probabilities: float16 (n, classes) of the test images; `epochs` the same by epoch, as far as they were kept.
        validation: labels uint8 (m,) and probabilities float16 (m, classes), or None.
        weights: arrays by the names of layer and weight, as "dense_1/kernel", and "epoch"; or None.
        model: a LiteRT file, not tried yet.
    """

    config: TrainingConfig
    name: str
    state: dict
    summary: dict
    dataset: dict
    architecture: list[dict]
    events: list[dict]
    probabilities: np.ndarray
    epochs: dict[int, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray] | None
    weights: dict[str, np.ndarray] | None
    model: bytes

    def files(self) -> dict[str, bytes]:
        """The contents of each file by its name, as a bundle and a run's folder hold them."""
        objects = {
            files.CONFIG: config_values(self.config),
            files.NAME: {"name": self.name},
            files.STATE: self.state,
            files.SUMMARY: self.summary,
            files.DATASET: self.dataset,
            files.ARCHITECTURE: self.architecture,
        }
        lines = (json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in self.events)
        epochs = {files.epoch_predictions(number): array for number, array in self.epochs.items()}
        arrays = {**epochs, files.PROBABILITIES: self.probabilities}  # in this order: the newest counts
        found = {name: json.dumps(value, indent=1).encode() for name, value in objects.items()}
        found[files.EVENTS] = b"".join(lines)
        if self.validation:
            labels, probabilities = self.validation
            found[files.VALIDATION] = _written(np.savez, labels=labels, probabilities=probabilities)
        if self.weights:
            found[files.WEIGHTS] = _written(np.savez, **self.weights)
        return {
            **found,
            **{name: _written(np.save, array) for name, array in arrays.items()},
            files.LITERT_MODEL: self.model,
        }


def limit(name: str) -> int | None:
    """The most bytes that a file of this name has, None where no bundle holds such a file."""
    return ARRAY_BYTES if EPOCH_FILE.fullmatch(name) else CARD_BYTES if name == CARD else LIMITS.get(name)


def plain(text: str) -> str:
    """Text from elsewhere as a page can show it: one short line, and no Markdown that would load a picture or link."""
    return visible(printable(text)).translate(str.maketrans("[]<>`", "()()'"))[:MOST_LETTERS]


def _written(save: Callable, *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()
