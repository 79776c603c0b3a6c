"""Runs as a worker leaves them, and zips of them."""

from __future__ import annotations

import io
import zipfile

from core.predictor import Predictor
from core.runs import Run
from core.runs.history import event_log
from core.runs.starter import FOLDER as STARTER
from core.storage import write_json

MODEL = (STARTER / "model.tflite").read_bytes()


def worker_pid(run: Run) -> int | None:
    """The process id of the worker that is at the run, None without one."""
    pids = worker_pids(run)
    return pids[-1] if pids and run.has_worker() else None


def worker_pids(run: Run) -> list[int]:
    """The process ids of the workers that took the run, one for each time that it was taken."""
    return [event["pid"] for event in event_log(run.path / "events.jsonl").values() if "pid" in event]


def fill_run(run: Run, dataset) -> Run:
    """Three epochs, as the worker would have left them, with the starter's model and what that really reads."""
    probabilities = Predictor(MODEL, STARTER).probabilities(dataset.x_test)
    accuracy = float((probabilities.argmax(axis=1) == dataset.y_test).mean())
    identity = {
        "name": dataset.name,
        "source": "download of https://host/mnist.npz",
        "fingerprint": dataset.fingerprint,
    }
    run.append_event("taken", pid=1)
    run.append_event("start", step=0, epoch=0, epoch_images=1000)
    for epoch in (1, 2, 3):
        measured = {"step": 8 * epoch, "epoch": epoch, "loss": 0.5 / epoch, "accuracy": 0.9, "training_seconds": 1.0}
        means = {"epoch_loss": 0.4, "epoch_accuracy": 0.9, "images": 1000, "images_per_second": 900.0}
        run.append_event("batch", **measured, **means, position=float(epoch), learning_rate=0.001)
        run.append_event("epoch", **measured, val_loss=0.3, val_accuracy=0.92, learning_rate=0.001)
        run.write_probabilities(probabilities, epoch)
    run.write_probabilities(probabilities)
    run.write_validation(dataset.y_test[:50], probabilities[:50])
    rows = [{"name": "hidden", "kind": "Dense", "shape": [100], "parameters": 78500}]
    write_json(run.path / "architecture.json", rows)
    write_json(run.path / "dataset.json", identity)
    summary = {
        "model": "dense",
        "epochs": 3,
        "test_accuracy": accuracy,
        "test_loss": 0.3,
        "training_seconds": 3.0,
        "parameters": 79510,
        "training_images": 1000,
        "validation_images": 50,
        "dataset": identity,
        "parity": {"max_abs_difference": 1e-6, "different_predictions": 0, "images": len(dataset.x_test)},
        "machine": "Linux x86_64, 2 cores",
        "versions": {"python": "3.11.7", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"},
        "finished": 1.8e9,
    }
    write_json(run.path / "summary.json", summary)
    (run.path / "model.tflite").write_bytes(MODEL)
    for private in ("model.keras", "checkpoint.npz", "log.txt", "control.json"):
        (run.path / private).write_bytes(b"{}")
    run.set_state("finished", "Stopped early.")
    return run


def zip_of(files: dict[str, bytes]) -> bytes:
    """A zip of these contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in files.items():
            archive.writestr(zipfile.ZipInfo(name), contents, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def files_of(data: bytes) -> dict[str, bytes]:
    """The contents of a zip by their names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
