"""Starts workers for the runs that wait, and keeps one worker warm, so that a run begins within a second.

The queue is in the run folders: whoever wants a run trained creates or resumes it there, and the launcher of any
dashboard takes it up. Workers have a session of their own and go on when the launcher ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from core.home import ROOT, absolute
from core.runs import Run, RunStore

PATHS = ("DIGITLAB_DATA", "DIGITLAB_HOME", "KERAS_HOME")  # in the environment
LOOK_SECONDS = 0.1
SPARE_SECONDS = 4.0  # how long a run has the machine to itself before the next worker gets ready


def worker_limit() -> int:
    """How many runs train at once: DIGITLAB_WORKERS, 1 where it is unset or no number from 1 to 16."""
    value = os.environ.get("DIGITLAB_WORKERS", "")
    return int(value) if value.isdecimal() and 1 <= int(value) <= 16 else 1


class Launcher:
    """Watches the queue of a store in a thread of its own.

    Args:
        store: where runs wait.
        limit: how many train at once; what other launchers and terminals train counts too.
    """

    def __init__(self, store: RunStore, limit: int | None = None) -> None:
        self.store = store
        self.limit = limit or worker_limit()
        self._warm: subprocess.Popen | None = None
        self._sent: dict[str, tuple[subprocess.Popen, float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="launcher", daemon=True)

    def start(self) -> None:
        """Get the first worker ready and begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching and let the warm worker go; workers with a run go on."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        if self._warm:
            self._warm.stdin.close()  # it reads the end of its input and leaves
            try:
                self._warm.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._warm.kill()  # still importing, and without a run there is nothing to lose
            self._warm = None

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                self._look()
            except OSError as error:  # a full disk or a folder that vanished must not end the watch
                print(f"Launcher: {error}", file=sys.stderr)
                self._ended.wait(2)
            self._ended.wait(LOOK_SECONDS)

    def _look(self) -> None:
        self._reap()
        for run in self.store.queued():
            if run.id not in self._sent and self._training() < self.limit:
                self._send(run)
        if self._warm is None and all(time.monotonic() - at > SPARE_SECONDS for _, at in self._sent.values()):
            self._warm = self._spawn()

    def _training(self) -> int:
        """Runs that train now, whoever started them, and those on their way."""
        running = {run.id for run in self.store.runs() if run.state.name == "running"}
        return len(running | set(self._sent))

    def _send(self, run: Run) -> None:
        worker = self._warm or self._spawn()
        self._warm = None
        try:
            worker.stdin.write(f"{run.path}\n".encode())
            worker.stdin.close()
        except OSError:
            worker.kill()  # it died while it waited; the run is sent again at the next look
            worker.wait()
            return
        self._sent[run.id] = (worker, time.monotonic())

    def _spawn(self) -> subprocess.Popen:
        """Start a worker that gets ready and then waits for a run on its standard input."""
        self.store.home.mkdir(parents=True, exist_ok=True)
        (self.store.home / "worker.log").unlink(missing_ok=True)
        return start_process("core.worker", "--wait", self.store.home, log=self.store.home / "worker.log", talks=True)

    def _reap(self) -> None:
        """Forget workers that ended; a run that one of them did not even begin has failed."""
        for run_id, (worker, _) in list(self._sent.items()):
            if worker.poll() is None:
                continue
            del self._sent[run_id]
            run = self.store.get(run_id)
            if run and run.state.name == "queued" and worker.returncode != 0 and not run.has_worker():
                run.set_state("failed", f"The worker could not start.\n\n{self._worker_log()}")
        if self._warm and self._warm.poll() is not None:
            self._warm = None
            self._ended.wait(2)  # it died by itself; not in a tight loop

    def _worker_log(self) -> str:
        try:
            return (self.store.home / "worker.log").read_text(errors="replace")[-1500:]
        except OSError:
            return ""


def start_process(
    module: str, *arguments: object, log: Path, talks: bool = False, **environment: str
) -> subprocess.Popen:
    """Start `python -m module` in a session of its own: it goes on when this process or its terminal ends.

    Args:
        module: a module of this project that can be run.
        arguments: what is passed to it, as text.
        log: takes what it prints, behind what is there already.
        talks: whether its standard input is a pipe to be written to; otherwise it has none.
        environment: variables to set besides those of this process.
    """
    paths = {name: str(absolute(os.environ[name])) for name in PATHS if os.environ.get(name)}  # it works elsewhere
    own_session = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **paths, **environment},
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **own_session,
        )
