"""The process that trains: `python -m core.training.worker RUN`, or `--wait` to take runs from standard input.

It writes the run's folder and reads requests there, and depends on no other process: training continues when the
dashboard ends.
"""

from __future__ import annotations

import os

if __name__ == "__main__" and hasattr(os, "nice"):
    os.nice(10)  # before TensorFlow, whose import takes seconds: the page comes first

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off by itself on processors without AVX-512; twice as fast

import tensorflow as tf  # isort: skip  # first of all: pandas or pyarrow before it can hang (keras#23083)

import errno
import gc
import logging
import platform
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
from filelock import Timeout

from core import models
from core.compute.process import MACHINE, PARENT, works_ahead
from core.config import ConfigError, TrainingConfig
from core.data import Dataset, DatasetError, is_better_one_here, load_dataset
from core.data.classes import named_in_words
from core.data.kept import Datasets
from core.endings import DIVERGED
from core.home import absolute
from core.leftovers import lives, use_own_temporary_folder
from core.named_networks import MODELS
from core.predictor import ModelError, Predictor
from core.runs import Run, RunStore
from core.runs.checkpoint import CheckpointError
from core.storage import explain_os_error, printable
from core.terminal import command_line, exit_with
from core.training import fine_tuning
from core.training.fine_tuning import FineTuningError, Material
from core.training.images import forget, share
from core.training.loop import Diverged, Epoch, Progress, Training
from core.training.named_weights import weights_by_name

CHECKPOINT_SECONDS = 2.0  # what a killed worker loses at most
ALREADY_TAKEN = 3  # exit status where another worker trains the run
MOST_BESIDES = 75_000  # images of a dataset, of about 100 MB, that is kept beside that of the run in training
MOST_BUILT = 24  # networks, of one process: TensorFlow keeps about 15 MB of each
NEXT_SECONDS = 1.0  # in which the launcher names the next run, where one waits
OUTPUT = (1, 2)  # what a process prints to
REUSABLE = ("finished", "stopped", "paused")  # states of a run after which its process is as good as new

_leaves = threading.Event()  # whether this process was asked to end


def train(run: Run, ready: Ready) -> None:
    """Train a run from where it stands to its target, a request to end, or an error that it explains."""
    state = run.state
    try:
        run.append_event("taken", pid=os.getpid())
        run.set_state("running", resumes=state.resumes)
        dataset = ready.dataset or _kept_dataset_of(run) or load_dataset()
        _check_dataset(run, dataset)
        checkpoint = _load_checkpoint(run, state.resumes)
        mine = fine_tuning.material(run)
        training = ready.take(run.config) if checkpoint is None else None
        if training is None:
            ready.built += 1
            training = Training(
                run.config,
                dataset,
                state.target_epochs,
                checkpoint,
                state.extended_from,
                start=fine_tuning.first_weights(run) if checkpoint is None else None,
                mine=mine.learned if mine else None,
            )
        if mine and checkpoint is None:
            fine_tuning.note_before(run, training, mine, dataset)
        run.write_architecture(models.architecture_rows(training.model))
        run.append_event(
            "start",
            step=training.position.step,
            epoch=training.position.epoch,
            epoch_images=training.image_count,
        )
        run.forget_later_weights(training.position.epoch)
        if training.position.step == 0:
            run.write_epoch_weights(weights_by_name(training.model), 0)
        if checkpoint is None:
            training.compile_ahead()
        outcome, message = _train_and_record(run, training)
        if outcome == "paused":
            run.set_state("paused", message)  # before the export, which takes a second that nobody should wait for
            _finish(run, training, dataset, mine)
        else:
            _finish(run, training, dataset, mine)
            run.set_state(outcome, message)
    except (ConfigError, DatasetError, CheckpointError, FineTuningError, ModelError) as error:
        _fail(run, str(error))
    except Exception as error:
        if not isinstance(error, OSError):
            traceback.print_exc()
        _fail(run, _explain(error))
    else:
        ready.keep(training)  # what fails there is no failure of the run


def _load_checkpoint(run: Run, resumes: bool) -> dict[str, np.ndarray] | None:
    """What the run continues from; None where it begins at epoch 1, which is said of a run that was trained before."""
    flaw = run.checkpoint_flaw
    if not flaw:
        return run.checkpoint()
    if flaw == "damaged" or run.history().epochs:
        run.set_state("running", f"It begins again at epoch 1, since its checkpoint is {flaw}.", resumes=resumes)
    return None


