"""The files of a run's folder: what each is called and what it holds. No other module spells these names.

config.json        the number of the folder's format and TrainingConfig, written once
name.json          what people call the run
state.json         State, as last written
control.json       requests to the worker; control.lock is held while one is added
events.jsonl       what happened, one event a line
log.txt            what the worker printed
worker.lock        held by the worker while it lives
checkpoint.npz     the variables and the position from which training continues
dataset.json       name, source and fingerprint of the dataset, and the names of its classes where they are no digits
architecture.json  the layers
predictions/       epoch-0001.npy …: probabilities of the test images after each epoch, float16 (n, classes)
probabilities.npy  probabilities of the test images after the last epoch
validation.npz     labels and probabilities of the validation images
weights/           epoch-0000.npz …: the weights by name before the first batch and after each epoch, float16; thinned
weights.npz        the weights by name of what is tested and saved, float32, and the epoch
model.keras        the network for Keras
model.tflite       the network for LiteRT, with which everything that looks reads
summary.json       what came of the run, once it has a model
owner.json         whose it is, where a class shares the home (core.people)
trial.json         the sweep that it belongs to, and its number there, from 0
imported.json      the file it came from, in a run of another Digit Lab; such a run has no checkpoint
threshold.json     the confidence below which it does not answer
my_digits.npz      the digits of its own that a fine-tuned run learns, and fine_tuning.json its accuracy before
robustness.json    accuracy under changes
map-tsne.npz       the test images laid out by t-SNE
novelty.npz        what tells digits from other drawings
exports/           the network in other formats, and exports.json what was measured of each
analysis-KIND.*    a background job: json its progress, lock held while it lives, log what it printed
history.png        figures that the command line draws, with predictions.png
"""

from __future__ import annotations

FORMAT = 3  # of the folders that this version reads; those of versions that wrote no number are of format 0
FIRST_FORMAT = 1  # which a run has that uses nothing newer, so that earlier versions read it too
FORMAT_OF_EXPERIMENTS = 2

CONFIG = "config.json"
NAME = "name.json"
STATE = "state.json"
CONTROL, CONTROL_LOCK = "control.json", "control.lock"
EVENTS = "events.jsonl"
LOG = "log.txt"
WORKER_LOCK = "worker.lock"
CHECKPOINT = "checkpoint.npz"
DATASET = "dataset.json"
ARCHITECTURE = "architecture.json"
PREDICTIONS_FOLDER = "predictions"
PROBABILITIES = "probabilities.npy"
VALIDATION = "validation.npz"
WEIGHTS_FOLDER = "weights"
WEIGHTS = "weights.npz"
KERAS_MODEL = "model.keras"
LITERT_MODEL = "model.tflite"
SUMMARY = "summary.json"
TRIAL = "trial.json"
IMPORTED = "imported.json"
THRESHOLD = "threshold.json"
MY_DIGITS = "my_digits.npz"
FINE_TUNING = "fine_tuning.json"
ROBUSTNESS = "robustness.json"
TSNE = "map-tsne.npz"
OOD = "novelty.npz"
EXPORTS_FOLDER, EXPORTS = "exports", "exports.json"
HISTORY_FIGURE, PREDICTIONS_FIGURE = "history.png", "predictions.png"


def epoch_predictions(epoch: int) -> str:
    """The file with the probabilities of the test images after `epoch`, below the run's folder."""
    return f"{PREDICTIONS_FOLDER}/epoch-{epoch:04d}.npy"


def epoch_weights(epoch: int) -> str:
    """The file with the weights after `epoch`, 0 for those before the first batch, below the run's folder."""
    return f"{WEIGHTS_FOLDER}/epoch-{epoch:04d}.npz"


def job_file(kind: str, ending: str) -> str:
    """A file of the background job `kind`; `ending` is "json" (progress), "lock" or "log" (what it printed)."""
    return f"analysis-{kind}.{ending}"
