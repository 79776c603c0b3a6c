"""A machine of a cluster as a home's dispatcher looks after it: runs are brought there, and what they write is fetched.

Where the machine gives no sign of life, its runs are queued again, to continue elsewhere from what was fetched last;
what it may still train is never fetched.
"""

from __future__ import annotations

import asyncio
import io
import threading
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from distributed import Client
from filelock import FileLock

from core.compute import mirror
from core.compute.cluster import PROTOCOL, call
from core.data import DatasetError, load_dataset
from core.data.files import ARRAYS
from core.data.kept import Datasets
from core.endings import DIVERGED
from core.runs import Run, files
from core.storage import explain_os_error

LOOK_SECONDS = 0.3  # between two looks at what a machine has written
ANSWER_SECONDS = 10.0  # that a machine may take for an answer
DATASET_SECONDS = 120.0  # that a dataset may take to get there
RETRY_SECONDS = 2.0
MOST_LOST = 5  # machines that a run may lose before it has failed


class Shared:
    """What is common to all machines that train for a home.

    Attributes:
        name: of the home, by which machines tell it from others.
        silence: seconds without an answer, after which a machine is lost.
        problem: why no run is trained, a sentence; "" where one can be.
        failures, last_failure: by the machine's id, the runs in a row that failed there, and why the last one did.
        lost: by the run's id, the machines that it has lost.
    """

    def __init__(self, name: str, silence: float) -> None:
        self.name, self.silence, self.problem = name, silence, ""
        self.failures: Counter[str] = Counter()
        self.last_failure: dict[str, str] = {}
        self.lost: Counter[str] = Counter()
        self._datasets: dict[str, tuple[dict, bytes]] = {}  # by what runs name them: that in use, and one more
        self._loading = threading.Lock()

    def dataset(self, run: Run) -> tuple[dict, bytes]:
        """What the dataset of a run is, and an npz file of it; loaded once for many runs.

        Raises:
            DatasetError: where there is none.
        """
        with self._loading:
            kept = Datasets(run.home)
            named = run.wanted_dataset if kept.get(run.wanted_dataset) else ""
            if named not in self._datasets:
                dataset, file = kept.open(named, verify=True) or load_dataset(), io.BytesIO()
                np.savez_compressed(file, **{name: getattr(dataset, name) for name in ARRAYS})
                identity = {"name": dataset.name, "source": dataset.source, "fingerprint": dataset.fingerprint}
                others = {name: told for name, told in self._datasets.items() if not (name and named)}
                self._datasets = {**others, named: (identity, file.getvalue())}
            return self._datasets[named]


@dataclass(eq=False)
class Attempt:
    """A run on its way to a machine, or there."""

    run: Run
    lock: FileLock
    id: str
    stamps: mirror.Stamps | None = None  # of what was fetched; None until the machine has the run
    began: bool = False  # whether its worker has taken it
    words: str = ""  # what happened to it before