def _explain(error: Exception) -> str:
    """Why training ended, as a sentence for people."""
    if isinstance(error, OSError) or "No space left" in str(error):  # TensorFlow has errors of its own for it
        full = error if isinstance(error, OSError) else OSError(errno.ENOSPC, "No space left on device")
        return f"{explain_os_error(full)} Resume then continues from the last checkpoint."
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return "The memory was not enough. Try a smaller batch size or fewer hidden units."
    return f"An unexpected error: {printable(error)}. The log below has the details."


def _fail(run: Run, words: str) -> None:
    """End the run as failed. Where even that cannot be written, this process fails, and its log says why."""
    print(words, file=sys.stderr)
    run.set_state("failed", words)


def _train_and_record(run: Run, training: Training) -> tuple[str, str]:
    """Train, write each event, and apply requests; returns the state to end in and a message for it."""
    saved_at = time.monotonic()
    request = None
    try:
        for event in training:
            if isinstance(event, Progress):
                run.append_event("batch", **asdict(event))
            else:
                _write_epoch(run, event)
                run.write_epoch_weights(weights_by_name(training.model), event.epoch)
            request = _apply_requests(run, training)
            if request or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                run.write_checkpoint(training.checkpoint())
                saved_at = time.monotonic()
            if request in ("pause", "stop"):
                return "paused" if request == "pause" else "stopped", run.control.get("reason", "")
    except Diverged:
        run.write_checkpoint(training.checkpoint())
        return "failed", DIVERGED
    run.write_checkpoint(training.checkpoint())
    position = training.position
    if position.stopped_early:
        return "finished", f"Stopped early: the validation loss was lowest after epoch {position.best_epoch}."
    return "finished", ""


def _apply_requests(run: Run, training: Training) -> str | None:
    """Set a new learning rate where one was requested; returns "pause" or "stop" where that was."""
    control = run.control
    rate = control.get("learning_rate")
    if isinstance(rate, int | float) and rate > 0 and rate != training.position.learning_rate:
        training.position.learning_rate = float(rate)
        run.append_event("learning_rate", step=training.position.step, learning_rate=rate)
    return control.get("request")


def _write_epoch(run: Run, epoch: Epoch) -> None:
    """Write an epoch's event, and its probabilities to a file of their own."""
    run.write_probabilities(epoch.probabilities, epoch.epoch)
    values = {name: value for name, value in vars(epoch).items() if name != "probabilities" and value is not None}
    run.append_event("epoch", **values)


def _finish(run: Run, training: Training, dataset: Dataset, mine: Material | None) -> None:
    """Export the model, compare the export with Keras on the whole test set, and write the summary."""
    run.append_event("finishing")
    probabilities, losses = training.evaluate(dataset.x_test, dataset.y_test)
    run.write_probabilities(probabilities)
    validated = {}
    if not run.config.info.validates_on_test:
        y_val = training.split.y_val
        read = training.evaluate(training.split.x_val, y_val)[0]
        run.write_validation(y_val, read)
        validated = {"validation_accuracy": float((read.argmax(axis=1) == y_val).mean())}
    models.save(training.model, run.path)
    run.write_weights(weights_by_name(training.model), training.position.epoch)
    exported = Predictor.load(run.path).probabilities(dataset.x_test)
    predictions = probabilities.argmax(axis=1)
    position = training.position
    summary = {
        "model": run.config.model,
        "epochs": position.epoch,
        "test_accuracy": float((predictions == dataset.y_test).mean()),
        "test_loss": float(losses.mean()),
        **validated,
        "training_seconds": position.training_seconds,
        "parameters": training.model.count_params(),
        "training_images": training.image_count,
        "validation_images": len(training.split.x_val),
        "dataset": _identity(dataset),
        "parity": {
            "max_abs_difference": float(np.abs(exported - probabilities).max()),
            "different_predictions": int((exported.argmax(axis=1) != predictions).sum()),
            "images": len(dataset.x_test),
        },
        "machine": _machine(),
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "finished": time.time(),
    }
    if mine:
        summary["my_digits"] = fine_tuning.report(run, training, mine, dataset)
    run.write_summary(summary)


def _machine() -> str:
    """What this is trained on; a machine of a cluster has a name."""
    name = os.environ.get(MACHINE)
    return f"{f'{name}: ' if name else ''}{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def _identity(dataset: Dataset) -> dict:
    named = {} if dataset.is_digits else {"classes": list(dataset.classes)}
    return {"name": dataset.name, "source": dataset.source, "fingerprint": dataset.fingerprint, **named}


