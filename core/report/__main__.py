"""A run, two runs or a sweep as one HTML file to hand in or to print: `python -m core.report RUN`.

RUN is a run's folder or its id, or the id of a sweep.
"""

from __future__ import annotations

import sys
from pathlib import Path

from core.data import Dataset, DatasetError, load_dataset
from core.data.kept import Datasets
from core.home import absolute
from core.report import Author, ReportError, comparison_report, run_report, sweep_report
from core.runs import Run, RunStore, RunView
from core.runs.files import CONFIG
from core.runs.starter import Starter
from core.storage import write_atomically
from core.sweeps.sweep import SweepStore
from core.terminal import command_line, exit_with


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 2 where there is nothing to report of."""
    parser = command_line("python -m core.report", __doc__)
    parser.add_argument("run", help="a run's folder or id, or the id of a sweep")
    parser.add_argument("--beside", metavar="RUN", help="a second run, to compare it with")
    parser.add_argument("--out", type=Path, help="the file to write; by default ID-report.html here")
    parser.add_argument("--name", default="", help="your name, which stands above the report")
    parser.add_argument("--words", default="", help="what you found, in your own words")
    parser.add_argument("--home", type=Path, help="where runs are kept (DIGITLAB_HOME, or digitlab-home beside core)")
    options = parser.parse_args(arguments)
    store, author = RunStore(options.home), Author(options.name, options.words)
    used, datasets = _dataset(), Datasets(store.home)

    def digits(fingerprint: str) -> Dataset | None:
        return used and datasets.of(fingerprint, used)

    try:
        sweep = None if options.beside or store.get(options.run) else SweepStore(store).get(options.run)
        if sweep:
            plan = sweep.plan
            name, made = sweep.id, sweep_report(sweep, digits(plan.base.dataset if plan else ""), author)
        elif options.beside:
            first, second = _find(store, options.run), _find(store, options.beside)
            name = f"{first.id}-{second.id}"
            made = comparison_report(first, second, digits(first.wanted_dataset), author)
        else:
            run = _find(store, options.run)
            name, made = run.id, run_report(run, digits(run.wanted_dataset), author)
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    path = options.out or Path(f"{name}-report.html")
    write_atomically(path, lambda file: file.write(made))
    print(f"{path}: {len(made) / 1000:,.0f} KB")
    return 0


def _dataset() -> Dataset | None:
    try:
        return load_dataset(allow_download=False)
    except DatasetError as error:
        print(f"{error} The report is made without images.", file=sys.stderr)
        return None


def _find(store: RunStore, wanted: str) -> RunView:
    if run := store.get(wanted) or (Starter() if wanted == Starter().id else None):
        return run
    run = Run(absolute(wanted))
    if not (run.path / CONFIG).exists():
        raise ReportError(f"There is no run or sweep {wanted} in {store.home}.")
    return run


if __name__ == "__main__":
    exit_with(main)
