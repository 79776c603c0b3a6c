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

import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout

from core.config import ConfigError, TrainingConfig
from core.home import home_folder
from core.storage import (
    LineLog,
    append_line,
    read_array,
    read_json,
    write_array,
    write_atomically,
    write_json,
)

STATES = ("queued", "running", "paused", "finished", "stopped", "failed", "interrupted", "damaged")
ENDED = ("paused", "finished", "stopped", "failed", "interrupted")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_PROBE = threading.RLock()  # a signal handler may ask in the middle of asking


class RunError(ValueError):
    """Something cannot be done with a run; the message says what and what to do instead."""


@dataclass(frozen=True)
class State:
    """Where a run stands: one of `STATES`, with words for people where there is something to say."""

    name: str
    message: str = ""
    since: float = 0.0
    target_epochs: int = 0
    resumes: bool = False  # queued to go on from a checkpoint
    extended_from: int = -1  # complete epochs when someone last asked for more; -1 where nobody did

    @property
    def is_active(self) -> bool:
        """Whether a worker trains this run or will without anybody asking."""
        return self.name in ("queued", "running")


@dataclass(frozen=True)
class History:
    """A run's events in order, without what a resumed run did again: `batches` and `epochs` as dicts of numbers."""

    batches: tuple[dict, ...]
    epochs: tuple[dict, ...]
    phase: str  # "waiting", "training" or "finishing": what the worker was last seen doing
    epoch_images: int = 0  # how many images an epoch has; 0 before training began

    @property
    def last_batch(self) -> dict:
        """The newest batch event, {} before the first."""
        return self.batches[-1] if self.batches else {}