def _kept_dataset_of(run: Run) -> Dataset | None:
    """The dataset that was added to the home, where the run names one; all of it is read, to see that it is whole."""
    return Datasets(run.home).open(run.wanted_dataset, verify=True) if run.wanted_dataset else None


def _check_dataset(run: Run, dataset: Dataset) -> None:
    """Write which dataset a new run is trained on; raise DatasetError where a run is to be trained on another one."""
    if why := run.foreign_dataset(dataset):
        raise DatasetError(why)
    if run.config.classes != len(dataset.classes):
        raise DatasetError(
            f"This run is to tell {run.config.classes} classes apart, and {dataset.name} has {len(dataset.classes)}: "
            f"{named_in_words(dataset.classes)}. Start a run on this dataset."
        )
    if run.config.start_from and not dataset.is_digits:
        raise DatasetError(f"{dataset.name} has no digits, so a run on it cannot learn My digits. Start a new run.")
    run.write_dataset(_identity(dataset))


class Ready:
    """Trainings on one dataset that can begin at once, since they were compiled before anybody asked for them.

    Args:
        dataset: of them all; None where it is loaded for each run.
        named: the fingerprint by which runs name it; "" where it is the one in use, which they need not name.
    """

    def __init__(self, dataset: Dataset | None, named: str = "") -> None:
        self.dataset, self._named = dataset, named
        self.built = 0  # networks
        self._trainings: list[Training] = []
        if dataset is not None:
            share(dataset.x_train)  # all of them, since networks take different numbers

    def serves(self, run: Run) -> bool:
        """Whether the run is trained on this dataset, which was not removed, and no better one is here meanwhile."""
        if not self._is_current or run.wanted_dataset not in (self._named, self.dataset.fingerprint):
            return False
        return not self._named or Datasets(run.home).get(self._named) is not None

    @property
    def is_small(self) -> bool:
        """Whether another dataset may be in the memory besides."""
        return self._is_current and len(self.dataset.x_train) <= MOST_BESIDES

    @property
    def _is_current(self) -> bool:
        return self.dataset is not None and not (not self._named and is_better_one_here(self.dataset))

    def let_go(self) -> None:
        """Forget all of it, since there will be no run for it."""
        if self.dataset is not None:
            forget(self.dataset.x_train)
        self.dataset, self._trainings = None, []

    def compile(self, likely: Iterable[TrainingConfig]) -> None:
        """Compile for each of these settings what is missing, in this order, until a run comes."""
        for config in likely:
            if self.dataset is None or _run_is_waiting():
                return
            config = _for(config, self.dataset)
            if not config.start_from and not any(training.fits(config) for training in self._trainings):
                training = Training(config, self.dataset)
                self.built += 1
                training.compile_ahead()
                self._trainings.append(training)

    def keep(self, training: Training) -> None:
        """Keep a training that has ended for another run with the same settings.

        Of those that are not as they are offered, which may be large, it is the only one.
        """
        if training.config.start_from or not training.begin_anew():
            return
        offered = [each for each in self._trainings if each.fits(_as_offered(each.config))]
        self._trainings = [training, *offered]

    def take(self, config: TrainingConfig) -> Training | None:
        """A training that has become that of `config`; None where nothing was compiled for it."""
        for training in self._trainings:
            if training.reuse_for(config):
                self._trainings.remove(training)
                return training
        return None


def _likely(last: TrainingConfig | None) -> Iterator[TrainingConfig]:
    """What may be trained next, the likeliest first: the last settings again, and each network as it is offered."""
    yield last or TrainingConfig()
    if works_ahead() and sys.platform != "win32":  # there it cannot see that a run waits meanwhile
        last = last or TrainingConfig()
        yield from (_as_offered(last, model) for model in MODELS)


def _as_offered(config: TrainingConfig, model: str = "") -> TrainingConfig:
    """The config as its network, or another one, is offered on the same dataset."""
    return TrainingConfig(model or config.model, dataset=config.dataset, classes=config.classes)


def _for(config: TrainingConfig, dataset: Dataset) -> TrainingConfig:
    """The config with an output for each class of the dataset; as it is where it cannot have them."""
    with suppress(ConfigError):
        return replace(config, classes=len(dataset.classes))
    return config


def _last_run(home: Path) -> Run | None:
    return next((run for run in RunStore(home).runs() if run.config and not run.config.start_from), None)


