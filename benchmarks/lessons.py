"""Whether lessons say what happens: `python -m benchmarks.lessons [NAME …] [--seeds 3]` trains all runs of them.

Each run is trained with several seeds on the dataset in use, and what the lessons expect is read from it. The values
are written to dashboard/lessons/measured.json, where a test compares them with the ranges in the lessons; it also
notices where a lesson's runs were changed since. It takes as long as the lessons' runs, times the seeds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.config import TrainingConfig
from core.data import Dataset, load_dataset
from core.runs import RunStore, RunView
from core.storage import read_json, write_json
from core.terminal import command_line, exit_with
from dashboard.components.learn.lesson import Lesson
from dashboard.components.learn.library import MEASURED, lessons
from dashboard.components.train.settings import settings_from

MEASURED_UNDER_CHANGES = ("shifted", "turned")  # numbers that need the run's robustness


def trained(store: RunStore, config: TrainingConfig) -> RunView:
    """A run with these settings, trained in a process of its own."""
    run = store.create(config)
    subprocess.run([sys.executable, "-m", "core.training.worker", str(run.path)], check=True)
    return run


def numbers_of(lesson: Lesson, runs: Mapping[str, RunView], digits: Dataset) -> dict[str, float]:
    """What a lesson expects, by its words, of these runs."""
    expected = [number for step in lesson.steps for number, _ in step.expect]
    needed = {run for number in expected for run, name in number.parts if name in MEASURED_UNDER_CHANGES}
    for name in needed:
        path = str(runs[name].path)
        subprocess.run([sys.executable, "-m", "core.background", path, "robustness"], check=True)
    return {number.words: number.value(runs, digits) for number in expected}


def measured(lesson: Lesson, seeds: int, digits: Dataset) -> dict:
    """The settings of a lesson's runs, and what it expects of them with each seed."""
    values: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as home:
        store = RunStore(home)
        for seed in range(seeds):
            runs = {}
            for name, settings in lesson.runs.items():
                config = settings_from(settings)
                runs[name] = trained(store, replace(config, seed=config.seed + 100 * seed))
            for words, value in numbers_of(lesson, runs, digits).items():
                values.setdefault(words, []).append(value)
                print(f"{lesson.name}: {words} = {value}", flush=True)
    return {"dataset": digits.name, "runs": {name: dict(each) for name, each in lesson.runs.items()}, "values": values}


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line("python -m benchmarks.lessons", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="lessons, all where none is named")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds each run is trained with")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as nowhere:
        found = {lesson.name: lesson for lesson in lessons(Path(nowhere))}
    if unknown := [name for name in options.names if name not in found]:
        print(f"There is no lesson {unknown[0]!r}. There are: {', '.join(found)}.", file=sys.stderr)
        return 2
    digits = load_dataset()
    for name in options.names or found:
        result = measured(found[name], options.seeds, digits)
        write_json(MEASURED, {**(read_json(MEASURED) or {}), name: result})  # one after the other: it takes long
    return 0


if __name__ == "__main__":
    exit_with(main)
