"""Train many runs that differ in some settings, and say which values are best.

python -m core.sweeps start --model dense --epochs 3 --try "learning_rate=0.1, 0.01, 0.001" --try "seed=3 seeds"
python -m core.sweeps list
python -m core.sweeps budget SWEEP --minutes 60
python -m core.sweeps show | pause | resume | stop | retry SWEEP
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from core.compute.cluster_launcher import make_launcher
from core.config import ConfigError, TrainingConfig, model_name
from core.data import DatasetError, load_dataset
from core.data.kept import Datasets
from core.formatting import percent
from core.runs import RunError, RunStore
from core.sweeps import tpe
from core.sweeps.coordinator import LOOK_SECONDS, Coordinator
from core.sweeps.halving import Halving
from core.sweeps.plan import Plan, plan_of
from core.sweeps.results import Trial, read_trials
from core.sweeps.sweep import ACTIVE, COORDINATOR_LOCK, Sweep, SweepStore
from core.sweeps.values import parse_setting, parse_several
from core.sweeps.words import sentences
from core.terminal import INTERRUPTED, command_line, exit_with

EPILOG = """\
A setting is named as in the HTTP API: learning_rate, batch_size, seed, network, optimizer, first_weights and so on.
Values have a comma between them; networks and digits left out, which have commas themselves, a "|".
Ctrl-C pauses the sweep; "resume" goes on."""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line(
        "python -m core.sweeps", __doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="where runs are kept (DIGITLAB_HOME, or digitlab-home beside core)")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="begin a sweep and follow it to its end")
    start.add_argument("--model", default="classic", help="the network, such as dense (default: classic)")
    start.add_argument("--epochs", type=int, default=TrainingConfig().epochs, help="of each trial (default: 10)")
    start.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of all trials, any number of times"
    )
    start.add_argument(
        "--try", action="append", default=[], metavar="NAME=VALUES", dest="tried", help='such as "seed=3 seeds"'
    )
    start.add_argument("--dataset", default="", metavar="NAME", help="one that was added (default: the one in use)")
    start.add_argument("--random", type=int, metavar="N", help="N combinations at random, in place of all")
    start.add_argument("--tpe", type=int, metavar="N", help="N trials, most of them chosen by Optuna's TPE")
    start.add_argument("--minutes", type=float, metavar="N", help="after N minutes no trial begins")
    start.add_argument(
        "--stop-weak",
        type=int,
        nargs="?",
        const=Halving().factor,
        metavar="N",
        help="after epoch 1, N, N² … only the best 1/N of the trials go on (default: 3)",
    )
    start.add_argument("--name", help="name of the sweep")
    commands.add_parser("list", help="every sweep, newest first")
    for name, about in (
        ("show", "its trials, and what came of them"),
        ("pause", "begin no more trials, and pause those in training"),
        ("resume", "go on, and follow it to its end"),
        ("stop", "begin no more trials, and stop those in training with what they have learned"),
        ("retry", "try the trials that failed again"),
    ):
        commands.add_parser(name, help=about).add_argument("sweep", help="the sweep's id")
    budget = commands.add_parser("budget", help="give it more trials or minutes, and follow it to its end")
    budget.add_argument("sweep", help="the sweep's id")
    budget.add_argument("--trials", type=int, metavar="N", help="how many in all, where they are drawn")
    budget.add_argument("--minutes", type=float, metavar="N", help="in all; 0 for no limit")
    options = parser.parse_args(arguments)
    sweeps = SweepStore(RunStore(options.home))
    try:
        return _do(options, sweeps)
    except (ConfigError, DatasetError, RunError) as error:
        print(error, file=sys.stderr)
        return 2


def _do(options: argparse.Namespace, sweeps: SweepStore) -> int:
    if options.command == "list":
        for sweep in sweeps.sweeps():
            print(f"{sweep.id}  {sweep.state.name:<9} {sweep.name}")
        return 0
    if options.command == "start":
        sweep = sweeps.create(read_plan(options, Datasets(sweeps.runs.home)))
        print(f"Sweep: {sweep.id}, {sweep.plan.count} trials")
        return follow(sweep)
    sweep = sweeps.get(options.sweep)
    if sweep is None:
        print(f"There is no sweep {options.sweep}. `python -m core.sweeps list` names them.", file=sys.stderr)
        return 2
    if options.command == "show":
        show(sweep)
        return 0
    if options.command == "resume":
        sweep.resume()
        return follow(sweep)
    if options.command == "budget":
        sweep.set_budget(options.trials, options.minutes)
        return follow(sweep)
    if options.command == "retry":
        print(f"{sweep.try_failed_again()} tried again.")
        return follow(sweep) if sweep.state.name == ACTIVE else 0
    sweep.pause() if options.command == "pause" else sweep.stop()
    print(f"{sweep.name}: {sweep.state.name}")
    return 0


def read_plan(options: argparse.Namespace, datasets: Datasets) -> Plan:
    """The sweep that the options name.

    Raises:
        ConfigError: where a setting or a value is invalid, or there is no such dataset.
    """
    kept = datasets.named(options.dataset)
    if options.dataset and not kept:
        there = ", ".join(each.name for each in datasets.all()) or "none"
        raise ConfigError(f"There is no dataset {options.dataset!r} in {datasets.folder}. There are: {there}.")
    model = model_name(options.model)
    settings = {name: parse_setting(name, text) for name, text in map(_named, options.set)}
    space = {name: parse_several(name, text) for name, text in map(_named, options.tried)}
    of_data = {}
    if kept:
        of_data = {"dataset": kept.fingerprint, "classes": len(kept.classes)}
    elif os.environ.get("DIGITLAB_DATA"):
        of_data = {"classes": len(load_dataset(allow_download=False).classes)}
    base = TrainingConfig(**{"model": model, "epochs": options.epochs, **of_data, **settings})
    if options.random is not None and options.random < 1:
        raise ConfigError(f"Choose at least one trial, not {options.random}.")
    name = options.name or ("" if space else f"{base.title}: one run")
    halving = None if options.stop_weak is None else Halving(options.stop_weak)
    others = {"minutes": options.minutes, "halving": halving}
    if options.tpe is not None:
        return tpe.plan_of(base, space, options.tpe, name, **others)
    return plan_of(base, space, options.random, name, **others)


def _named(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(f'Write a setting as name=value, for instance "learning_rate=0.1, 0.01", not "{text}".')
    return name.strip().replace("-", "_"), value


def follow(sweep: Sweep) -> int:
    """Begin its trials, train them where no dashboard does, and print each that ends; returns the exit status."""
    launcher, told = make_launcher(sweep.runs), {trial.number for trial in read_trials(sweep) if trial.is_through}
    launcher.start()
    try:
        with FileLock(sweep.path / COORDINATOR_LOCK).acquire(timeout=0):
            coordinator, done = Coordinator(sweep), False
            while sweep.state.name == ACTIVE and not done:
                done = coordinator.step()
                told |= _tell(sweep, told)
                time.sleep(LOOK_SECONDS)
            coordinator.count_seconds(0)
    except Timeout:  # a dashboard's coordinator is at it
        while sweep.state.name == ACTIVE:
            told |= _tell(sweep, told)
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        sweep.pause()
        print(f"Paused. To go on: python -m core.sweeps resume {sweep.id}")
        return INTERRUPTED
    finally:
        launcher.close()
    if message := sweep.state.message:
        print(message)
    show(sweep, trials=False)
    failed = sum(trial.state == "failed" for trial in read_trials(sweep))
    if failed:
        print(f"{failed} failed. To try them again: python -m core.sweeps retry {sweep.id}", file=sys.stderr)
    return 1 if failed else 0


def _tell(sweep: Sweep, told: set[int]) -> set[int]:
    """Print the trials that have ended meanwhile; returns their numbers."""
    ended = [trial for trial in read_trials(sweep) if trial.number not in told and trial.is_through]
    for trial in ended:
        print(_line(trial))
    return {trial.number for trial in ended}


def show(sweep: Sweep, *, trials: bool = True) -> None:
    """Print its trials, and what came of them."""
    found = read_trials(sweep)
    if trials:
        print(f"{sweep.name}: {sweep.state.name}")
        for trial in found:
            print(_line(trial))
    for sentence in sentences(sweep.plan, found) if sweep.plan else []:
        print(sentence.replace("**", ""))


def _line(trial: Trial) -> str:
    known = trial.early if trial.accuracy is None else trial.accuracy
    accuracy = "" if known is None else f"  validation accuracy {percent(known)}"
    state = trial.state if trial.early is None else "stopped early"
    return f"{trial.number + 1:>5}  {trial.name}  {state}{accuracy}"


if __name__ == "__main__":
    exit_with(main)
