"""Exports, each verified over the whole test set in its own runtime: that it answers as the run does.

A verification holds the fingerprint of its file, so that a file that was changed is not offered.
"""

from __future__ import annotations

import math
import shutil
import statistics
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from core.data import Dataset, synthetic_digits
from core.data.my_digits import MyDigits
from core.drawing.mnist_form import IMAGE_SHAPE
from core.export.formats import FORMATS, Format, possible
from core.people import own_home
from core.predictor import ModelError, Predictor, fingerprint
from core.runs import Run, RunView, files, results

FORM = 2  # of the files: 1 had Keras files that only Keras 3.15 reads, and a SavedModel without a numbered folder
BATCH = 100  # images at once when all are read, in every runtime: what LiteRT is fastest with
SAME = 1e-4  # the largest difference in a probability that rounding in another order explains, with room
ENOUGH_DIGITS = 20  # of mine that are held out, to measure drawings by
WRITTEN = 400
NO_DRAWINGS = (
    "none, since it reads other things than digits",
    np.empty((0, *IMAGE_SHAPE), np.uint8),
    np.empty(0, np.uint8),
)
_SINGLE, _WHOLE = 50, 3  # how many times one image and all of them are timed

Report = Callable[[int, int, str], None]
Reader = Callable[[np.ndarray], np.ndarray]  # uint8 (n, 28, 28) to float32 (n, classes)


@dataclass(frozen=True)
class Verification:
    """What one export was found to do.

    Attributes:
        format: a name in `FORMATS`.
        error: why it could not be made or read, "" where it could; all that follows is 0 otherwise.
        bytes, fingerprint: of its file.
        difference: the largest from the run's LiteRT model, of any class's probability for any test image.
        different: how many test images are predicted otherwise.
        accuracy: on the test images, a fraction.
        drawings: how many drawings of digits are read right, 0 where it reads other things.
        seconds_one, seconds_all: medians for one image and for all test images in batches of `BATCH`.
        litert_one, litert_all: these medians for the run's LiteRT model, timed in the same minute.
    """

    format: str
    error: str = ""
    bytes: int = 0
    fingerprint: str = ""
    difference: float = 0.0
    different: int = 0
    accuracy: float = 0.0
    drawings: int = 0
    seconds_one: float = 0.0
    seconds_all: float = 0.0
    litert_one: float = 0.0
    litert_all: float = 0.0

    @property
    def is_same(self) -> bool:
        """Whether it answers as the run does, but for rounding."""
        return not self.error and self.different == 0 and self.difference <= SAME


@dataclass(frozen=True)
class Exports:
    """All exports of one model, verified on one test set.

    Attributes:
        model, dataset: fingerprints of the run's LiteRT model and of the dataset.
        images: how many test images there are.
        drawings, drawn: what was taken for drawings, in words, and how many there are.
        verifications: one a format, in the order of `FORMATS`.
        form: `FORM` of the program that wrote the files.
    """

    model: str
    dataset: str
    images: int
    drawings: str
    drawn: int
    verifications: tuple[Verification, ...]
    form: int = FORM

    @property
    def method(self) -> int:
        """How the files were written."""
        return self.form

    def stale(self, model: str, dataset: str) -> str:
        """Why it is out of date, "" where it is of this model and dataset, with files as they are written today."""
        return results.stale(self, model=model, dataset=dataset, method=FORM)

    def of(self, name: str) -> Verification | None:
        """The verification of one format, None where it was not exported."""
        return next((each for each in self.verifications if each.format == name), None)

    def save(self, run: Run) -> None:
        """Keep it in the run's folder."""
        values = asdict(self)
        results.save(run.path, files.EXPORTS, {"proofs": values.pop("verifications"), **values})


def load(run: RunView) -> Exports | None:
    """What the exports of the run were found to do, None where there are none or the file is damaged."""
    return results.load(run.path, files.EXPORTS, _exports)


