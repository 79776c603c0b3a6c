"""What a zip is that is not a run, told by the names in it: what somebody took by mistake, and what to take instead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.bundle.parts import limit
from core.bundle.safe_zip import shown
from core.runs import files

WANTED = (
    "Choose the zip of a run. The other Digit Lab makes it on its Train page, under Files, Download run.zip, "
    "or by python -m core.bundle pack RUN."
)
HOME = (
    "Unpack it into a folder of its own, start Digit Lab with DIGITLAB_HOME set to that folder, and download run.zip "
    "of the run that you want."
)
NOT_TELLING = (files.CONFIG, files.LITERT_MODEL)  # which Keras' files and exported networks have too
NEVER_SENT = (files.CHECKPOINT, files.KERAS_MODEL, files.CONTROL, files.LOG, files.WORKER_LOCK)
KINDS = (  # a pattern that one name matches, and what the zip then is
    (r"(.*/)?saved_model\.pb", "a TensorFlow SavedModel"),
    (r"model\.weights\.h5", "a Keras model"),
    (r"(.*/)?[^/]+\.(tflite|onnx|keras)", "an exported network"),
    (r"(.*/)?labels\.csv|(.*/)?[0-9]-[0-9a-f-]+\.png", "an export of My digits"),
    (r"(.*/)?\d{8}-\d{6}-\d{9}-[0-9a-f]{4}\.npz", "a folder of My digits"),
    (r"(x|y|train|test)_?\w*\.npy|arr_\d+\.npy", "a dataset, as NumPy keeps it"),
    (r"(.*/)?.*(idx[13]-ubyte)(\.gz)?", "a dataset in the form of MNIST's own files"),
    (r".*\.csv", "a dataset as CSV"),
    (r"(.*/)?[0-9]/[^/]+\.(png|jpe?g)", "a dataset of pictures"),
    (r".*\.(png|jpe?g|webp)", "a folder of pictures"),
)


def wrong_kind(names: Sequence[str]) -> str:
    """What a zip with these names is, and what to choose instead, in words; "" where it is a run's.

    Args:
        names: as `core.bundle.safe_zip.names` gives them, without the folder that all files are in.
    """
    if any(limit(name) for name in names if name not in NOT_TELLING):
        return f"it is a run's folder as it is on the disk. {WANTED}" if set(names) & set(NEVER_SENT) else ""
    if any(re.fullmatch(rf"(.*/)?runs/[^/]+/{files.CONFIG}", name) for name in names):
        is_class = any(re.match(r"people/|class\b", name) for name in names)
        return f"it is all runs of {'a class' if is_class else 'a Digit Lab'}, not one. {HOME}"
    if runs := sum(name.endswith(f"/{files.SUMMARY}") for name in names):
        held = "a run among other files" if runs == 1 else f"{runs:,} runs"
        return f"it holds {held}. Make a zip of the run's folder alone, and import that."
    if inner := [name for name in names if name.lower().endswith(".zip")]:
        others = f" and {len(inner) - 1:,} more" if len(inner) > 1 else ""
        return f"it is a zip around {shown(inner[0])}{others}. Unpack it, and choose the zip of a run that is in it."
    return f"it is {_kind(names)}, not a run. {WANTED}"


def _kind(names: Sequence[str]) -> str:
    for pattern, words in KINDS:
        if any(re.fullmatch(pattern, name, re.IGNORECASE) for name in names):
            return words
    return "another zip" if names else "an empty zip"
