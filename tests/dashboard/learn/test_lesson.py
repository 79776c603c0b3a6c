"""How the file of a lesson is read, and which line a wrong one names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.learn.lesson import LessonError, Range, numbers_in, parse_lesson, read_lesson
from dashboard.components.learn.library import OWN, broken_lessons, checked, lessons
from dashboard.components.learn.numbers import NUMBERS

LESSON = """\
title: How many epochs?
question: Does it get better?
minutes: 4
source: Prechelt, 1998
run many: model=dense&epochs=40&dense_training_images=1000

## What do you expect?
predict: After which epoch is the loss lowest?
- In the first third: 1 to 13
- Later: 14 to 40

One epoch shows every image once.

## Train it
set: many
wait: run many
highlight: start

Press Start.

## Where it turned
open: train?run=many
outcome: many.best_epoch
expect: many.best_epoch 2 to 13
expect: many.test_accuracy - many.validation_accuracy -2 % to 1.5 %

After epoch {many.best_epoch} of {many.epochs}.
"""


def test_a_lesson_is_read_as_it_is_written():
    lesson = checked(parse_lesson(LESSON, "epochs"))
    assert (lesson.title, lesson.question, lesson.minutes, lesson.sources) == (
        "How many epochs?",
        "Does it get better?",
        4,
        ("Prechelt, 1998",),
    )
    assert lesson.runs == {"many": {"model": "dense", "epochs": "40", "dense_training_images": "1000"}}
    ask, train, look = lesson.steps
    assert ask.predict.choices == (("In the first third", Range(1, 13)), ("Later", Range(14, 40)))
    assert (train.settings, train.wait.kind, train.wait.runs, train.highlight) == ("many", "run", ("many",), "start")
    assert (look.page, look.query) == ("train", (("run", "many"),))
    assert look.outcome.parts == (("many", "best_epoch"),)
    assert [among for _, among in look.expect] == [Range(2, 13), Range(-0.02, 0.015)]
    assert look.text == "After epoch {many.best_epoch} of {many.epochs}."
    assert lesson.outcome_of(0) is look.outcome
    assert lesson.words == 38  # counted by hand: question, titles, texts, prediction and choices


def test_a_step_can_wait_for_several_runs_and_for_a_number_and_a_number_can_be_a_spread():
    text = LESSON.replace("run many", "run one: model=dense&epochs=1\nrun many", 1)
    text = text.replace("wait: run many", "wait: run one many")
    text = text.replace("highlight: start", "highlight: start\nexpect: spread one many.test_accuracy 0.1 % to 5 %")
    lesson = checked(parse_lesson(text + "\n## Measure\nwait: number many.shifted\n\nWait.\n", "epochs"))
    assert lesson.steps[1].wait.runs == ("one", "many")
    [(spread, among)] = lesson.steps[1].expect
    assert (spread.words, spread.spread, among) == ("spread one many.test_accuracy", True, Range(0.001, 0.05))
    assert lesson.steps[-1].wait.number.words == "many.shifted"


def test_a_spread_is_from_the_lowest_to_the_highest(monkeypatch):
    number = parse_lesson(LESSON.replace("{many.epochs}", "{spread many many many.epochs}"), "epochs")
    [_, (_, spread)] = numbers_in(number.steps[-1].text, number.runs)
    values = iter((3.0, 7.0, 5.0, 3.0, 7.0, 5.0))
    monkeypatch.setitem(NUMBERS, "epochs", replace(NUMBERS["epochs"], find=lambda run, digits: next(values)))
    assert spread.value({"many": object()}, None) == 4
    assert spread.text({"many": object()}, None) == "4"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("minutes: 4", "minutes: four", 3, "whole number"),
        ("title: How many epochs?", "titel: How many epochs?", 1, "title, question"),
        ("question: Does it get better?\n", "", 1, "no question"),
        ("epochs=40&", "epochs=0&", 5, "Epochs"),
        ("dense_training_images", "dense_images", 5, "dense_images"),
        ("model=dense", "model=dens", 5, "dens"),
        ("set: many", "set: few", 15, "no run 'few'"),
        ("wait: run many", "wait: many", 16, "run NAME"),
        ("wait: run many", "wait: run many few", 16, "no run 'few'"),
        ("wait: run many", "wait: number few.epochs", 16, "no run 'few'"),
        ("{many.epochs}", "{spread many.epochs}", 27, "two runs"),
        ("highlight: start", "highlight: sun", 14, "sun"),
        ("open: train?", "open: trian?", 21, "trian"),
        ("outcome: many.best_epoch", "outcome: many.best", 23, "best_epoch"),
        ("outcome: many.best_epoch\n", "", 7, "outcome"),
        ("2 to 13", "13 to 2", 24, "empty"),
        ("2 to 13", "about 13", 24, "LOW to HIGH"),
        ("{many.epochs}", "{few.epochs}", 27, "few"),
        ("- Later: 14 to 40\n", "", 8, "two choices"),
        ("One epoch shows", "predict: really?\nOne epoch shows", None, ""),
        ("Press Start.", "Press Start {now}.", 19, "now"),
        ("highlight: start\n", "highlight: start\nPress\n", 18, "empty line"),
    ],
)
def test_a_wrong_lesson_names_its_line_and_what_would_be_right(old, new, line, words):
    assert old in LESSON
    text = LESSON.replace(old, new, 1)
    if line is None:  # text is text, whatever it looks like
        assert "predict: really?" in checked(parse_lesson(text, "epochs")).steps[0].text
        return
    with pytest.raises(LessonError) as failed:
        checked(parse_lesson(text, "epochs"))
    assert failed.value.line == line
    assert str(failed.value).startswith(f"Line {line}: ")
    assert words in str(failed.value)


PARTS = st.sampled_from(
    [*LESSON.splitlines(), "", "## ", "- x", "{", "}", "{many.epochs}", "expect: many.epochs - 1 to 2"]
)


@given(st.lists(PARTS | st.text(max_size=30), max_size=30).map("\n".join) | st.text())
def test_any_text_is_a_lesson_or_names_a_line_of_it(text):
    line = 1
    try:
        checked(parse_lesson(text, "any"))
    except LessonError as error:
        line = error.line
    assert 1 <= line <= max(1, len(text.splitlines()))


def test_files_that_are_no_text_are_answered(tmp_path):
    (tmp_path / "latin.md").write_bytes(LESSON.replace("better", "b\xe4tter").encode("latin-1"))
    with pytest.raises(LessonError, match=r"Line 2: .*UTF-8"):
        read_lesson(tmp_path / "latin.md")
    (tmp_path / "large.md").write_text("x" * 200_000)
    with pytest.raises(LessonError, match="100 KB"):
        read_lesson(tmp_path / "large.md")


def test_a_persons_own_lessons_come_after_the_programs_and_may_replace_one(tmp_path):
    own = [lesson.name for lesson in lessons(tmp_path)]
    assert len(own) == len(set(own)) == len(list(OWN.glob("[0-9]*.md")))
    folder = tmp_path / "lessons"
    folder.mkdir()
    (folder / "03_mine.md").write_text(LESSON)
    (folder / f"{own[0]}.md").write_text(LESSON.replace("How many epochs?", "Another"))
    (folder / "wrong.md").write_text("title: half\n## ")
    found = lessons(tmp_path)
    assert [lesson.name for lesson in found] == [*own, "mine"]
    assert found[0].title == "Another"
    [broken] = broken_lessons(tmp_path)
    assert (broken.path.name, broken.why.partition(":")[0]) == ("wrong.md", "Line 1")
    (folder / "wrong.md").write_text(LESSON)
    assert not broken_lessons(tmp_path)


def test_a_number_says_what_it_is_of():
    text = LESSON.replace("run many:", "run few: model=dense\nrun many:")
    for number, words in {
        "many.best_epoch": "epoch with the lowest validation loss",
        "many.test_accuracy - few.test_accuracy": "test accuracy, many minus few",
        "many.best_accuracy - many.validation_accuracy": "highest validation accuracy after an epoch minus validation "
        "accuracy after the last epoch",
        "spread many few.mistakes": "highest minus lowest test images read wrong",
    }.items():
        [*_, last] = parse_lesson(text.replace("outcome: many.best_epoch", f"outcome: {number}"), "epochs").steps
        assert last.outcome.meaning({}) == words
