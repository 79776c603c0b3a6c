"""A background job: what takes longer than a page should, in a process of its own, which leaves its result in the run.

It goes on when the page that started it is closed. What there is to do is in core.background.

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

from core.compute.process import start_process
from core.data import Dataset, DatasetError, load_dataset
from core.endings import cause, exit_in_words
from core.predictor import ModelError, Predictor, fingerprint
from core.runs import Run
from core.runs.files import job_file
from core.storage import read_json, write_json

START_SECONDS = 30.0  # how long a process may need until it holds its lock, on a busy machine
_REPORT_SECONDS = 0.2
_started: dict[tuple[str, str], subprocess.Popen] = {}
_starting = Lock()

Report = Callable[[int, int, str], None]
Task = Callable[[Run, Predictor, str, Dataset, Report], object]


@dataclass(frozen=True)
class Status:
    """Where an analysis stands.

    Attributes:
        name: "none", "running", "finished", "failed" or "interrupted".
        fraction: how much is done, 0 to 1.
        words: what it is doing, or why it failed.
    """

    name: str
    fraction: float = 0.0
    words: str = ""


def status(run: Run, kind: str) -> Status:
    """Where the analysis `kind` of a run stands; one whose process is gone without a word is "interrupted"."""
    for _ in range(2):  # it may have ended properly between the look at its words and the look at its lock
        values = read_json(_progress_file(run, kind))
        values = values if isinstance(values, dict) else {}
        name, words = values.get("state"), str(values.get("words", ""))
        fraction = values.get("fraction")
        fraction = min(1.0, max(0.0, fraction)) if isinstance(fraction, int | float) else 0.0
        if name in ("finished", "failed"):
            return Status(name, fraction, words)
        if name not in ("starting", "running"):
            return Status("none")
        if _is_held(run, kind) or (name == "starting" and _may_still_start(run, kind, values.get("time"))):
            return Status("running", fraction, words)
    return Status("interrupted", fraction, _why_it_ended(run, kind))


def _why_it_ended(run: Run, kind: str) -> str:
    """Why an analysis stopped that did not say so itself: the status of its process, its last words, the disk."""
    log, process = run.path / job_file(kind, "log"), _started.get((run.id, kind))
    said = log.read_text(errors="replace")[-4000:] if log.exists() else ""
    how = f" ({exit_in_words(process.returncode)})" if process and process.poll() else ""
    return " ".join(filter(None, [f"The job stopped unexpectedly{how}. See {log.name}.", cause(said, run.path)]))


def start(run: Run, kind: str) -> None:
    """Start the analysis `kind` in the background; nothing happens where it runs already.

    Raises:
        OSError: where the run folder cannot be written.
    """
    with _starting:
        if status(run, kind).name == "running":
            return
        _say(run, kind, "starting", 0.0, "Starting")
        log = run.path / job_file(kind, "log")
        log.unlink(missing_ok=True)
        _started[run.id, kind] = start_process("core.background", run.path.absolute(), kind, log=log)


def analyse(run: Run, kind: str, task: Task, dataset: Dataset | None = None) -> bool:
    """Do the task here and now, telling of progress and failure in the run folder; True where it succeeded."""
    last = 0.0

    def report(done: int, total: int, words: str) -> None:
        nonlocal last
        if time.monotonic() - last > _REPORT_SECONDS:
            last = time.monotonic()
            _say(run, kind, "running", done / total, words)

    try:
        _say(run, kind, "running", 0.0, "Loading the dataset and the model")
        dataset = dataset or load_dataset(allow_download=False)
        if reason := run.foreign_dataset(dataset):
            raise DatasetError(reason)
        path = run.model_path
        model = path.read_bytes() if path.exists() else None
        predictor = Predictor.load(run.path) if model is None else Predictor(model, path)
        task(run, predictor, fingerprint(model), dataset, report)
        _say(run, kind, "finished", 1.0, "")
        return True
    except (DatasetError, ModelError) as error:
        words = str(error)
    except MemoryError:
        words = "The memory was not enough. Close other programs and try again."
    except Exception as error:
        traceback.print_exc()
        words = f"An unexpected error: {error}. The file {job_file(kind, 'log')} in the run's folder has the details."
    with suppress(OSError):  # the run may have been deleted meanwhile
        _say(run, kind, "failed", 0.0, words)
    return False


def _say(run: Run, kind: str, state: str, fraction: float, words: str) -> None:
    values = {"state": state, "fraction": fraction, "words": words, "time": time.time()}
    write_json(_progress_file(run, kind), values)


def _progress_file(run: Run, kind: str) -> Path:
    return run.path / job_file(kind, "json")


def _lock(run: Run, kind: str) -> FileLock:
    return FileLock(run.path / job_file(kind, "lock"))


_PROBE = Lock()


def _is_held(run: Run, kind: str) -> bool:
    """Whether a process is at it now, on this machine; as `Run.has_worker`."""
    if not (run.path / job_file(kind, "lock")).exists():
        return False
    with _PROBE:
        try:
            with _lock(run, kind).acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False


def _may_still_start(run: Run, kind: str, since: object) -> bool:
    """Whether a process that has no lock yet may be on its way."""
    process = _started.get((run.id, kind))
    if process is not None and process.poll() is not None:
        return False
    return isinstance(since, int | float) and 0 <= time.time() - since < START_SECONDS


def analyse_alone(run: Run, kind: str, task: Task) -> int:
    """Do the task while no other process is at it; returns the exit status, 3 where another one is."""
    try:
        with _lock(run, kind).acquire(timeout=5):  # a page that looks holds it for a moment
            return 0 if analyse(run, kind, task) else 1
    except Timeout:
        print("Another process is at it.", file=sys.stderr)
        return 3
