"""The process that has a home's runs trained by a cluster: `python -m core.compute.dispatch HOME`.

It brings each queued run to a machine, fetches what the worker there writes, and passes on requests: a run in the home
looks as if it were trained here. While a machine trains a run, this process holds the run's lock. Where a machine gives
no sign of life, its runs continue elsewhere from what was fetched last; what it may still train is never fetched.

    machines.json   the machines as last seen        cluster.lock   held by this process
"""

from __future__ import annotations

import asyncio
import io
import logging
import platform
import sys
import threading
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import dask
import numpy as np
from distributed import Client
from filelock import FileLock, Timeout

from core.compute import mirror
from core.compute.cluster import ADDRESS, PROTOCOL, RESOURCE, SPARING, UNREACHABLE, call, explain
from core.compute.machines import LOCK, Machine, Machines, cluster_address, write_machines
from core.compute.queue import Queue
from core.data import DatasetError, load_dataset
from core.data.files import ARRAYS
from core.endings import DIVERGED
from core.home import absolute
from core.people import read_rules
from core.runs import Run, RunError, RunStore, files
from core.storage import explain_os_error
from core.terminal import command_line, exit_with

LOOK_SECONDS = 0.3  # between two looks at what a machine has written
ANSWER_SECONDS = 10.0  # that a machine may take for an answer
DATASET_SECONDS = 120.0  # that a dataset may take to get there
RETRY_SECONDS = 2.0
TELL_SECONDS = 2.0  # between two words on machines that changed in nothing but their last sign of life
REMEMBERED_SECONDS = 3600.0  # for which a machine that is gone is told of
MOST_FAILURES = 3  # runs in a row, after which a machine gets no more
MOST_LOST = 5  # machines that a run may lose before it has failed
SILENCE = "digit-lab.silence"  # Dask's configuration: seconds without an answer, after which a machine is lost


@dataclass(eq=False)
class _Attempt:
    """A run on its way to a machine, or there."""

    run: Run
    lock: FileLock
    id: str
    stamps: mirror.Stamps | None = None  # of what was fetched; None until the machine has the run
    began: bool = False  # whether its worker has taken it
    words: str = ""  # what happened to it before


@dataclass(eq=False)
class _Member:
    """A machine as this process knows it."""

    address: str
    name: str = ""
    id: str = ""
    cores: int = 0
    others: int = 0
    heard: float = field(default_factory=time.monotonic)
    seen: float = 0.0
    attempts: dict[str, _Attempt] = field(default_factory=dict)
    trouble: str = ""  # why it gets no runs, for a reason of its own
    silent: str = ""  # why it is not counted on at the moment
    gone: str = ""  # why it is not counted on any more
    full: bool = False  # by the runs of others
    task: asyncio.Task | None = None


