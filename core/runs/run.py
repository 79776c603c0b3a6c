"""A run's folder as whoever trains writes it, and as everybody leaves requests in it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from core.data.kept import Datasets
from core.names import MOST, visible
from core.people import Owner, actor, deed, note_change, refusal
from core.people.guard import is_teacher_elsewhere
from core.people.rules import why_too_much
from core.people.used import used_seconds
from core.runs import files
from core.runs.arrays import write_probabilities, write_validation
from core.runs.kept import announce
from core.runs.state import ENDED, State, by_teacher, write_config
from core.runs.view import RunView, is_threshold
from core.runs.weights import Weights, forget_later_weights, write_epoch_weights, write_weights
from core.storage import append_line, write_atomically, write_json

if TYPE_CHECKING:
    from core.config import TrainingConfig

RUNS_LOCK = "runs.lock"  # in the home, held while a run is made or comes to the line
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


class RunError(ValueError):
    """Something cannot be done with a run; the message says what and what to do instead."""


class NotYoursError(RunError):
    """Somebody may not change a run or a sweep; the message says whose it is and what can be done with it."""


class ThresholdError(ValueError):
    """A threshold is out of its range; the message says what came and what would be right."""


class Run(RunView):
    """A run's folder, to be read, written and trained.

    Whatever writes raises RunError where a newer version made the folder, NotYoursError where who acts may not change
    it (core.people), and OSError where it is gone or cannot be written.
    """

    def target(self, name: str) -> Path:
        """The path of a file of this run, to write it.

        Raises:
            RunError: where a newer version made the folder.
            NotYoursError: where who acts may not change the run.
        """
        self.check_writable()
        return self.path / name

    def check_writable(self) -> None:
        """Raise what `target` raises."""
        self.check_yours()
        if too_new := self.too_new:
            raise RunError(too_new)

    def check_yours(self) -> None:
        """Raise NotYoursError where who acts may not change the run."""
        refuse_strangers(self.owner, self.name)
        note_change(self.home, self.owner, self.name)

    # What is written

    def write_config(self, config: TrainingConfig) -> None:
        """Write the settings, once, with the number of the folder's format."""
        write_config(self.target(files.CONFIG), config)

    def write_dataset(self, identity: dict) -> None:
        """Note which dataset it is trained on: its `name`, `source`, `fingerprint`, perhaps `classes`."""
        write_json(self.target(files.DATASET), identity)

    def write_architecture(self, rows: list[dict]) -> None:
        """Keep the layers, as rows of name, kind, shape and parameters."""
        write_json(self.target(files.ARCHITECTURE), rows)

    def write_summary(self, summary: dict) -> None:
        """Keep what came of the run."""
        write_json(self.target(files.SUMMARY), summary)
        announce(self.path.parent)

    def write_imported(self, origin: dict) -> None:
        """Mark the run as imported; `origin` has `file`, `when` and `proof`."""
        write_json(self.target(files.IMPORTED), origin)

    def write_trial(self, trial: dict) -> None:
        """Note that the run is a trial: of which `sweep`, and its `number` there."""
        write_json(self.target(files.TRIAL), trial)

    def write_checkpoint(self, arrays: dict[str, np.ndarray]) -> None:
        """Keep the variables by number and the position from which training goes on."""
        write_atomically(self.target(files.CHECKPOINT), lambda file: np.savez(file, **arrays))

    def write_probabilities(self, probabilities: np.ndarray, epoch: int | None = None) -> None:
        """Keep probabilities (n, classes) of the test images as float16, of one epoch or, without one, of the end."""
        self.check_writable()
        write_probabilities(self.path, probabilities, epoch)

    def write_validation(self, labels: np.ndarray, probabilities: np.ndarray) -> None:
        """Keep what the finished network says of the validation images: labels (n,), probabilities (n, classes)."""
        self.check_writable()
        write_validation(self.path, labels, probabilities)

    def write_weights(self, weights: Weights, epoch: int) -> None:
        """Keep the weights by name of what is tested and saved, after so many epochs."""
        self.check_writable()
        write_weights(self.path, weights, epoch)

    def write_epoch_weights(self, weights: Weights, epoch: int) -> None:
        """Keep the weights by name after an epoch, 0 for those before the first batch (core.runs.weights)."""
        self.check_writable()
        write_epoch_weights(self.path, weights, epoch)

    def forget_later_weights(self, epoch: int) -> None:
        """Remove the weights of epochs after `epoch`, where training begins again."""
        self.check_writable()
        forget_later_weights(self.path, epoch)

    def append_event(self, kind: str, **values) -> None:
        """Add an event to events.jsonl."""
        append_line(self.target(files.EVENTS), {"type": kind, "time": time.time(), **values})

    def set_threshold(self, threshold: float | None) -> None:
        """Keep the confidence below which the run does not answer; with None or 0 it always answers.

        Raises:
            ThresholdError: where it is not a number from 0 to below 1.
        """
        if threshold is None or (threshold == 0 and not isinstance(threshold, bool)):
            with deed("removed the threshold of"):
                self.target(files.THRESHOLD).unlink(missing_ok=True)
        elif is_threshold(threshold):
            with deed("set the threshold of", f" to {threshold:.4g}"):
                write_json(self.target(files.THRESHOLD), {"threshold": float(threshold)})
        else:
            raise ThresholdError(f"A threshold is a confidence from 0 to below 1, not {threshold!r}.")

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
        with deed("renamed", f" to {name}"):
            write_json(self.target(files.NAME), {"name": name})
        announce(self.path.parent)

    def set_state(self, name: str, message: str = "", **changes) -> None:
        """Write the state; `target_epochs` and `extended_from` stay as they are unless given."""
        before = self.state
        kept = {"target_epochs": before.target_epochs, "extended_from": before.extended_from, **changes}
        since = time.time()
        if name == "queued":  # behind all that wait, whatever the clock says
            since = max([since, *(waiting + 0.001 for waiting in self._others_queued())])
        write_json(self.target(files.STATE), asdict(State(name, message, since, **kept)))
        announce(self.path.parent)

    def _others_queued(self) -> list[float]:
        others = [Run(path) for path in _run_folders(self.path.parent) if path != self.path]
        return [stored.since for stored in (run._stored_state() for run in others) if stored.name == "queued"]

    def lock(self) -> FileLock:
        """The lock that a run's worker holds while it lives; the system frees it however the worker ends."""
        return FileLock(self.target(files.WORKER_LOCK))

    # Requests

    def request(self, **values) -> None:
        """Leave a request for the worker: `request="pause"`, `request="stop"` or `learning_rate=…`.

        Raises:
            RunError: where the run was deleted.
        """
        if not self.path.is_dir():  # the lock would make the folder again
            raise RunError("This run was deleted.")
        rate = values.get("learning_rate")
        with deed("set the learning rate of", f" to {rate:g}") if rate else deed("changed"):
            self.check_writable()  # before it waits
            with FileLock(self.target(files.CONTROL_LOCK)):  # of two at once, each must see what the other wrote
                write_json(self.target(files.CONTROL), {**self.control, **values})
        announce(self.path.parent)

    @deed("paused")
    def pause(self) -> None:
        """Ask the worker to write a checkpoint and go; a queued run leaves the queue at once."""
        self._end("pause", "paused")

    @deed("stopped")
    def stop(self, reason: str = "") -> None:
        """Ask the worker to end here and keep what was learned; a queued run leaves the queue at once.

        The `reason` is said with the run's state.
        """
        self._end("stop", "stopped" if self.has_model else "paused", reason=reason)

    @deed("deleted")
    def discard(self) -> None:
        """Ask the worker to end; the launcher of any dashboard then deletes the run."""
        self._end("stop", "paused", delete=True)

    def _end(self, request: str, name_in_queue: str, reason: str = "", **requests) -> None:
        now = self.state.name
        ended = name_in_queue if now == "queued" else "paused" if request == "pause" else "stopped"
        if not reason and is_teacher_elsewhere(self.owner):
            reason = by_teacher(ended)
        if reason or self.control.get("reason"):  # of an earlier request, which holds no longer
            requests["reason"] = reason
        if now == "queued":
            self.set_state(ended, reason)
        self.request(request=request, **requests)

    @deed("resumed")
    def resume(self) -> None:
        """Put the run back in the queue, to continue from its last checkpoint.

        Raises:
            RunError: where the run is active already, has reached its epochs, is damaged or was imported.
            NotYoursError: where who acts may not change it, or has reached a limit that the teacher set.
        """
        self._refuse_untrainable()
        now = self.state
        if now.name not in ENDED:
            raise RunError(f"A run that is {now.name} cannot be resumed.")
        if now.name == "finished":
            raise RunError("This run has finished. Train more epochs instead.")
        with self._limits(now.target_epochs):
            self._queue(now.target_epochs)

    def extend(self, epochs: int) -> None:
        """Train `epochs` more after those that are complete, on any ended run.

        Raises:
            RunError: where the run is not ended, was imported, or the number is not 1 to 200.
            NotYoursError: where who acts may not change it, or has reached a limit that the teacher set.
        """
        with deed(f"added {'1 epoch' if epochs == 1 else f'{epochs} epochs'} to"):
            self._refuse_untrainable()
            if not 1 <= epochs <= 200:
                raise RunError(f"Train 1 to 200 more epochs, not {epochs}.")
            if self.state.name not in ENDED:
                raise RunError(f"A run that is {self.state.name} cannot be trained further.")
            complete = len(self.history().epochs)
            with self._limits(complete + epochs):
                self._queue(complete + epochs, extended_from=complete)

    @contextmanager
    def _limits(self, epochs: int) -> Iterator[None]:
        """Check the limits; nobody else comes to the line before what is done within."""
        if actor() is None:
            yield
            return
        config = self.config
        images, dataset = (config.training_images, config.dataset) if config else (None, "")
        with FileLock(self.home / RUNS_LOCK):
            check_limits(self.home, map(Run, _run_folders(self.path.parent)), epochs, images, dataset)
            yield

    def _refuse_untrainable(self) -> None:
        self.check_writable()
        if self.imported:
            raise RunError(
                f"{self.name} was imported, without a checkpoint to continue from. Start a new run with its settings."
            )

    def _queue(self, target_epochs: int, **changes) -> None:
        self.request(request=None, delete=False, reason="")
        self.set_state("queued", target_epochs=target_epochs, resumes=True, **changes)


