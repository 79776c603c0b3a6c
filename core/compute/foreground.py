"""Training while somebody waits for it: a worker for one run, started here, and the run's states until it has ended."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from core.compute.cluster_launcher import start_dispatcher
from core.compute.machines import cluster_address
from core.compute.process import explain_end, start_process
from core.home import absolute
from core.runs import ENDED, Run, RunError, RunStore, State

LOOK_SECONDS = 0.1


def train(run: Run, data: Path | str | None = None) -> State:
    """Train a queued run in a process of its own and wait for its end; returns the state in which it ended.

    Its `name` is "finished" where all went well; otherwise `message` says why not. Interrupted (Ctrl-C, or a notebook's
    stop button), only the waiting ends; `run.stop()` ends the training and keeps what was learned.

    Args:
        run: as `RunStore.create`, `Run.resume` or `Run.extend` left it.
        data: a file or folder of digits, for a run that names no dataset; without, the run's own, or what
            `load_dataset()` finds.

    Raises:
        RunError: where it cannot be started; the run has failed then.

    Example:
        >>> run = RunStore().create(TrainingConfig("dense", epochs=2))  # doctest: +SKIP
        >>> train(run).name  # doctest: +SKIP
        'finished'
    """
    worker = start_worker(run, data)
    try:
        for _ in states(run, worker):
            pass
    finally:
        let_leave(worker)
    return run.state


def start_worker(run: Run, data: Path | str | None = None) -> subprocess.Popen:
    """Start a process that trains the run or sends it to a cluster, out of reach of this terminal's Ctrl-C and hang-up.

    With `data` it is trained here, cluster or not.

    Raises:
        RunError: where it cannot be started; the run has failed then.
    """
    environment = {"DIGITLAB_DATA": str(absolute(data))} if data else {}
    try:
        if cluster_address() and not data:
            return start_dispatcher(RunStore(run.home))
        return start_process("core.training.worker", run.path, log=run.log_path, **environment)
    except OSError as error:
        run.set_state("failed", f"The worker could not start ({error.strerror or error}).")
        raise RunError(run.state.message) from error


def states(run: Run, worker: subprocess.Popen) -> Iterator[State]:
    """The run's state ten times a second until it has ended, whichever worker trains it.

    Args:
        run: the run.
        worker: what `start_worker` gave; a dashboard's worker may have taken the run first.
    """
    while True:
        state = run.state
        if state.name == "queued" and worker.poll() not in (None, 0) and not run.has_worker():
            run.set_state("failed", explain_end("The worker could not start", worker.returncode, run.log_path))
            state = run.state
        yield state
        if (state.name in ENDED or state.is_unreadable) and not run.has_worker():
            return
        time.sleep(LOOK_SECONDS)


def let_leave(worker: subprocess.Popen) -> None:
    """Let a process that sends runs to a cluster leave after those that it has sent; others leave by themselves."""
    if worker.stdin:
        worker.stdin.close()
