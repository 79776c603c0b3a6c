"""Run folders: their format, written and read in this one place.

A run is a folder, and the folder is the interface: a worker writes it, everybody else reads it or leaves a request.

    config.json        TrainingConfig, written once        name.json      what people call the run
    state.json         State, as last written              control.json   requests to the worker
    events.jsonl       what happened, one line an event    log.txt        what the worker printed
    checkpoint.npz     all that resuming needs             worker.lock    held by the worker while it lives
    predictions/       epoch-0001.npy … float16 (n, 10)    probabilities.npy   the same at the end
    dataset.json       what it is trained on               architecture.json   its layers
    validation.npz     labels and probabilities of the validation images
    model.keras · model.tflite · summary.json
    imported.json      where it came from, in a run of another Digit Lab (core.bundle); it has no checkpoint
"""

from __future__ import annotations

from core.runs.history import History
from core.runs.run import ENDED, ID, Run, RunError, State
from core.runs.state import STATES
from core.runs.store import RunStore

__all__ = ["ENDED", "ID", "STATES", "History", "Run", "RunError", "RunStore", "State"]
