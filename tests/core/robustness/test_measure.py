"""`core.robustness.measure` with networks whose accuracy is known beforehand."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from core.robustness import corruptions, measure
from core.runs.files import ROBUSTNESS
from core.storage import read_json, write_json


class Constant:
    """Reads a 3 in everything."""

    def probabilities(self, images):
        return np.eye(10, dtype=np.float32)[np.full(len(images), 3)]


class Memory:
    """Knows the unchanged images by heart, and reads the next digit in every other."""

    def __init__(self, digits):
        self.labels = {image.tobytes(): int(label) for image, label in zip(digits.x_test, digits.y_test, strict=True)}
        self.digits = digits.y_test

    def probabilities(self, images):
        read = [self.labels.get(image.tobytes()) for image in images]
        guesses = [(int(label) + 1) % 10 for label in self.digits]
        return np.eye(10, dtype=np.float32)[
            [guess if digit is None else digit for digit, guess in zip(read, guesses, strict=True)]
        ]


@pytest.fixture(scope="module")
def result(digits):
    return measure.measure(Constant(), "model", digits)


def test_a_constant_network_has_its_digits_share_under_every_change(result, digits):
    share = float((digits.y_test == 3).mean())
    for measurement in (result.unchanged, *result.changed):
        assert measurement.accuracy == pytest.approx(share)
        assert measurement.per_digit == (0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    assert result.mean_accuracy == pytest.approx(share)
    assert not result.digit_losses().any()


def test_a_network_that_knows_images_by_heart_loses_all_under_every_change(digits):
    steps = []
    result = measure.measure(Memory(digits), "model", digits, lambda *step: steps.append(step))
    assert result.unchanged.accuracy == 1
    assert max(measurement.accuracy for measurement in result.changed) < 0.05
    np.testing.assert_allclose(result.digit_losses(3).mean(axis=0), 1, atol=0.05)
    assert all(loss == pytest.approx(1, abs=0.05) for _, loss in result.hard_changes())
    steps_in_all = 1 + 3 * len(corruptions.CORRUPTIONS)
    assert [(done, total) for done, total, _ in steps] == [(step, steps_in_all) for step in range(steps_in_all)]


def test_what_is_stored_is_what_was_measured_and_is_known_to_be_out_of_date(result, digits, make_run):
    run = make_run()
    assert measure.load(run) is None
    result.save(run)
    stored = measure.load(run)
    assert stored == result
    assert stored.stale("model", digits.fingerprint) == ""
    assert "model has changed" in stored.stale("another", digits.fingerprint)
    assert "dataset has changed" in stored.stale("model", "another")


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: values.pop("model"),
        lambda values: values["changed"].pop(),
        lambda values: values["changed"][4].update(accuracy=7),
        lambda values: values["changed"][4].update(accuracy=float("nan")),
        lambda values: values["changed"][4].update(strength=[1]),
        lambda values: values["unchanged"].update(per_digit=[1]),
        lambda values: values.update(changed=None, unchanged="x"),
    ],
)
def test_a_damaged_result_is_none(result, make_run, damage):
    run = make_run()
    result.save(run)
    values = read_json(run.path / ROBUSTNESS)
    damage(values)
    write_json(run.path / ROBUSTNESS, values)
    assert measure.load(run) is None


def test_the_csv_has_a_row_for_each_change_and_strength(result):
    rows = list(csv.DictReader(io.StringIO(result.as_csv().decode())))
    assert [row["change"] for row in rows] == ["unchanged", *np.repeat(list(corruptions.CORRUPTIONS), 3)]
    assert rows[1]["meaning"] == "Moved up, down or aside by 2 pixels."
    assert {float(row["digit 3"]) for row in rows} == {1}


def test_a_digit_without_images_has_no_number(digits, make_run):
    some = digits.y_test != 5
    fewer = replace(digits, x_test=digits.x_test[some][:40], y_test=digits.y_test[some][:40])
    result = measure.measure(Constant(), "model", fewer)
    assert result.unchanged.per_digit[5] is None
    assert 5 not in [digit for digit, _ in result.fragile_digits()]
    run = make_run()
    result.save(run)
    assert measure.load(run) == result


@pytest.fixture(params=["first", "last"])
def one_more_change(request, monkeypatch):
    """The set of changes with another one in it."""
    new, old = {"new": replace(corruptions.CORRUPTIONS["blur"], name="new")}, corruptions.CORRUPTIONS
    more = {**new, **old} if request.param == "first" else {**old, **new}
    monkeypatch.setattr(corruptions, "CORRUPTIONS", more)


def test_a_result_of_fewer_changes_is_out_of_date_and_says_what_was_measured(result, digits, make_run, one_more_change):
    run = make_run()
    result.save(run)
    stored = measure.load(run)
    assert stored == result
    assert "method has changed" in stored.stale("model", digits.fingerprint)
    assert len(stored.digit_losses()) == len(result.changes) == len(corruptions.CORRUPTIONS) - 1
    assert "new" not in [name for name, _ in stored.hard_changes()]


def test_a_result_with_a_change_that_was_removed_is_out_of_date_and_still_read(result, digits, make_run, monkeypatch):
    run = make_run()
    result.save(run)
    monkeypatch.setattr(corruptions, "CORRUPTIONS", {n: c for n, c in corruptions.CORRUPTIONS.items() if n != "blur"})
    stored = measure.load(run)
    assert stored.stale("model", digits.fingerprint)
    assert ("blur", "") in [(m.change, m.meaning) for m in stored.changed]
    assert stored.as_csv().count(b"blur") == 3
