"""What a run needs to continue: its variables and its position in the epochs, written whole by its worker.

It can be read and checked without TensorFlow, so that a page can say beforehand where Resume begins.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from core.storage import until_changed


class CheckpointError(ValueError):
    """A checkpoint is damaged or belongs to another network."""


@dataclass
class Position:
    """Where the loop is: all that a checkpoint holds besides the variables."""

    epoch: int = 0  # complete epochs
    batch: int = 0  # complete batches of the epoch under way
    step: int = 0  # complete batches in all
    images: int = 0  # of the epoch under way, like the two sums below
    loss_sum: float = 0.0
    correct: int = 0
    learning_rate: float = 0.0  # the peak, which a user may change on the way
    training_seconds: float = 0.0  # the loop alone
    stages: list[list[int]] = field(default_factory=list)  # [first step, last epoch] of each schedule
    best_loss: float = math.inf
    best_epoch: int = 0
    stopped_early: bool = False

    def as_array(self) -> np.ndarray:
        """The position as a checkpoint holds it."""
        return np.array(json.dumps(asdict(self)))


def read_position(checkpoint: dict[str, np.ndarray]) -> Position:
    """The position that a checkpoint holds.

    Raises:
        CheckpointError: where there is none, or one where no run can be.
    """
    try:
        position = Position(**json.loads(str(checkpoint["position"])))
        _check(position)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError("its saved position is invalid") from error
    return position


def _check(position: Position) -> None:
    """Raise ValueError where a value is of another type or out of its range."""
    counts = [getattr(position, name) for name in ("epoch", "batch", "step", "images", "correct", "best_epoch")]
    numbers = [position.loss_sum, position.learning_rate, position.training_seconds]
    stages = [number for stage in position.stages for number in stage]
    if not all(type(count) is int and count >= 0 for count in counts + stages):
        raise ValueError("a count is not a whole number from 0")
    if not all(isinstance(number, float | int) and math.isfinite(number) for number in numbers):
        raise ValueError("a number is not finite")
    if math.isnan(position.best_loss) or not isinstance(position.stopped_early, bool):
        raise ValueError("the best epoch is not known")
    if any(len(stage) != 2 for stage in position.stages) or position.correct > position.images:
        raise ValueError("the parts do not fit each other")


def load_checkpoint(path: Path) -> dict[str, np.ndarray] | None:
    """What a worker kept: a run's variables by number, and its position; None where there is no such file.

    Raises:
        CheckpointError: where it is damaged: cut, changed, with a variable that is not finite or without a position.
    """
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            checkpoint = dict(arrays)
        if not all(np.isfinite(array).all() for name, array in checkpoint.items() if name != "position"):
            raise CheckpointError("a variable is not a number")
        read_position(checkpoint)
    except Exception as error:  # a damaged zip raises many kinds
        raise CheckpointError(f"{path} is damaged ({error}).") from error
    return checkpoint


def checkpoint_flaw(path: Path) -> str:
    """What keeps a run from going on from its checkpoint, "missing" or "damaged"; "" where it can."""
    try:
        return "" if _is_whole(path) else "damaged"
    except OSError:
        return "missing"


@until_changed(maxsize=256)
def _is_whole(path: Path) -> bool:
    try:
        return load_checkpoint(path) is not None
    except CheckpointError:
        return False
