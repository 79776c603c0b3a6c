"""Training on several machines: `python -m benchmarks.cluster [disturbed overhead workers throughput]`.

    disturbed    12 runs on three machines: one is killed, one hangs for a while, one is cut off; every run must end as
                 an undisturbed one, bit for bit. As root on Linux each machine is a host with a network of its own.
    overhead     a trial from its start to its first batch, by the launcher and by the cluster
    workers      twenty runs in one worker, and in twenty
    throughput   runs on three machines of one core beside one; what mirroring takes; where a scheduler saturates

The dataset is scikit-learn's digits, the training short.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from distributed import Client

from benchmarks.kills import compare
from benchmarks.lab import Lab, has_hosts, wait_for, workers_of
from core.compute.cluster_launcher import make_launcher
from core.compute.dispatch import LOOK_SECONDS
from core.compute.launcher import Launcher
from core.compute.machines import read_machines
from core.compute.process import start_process
from core.config import TrainingConfig
from core.data.sklearn_digits import embedded_digits
from core.runs import Run, RunStore
from core.runs.history import event_log
from core.terminal import command_line, exit_with

PARTS = ("disturbed", "overhead", "workers", "throughput")
LONG = TrainingConfig("dense", epochs=100, batch_size=8, hidden_layers=(32,), dropout=0.2, training_images=1000)
SHORT = TrainingConfig("dense", epochs=2, training_images=1000)
SILENCE = 6.0


@contextmanager
def cluster(folder: Path, names: tuple[str, ...], *, hosts: bool = False):
    """A lab, and a store whose launcher sends runs there: (lab, store, launcher)."""
    with Lab(folder / "lab", names, hosts=hosts) as lab:
        os.environ.update(DIGITLAB_CLUSTER=lab.address, DASK_DIGIT_LAB__SILENCE=str(SILENCE))
        store = RunStore(folder / "home")
        launcher = make_launcher(store)
        launcher.start()
        try:
            wait_for(lambda: len(read_machines(store.home).machines) == len(names), "the machines")
            yield lab, store, launcher
        finally:
            dispatcher = launcher._dispatcher
            launcher.close()
            dispatcher.kill()
            dispatcher.wait()
            del os.environ["DIGITLAB_CLUSTER"]


def disturbed(folder: Path, count: int = 12, *, hosts: bool) -> list[str]:
    """What differs from undisturbed runs, a sentence each."""
    names, story = ("killed", "hanging", "cut-off"), threading.Event()
    with cluster(folder, names, hosts=hosts) as (lab, store, _):
        runs = [store.create(LONG, f"Run {number}") for number in range(count)]
        threading.Thread(target=_tell, args=(runs, store, story), daemon=True).start()
        victims = {name: wait_for(lambda name=name: _well_under_way(runs, name), f"epochs on {name}") for name in names}
        orphans = workers_of(lab.machines["killed"])
        lab.machines["killed"].kill()
        lab.stop("hanging")
        if hosts:
            lab.cut_off("cut-off")
        else:
            lab.stop("cut-off")
        wait_for(lambda: all(run.state.machine != name for name, run in victims.items()), "machines to be given up")
        lab.add("helper")
        wait_for(lambda: _well_under_way(runs, "helper"), "another machine")
        lab.let_go_on("hanging")
        if hosts:
            wait_for(lambda: "Nobody asks" in lab.printed("cut-off"), "the machine that is cut off to end its run")
            lab.connect("cut-off")
        wait_for(lambda: all(not run.state.is_active for run in runs), "all runs", 1200)
        story.set()
        alive = [pid for pid in orphans if Path(f"/proc/{pid}").exists()]
        taken = [
            sum(event["type"] == "taken" for event in event_log(run.path / "events.jsonl").values()) for run in runs
        ]
        print(f"Begun {taken} times; machines: {[run.state.machine for run in runs]}; workers left behind: {alive}")
        alone = store.create(LONG, "Alone")
        start_process("core.training.worker", alone.path, log=alone.log_path).wait()
        found = [difference for run in runs for difference in compare(alone, run)]
        return found + [f"{run.name} began {n} times" for run, n in zip(runs, taken, strict=True) if n > 3]


def _tell(runs: list[Run], store: RunStore, end: threading.Event) -> None:
    """Print what happens, as the pages tell it."""
    began, before = time.monotonic(), None
    while not end.wait(0.2):
        told = [f"{m.name}: {m.gone or m.refused or 'here'}" for m in read_machines(store.home).machines]
        told.append(f"finished: {sum(run.state.name == 'finished' for run in runs)}")
        if told != before:
            print(f"{time.monotonic() - began:6.1f} s  {' · '.join(told)}", flush=True)
            before = told


def _well_under_way(runs: list[Run], machine: str) -> Run | None:
    on_it = [run for run in runs if (run.state.name, run.state.machine) == ("running", machine)]
    return next((run for run in on_it if run.has_checkpoint and len(run.history().epochs) >= 2), None)


def overhead(folder: Path, repeats: int = 5) -> None:
    """Print the time from a trial's creation to its first batch, by launcher and cluster, with a warm worker."""

    def first_batch(store: RunStore) -> float:
        began, run = time.monotonic(), store.create(SHORT)
        wait_for(lambda: run.history().batches, "a batch")
        taken = time.monotonic() - began
        wait_for(lambda: run.state.name == "finished" and not run.has_worker(), "its end")
        time.sleep(1)
        return taken

    store = RunStore(folder / "here")
    launcher = Launcher(store, 1)
    launcher.start()
    with cluster(folder / "there", ("one",)) as (_, other, _):
        first = [first_batch(store), first_batch(other)]
        pairs = [(first_batch(store), first_batch(other)) for _ in range(repeats)]
    launcher.close()
    here, there = zip(*pairs, strict=True)
    _figure("first batch by the launcher, warm", here, f"the first of all {first[0]:.1f} s")
    _figure("first batch by the cluster, warm", there, f"the first of all {first[1]:.1f} s")


