"""A training's variables and position as a checkpoint: taken and restored.

Its file, and whether that is sound, is in core.runs, which needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from core.runs.checkpoint import CheckpointError, Position, read_position

DOES_NOT_FIT = "The checkpoint does not fit this network. Start a new run with the same settings."


def take_checkpoint(variables: Sequence[keras.Variable], position: Position) -> dict[str, np.ndarray] | None:
    """All that is needed to continue, as arrays for `np.savez` without pickle; None where a variable is not finite."""
    arrays = {f"variable_{number:03d}": variable.numpy() for number, variable in enumerate(variables)}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        return None
    return {**arrays, "position": position.as_array()}


def restore_variables(variables: Sequence[keras.Variable], checkpoint: dict[str, np.ndarray]) -> None:
    """Assign a checkpoint's first arrays to `variables`, one each; it may hold more.

    Raises:
        CheckpointError: where an array is missing or has another shape.
    """
    try:
        arrays = [checkpoint[f"variable_{number:03d}"] for number in range(len(variables))]
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(DOES_NOT_FIT) from error


def restore_position(checkpoint: dict[str, np.ndarray], images: int, batch_size: int) -> Position:
    """A checkpoint's position in epochs of so many images.

    Raises:
        CheckpointError: where there is none, or its steps are not those of its epoch and batch.
    """
    try:
        position = read_position(checkpoint)
    except CheckpointError as error:
        raise CheckpointError(DOES_NOT_FIT) from error
    steps = position.epoch * -(-images // batch_size) + position.batch
    if (position.step, position.images) != (steps, min(position.batch * batch_size, images)):
        raise CheckpointError(DOES_NOT_FIT)
    return position
