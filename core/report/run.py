"""The report of a run: all that its own files tell."""

from __future__ import annotations

import numpy as np

from core.data import Dataset
from core.evaluation import confidence, metrics
from core.evaluation.confidence import Temperature
from core.evaluation.predictions import Predictions, PredictionsError
from core.formatting import percent
from core.interpretability import health
from core.interpretability.inside import load_inside, one_thread
from core.interpretability.pictures import source, weight_pictures, weighted
from core.model_card import accuracy_sentences, current_robustness, failures, model_card, read_mistakes
from core.report import charts, parts, pictures
from core.report.document import NOBODY, Author, ReportError, damage, document, section
from core.report.html import Html, listed, sentences, table, tag
from core.robustness.corruptions import STRENGTH_NAMES, STRENGTHS
from core.robustness.words import in_words
from core.runs import RunView, State

FEW = 20  # images of a bar, which says little then
MOST_PICTURES = 40  # of a layer's units
SAMPLE = 300  # test images by which units are judged


def run_report(run: RunView, dataset: Dataset | None, author: Author = NOBODY) -> bytes:
    """A run as one HTML file, UTF-8.

    Args:
        run: any run, also one that trains, failed, is damaged or was imported: the report has what there is.
        dataset: with its test images the mistakes are shown; None where it could not be loaded.
        author: who hands it in.

    Raises:
        ReportError: where a newer version made the folder.
    """
    if run.too_new:
        raise ReportError(run.too_new)
    reading, why = read_mistakes(run, dataset)
    return document(
        "Report of a run",
        run.name,
        author,
        [
            damage(run.damage()),
            _state(run.state),
            parts.numbers(run, reading),
            parts.settings(run),
            parts.dataset_part(run, dataset),
            parts.curves({run.name: run}),
            _test_part(run, reading, why),
            parts.mistakes(dataset, reading) if reading else None,
            _confidence(run, dataset) if reading else None,
            _robustness(run, dataset),
            _inside(run, dataset),
            parts.card_part(model_card(run, dataset)),
            parts.versions({run.name: run}),
        ],
    )


def _state(state: State) -> Html | None:
    """Where the run stands, where it has not finished."""
    if state.name == "finished":
        return None
    why, _, _ = state.message.partition("\n\n")
    return tag("p", f"This run is {state.name}. {why}".rstrip())


def _test_part(run: RunView, reading: Predictions | None, why: str) -> Html | None:
    """How well it reads the test images: accuracy, the confusion matrix, and each digit."""
    if reading is None:
        return section("Test images", listed(accuracy_sentences(run, None)), sentences(why))
    found = metrics.per_digit(reading.matrix)
    kind = "digit" if run.is_digits else "class"
    rows = (
        (
            reading.classes[digit],
            f"{found.support[digit]:,}",
            *(_share(values[digit]) for values in (found.recall, found.precision, found.f1)),
        )
        for digit in range(len(found.support))
    )
    return section(
        "Test images",
        listed([*accuracy_sentences(run, reading), *failures(reading)]),
        charts.confusion_table(reading.matrix, reading.classes),
        tag("h3", f"Each {kind}"),
        table((kind.capitalize(), "Images", "Recall", "Precision", "F1"), rows),
        sentences(
            f"Recall: of the images of a {kind}, those that are read as it. Precision: of the images that are read as "
            f"a {kind}, those that are of it. F1 joins both.",
            class_="note",
        ),
    )


def _share(value: float) -> str:
    return "–" if np.isnan(value) else percent(float(value), 1)


def _confidence(run: RunView, dataset: Dataset) -> Html | None:
    """Whether it is right as often as it is sure, and what a temperature does to it."""
    try:
        found = confidence.confidence_report(run, dataset)
    except PredictionsError:  # a worker may have written since
        return None
    said = [f"Calibration error over 15 bins of confidence: {percent(found.error)} (0 is perfect)."]
    said.append(_temperature(found.temperature, found.error_after))
    if (threshold := run.threshold) is not None:
        answered = confidence.refusal(found.reading, threshold)
        said.append(
            f"Below {percent(threshold, 1)} it does not answer: it answers {answered.answered:,} of "
            f"{len(found.reading.labels):,} images, and has {answered.answered - answered.right:,} of them wrong."
        )
    diagram = charts.reliability_chart("Accuracy by confidence", found.diagram, few=FEW)
    return section("Confidence", sentences(confidence.in_words(found)), listed(said), diagram)


def _temperature(fitted: Temperature, error_after: float | None) -> str:
    if fitted.value is None or error_after is None:
        return fitted.reason
    return (
        f"A temperature of {fitted.value:.3f}, fitted on {fitted.images:,} validation images, makes that "
        f"{percent(error_after)}."
    )


def _robustness(run: RunView, dataset: Dataset | None) -> Html | None:
    """What it still reads of changed images, where that was measured of the model as it is."""
    found = current_robustness(run, dataset)
    if found is None:
        return None
    rows = (
        (change.capitalize(), *(percent(found.accuracy(change, strength), 1) for strength in STRENGTHS))
        for change in found.changes
    )
    return section(
        "Robustness",
        sentences(in_words(found, run.classes)),
        table(("Accuracy when images are changed", *(STRENGTH_NAMES[each].capitalize() for each in STRENGTHS)), rows),
        sentences(
            f"Unchanged: {percent(found.unchanged.accuracy, 1)}. Mean over all changes: "
            f"{percent(found.mean_accuracy, 1)}. Measured on {found.images:,} test images.",
            class_="note",
        ),
    )


def _inside(run: RunView, dataset: Dataset | None) -> Html | None:
    """The weights of its first layer as pictures, and how its units do."""
    inside = load_inside(run)
    if inside is None:
        return None
    first = weighted(inside.network)[0]
    kernel = inside.weights[first.name]["kernel"]
    shown = weight_pictures(kernel, source(inside.network, first.name).shape)
    order = np.argsort(-np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), axis=0), kind="stable")
    is_output = first.layer.kind == "output"  # one for each class
    order = (np.sort(order) if is_output else order[:MOST_PICTURES]).tolist()
    walls = [
        charts.picture(address, f"Weights of unit {number}", caption=run.classes[number] if is_output else None)
        for number, address in zip(order, pictures.weights(shown[order]), strict=True)
    ]
    count = f"the {len(order)} strongest of {len(shown)}" if len(order) < len(shown) else f"all {len(shown)}"
    words = (
        f"Each picture is the weights of one unit of the first layer that has any, “{first.layer.text}”: {count}. "
        "Ink on orange raises the unit's sum, ink on blue lowers it."
    )
    said = []
    if dataset is not None and len(dataset.x_test):
        with one_thread():
            units, _ = health.units(inside, dataset.x_test[:SAMPLE])
        said = [f"{layer.layer}: {layer.sentence} {layer.advice}".strip() for layer in units]
    return section("Inside", sentences(words), tag("div", *walls, class_="pictures weights"), listed(said))
