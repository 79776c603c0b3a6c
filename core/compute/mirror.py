"""A run's folder on two machines: what has changed in the one that trains, and how the other becomes like it.

Only what a worker writes is mirrored. The order makes each moment's copy one from which training can continue: events
are read last and written first, so that a checkpoint never tells of more than the events do.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from core.runs import Run, files
from core.runs.weights import kept_epochs
from core.storage import read_json, write_atomically, write_json

GROWING = (files.EVENTS, files.LOG)  # only appended to
FIRST_READ = (files.STATE, files.SUMMARY, files.CHECKPOINT)
KEPT_HERE = {files.CONFIG, files.NAME, files.TRIAL, files.CONTROL, files.THRESHOLD, files.DATASET, files.STATE}
NEEDED = (files.CONFIG, files.NAME, files.STATE, files.EVENTS, files.CHECKPOINT, files.DATASET)

Stamps = dict[str, tuple]  # of files by name: what tells whether each has changed, the size of one that grows


class Change(NamedTuple):
    """A file that was written: its name below the run's folder, its stamp, and its bytes from `offset` on."""

    name: str
    stamp: tuple
    offset: int
    data: bytes


def needed(run: Run) -> dict[str, bytes]:
    """The files, by name, that another machine needs to train the run from where it stands."""
    names = [*NEEDED, *(files.epoch_weights(epoch) for epoch in kept_epochs(run.path))]
    return {name: (run.path / name).read_bytes() for name in names if (run.path / name).exists()}


def stamps(folder: Path) -> Stamps:
    """The stamps of all files that a worker has written, those first that are read first."""
    found = {}
    for below in ("", files.PREDICTIONS_FOLDER, files.WEIGHTS_FOLDER):
        with suppress(FileNotFoundError), os.scandir(folder / below) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.name.startswith(".") or name.endswith(".lock") or name in KEPT_HERE - {files.STATE}:
                    continue
                with suppress(FileNotFoundError):  # removed meanwhile
                    if entry.is_file():
                        now = os.stat(entry.path)
                        found[name] = (now.st_size,) if name in GROWING else (now.st_ino, now.st_mtime_ns, now.st_size)
    ranks = {name: rank for rank, name in enumerate([*FIRST_READ, "", *GROWING])}
    return {name: found[name] for name in sorted(found, key=lambda name: ranks.get(name, len(FIRST_READ)))}


def changes(folder: Path, known: Stamps) -> tuple[list[Change], list[str]]:
    """What was written since `known`, and the names of what is gone."""
    written = []
    now = stamps(folder)
    for name, stamp in now.items():
        if known.get(name) == stamp:
            continue
        offset = known.get(name, (0,))[0] if name in GROWING else 0
        try:
            with (folder / name).open("rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:  # removed meanwhile
            continue
        written.append(Change(name, (offset + len(data),) if name in GROWING else stamp, offset, data))
    return written, [name for name in known if name not in now]


def apply(run: Run, written: list[Change], gone: list[str], dataset: dict) -> None:
    """Make a run's folder like the one that `changes` told of, but for its state.

    Args:
        run: the run here.
        written: what has changed there.
        gone: what is no longer there.
        dataset: what is known of the dataset here; there it is a file without a source.
    """
    for change in reversed(written):
        path = run.target(change.name)
        path.parent.mkdir(exist_ok=True)
        if change.name in GROWING:
            with path.open("ab") as file:
                file.truncate(change.offset)
                file.write(change.data)
        elif change.name not in KEPT_HERE:
            write_atomically(path, lambda file, data=change.data: file.write(data))
        if change.name == files.SUMMARY and isinstance(summary := read_json(path), dict):
            write_json(path, {**summary, "dataset": dataset})
    for name in gone:
        (run.path / name).unlink(missing_ok=True)
