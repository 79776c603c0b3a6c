"""Which test images excite a unit most, cached for all sessions."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import Dataset
from core.interpretability.inside import Inside
from core.runs import RunView

IMAGES, COUNT, BATCH = 2_000, 16, 250


def most_exciting(
    run: RunView, digits: Dataset, inside: Inside, name: str, index: int
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the images, of the first 2,000 of the test set, and the unit's number for each, largest first."""
    strengths = _strengths(inside, digits.fingerprint, digits)
    column = strengths["logits" if name == "output" else name][:, index]
    found = np.argsort(-column, kind="stable")[:COUNT]
    return found, column[found]


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs={Inside: id})
def _strengths(inside: Inside, fingerprint: str, _digits: Dataset) -> dict[str, np.ndarray]:
    """What each unit puts out for each image, at most over its map, float32 (n, units) by layer."""
    found: dict[str, list[np.ndarray]] = {}
    images = _digits.x_test[:IMAGES]
    for begin in range(0, len(images), BATCH):
        for name, values in inside.activations(images[begin : begin + BATCH]).items():
            if name != "images":
                found.setdefault(name, []).append(values.max(axis=(1, 2)) if values.ndim == 4 else values)
    return {name: np.concatenate(parts) for name, parts in found.items()}
