"""Helpers of the benchmarks of pages: an app served on this machine, Chromium, and Linux's figures of processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "dashboard" / "app.py"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


@dataclass(frozen=True)
class Server:
    """An app that is served: its address, its process, and when Python was started for it (`time.perf_counter`)."""

    url: str
    process: subprocess.Popen
    began: float


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve(script: Path, home: Path, folder: Path = ROOT, **variables: str) -> Iterator[Server]:
    """Run `streamlit run` on a free port of this machine, until it takes connections; end it by its process id.

    It is started in `folder`, whose settings Streamlit reads, with the `variables` in its environment besides those of
    this process.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    environment = {**os.environ, "DIGITLAB_HOME": str(home), **variables}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: _listens(port), f"{script.name} to be served")
        yield Server(f"http://127.0.0.1:{port}", process, began)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait until a condition is true, checking every 10 ms.

    Raises:
        TimeoutError: where it did not become true within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Timed out after {seconds:.0f} s waiting for {what}.")
        time.sleep(0.01)


def memory(pid: int) -> float:
    """The memory of a process (resident set) in MB of 2^20 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in seconds."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def warm_worker(server: Server) -> int | None:
    """The process id of the worker that a server keeps ready, None while it has none."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    threads = children.parents[1].glob("*/children")  # the launcher's thread is the one that starts it
    for pid in " ".join(path.read_text() for path in threads).split():
        if b"--wait" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    return None


def cpu_share(pid: int, seconds: float) -> float:
    """How busy a process is over some seconds, in percent of one processor core."""
    before, began = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return 100 * (cpu_seconds(pid) - before) / (time.perf_counter() - began)


def wait_for_warm_worker(server: Server) -> int:
    """Wait until a worker is ready, that is, until it waits without using the processor; returns its process id."""
    wait_until(lambda: warm_worker(server), "a worker to be started")
    pid = warm_worker(server)
    wait_until(lambda: cpu_seconds(pid) > 1 and cpu_share(pid, 0.5) == 0, "the worker to be ready")
    return pid
