"""Train a network on handwritten digits in the terminal: progress, test accuracy, and a figure of what it reads.

The run is a folder like any other: the dashboard shows it while it trains and afterwards. Training happens in a worker
of its own, so TensorFlow is not imported here, and Ctrl-C stops the training but still saves the model.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

from core.compute.foreground import let_leave, start_worker, states
from core.compute.machines import read_machines
from core.config import (
    FIRST_WEIGHTS,
    MODELS,
    OPTIMIZERS,
    PIXELS,
    SCHEDULES,
    ConfigError,
    TrainingConfig,
    by_name,
    check_named,
    parse_digits,
    parse_hidden_layers,
    read,
)
from core.data import Dataset, DatasetError, load_dataset
from core.data.classes import DIGITS, MOST_CLASSES
from core.data.kept import Datasets
from core.evaluation.learning_words import run_findings
from core.formatting import percent
from core.home import ROOT, home_folder, older_home
from core.runs import History, Run, RunError, RunStore, State
from core.runs.files import HISTORY_FIGURE, PREDICTIONS_FIGURE
from core.sweeps.values import setting_in_words
from core.terminal import INTERRUPTED, bar_signs, command_line, exit_with

SAMPLE = (5, 8)  # rows and columns of the figure of predictions
EPILOG = """\
Layers are parted by commas: dense UNITS; conv FILTERS [KERNEL] [stride N] [same]; pool [SIZE]; average pool; global
pool; flatten; norm; dropout SHARE; relu, leaky relu, elu, gelu, tanh or sigmoid; at the end output softmax or output
sigmoid. For instance "conv 16 5, pool, relu, flatten, dense 64, relu, output softmax".

Training continues without output where nobody reads it: behind "| head -1", with >&- and after the terminal is closed.
Figures are saved all the same. Ctrl-C stops it, and so does the dashboard, which shows the run."""


class Terminal:
    """Printed lines, and below them a progress line that is rewritten in place where the output is a terminal."""

    def __init__(self) -> None:
        self.rewrites = sys.stdout.isatty()
        self.signs = bar_signs(sys.stdout.encoding)

    def say(self, text: str) -> None:
        """Print lines above the progress line."""
        self.show("")
        print(text, flush=True)

    def show(self, text: str) -> None:
        """Rewrite the progress line; "" clears it."""
        if self.rewrites:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{text[:width]:{width}}\r", end="", flush=True)


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The options; those that were not given are None, so that `TrainingConfig` sets their defaults."""
    parser = command_line("digit_classification.py", __doc__, epilog=EPILOG)
    parser.usage = "%(prog)s [--model NAME | --network LAYERS] [--epochs N] [OPTION ...]   (--help lists all)"
    add = parser.add_argument
    add(
        "--model",
        default="seed",
        metavar=_one_of(info.title.lower() for info in MODELS.values()),
        help="the network (default: classic)",
    )
    add("--epochs", type=int, default=10, metavar="N", help="passes over the training images (default: 10)")
    add("--batch-size", type=int, metavar="N", help="images a step")
    add("--learning-rate", type=float, metavar="RATE", help="size of a step, such as 0.001")
    add("--hidden-layers", metavar="WIDTHS", help="units of each hidden layer, such as 128,64 (dense)")
    add("--dropout", type=float, metavar="SHARE", help="share of units switched off in training (dense, cnn, best)")
    add("--seed", type=int, metavar="N", help="the same seed and settings give the same run")
    add("--patience", type=int, metavar="N", help="stop after N epochs without a lower validation loss")
    add("--augment", action="store_const", const=True, help="warp each image a little, differently in each epoch")
    add("--training-images", type=int, metavar="N", help="use only the first N training images")
    add("--validation-images", type=int, metavar="N", help="held out to validate on (default: 5000; not for classic)")
    add(
        "--network",
        metavar="LAYERS",
        help='layers in place of the model\'s own: "flatten, dense 64, relu, output softmax"; see below',
    )
    add("--home", type=Path, help="where runs are saved (default: DIGITLAB_HOME, or digitlab-home beside this file)")
    add("--data", type=Path, help="a file or folder with digits, or a kept dataset by name (default: DIGITLAB_DATA)")
    add("--name", help="name of the run")
    experiments = parser.add_argument_group("experiments", "one switch for each question; the defaults change nothing")
    add = experiments.add_argument
    add("--optimizer", metavar=_one_of(OPTIMIZERS), help="default: adam; SGD needs a learning rate of about 0.1")
    add("--schedule", metavar=_one_of(SCHEDULES), help="how the learning rate changes (default: the model's)")
    add("--weight-decay", type=float, metavar="RATE", help="how fast weights shrink besides, such as 0.01")
    add("--pixels", metavar=_one_of(PIXELS), help="what the first layer gets (default: 0-1; raw is 0-255)")
    add("--first-weights", metavar=_one_of(FIRST_WEIGHTS), help="how weights are drawn (default: glorot)")
    add("--wrong-labels", type=float, metavar="SHARE", help="share of training images that get a wrong label")
    add("--left-out", metavar="DIGITS", help="digits, or classes by number, that are not trained on, such as 3,8")
    add(
        "--imbalance",
        type=int,
        metavar="N",
        help="train on N times as many of the first class as of the last, such as 0 and 9",
    )
    return parser.parse_args(arguments)


