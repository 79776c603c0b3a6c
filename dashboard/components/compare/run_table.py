"""What the Compare page shows of each run: a row of settings and numbers, and its curve."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from core.config import FIRST_WEIGHTS, OPTIMIZERS, PIXELS, SCHEDULES
from core.data import Dataset
from core.evaluation import calibration, predictions
from core.robustness import measure
from core.runs import Run
from core.runs.kept import until_folder_changes
from dashboard.components.fields import number_text
from dashboard.components.formatting import percent, seconds_in_words
from dashboard.components.whose import owners_behind


@dataclass(frozen=True)
class Scores:
    """A run's numbers on the test images as fractions, None where they are not known."""

    accuracy: float | None = None
    corrected: float | None = None
    calibration_error: float | None = None


def scores(run: Run, dataset: Dataset) -> Scores:
    """A run's scores from its newest probabilities; for a run on other images only what its summary says."""
    try:
        reading = predictions.load_predictions(run, dataset, None)
    except predictions.PredictionsError:
        return Scores(accuracy=run.test_accuracy)
    return Scores(
        accuracy=reading.accuracy,
        corrected=reading.corrected.corrected if reading.corrected else None,
        calibration_error=calibration.expected_calibration_error(reading.labels, reading.probabilities),
    )


def robustness(run: Run) -> float | None:
    """The mean accuracy under changes, as a fraction; None before it was measured."""
    stored = measure.load(run)
    return stored.mean_accuracy if stored else None


