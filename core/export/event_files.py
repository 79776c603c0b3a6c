"""A run as TensorBoard reads it: event files in the folders train, validation and test, as Keras' callback names them.

Epochs count from 1 and weights from 0, which is before the first batch. Written by TensorBoard's own package.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.image.metadata import create_summary_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from core.export.tracking import BATCH, EPOCH
from core.home import absolute
from core.runs import RunView
from core.runs.weights import flat, kept_epochs, read_file, weights_path
from core.storage import write_atomically

FOLDER = "tensorboard"  # in the current folder
FILE = "events.out.tfevents.0000000000.digit-lab"  # one name, so that what is written again takes its place
VERSION = Event(file_version="brain.Event:2")


def write(run: RunView, confusion: bytes | None, out: str | None) -> str:
    """Write a run's event files below `out`, in a folder named by its id; returns how to see them.

    Args:
        run: with a history.
        confusion: the picture of its confusion matrix, a PNG.
        out: the folder that holds all runs to be compared; None for the folder "tensorboard" here.

    Raises:
        OSError: where they cannot be written.
    """
    folder = absolute(out or FOLDER)
    events = {"train": [*_batches(run), *_epochs(run, ""), *_weights(run)], "validation": [*_epochs(run, "val_")]}
    events["test"] = [*_results(run, confusion)]
    for name, found in events.items():
        if found:
            _write(folder / run.id / name / FILE, found)
    return f"{folder / run.id}: written. To see it: tensorboard --logdir {folder}"


def _write(path: Path, events: list[Event]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)

    def fill(file) -> None:
        records = RecordWriter(file)
        for event in (VERSION, *events):
            records.write(event.SerializeToString())

    write_atomically(path, fill)


def _batches(run: RunView) -> Iterator[Event]:
    for batch in run.history().batches:
        for name in BATCH:
            if name in batch:
                summary = scalar_pb(f"batch_{name}", batch[name])
                yield Event(wall_time=batch.get("time", 0), step=batch["step"], summary=summary)


def _epochs(run: RunView, prefix: str) -> Iterator[Event]:
    """Numbers of the epochs: those on the validation images with the prefix "val_", all others without."""
    for epoch in run.history().epochs:
        for name in EPOCH:
            if name in epoch and name.startswith("val_") == bool(prefix):
                summary = scalar_pb(f"epoch_{name.removeprefix(prefix)}", epoch[name])
                yield Event(wall_time=epoch.get("time", 0), step=epoch["epoch"], summary=summary)


def _weights(run: RunView) -> Iterator[Event]:
    """A histogram of each weight, after each epoch whose weights are kept, and of those that are tested and saved."""
    times = {epoch["epoch"]: epoch.get("time", 0) for epoch in run.history().epochs}
    newest = weights_path(run)
    paths = [weights_path(run, epoch) for epoch in kept_epochs(run.path)]
    seen = set()
    for path in [newest, *paths]:  # the newest first: of two of the same epoch it counts
        found = read_file(path, run.config.layers) if path and run.config else None
        epoch = (max(times, default=0) if found.epoch is None else found.epoch) if found else None
        if epoch is not None and epoch not in seen:
            seen.add(epoch)
            for name, array in flat(found.weights).items():
                time = times.get(epoch, min(times.values(), default=0))
                yield Event(wall_time=time, step=epoch, summary=histogram_pb(name, array.astype(np.float64)))


def _results(run: RunView, confusion: bytes | None) -> Iterator[Event]:
    summary = run.summary or {}
    moment = {"wall_time": summary.get("finished", 0), "step": summary.get("epochs", 0)}
    for name in ("test_accuracy", "test_loss"):
        if name in summary:
            yield Event(**moment, summary=scalar_pb(f"epoch_{name.removeprefix('test_')}", summary[name]))
    if confusion:
        yield Event(**moment, summary=_picture("confusion_matrix", confusion))


def _picture(tag: str, png: bytes) -> Summary:
    """A PNG as TensorBoard keeps it: width and height, as text, and the file."""
    size = (str(int.from_bytes(png[start : start + 4], "big")).encode() for start in (16, 20))
    metadata = create_summary_metadata("", "Test images: rows are labels, columns what they are read as")
    return Summary(value=[Summary.Value(tag=tag, tensor=make_tensor_proto([*size, png]), metadata=metadata)])
