"""Some images of the test set to put on the canvas: for who wants to see what happens, and for who cannot draw."""

from __future__ import annotations

import random

import numpy as np
import streamlit as st

from core.data import Dataset
from dashboard.components.widgets.canvas import current_drawing, put_image
from dashboard.components.widgets.gallery import Tile, gallery

MOST = 20


def show_examples(digits: Dataset) -> None:
    """Show images of classes, others on each new canvas; the one that is chosen is put on the canvas."""
    turn = st.session_state.setdefault("examples_turn", random.randrange(1000)) + current_drawing().canvas
    images = example_images(digits.y_test, turn=turn)
    gallery(
        digits.x_test[images],
        [Tile(image, int(digits.y_test[image]), of="test") for image in images],
        key="examples",
        on_choose=lambda image: put_test_image(digits, image),
        tile_size=56,
        label=f"{'Digits' if digits.is_digits else 'Images'} to put on the canvas",
        classes=digits.classes,
    )


def example_images(labels: np.ndarray, *, turn: int) -> list[int]:
    """The number of an image of each class, of `MOST` where there are more, others each `turn`."""
    order = np.random.default_rng(turn).permutation(len(labels))
    shown = np.unique(labels)
    if len(shown) > MOST:
        shown = np.sort(np.random.default_rng(turn).choice(shown, MOST, replace=False))
    return [int(order[np.argmax(labels[order] == label)]) for label in shown]


def put_test_image(digits: Dataset, image: int) -> None:
    """Put an image of the test set on the canvas."""
    origin = f"Image {image} of the test set, label {digits.classes[digits.y_test[image]]}"
    put_image(digits.x_test[image], origin=origin, index=image)