class Dispatcher:
    """Sends the queued runs of a store to the machines of a cluster.

    Args:
        store: where runs wait.
        address: of the cluster's scheduler.
        leaves: set when no more runs are to be taken; it ends after those in training.
    """

    def __init__(self, store: RunStore, address: str, leaves: threading.Event) -> None:
        self.store, self.address, self._leaves = store, address, leaves
        self.silence = float(dask.config.get(SILENCE, 20.0))
        self._home = f"{platform.node()} {store.home}"
        self._queue = Queue(store)
        self._members: dict[str, _Member] = {}  # by address
        self._failures: Counter[str] = Counter()  # by the machine's id: runs in a row that failed there
        self._last_failure: dict[str, str] = {}
        self._lost: Counter[str] = Counter()  # by the run's id: machines that were lost
        self._dataset: tuple[dict, bytes] | None = None
        self._loading = threading.Lock()
        self._problem, self._told, self._next_word = "", Machines(), 0.0

    async def run(self) -> None:
        """Work until there is nothing left to do."""
        self._continue_lost()
        while not self._is_through():
            try:
                async with Client(self.address, asynchronous=True, timeout=ANSWER_SECONDS) as client:
                    await self._serve(client)
            except UNREACHABLE as error:
                self._problem = f"The cluster at {self.address} cannot be reached: {explain(error)}"
            if not self._is_through():
                for member in self._members.values():
                    self._lose(member, "The scheduler cannot be reached.")
                self._tell()
                await asyncio.sleep(RETRY_SECONDS)

    def _is_through(self) -> bool:
        return self._leaves.is_set() and not any(member.attempts for member in self._members.values())

    def _continue_lost(self) -> None:
        """Queue the runs of a dispatcher that was killed."""
        for run in self.store.runs():
            state = run.state
            if state.name == "interrupted" and state.machine:
                with suppress(RunError):
                    run.resume()

    async def _serve(self, client: Client) -> None:
        """Look after machines and runs while the scheduler answers."""
        heard = time.monotonic()
        while not self._is_through() and time.monotonic() - heard < self.silence:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    _check(client)
                    known = await client.scheduler.identity(n_workers=-1)
                heard = time.monotonic()
                self._note_members(client, known["workers"])
            except (OSError, TimeoutError):
                self._problem = f"The cluster at {self.address} does not answer."
            else:
                self._problem = self._assign()
            self._tell()
            await asyncio.sleep(LOOK_SECONDS)

    def _note_members(self, client: Client, workers: dict) -> None:
        """Look after the machines that have joined, and no longer after those that have left."""
        here = {address for address, about in workers.items() if RESOURCE in about["resources"]}
        for address in here - {address for address, member in self._members.items() if not member.gone}:
            member = self._members[address] = _Member(address)
            member.task = asyncio.create_task(self._attend(client, member))
        for address, member in list(self._members.items()):
            if address not in here and not member.gone:
                self._lose(member, "It has left the cluster.")
            if member.gone and time.time() - member.seen > REMEMBERED_SECONDS:
                del self._members[address]

    def _assign(self) -> str:
        """Choose a machine for each run that waits; returns why none can be chosen, "" where one can."""
        members = [member for member in self._members.values() if member.name and not (member.gone or member.silent)]
        for member in members:
            failures = self._failures[member.id]
            if failures >= MOST_FAILURES:
                member.trouble = (
                    f"{failures} runs in a row failed here. The last one: {self._last_failure[member.id]} Repair it, "
                    "and start its command again."
                )
        ready = [member for member in members if not member.trouble]
        if not ready:
            return "No machine of the cluster takes runs." if members else "No machine has joined the cluster yet."
        if not (self._leaves.is_set() or read_rules(self.store.home).everybody_waits):
            taken = {attempt.run.id for member in members for attempt in member.attempts.values()}
            queued = [run for run in self._queue.look(time.monotonic()).queued if run.id not in taken]
            for run in sorted(queued, key=lambda run: run.id not in self._lost):  # these were first before
                free = [member for member in ready if len(member.attempts) < member.cores and not member.full]
                if run.config.start_from or not free:
                    continue
                self._reserve(min(free, key=lambda member: len(member.attempts) / member.cores), run)
        return ""

    def _reserve(self, member: _Member, run: Run) -> None:
        lock = run.lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:  # a paused worker may still be exporting
            return
        if run.state.name != "queued":
            lock.release()
            return
        attempt = _Attempt(run, lock, f"{run.id[:40]}-{uuid4().hex[:12]}", words=run.state.message)
        member.attempts[attempt.id] = attempt

    # One machine

    async def _attend(self, client: Client, member: _Member) -> None:
        """Ask a machine again and again, until it gives no answer for too long."""
        while not member.gone:
            try:
                await self._look(client, member)
                for attempt in [attempt for attempt in member.attempts.values() if attempt.stamps is None]:
                    await self._begin(client, member, attempt)
            except (OSError, TimeoutError) as error:
                await self._note(error)
            except Exception:  # of whatever kind: the others must go on
                traceback.print_exc()
            if not member.silent and time.monotonic() - member.heard > self.silence:
                member.silent = f"It gave no answer for {self.silence:.0f} seconds."
                self._lose_runs(member, member.silent)
            await asyncio.sleep(LOOK_SECONDS)

    async def _note(self, error: Exception) -> None:
        if isinstance(error, OSError) and error.filename:  # of this machine's disk, not of the network
            self._problem = explain_os_error(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _call(self, client: Client, member: _Member, *arguments: object, seconds: float | None = None) -> dict:
        """What a machine answers within so many seconds."""
        async with asyncio.timeout(seconds or min(ANSWER_SECONDS, self.silence)):
            _check(client)
            answer = (await client.run(call, *arguments, workers=[member.address]))[member.address]
        if member.gone:
            raise TimeoutError
        member.heard, member.seen, member.silent = time.monotonic(), time.time(), ""
        return answer

    async def _begin(self, client: Client, member: _Member, attempt: _Attempt) -> None:
        """Bring a run to a machine, with the dataset where it has none yet."""
        if not attempt.run.path.is_dir():  # deleted by hand
            self._drop(member, attempt)
            return
        try:
            identity, data = await asyncio.to_thread(self._load)
        except DatasetError as error:
            self._finish(member, attempt, "failed", str(error))
            return
        known = attempt.run.dataset or identity
        if known.get("fingerprint") != identity["fingerprint"]:
            words = (
                f"This run was trained on {known.get('name')} ({known.get('source')}), but now the dataset is "
                f"{identity['name']} ({identity['source']}). Start Digit Lab with the first one to continue."
            )
            self._finish(member, attempt, "failed", words)
            return
        attempt.run.write_dataset(known)
        brought = self._home, self.silence, attempt.id, identity["fingerprint"], mirror.needed(attempt.run)
        answer = await self._call(client, member, "begin", *brought)
        if answer.get("refused") == "dataset":
            brings = "take_dataset", identity["fingerprint"], data
            await self._call(client, member, *brings, seconds=DATASET_SECONDS)
            answer = await self._call(client, member, "begin", *brought)
        if "stamps" in answer:
            attempt.stamps = answer["stamps"]
        else:  # others were faster
            member.full = True
            self._drop(member, attempt)

    def _load(self) -> tuple[dict, bytes]:
        """The dataset of this home: what it is, and an npz file of it."""
        with self._loading:
            if self._dataset is None:
                dataset, file = load_dataset(), io.BytesIO()
                np.savez_compressed(file, **{name: getattr(dataset, name) for name in ARRAYS})
                identity = {"name": dataset.name, "source": dataset.source, "fingerprint": dataset.fingerprint}
                self._dataset = identity, file.getvalue()
        return self._dataset

    async def _look(self, client: Client, member: _Member) -> None:
        """Fetch what a machine has written, and pass on requests."""
        there = {name: attempt for name, attempt in member.attempts.items() if attempt.stamps is not None}
        known = {name: (attempt.stamps, _requests(attempt.run)) for name, attempt in there.items()}
        answer = await self._call(client, member, "look", self._home, self.silence, known)
        member.name, member.id, member.cores = answer["name"], answer["id"], answer["cores"]
        member.others, member.full = answer["others"], answer["free"] <= 0
        if answer["protocol"] != PROTOCOL:
            member.trouble = "It runs another version of Digit Lab."
        for name, attempt in there.items():
            if member.gone:
                return
            if name in answer["attempts"]:
                await self._fetch(member, attempt, **answer["attempts"][name])
            else:  # it was stopped for a while, and has ended what it trained
                self._lose_run(member, attempt, "It has ended the run.")

    async def _fetch(self, member: _Member, attempt: _Attempt, state, has_worker, written, gone) -> None:
        """Make the run here like the one there."""
        run, dataset = attempt.run, attempt.run.dataset
        if not run.path.is_dir():  # deleted by hand
            self._drop(member, attempt)
            return
        await asyncio.to_thread(mirror.apply, run, written, gone, dataset)
        if attempt.id not in member.attempts:  # lost meanwhile
            return
        for change in written:
            attempt.stamps[change.name] = change.stamp
            attempt.began |= change.name == files.EVENTS and b'"type":"taken"' in change.data
        for name in gone:
            attempt.stamps.pop(name, None)
        if state.name == "interrupted" or (state.name == "failed" and not attempt.began):
            self._count(member, state.message)
            self._lose_run(member, attempt, state.message)
        elif not state.is_active and not has_worker:
            if state.name != "failed" or state.message == DIVERGED:
                self._failures[member.id] = 0
            else:
                self._count(member, state.message)
            self._finish(member, attempt, state.name, state.message)
        elif any(change.name == files.STATE for change in written) and state.name != "queued":
            run.set_state(state.name, state.message or attempt.words, resumes=state.resumes, machine=member.name)

    def _count(self, member: _Member, why: str) -> None:
        self._failures[member.id] += 1
        self._last_failure[member.id] = why

    def _finish(self, member: _Member, attempt: _Attempt, name: str, message: str) -> None:
        if attempt.run.path.is_dir():
            attempt.run.set_state(name, message, machine=member.name)
        self._drop(member, attempt)

    def _drop(self, member: _Member, attempt: _Attempt) -> None:
        if member.attempts.pop(attempt.id, None):
            attempt.lock.release()

    def _lose(self, member: _Member, why: str) -> None:
        """Count on a machine no longer; its runs continue elsewhere."""
        member.gone = why
        self._lose_runs(member, why)

    def _lose_runs(self, member: _Member, why: str) -> None:
        for attempt in list(member.attempts.values()):
            self._lose_run(member, attempt, why)

    def _lose_run(self, member: _Member, attempt: _Attempt, why: str) -> None:
        """Queue a run again that a machine has lost, unless its end was requested or it has lost too many."""
        run, words = attempt.run, f"{member.name} did not finish it. {why}"
        if attempt.stamps is not None and run.path.is_dir():
            self._lost[run.id] += 1
            with suppress(OSError):  # a full disk: the run then looks interrupted
                run.append_event("lost", machine=member.name, why=why)
                if self._lost[run.id] > MOST_LOST:
                    run.set_state("failed", words, machine=member.name)
                elif run.control.get("request"):
                    run.set_state("paused", machine=member.name)
                else:
                    run.set_state("queued", words, resumes=True)
        self._drop(member, attempt)

    def _tell(self) -> None:
        """Leave word of the machines in the home, where there is something new."""
        here = {member.name for member in self._members.values() if not member.gone}
        machines = [
            Machine(
                member.name,
                member.cores,
                tuple(attempt.run.id for attempt in member.attempts.values()),
                member.others,
                round(member.seen),
                member.gone or member.silent,
                member.trouble,
            )
            for member in self._members.values()
            if member.name and not (member.gone and member.name in here)  # it has joined again
        ]
        told, now = Machines(tuple(machines), self._problem), time.monotonic()
        if _but_for_seen(told) != _but_for_seen(self._told) or now >= self._next_word:
            with suppress(OSError):
                write_machines(self.store.home, told)
                self._told, self._next_word = told, now + TELL_SECONDS


def _check(client: Client) -> None:
    """Raise ConnectionError where the scheduler was lost, until Dask has connected again."""
    if client.scheduler is None:
        raise ConnectionError("the scheduler was lost")


def _but_for_seen(machines: Machines) -> tuple:
    return machines.problem, [(m.name, m.cores, m.trains, m.others, m.gone, m.refused) for m in machines.machines]


def _requests(run: Run) -> dict:
    return {name: value for name, value in run.control.items() if name in ("request", "learning_rate")}


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line("python -m core.compute.dispatch", __doc__)
    parser.add_argument("home", type=absolute, help="the folder whose queued runs are sent to DIGITLAB_CLUSTER")
    home: Path = parser.parse_args(arguments).home
    address = cluster_address()
    if not ADDRESS.fullmatch(address):
        parser.error(f'DIGITLAB_CLUSTER is "{address}", no address such as tcp://HOST:8786')
    dask.config.set(SPARING)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    leaves = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), leaves.set()), daemon=True).start()
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / LOCK).acquire(timeout=0):
            asyncio.run(Dispatcher(RunStore(home), address, leaves).run())
    except Timeout:
        return 0  # another one is at it
    return 0


if __name__ == "__main__":
    exit_with(main)
