"""What looks wrong in digits of one's own, from the images and labels alone: said with its remedy, never changed.

Which digit an image shows is told by the mean images of the embedded digits (mean_digits.npy, uint8 (10, 28, 28)): the
one that it correlates with most. That fits the label of six in ten of MNIST's test images, and of one in seven where
those are transposed. It says little of one image, and enough of fifty.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from core.data.classes import DIGITS

MEANS = Path(__file__).with_name("mean_digits.npy")
LEAST, MOST = 50, 2_000  # images that are looked at; fewer say too little
CLEARLY = 0.15  # so much more often is no accident
FITTING = 0.4  # how often at least the means fit the labels where nothing is wrong,
CONTRADICTING = 0.3  # and where they contradict them in masses
LIGHT = 127  # of an image's outermost pixels
FAINT = 128  # the strongest pixel of all
FIRST = 100  # images that cannot all have one label by accident
IN_PYTHON = "In Python, for both arrays of images:"
TURNED = {  # what was done to images, what undoes it, and how that is written
    "transposed (rows and columns exchanged, as EMNIST has them)": (
        partial(np.transpose, axes=(0, 2, 1)),
        "x.transpose(0, 2, 1)",
    ),
    "mirrored": (partial(np.flip, axis=2), "x[:, :, ::-1]"),
    "upside down": (partial(np.flip, axis=1), "x[:, ::-1]"),
    "turned by 180°": (partial(np.flip, axis=(1, 2)), "x[:, ::-1, ::-1]"),
    "turned by 90° to the left": (partial(np.rot90, k=-1, axes=(1, 2)), "numpy.rot90(x, -1, (1, 2))"),
    "turned by 90° to the right": (partial(np.rot90, k=1, axes=(1, 2)), "numpy.rot90(x, 1, (1, 2))"),
}


def doubts(
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    classes: tuple[str, ...] = DIGITS,
) -> tuple[str, ...]:
    """A few sentences for each thing that looks wrong: what it is, how that is known, and what to do.

    Args:
        x_train, x_test: uint8 (n, 28, 28).
        y_train, y_test: uint8 (n,), 0 to 9, or the numbers of `classes`.
        classes: the names of the labels. How other things than digits should look is not known.
    """
    found = [*_order(y_train, classes), *_missing(classes, y_train, y_test), *_repeated(x_train, x_test)]
    if len(y_train) >= LEAST:
        places = np.linspace(0, len(y_train) - 1, min(len(y_train), MOST)).astype(int)
        sample = x_train[places], y_train[places]
        found = [*_looks(*sample, is_digits=classes == DIGITS), *found]
    return tuple(found)


def _looks(images: np.ndarray, labels: np.ndarray, is_digits: bool) -> Iterator[str]:
    """Doubts about a sample of images and their labels."""
    if images.max() < FAINT:
        yield (
            f"The images look faint: no pixel is stronger than {images.max()} of 255. If that is their full ink, "
            f"multiply them by {255 / max(images.max(), 1):.4g} and save them again."
        )
    rim = np.concatenate(
        [images[:, [0, -1]].reshape(len(images), -1), images[:, :, [0, -1]].reshape(len(images), -1)], 1
    )
    if 2 * np.mean(np.median(rim, axis=1) > LIGHT) > 1:
        yield (
            "The images look inverted, dark on light: what is drawn on Draw is light on dark, as MNIST is. "
            f"{IN_PYTHON} x = 255 - x, and save them again."
        )
        images = 255 - images
    if not is_digits:
        return
    fits = {"": np.mean(_shown(images) == labels)}
    fits |= {words: np.mean(_shown(undo(images)) == labels) for words, (undo, _) in TURNED.items()}
    best = max(fits, key=fits.get)
    if fits[best] >= max(FITTING, fits[""] + CLEARLY):
        yield (
            f"The images look {best}: a simple classifier agrees with {fits['']:.0%} of their labels as they are, and "
            f"with {fits[best]:.0%} once they are put right. {IN_PYTHON} x = {TURNED[best][1]}, and save them again."
        ).replace("%", " %")
    elif fits[""] < CONTRADICTING:
        yield _contradiction(_shown(images), labels)


def _contradiction(shown: np.ndarray, labels: np.ndarray) -> str:
    """What to say where the means do not fit the labels, however images are turned."""
    fits = [np.mean((labels + more) % len(DIGITS) == shown) for more in range(len(DIGITS))]
    more = int(np.argmax(fits))
    words = (
        f"The labels do not fit the images: a simple classifier of digits agrees with {fits[0]:.0%} of them, where it "
        "agrees with 60% of MNIST's. "
    ).replace("%", " %")
    if fits[more] >= max(FITTING, fits[0] + CLEARLY):
        return f"{words}They would fit with {more} added: save (labels + {more}) % 10 instead."
    return (
        f"{words}Look at some on Predictions. Labels may be in another order than their images, or wrong; or the "
        "images are no digits, or not written in the middle."
    )


def _shown(images: np.ndarray) -> np.ndarray:
    """The digit whose mean image each of the images correlates with most, int (n,)."""
    return (_standardised(images) @ _standardised(np.load(MEANS)).T).argmax(axis=1)


def _standardised(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1)


def _order(labels: np.ndarray, classes: tuple[str, ...]) -> Iterator[str]:
    count, kind = min(FIRST, len(labels) // 6), "digit" if classes == DIGITS else "class"
    for where, some in (("first", labels[:count]), ("last", labels[len(labels) - count :])):
        if 2 * count >= LEAST and some.min() == some.max() and labels.min() != labels.max():
            yield (
                f"The {where} {count} training images are all of the {kind} {classes[some[0]]}, as if sorted: a run "
                "with fewer images takes the first ones, and validates on the last ones. Shuffle them in Python: "
                "order = numpy.random.default_rng(0).permutation(len(y_train)); x_train, y_train = x_train[order], "
                "y_train[order]"
            )
            return


def _missing(classes: tuple[str, ...], *labels: np.ndarray) -> Iterator[str]:
    for part, some in zip(("training", "test"), labels, strict=True):
        missing = [name for number, name in enumerate(classes) if number not in some]
        if missing and len(some) >= LEAST:
            yield f"No {part} image shows {' or '.join(missing)}: add some, or what is said of it tells nothing."


def _repeated(train: np.ndarray, test: np.ndarray) -> Iterator[str]:
    tested = {image.tobytes() for image in test}  # fewer than those to train, so that the memory need hold no more
    known = {drawn for image in train if (drawn := image.tobytes()) in tested}
    count = sum(image.tobytes() in known for image in test)
    if count:
        yield (
            f"{count:,} of {len(test):,} test images {'is' if count == 1 else 'are'} also among the training images, "
            "so the test accuracy says too much. Remove them from one of the two."
        )