def refuse_strangers(owner: Owner, name: str) -> None:
    """Raise NotYoursError where who acts may not change the thing called `name`, which is `owner`'s."""
    if words := refusal(owner, name):
        raise NotYoursError(words)


def check_limits(
    home: Path, runs: Iterable[Run], epochs: int, images: int | None, dataset: str, *, counts_waiting: bool = True
) -> None:
    """Check the limits that the teacher has set, for who acts and a run with so many epochs and training images.

    Args:
        home: whose rules hold.
        runs: all runs of it, read only where who acts has limits.
        epochs: of the run, in all.
        images: that it trains on; None is all there are.
        dataset: the fingerprint of the dataset that it names.
        counts_waiting: whether the limit of runs in the line counts.

    Raises:
        NotYoursError: where one is reached.
    """
    who = actor()
    if who is None or who.person is None or who.is_teacher:
        return
    if images is None and (kept := Datasets(home).get(dataset)):
        images = sum(kept.train)
    own = [run for run in runs if run.owner.id == who.person.id]
    waiting = sum(run.state.is_active for run in own) if counts_waiting else 0

    def minutes() -> float:
        return (used_seconds(home, who.person.id) + sum(map(trained_seconds, own))) / 60

    if words := why_too_much(home, epochs=epochs, images=images, waiting=waiting, minutes=minutes):
        raise NotYoursError(words)


def trained_seconds(run: RunView) -> float:
    """How long a run has trained by now, in seconds."""
    known = (run.summary or {}).get("training_seconds")
    last = run.history().last_batch.get("training_seconds")
    return max((float(seconds) for seconds in (known, last) if isinstance(seconds, int | float)), default=0.0)


def _run_folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if ID.fullmatch(path.name))
