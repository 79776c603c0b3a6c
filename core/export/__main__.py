"""A run's network in other formats, verified to answer the same: `python -m core.export RUN --format onnx`.

RUN is a run's folder or its id. The files are left in the folder `exports` of the run, and the page Export shows them.
With `--format tensorboard` or `mlflow` the run's curves, settings and results are written for these programs.
"""

from __future__ import annotations

import sys
from functools import partial

from core.compute import job
from core.export import tracking, verify
from core.export.formats import FORMATS, INSTALL, possible
from core.export.tracking import TRACKERS, TrackingError
from core.export.verify import Exports, Verification
from core.home import absolute
from core.runs import Run, RunStore
from core.runs.starter import Starter
from core.terminal import command_line, exit_with


def table(run: Run, exports: Exports) -> str:
    """What was exported and how it did, as lines of text."""
    head = f"{'format':<12}{'KB':>8}{'difference':>12}{'differing':>11}{'accuracy':>10}{'drawings':>10}"
    lines = [f"{head}{'1 image':>11}{f'{exports.images:,}':>12}"]
    for found in exports.verifications:
        lines.append(f"{found.format:<12}{found.error}" if found.error else _row(found))
    drawn = f"{exports.drawn} {exports.drawings}, read right" if exports.drawn else exports.drawings
    lines.append(
        f"Against the run's own LiteRT model on {exports.images:,} test images, each in its own runtime. "
        f"Drawings: {drawn}. Times are medians, all images in batches of "
        f"{verify.BATCH}."
    )
    lines += [str(FORMATS[found.format].path(run)) for found in exports.verifications if not found.error]
    return "\n".join(lines)


def _row(found: Verification) -> str:
    return (
        f"{found.format:<12}{found.bytes / 1000:>8,.0f}{found.difference:>12.1e}{found.different:>11}"
        f"{100 * found.accuracy:>8.2f} %{found.drawings:>10}{1000 * found.seconds_one:>8.2f} ms"
        f"{1000 * found.seconds_all:>9,.0f} ms"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 1 where an export failed, 2 where what was asked cannot be."""
    parser = command_line("python -m core.export", __doc__)
    parser.add_argument("run", help="a run folder, or the id of a run")
    parser.add_argument(
        "--format",
        nargs="+",
        choices=[*FORMATS, "all", *TRACKERS],
        default=["all"],
        help="without: all, which are those of the network; tensorboard and mlflow take its curves",
    )
    parser.add_argument(
        "--out",
        help="with tensorboard and mlflow: the folder to write to (default: tensorboard or mlflow, here); with mlflow "
        "also the address of a tracking store (default: MLFLOW_TRACKING_URI)",
    )
    options = parser.parse_args(arguments)
    trackers = [name for name in options.format if name in TRACKERS]
    asked = [name for name in options.format if name not in TRACKERS]
    if options.out and not trackers:
        parser.error("--out goes with --format tensorboard or mlflow. Other formats are written into the run's folder.")
    run = RunStore().get(options.run) or Run(absolute(options.run))
    if reason := _refusal(run, asked):
        print(reason, file=sys.stderr)
        return 2
    try:
        for name in trackers:
            print("\n".join(tracking.track(run, name, options.out)))
    except TrackingError as error:
        print(error, file=sys.stderr)
        return 2
    return _export_formats(run, asked) if asked else 0


def _export_formats(run: Run, asked: list[str]) -> int:
    names = list(FORMATS) if "all" in asked else asked
    skipped = [name for name in names if name not in possible(run) or FORMATS[name].missing]
    status = job.execute_once(
        run, "export", partial(verify.export_all, names=[name for name in names if name not in skipped])
    )
    if status:
        print(job.Jobs().status(run, "export").words, file=sys.stderr)
        return status
    exports = verify.load(run)
    print(table(run, exports))
    for name in skipped:
        why = f"{INSTALL} first" if name in possible(run) else "the run has no Keras model"
        print(f"{FORMATS[name].title} was left out: {why}.")
    return int(any(found.error for found in exports.verifications if found.format in names))


def _refusal(run: Run, asked: list[str]) -> str | None:
    """Why nothing can be exported, None where it can."""
    if asked and run.path.absolute() == Starter().path:
        return f"The starter is LiteRT only, and it is a file already: {run.model_path}"
    if run.too_new:
        return run.too_new
    if run.config is None:
        return f"{run.path} is neither a run folder nor the id of a run, or its config.json is damaged."
    if asked and not run.has_model:
        return f"{run.name} has no model yet. Train it to its end, or stop it, first."
    for name in asked:
        if name != "all" and name not in possible(run):
            return f"{run.name} has no Keras model, so it can be exported as LiteRT only."
        if name != "all" and (missing := FORMATS[name].missing):
            return f"{FORMATS[name].title} takes {', '.join(missing)}. Install what is missing: {INSTALL}"
    return None


if __name__ == "__main__":
    exit_with(main)
