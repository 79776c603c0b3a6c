"""The cost of many runs: `python -m benchmarks.many_runs --runs 500 5000` compares them with fifty.

Measures the processor time of the launcher while no run is queued, and the time to draw a page again, without a
browser. The runs are the trials of one sweep.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from core.compute.launcher import Launcher
from core.config import TrainingConfig
from core.formatting import percent
from core.runs import Run, RunStore
from core.storage import write_json
from core.sweeps import Plan, SweepStore, every_combination
from core.terminal import command_line, exit_with

FEW = 50
IDLE_SECONDS = 60.0  # in which a launcher looks once into every run
TOUCHES = 7
LAUNCHER = "launcher, idle"
RATES = (0.1, 0.03, 0.01, 0.003, 0.001)
PAGES = ("train", "predictions", "draw", "compare", "tune")


def fill(store: RunStore, count: int) -> None:
    """Create finished runs with all files that lists read: one, and copies of it, which are faster to make."""
    config = TrainingConfig("dense", epochs=3)
    space = {"learning_rate": RATES, "seed": range(count // len(RATES))}
    sweep = SweepStore(store).create(Plan(config, every_combination(space), "Rates"))
    first = store.create(config)
    for epoch in (1, 2, 3):
        first.append_event("epoch", step=epoch, epoch=epoch, loss=0.5, accuracy=0.8, val_loss=0.5, val_accuracy=0.8)
    first.write_probabilities(np.full((397, 10), 0.1))
    (first.path / "model.tflite").touch()
    write_json(first.path / "dataset.json", {"name": "MNIST", "source": "here", "fingerprint": "0" * 16})
    first.set_state("finished")
    for number in range(count):
        run = Run(store.folder / f"{first.id}-{number}") if number else first
        if number:
            shutil.copytree(first.path, run.path)
        run.rename(f"Dense {number}")
        accuracy = 0.9 + number / 100_000
        run.write_summary({"test_accuracy": accuracy, "validation_accuracy": accuracy, "epochs": 3})
        run.write_trial({"sweep": sweep.id, "number": number})
    sweep.finish()


def idle_share(store: RunStore) -> float:
    """The share of a processor that a launcher uses while no run is queued."""
    launcher = Launcher(store)
    launcher._next_warm = float("inf")  # no TensorFlow
    launcher.start()
    time.sleep(8)  # its first looks read all runs
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
        if at.exception:
            raise SystemExit(f"{page}: {at.exception[0].message}")
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def measure(count: int) -> dict[str, float]:
    """All figures for a home with so many runs."""
    from core.services import Services
    from dashboard.components import session

    with tempfile.TemporaryDirectory() as home:
        os.environ["DIGITLAB_HOME"] = home
        session.use(Services(home))
        store = RunStore(Path(home))
        fill(store, count)
        time.sleep(3)  # what changed a moment ago is read again
        return {LAUNCHER: idle_share(store), **{f"{page}, drawn again": touch_seconds(page) for page in PAGES}}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = command_line("python -m benchmarks.many_runs", __doc__)
    parser.add_argument(
        "--runs", type=int, nargs="+", default=[500, 5000], metavar="N", help="numbers of runs (default: 500 5000)"
    )
    sizes = [FEW, *parser.parse_args(arguments).runs]
    found = [measure(size) for size in sizes]
    print(f"| | {' | '.join(f'{size:,} runs' for size in sizes)} | {sizes[-1]:,} / {FEW} |")
    print("| --- " * (len(sizes) + 2) + "|")
    for name in found[0]:
        figures = [figure[name] for figure in found]
        shown = [f"{percent(each)} of a processor" if name == LAUNCHER else f"{each:.3f} s" for each in figures]
        print(f"| {name} | {' | '.join(shown)} | {figures[-1] / figures[0]:.1f} |")
    return 0


if __name__ == "__main__":
    exit_with(main)