def verified_file(run: RunView, exports: Exports, name: str) -> bytes | None:
    """The exported file, None where it is not there or not the one that was verified."""
    found = exports.of(name)
    if found is None or found.error:
        return None
    try:
        content = FORMATS[name].path(run).read_bytes()
    except OSError:
        return None
    return content if fingerprint(content) == found.fingerprint else None


def export_all(
    run: Run,
    predictor: Predictor,
    model: str,
    dataset: Dataset,
    report: Report = lambda *_: None,
    names: Iterable[str] | None = None,
) -> Exports:
    """Write the run's network in each format, read the whole test set with each, and save both in the run.

    What fails in one format stands in its verification. LiteRT is always measured, as what the
    others are measured against.

    Args:
        run: a run with a model.
        predictor: its LiteRT model; `model` is that file's fingerprint.
        report: called before each step.
        names: the formats; without, all that the run and the installed packages allow.

    Raises:
        ModelError: where the dataset has no test images.
    """
    if not len(dataset.y_test):
        raise ModelError("The dataset has no test images, so an export cannot be verified.")
    wanted = set(possible(run) if names is None else names) | {"litert"}
    chosen = [format for format in FORMATS.values() if format.name in wanted and (names or not format.missing)]
    before = load(run)
    current = before is not None and not before.stale(model, dataset.fingerprint)
    verifications = {each.format: each for each in before.verifications} if current else {}
    words, images, labels = drawings(run) if dataset.is_digits else NO_DRAWINGS
    report(0, len(chosen) + 1, "Reading the test images with LiteRT")
    measure = partial(_measure, dataset=dataset, drawn=(images, labels), litert=_Reference(predictor.outputs, dataset))
    making = run.path / files.EXPORTS_FOLDER / ".making"
    if not verifications:
        shutil.rmtree(run.path / files.EXPORTS_FOLDER, ignore_errors=True)  # of an earlier model
    for number, format in enumerate(chosen, start=1):
        report(number, len(chosen) + 1, f"{format.title}: writing and reading it")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        try:
            path = _made(run, format, making)
            verifications[format.name] = measure(format, path)
            if format.name != "litert":
                path.replace(format.path(run))
        except Exception as error:  # a converter or a runtime may raise anything
            traceback.print_exc()
            verifications[format.name] = Verification(format.name, error=_in_words(format, error))
        ordered = tuple(verifications[name] for name in FORMATS if name in verifications)
        exports = Exports(model, dataset.fingerprint, len(dataset.y_test), words, len(labels), ordered)
        exports.save(run)
    shutil.rmtree(making, ignore_errors=True)
    return exports


def drawings(run: RunView) -> tuple[str, np.ndarray, np.ndarray]:
    """What stands for drawings, in words; images uint8 (n, 28, 28); labels uint8 (n,).

    My digits that no run learns from, where there are enough; otherwise digits that a program wrote with a pen of its
    own, always the same.
    """
    images, labels, held_out = MyDigits(own_home(run.home, run.owner.id)).arrays()
    if held_out.sum() >= ENOUGH_DIGITS:
        return "digits of yours that no run learns from", images[held_out], labels[held_out]
    images, labels = synthetic_digits.write_digits(np.random.default_rng(0), WRITTEN)
    return "1s, 4s, 7s and 9s written by a program in forms that MNIST hardly has", images, labels


class _Reference:
    """What the run's LiteRT model says of the test images, and how long it takes."""

    def __init__(self, outputs: Callable[[np.ndarray], dict[str, np.ndarray]], dataset: Dataset) -> None:
        def read(images: np.ndarray) -> np.ndarray:
            return outputs(images)["probabilities"]

        self.probabilities = in_batches(read, dataset.x_test)
        self.seconds_one, self.seconds_all = timed(read, dataset.x_test)


