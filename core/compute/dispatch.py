"""The process that has a home's runs trained by a cluster: `python -m core.compute.dispatch HOME`.

It brings each queued run to a machine, fetches what the worker there writes, and passes on requests: a run in the home
looks as if it were trained here. While a machine trains a run, this process holds the run's lock. Where a machine gives
no sign of life, its runs continue elsewhere from what was fetched last; what it may still train is never fetched.

    machines.json   the machines as last seen        cluster.lock   held by this process
"""

from __future__ import annotations

import asyncio
import logging
import platform
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import dask
from distributed import Client
from filelock import FileLock, Timeout

from core.compute.attendant import ANSWER_SECONDS, LOOK_SECONDS, RETRY_SECONDS, Attempt, Attendant, Shared, check
from core.compute.cluster import ADDRESS, RESOURCE, SPARING, UNREACHABLE, explain
from core.compute.machines import LOCK, Machine, Machines, cluster_address, write_machines
from core.compute.queue import Queue
from core.home import absolute
from core.people import read_rules
from core.runs import Run, RunError, RunStore
from core.terminal import command_line, exit_with

TELL_SECONDS = 2.0  # between two words on machines that changed in nothing but their last sign of life
REMEMBERED_SECONDS = 3600.0  # for which a machine that is gone is told of
MOST_FAILURES = 3  # runs in a row, after which a machine gets no more
SILENCE = "digit-lab.silence"  # Dask's configuration: seconds without an answer, after which a machine is lost


class Dispatcher:
    """Sends the queued runs of a store to the machines of a cluster.

    Args:
        store: where runs wait.
        address: of the cluster's scheduler.
        leaves: set when no more runs are to be taken; it ends after those in training.
    """

    def __init__(self, store: RunStore, address: str, leaves: threading.Event) -> None:
        self.store, self.address, self._leaves = store, address, leaves
        self._shared = Shared(f"{platform.node()} {store.home}", float(dask.config.get(SILENCE, 20.0)))
        self._queue = Queue(store)
        self._members: dict[str, Attendant] = {}  # by address
        self._told, self._next_word = Machines(), 0.0

    async def run(self) -> None:
        """Work until there is nothing left to do."""
        self._continue_lost()
        while not self._is_through():
            try:
                async with Client(self.address, asynchronous=True, timeout=ANSWER_SECONDS) as client:
                    await self._serve(client)
            except UNREACHABLE as error:
                self._shared.problem = f"The cluster at {self.address} cannot be reached: {explain(error)}"
            if not self._is_through():
                for member in self._members.values():
                    member.lose("The scheduler cannot be reached.")
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
        while not self._is_through() and time.monotonic() - heard < self._shared.silence:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    check(client)
                    known = await client.scheduler.identity(n_workers=-1)
                heard = time.monotonic()
                self._note_members(client, known["workers"])
            except (OSError, TimeoutError):
                self._shared.problem = f"The cluster at {self.address} does not answer."
            else:
                self._shared.problem = self._assign()
            self._tell()
            await asyncio.sleep(LOOK_SECONDS)

    def _note_members(self, client: Client, workers: dict) -> None:
        """Look after the machines that have joined, and no longer after those that have left."""
        here = {address for address, about in workers.items() if RESOURCE in about["resources"]}
        for address in here - {address for address, member in self._members.items() if not member.gone}:
            member = self._members[address] = Attendant(address, self._shared)
            member.task = asyncio.create_task(member.attend(client))
        for address, member in list(self._members.items()):
            if address not in here and not member.gone:
                member.lose("It has left the cluster.")
            if member.gone and time.time() - member.seen > REMEMBERED_SECONDS:
                del self._members[address]

    def _assign(self) -> str:
        """Choose a machine for each run that waits; returns why none can be chosen, "" where one can."""
        members = [member for member in self._members.values() if member.name and not (member.gone or member.silent)]
        for member in members:
            failures = self._shared.failures[member.id]
            if failures >= MOST_FAILURES:
                last = self._shared.last_failure[member.id]
                told = f"{failures} runs in a row failed here. The last one: {last}"
                member.trouble = f"{told} Repair it, and start its command again."
        ready = [member for member in members if not member.trouble]
        if not ready:
            return "No machine of the cluster takes runs." if members else "No machine has joined the cluster yet."
        if not (self._leaves.is_set() or read_rules(self.store.home).everybody_waits):
            taken = {attempt.run.id for member in members for attempt in member.attempts.values()}
            queued = [run for run in self._queue.look(time.monotonic()).queued if run.id not in taken]
            for run in sorted(queued, key=lambda run: run.id not in self._shared.lost):  # these were first before
                free = [member for member in ready if len(member.attempts) < member.cores and not member.full]
                if run.config.start_from or not free:
                    continue
                self._reserve(min(free, key=lambda member: len(member.attempts) / member.cores), run)
        return ""

    def _reserve(self, member: Attendant, run: Run) -> None:
        lock = run.lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:  # a paused worker may still be exporting
            return
        if run.state.name != "queued":
            lock.release()
            return
        attempt = Attempt(run, lock, f"{run.id[:40]}-{uuid4().hex[:12]}", words=run.state.message)
        member.attempts[attempt.id] = attempt

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
        told, now = Machines(tuple(machines), self._shared.problem), time.monotonic()
        if _but_for_seen(told) != _but_for_seen(self._told) or now >= self._next_word:
            with suppress(OSError):
                write_machines(self.store.home, told)
                self._told, self._next_word = told, now + TELL_SECONDS


def _but_for_seen(machines: Machines) -> tuple:
    return machines.problem, [(m.name, m.cores, m.trains, m.others, m.gone, m.refused) for m in machines.machines]


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
