"""Sections that reports of runs, comparisons and lessons share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.config_words import as_command, settings_in_words
from core.data import Dataset
from core.evaluation import metrics
from core.evaluation.label_errors import ERRORS_BY_INDEX
from core.evaluation.learning_words import run_findings
from core.evaluation.predictions import Predictions
from core.formatting import certainty, percent
from core.model_card import ModelCard, validated_on
from core.network import in_words
from core.report import charts, pictures
from core.report.charts import Line
from core.report.document import facts, section
from core.report.html import Html, joined, listed, sentences, table, tag, wide
from core.runs import RunView

MOST_MISTAKES = 20
TITLES = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}


def numbers(run: RunView, reading: Predictions | None) -> Html:
    """The few numbers that a reader looks for first."""
    summary, accuracy = run.summary or {}, run.test_accuracy
    images = len(reading.labels) if reading else summary.get("parity", {}).get("images")
    if reading:
        accuracy = reading.accuracy
    found = [("Test accuracy", percent(accuracy))]
    if accuracy is not None and images:
        right = len(reading.labels) - reading.mistakes if reading else round(accuracy * images)
        low, high = metrics.wilson_interval(right, images)
        found.append(("95\u00a0% interval", f"{percent(low).removesuffix(' %')} to {percent(high)}"))
        found.append(("Mistakes", f"{images - right:,} of {images:,}"))
    if run.config:
        found.append(("Parameters", f"{run.config.layers.parameters:,}"))
    if epochs := run.epochs_learned:
        found.append(("Epochs", f"{epochs:.3g}"))
    if (seconds := summary.get("training_seconds")) is not None:
        found.append(("Training time", f"{seconds:,.1f} s"))
    return facts(found)


def settings(run: RunView, title: str = "Settings") -> Html | None:
    """The settings in words, as the command that trains with them, and the layers; that they are damaged, where so."""
    config = run.config
    if config is None:
        return section(title, sentences("Its settings are missing or damaged."))
    command, target = as_command(config), run.state.target_epochs
    extended = "" if target <= config.epochs else f"It was trained further, to {target} epochs."
    layers = table(
        ("Layer", "Output", "Parameters"),
        ((block.layer.text, in_words(block.shape), f"{block.parameters:,}") for block in config.layers.blocks),
    )
    return section(
        title,
        settings_line(run),
        sentences(extended),
        layers,
        sentences(
            ["The same settings, dataset and versions give the same run.", validated_on(run)] if command else [],
            class_="note",
        ),
    )


def settings_line(run: RunView) -> Html | None:
    """The settings in words, and as the command that trains with them; None where they are damaged."""
    config = run.config
    if config is None:
        return None
    epochs = "1 epoch" if config.epochs == 1 else f"{config.epochs:,} epochs"
    words = tag("p", f"{settings_in_words(config, run.control.get('learning_rate'))} · {epochs}")
    command = as_command(config)
    return joined(words, tag("pre", command) if command else tag("p", "It began with the weights of another run."))


def dataset_part(run: RunView, dataset: Dataset | None) -> Html | None:
    """What it was trained and tested on: name, counts, fingerprint, and what looks wrong in it."""
    known, summary = run.dataset, run.summary or {}
    is_here = dataset is not None and known.get("fingerprint") == dataset.fingerprint
    rows = [("Name", known.get("name") or "not known: training has not begun")]
    if not run.is_digits:
        rows.append((f"{len(run.classes)} classes", ", ".join(run.classes)))
    counts = {"Training images": summary.get("training_images"), "Validation images": summary.get("validation_images")}
    rows += [(name, f"{count:,}") for name, count in counts.items() if count]
    if is_here:
        rows.append(("Test images", f"{len(dataset.y_test):,}"))
    elif images := summary.get("parity", {}).get("images"):
        rows.append(("Test images", f"{images:,}"))
    if "fingerprint" in known:
        rows.append(("Fingerprint", known["fingerprint"]))
    note = "Equal data have equal fingerprints (SHA-256 of all images and labels)." if "fingerprint" in known else ""
    doubts = listed(dataset.doubts) if is_here else None
    return section("Dataset", _facts_table(rows), doubts, sentences(note, class_="note"))


def _facts_table(rows: Iterable[tuple[str, str]]) -> Html:
    body = (tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in rows)
    return wide(tag("table", tag("tbody", *body)))


def versions(runs: Mapping[str, RunView]) -> Html | None:
    """The versions of what trained each run, on which machine, and its id."""
    columns = []
    for run in runs.values():
        summary = run.summary or {}
        known = {TITLES.get(name, name): version for name, version in summary.get("versions", {}).items()}
        columns.append({**known, "Machine": summary.get("machine", ""), "Run": run.id})
    names = [
        name for name in dict.fromkeys(name for each in columns for name in each) if any(e.get(name) for e in columns)
    ]
    rows = ((name, *(each.get(name) or "–" for each in columns)) for name in names)
    return section("Versions", table(("", *runs), rows))


def curves(runs: Mapping[str, RunView]) -> Html | None:
    """Loss and accuracy by epoch, and what the curves say: of one run training beside validation, of two validation.

    Args:
        runs: one or two, by what they are called.
    """
    panels = curve_charts(runs)
    if panels is None:
        return section("Learning curves", sentences("No epoch was completed, so there are no curves."))
    said = {name: curve_words(run) for name, run in runs.items()}
    if len(runs) == 1:
        return section("Learning curves", tag("p", *said.values()), panels)
    told = (tag("li", tag("strong", name), ": ", words) for name, words in said.items())
    return section("Learning curves", tag("ul", *told), panels)


def curve_words(run: RunView) -> str:
    """What the curves of a run say, in sentences."""
    return " ".join(finding.sentence for finding in run_findings(run)) or "The curves show nothing unusual."


def curve_charts(runs: Mapping[str, RunView]) -> Html | None:
    """Accuracy and loss by epoch, of one run or of two; None where no epoch was completed."""
    drawn: dict[str, list[Line]] = {"accuracy": [], "loss": []}
    for place, (name, run) in enumerate(runs.items()):
        epochs = run.history().epochs
        x = [epoch["epoch"] for epoch in epochs]
        for measure, lines in drawn.items():
            if len(runs) == 1:
                lines.append(Line("Training", x, _values(epochs, measure), "muted"))
            label = "Validation" if len(runs) == 1 else name
            lines.append(Line(label, x, _values(epochs, f"val_{measure}"), ("blue", "orange")[place % 2]))
    what = "" if len(runs) == 1 else "Validation "
    panels = [
        charts.line_chart(f"{what}{measure}".capitalize(), lines, is_share=measure == "accuracy")
        for measure, lines in drawn.items()
    ]
    panels = [panel for panel in panels if panel]
    return tag("div", *panels, class_="charts") if panels else None


def _values(epochs: Sequence[Mapping], name: str) -> list[float]:
    found = (epoch.get(name) for epoch in epochs)
    return [float(value) if isinstance(value, int | float) else math.nan for value in found]


def mistakes(dataset: Dataset, reading: Predictions, title: str = "The worst mistakes") -> Html | None:
    """The mistakes of which it is most sure, with label, prediction and confidence."""
    wrong = np.flatnonzero(~reading.right)
    worst = wrong[np.argsort(-reading.confidence[wrong], kind="stable")][:MOST_MISTAKES]
    if not len(worst):
        return None
    shown = [digit_picture(dataset, int(image), [reading]) for image in worst]
    count = f"all {len(worst)}" if len(worst) == len(wrong) else f"the {len(worst)} of which it is most sure"
    words = f"Of {len(wrong):,} mistakes, {count}."
    errors = sum(int(image) in ERRORS_BY_INDEX for image in worst) if dataset.is_mnist else 0
    if errors:
        are = "is" if errors == 1 else "are"
        words += f" * {errors} of them {are} among MNIST's known label errors."
    return section(title, sentences(words), tag("div", *shown, class_="pictures"))


def digit_picture(dataset: Dataset, image: int, readings: Sequence[Predictions]) -> Html:
    """A test image, and what it was read as by one run or by two."""
    names = readings[0].classes
    label = names[int(readings[0].labels[image])]
    doubtful = "*" if dataset.is_mnist and image in ERRORS_BY_INDEX else ""
    told = [f"{names[int(each.predictions[image])]}, {certainty(float(each.confidence[image]))}" for each in readings]
    said = [f"label {label}{doubtful}", *(f"read {words}".replace(" ", "\u00a0") for words in told)]
    lines = [part for place, words in enumerate(said) for part in ([_LINE] if place else []) + [words]]
    words = f"Test image {image}: " + ", ".join(said)
    return charts.picture(pictures.digit(dataset.x_test[image]), words, caption=tag("span", *lines), class_="digit")


_LINE = Html("<br>")


def card_part(card: ModelCard) -> Html | None:
    """The model card."""
    parts = [part for title, said in card.sections.items() for part in (tag("h3", title), listed(said))]
    return section("Model card", *parts)
