"""A class that follows one lesson at once: `python -m benchmarks.class_of_twenty [--pupils N] [--lesson NAME]`.

One server of the API, and as many runs as there are pupils, asked for in the same moment as Show me does it: each is
created in the home, and the server's launcher trains it. Measures for each pupil the time to the first progress and to
the end of the run. No browser is opened, so what the pages themselves take is not in it.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api import serving
from benchmarks.browser import wait_until
from core.compute.launcher import worker_limit
from core.config import TrainingConfig
from core.runs import Run, RunStore
from core.runs.files import EVENTS
from core.runs.history import event_log
from core.terminal import command_line, exit_with
from dashboard.components.learn.library import lessons
from dashboard.components.train.settings import settings_from

LOOK_SECONDS = 0.1
PATIENCE = 1800.0  # seconds


@dataclass
class Pupil:
    """A pupil's run, the seconds to its first progress and to its end, None before that, and whether it finished.

    `work` is how many seconds its worker took for it, from taking it to its end.
    """

    run: Run
    first: float | None = None
    end: float | None = None
    finished: bool = False
    work: float = 0.0


def first_run(lesson: str) -> TrainingConfig:
    """The settings of the run that a lesson trains first."""
    with tempfile.TemporaryDirectory() as nowhere:
        found = {each.name: each for each in lessons(Path(nowhere))}
    step = next(step for step in found[lesson].steps if step.wait and step.wait.kind == "run")
    return settings_from(found[lesson].runs[step.wait.runs[0]])


def measure(config: TrainingConfig, count: int) -> list[Pupil]:
    """Start so many runs at once, and follow them to their ends."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, serving(Path(home)):
        store = RunStore(Path(home))
        warm = store.create(config)
        wait_until(lambda: warm.state.name == "finished", "the first run to finish, which warms the worker")
        began = time.monotonic()
        pupils = [Pupil(store.create(config)) for _ in range(count)]
        while any(pupil.end is None for pupil in pupils) and time.monotonic() < began + PATIENCE:
            for pupil in pupils:
                look(pupil, time.monotonic() - began)
            time.sleep(LOOK_SECONDS)
    return pupils


def look(pupil: Pupil, seconds: float) -> None:
    """Note what has happened to a pupil's run since the last look."""
    if pupil.first is None and pupil.run.history().share_done(pupil.run.config.epochs) > 0:
        pupil.first = seconds
    if pupil.end is None and not pupil.run.state.is_active:
        state = pupil.run.state
        taken = next(event["time"] for event in event_log(pupil.run.path / EVENTS).values() if event["type"] == "taken")
        pupil.end, pupil.finished, pupil.work = seconds, state.name == "finished", state.since - taken


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status: 1 where a run did not finish."""
    parser = command_line("python -m benchmarks.class_of_twenty", __doc__)
    parser.add_argument("--pupils", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--lesson", default="stuck", metavar="NAME", help="whose first run is trained (default: stuck)")
    options = parser.parse_args(arguments)
    pupils = measure(first_run(options.lesson), options.pupils)
    print("| seconds | first pupil | median | last pupil |\n| --- | --- | --- | --- |")
    for title, found in (
        ("to the first progress", [pupil.first for pupil in pupils]),
        ("to the end of the run", [pupil.end for pupil in pupils]),
    ):
        known = sorted(seconds for seconds in found if seconds is not None)
        if known:
            print(f"| {title} | {known[0]:.1f} | {known[len(known) // 2]:.1f} | {known[-1]:.1f} |")
    finished = sum(pupil.finished for pupil in pupils)
    *others, last = sorted(pupils, key=lambda pupil: pupil.first or PATIENCE)
    if last.first and others:
        needed = sum(pupil.work for pupil in others) / worker_limit()  # before the last one can begin
        print(
            f"\nThe others' work takes {needed:.1f} s: the last shows progress after {last.first / needed:.2f} of that."
        )
    print(f"\n{finished} of {len(pupils)} runs finished.")
    return 0 if finished == len(pupils) else 1


if __name__ == "__main__":
    exit_with(main)
