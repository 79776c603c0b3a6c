"""The cost of many runs: `python -m benchmarks.many_runs --count 500` compares them with five.

Measures the processor time of the launcher while no run is queued, and the time to draw a page again, without a
browser.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from core.compute.launcher import Launcher
from core.config import TrainingConfig
from core.runs import RunStore
from core.storage import write_json

FEW = 5
IDLE_SECONDS = 10.0
TOUCHES = 7
PAGES = ("train", "predictions", "draw")


def fill(store: RunStore, count: int) -> None:
    """Create finished runs with all files that lists read."""
    probabilities = np.full((397, 10), 0.1)
    for number in range(len(store.runs()), count):
        run = store.create(TrainingConfig("dense", epochs=3), f"Dense {number}")
        for epoch in (1, 2, 3):
            run.append_event("epoch", step=epoch, epoch=epoch, loss=0.5, accuracy=0.8, val_loss=0.5, val_accuracy=0.8)
        run.write_probabilities(probabilities)
        (run.path / "model.tflite").touch()
        write_json(run.path / "summary.json", {"test_accuracy": 0.9 + number / 10_000, "epochs": 3})
        write_json(run.path / "dataset.json", {"name": "MNIST", "source": "here", "fingerprint": "0" * 16})
        run.set_state("finished")


def idle_share(store: RunStore) -> float:
    """The share of a processor that a launcher uses while no run is queued."""
    launcher = Launcher(store)
    launcher._next_warm = float("inf")  # no TensorFlow
    launcher.start()
    time.sleep(3)
    began = time.process_time()
    time.sleep(IDLE_SECONDS)
    used = time.process_time() - began
    launcher.close()
    return used / IDLE_SECONDS


def touch_seconds(page: str) -> float:
    """The median time to draw a page again."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(Path(__file__).parents[1] / "dashboard" / "main.py", default_timeout=300)
    at.switch_page(f"app_pages/{page}.py").run()
    seconds = []
    for _ in range(TOUCHES):
        began = time.process_time()
        at.run()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def measure(count: int) -> dict[str, float]:
    """All figures for a home with so many runs."""
    from dashboard.components import session

    with tempfile.TemporaryDirectory() as home:
        os.environ["DIGITLAB_HOME"] = home
        session.forget_loaded()
        store = RunStore(Path(home))
        fill(store, count)
        return {"launcher": idle_share(store), **{page: touch_seconds(page) for page in PAGES}}


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.many_runs", description=f"The cost of many runs, compared with {FEW}."
    )
    parser.add_argument("--count", type=int, default=500, metavar="N", help="number of runs (default: 500)")
    options = parser.parse_args()
    few, many = measure(FEW), measure(options.count)
    print(f"| | {FEW} runs | {options.count} runs | ratio |\n| --- | --- | --- | --- |")
    print(f"| launcher, idle | {few['launcher']:.2%} | {many['launcher']:.2%} of a processor | |")
    for page in PAGES:
        print(f"| {page}, drawn again | {few[page]:.3f} s | {many[page]:.3f} s | {many[page] / few[page]:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