def _ready_for(run: Run | None) -> Ready:
    """Ready for runs on the dataset of this one, as far as there is one without a download.

    Where there is none, the run that needs it says why.
    """
    try:
        if run and (kept := _kept_dataset_of(run)):
            return Ready(kept, kept.fingerprint)
        return Ready(load_dataset(allow_download=False))
    except DatasetError:
        return Ready(None)


def _ready_among(run: Run, readies: list[Ready]) -> list[Ready]:
    """What is ready for the run's dataset, at the end; before it, what is for that of the run before, if it is small.

    So runs of two datasets in turn find all compiled; of large ones a single one is in the memory at a time.
    """
    before = readies[-1]
    if before.serves(run):
        return readies
    chosen = next((each for each in readies if each.serves(run)), None)
    small = [before] if before.is_small else []
    for each in readies:
        if each not in (chosen, *small):
            each.let_go()
    built = before.built
    del readies, before
    if chosen is None:
        keras.backend.clear_session()
        gc.collect()
        chosen = _ready_for(run)
    chosen.built = built
    return [*small, chosen]


def _run_is_waiting(seconds: float = 0.0) -> bool:
    """Whether a run comes on standard input within some seconds (never on Windows, which cannot select on pipes)."""
    try:
        return bool(select.select([sys.stdin], [], [], seconds)[0])
    except OSError:
        return False


def _redirect_output(run: Run) -> None:
    """Send what this process prints to the run's log from now on."""
    log = os.open(run.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in OUTPUT:
        os.dup2(log, stream)
    os.close(log)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line("python -m core.training.worker", __doc__)
    parser.add_argument("run", nargs="?", type=absolute, help="a run folder")
    parser.add_argument("--wait", type=absolute, metavar="HOME", help="get ready, then read a run folder from stdin")
    options = parser.parse_args(arguments)
    if not options.run and not options.wait:
        parser.error("a run folder is needed, or --wait")
    logging.getLogger("absl").setLevel(logging.ERROR)
    use_own_temporary_folder()
    if parent := os.environ.get(PARENT):
        threading.Thread(target=_leave_with, args=(int(parent),), daemon=True).start()

    if options.wait:
        return _train_what_comes(options.wait)
    return _take(Run(options.run), Ready(None))


def _train_what_comes(home: Path) -> int:
    """Get ready, and train the runs named on standard input, one after the other, until nobody can name another.

    What this process imported, loaded and compiled serves the next run too. It leaves after an error, and when it was
    asked to: then the next run gets a new process.
    """
    last = _last_run(home)
    ready = _ready_for(last)
    readies = [ready]
    ready.compile(_likely(last and last.config))
    usual_output = [os.dup(stream) for stream in OUTPUT]
    while ready.built < MOST_BUILT:
        path = os.fsdecode(sys.stdin.buffer.readline().strip())
        if not path:
            return 0  # the process that started this worker has ended
        run = Run(Path(path))
        if not run.unusable:
            _redirect_output(run)
        readies = _ready_among(run, readies)
        ready = readies[-1]
        status, config = _take(run, ready), run.config
        if status or config is None or run.state.name not in REUSABLE or _leaves.is_set():
            return status
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for stream, usual in zip(OUTPUT, usual_output, strict=True):
            os.dup2(usual, stream)  # a log that is open could not be deleted on Windows
        if not _run_is_waiting(NEXT_SECONDS):
            keras.backend.clear_session()  # takes 0.2 s, of what was built and is not kept
            ready.compile(_likely(config))
    return 0


def _take(run: Run, ready: Ready) -> int:
    """Train a run that waits, where no other worker does; returns the exit status."""
    if run.unusable:
        print(run.unusable, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: _leave(run))
    try:
        with run.lock().acquire(timeout=30):  # a paused worker may still be exporting
            if run.state.name in ("queued", "running"):  # with the lock ours, "running" is a worker that died
                train(run, ready)  # else it was taken out of the queue in the meantime, or trained already
    except Timeout:
        print("Another worker has this run.", file=sys.stderr)
        return ALREADY_TAKEN
    return 0


def _leave_with(parent: int) -> None:
    """End this process at once when its parent has ended: without it, nobody gets what is trained here."""
    while os.getppid() == parent and lives(parent):
        time.sleep(1.0)
    os._exit(1)


def _leave(run: Run) -> None:
    """Pause the run and end this process; in a thread, since locks may be taken meanwhile."""
    _leaves.set()
    threading.Thread(target=run.pause).start()


if __name__ == "__main__":
    exit_with(main)
