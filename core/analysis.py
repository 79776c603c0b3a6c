"""What takes longer than a page should, a process of its own: `python -m core.analysis RUN KIND`.

It reads the run's exported model, so only exporting to other formats needs TensorFlow, and leaves its result in the run
folder; it goes on when the page that started it is closed.

    analysis-KIND.json    how far it is, and the error where it failed
    analysis-KIND.lock    held while it lives: it is not started twice, and a killed one is noticed
    analysis-KIND.log     what it printed
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from core import embedding, novelty, proof, robustness
from core.data import Dataset, DatasetError, load_dataset
from core.endings import cause, exit_in_words
from core.home import absolute
from core.launch import start_process
from core.leftovers import use_own_temporary_folder
from core.predictor import MODEL_FILE, ModelError, Predictor, fingerprint
from core.runs import Run
from core.split import split
from core.storage import read_json, write_json
from core.terminal import command_line, exit_with

KINDS = ("robustness", "map", "validation", "novelty", "export")
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
    log, process = run.path / f"analysis-{kind}.log", _started.get((run.id, kind))
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
        log = run.path / f"analysis-{kind}.log"
        log.unlink(missing_ok=True)
        _started[run.id, kind] = start_process("core.analysis", run.path.absolute(), kind, log=log)


def foreign_dataset(run: Run, dataset: Dataset) -> str | None:
    """Why the run cannot be looked at with this dataset, as a sentence; None where it can."""
    known = run.dataset
    if known.get("fingerprint") in (None, dataset.fingerprint):
        return None
    return (
        f"This run was trained and tested on {known.get('name')} ({known.get('source')}), but the dataset here is "
        f"{dataset.name}. Its numbers would mean something else. Bring the first one back, or choose another run."
    )


def measure_robustness(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Measure the accuracy under every change, and keep it in the run."""
    robustness.measure(predictor, model, dataset, report).save(run)


def lay_out_map(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Lay out a sample of the test images by t-SNE, and keep it in the run."""
    report(0, embedding.ITERATIONS, "Reading the test images")
    outputs = predictor.outputs(dataset.x_test)
    indices = embedding.sample(outputs["probabilities"].argmax(axis=1) == dataset.y_test)
    report(0, embedding.ITERATIONS, "Finding each image's neighbours")
    points = embedding.tsne(outputs["hidden"][indices], report)
    embedding.TsneMap(model, dataset.fingerprint, indices, points).save(run)


def read_validation(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Read the run's validation images, and keep what it says of them, as its worker does at the end."""
    if run.config is None or run.config.info.validates_on_test:
        raise DatasetError("This run has no validation images besides the test images.")
    report(0, 1, "Reading the validation images")
    images = split(dataset, run.config)
    run.write_validation(images.y_val, predictor.probabilities(images.x_val))


def learn_novelty(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Learn to tell digits from what is none, and keep it in the run."""
    report(0, 1, "Learning what is no digit")
    replace(novelty.fit_for_run(run, predictor, dataset), model=model).save(run.path)


_TASKS: dict[str, Task] = {
    "robustness": measure_robustness,
    "map": lay_out_map,
    "validation": read_validation,
    "novelty": learn_novelty,
    "export": proof.export_all,
}


def analyse(run: Run, kind: str, dataset: Dataset | None = None, task: Task | None = None) -> bool:
    """Do the analysis here and now, telling of progress and failure in the run folder; True where it succeeded.

    `task` does it in a way of its own; without, it is done as the pages do it.
    """
    last = 0.0

    def report(done: int, total: int, words: str) -> None:
        nonlocal last
        if time.monotonic() - last > _REPORT_SECONDS:
            last = time.monotonic()
            _say(run, kind, "running", done / total, words)

    try:
        _say(run, kind, "running", 0.0, "Loading the dataset and the model")
        dataset = dataset or load_dataset(allow_download=False)
        if reason := foreign_dataset(run, dataset):
            raise DatasetError(reason)
        path = run.path / MODEL_FILE
        model = path.read_bytes() if path.exists() else None
        predictor = Predictor.load(run.path) if model is None else Predictor(model, path)
        (task or _TASKS[kind])(run, predictor, fingerprint(model), dataset, report)
        _say(run, kind, "finished", 1.0, "")
        return True
    except (DatasetError, ModelError) as error:
        words = str(error)
    except MemoryError:
        words = "The memory was not enough. Close other programs and try again."
    except Exception as error:
        traceback.print_exc()
        words = f"An unexpected error: {error}. The file analysis-{kind}.log in the run's folder has the details."
    with suppress(OSError):  # the run may have been deleted meanwhile
        _say(run, kind, "failed", 0.0, words)
    return False


def _say(run: Run, kind: str, state: str, fraction: float, words: str) -> None:
    values = {"state": state, "fraction": fraction, "words": words, "time": time.time()}
    write_json(_progress_file(run, kind), values)


def _progress_file(run: Run, kind: str) -> Path:
    return run.path / f"analysis-{kind}.json"


def _lock(run: Run, kind: str) -> FileLock:
    return FileLock(run.path / f"analysis-{kind}.lock")


_PROBE = Lock()


def _is_held(run: Run, kind: str) -> bool:
    """Whether a process is at it now, on this machine; as `Run.has_worker`."""
    if not (run.path / f"analysis-{kind}.lock").exists():
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


def analyse_alone(run: Run, kind: str, task: Task | None = None) -> int:
    """The same while no other process is at it; returns the exit status, 3 where another one is."""
    try:
        with _lock(run, kind).acquire(timeout=5):  # a page that looks holds it for a moment
            return 0 if analyse(run, kind, task=task) else 1
    except Timeout:
        print("Another process is at it.", file=sys.stderr)
        return 3


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line("python -m core.analysis", __doc__)
    parser.add_argument("run", type=absolute, help="a run folder")
    parser.add_argument("kind", choices=KINDS)
    options = parser.parse_args(arguments)
    run = Run(options.run)
    if run.config is None:
        print(f"{options.run} is not a run folder, or its config.json is damaged.", file=sys.stderr)
        return 2
    if hasattr(os, "nice"):
        os.nice(10)  # the page comes first
    use_own_temporary_folder()
    return analyse_alone(run, options.kind)


if __name__ == "__main__":
    exit_with(main)