def _one_of(names: Iterable[str]) -> str:
    return f"{{{','.join(names)}}}"


def read_config(options: argparse.Namespace, classes: int = len(DIGITS)) -> TrainingConfig:
    """The settings in the options, for a dataset of so many classes.

    Raises:
        ConfigError: where one is invalid or does not fit the model.
    """
    names = [field.name for field in fields(TrainingConfig)]
    settings = {name: getattr(options, name, None) for name in names}
    settings = {name: value for name, value in settings.items() if value is not None}
    if options.hidden_layers is not None:
        settings["hidden_layers"] = parse_hidden_layers(options.hidden_layers)
    if options.left_out is not None:
        settings["left_out"] = parse_digits(options.left_out, classes)
    if options.network is not None:
        read(options.network, classes)  # also an empty one, for which a config takes the model's own layers
    config = TrainingConfig(**by_name(settings), classes=classes)
    check_named(config, settings.keys())
    return config


def check_options(options: argparse.Namespace) -> None:
    """Refuse settings before a dataset is loaded, as far as they do not depend on how many classes it has.

    Raises:
        ConfigError: where one is invalid for digits, and for the most classes that there can be.
    """
    try:
        read_config(options)
    except ConfigError:
        with suppress(ConfigError):
            read_config(options, MOST_CLASSES)
            return
        raise


def read_dataset(path: Path | None, terminal: Terminal, datasets: Datasets) -> Dataset:
    """Load the dataset, from a path or, by its name, from those that were added, and print which it is.

    Raises:
        DatasetError: where it cannot be loaded.
    """

    def progress(done: int, total: int) -> None:
        terminal.show(f"Loading the digits  {percent(done / total, 0) if total else f'{done / 1e6:.1f} MB'}")

    terminal.show("Loading the digits")
    kept = datasets.named(str(path)) if path and not path.exists() else None
    dataset = datasets.open(kept.fingerprint) if kept else load_dataset(path, progress=progress)
    counts = f"{len(dataset.x_train):,} images for training, {len(dataset.x_test):,} for testing"
    terminal.say(f"Dataset: {dataset.name}, {counts} ({dataset.source})")
    for words in (*dataset.warnings, dataset.note, *dataset.doubts):
        if words:
            terminal.say(words)
    return dataset


def create_run(store: RunStore, config: TrainingConfig, name: str | None) -> Run:
    """Create the folder of a new run.

    Raises:
        RunError: where the folder cannot be written or the name is invalid.
    """
    try:
        return store.create(config, name)
    except OSError as error:
        why = error.strerror or error
        raise RunError(f"Runs cannot be saved in {store.folder} ({why}). Choose another --home.") from error


def keep_dataset(datasets: Datasets, dataset: Dataset, name: str) -> str:
    """Keep a dataset in the home, where the dashboard shows it with the run; returns its fingerprint.

    Raises:
        RunError: where it cannot be written.
    """
    try:
        return datasets.add(dataset, name).fingerprint
    except OSError as error:
        why = error.strerror or error
        raise RunError(f"The dataset cannot be kept in {datasets.folder} ({why}). Choose another --home.") from error


def follow(run: Run, worker: subprocess.Popen, interrupts: list, terminal: Terminal) -> State:
    """Show the run's epochs and progress until it has ended, whichever worker trains it.

    Args:
        run: the run.
        worker: the process started here; a dashboard's worker may have taken the run first.
        interrupts: one entry for each Ctrl-C so far; the first asks the run to stop.
        terminal: where to show it.
    """
    shown, stopping = 0, False
    for state in states(run, worker):
        if interrupts and not stopping:
            stopping = True
            terminal.say("Stopping and saving the model. Press Ctrl-C again to quit at once.")
            run.stop()
        history = run.history()
        for epoch in history.epochs[shown:]:
            terminal.say(epoch_line(epoch, state.target_epochs))
        shown = len(history.epochs)
        if state.name == "queued" and worker.stdin:  # which a process has that sends runs to a cluster
            terminal.show(read_machines(run.home).problem or "Waiting for a machine")
        elif state.is_active:
            terminal.show(progress_line(history, state, signs=terminal.signs))
    terminal.show("")
    return run.state  # read again: the worker may have written since


def epoch_line(epoch: dict, epochs: int) -> str:
    """A completed epoch in one line."""
    return (
        f"Epoch {epoch['epoch']:>{len(str(epochs))}}/{epochs}   "
        f"loss {epoch['loss']:.4f}   accuracy {percent(epoch['accuracy']):>8}   "
        f"validation loss {epoch['val_loss']:.4f}   accuracy {percent(epoch['val_accuracy']):>8}"
    )