def _fraction(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None


@until_folder_changes
def reason_not_comparable(run: Run, dataset: Dataset) -> str | None:
    """Why a run cannot be compared on these test images, None where it can."""
    if run.too_new:
        return "a newer version of Digit Lab made it"
    if run.state.name == "damaged":
        return "it is damaged"
    if run.foreign_dataset(dataset):
        known = run.dataset
        return f"it was trained and tested on {known.get('name')} ({known.get('source')})"
    probabilities = run.probabilities()
    if probabilities is None:
        return "it has no predictions yet"
    if len(probabilities) != len(dataset.y_test):
        return f"it read {len(probabilities):,} test images, not the {len(dataset.y_test):,} here"
    return None


@until_folder_changes
def is_discarded(run: Run) -> bool:
    """Whether a run is about to be deleted."""
    return run.is_discarded


def unique_names(runs: Mapping[str, Run], names: Mapping[str, str]) -> dict[str, str]:
    """The name of each run by its id, with whose it is, followed by the id where two share a name.

    Args:
        runs: by their ids.
        names: what people call them, by their ids, of those of which it is known.
    """
    behind = owners_behind(runs.values())
    names = {run_id: (names.get(run_id) or run.name) + behind[run_id] for run_id, run in runs.items()}
    count = Counter(names.values())
    return {run_id: name if count[name] == 1 else f"{name} · {run_id}" for run_id, name in names.items()}


def names_in_charts(runs: list[Run], names: Mapping[str, str]) -> dict[str, str]:
    """All names; where those of `runs` begin with their network, as trials' do, and it is one, without it.

    Charts have little room.
    """
    networks = {run.config.title for run in runs if run.config is not None}
    begin = f"{min(networks, default='')} · "
    if len(networks) != 1 or not all(names[run.id].startswith(begin) for run in runs):
        return dict(names)
    short = {**names, **{run.id: names[run.id].removeprefix(begin) for run in runs}}
    return short if len(set(short.values())) == len(short) else dict(names)


@dataclass(frozen=True)
class Cell:
    """What a column says of a run: a value to sort by, and how it is written."""

    value: float | str | None
    words: str


UNKNOWN = Cell(None, "–")
SETTINGS = (
    "Network",
    "Layers",
    "Epochs",
    "Batch size",
    "Learning rate",
    "Dropout",
    "Training images",
    "Validation images",
    "Augmentation",
    "Patience",
    "Seed",
    "Starts from",
    "Optimizer",
    "Schedule",
    "Weight decay",
    "Pixels",
    "First weights",
    "Wrong labels",
    "Left out",
    "Imbalance",
)
RESULTS = ("Corrected labels", "Calibration error", "Robustness", "Parameters", "Training time")
LOGARITHMIC = ("Batch size", "Learning rate", "Training images")
BEST = {"Test accuracy": "max", "Corrected labels": "max", "Calibration error": "min", "Robustness": "max"}


@dataclass(frozen=True)
class RunTable:
    """Runs with the settings that differ, and numbers: one row a run.

    Attributes:
        values: numbers as numbers, nan where they are not known.
        words: the same columns as text.
        best: the same columns as bool: whether it is the best of its column.
        same: what is equal in all runs and has no column, in words.
        everything: the values of all columns, also of those that are equal in all runs.
    """

    values: pd.DataFrame
    words: pd.DataFrame
    best: pd.DataFrame
    same: list[str]
    everything: pd.DataFrame

    @property
    def settings(self) -> list[str]:
        """The settings that have a column."""
        return [name for name in SETTINGS if name in self.values]

    @cached_property
    def starred(self) -> pd.DataFrame:
        """The words, the best with a star."""
        return self.words.where(~self.best, "★ " + self.words)

    def csv(self) -> bytes:
        """All columns as CSV, with units in their names."""
        units = {**dict.fromkeys(BEST, "%"), "Training time": "s"}
        frame = self.everything.rename(columns={name: f"{name} ({unit})" for name, unit in units.items()})
        return frame.round(4).to_csv(index=False).encode()


def settings(run: Run, names: Mapping[str, str]) -> dict[str, Cell]:
    """The `SETTINGS` of a run, {} where they are damaged; `names` are those of all runs by their ids."""
    config = run.config
    if config is None:
        return {}
    summary, info = run.summary or {}, config.info
    images = _whole(config.training_images or summary.get("training_images"))
    hidden, start = ", ".join(map(str, config.hidden_layers)), names.get(config.start_from, config.start_from)
    own = not config.network  # the layers that its model has
    return {
        "Network": _text(config.title),
        "Layers": _text(hidden if own and info.free_layers else config.layers.text),
        "Epochs": _epochs(run),
        "Batch size": _whole(config.batch_size),
        "Learning rate": Cell(config.learning_rate, number_text(config.learning_rate)),
        "Dropout": Cell(config.dropout, number_text(config.dropout)) if own and info.free_dropout else UNKNOWN,
        "Training images": images if config.training_images else Cell(images.value, _all(images)),
        "Validation images": _text("test set" if info.validates_on_test else f"{config.validation_images:,}"),
        "Augmentation": _text("on" if config.augment else "off"),
        "Patience": _text(str(config.patience) if config.patience else "off"),
        "Seed": Cell(config.seed, str(config.seed)),
        "Starts from": _text(start or "new weights"),
        "Optimizer": _text(OPTIMIZERS[config.optimizer]),
        "Schedule": _text(SCHEDULES[config.schedule]),
        "Weight decay": Cell(config.weight_decay, number_text(config.weight_decay)),
        "Pixels": _text(PIXELS[config.pixels]),
        "First weights": _text(FIRST_WEIGHTS[config.first_weights]),
        "Wrong labels": Cell(config.wrong_labels, percent(config.wrong_labels, 0)),
        "Left out": _text(", ".join(map(str, config.left_out)) or "none"),
        "Imbalance": Cell(config.imbalance, f"{config.imbalance} : 1"),
    }


def table(runs: list[Run], names: Mapping[str, str], found: list[Scores], target: float | None = None) -> RunTable:
    """The table of these runs: accuracy beside the name, then the settings, without columns in which all say the same.

    The settings in which most runs are unusual come first.

    Args:
        runs: the runs, in the order of the rows.
        names: the name of each run by its id, of all runs.
        found: the scores of each of `runs`.
        target: a validation accuracy as a fraction; with it a column says after how many epochs a run reaches it.
    """
    rows = [
        {
            "Run": Cell(names[run.id], _name_and_state(names[run.id], run)),
            "State": _text(run.state.name.capitalize()),
            "Test accuracy": _percent(scores.accuracy),
            **({} if target is None else {reaches(target): _whole(epochs_to(run, target))}),
            **dict.fromkeys(SETTINGS, UNKNOWN),
            **settings(run, names),
            "Data": _text(str(run.dataset.get("name", UNKNOWN.words))),
            "Corrected labels": _percent(scores.corrected),
            "Calibration error": _percent(scores.calibration_error),
            "Robustness": _percent(robustness(run)),
            "Parameters": _whole((run.summary or {}).get("parameters")),
            "Training time": _seconds(run),
        }
        for run, scores in zip(runs, found, strict=True)
    ]
    words = pd.DataFrame([{name: cell.words for name, cell in row.items()} for row in rows])
    values = pd.DataFrame([{name: cell.value for name, cell in row.items()} for row in rows])
    always = ["Run", "Test accuracy", *([] if target is None else [reaches(target)])]
    shown = [name for name in words if name in always or _varies(words[name], name in SETTINGS)]
    telling = sorted((name for name in shown if name in SETTINGS), key=lambda name: -_unusual(words[name]))
    others = [name for name in shown if name not in (*always, *telling, "State")]  # the state is said beside the name
    shown = [*always, *telling, *others]
    equal = [name for name in words if name not in shown and words[name].nunique() == 1 and len(runs) > 1]
    same = {name: words[name].iloc[0] for name in equal if words[name].iloc[0] != UNKNOWN.words}
    best = pd.DataFrame(False, words.index, shown)
    for name, kind in {**BEST, **({} if target is None else {reaches(target): "min"})}.items():
        is_alone = name in BEST and values[name].count() < 2  # the best of what is known of one run says nothing
        if name in shown and words[name].nunique() > 1 and not is_alone:
            best[name] = values[name] == values[name].agg(kind)
    told = [f"{name.lower()} {said.lower() if name == 'State' else said}" for name, said in same.items()]
    return RunTable(values[shown], words[shown], best, told, values)


def _varies(words: pd.Series, is_setting: bool) -> bool:
    """Whether a column says something: different things, or anything of a single run.

    A setting that some networks do not have says nothing where all the others have the same.
    """
    known = set(words) - {UNKNOWN.words}
    return bool(known) and (len(words) == 1 or len(known if is_setting else set(words)) > 1)


def _unusual(words: pd.Series) -> int:
    """How many runs have something else in a column than most runs have."""
    known = words[words != UNKNOWN.words]
    return len(known) - int(known.value_counts().max())


def reaches(target: float) -> str:
    """The name of the column with the epochs that a run needs to reach a validation accuracy."""
    return f"Epochs to {100 * target:g} %"


def epochs_to(run: Run, target: float) -> int | None:
    """After how many epochs a run's validation accuracy first reaches `target`, a fraction; None where it does not."""
    reached = (
        epoch["epoch"] for epoch in run.history().epochs if (_fraction(epoch.get("val_accuracy")) or 0) >= target
    )
    return next(reached, None)


def reached_in_words(runs: list[Run], target: float) -> str:
    """How many runs reach a validation accuracy, and how soon, as a sentence."""
    epochs = [needed for run in runs if (needed := epochs_to(run, target)) is not None]
    if not epochs:
        return f"No run reaches {100 * target:g} %."
    soonest = "1 epoch" if min(epochs) == 1 else f"{min(epochs)} epochs"
    return f"{len(epochs)} of {len(runs)} runs reach {100 * target:g} %, the fastest after {soonest}."


def dots(runs: list[Run], names: Mapping[str, str], found: list[Scores], setting: str) -> pd.DataFrame:
    """One of `SETTINGS` and the test accuracy of each run that has both: columns run, value, words, accuracy.

    Networks that were given as layers are told apart by them.
    """
    cells = []
    for run in runs:
        cell, layers = (settings(run, names).get(name, UNKNOWN) for name in (setting, "Layers"))
        if setting == "Layers" and layers.value is not None:
            cell = Cell(without_ends(layers.words), layers.words)
        elif setting == "Network" and run.config is not None and run.config.network:
            cell = Cell(f"{cell.words}: {without_ends(layers.words)}", layers.words)
        cells.append(cell)
    rows = [
        (names[run.id], cell.value, cell.words, scores.accuracy)
        for run, cell, scores in zip(runs, cells, found, strict=True)
        if cell.value is not None and scores.accuracy is not None
    ]
    return pd.DataFrame(rows, columns=["run", "value", "words", "accuracy"])


def without_ends(network: str) -> str:
    """A network's text without what nearly all begin and end with: flattening first, softmax last."""
    between = network.removesuffix(", output softmax").removeprefix("flatten, ")
    return "no hidden layer" if between == "flatten" else between


def validates_in_words(runs: list[Run], names: Mapping[str, str]) -> str:
    """Which runs validate on the test images, as a sentence; "" where none does."""
    on_test = [names[run.id] for run in runs if run.config is not None and run.config.info.validates_on_test]
    known = sum(run.config is not None for run in runs)
    if not on_test:
        return ""
    if len(on_test) == known:
        return "Validated on the test images."
    *before, last = on_test
    listed = f"{', '.join(before)} and {last}" if before else last
    verb = "validate" if before else "validates"
    return f"{listed} {verb} on the test images, the others on images held out of the training set."


def _text(words: str) -> Cell:
    return Cell(words, words)


def _name_and_state(name: str, run: Run) -> str:
    return name if run.state.name == "finished" else f"{name} · {run.state.name}"


def _epochs(run: Run) -> Cell:
    planned, history = run.state.target_epochs, run.history()
    done = _whole(len(history.epochs) or (run.summary or {}).get("epochs"))
    if run.state.name == "finished" or not planned:
        return done
    begun = history.epoch_under_way
    return Cell(done.value, f"within {begun} of {planned}" if begun else f"{done.value or 0} of {planned}")


def _percent(fraction: float | None) -> Cell:
    return UNKNOWN if fraction is None else Cell(100 * fraction, percent(fraction))


def _whole(value: object) -> Cell:
    return Cell(value, f"{value:,}") if isinstance(value, int) and not isinstance(value, bool) else UNKNOWN


def _all(images: Cell) -> str:
    return f"all ({images.words})" if images.value else "all"


def _seconds(run: Run) -> Cell:
    epochs = run.history().epochs
    value = (epochs[-1] if epochs else run.summary or {}).get("training_seconds")
    is_known = isinstance(value, int | float) and math.isfinite(value)
    return Cell(float(value), seconds_in_words(value)) if is_known else UNKNOWN


def curves(runs: list[Run], names: Mapping[str, str]) -> pd.DataFrame:
    """The validation accuracy after each epoch: run, epoch, step, training_seconds, accuracy, place (of the run)."""
    rows = [
        (names[run.id], epoch["epoch"], epoch["step"], epoch.get("training_seconds"), accuracy, place)
        for place, run in enumerate(runs)
        for epoch in run.history().epochs
        if (accuracy := _fraction(epoch.get("val_accuracy"))) is not None
    ]
    return pd.DataFrame(rows, columns=["run", "epoch", "step", "training_seconds", "accuracy", "place"])