def workers(folder: Path, count: int = 20) -> None:
    """Print the time of runs in one worker and in a worker each."""
    store = RunStore(folder)
    store.folder.mkdir(parents=True)
    log = folder / "log"

    def each() -> None:
        for _ in range(count):
            start_process("core.training.worker", store.create(SHORT).path, log=log).wait()

    def one() -> None:
        worker = start_process("core.training.worker", "--wait", folder, log=log, takes_input=True)
        for _ in range(count):
            run = store.create(SHORT)
            worker.stdin.write(os.fsencode(run.path) + b"\n")
            worker.stdin.flush()
            wait_for(lambda run=run: run.state.name == "finished" and not run.has_worker(), "a run")
        worker.stdin.close()
        worker.wait()

    seconds = {}
    for name, train in (("one worker", one), ("a worker each", each)):
        began = time.monotonic()
        train()
        seconds[name] = time.monotonic() - began
        print(f"{count} runs in {name}: {seconds[name]:.1f} s, {seconds[name] / count:.2f} s a run", flush=True)
    print(f"one worker is {seconds['a worker each'] / seconds['one worker']:.1f} times as fast")


def throughput(folder: Path, count: int = 9) -> None:
    """Print the time of runs on three machines and on one, and the processor time beside training."""
    import psutil

    def used(process: subprocess.Popen) -> float:
        times = psutil.Process(process.pid).cpu_times()
        return times.user + times.system

    seconds = {}
    for names in (("one",), ("one", "two", "three")):
        with cluster(folder / names[-1], names) as (lab, store, launcher):
            warm = [store.create(SHORT) for _ in names]
            wait_for(lambda warm=warm: all(run.state.name == "finished" for run in warm), "workers to be warm")
            processes = [*lab.machines.values(), launcher._dispatcher, lab.scheduler]
            began, before = time.monotonic(), [used(process) for process in processes]
            runs = [store.create(LONG) for _ in range(count)]
            wait_for(lambda runs=runs: all(run.state.name == "finished" for run in runs), "all runs")
            seconds[names] = taken = time.monotonic() - began
            after = [used(process) - was for process, was in zip(processes, before, strict=True)]
            trained = sum(run.summary["training_seconds"] for run in runs)
            print(f"{count} runs on {len(names)}: {taken:.1f} s, of which loops {trained:.1f} s", flush=True)
            parts = {"machines": sum(after[:-2]), "dispatcher": after[-2], "scheduler": after[-1]}
            print(", ".join(f"{name} {value:.2f} s = {value / trained:.1%}" for name, value in parts.items()))
            seconds_a_look = _scheduler_seconds(lab, used)
    full = LOOK_SECONDS / seconds_a_look
    print(f"scheduler: {1000 * seconds_a_look:.2f} ms of a core a look, so full at {full:.0f} machines")
    one, three = seconds.values()
    print(f"three machines are {one / three:.2f} times as fast as one, on {os.cpu_count()} cores")


def _scheduler_seconds(lab: Lab, used: Callable[[subprocess.Popen], float], looks: int = 600) -> float:
    """What the scheduler needs to pass on a question and its answer, of 20,000 bytes."""
    with Client(lab.address) as client:
        address = next(iter(client.scheduler_info()["workers"]))
        before = used(lab.scheduler)
        for _ in range(looks):
            client.run(bytes, 20_000, workers=[address])
        return (used(lab.scheduler) - before) / looks


def _figure(what: str, samples, more: str) -> None:
    print(f"{what}: {statistics.median(samples):.2f} s ({min(samples):.2f} to {max(samples):.2f}); {more}", flush=True)


def main() -> int:
    """Measure and print; returns the exit status, 1 where a disturbed run differs."""
    parser = command_line("python -m benchmarks.cluster", __doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS), help="what to measure")
    options = parser.parse_args()
    differences = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "digits.npz", **embedded_digits())
        os.environ["DIGITLAB_DATA"] = str(folder / "digits.npz")
        for part in options.parts:
            print(f"\n{part}; load {os.getloadavg()[0]:.1f}; a look each {LOOK_SECONDS} s", flush=True)
            if part == "disturbed":
                differences = disturbed(folder / part, hosts=has_hosts())
                print(*(differences or ["Every run ended as an undisturbed one, bit for bit."]), sep="\n", flush=True)
            else:
                {"overhead": overhead, "workers": workers, "throughput": throughput}[part](folder / part)
    return 1 if differences else 0


if __name__ == "__main__":
    exit_with(main)
