"""The formats that a run's network is taken out in: what each is for, what it needs, and code that runs it.

Every one takes raw pixels, uint8 (n, 28, 28), 0 to 255, and gives ten probabilities that sum to 1; scaling is inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from core.runs import RunView
from core.runs.files import EXPORTS_FOLDER, KERAS_MODEL, LITERT_MODEL

INSTALL = "pip install -r requirements-export.txt"


@dataclass(frozen=True)
class Format:
    """One way out.

    Attributes:
        name: what the command line calls it.
        title: what people call it.
        file: the name of its file.
        sentence: what it is for.
        runs_in: the oldest versions that were tried and read it, and what does not.
        snippet: Python that reads digit.png with the file, both in the working directory, and prints the prediction
            and its confidence; at most ten lines.
        packages: the modules that it takes besides those in requirements.txt.
    """

    name: str
    title: str
    file: str
    sentence: str
    runs_in: str
    snippet: str
    packages: tuple[str, ...] = ()

    def path(self, run: RunView) -> Path:
        """Where the run keeps it; LiteRT is the run's own model, which every page here reads with."""
        return run.model_path if self.name == "litert" else run.path / EXPORTS_FOLDER / self.file

    @property
    def missing(self) -> list[str]:
        """The modules that it takes and that are not installed."""
        return [name for name in self.packages if find_spec(name) is None]


def possible(run: RunView) -> list[str]:
    """The names of the formats that the run can be exported to where all packages are installed.

    Without its Keras model, as the starter or a run from elsewhere, that is LiteRT only.
    """
    return list(FORMATS) if run.keras_path.exists() else ["litert"]


_PICTURE = 'images = np.asarray(Image.open("digit.png").convert("L"))[None]  # 28 × 28, white on black'
_PRINT = "print(probabilities.argmax(axis=1), probabilities.max(axis=1))"

_KERAS = f"""\
# pip install keras tensorflow pillow
import keras
import numpy as np
from PIL import Image

{_PICTURE}
model = keras.saving.load_model("model.keras")
probabilities = model.predict_on_batch(images)
{_PRINT}
"""

_LITERT = f"""\
# pip install ai-edge-litert pillow
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

{_PICTURE}
model = Interpreter("%s").get_signature_runner()
probabilities = model(images=images)["probabilities"]
{_PRINT}
"""

_ONNX = f"""\
# pip install onnxruntime pillow
import numpy as np
import onnxruntime
from PIL import Image

{_PICTURE}
model = onnxruntime.InferenceSession("model.onnx")
[probabilities] = model.run(["probabilities"], {{"images": images}})
{_PRINT}
"""

_SAVED_MODEL = f"""\
# pip install tensorflow pillow
import zipfile
import numpy as np
import tensorflow as tf
from PIL import Image
{_PICTURE}
zipfile.ZipFile("model-savedmodel.zip").extractall("model-savedmodel")
model = tf.saved_model.load("model-savedmodel/1")
probabilities = model.serve(images).numpy()
{_PRINT}
"""

FORMATS = {
    format.name: format
    for format in (
        Format(
            "litert",
            "LiteRT",
            LITERT_MODEL,
            "Small and fast, for phones and small computers. Digit Lab itself uses it.",
            "Runs in LiteRT 1.0 and newer, TensorFlow 2.16 and newer, and tflite-runtime 2.14.",
            _LITERT % LITERT_MODEL,
        ),
        Format(
            "int8",
            "LiteRT, int8",
            "model-int8.tflite",
            "About a quarter of the size, with 8-bit weights. It may lose a little accuracy.",
            "Runs in LiteRT 1.0 or TensorFlow 2.17 and newer, not in TensorFlow 2.16 or tflite-runtime 2.14.",
            _LITERT % "model-int8.tflite",
        ),
        Format(
            "keras",
            "Keras",
            KERAS_MODEL,
            "For Python: inspect the network, change it or train it further.",
            "Runs in Keras 3.8 and newer, on TensorFlow or JAX.",
            _KERAS,
        ),
        Format(
            "onnx",
            "ONNX",
            "model.onnx",
            "For C++, C#, Java, JavaScript in the browser and Windows ML.",
            "Runs in ONNX Runtime 1.17 and newer, not in OpenCV 4, whose DNN module needs a fixed batch size.",
            _ONNX,
            ("onnx", "onnxruntime", "tf2onnx"),
        ),
        Format(
            "savedmodel",
            "TensorFlow SavedModel",
            "model-savedmodel.zip",
            "For TensorFlow Serving, and TensorFlow in C++, Java or Go. A zipped folder.",
            "Runs in TensorFlow 2.16 and newer, and in TensorFlow Serving, which looks for the folder 1 in the zip.",
            _SAVED_MODEL,
        ),
    )
}
