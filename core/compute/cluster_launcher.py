"""The launcher where DIGITLAB_CLUSTER names a cluster: keeps the process alive that sends runs there.

Runs that learn my digits are trained on this machine: people's own handwriting stays here.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress

from core.compute.launcher import Launcher
from core.compute.machines import cluster_address, has_dispatcher, is_for_this_machine, read_machines
from core.compute.process import explain_end, last_output, start_process
from core.compute.queue import Active
from core.runs import Run, RunStore

AGAIN_SECONDS = 2.0  # before a dispatcher is started in place of one that ended


def make_launcher(store: RunStore) -> Launcher:
    """What starts the queued runs of a store: on this machine, or on the cluster that DIGITLAB_CLUSTER names."""
    return ClusterLauncher(store) if cluster_address() else Launcher(store)


def start_dispatcher(store: RunStore) -> subprocess.Popen:
    """Start the process that sends queued runs to the cluster; it leaves after its runs when its input is closed."""
    log = store.home / f"dispatch-{os.getpid()}.log"
    store.home.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return start_process("core.compute.dispatch", store.home, log=log, takes_input=True)


class ClusterLauncher(Launcher):
    """Sends runs to a cluster by a process of its own, and trains only those here that must not leave."""

    _keeps_warm = False

    def __init__(self, store: RunStore) -> None:
        super().__init__(store)
        self._dispatcher: subprocess.Popen | None = None
        self._next_dispatcher = 0.0

    @property
    def problem(self) -> str:
        """Why queued runs are not started, in words; "" where they are, and before the start and after the end."""
        return super().problem or ("" if self._ended.is_set() else read_machines(self.store.home).problem)

    def close(self) -> None:
        """Stop watching; the dispatcher continues to the end of the runs that train, and takes no more."""
        super().close()
        if self._dispatcher:
            with suppress(OSError):
                self._dispatcher.stdin.close()

    def _takes(self, run: Run, active: Active) -> bool:
        return is_for_this_machine(run.config) and len(self._sent) < self.limit

    def _look(self) -> None:
        super()._look()
        now = time.monotonic()
        if self._dispatcher and self._dispatcher.poll() is not None:
            if self._dispatcher.returncode:
                log = self.store.home / f"dispatch-{os.getpid()}.log"
                words = explain_end(
                    "The process that sends runs to the cluster ended", self._dispatcher.returncode, log
                )
                self._worker_problem = f"{words}\n\n{last_output(log)}".strip()
            self._dispatcher, self._next_dispatcher = None, now + AGAIN_SECONDS
        if self._dispatcher:
            if has_dispatcher(self.store.home):
                self._worker_problem = ""
        elif now >= self._next_dispatcher and not has_dispatcher(self.store.home):
            self._dispatcher = start_dispatcher(self.store)
