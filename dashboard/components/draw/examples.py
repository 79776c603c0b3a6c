"""Three images of the test set to put on the canvas: for who wants to see what happens, and for who cannot draw."""

from __future__ import annotations

import numpy as np

from core.data import Dataset
from dashboard.components.widgets.canvas import current_drawing, put_image
from dashboard.components.widgets.gallery import Tile, gallery

EXAMPLES = 3


def show_examples(digits: Dataset) -> None:
    """Show three images, others on each new canvas; the one that is chosen is put on the canvas."""
    images = example_images(digits.y_test, turn=current_drawing().canvas)
    gallery(
        digits.x_test[images],
        [Tile(image, int(digits.y_test[image]), of="test") for image in images],
        key="examples",
        on_choose=lambda image: put_test_image(digits, image),
        tile_size=84,
        label="Digits to put on the canvas",
    )


def example_images(labels: np.ndarray, *, turn: int) -> list[int]:
    """The numbers of three images of different digits, others each `turn`."""
    found = np.unique(labels)
    wanted = np.roll(found, -EXAMPLES * turn)[:EXAMPLES]
    order = np.random.default_rng(turn).permutation(len(labels))
    return [int(order[np.argmax(labels[order] == label)]) for label in wanted]


def put_test_image(digits: Dataset, image: int) -> None:
    """Put an image of the test set on the canvas."""
    origin = f"Image {image} of the test set, label {digits.y_test[image]}"
    put_image(digits.x_test[image], origin=origin, index=image)