def _made(run: Run, format: Format, folder: Path) -> Path:
    """The export, in `folder`; LiteRT is there already."""
    if format.name == "litert":
        return format.path(run)
    if format.missing:
        raise ModuleNotFoundError(", ".join(format.missing))
    from core.export import convert

    convert.convert(format.name, run.keras_path, folder / format.file)
    return folder / format.file


def load_reader(name: str, path: Path) -> Reader:
    """Read images with an exported file in its own runtime; imports that runtime."""
    if name in ("litert", "int8"):
        return Predictor(path.read_bytes(), path).probabilities
    if name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        return lambda images: session.run(["probabilities"], {"images": images})[0]
    from core.export import convert

    return {"keras": convert.keras_reader, "savedmodel": convert.saved_model_reader}[name](path)


def in_batches(read: Reader, images: np.ndarray) -> np.ndarray:
    """Probabilities float32 (n, classes) of all images, `BATCH` at once."""
    return np.concatenate([read(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


def timed(read: Reader, images: np.ndarray) -> tuple[float, float]:
    """Median seconds for one image, each time another, and for all of them; the first one is not counted."""
    read(images[:1])
    single = [_seconds(read, images[i : i + 1]) for i in np.resize(np.arange(len(images)), _SINGLE)]
    whole = [_seconds(partial(in_batches, read), images) for _ in range(_WHOLE)]
    return statistics.median(single), statistics.median(whole)


def _seconds(read: Reader, images: np.ndarray) -> float:
    began = time.perf_counter()
    read(images)
    return time.perf_counter() - began


def _measure(
    format: Format, path: Path, *, dataset: Dataset, drawn: tuple[np.ndarray, np.ndarray], litert: _Reference
) -> Verification:
    read = load_reader(format.name, path)
    found = in_batches(read, dataset.x_test)
    if found.shape != litert.probabilities.shape or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
        raise ModelError(
            f"{format.file} does not give {len(dataset.classes)} probabilities that sum to 1 for each image."
        )
    predictions = found.argmax(axis=1)
    images, labels = drawn
    content = path.read_bytes()
    one, every = (litert.seconds_one, litert.seconds_all) if format.name == "litert" else timed(read, dataset.x_test)
    return Verification(
        format=format.name,
        bytes=len(content),
        fingerprint=fingerprint(content),
        difference=float(np.abs(found - litert.probabilities).max()),
        different=int((predictions != litert.probabilities.argmax(axis=1)).sum()),
        accuracy=float((predictions == dataset.y_test).mean()),
        drawings=int((in_batches(read, images).argmax(axis=1) == labels).sum()) if len(images) else 0,
        seconds_one=one,
        seconds_all=every,
        litert_one=litert.seconds_one,
        litert_all=litert.seconds_all,
    )


def _in_words(format: Format, error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"A package is missing: {error}. Install requirements-export.txt and export again."
    return f"{type(error).__name__}: {error}"[:500]


def _exports(values: dict) -> Exports:
    texts = {name: str(values[name]) for name in ("model", "dataset", "drawings")}
    counts = {name: _number(values[name], int) for name in ("images", "drawn")}
    form = _number(values.get("form", 1), int)
    return Exports(**texts, **counts, verifications=tuple(_verification(row) for row in values["proofs"]), form=form)


def _verification(row: dict) -> Verification:
    """A verification as it was saved; ValueError, TypeError or KeyError where it is none."""
    if row["format"] not in FORMATS:
        raise ValueError("not a format")
    kinds = {field.name: type(field.default) for field in fields(Verification) if field.name != "format"}
    values = {name: str(row[name]) if kind is str else _number(row[name], kind) for name, kind in kinds.items()}
    if values["accuracy"] > 1:
        raise ValueError("not a fraction")
    return Verification(row["format"], **values)


def _number(value: object, kind: type) -> int | float:
    """A number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise TypeError("not a number")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError("not a number of 0 or more")
    return kind(value)
