"""A small lab on this machine: a scheduler and machines that have joined it, each a process, or a host of its own.

With `hosts` each machine has a network of its own (Linux, as root, with `ip`): it can be cut off as by a pulled cable.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from core.home import ROOT

NET = "10.87.16"  # of the hosts; this machine is .1


def has_hosts() -> bool:
    """Whether machines can be hosts of their own here."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("ip") is not None


class Lab:
    """A scheduler, and machines by name; all end with the `with`.

    Args:
        folder: for their homes and what they print.
        names: of the machines that join at once, each with one core.
        hosts: whether each is a host of its own.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], *, hosts: bool = False) -> None:
        self.folder, self.hosts = folder, hosts
        self.machines: dict[str, subprocess.Popen] = {}
        self._addresses = iter(range(2, 250))
        self._names = names
        self._here = f"{NET}.1" if hosts else "127.0.0.1"

    def __enter__(self) -> Lab:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.hosts:
            _ip("link add dl-lab type bridge", f"addr add {self._here}/24 dev dl-lab", "link set dl-lab up")
        with socket.socket() as free:
            free.bind((self._here, 0))
            self.address = f"tcp://{self._here}:{free.getsockname()[1]}"
        where = "--host", self._here, "--port", self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", "distributed.cli.dask_scheduler", *where, "--no-dashboard")
        for name in self._names:
            self.add(name)
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.machines.values(), self.scheduler]:
            process.kill()  # the workers of machines then end by themselves
            process.wait()
        if self.hosts:
            for name in self.machines:
                _ip(f"netns del dl-{name}")
            _ip("link del dl-lab")

    def add(self, name: str, cores: int = 1) -> None:
        """Let a machine join, or join again."""
        command = "core.compute.cluster", self.address, "--name", name, "--cores", str(cores)
        self.machines[name] = self._start(name, *command, host=self.hosts)

    def cut_off(self, name: str) -> None:
        """Let no more word reach a machine, or come from it; it works on."""
        _ip(f"link set dl-{name} down")

    def connect(self, name: str) -> None:
        """Undo `cut_off`."""
        _ip(f"link set dl-{name} up")

    def stop(self, name: str) -> None:
        """Stop a machine's process, as one that hangs; what it has started works on."""
        self.machines[name].send_signal(signal.SIGSTOP)

    def let_go_on(self, name: str) -> None:
        """Undo `stop`."""
        self.machines[name].send_signal(signal.SIGCONT)

    def printed(self, name: str) -> str:
        """What a machine has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start(self, name: str, *command: str, host: bool = False) -> subprocess.Popen:
        inside = []
        if host:
            number, space = next(self._addresses), f"dl-{name}"
            _ip(f"netns add {space}", f"link add {space} type veth peer name eth0 netns {space}")
            _ip(f"link set {space} master dl-lab", f"link set {space} up")
            _ip(
                f"-n {space} addr add {NET}.{number}/24 dev eth0",
                f"-n {space} link set eth0 up",
                f"-n {space} link set lo up",
            )
            inside = ["ip", "netns", "exec", space]
        with (self.folder / f"{name}.log").open("ab") as output:
            return subprocess.Popen(
                [*inside, sys.executable, "-u", "-m", *command],
                cwd=ROOT,
                env={**os.environ, "DIGITLAB_HOME": str(self.folder / f"home of {name}"), "DIGITLAB_DATA": ""},
                stdout=output,
                stderr=output,
            )


def _ip(*commands: str) -> None:
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True, capture_output=True)


def workers_of(process: subprocess.Popen) -> list[int]:
    """The process ids of the workers that a machine has started (Linux)."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if f"\nPPid:\t{process.pid}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


def wait_for(condition, what: str, seconds: float = 300.0):
    """What `condition` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)
    return value
