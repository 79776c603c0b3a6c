"""The machines of a cluster, as the dispatcher of a home last saw them; Dask is not needed to read that.

The dispatcher (core.compute.dispatch) writes machines.json in the home and holds cluster.lock while it lives.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.compute.launcher import worker_limit
from core.config import TrainingConfig
from core.storage import is_locked, read_json, write_json

MACHINES, LOCK = "machines.json", "cluster.lock"


@dataclass(frozen=True)
class Machine:
    """A machine of a cluster.

    Attributes:
        name: what it was called when it joined.
        cores: how many runs it trains at once, each on one core.
        trains: the ids of this home's runs that it trains.
        others: how many runs of other homes it trains.
        seen: the last sign of life, in seconds since 1970.
        gone: why it is no longer counted on, a sentence; "" where it is.
        refused: why it gets no more runs, a sentence; "" where it does.
    """

    name: str
    cores: int
    trains: tuple[str, ...] = ()
    others: int = 0
    seen: float = 0.0
    gone: str = ""
    refused: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it takes runs, now or when one of its own ends."""
        return not self.gone and not self.refused


@dataclass(frozen=True)
class Machines:
    """All machines of a cluster, and why no run is trained there, "" where one can be."""

    machines: tuple[Machine, ...] = ()
    problem: str = field(default="")


def cluster_address() -> str:
    """The address of the cluster's scheduler that DIGITLAB_CLUSTER names; "" where runs are trained on this machine."""
    return os.environ.get("DIGITLAB_CLUSTER", "").strip()


def is_for_this_machine(config: TrainingConfig | None) -> bool:
    """Whether a queued run is trained here: people's own handwriting, and what starts from it, is sent nowhere."""
    return not cluster_address() or bool(config and config.start_from)


def write_machines(home: Path, machines: Machines) -> None:
    """Leave word of the machines in a home."""
    write_json(home / MACHINES, asdict(machines))


def read_machines(home: Path) -> Machines:
    """The machines as they were last seen; none where no dispatcher is at work."""
    values = read_json(home / MACHINES)
    if not has_dispatcher(home) or not isinstance(values, dict):
        return Machines()
    try:
        found = [Machine(**{**machine, "trains": tuple(machine["trains"])}) for machine in values["machines"]]
        return Machines(tuple(found), str(values["problem"]))
    except (KeyError, TypeError):  # of another version
        return Machines()


def has_dispatcher(home: Path) -> bool:
    """Whether a process sends the runs of this home to a cluster."""
    return is_locked(home / LOCK)


def places(home: Path) -> int:
    """How many runs of a home can train at once, on this machine or on the cluster."""
    if not cluster_address():
        return worker_limit()
    return max(1, sum(machine.cores for machine in read_machines(home).machines if machine.is_ready))


def seconds_for(home: Path, each: float, runs: int) -> float:
    """How long so many runs take that take `each` seconds, as far as they train at once.

    Workers beyond this machine's cores take turns; on a cluster each run has a core.
    """
    at_once = places(home) if cluster_address() else min(worker_limit(), os.cpu_count() or 1)
    return each * math.ceil(runs / at_once)
