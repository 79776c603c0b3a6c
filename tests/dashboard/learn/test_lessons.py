"""The program's own lessons: short, whole, and true."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from core.data.sklearn_digits import embedded_digits
from core.runs import RunStore
from core.storage import read_json
from dashboard.components.learn.lesson import MOST_WORDS
from dashboard.components.learn.library import MEASURED, OWN, broken_lessons, lessons
from dashboard.components.train.settings import settings_from
from tests.support.paths import ROOT

NOWHERE = OWN / "none"
LESSONS = lessons(NOWHERE)
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])
TRAIN = """
import sys
from core.training.worker import main
for run in sys.argv[1:]:
    assert main([run]) == 0, run
"""


def test_no_lesson_is_broken():
    assert not broken_lessons(NOWHERE)


@each_lesson
def test_a_lesson_is_short_asks_first_and_names_its_source(lesson):
    assert lesson.words <= MOST_WORDS
    assert lesson.sources
    assert any(step.predict for step in lesson.steps)
    assert lesson.steps[0].text
    for step in lesson.steps:
        assert step.text.count(". ") <= 3, step.title  # three sentences, and an abbreviation


@each_lesson
def test_a_step_that_waits_for_a_run_points_at_the_button_that_trains_it_and_names_it(lesson):
    for step in lesson.steps:
        if step.wait and step.wait.kind == "run":
            assert step.highlight == "start", step.title
            assert "Start training" in step.text or "Show me trains" in step.text, step.title


@each_lesson
def test_what_a_lesson_says_was_measured_on_mnist_with_several_seeds(lesson):
    known = read_json(MEASURED)[lesson.name]
    assert known["dataset"] == "MNIST"
    assert known["runs"] == {name: dict(settings) for name, settings in lesson.runs.items()}
    expected = [(number, among) for step in lesson.steps for number, among in step.expect]
    assert expected or not lesson.runs
    for number, among in expected:
        values = known["values"][number.words]
        assert len(values) >= 3
        assert all(value in among for value in values), (number.words, among, values)


@each_lesson
def test_the_right_choice_is_the_same_with_every_seed(lesson):
    known = read_json(MEASURED)[lesson.name]["values"]
    for at, step in enumerate(lesson.steps):
        outcome, ranges = lesson.outcome_of(at), [among for _, among in step.predict.choices] if step.predict else []
        if any(ranges):
            right = {tuple(value in among for among in ranges if among) for value in known[outcome.words]}
            assert len(right) == 1, (step.title, known[outcome.words])
            assert sum(right.pop()) == 1, step.title


@pytest.mark.slow
def test_the_runs_of_all_lessons_can_be_trained_on_the_embedded_digits(tmp_path, monkeypatch):
    np.savez(tmp_path / "digits.npz", **embedded_digits())
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "digits.npz"))
    store, configs = RunStore(tmp_path / "home"), {}
    for lesson in LESSONS:
        for settings in lesson.runs.values():
            config = settings_from(settings)  # an epoch on few images of each kind, which shows whether it can be done
            short = replace(
                config, epochs=1, seed=0, learning_rate=0.001, batch_size=32, training_images=500, patience=0
            )
            configs[repr(short)] = short
    runs = [store.create(config) for config in configs.values()]
    subprocess.run([sys.executable, "-c", TRAIN, *(str(run.path) for run in runs)], cwd=ROOT, check=True)
    assert [run.state.name for run in runs] == ["finished"] * len(runs)
