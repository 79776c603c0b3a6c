"""One run folder: everything of it that is read, and what can be asked of its worker."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from core import endings
from core.config import TrainingConfig
from core.names import MOST, visible
from core.runs import arrays, damage, state
from core.runs.history import History, read_history
from core.storage import append_line, is_locked, write_json

if TYPE_CHECKING:
    from core.data import Dataset

ENDED = ("paused", "finished", "stopped", "failed", "interrupted")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


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
        return state.read_config(self.path / "config.json").value

    @property
    def name(self) -> str:
        """What people call it."""
        return visible(self._read("name.json").get("name", self.id))

    def rename(self, name: str) -> None:
        """Give the run a name of 1 to 60 characters; those that cannot be seen are left out.

        Raises:
            RunError: where nothing or too much is left, or it is no text that can be written.
        """
        name = visible(name)
        if not 1 <= len(name) <= MOST:
            raise RunError(f"A name has 1 to {MOST} characters that can be seen.")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise RunError("The name is not valid UTF-8 text. Type it again.") from error
        write_json(self.path / "name.json", {"name": name})

    def damage(self) -> tuple[str, ...]:
        """What is damaged in the folder, a sentence each, with what follows from it; () where all is well."""
        return damage.find(self)

    def _read(self, name: str) -> dict:
        """What a JSON file holds, as far as it is of the right kinds; {} where there is nothing."""
        value = state.read(self.path / name).value
        return value if isinstance(value, dict) else {}

    @property
    def state(self) -> State:
        """Where it stands; a run whose worker is gone without a word is "interrupted"."""
        state = self._stored_state()
        if state.name == "running" and not self.has_worker():
            state = self._stored_state()  # the worker may have ended properly between the two looks
            if state.name == "running":
                return replace(
                    state, name="interrupted", message=f"Training stopped unexpectedly. {self._cause()}".strip()
                )
        return state

    def _stored_state(self) -> State:
        values, config = self._read("state.json"), self.config
        if config is None or "name" not in values:
            return State("damaged", "This run's config.json or state.json is missing or damaged.")
        known = {field: values[field] for field in State.__dataclass_fields__ if field in values}
        return State(**{**known, "target_epochs": known.get("target_epochs") or config.epochs})

    def _cause(self) -> str:
        return endings.cause(self.log_tail(40), self.path)

    def set_state(self, name: str, message: str = "", **changes) -> None:
        """Write the state; `target_epochs` and `extended_from` stay as they are unless given."""
        before = self.state
        now = {"target_epochs": before.target_epochs, "extended_from": before.extended_from, **changes}
        since = time.time()
        if name == "queued":  # behind all that wait, whatever the clock says
            since = max([since, *(waiting + 0.001 for waiting in self._others_queued())])
        write_json(self.path / "state.json", asdict(State(name, message, since, **now)))
        with suppress(OSError):
            os.utime(self.path.parent)  # so that a launcher need not look into each of many runs

    def _others_queued(self) -> list[float]:
        others = [Run(path) for path in self.path.parent.iterdir() if ID.fullmatch(path.name) and path != self.path]
        return [state.since for state in (run._stored_state() for run in others) if state.name == "queued"]

    # The worker

    def lock(self) -> FileLock:
        """The lock that a run's worker holds while it lives; the system frees it however the worker ends."""
        return FileLock(self.path / "worker.lock")

    def has_worker(self) -> bool:
        """Whether a worker is at this run now, on this machine."""
        return is_locked(self.path / "worker.lock")

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
        return read_history(self.path / "events.jsonl")

    @property
    def dataset(self) -> dict:
        """Name, source and fingerprint of the dataset it was trained on; {} before training began."""
        return self._read("dataset.json")

    def foreign_dataset(self, dataset: Dataset) -> str | None:
        """Why the run cannot be looked at with this dataset, as a sentence; None where it can."""
        known = self.dataset
        if known.get("fingerprint") in (None, dataset.fingerprint):
            return None
        return (
            f"This run was trained and tested on {known.get('name')} ({known.get('source')}), but the dataset here is "
            f"{dataset.name}. Its numbers would mean something else. Bring the first one back, or choose another run."
        )

    @property
    def summary(self) -> dict | None:
        """What came of the run, None before its end."""
        return state.read(self.path / "summary.json").value

    @property
    def test_accuracy(self) -> float | None:
        """Test accuracy as a fraction, None before the run has a model."""
        return self._read("summary.json").get("test_accuracy")

    @property
    def architecture(self) -> list[dict]:
        """The layers as rows of name, kind, shape and parameters; empty before training began."""
        return state.read(self.path / "architecture.json").value or []

    @property
    def has_model(self) -> bool:
        """Whether the run can read digits."""
        return (self.path / "model.tflite").exists()

    @property
    def imported(self) -> dict:
        """The file it was imported from (`file`), and `when`; {} for a run that was trained here."""
        return self._read("imported.json")

    # Probabilities of the test set

    def write_probabilities(self, probabilities: np.ndarray, epoch: int | None = None) -> None:
        """Keep probabilities (n, 10) as float16, of one epoch or, without one, of the end."""
        arrays.write_probabilities(self.path, probabilities, epoch)

    def probabilities(self, epoch: int | None = None) -> np.ndarray | None:
        """Probabilities of the test set, float32 (n, 10), after `epoch` (from 1) or, without one, the newest."""
        if epoch is None:
            return arrays.newest_probabilities(self.path, self.predicted_epochs())
        return arrays.read_probabilities(arrays.probabilities_path(self.path, epoch))

    @property
    def has_probabilities(self) -> bool:
        """Whether there are probabilities of the test set, without keeping them in memory."""
        return arrays.has_probabilities(self.path, self.predicted_epochs())

    def write_validation(self, labels: np.ndarray, probabilities: np.ndarray) -> None:
        """Keep what the finished network says of the validation images: labels (n,), probabilities (n, 10)."""
        arrays.write_validation(self.path, labels, probabilities)

    def validation(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Labels uint8 (n,) and probabilities float32 (n, 10) of the validation images.

        None where there are none besides the test images (`seed`), before the end of the run, or in a damaged file.
        """
        return arrays.read_validation(self.path)

    def predicted_epochs(self) -> list[int]:
        """The epochs whose probabilities are kept, in order."""
        return arrays.predicted_epochs(self.path)

    # Requests

    @property
    def control(self) -> dict:
        """The requests to the worker: `request` ("pause", "stop" or none), `learning_rate`, and `delete` afterwards."""
        return self._read("control.json")

    def ask(self, **values) -> None:
        """Leave a request for the worker: `request="pause"`, `request="stop"` or `learning_rate=…`.

        Raises:
            RunError: where the run was deleted.
        """
        if not self.path.is_dir():  # the lock would make the folder again
            raise RunError("This run was deleted.")
        with FileLock(self.path / "control.lock"):  # two who ask at once shall both be heard
            write_json(self.path / "control.json", {**self.control, **values})

    def pause(self) -> None:
        """Ask the worker to write a checkpoint and go; a queued run leaves the queue at once."""
        self._end("pause", "paused")

    def stop(self) -> None:
        """Ask the worker to end here and keep what was learned; a queued run leaves the queue at once."""
        self._end("stop", "stopped" if self.has_model else "paused")

    def discard(self) -> None:
        """Ask the worker to end; the launcher of any dashboard then deletes the run."""
        self._end("stop", "paused", delete=True)

    @property
    def is_discarded(self) -> bool:
        """Whether it is to be deleted as soon as no worker is at it."""
        return self.control.get("delete", False)

    def _end(self, request: str, state_in_queue: str, **requests) -> None:
        if self.state.name == "queued":
            self.set_state(state_in_queue)
        self.ask(request=request, **requests)

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
        self.ask(request=None, delete=False)
        self.set_state("queued", target_epochs=target_epochs, resumes=True, **changes)
