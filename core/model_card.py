"""A run's model card: what it reads, what it was trained on, how well it reads, where it fails, what nobody tested.

After Mitchell et al. (2019, Model Cards for Model Reporting, arXiv:1810.03993). All numbers come from the run's own
files and the labels of its test images; what was not measured is said to be so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from core.config_words import as_command, settings_in_words
from core.data import Dataset
from core.data.classes import DIGITS
from core.evaluation import metrics
from core.evaluation.predictions import Predictions, PredictionsError, load_predictions
from core.formatting import percent
from core.predictor import model_fingerprint
from core.robustness import measure
from core.robustness.corruptions import STRENGTH_NAMES
from core.robustness.measure import Robustness
from core.runs import RunView
from core.storage import printable

MOST_PAIRS = 5
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$])")


@dataclass(frozen=True)
class ModelCard:
    """A card: the run's `name`, and sentences, as plain text, by the title of their section, in order."""

    name: str
    sections: dict[str, tuple[str, ...]]

    def as_markdown(self) -> str:
        """The card as the text of a Markdown file; what people named is shown as they wrote it."""
        lines = [f"# Model card: {_escaped(self.name)}"]
        for title, sentences in self.sections.items():
            lines += ["", f"## {title}", "", *(f"- {_escaped(sentence)}" for sentence in sentences)]
        return "\n".join([*lines, ""])


def model_card(run: RunView, dataset: Dataset | None) -> ModelCard:
    """The card of a run.

    Args:
        run: any run, also one that is damaged or has not ended.
        dataset: with its test images it is said what the network fails at; None where it could not be loaded.
    """
    reading, why = read_mistakes(run, dataset)
    sections = {
        "What it reads": _reads(run),
        "What it was trained on": _trained_on(run),
        "How well it reads": accuracy_sentences(run, reading),
        "What it fails at": failures(reading) if reading else (why,),
        "What it was not tested on": _untested(run, dataset),
    }
    return ModelCard(run.name, sections)


def read_mistakes(run: RunView, dataset: Dataset | None) -> tuple[Predictions | None, str]:
    """The run's newest predictions for the test images; None and why, as a sentence, where there are none."""
    if dataset is None:
        return None, "Its mistakes cannot be counted here: the dataset that it was tested on is not loaded."
    try:
        return load_predictions(run, dataset, None), ""
    except PredictionsError as error:
        return None, str(error)


def current_robustness(run: RunView, dataset: Dataset | None) -> Robustness | None:
    """What was measured of the robustness of the model as it is now; None where nothing was, or it is out of date."""
    found = measure.load(run)
    fingerprint = dataset.fingerprint if dataset else run.dataset.get("fingerprint")
    if found is None or not isinstance(fingerprint, str) or found.stale(model_fingerprint(run.path), fingerprint):
        return None
    return found


def _reads(run: RunView) -> tuple[str, ...]:
    config, summary = run.config, run.summary or {}
    classes = run.classes
    what, form, count = "One handwritten digit, 0 to 9,", "centred as in MNIST", "ten"
    if not run.is_digits:
        what, form = f"One of {len(classes)} classes ({', '.join(classes)})", "as in its dataset"
        count = str(len(classes))
    said = [
        f"{what} as a picture of 28 × 28 pixels, white on black, {form}.",
        f"It takes raw pixels, 0 to 255, and gives {count} probabilities that sum to 1, whatever the picture shows.",
    ]
    if config is None:
        said.append("Its layers are not known: its settings are damaged.")
    else:
        parameters = summary.get("parameters", config.layers.parameters)
        said.append(f"Layers: {config.layers.text}. {parameters:,} parameters.")
    if (threshold := run.threshold) is not None:
        said.append(f"Below a confidence of {percent(threshold, 1)} it does not answer.")
    return tuple(said)


def _trained_on(run: RunView) -> tuple[str, ...]:
    config, summary, dataset = run.config, run.summary or {}, run.dataset
    name = dataset.get("name") or "an unknown dataset"
    known = f" (fingerprint {dataset['fingerprint']})" if "fingerprint" in dataset else ""
    images = summary.get("training_images")
    said = [f"{f'{images:,} images of {name}' if images else name[:1].upper() + name[1:]}{known}."]
    if epochs := run.epochs_learned:
        seconds = summary.get("training_seconds")
        time = (
            "" if seconds is None else f", in {seconds:,.0f} s" + (f" on {m}" if (m := summary.get("machine")) else "")
        )
        said.append(f"{_counted(epochs)}{time}.")
    if config is not None:
        said.append(f"Settings: {settings_in_words(config)}.")
        said.append(
            f"The same again: {command}" if (command := as_command(config)) else "It was fine-tuned from a run."
        )
        said.append(validated_on(run))
        if config.augment and not run.is_digits:
            said.append("Augmentation only warped the images: digits in other handwriting are added to digits alone.")
    if mine := summary.get("my_digits"):
        said.append(f"Fine-tuned on {mine.get('trained', 0):,} digits that were drawn in Digit Lab.")
    return tuple(filter(None, said))


