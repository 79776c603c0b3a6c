"""What is damaged in a run's folder, in words: which file, what is wrong with it, and what follows."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from core.runs import files, state
from core.runs.arrays import read_probabilities
from core.runs.weights import kept_epochs
from core.storage import read_json, until_changed

if TYPE_CHECKING:
    from core.runs.view import RunView

MOST_FLAWS = 3  # of a file: more says no more
LITERT_MARK = b"TFL3"  # bytes 4 to 8 of a LiteRT file
MEASURED = (files.ROBUSTNESS, files.EXPORTS, files.THRESHOLD, files.FINE_TUNING)
ARCHIVES = (files.KERAS_MODEL, files.WEIGHTS, files.OOD, files.TSNE, files.MY_DIGITS)
UNREADABLE = "it cannot be read"


def find(run: RunView) -> tuple[str, ...]:
    """A sentence for each file that is damaged and for a checkpoint that is gone; or that a newer version made it."""
    if run.too_new:
        return (run.too_new,)
    found = {name: flaws for name in (files.CONFIG, *state.FILES) if (flaws := _json_flaws(run, name))}
    if flaws := _event_flaws(run):
        found[files.EVENTS] = flaws
    if not run.state.is_active:  # a worker replaces these all the time
        found |= {path.name: (UNREADABLE,) for path in _damaged_files(run)}
    name = run.name
    sentences = [f"{file} of {name} is damaged: {'; '.join(flaws[:MOST_FLAWS])}." for file, flaws in found.items()]
    return (*_begins_anew(run, name), *sentences)


def _json_flaws(run: RunView, name: str) -> tuple[str, ...]:
    path = run.path / name
    if not path.exists():
        return ()
    content = state.read_config(path) if name == files.CONFIG else state.read(path)
    return content.flaws or (() if content.value is not None else (UNREADABLE,))


def _event_flaws(run: RunView) -> tuple[str, ...]:
    """What of events.jsonl cannot be used, and what was cut off: the summary tells how many epochs there were."""
    history = run.history()
    lines = (f"{history.damaged:,} of its lines cannot be used",) if history.damaged else ()
    kept, epochs = len(history.epochs), (run.summary or {}).get("epochs", 0)
    if kept >= epochs or run.imported or run.state.is_active:
        return lines
    return (*lines, f"it holds {kept:,} of {epochs:,} epochs")


def _damaged_files(run: RunView) -> list[Path]:
    """The files with anything but settings, words and events that cannot be used."""
    folder = run.path
    predictions = [folder / files.PROBABILITIES, *sorted((folder / files.PREDICTIONS_FOLDER).glob("epoch-*.npy"))]
    found = [path for path in predictions if path.exists() and read_probabilities(path, run.outputs) is None]
    validation = folder / files.VALIDATION
    found += [validation] if validation.exists() and run.validation() is None else []
    found += [path for name in MEASURED if (path := folder / name).exists() and not isinstance(read_json(path), dict)]
    weights = [files.epoch_weights(epoch) for epoch in kept_epochs(folder)]
    return found + [path for name in (*ARCHIVES, *weights, files.LITERT_MODEL) if _is_damaged(path := folder / name)]


def _is_damaged(path: Path) -> bool:
    try:
        return not _is_whole(path)
    except OSError:
        return False


@until_changed(maxsize=1024)
def _is_whole(path: Path) -> bool:
    try:
        if path.name == files.LITERT_MODEL:
            with path.open("rb") as file:
                return file.read(8)[4:] == LITERT_MARK
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged zip raises many kinds
        return False


def _begins_anew(run: RunView, name: str) -> tuple[str, ...]:
    """That training would begin at epoch 1, where the checkpoint of a run that has learned cannot be used."""
    if run.imported or run.state.is_active or run.config is None:
        return ()
    flaw = run.checkpoint_flaw
    if not flaw or (flaw == "missing" and not run.history().epochs):
        return ()
    return (f"{files.CHECKPOINT} of {name} is {flaw}, so training it further begins at epoch 1.",)
