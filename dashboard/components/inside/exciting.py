"""Which test images excite a unit most, of the first of the test set: read once for all layers and sessions."""

from __future__ import annotations

import numpy as np

from core.data import Dataset
from core.interpretability.inside import Inside

MANY, FEW = 2_000, 1_000  # test images; few where an image takes many multiplications
HEAVY = 1_000_000


def are_known(inside: Inside, digits: Dataset) -> bool:
    """Whether the answer is there at once."""
    return inside.knows(_sample(inside, digits))


def most_exciting(inside: Inside, digits: Dataset, name: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """The places in the test set of the images that excite a unit most, and the unit's number for each, largest first.

    Of a feature map the largest number anywhere in it counts, of the output layer the logit.
    """
    return inside.most_exciting(_sample(inside, digits), "logits" if name == "output" else name, index)


def _sample(inside: Inside, digits: Dataset) -> np.ndarray:
    return digits.x_test[: FEW if inside.network.multiplications > HEAVY else MANY]
