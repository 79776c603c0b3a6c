"""Lend this machine to a cluster: `python -m core.compute.cluster tcp://HOST:8786`, until Ctrl-C.

HOST runs `dask scheduler`. The machine then trains the runs of every Digit Lab whose DIGITLAB_CLUSTER is that address,
as many at once as it lends cores. It needs no disk in common with them: a run comes as files, and its changes are
fetched while it trains (core.compute.dispatch). Where nobody has asked for a run's changes for some seconds, its
worker is ended, since the run continues elsewhere.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import dask
from distributed import Worker

from core.compute import mirror
from core.compute.launcher import Launcher
from core.compute.process import MACHINE, PARENT
from core.compute.watcher import Watcher
from core.home import home_folder
from core.leftovers import remove_leftovers
from core.runs import Run, RunError, RunStore, files
from core.storage import write_atomically
from core.terminal import INTERRUPTED, command_line, exit_with

ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:\d+/?")
RESOURCE = "digit-lab"  # by which members are told from other workers of a scheduler
PROTOCOL = 1  # of the messages between members and dispatchers
LOOK_SECONDS, REJOIN_SECONDS = 0.5, 2.0
DATASETS = "datasets"  # a folder of the home, with the datasets that came, named by their fingerprints
UNREACHABLE = (OSError, TimeoutError, RuntimeError, TypeError)  # what Dask raises, the last without certificates
SPARING = {  # Dask's own measurements of itself, which nobody looks at here
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
}
ONE_CORE = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@dataclass
class _Attempt:
    """A run that trains here, for whom, and until when that one counts on it."""

    run: Run
    home: str
    until: float


class Member(Watcher):
    """This machine as a part of a cluster: trains the runs that dispatchers bring, and answers their questions.

    Args:
        name: what people call the machine.
        cores: how many runs it trains at once.
        datasets: where datasets are kept.
        folder: where runs are while they train.
    """

    def __init__(self, name: str, cores: int, datasets: Path, folder: Path) -> None:
        super().__init__("member")
        self.name, self.cores = name, cores
        self.id = uuid4().hex
        self._datasets, self._folder = datasets, folder
        self._launchers: dict[str, Launcher] = {}  # by the fingerprint of the dataset
        self._attempts: dict[str, _Attempt] = {}
        self._lock = threading.RLock()

    def close(self) -> None:
        """End all that trains."""
        super().close()
        with self._lock:
            for attempt in list(self._attempts):
                self._end(attempt)
            for launcher in self._launchers.values():
                launcher.close()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            with self._lock:
                now = time.monotonic()
                for name in [name for name, attempt in self._attempts.items() if attempt.until < now]:
                    run = self._attempts[name].run
                    if _is_at_work(run):
                        print(f"Nobody asks for {run.name} any more, so its training ends here.", flush=True)
                    self._end(name)

    # What dispatchers call

    def look(self, home: str, seconds: float, known: dict[str, tuple[mirror.Stamps, dict]]) -> dict:
        """What has changed in the runs of a home since its dispatcher last looked.

        Args:
            home: whose runs.
            seconds: for how long the dispatcher counts on this machine from now on.
            known: by attempt, the stamps of the files that it has, and the requests to the worker. What else trains
                here for this home is ended.
        """
        with self._lock:
            found = {}
            for name, attempt in list(self._attempts.items()):
                if attempt.home != home:
                    continue
                if name not in known:
                    self._end(name)
                    continue
                attempt.until = time.monotonic() + seconds
                stamps, control = known[name]
                _request(attempt.run, control)
                state, has_worker = attempt.run.state, attempt.run.has_worker()  # before the files
                written, gone = mirror.changes(attempt.run.path, stamps)
                found[name] = {"state": state, "has_worker": has_worker, "written": written, "gone": gone}
            others = sum(attempt.home != home and _is_at_work(attempt.run) for attempt in self._attempts.values())
            about = {"id": self.id, "name": self.name, "cores": self.cores, "others": others, "protocol": PROTOCOL}
            return {**about, "free": self._free, "attempts": found}

    def begin(self, home: str, seconds: float, attempt: str, dataset: str, contents: dict[str, bytes]) -> dict:
        """Train a run, given by its files, on the dataset of this fingerprint.

        Returns:
            `refused` ("full", or "dataset" where that has to be brought before), or else the `stamps` of its files.
        """
        with self._lock:
            if attempt in self._attempts:  # an answer that was lost
                return {"stamps": {}}
            if self._free <= 0:
                return {"refused": "full"}
            if not self._dataset(dataset).exists():
                return {"refused": "dataset"}
            store = self._launcher(dataset).store
            draft = store.folder / f".{attempt}"
            for name, data in contents.items():
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                (draft / name).write_bytes(data)
            stamps = mirror.stamps(draft)
            del stamps[files.STATE]
            run = Run(draft.rename(store.folder / attempt))
            self._attempts[attempt] = _Attempt(run, home, time.monotonic() + seconds)
            return {"stamps": stamps}

    def take_dataset(self, fingerprint: str, data: bytes) -> None:
        """Keep a dataset, the bytes of an npz file."""
        self._datasets.mkdir(parents=True, exist_ok=True)
        write_atomically(self._dataset(fingerprint), lambda file: file.write(data))

    @property
    def _free(self) -> int:
        return self.cores - sum(_is_at_work(attempt.run) for attempt in self._attempts.values())

    def _dataset(self, fingerprint: str) -> Path:
        return self._datasets / f"{fingerprint}.npz"

    def _launcher(self, dataset: str) -> Launcher:
        """What trains on a dataset; workers that wait with another one leave where nothing trains on it."""
        busy = {attempt.run.home.name for attempt in self._attempts.values()}
        for other in [other for other in self._launchers if other not in busy | {dataset}]:
            self._launchers.pop(other).close()
        if dataset not in self._launchers:
            environment = {
                "DIGITLAB_DATA": str(self._dataset(dataset)),
                MACHINE: self.name,
                PARENT: str(os.getpid()),
                **ONE_CORE,
            }
            store = RunStore(self._folder / dataset)
            store.folder.mkdir(parents=True, exist_ok=True)
            self._launchers[dataset] = Launcher(store, self.cores, **environment)
            self._launchers[dataset].start()
        return self._launchers[dataset]

    def _end(self, name: str) -> None:
        """End an attempt, where it has not ended by itself, and forget it."""
        run = self._attempts.pop(name).run
        doomed = run.path.with_name(f".deleted-{name}")
        with suppress(OSError):
            run.path.rename(doomed)  # before, so that no launcher begins it
        self._launchers[run.home.name].end(name)
        shutil.rmtree(doomed, ignore_errors=True)


def _is_at_work(run: Run) -> bool:
    return run.state.is_active or run.has_worker()


def _request(run: Run, control: dict) -> None:
    """Pass on what people ask of the run where it is at home."""
    if not control or control == run.control:
        return
    with suppress(RunError):
        if control.get("request") in ("pause", "stop"):
            getattr(run, control["request"])()
        run.request(**control)


def call(action: str, *arguments: object, dask_worker: Worker) -> object:
    """Do what a dispatcher asks of this machine's member; Dask calls it in the member's process."""
    return getattr(dask_worker.digit_lab, action)(*arguments)


def explain(error: Exception) -> str:
    """Why a scheduler cannot be reached, as a sentence."""
    cause = error.__cause__ or error
    if isinstance(cause, TypeError):
        return "Dask's configuration on this machine names no certificate for TLS. README says how."
    return f"{cause or type(cause).__name__}."


async def _take_part(address: str, member: Member) -> None:
    """Be a member, and join again whenever the scheduler was lost."""
    told = f"Joining {address}."
    print(told, flush=True)
    while True:
        words = "The scheduler has left."
        try:
            worker = Worker(
                address,
                name=f"{member.name} {uuid4().hex[:8]}",
                nthreads=1,
                resources={RESOURCE: member.cores},
                memory_limit=0,
                local_directory=tempfile.gettempdir(),
            )
            worker.digit_lab = member
            async with worker:
                print(f"{member.name} has joined {address} with {member.cores} cores.", flush=True)
                told = ""
                await worker.finished()
        except UNREACHABLE as error:
            words = f"{address} cannot be joined: {explain(error)}"
        if words != told:
            print(f"{words} Trying again.", file=sys.stderr)
            told = words
        await asyncio.sleep(REJOIN_SECONDS)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line("python -m core.compute.cluster", __doc__)
    parser.add_argument("scheduler", help="its address, such as tcp://HOST:8786 or, with TLS, tls://HOST:8786")
    parser.add_argument("--name", default=platform.node() or "machine", help="what the machine is called")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="how many runs it trains at once")
    options = parser.parse_args(arguments)
    if not ADDRESS.fullmatch(options.scheduler):
        parser.error(f'"{options.scheduler}" is no address such as tcp://HOST:8786')
    if options.cores < 1:
        parser.error("--cores: lend at least one core")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it has a line for every question
    dask.config.set(SPARING)
    remove_leftovers(home_folder())
    folder = tempfile.mkdtemp(prefix=f"digitlab-{os.getpid()}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tempfile.tempdir = folder
    member = Member(options.name, options.cores, home_folder() / DATASETS, Path(folder) / "runs")
    member.start()
    try:
        asyncio.run(_take_part(options.scheduler, member))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        member.close()
    return 0


if __name__ == "__main__":
    exit_with(main)