def progress_line(history: History, state: State, width: int = 24, signs: str = "━─") -> str:
    """The progress bar of the run, drawn with two `signs`, and the current numbers."""
    batch = history.last_batch
    if history.phase == "finishing":
        return "Saving and testing the model"
    if not batch:
        return "Starting TensorFlow"
    share = min(1.0, batch["position"] / state.target_epochs)
    left = batch["training_seconds"] * (1 - share) / share
    done = round(share * width)
    bar = signs[0] * done + signs[1] * (width - done)
    return (
        f"{bar} {percent(share, 0):>5}  epoch {batch['epoch']}/{state.target_epochs}  loss {batch['epoch_loss']:.4f}  "
        f"accuracy {percent(batch['epoch_accuracy'])}  {left // 60:.0f}:{left % 60:02.0f} left"
    )


def save_figures(run: Run, dataset: Dataset) -> list[Path]:
    """Save the figures of the history and of sample predictions in the run folder; returns their paths."""
    # Here, since matplotlib takes a second to import, and training should begin before.
    from core.evaluation.figures import figure_bytes, history_figure, predictions_figure

    figures = {}
    if epochs := run.history().epochs:
        figures[HISTORY_FIGURE] = history_figure(epochs, run.name)
    probabilities = run.probabilities()
    if probabilities is not None and not run.foreign_dataset(dataset):
        figures[PREDICTIONS_FIGURE] = predictions_figure(
            dataset.x_test, dataset.y_test, probabilities, *SAMPLE, dataset.classes
        )
    for name, figure in figures.items():
        (run.path / name).write_bytes(figure_bytes(figure))
    return [run.path / name for name in figures]


def report(run: Run, state: State, dataset: Dataset, terminal: Terminal) -> int:
    """Print how the run ended; returns the exit status."""
    if state.name in ("failed", "interrupted") or state.is_unreadable:
        what = {"interrupted": "was interrupted. Resume it in the dashboard"}.get(state.name, "failed")
        print(f"The run {what}. {state.message}\n{run.log_tail()}".rstrip(), file=sys.stderr)
        return 1
    if run.test_accuracy is None:
        terminal.say("Stopped before training began. Resume the run in the dashboard.")
        return INTERRUPTED
    if state.message:
        terminal.say(state.message)
    if state.name == "paused":
        terminal.say("Paused. Resume the run in the dashboard.")
    terminal.show("Drawing the figures")
    for path in save_figures(run, dataset):
        terminal.say(f"Figure: {path}")
    for finding in run_findings(run):
        terminal.say(finding.sentence)
    terminal.say(f"Test Accuracy: {run.test_accuracy:.2%}")  # this form is a contract: no space
    return 0


def train(config: TrainingConfig, dataset: Dataset, options: argparse.Namespace, terminal: Terminal) -> int:
    """Create the run, train it in a worker and report; returns the exit status."""
    interrupts: list[int] = []

    def on_interrupt(number: int, _frame: object) -> None:
        interrupts.append(number)
        if len(interrupts) > 1:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        store = RunStore(options.home)
        if options.data:
            name = options.data.name.partition(".")[0]
            config = replace(config, dataset=keep_dataset(Datasets(store.home), dataset, name))
        run = create_run(store, config, options.name)
        worker = start_worker(run)
        terminal.say(f"Run: {run.path}")
        if config.experiments:
            differs = ", ".join(setting_in_words(name, getattr(config, name)) for name in config.experiments)
            terminal.say(f"It differs from others in: {differs}")
        terminal.say(f"See it in the dashboard: {dashboard_command(store)}")
        if not options.home and older_home():
            terminal.say(f"Older runs were found in {older_home()}. To see them, set DIGITLAB_HOME={older_home()}")
        state = follow(run, worker, interrupts, terminal)
        let_leave(worker)
        if not worker.stdin and run.summary is None and worker.poll() is None:
            worker.terminate()  # still importing TensorFlow for a run that was stopped
        return report(run, state, dataset, terminal)
    finally:
        signal.signal(signal.SIGINT, before)


def dashboard_command(store: RunStore) -> str:
    """The command that starts the dashboard with this run's home."""
    command = f"streamlit run {os.path.relpath(ROOT / 'dashboard' / 'app.py')}"
    return command if store.home == home_folder() else f"{command} (with DIGITLAB_HOME={store.home})"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for a run that failed, 2 for invalid settings."""
    terminal = Terminal()
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: None)  # the terminal was closed: continue, as the help says
    try:
        options = read_arguments(arguments)
        check_options(options)
        dataset = read_dataset(options.data, terminal, Datasets(home_folder(options.home)))
        return train(read_config(options, len(dataset.classes)), dataset, options, terminal)
    except (ConfigError, DatasetError, RunError) as error:
        terminal.show("")
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        terminal.say("")
        return INTERRUPTED


if __name__ == "__main__":
    exit_with(main)
