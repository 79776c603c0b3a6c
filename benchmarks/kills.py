"""Runs whose worker is killed at random moments: `python -m benchmarks.kills --count 50`.

Each must end like a run that was not interrupted, bit for bit: weights, optimizer, and the losses and predictions of
each epoch. The dataset is that of DIGITLAB_DATA.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from core.compute.process import start_process
from core.config import TrainingConfig
from core.runs import Run, RunStore

CONFIG = TrainingConfig("dense", epochs=40, batch_size=8, hidden_layers=(32,), dropout=0.2, training_images=1000)
TIMES = ("time", "training_seconds")  # of an event or a position: all that may differ


def kill_at_random(count: int, home: Path, seed: int = 0) -> list[str]:
    """Kill workers `count` times; returns a sentence for each difference from the uninterrupted run.

    Workers of a run are killed between its first batch and its last file, until one of them finishes first.
    """
    store, chance = RunStore(home), random.Random(seed)
    undisturbed = store.create(CONFIG, "Undisturbed")
    worker = _start(undisturbed)
    began = _first_batch(undisturbed, worker)
    worker.wait()
    seconds = time.monotonic() - began
    kills, differences, run = 0, [], None
    while kills < count:
        if run is None:
            run = store.create(CONFIG, f"Killed after {kills}")
        else:
            run.resume()
        worker = _start(run)
        _first_batch(run, worker)
        try:
            worker.wait(chance.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            kills += 1
            print(f"{kills} of {count}: killed after epoch {len(run.history().epochs)}", flush=True)
        if run.state.name == "finished":
            differences, run = differences + compare(undisturbed, run), None
    if run is not None:
        run.resume()
        _start(run).wait()
        differences += compare(undisturbed, run)
    return differences


def compare(one: Run, other: Run) -> list[str]:
    """A sentence for each difference between two runs that should be equal."""
    if other.state.name != "finished":
        return [f"{other.name} is {other.state.name}: {other.state.message} {other.log_tail()}"]
    found = [f"{other.name} is damaged: {sentence}" for sentence in other.damage()]
    histories = [[_lasting(epoch) for epoch in run.history().epochs] for run in (one, other)]
    if histories[0] != histories[1]:
        found.append(f"{other.name}: the losses differ")
    steps = [batch["step"] for batch in other.history().batches]
    if steps != sorted(set(steps)):
        found.append(f"{other.name}: a step is twice in the history")
    for epoch in (*range(1, one.config.epochs + 1), None):
        if not np.array_equal(one.probabilities(epoch), other.probabilities(epoch)):
            found.append(f"{other.name}: the predictions after epoch {epoch} differ")
    first, second = (run.checkpoint() for run in (one, other))
    positions = [_lasting(json.loads(str(checkpoint.pop("position")))) for checkpoint in (first, second)]
    alike = first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)
    if not alike or positions[0] != positions[1]:
        found.append(f"{other.name}: the weights, the optimizer or the position differ")
    return found


def _lasting(values: dict) -> dict:
    return {name: value for name, value in values.items() if name not in TIMES}


def _start(run: Run) -> subprocess.Popen:
    return start_process("core.training.worker", run.path, log=run.log_path)


def _first_batch(run: Run, worker: subprocess.Popen) -> float:
    """Wait until this worker has trained its first batch; returns when that was."""
    begun = f'"pid":{worker.pid}'
    while worker.poll() is None:
        events = run.path / "events.jsonl"
        text = events.read_text(errors="replace") if events.exists() else ""
        if '"type":"start"' in text.partition(begun)[2]:
            break
        time.sleep(0.01)
    return time.monotonic()


def main() -> int:
    """Kill, compare and print; returns the exit status, 1 where anything differed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kills",
        description="Kill workers at random moments and compare their runs with an uninterrupted one.",
    )
    parser.add_argument("--count", type=int, default=50, metavar="N", help="number of kills (default: 50)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        differences = kill_at_random(options.count, Path(home), options.seed)
    print(
        *(differences or [f"After {options.count} kills every run equals the uninterrupted one, bit for bit."]),
        sep="\n",
    )
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
