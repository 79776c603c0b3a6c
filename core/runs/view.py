"""A run's folder as it can be read, by whoever only looks."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import endings
from core.config import TrainingConfig
from core.data.classes import DIGITS
from core.home import absolute
from core.names import visible
from core.people.owner import Owner, owner_of
from core.runs import files
from core.runs.arrays import (
    end_is_newest,
    has_probabilities,
    newest_probabilities,
    predicted_epochs,
    probabilities_path,
    read_probabilities,
    read_validation,
)
from core.runs.checkpoint import checkpoint_flaw, load_checkpoint
from core.runs.damage import find
from core.runs.history import History, read_history
from core.runs.state import Content, State, read, read_config
from core.storage import is_locked, read_json

if TYPE_CHECKING:
    from core.data import Dataset


class RunView:
    """A run's folder, to be read. Nothing here writes, so it is also what a run is that must not be written to.

    Reading never raises for what the folder holds: missing and damaged parts are None. Of a folder that a newer version
    made, only the name is read.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.id = self.path.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id})"

    # What it is

    @property
    def home(self) -> Path:
        """The home that the run is in, an absolute path, also where the run's own is relative to the current folder."""
        return absolute(self.path).parent.parent

    @property
    def config(self) -> TrainingConfig | None:
        """The run's settings, None where config.json is missing, damaged or of a newer version."""
        return self._config.value

    @property
    def too_new(self) -> str:
        """That a newer version made the folder, which this one can neither open nor change, as a sentence; else ""."""
        why = self._config.newer
        return f"{self.name} {why}. Update Digit Lab to open it." if why else ""

    @property
    def unusable(self) -> str:
        """Why the folder cannot be used as a run's, as a sentence for the command line; "" where it can."""
        if self.config is not None:
            return ""
        return self.too_new or f"{self.path} is not a run folder, or its {files.CONFIG} is damaged."

    @property
    def name(self) -> str:
        """What people call it."""
        values = read(self.path / files.NAME).value
        return visible(values.get("name", self.id) if isinstance(values, dict) else self.id)

    @property
    def owner(self) -> Owner:
        """Whose it is, nobody's on a machine of one's own."""
        return owner_of(self.path)

    def damage(self) -> tuple[str, ...]:
        """What is damaged in the folder, a sentence each, with what follows from it; () where all is well."""
        return find(self)

    def _content(self, name: str) -> dict | list | None:
        """What a JSON file holds, as far as it is of the right kinds; None where there is nothing."""
        return None if self._is_newer else read(self.path / name).value

    def _values(self, name: str) -> dict:
        """What a JSON file that holds an object says, as far as it is of the right kinds; {} where there is nothing."""
        return self._content(name) or {}

    @property
    def _config(self) -> Content:
        return read_config(self.path / files.CONFIG)

    @property
    def _is_newer(self) -> bool:
        return self._config.newer != ""

    # Where it stands

    @property
    def state(self) -> State:
        """Where it stands; "interrupted" where its worker ended without writing another."""
        stored = self._stored_state()
        if stored.name == "running" and not self.has_worker():
            stored = self._stored_state()  # the worker may have ended properly between the two looks
            if stored.name == "running":
                message = f"Training stopped unexpectedly. {endings.cause(self.log_tail(40), self.path)}".strip()
                return replace(stored, name="interrupted", message=message)
        return stored

    def _stored_state(self) -> State:
        content, values = self._config, read(self.path / files.STATE).value
        if content.newer:
            return State("newer", self.too_new)
        if content.value is None or not isinstance(values, dict) or "name" not in values:
            return State("damaged", f"This run's {files.CONFIG} or {files.STATE} is missing or damaged.")
        known = {field: values[field] for field in State.__dataclass_fields__ if field in values}
        return State(**{**known, "target_epochs": known.get("target_epochs") or content.value.epochs})

    def has_worker(self) -> bool:
        """Whether a worker is at this run now, on this machine."""
        return is_locked(self.path / files.WORKER_LOCK)

    @property
    def control(self) -> dict:
        """The requests to the worker: `request` ("pause", "stop" or none), `learning_rate`, and `delete` afterwards.

        Of a stop there may be a `reason`, as a sentence.
        """
        return self._values(files.CONTROL)

    @property
    def is_discarded(self) -> bool:
        """Whether it is to be deleted as soon as no worker is at it."""
        return self.control.get("delete", False)

    # What happened

    def history(self) -> History:
        """The events so far, in order; what a resumed run did again is there once."""
        return History((), (), "waiting") if self._is_newer else read_history(self.path / files.EVENTS)

    def log_tail(self, lines: int = 12) -> str:
        """The last lines that the worker printed."""
        try:
            text = self.log_path.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    @property
    def log_path(self) -> Path:
        """The file to which the worker prints."""
        return self.path / files.LOG

    @property
    def dataset(self) -> dict:
        """Name, source and fingerprint of the dataset it was trained on; {} before training began.

        Where its images are not digits, `classes` are the names of their labels.
        """
        return self._values(files.DATASET)

    @property
    def classes(self) -> tuple[str, ...]:
        """What its labels are called, in their order: "0" to "9" where it reads digits, or the names are not known.

        Of a run with another number of outputs whose names are damaged, they are the numbers from 0.
        """
        found, config = tuple(self.dataset.get("classes", DIGITS)), self.config
        if not self.dataset and config and config.dataset:  # which it is to be trained on
            from core.data.kept import Datasets  # which imports people, as this does

            kept = Datasets(self.home).get(config.dataset)
            found = kept.classes if kept else found
        if config and len(found) != config.classes:
            return tuple(map(str, range(config.classes)))
        return found

    @property
    def is_digits(self) -> bool:
        """Whether it reads digits, and not other things."""
        return self.classes == DIGITS

    @property
    def wanted_dataset(self) -> str:
        """The fingerprint of the dataset that it was trained on, or is to be; "" for the one in use."""
        return self.dataset.get("fingerprint") or (self.config.dataset if self.config else "")

    def foreign_dataset(self, dataset: Dataset | str) -> str | None:
        """Why the run cannot be looked at or trained with this dataset, as sentences; None where it can.

        The dataset may be given by its fingerprint.
        """
        if self.wanted_dataset in ("", getattr(dataset, "fingerprint", dataset)):
            return self.too_new or None
        if not (known := self.dataset):
            return "The dataset that this run is to be trained on was removed. Start a run on another one."
        return (
            f"This run was trained and tested on {known.get('name')} ({known.get('source')}), which is not here. Add "
            "it on Train, under “Add a dataset”, or choose another run."
        )

    @property
    def summary(self) -> dict | None:
        """What came of the run, None before its end."""
        return self._content(files.SUMMARY)

    @property
    def test_accuracy(self) -> float | None:
        """Test accuracy as a fraction, None before the run has a model."""
        return self._values(files.SUMMARY).get("test_accuracy")

    @property
    def epochs_learned(self) -> float | None:
        """For how many epochs the saved model was trained, 2.4 where it was stopped within the third one.

        None before there is a model.
        """
        summary, history = self.summary or {}, self.history()
        complete = summary.get("epochs")
        if complete is None or self.state.name not in ("stopped", "paused") or len(history.epochs) > complete:
            return complete
        return max(complete, history.last_batch.get("position", 0.0))

    @property
    def architecture(self) -> list[dict]:
        """The layers as rows of name, kind, shape and parameters; empty before training began."""
        return self._content(files.ARCHITECTURE) or []

    @property
    def imported(self) -> dict:
        """The file it was imported from (`file`), and `when`; {} for a run that was trained here."""
        return self._values(files.IMPORTED)

    @property
    def trial(self) -> dict:
        """The sweep that it belongs to (`sweep`, its id) and its `number` there, from 0; {} for any other run."""
        values = self._values(files.TRIAL)
        return values if {"sweep", "number"} <= set(values) else {}

    # The network

    @property
    def model_path(self) -> Path:
        """The network for LiteRT, there or not."""
        return self.path / files.LITERT_MODEL

    @property
    def keras_path(self) -> Path:
        """The network for Keras, there or not; the starter and imported runs have none."""
        return self.path / files.KERAS_MODEL

    @property
    def has_model(self) -> bool:
        """Whether the run can read images."""
        return self.model_path.exists() and not self._is_newer

    @property
    def threshold(self) -> float | None:
        """The confidence below which the run does not answer, 0 to 1, both excluded; None where it always answers."""
        values = read_json(self.path / files.THRESHOLD)
        value = values.get("threshold") if isinstance(values, dict) else None
        return float(value) if is_threshold(value) else None

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint, whole or damaged."""
        return (self.path / files.CHECKPOINT).exists()

    @property
    def checkpoint_flaw(self) -> str:
        """What keeps the run from going on from its checkpoint, "missing" or "damaged"; "" where it can."""
        return checkpoint_flaw(self.path / files.CHECKPOINT)

    def checkpoint(self) -> dict[str, np.ndarray] | None:
        """The variables by number and the position from which training goes on; None where there is no checkpoint.

        Raises:
            CheckpointError: where it is damaged.
        """
        return load_checkpoint(self.path / files.CHECKPOINT)

    # What it predicts

    def probabilities(self, epoch: int | None = None) -> np.ndarray | None:
        """Probabilities of the test set, float32 (n, classes), after `epoch` (from 1) or, without one, the newest."""
        if self._is_newer:
            return None
        if epoch is None:
            return newest_probabilities(self.path, self.predicted_epochs(), self._epochs_at_the_end, self.outputs)
        return read_probabilities(probabilities_path(self.path, epoch), self.outputs)

    @property
    def has_probabilities(self) -> bool:
        """Whether there are probabilities of the test set, without keeping them in memory."""
        kept = self.predicted_epochs(), self._epochs_at_the_end, self.outputs
        return not self._is_newer and has_probabilities(self.path, *kept)

    @property
    def end_is_newest(self) -> bool:
        """Whether no epoch was trained after the probabilities of the end."""
        return end_is_newest(self.path, self.predicted_epochs(), self._epochs_at_the_end)

    @property
    def outputs(self) -> int:
        """How many outputs its network has, ten for digits, or where its settings are damaged."""
        return self.config.classes if self.config else len(DIGITS)

    @property
    def _epochs_at_the_end(self) -> int:
        return self._values(files.SUMMARY).get("epochs", 0)

    def predicted_epochs(self) -> list[int]:
        """The epochs whose probabilities are kept, in order."""
        return predicted_epochs(self.path)

    def validation(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Labels uint8 (n,) and probabilities float32 (n, classes) of the validation images.

        None where there are none besides the test images (`seed`), before the end of the run, or in a damaged file.
        """
        return read_validation(self.path, self.outputs)


def is_threshold(value: object) -> bool:
    """Whether a value is a confidence between 0 and 1, both excluded."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 < value < 1