class Run:
    """One run folder. Reading never raises for what the folder holds; missing and damaged parts are None."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.id = self.path.name

    def __repr__(self) -> str:
        return f"Run({self.id})"

    # What it is

    @property
    def config(self) -> TrainingConfig | None:
        """The run's settings, None where config.json is missing or damaged."""
        try:
            return TrainingConfig.from_dict(read_json(self.path / "config.json"))
        except (ConfigError, TypeError):
            return None

    @property
    def name(self) -> str:
        """What people call it."""
        named = read_json(self.path / "name.json")
        name = named.get("name") if isinstance(named, dict) else None
        return name if name and isinstance(name, str) else self.id

    def rename(self, name: str) -> None:
        """Give the run a name of 1 to 60 characters.

        Raises:
            RunError: where nothing or too much is left after trimming.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= 60:
            raise RunError("A name has 1 to 60 characters.")
        write_json(self.path / "name.json", {"name": name})

    @property
    def state(self) -> State:
        """Where it stands; a run whose worker is gone without a word is "interrupted"."""
        state = self._stored_state()
        if state.name == "running" and not self.has_worker():
            state = self._stored_state()  # the worker may have ended properly between the two looks
            if state.name == "running":
                return replace(state, name="interrupted", message="The worker ended without a word.")
        return state

    def _stored_state(self) -> State:
        values = read_json(self.path / "state.json")
        if self.config is None or not isinstance(values, dict) or values.get("name") not in STATES:
            return State("damaged", "This run's config.json or state.json is missing or damaged.")
        usable = (field for field in fields(State) if isinstance(values.get(field.name), type(field.default)))
        return State(values["name"], **{field.name: values[field.name] for field in usable})

    def set_state(self, name: str, message: str = "", **changes) -> None:
        """Write the state; `target_epochs` and `extended_from` stay as they are unless given."""
        before = self.state
        now = {"target_epochs": before.target_epochs, "extended_from": before.extended_from, **changes}
        write_json(self.path / "state.json", asdict(State(name, message, time.time(), **now)))

    # The worker

    def lock(self) -> FileLock:
        """The lock that a run's worker holds while it lives; the system frees it however the worker ends."""
        return FileLock(self.path / "worker.lock")

    def has_worker(self) -> bool:
        """Whether a worker is at this run now, on this machine."""
        if not (self.path / "worker.lock").exists():
            return False  # and trying would make it, with the folder of a run that was deleted
        with _PROBE:  # two threads probing at once would take each other for a worker
            try:
                with self.lock().acquire(timeout=0):
                    return False
            except Timeout:
                return True
            except OSError:
                return False

    @property
    def worker_pid(self) -> int | None:
        """The process id of the worker that is at this run, None without one."""
        pids = [event.get("pid") for event in _event_log(str(self.path / "events.jsonl")).values()]
        pid = next((pid for pid in reversed(pids) if isinstance(pid, int)), None)
        return pid if self.has_worker() else None

    def log_tail(self, lines: int = 12) -> str:
        """The last lines that the worker printed."""
        try:
            text = (self.path / "log.txt").read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    # What happened

    def append_event(self, kind: str, **values) -> None:
        """Add an event to events.jsonl."""
        append_line(self.path / "events.jsonl", {"type": kind, "time": time.time(), **values})

    def history(self) -> History:
        """The events so far, in order; what a resumed run did again is there once."""
        log = _event_log(str(self.path / "events.jsonl"))
        events = log.values()
        return _history(log, len(events)) if events else History((), (), "waiting")

    @property
    def dataset(self) -> dict:
        """Name, source and fingerprint of the dataset it was trained on; {} before training began."""
        dataset = read_json(self.path / "dataset.json")
        return dataset if isinstance(dataset, dict) else {}

    @property
    def summary(self) -> dict | None:
        """What came of the run, None before its end."""
        summary = read_json(self.path / "summary.json")
        return summary if isinstance(summary, dict) else None

    @property
    def test_accuracy(self) -> float | None:
        """Test accuracy as a fraction, None before the run has a model."""
        value = (self.summary or {}).get("test_accuracy")
        return value if isinstance(value, int | float) and 0 <= value <= 1 else None

    @property
    def architecture(self) -> list[dict]:
        """The layers as rows of name, kind, shape and parameters; empty before training began."""
        rows = read_json(self.path / "architecture.json")
        return rows if isinstance(rows, list) else []

    @property
    def has_model(self) -> bool:
        """Whether the run can read digits."""
        return (self.path / "model.tflite").exists()

    @property
    def imported(self) -> dict:
        """The file it was imported from (`file`), and `when`; {} for a run that was trained here."""
        imported = read_json(self.path / "imported.json")
        return imported if isinstance(imported, dict) else {}

    # Probabilities of the test set

    def write_probabilities(self, probabilities: np.ndarray, epoch: int | None = None) -> None:
        """Keep probabilities (n, 10) as float16, of one epoch or, without one, of the end.

        Where rounding would tie the prediction with another digit, it is moved to the next float16 above, so that
        the arg-max of what is kept is the arg-max of what was given.
        """
        half = probabilities.astype(np.float16)
        rows, predictions = np.arange(len(half)), probabilities.argmax(axis=1)
        above = np.nextafter(half.max(axis=1), np.float16(np.inf))
        half[rows, predictions] = np.where(half.argmax(axis=1) == predictions, half[rows, predictions], above)
        path = self._probabilities_path(epoch)
        path.parent.mkdir(exist_ok=True)
        write_array(path, half)

    def probabilities(self, epoch: int | None = None) -> np.ndarray | None:
        """Probabilities of the test set, float32 (n, 10), after `epoch` (from 1) or, without one, the newest."""
        kept = [self._probabilities_path(epoch)]
        if epoch is None:
            kept += [self._probabilities_path(last) for last in self.predicted_epochs()[-1:]]
        found = [(_modified(path), path) for path in kept if path.exists()]
        if not found:
            return None
        modified, path = max(found, key=lambda pair: pair[0])  # of equals the first, the end
        return _probabilities(str(path), modified)

    def write_validation(self, labels: np.ndarray, probabilities: np.ndarray) -> None:
        """Keep what the finished network says of the validation images: labels (n,), probabilities (n, 10)."""
        arrays = {"labels": labels.astype(np.uint8), "probabilities": probabilities.astype(np.float16)}
        write_atomically(self.path / "validation.npz", lambda file: np.savez(file, **arrays))

    def validation(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Labels uint8 (n,) and probabilities float32 (n, 10) of the validation images.

        None where there are none besides the test images (`seed`), before the end of the run, or in a damaged file.
        """
        try:
            with np.load(self.path / "validation.npz", allow_pickle=False) as arrays:
                return arrays["labels"], arrays["probabilities"].astype(np.float32)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None

    def predicted_epochs(self) -> list[int]:
        """The epochs whose probabilities are kept, in order."""
        names = (path.stem for path in self.path.glob("predictions/epoch-*.npy"))
        return sorted(int(name[6:]) for name in names if name[6:].isdecimal())

    def _probabilities_path(self, epoch: int | None) -> Path:
        return self.path / ("probabilities.npy" if epoch is None else f"predictions/epoch-{epoch:04d}.npy")

    # Requests

    @property
    def control(self) -> dict:
        """The requests to the worker: `request` ("pause", "stop" or none) and `learning_rate`."""
        control = read_json(self.path / "control.json")
        return control if isinstance(control, dict) else {}

    def ask(self, **values) -> None:
        """Leave a request for the worker: `request="pause"`, `request="stop"` or `learning_rate=…`."""
        write_json(self.path / "control.json", {**self.control, **values})

    def pause(self) -> None:
        """Ask the worker to write a checkpoint and go; a queued run leaves the queue at once."""
        self._end("pause", "paused")

    def stop(self) -> None:
        """Ask the worker to end here and keep what was learned; a queued run leaves the queue at once."""
        self._end("stop", "stopped" if self.has_model else "paused")

    def _end(self, request: str, state_in_queue: str) -> None:
        if self.state.name == "queued":
            self.set_state(state_in_queue)
        self.ask(request=request)

    def resume(self) -> None:
        """Put the run back in the queue, to go on from its last checkpoint.

        Raises:
            RunError: where the run is active already, has reached its epochs, is damaged or was imported.
        """
        self._refuse_imported()
        state = self.state
        if state.name not in ENDED:
            raise RunError(f"A run that is {state.name} cannot be resumed.")
        if state.name == "finished":
            raise RunError("This run has finished. Train more epochs instead.")
        self._queue(state.target_epochs)

    def extend(self, epochs: int) -> None:
        """Train `epochs` more after those that are complete, on any ended run.

        Raises:
            RunError: where the run is not ended, was imported, or the number is not 1 to 200.
        """
        self._refuse_imported()
        if not 1 <= epochs <= 200:
            raise RunError(f"Train 1 to 200 more epochs, not {epochs}.")
        if self.state.name not in ENDED:
            raise RunError(f"A run that is {self.state.name} cannot be trained further.")
        complete = len(self.history().epochs)
        self._queue(complete + epochs, extended_from=complete)

    def _refuse_imported(self) -> None:
        if self.imported:
            raise RunError(
                f"{self.name} was imported, and brought no checkpoint to go on from. Start a new run with its settings."
            )

    def _queue(self, target_epochs: int, **changes) -> None:
        self.ask(request=None)
        self.set_state("queued", target_epochs=target_epochs, resumes=True, **changes)


class RunStore:
    """All runs below `home`/runs."""

    def __init__(self, home: Path | str | None = None) -> None:
        self.home = home_folder(home)
        self.folder = self.home / "runs"

    def runs(self) -> list[Run]:
        """Every run, newest first."""
        try:
            names = sorted((entry.name for entry in os.scandir(self.folder) if entry.is_dir()), reverse=True)
        except OSError:
            return []
        return [Run(self.folder / name) for name in names if ID.fullmatch(name)]

    def get(self, run_id: str | None) -> Run | None:
        """The run of that id, None where there is none (or the id is not one)."""
        if not run_id or not ID.fullmatch(run_id) or not (self.folder / run_id).is_dir():
            return None
        return Run(self.folder / run_id)

    def queued(self) -> list[Run]:
        """The runs that wait for a worker, first come first."""
        waiting = [(run.state, run) for run in self.runs()]
        waiting = [(state.since, run.id, run) for state, run in waiting if state.name == "queued"]
        return [run for *_, run in sorted(waiting, key=lambda entry: entry[:2])]

    def create(self, config: TrainingConfig, name: str | None = None) -> Run:
        """A new run folder, queued; it appears whole or not at all."""
        number = 1 + sum(run.config is not None and run.config.model == config.model for run in self.runs())

        def fill(draft: Run) -> None:
            draft.rename(name or f"{config.info.title} {number}")
            draft.set_state("queued", target_epochs=config.epochs)

        return self.place(config, fill)

    def place(self, config: TrainingConfig, fill: Callable[[Run], None]) -> Run:
        """A new run folder with this config, and what `fill` writes into it; it appears whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{config.model}-{uuid4().hex[:4]}"
        draft = Run(self.folder / f".{run_id}")
        draft.path.mkdir()
        try:
            write_json(draft.path / "config.json", config.as_dict())
            fill(draft)
            return Run(draft.path.rename(self.folder / run_id))
        except BaseException:
            shutil.rmtree(draft.path, ignore_errors=True)
            raise

    def delete(self, run: Run) -> None:
        """Remove a run and all it holds.

        Raises:
            RunError: where a worker is at it.
        """
        if run.has_worker():
            raise RunError(f"{run.name} is in training. Stop it first, then delete it.")
        doomed = run.path.rename(run.path.with_name(f".deleted-{run.id}-{uuid4().hex[:4]}"))
        shutil.rmtree(doomed, ignore_errors=True)

    def best(self) -> Run | None:
        """The run with the highest test accuracy."""
        scored = [(run.test_accuracy, run) for run in self.runs() if run.test_accuracy is not None]
        return max(scored, key=lambda pair: pair[0])[1] if scored else None


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _event_log(path: str) -> LineLog:
    return LineLog(Path(path))


@lru_cache(maxsize=32)
def _history(log: LineLog, count: int) -> History:
    batches: list[dict] = []
    epochs: list[dict] = []
    phase, epoch_images = "waiting", 0
    for event in log.values()[:count]:
        kind, step = event.get("type"), event.get("step")
        if kind in ("start", "batch", "epoch") and not (isinstance(step, int) and isinstance(event.get("epoch"), int)):
            continue
        if kind == "start":  # a resumed run goes on from its checkpoint and does what came after it again
            batches = [batch for batch in batches if batch["step"] <= step]
            epochs = [epoch for epoch in epochs if epoch["epoch"] <= event["epoch"]]  # a step may end one or not yet
            phase, epoch_images = "training", event.get("epoch_images") or epoch_images
        elif kind == "batch":
            batches.append(event)
        elif kind == "epoch":
            epochs.append(event)
        elif kind == "taken":
            phase = "waiting"
        elif kind == "finishing":
            phase = "finishing"
    return History(tuple(batches), tuple(epochs), phase, epoch_images)


@lru_cache(maxsize=64)
def _probabilities(path: str, modified: int) -> np.ndarray | None:
    array = read_array(Path(path))
    if array is None or array.ndim != 2 or array.shape[1] != 10 or array.dtype.kind != "f":
        return None
    array = array.astype(np.float32)
    array.setflags(write=False)
    return array
