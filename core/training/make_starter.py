"""Train the starter anew, the network that is shipped.

    python -m core.training.make_starter --out FOLDER

trains it on MNIST as `CONFIG` says, which takes some minutes, and leaves it in FOLDER; with `--replace` instead it
takes the place of the one that is shipped, in core/starter/.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from core.config import TrainingConfig
from core.data import DatasetError, load_dataset
from core.formatting import percent
from core.home import absolute
from core.predictor import Predictor
from core.runs import Run, RunStore
from core.runs.files import CONFIG as CONFIG_FILE
from core.runs.files import LITERT_MODEL, OOD, SUMMARY, WEIGHTS
from core.runs.starter import FOLDER, sha256
from core.storage import write_json
from core.terminal import command_line, exit_with

CONFIG = TrainingConfig("best", epochs=20, augment=True, validation_images=1000)
FILES = (CONFIG_FILE, LITERT_MODEL, OOD, WEIGHTS)
KEPT = ("model", "epochs", "test_accuracy", "test_loss", "parameters", "training_images", "dataset", "versions")


def ship(run: Run, folder: Path = FOLDER) -> None:
    """Put a finished run's model and summary into `folder`; the summary says which model it is of."""
    summary = {name: run.summary[name] for name in KEPT}
    summary["dataset"] = {name: summary["dataset"][name] for name in ("name", "fingerprint")}
    summary["sha256"] = sha256(run.model_path)
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(run.path / name, folder / name)
    write_json(folder / SUMMARY, summary)


def main(arguments: list[str] | None = None) -> int:
    """Train on MNIST and leave the network where it is wanted; returns the exit status."""
    parser = command_line("python -m core.training.make_starter", __doc__)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=absolute, metavar="FOLDER", help="train for some minutes, and leave it in FOLDER")
    target.add_argument("--replace", action="store_true", help="replace the network that is shipped")
    folder = parser.parse_args(arguments).out
    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        parser.error(f"{folder} is not an empty folder; choose another one")
    if folder:
        folder.mkdir(parents=True, exist_ok=True)  # before minutes of training, not after
    from core.inference import ood
    from core.training import worker  # TensorFlow

    try:
        dataset = load_dataset()
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 1
    if not dataset.is_mnist:
        print(f"The starter learns MNIST, but here is {dataset.name}: {dataset.note}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as home:
        run = RunStore(home).create(CONFIG)
        with run.lock():
            worker.train(run, worker.Ready(dataset))
        if run.state.name != "finished":
            print(run.state.message, file=sys.stderr)
            return 1
        ood.fit_for_run(run, Predictor.load(run.path), dataset).save(run.path)
        ship(run, folder or FOLDER)
        print(f"{folder or FOLDER}: {percent(run.test_accuracy)} of MNIST's test images")
    return 0


if __name__ == "__main__":
    exit_with(main)
