"""Why a network reads an image as it does: the ink that decided, and the training images it takes it for.

Plain functions on arrays and on anything with a `Predictor`'s `probabilities`; no TensorFlow, no Streamlit.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.drawing.mnist_form import IMAGE_SHAPE, IMAGE_SIDE

BACKGROUND = 0
FOR, AGAINST = (224, 112, 26), (74, 124, 240)  # orange and blue: apart in every common colour blindness
FAINTEST_EFFECT = 0.005  # of probability: where no pixel reaches it, nothing is coloured


class ReadsImages(Protocol):
    """What an explanation needs of a network."""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float (n, classes) for uint8 (n, 28, 28)."""


def occlusion_map(
    predictor: ReadsImages, image: np.ndarray, digit: int, *, patch: int = 5, stride: int = 2
) -> NDArray[np.float64]:
    """Return how much probability of `digit` hangs on each pixel of `image`, float64 (28, 28), -1 to 1.

    A square of `patch` × `patch` pixels is blanked at places `stride` apart, the last of them at the edge. A
    pixel's value is the mean of p(digit | image) - p(digit | image without the patch) over the patches P that
    cover it:

        m[y, x] = 1 / |{P ∋ (y, x)}| · Σ_{P ∋ (y, x)} (p - p_P)

    More than 0: this ink speaks for the digit; less: against it. Zeiler & Fergus 2014 (arXiv:1311.2901, section
    4.2) cover with grey, the mean of their photographs, since grey tells nothing there; here it is the
    background, 0, that tells nothing. So a patch without ink changes nothing, and is not even read.

    Raises:
        ValueError: for an image that is not uint8 (28, 28), a digit that is none, or patches that would leave
            pixels out (1 <= stride <= patch <= 28 is wanted).
    """
    if getattr(image, "dtype", None) != np.uint8 or image.shape != IMAGE_SHAPE:
        raise ValueError(f"image must be uint8 (28, 28), but came as {getattr(image, 'shape', type(image).__name__)}.")
    if not 1 <= stride <= patch <= IMAGE_SIDE:
        raise ValueError(f"1 <= stride <= patch <= {IMAGE_SIDE} is wanted, but came as stride {stride}, patch {patch}.")
    places = _places(patch, stride)
    inked = [place for place in places if image[place].any()]
    images = np.repeat(image[np.newaxis], 1 + len(inked), axis=0)
    for blanked, place in zip(images[1:], inked, strict=True):
        blanked[place] = BACKGROUND
    probabilities = predictor.probabilities(images)
    if digit not in range(probabilities.shape[1]):
        raise ValueError(f"digit must be 0 to {probabilities.shape[1] - 1}, but came as {digit}.")
    p = probabilities[:, digit].astype(np.float64)
    total, covering = np.zeros(IMAGE_SHAPE), np.zeros(IMAGE_SHAPE)
    for place in places:
        covering[place] += 1
    for place, lost in zip(inked, p[0] - p[1:], strict=True):
        total[place] += lost
    return total / covering


def overlay(image: np.ndarray, effect: np.ndarray, *, times: int = 12) -> NDArray[np.uint8]:
    """Return the image enlarged `times`, hard pixel edges, with an occlusion map as colour on it, uint8 (h, w, 3).

    Orange is ink that speaks for the digit, blue against it, as strong as the effect is beside the strongest.
    """
    strongest = np.abs(effect).max()
    share = np.abs(effect) / strongest if strongest >= FAINTEST_EFFECT else np.zeros_like(effect)
    hue = np.where(effect[..., np.newaxis] >= 0, FOR, AGAINST)
    ink = 0.35 + 0.65 * image[..., np.newaxis] / 255  # black keeps a little colour, so gaps can be seen too
    cover = 0.9 * share[..., np.newaxis]
    picture = (1 - cover) * image[..., np.newaxis] + cover * ink * hue
    return np.rint(picture).astype(np.uint8).repeat(times, axis=0).repeat(times, axis=1)


def _places(patch: int, stride: int) -> list[tuple[slice, slice]]:
    starts = sorted({*range(0, IMAGE_SIDE - patch + 1, stride), IMAGE_SIDE - patch})
    return [(slice(y, y + patch), slice(x, x + patch)) for y in starts for x in starts]
