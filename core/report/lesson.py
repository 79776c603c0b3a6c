"""The report of a lesson: what was asked, what was predicted and what came, and the runs that answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.data import Dataset
from core.report import parts
from core.report.document import NOBODY, Author, document, section
from core.report.html import Html, tag
from core.runs import RunView


@dataclass(frozen=True)
class Question:
    """A question of a lesson; all texts are plain.

    Attributes:
        asked: the question.
        said: what was predicted, "" where nothing was.
        came: what came of it, as a sentence; "" where it is not known yet.
        was_right: whether the prediction was right, None where nothing decides.
    """

    asked: str
    said: str = ""
    came: str = ""
    was_right: bool | None = None


def lesson_report(
    title: str,
    question: str,
    asked: Sequence[Question],
    runs: Mapping[str, RunView],
    dataset: Dataset | None,
    author: Author = NOBODY,
) -> bytes:
    """What somebody did of a lesson as one HTML file, UTF-8.

    Args:
        title: the lesson's.
        question: that the lesson answers.
        asked: its questions, in order.
        runs: the learner's own, by their names in the lesson.
        dataset: the one that is loaded; None where none could be.
        author: who hands it in.
    """
    known = [run for run in runs.values() if not run.too_new]
    return document(
        "Report of a lesson",
        title,
        author,
        [
            tag("p", tag("strong", question)),
            section("What I expected, and what came", *(part for each in asked for part in _question(each))),
            *(_run(run) for run in known),
            *(parts.dataset_part(run, dataset) for run in known[:1]),
            parts.versions({run.name: run for run in known}) if known else None,
        ],
    )


def _question(each: Question) -> list[Html]:
    marks = {True: "✓ Right. ", False: "✗ Otherwise. ", None: ""}
    came = f"{marks[each.was_right] if each.said else ''}{each.came}" if each.came else "Not known yet."
    return [
        tag("h3", each.asked),
        tag("p", "I said: ", tag("strong", each.said or "nothing")),
        tag("p", came),
    ]


def _run(run: RunView) -> Html | None:
    """A run of the lesson in short: numbers, settings, curves and what they say."""
    return tag(
        "section",
        tag("h2", run.name),
        parts.numbers(run, None),
        parts.settings_line(run),
        tag("p", parts.curve_words(run)) if run.history().epochs else None,
        parts.curve_charts({run.name: run}),
    )