@dataclass(eq=False)
class Attendant:
    """Looks after one machine, as long as it is counted on."""

    address: str
    shared: Shared
    name: str = ""
    id: str = ""
    cores: int = 0
    others: int = 0
    heard: float = field(default_factory=time.monotonic)
    seen: float = 0.0
    attempts: dict[str, Attempt] = field(default_factory=dict)
    trouble: str = ""  # why it gets no runs, for a reason of its own
    silent: str = ""  # why it is not counted on at the moment
    gone: str = ""  # why it is not counted on any more
    full: bool = False  # by the runs of others
    task: asyncio.Task | None = None

    async def attend(self, client: Client) -> None:
        """Ask a machine again and again, until it gives no answer for too long."""
        while not self.gone:
            try:
                await self._look(client)
                for attempt in [attempt for attempt in self.attempts.values() if attempt.stamps is None]:
                    await self._begin(client, attempt)
            except (OSError, TimeoutError) as error:
                await self._note(error)
            except Exception:  # of whatever kind: the others must go on
                traceback.print_exc()
            if not self.silent and time.monotonic() - self.heard > self.shared.silence:
                self.silent = f"It gave no answer for {self.shared.silence:.0f} seconds."
                self._lose_runs(self.silent)
            await asyncio.sleep(LOOK_SECONDS)

    async def _note(self, error: Exception) -> None:
        if isinstance(error, OSError) and error.filename:  # of this machine's disk, not of the network
            self.shared.problem = explain_os_error(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _call(self, client: Client, *arguments: object, seconds: float | None = None) -> dict:
        """What a machine answers within so many seconds."""
        async with asyncio.timeout(seconds or min(ANSWER_SECONDS, self.shared.silence)):
            check(client)
            answer = (await client.run(call, *arguments, workers=[self.address]))[self.address]
        if self.gone:
            raise TimeoutError
        self.heard, self.seen, self.silent = time.monotonic(), time.time(), ""
        return answer

    async def _begin(self, client: Client, attempt: Attempt) -> None:
        """Bring a run to a machine, with the dataset where it has none yet."""
        if not attempt.run.path.is_dir():  # deleted by hand
            self._drop(attempt)
            return
        try:
            identity, data = await asyncio.to_thread(self.shared.dataset, attempt.run)
        except DatasetError as error:
            self._finish(attempt, "failed", str(error))
            return
        if why := attempt.run.foreign_dataset(identity["fingerprint"]):
            self._finish(attempt, "failed", why)
            return
        attempt.run.write_dataset(attempt.run.dataset or identity)
        brought = self.shared.name, self.shared.silence, attempt.id, identity["fingerprint"], mirror.needed(attempt.run)
        answer = await self._call(client, "begin", *brought)
        if answer.get("refused") == "dataset":
            brings = "take_dataset", identity["fingerprint"], data
            await self._call(client, *brings, seconds=DATASET_SECONDS)
            answer = await self._call(client, "begin", *brought)
        if "stamps" in answer:
            attempt.stamps = answer["stamps"]
        else:  # others were faster
            self.full = True
            self._drop(attempt)

    async def _look(self, client: Client) -> None:
        """Fetch what a machine has written, and pass on requests."""
        there = {name: attempt for name, attempt in self.attempts.items() if attempt.stamps is not None}
        known = {name: (attempt.stamps, _requests(attempt.run)) for name, attempt in there.items()}
        answer = await self._call(client, "look", self.shared.name, self.shared.silence, known)
        self.name, self.id, self.cores = answer["name"], answer["id"], answer["cores"]
        self.others, self.full = answer["others"], answer["free"] <= 0
        if answer["protocol"] != PROTOCOL:
            self.trouble = "It runs another version of Digit Lab."
        for name, attempt in there.items():
            if self.gone:
                return
            if name in answer["attempts"]:
                await self._fetch(attempt, **answer["attempts"][name])
            else:  # it was stopped for a while, and has ended what it trained
                self._lose_run(attempt, "It has ended the run.")

    async def _fetch(self, attempt: Attempt, state, has_worker, written, gone) -> None:
        """Make the run here like the one there."""
        run, dataset = attempt.run, attempt.run.dataset
        if not run.path.is_dir():  # deleted by hand
            self._drop(attempt)
            return
        await asyncio.to_thread(mirror.apply, run, written, gone, dataset)
        if attempt.id not in self.attempts:  # lost meanwhile
            return
        for change in written:
            attempt.stamps[change.name] = change.stamp
            attempt.began |= change.name == files.EVENTS and b'"type":"taken"' in change.data
        for name in gone:
            attempt.stamps.pop(name, None)
        is_taken_back = state.name in ("paused", "stopped") and not run.control.get("request")
        if state.name == "interrupted" or (state.name == "failed" and not attempt.began):
            self._count(state.message)
            self._lose_run(attempt, state.message)
        elif is_taken_back:  # resumed before the machine told that it had obeyed
            if not has_worker:
                if run.state.name != "queued":
                    run.set_state("queued", resumes=True)
                self._drop(attempt)
        elif not state.is_active and not has_worker:
            if state.name != "failed" or state.message == DIVERGED:
                self.shared.failures[self.id] = 0
            else:
                self._count(state.message)
            self._finish(attempt, state.name, state.message)
        elif any(change.name == files.STATE for change in written) and state.name != "queued":
            run.set_state(state.name, state.message or attempt.words, resumes=state.resumes, machine=self.name)

    def _count(self, why: str) -> None:
        self.shared.failures[self.id] += 1
        self.shared.last_failure[self.id] = why

    def _finish(self, attempt: Attempt, name: str, message: str) -> None:
        if attempt.run.path.is_dir():
            attempt.run.set_state(name, message, machine=self.name)
        self._drop(attempt)

    def _drop(self, attempt: Attempt) -> None:
        if self.attempts.pop(attempt.id, None):
            attempt.lock.release()

    def lose(self, why: str) -> None:
        """Count on a machine no longer; its runs continue elsewhere."""
        self.gone = why
        self._lose_runs(why)

    def _lose_runs(self, why: str) -> None:
        for attempt in list(self.attempts.values()):
            self._lose_run(attempt, why)

    def _lose_run(self, attempt: Attempt, why: str) -> None:
        """Queue a run again that a machine has lost, unless its end was requested or it has lost too many."""
        run, words = attempt.run, f"{self.name} did not finish it. {why}"
        if attempt.stamps is not None and run.path.is_dir():
            self.shared.lost[run.id] += 1
            with suppress(OSError):  # a full disk: the run then looks interrupted
                run.append_event("lost", machine=self.name, why=why)
                if self.shared.lost[run.id] > MOST_LOST:
                    run.set_state("failed", words, machine=self.name)
                elif run.control.get("request"):
                    run.set_state("paused", machine=self.name)
                else:
                    run.set_state("queued", words, resumes=True)
        self._drop(attempt)


def check(client: Client) -> None:
    """Raise ConnectionError where the scheduler was lost, until Dask has connected again."""
    if client.scheduler is None:
        raise ConnectionError("the scheduler was lost")


def _requests(run: Run) -> dict:
    return {name: value for name, value in run.control.items() if name in ("request", "learning_rate")}
