"""A background job: a task too long for a page, in a process of its own that leaves the result in the run folder.

It continues when the page that started it is closed. The tasks themselves are in core.background.

    analysis-KIND.json    how far it is, and the error where it failed
    analysis-KIND.lock    held while it lives: it is not started twice, and a killed one is noticed
    analysis-KIND.log     what it printed
"""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from core.compute.process import explain_end, start_process
from core.data import Dataset, DatasetError, load_dataset
from core.data.kept import Datasets
from core.predictor import ModelError, Predictor, fingerprint
from core.runs import Run
from core.runs.files import job_file
from core.storage import is_locked, read_json, write_json

START_SECONDS = 30.0  # how long a process may need until it holds its lock, on a busy machine
LOCK_SECONDS = 5.0  # `is_locked` holds a lock for a moment
ENOUGH = 0.1  # of a job, until its pace tells how long the rest takes
_REPORT_SECONDS = 0.2

Report = Callable[[int, int, str], None]
Task = Callable[[Run, Predictor, str, Dataset, Report], object]


@dataclass(frozen=True)
class Status:
    """Where a job stands.

    Attributes:
        name: "none", "running", "finished", "failed" or "interrupted".
        fraction: how much is done, 0 to 1.
        words: what it is doing, or why it failed.
        seconds_left: how long it still takes where the rest goes on as before, None where that cannot be told.
    """

    name: str
    fraction: float = 0.0
    words: str = ""
    seconds_left: float | None = None


class Jobs:
    """Starts background jobs, and tells where each stands, also those that another program started."""

    def __init__(self) -> None:
        self._processes: dict[tuple[Path, str], subprocess.Popen] = {}
        self._starting = Lock()

    def start(self, run: Run, kind: str) -> None:
        """Start the job `kind` of a run in the background; nothing happens where it runs already.

        Raises:
            OSError: where the run folder cannot be written.
        """
        with self._starting:
            if self.status(run, kind).name == "running":
                return
            _write_progress(run, kind, "starting", 0.0, "Starting")
            log = _file(run, kind, "log")
            log.unlink(missing_ok=True)
            process = start_process("core.background", run.path.absolute(), kind, log=log)
            self._processes[run.path, kind] = process

    def end(self, run: Run, kind: str) -> None:
        """End a job that was started here, as if it had never been started; a result that it has saved stays."""
        process = self._processes.pop((run.path, kind), None)
        if process is None or process.poll() is not None:
            return
        progress = _file(run, kind, "json")
        progress.unlink(missing_ok=True)  # before as well, so that nobody is told that it stopped unexpectedly
        process.terminate()
        process.wait()
        if process.returncode != 0:
            progress.unlink(missing_ok=True)

    def can_end(self, run: Run, kind: str) -> bool:
        """Whether `end` would end a job: one that runs and was started here."""
        return (run.path, kind) in self._processes and self._exit_status(run, kind) is None

    def status(self, run: Run, kind: str) -> Status:
        """Where the job `kind` of a run stands; one whose process ended without saying so is "interrupted"."""
        for _ in range(2):  # it may have ended properly between the look at its progress and the look at its lock
            values = read_json(_file(run, kind, "json"))
            values = values if isinstance(values, dict) else {}
            name, words = values.get("state"), str(values.get("words", ""))
            fraction = values.get("fraction")
            fraction = min(1.0, max(0.0, fraction)) if isinstance(fraction, int | float) else 0.0
            if name in ("finished", "failed"):
                return Status(name, fraction, words)
            if name not in ("starting", "running"):
                return Status("none")
            may_start = name == "starting" and self._may_start(run, kind, values.get("time"))
            if is_locked(_file(run, kind, "lock")) or may_start:
                return Status("running", fraction, words, _seconds_left(values, fraction))
        log = _file(run, kind, "log")
        words = explain_end("The job stopped unexpectedly", self._exit_status(run, kind), log)
        return Status("interrupted", fraction, f"{words} See {log.name}.")

    def _exit_status(self, run: Run, kind: str) -> int | None:
        """The exit status of the process that was started here; None while it lives, or where there is none."""
        process = self._processes.get((run.path, kind))
        return process.poll() if process else None

    def _may_start(self, run: Run, kind: str, since: object) -> bool:
        """Whether a process that was started at `since` and has no lock yet may still be getting ready."""
        is_recent = isinstance(since, int | float) and 0 <= time.time() - since < START_SECONDS
        return is_recent and self._exit_status(run, kind) is None


def execute(run: Run, kind: str, task: Task, dataset: Dataset | None = None) -> bool:
    """Do the task here and now, with progress and failure in the run folder; returns whether it succeeded."""
    began, last = time.time(), 0.0

    def report(done: int, total: int, words: str) -> None:
        nonlocal last
        if time.monotonic() - last > _REPORT_SECONDS:
            last = time.monotonic()
            _write_progress(run, kind, "running", done / total, words, began)

    try:
        _write_progress(run, kind, "running", 0.0, "Loading the dataset and the model")
        dataset = dataset or Datasets(run.home).open(run.wanted_dataset) or load_dataset(allow_download=False)
        if reason := run.foreign_dataset(dataset):
            raise DatasetError(reason)
        path = run.model_path
        model = path.read_bytes() if path.exists() else None
        predictor = Predictor.load(run.path) if model is None else Predictor(model, path)
        task(run, predictor, fingerprint(model), dataset, report)
        _write_progress(run, kind, "finished", 1.0, "")
        return True
    except (DatasetError, ModelError) as error:
        words = str(error)
    except MemoryError:
        words = "The memory was not enough. Close other programs and try again."
    except Exception as error:
        traceback.print_exc()
        words = f"An unexpected error: {error}. The file {job_file(kind, 'log')} in the run's folder has the details."
    with suppress(OSError):  # the run may have been deleted meanwhile
        _write_progress(run, kind, "failed", 0.0, words)
    return False


def execute_once(run: Run, kind: str, task: Task) -> int:
    """Do the task unless another process does; returns the exit status: 0, 1 where it failed, 3 where another does."""
    try:
        with FileLock(_file(run, kind, "lock")).acquire(timeout=LOCK_SECONDS):
            return 0 if execute(run, kind, task) else 1
    except Timeout:
        print("Another process is running this job.", file=sys.stderr)
        return 3


def _write_progress(run: Run, kind: str, state: str, fraction: float, words: str, began: float | None = None) -> None:
    values = {"state": state, "fraction": fraction, "words": words, "time": time.time(), "began": began}
    write_json(_file(run, kind, "json"), values)


def _seconds_left(values: dict, fraction: float) -> float | None:
    began, told = values.get("began"), values.get("time")
    if fraction < ENOUGH or not all(isinstance(at, int | float) for at in (began, told)):
        return None
    return max(0.0, (told - began) * (1 - fraction) / fraction - (time.time() - told))


def _file(run: Run, kind: str, ending: str) -> Path:
    return run.path / job_file(kind, ending)
