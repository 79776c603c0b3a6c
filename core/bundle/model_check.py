"""Tries a model from elsewhere in a process of its own, so that one that crashes, hangs or grows harms nobody.

LiteRT is the only thing that ever runs it. `python -m core.bundle.model_check` reads the model from standard input,
runs it on a few images and prints what is wrong with it; it ends with 0 where nothing is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE
from core.home import ROOT
from core.layers import CLASSES
from core.predictor import ModelError, Predictor
from core.runs.files import LITERT_MODEL
from core.terminal import command_line, exit_with

SECONDS = 60  # a model of this program takes less than one
MEMORY = 4 * 2**30  # address space, of which threads reserve much and use little
OUTPUTS = ("probabilities", "hidden", "scores")
MOST_UNITS = 2**16  # of the hidden layer
IMAGES = 130  # one whole chunk of the predictor and a part of one
REFUSED = 3


def check_model(model: bytes, classes: int = CLASSES) -> None:
    """Run the contents of a LiteRT file that tells so many classes apart on a few images, elsewhere.

    Raises:
        ModelError: where it cannot be read, is not a reader of digits, crashes, or takes too long.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "core.bundle.model_check", "--classes", str(classes)],
            cwd=ROOT,
            input=model,
            capture_output=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"model.tflite took more than {SECONDS} seconds for {IMAGES} images.") from error
    if done.returncode == REFUSED:
        raise ModelError(done.stdout.decode(errors="replace").strip())
    if done.returncode:
        raise ModelError("model.tflite is damaged: it crashed when it was tried.")


def try_out(model: bytes, classes: int = CLASSES) -> None:
    """The check itself, in this process.

    Raises:
        ModelError: what is wrong with the model.
    """
    reader = Predictor(model, Path(LITERT_MODEL))
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, *IMAGE_SHAPE), dtype=np.uint8)
    images[0], images[1] = 0, 255
    try:
        outputs, alone = reader.outputs(images), reader.outputs(images[:1])
    except (ValueError, RuntimeError, KeyError, MemoryError) as error:
        raise ModelError(f"model.tflite cannot read images ({error}).") from error
    for name, values in outputs.items():
        if name not in OUTPUTS:
            raise ModelError(f"model.tflite has an output that no model of this program has: {name[:40]!r}.")
        wanted = values.shape[1] if name == "hidden" else classes
        if values.shape[1] != wanted or not 1 <= values.shape[1] <= MOST_UNITS:
            raise ModelError(f"model.tflite gives {values.shape[1]:,} {name} an image.")
        if not np.isfinite(values).all():
            raise ModelError(f"model.tflite gives {name} that are no numbers.")
    probabilities = outputs["probabilities"]
    if probabilities.min() < 0 or np.abs(probabilities.sum(axis=1) - 1).max() > 1e-3:
        raise ModelError("model.tflite gives probabilities that do not sum to 1.")
    if np.abs(alone["probabilities"] - probabilities[:1]).max() > 1e-3:
        raise ModelError("model.tflite reads the same image differently each time.")


def _limit_resources() -> None:
    """Let the system end this process where it takes too much; Windows has no such limits."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform != "darwin":  # which refuses to limit the address space
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main(arguments: list[str] | None = None) -> int:
    """Check the model on standard input; returns the exit status."""
    parser = command_line("python -m core.bundle.model_check", "Tries the model that comes on standard input.")
    parser.add_argument("--classes", type=int, default=CLASSES, metavar="N", help="how many it tells apart")
    options = parser.parse_args(arguments)
    _limit_resources()
    try:
        try_out(sys.stdin.buffer.read(), options.classes)
    except ModelError as error:
        print(error)
        return REFUSED
    return 0


if __name__ == "__main__":
    exit_with(main)
