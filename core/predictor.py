"""The exported model of a run: images in, probabilities out.

It runs in LiteRT, without TensorFlow, which starts at once and reads one image in 0.02 to 0.2 ms. The model
scales pixels itself, so images go in as they are, 0 to 255.
"""

import hashlib
import os
import threading
from pathlib import Path

import numpy as np

from core.drawing.mnist_form import IMAGE_SHAPE
from core.runs.files import LITERT_MODEL
from core.storage import printable

REQUIRED_OUTPUTS = {"probabilities", "hidden"}

# Measured, 10,000 images, a small CNN, two threads: 100 at once 0.33 s, 250 to 10,000 at once 0.37 to 0.40 s.
CHUNK = 100


class ModelError(Exception):
    """A run's exported model is missing, damaged or not this program's; the message says what to do."""


class RuntimeMissing(ModelError):
    """LiteRT, which runs the models, cannot be loaded."""


def fingerprint(model: bytes) -> str:
    """Sixteen hex digits of the SHA-256 of an exported model."""
    return hashlib.sha256(model).hexdigest()[:16]


def model_fingerprint(run_folder: str | os.PathLike[str]) -> str:
    """The fingerprint of the model in a run's folder, "" where it cannot be read."""
    try:
        return fingerprint((Path(run_folder) / LITERT_MODEL).read_bytes())
    except OSError:
        return ""


class Predictor:
    """Reads images with one exported model; safe to share between threads, which take turns.

    Example
    -------
    >>> predictor = Predictor.load("digitlab-home/runs/20261123-dense")  # doctest: +SKIP
    >>> predictor.probabilities(images).argmax(axis=1)  # doctest: +SKIP
    array([7, 2, 1], dtype=int64)
    """

    def __init__(self, model: bytes, source: Path) -> None:
        """Take the contents of a LiteRT file; `source` is what error messages call it. Raises ModelError."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except (ImportError, OSError) as error:
            raise RuntimeMissing(
                f"LiteRT cannot be loaded ({printable(error)}), so no model can run. Install it with "
                "pip install ai-edge-litert; it has no packages for Intel Macs."
            ) from error
        try:
            interpreter = Interpreter(model_content=model, num_threads=min(os.cpu_count() or 1, 4))
            self._runner = interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{source} is damaged and cannot be read ({error}). Export the model again or train the run again."
            ) from error
        inputs, outputs = self._runner.get_input_details(), self._runner.get_output_details()
        image = next(iter(inputs.values()), None)
        if len(inputs) != 1 or image["dtype"] != np.uint8 or tuple(image["shape_signature"]) != (-1, *IMAGE_SHAPE):
            raise ModelError(
                f"{source} does not take a batch of 28×28 uint8 images. Export the model again with this version."
            )
        if missing := REQUIRED_OUTPUTS - set(outputs):
            raise ModelError(
                f"{source} has no output named {' or '.join(sorted(missing))}, "
                f"only {', '.join(sorted(outputs))}. "
                "Export the model again with this version."
            )
        self._input = next(iter(inputs))
        self._widths = {name: int(detail["shape_signature"][-1]) for name, detail in outputs.items()}
        self._lock = threading.Lock()

    @classmethod
    def load(cls, run_folder: str | os.PathLike[str]) -> "Predictor":
        """Load `run_folder`/model.tflite. Raises ModelError where it is missing or cannot be used."""
        path = Path(run_folder) / LITERT_MODEL
        try:
            model = path.read_bytes()
        except FileNotFoundError as error:
            raise ModelError(f"{path} does not exist. Train the run to its end, or export its model again.") from error
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}). Check its permissions.") from error
        return cls(model, source=path)

    @property
    def classes(self) -> int:
        """How many classes the model tells apart, 10 for digits."""
        return self._widths["probabilities"]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return each class's probability, float32 (n, classes), rows summing to 1, for uint8 (n, 28, 28)."""
        return self.outputs(images)["probabilities"]

    def hidden(self, images: np.ndarray) -> np.ndarray:
        """Return the last hidden layer's activations, float32 (n, d), for uint8 (n, 28, 28)."""
        return self.outputs(images)["hidden"]

    def scores(self, images: np.ndarray) -> np.ndarray | None:
        """Return the classic network's sigmoid outputs, float32 (n, classes), 0 to 1; None for other networks."""
        return self.outputs(images).get("scores")

    def outputs(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return all named outputs of the model at once, float32 (n, …) each, for uint8 (n, 28, 28).

        Raises ValueError for another dtype or shape. n may be 0.
        """
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
            came = getattr(images, "dtype", type(images).__name__)
            raise ValueError(f"images must be a uint8 array of raw pixels, 0 to 255, but came as {came}.")
        if images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE:
            raise ValueError(f"images must be (n, 28, 28), but came as {images.shape}.")
        outputs = {name: np.empty((len(images), width), np.float32) for name, width in self._widths.items()}
        with self._lock:
            for start in range(0, len(images), CHUNK):
                chunk = np.ascontiguousarray(images[start : start + CHUNK])
                for name, values in self._runner(**{self._input: chunk}).items():
                    outputs[name][start : start + CHUNK] = values
        return outputs
