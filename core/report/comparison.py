"""The report of two runs on the same images: what differs, and whether the difference could be chance."""

from __future__ import annotations

from dataclasses import fields

from core.config import TrainingConfig
from core.data import Dataset
from core.evaluation import comparison
from core.evaluation.comparison import Pair
from core.evaluation.metrics import wilson_interval
from core.evaluation.predictions import Predictions
from core.formatting import number_text, percent
from core.model_card import read_mistakes
from core.names import not_among
from core.report import parts
from core.report.document import NOBODY, Author, ReportError, damage, document, section
from core.report.html import Html, listed, sentences, table, tag
from core.runs import RunView
from core.sweeps.values import value_text

MOST_IMAGES = 10  # of a group: two rows on paper


def comparison_report(first: RunView, second: RunView, dataset: Dataset | None, author: Author = NOBODY) -> bytes:
    """Two runs as one HTML file, UTF-8.

    Args:
        first, second: any two runs. Where they were tested on different datasets, only numbers and curves are compared.
        dataset: the one that is loaded; None where none could be.
        author: who hands it in.

    Raises:
        ReportError: where a newer version made one of the folders, or both are the same run.
    """
    if too_new := first.too_new or second.too_new:
        raise ReportError(too_new)
    if first.path == second.path:
        raise ReportError("Choose two different runs to compare.")
    names = [first.name, not_among([first.name], second.name)]
    runs = dict(zip(names, (first, second), strict=True))
    found = [read_mistakes(run, dataset) for run in runs.values()]
    readings = [reading for reading, _ in found]
    both = comparison.pair(*readings) if all(readings) else None
    return document(
        "Comparison of two runs",
        " and ".join(names),
        author,
        [
            damage(flaw for run in runs.values() for flaw in run.damage()),
            _verdict(both, names, found),
            _side_by_side(runs, readings),
            parts.curves(runs),
            *(_group(both, group, names, dataset) for group in ("fixed", "broken")),
            *(parts.settings(run, f"Settings of {name}") for name, run in runs.items()),
            parts.dataset_part(first, dataset),
            parts.versions(runs),
        ],
    )


def _verdict(both: Pair | None, names: list[str], found: list[tuple[Predictions | None, str]]) -> Html | None:
    if both is None:
        why = (f"{name}: {reason}" for name, (_, reason) in zip(names, found, strict=True) if reason)
        return section("On the same images", sentences("They cannot be compared image by image."), listed(why))
    return section(
        "On the same images",
        tag("p", tag("strong", comparison.verdict(both))),
        tag("p", comparison.difference(both, *names)),
        sentences(
            "McNemar’s exact test, on the images that exactly one of them has right: p is how likely a split at least "
            "this uneven is if both are equally good. Trained again from another seed, both may differ.",
            class_="note",
        ),
    )


def _side_by_side(runs: dict[str, RunView], readings: list[Predictions | None]) -> Html | None:
    """Numbers and the settings that differ."""
    rows = [("Test accuracy", *(_accuracy(run, each) for run, each in zip(runs.values(), readings, strict=True)))]
    rows += [
        (title, *(write(run) for run in runs.values()))
        for title, write in {
            "Dataset": lambda run: run.dataset.get("name", "–"),
            "Parameters": lambda run: "–" if run.config is None else f"{run.config.layers.parameters:,}",
            "Epochs trained": lambda run: "–" if run.epochs_learned is None else f"{run.epochs_learned:.3g}",
            "Training time": lambda run: _seconds((run.summary or {}).get("training_seconds")),
        }.items()
    ]
    configs = [run.config for run in runs.values()]
    if all(configs):
        rows += [row for field in fields(TrainingConfig) if (row := _setting(field.name, configs))]
    return section("Side by side", table(("", *runs), rows, class_="side"))


def _accuracy(run: RunView, reading: Predictions | None) -> str:
    if reading is None:
        return percent(run.test_accuracy)
    images = len(reading.labels)
    low, high = wilson_interval(images - reading.mistakes, images)
    return f"{percent(reading.accuracy)} ({percent(low)} to {percent(high)})"


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:,.1f} s"


def _setting(name: str, configs: list[TrainingConfig]) -> tuple[str, ...] | None:
    """A row of a setting in which they differ; None where they do not."""
    values = [getattr(config, name) for config in configs]
    if name == "network":
        values = [config.layers.text for config in configs]
    if values[0] == values[1] or name in ("hidden_layers", "start_from"):
        return None
    written = (number_text(value) if isinstance(value, float) else value_text(name, value) for value in values)
    return (name.replace("_", " ").capitalize(), *written)


def _group(both: Pair | None, group: str, names: list[str], dataset: Dataset) -> Html | None:
    """Images that only one of the two has right, the most confident mistakes first."""
    if both is None or not len(found := comparison.images_of(both, group)):
        return None
    one, other = names if group == "broken" else names[::-1]
    shown = [parts.digit_picture(dataset, int(i), [both.first, both.second]) for i in found[:MOST_IMAGES]]
    words = f"Right in {one}, wrong in {other}: {len(found):,} images" + (
        f", of which {MOST_IMAGES} are shown." if len(found) > MOST_IMAGES else "."
    )
    note = f"Below each: its label, what {names[0]} reads, what {names[1]} reads, and how sure they are."
    return section(
        comparison.GROUPS[group], tag("p", words), tag("div", *shown, class_="pictures"), tag("p", note, class_="note")
    )
