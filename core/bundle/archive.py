"""A run as one zip, to be sent to another Digit Lab: its metrics, predictions, settings, weights and LiteRT model.

A bundle may come from anybody. Keras files and checkpoints are left out, since loading those can run code or go on from
anything; the model is run by LiteRT alone. Every file in it is checked (core.bundle.safe_zip, core.bundle.schema,
core.bundle.model_check) before a folder is made, so it is imported whole or not at all.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np

from core.bundle import safe_zip
from core.bundle.model_check import check_model
from core.bundle.parts import CARD, EPOCH_FILE, LIMITS, NEEDED, PartError, Parts, limit, plain
from core.bundle.safe_zip import UnsafeZip, read_zip
from core.bundle.zip_kinds import WANTED, wrong_kind
from core.data import Dataset
from core.data.kept import Datasets
from core.drawing.mnist_form import IMAGE_SHAPE
from core.formatting import percent
from core.interpretability.inside import Inside
from core.predictor import ModelError, Predictor
from core.runs import ENDED, Run, RunStore
from core.runs.files import CONFIG, EVENTS, LITERT_MODEL, PREDICTIONS_FOLDER, WEIGHTS
from core.runs.state import newer_format
from core.runs.weights import Weights
from core.storage import explain_os_error, parse_json, write_atomically

MOST_FILES = 1_000
MOST_NAMES = 2**16 - 1  # of a zip that is something else, to tell what
MOST_BYTES = 200 * 2**20  # decompressed
MOST_ZIPPED = 64 * 2**20  # 200 epochs of a CNN have 25 MB; dashboard/serving/uploads.py lets as much in
ALIKE, ALIKE_IMAGES = 1e-3, 16  # probabilities by the weights and by the model, of so many images
MOST_BATCHES = 20_000  # of the events: more cannot be seen in a curve


class BundleError(ValueError):
    """A run cannot be packed or a file not imported; the message says what is wrong and what to do."""


class WrongZip(BundleError):
    """A file is whole, but not a run that can be read here; the message says what it is and what to choose instead."""


# Out


def why_not(run: Run) -> str:
    """Why a run cannot be packed now, and what to do; "" where it can."""
    if run.too_new:
        return run.too_new
    if run.state.name == "damaged":
        return "Its config.json or state.json is damaged. Choose another run."
    if run.state.name not in ENDED or run.has_worker():
        return "It is still in training. Pause or stop it first."
    if missing := [name for name in NEEDED if not (run.path / name).exists()]:
        return f"It has no {' and no '.join(missing)} yet. Train it to its end first."
    return ""


def pack(run: Run, dataset: Dataset | None = None) -> bytes:
    """A run as a zip with its model card; the same run gives the same bytes.

    With the `dataset`, where it is the run's own, the card says what the run fails at.

    Raises:
        BundleError: where it is in training, has no model yet, or a file of it is damaged or too large.
    """
    from core.model_card import model_card  # its imports are left to who packs

    if reason := why_not(run):
        raise BundleError(f"{run.name} cannot be packed. {reason}")
    try:
        files = {name: (run.path / name).read_bytes() for name in _names(run)}
    except OSError as error:
        raise BundleError(f"{run.name} cannot be packed. {explain_os_error(error)}") from error
    files[EVENTS] = _events(run)
    try:
        parts = _checked(files)
        packed = _zip({**parts.files(), CARD: model_card(run, dataset).as_markdown().encode()})
        _parts(packed)  # what could not be imported is not sent
    except (UnsafeZip, PartError) as error:
        raise BundleError(f"{run.name} cannot be packed: {error}. Train it again, or choose another run.") from error
    return packed


def _zip(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, contents in files.items():
            archive.writestr(zipfile.ZipInfo(name), contents, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _names(run: Run) -> list[str]:
    kept = [name for name in LIMITS if name != EVENTS and (run.path / name).exists()]
    if WEIGHTS in kept and (run.path / WEIGHTS).stat().st_size > LIMITS[WEIGHTS]:
        kept.remove(WEIGHTS)
    epochs = (f"{PREDICTIONS_FOLDER}/{path.name}" for path in sorted((run.path / PREDICTIONS_FOLDER).glob("*.npy")))
    return kept + [name for name in epochs if EPOCH_FILE.fullmatch(name)]


def _events(run: Run) -> bytes:
    """The history as it counts, without what a resumed run did again, in the form of events.jsonl."""
    history = run.history()
    batches = history.batches[:: 1 + len(history.batches) // MOST_BATCHES]
    events = sorted([*batches, *history.epochs], key=lambda event: event["step"])  # of equals the batch first
    if events:
        start = {"step": 0, "epoch": 0, "epoch_images": history.epoch_images}
        events.insert(0, {"type": "start", "time": events[0].get("time"), **start})
    return b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)


# In


def unpack(data: bytes, store: RunStore, file_name: str = "", dataset: Dataset | None = None) -> Run:
    """A new run in `store` from a bundle, under an id of its own, marked as imported from `file_name`.

    Where it was trained on `dataset`, or on one that was added to the home, what it claims is held against that: its
    accuracy must be that of its predictions, and how many of them its model reads differently here is noted.

    Raises:
        BundleError: where anything in it is not as it should be; then nothing was written.
        OSError: where the run cannot be written.
    """
    name = plain(file_name)[:100] or "The file"
    try:
        parts = _parts(data)
        check_model(parts.model, parts.config.classes)
        _check_weights(parts)
        if dataset:
            dataset = Datasets(store.home).of(parts.dataset["fingerprint"], dataset)
        verified = _verify(parts, dataset) if dataset else None
    except WrongZip as error:
        raise BundleError(f"{name} was not imported: {error}") from error
    except (UnsafeZip, PartError, ModelError) as error:
        raise BundleError(
            f"{name} was not imported: {str(error).rstrip('.')}. Download the zip again, and import it unchanged."
        ) from error
    imported = {"file": name, "when": time.time(), "proof": verified}
    return store.create_with(parts.config, lambda draft: _write(parts, draft, imported))


def _verify(parts: Parts, dataset: Dataset) -> dict | None:
    """Of how many test images, and how many of them its model reads differently here; None on another dataset."""
    claimed, labels = parts.probabilities.argmax(axis=1), dataset.y_test
    if parts.dataset["fingerprint"] != dataset.fingerprint or len(claimed) != len(labels):
        return None
    accuracy, says = float((claimed == labels).mean()), parts.summary["test_accuracy"]
    if abs(accuracy - says) > 1e-6:
        raise PartError(
            f"it claims to read {percent(says)} of the test images, but its predictions say {percent(accuracy)}"
        )
    read = Predictor(parts.model, Path(LITERT_MODEL)).probabilities(dataset.x_test).argmax(axis=1)
    return {"images": len(labels), "different_predictions": int((read != claimed).sum())}


def _check_weights(parts: Parts) -> None:
    """Raise PartError where the weights are not those of the model: a look inside would show another network."""
    if parts.weights is None:
        return
    weights: Weights = {}
    for name, array in parts.weights.items():
        layer, _, weight = name.partition("/")
        if weight:
            weights.setdefault(layer, {})[weight] = array
    images = np.random.default_rng(0).integers(0, 256, (ALIKE_IMAGES, *IMAGE_SHAPE), dtype=np.uint8)
    with np.errstate(all="ignore"):  # numbers of any size may come from elsewhere
        inside = Inside(parts.config.layers, weights, pixels=parts.config.pixels).probabilities(images)
    model = Predictor(parts.model, Path(LITERT_MODEL)).probabilities(images)
    if not (np.abs(inside - model) <= ALIKE).all():
        raise PartError("weights.npz and model.tflite are of two networks")


def _parts(data: bytes) -> Parts:
    if len(data) > MOST_ZIPPED:
        raise UnsafeZip(f"it has {len(data) / 2**20:,.0f} MB, and a bundle has at most {MOST_ZIPPED // 2**20}")
    if not data.startswith(b"PK"):
        raise WrongZip(f"it is not a zip. {WANTED}")
    if wrong := wrong_kind(safe_zip.names(data, entries=MOST_NAMES)):
        raise WrongZip(wrong)
    config = safe_zip.read_one(data, CONFIG, most=LIMITS[CONFIG], entries=MOST_FILES)
    if newer := newer_format(parse_json(config)):  # before all else: what a newer version sends is not known here
        raise WrongZip(f"the run {newer}. Update Digit Lab to import it.")
    files = read_zip(data, limit, entries=MOST_FILES, total=MOST_BYTES)
    files.pop(CARD, None)  # for people: its numbers are those of the other files
    return _checked(files)


def _checked(files: dict[str, bytes]) -> Parts:
    from core.bundle.schema import check  # pydantic's import is left to who packs or imports

    return check(files)


def _write(parts: Parts, run: Run, imported: dict) -> None:
    files = {name: contents for name, contents in parts.files().items() if name != CONFIG}  # there already
    for name, contents in files.items():
        path = run.path / name
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, lambda file, contents=contents: file.write(contents))
    run.write_imported(imported)