def _counted(epochs: float) -> str:
    return "1 epoch" if epochs == 1 else f"{epochs:.3g} epochs"


def validated_on(run: RunView) -> str:
    """Which images had a part in choosing its settings or its end, as a sentence; "" where that is not known."""
    if run.config is not None and run.config.info.validates_on_test:
        return "It is validated on the test images, as its script does: they are not new to whoever chose its settings."
    count = (run.summary or {}).get("validation_images")
    return f"{count:,} other images of the training set were held out to validate on." if count else ""


def accuracy_sentences(run: RunView, reading: Predictions | None) -> tuple[str, ...]:
    """Test accuracy with its interval, what that leaves out, and what else was measured, in sentences."""
    summary = run.summary or {}
    if reading is not None:
        images, right = len(reading.labels), len(reading.labels) - reading.mistakes
    else:
        images = summary.get("parity", {}).get("images")
        accuracy = run.test_accuracy
        if accuracy is None or not images:
            known = "" if accuracy is None else f"Test accuracy: {percent(accuracy)}."
            return (known or "It was not tested yet: it has no test accuracy.",)
        right = round(accuracy * images)
    low, high = metrics.wilson_interval(right, images)
    said = [
        f"Test accuracy: {percent(right / images)}, {right:,} of {images:,} test images "
        f"(95\u00a0% interval {percent(low)} to {percent(high)}).",
        "The interval is for the choice of test images. Trained again from another seed, it may differ by more.",
    ]
    if reading is not None and reading.corrected is not None:
        said.append(f"With MNIST's known label errors corrected: {percent(reading.corrected.corrected)}.")
    mine = summary.get("my_digits", {})
    if (held_out := mine.get("after", {}).get("mine_held_out")) is not None:
        said.append(
            f"Of {mine.get('held_out', 0):,} drawn digits that were held out it reads {percent(held_out)} right."
        )
    return tuple(said)


def failures(reading: Predictions) -> tuple[str, ...]:
    """The digits that it reads worst and best, and those that it confuses most, in sentences."""
    if not reading.mistakes:
        return ("It reads all test images right.",)
    matrix = reading.matrix
    recall, support = metrics.per_digit(matrix).recall, matrix.sum(axis=1)
    known = np.flatnonzero(support)
    order = known[np.argsort(recall[known], kind="stable")]
    worst, best = int(order[0]), int(order[-1])
    pairs, names = metrics.worst_pairs(matrix, limit=MOST_PAIRS), reading.classes
    told = ", ".join(f"{names[pair.label]} read as {names[pair.prediction]} ({pair.count:,} ×)" for pair in pairs)
    kind = "digit" if names == DIGITS else "class"
    said = [f"It misreads {reading.mistakes:,} of {len(reading.labels):,} test images.", f"Most often: {told}."]
    low, high = metrics.wilson_interval(int(matrix[worst, worst]), int(support[worst]))
    said.append(
        f"Worst {kind}: {names[worst]}, of which it reads {percent(recall[worst], 1)} right (95\u00a0% interval "
        f"{percent(low, 1)} to {percent(high, 1)}). Best {kind}: {names[best]}, {percent(recall[best], 1)}."
    )
    sure = int((~reading.right & (reading.confidence >= 0.9)).sum())
    said.append(f"In {sure:,} of its mistakes it is 90\u00a0% sure or more.")
    return tuple(said)


def _untested(run: RunView, dataset: Dataset | None) -> tuple[str, ...]:
    name = run.dataset.get("name") or "its dataset"
    if not run.is_digits:
        said = [
            f"Images from anywhere else than {name}.",
            "What is none of its classes: it names one of them for that too.",
            "Drawings made in Digit Lab, which knows how to bring digits to MNIST's form and nothing else.",
        ]
    else:
        said = [
            f"Digits from anywhere else than {name}: other pens, other countries' forms, photos.",
            "What is no digit, such as letters and scribbles: it names a digit for these too.",
            "Several digits in one picture, and digits that were not brought to MNIST's form.",
        ]
    if (run.summary or {}).get("my_digits", {}).get("after", {}).get("mine_held_out") is not None:
        said[0] = f"Digits from anywhere else than {name} and the drawn digits above."
    if robustness := current_robustness(run, dataset):
        worst = min(robustness.changed, key=lambda measured: measured.accuracy)
        said.append(
            "Changes of the image other than those measured, under which it reads "
            f"{percent(robustness.mean_accuracy)} on average, and {percent(worst.accuracy)} under the worst "
            f"({worst.change}, {STRENGTH_NAMES[worst.strength]})."
        )
    else:
        images = "Digits" if run.is_digits else "Images"
        said.append(f"{images} that were shifted, turned, blurred and so on: robustness was not measured.")
    return tuple(said)


def _escaped(text: str) -> str:
    """Plain text for a Markdown file, in which it is shown as it is."""
    return _MARKS.sub(r"\\\1", printable(text))
