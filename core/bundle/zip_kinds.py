"""What a zip is that is not a run, told by the names in it: what somebody took by mistake."""

from __future__ import annotations

import re
from collections.abc import Sequence

KINDS = (  # a pattern that one name matches, and what the zip then is
    (r"(.*/)?saved_model\.pb", "a TensorFlow SavedModel"),
    (r"model\.weights\.h5", "a Keras model"),
    (r"(.*/)?labels\.csv|[0-9]-[0-9a-f-]+\.png", "an export of My digits"),
    (r"(x|y|train|test)_?\w*\.npy|arr_\d+\.npy", "a dataset, as NumPy keeps it"),
    (r"(.*/)?.*(idx[13]-ubyte)(\.gz)?", "a dataset in the form of MNIST's own files"),
    (r".*\.csv", "a dataset as CSV"),
    (r"(.*/)?[0-9]/[^/]+\.(png|jpe?g)", "a dataset of pictures"),
    (r".*\.(png|jpe?g|webp)", "a folder of pictures"),
)


def kind_of(names: Sequence[str]) -> str:
    """In words what a zip with these names is."""
    for pattern, words in KINDS:
        if any(re.fullmatch(pattern, name, re.IGNORECASE) for name in names):
            return words
    return "an empty zip" if not names else "another zip"
