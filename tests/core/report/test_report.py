"""Reports: what stands in them against independent calculations, that nothing is loaded, and that all text is text."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix

from core.config import TrainingConfig
from core.names import visible
from core.predictor import model_fingerprint
from core.report import (
    Author,
    Question,
    ReportError,
    __main__,
    comparison_report,
    lesson_report,
    run_report,
    sweep_report,
)
from core.report.sweep import sweep_command
from core.robustness import corruptions
from core.robustness.measure import Measurement, Robustness
from core.storage import write_json
from core.sweeps import Plan, SweepStore, every_combination
from core.sweeps import __main__ as command
from core.sweeps.plan import plan_of
from tests.support.digits import mostly_right
from tests.support.html import Page
from tests.support.runs import fill_run

ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2", "h3", "p"),
    *("ul", "li", "dl", "dt", "dd", "div", "pre", "table", "thead", "tbody", "tr", "th", "td", "strong", "span"),
    *("figure", "figcaption", "img", "br", "svg", "line", "polyline", "circle", "rect", "text"),
}
EVIL = '"><script src=//x.example/a.js></script><img src=x onerror=alert(1)>\' style="--s:1" &lt;b&gt; **<i>**'


@pytest.fixture
def trained(store, digits):
    """A run as a worker leaves it, whose predictions are wrong in thirty images, the first ones."""
    run = fill_run(store.create(TrainingConfig(model="dense", epochs=3), "Dense 1"), digits)
    probabilities = mostly_right(digits.y_test, slice(30))
    probabilities[:30] += np.linspace(0, 0.05, 30)[:, np.newaxis] * np.eye(10)[probabilities[:30].argmax(axis=1)]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    run.write_probabilities(probabilities, 3)
    run.write_probabilities(probabilities)
    write_json(run.path / "summary.json", {**run.summary, "test_accuracy": 1 - 30 / len(digits.y_test)})
    return run


def assert_loads_nothing(page: Page, content: bytes) -> None:
    assert set(page.tags) <= ALLOWED
    assert page.open == []
    addresses = [v for _, attributes in page.elements for k, v in attributes.items() if k in ("src", "href", "srcset")]
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert not [k for _, attributes in page.elements for k in attributes if k.startswith("on")]
    assert not re.search(rb"url\(|@import|javascript:", content)
    assert "default-src 'none'" in page.of("meta")[1]["content"]


def test_a_run_s_numbers_are_those_that_others_calculate(trained, digits):
    content = run_report(trained, digits, Author("Ann", "It reads well.\n\nBut not all."))
    page = Page(content)
    assert_loads_nothing(page, content)
    assert len(content) < 200_000
    predictions = trained.probabilities().argmax(axis=1)
    right, images = int((predictions == digits.y_test).sum()), len(digits.y_test)
    interval = binomtest(right, images).proportion_ci(method="wilson")
    said = page.words.replace("\N{NO-BREAK SPACE}", " ")
    assert f"Test accuracy: {100 * accuracy_score(digits.y_test, predictions):.2f} %, {right} of {images}" in said
    assert f"interval {100 * interval.low:.2f} % to {100 * interval.high:.2f} %" in said
    matrix = confusion_matrix(digits.y_test, predictions, labels=range(10))
    shown = [int(data) for _, kind, data in page.texts if kind in ("right", "wrong")]
    assert shown == [count for count in matrix.ravel().tolist() if count]
    assert "by Ann" in said
    assert "It reads well. But not all." in said
    assert "python digit_classification.py --model dense --epochs 3" in said
    assert digits.fingerprint in said
    assert "TensorFlow 2.21.0" in said
    assert "robustness was not measured" in said


def test_the_twenty_surest_mistakes_are_shown_as_they_are(trained, digits):
    page = Page(run_report(trained, digits))
    probabilities = trained.probabilities()
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != digits.y_test)
    worst = sorted(wrong.tolist(), key=lambda image: -probabilities[image].max())[:20]
    assert len(wrong) == 30
    assert [picture.tolist() for picture in page.pictures("digit")] == [digits.x_test[i].tolist() for i in worst]
    surest = probabilities[worst[0]]
    caption = f"label {digits.y_test[worst[0]]} read {surest.argmax()}, {100 * surest.max():.1f} %"
    assert caption in page.words.replace("\N{NO-BREAK SPACE}", " ")


def test_robustness_is_in_it_where_it_was_measured_of_this_model(trained, digits):
    of = tuple([0.9] * 10)
    changed = [Measurement(name, s, 0.5 + s / 100, of) for name in corruptions.CORRUPTIONS for s in (1, 2, 3)]
    found = Robustness(
        model_fingerprint(trained.path), digits.fingerprint, corruptions.VERSION, 397, 1.0,
        Measurement("unchanged", 0, 0.9, of), tuple(changed),
    )  # fmt: skip
    found.save(trained)
    assert "51.0 % 52.0 % 53.0 %" in Page(run_report(trained, digits)).words
    replace(found, model="another").save(trained)
    assert "51.0 %" not in Page(run_report(trained, digits)).words


PIECES = ["<", ">", "&", '"', "'", "<b>", "</p>", "<!--", "<script>", "<img src=x>", "&lt;", "**", "\0", "\n", "]]>"]
TYPED = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


@given(TYPED, TYPED)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whatever_is_typed_is_text(trained, name, words):
    content = run_report(trained, None, Author(name, words))
    page = Page(content)
    assert_loads_nothing(page, content)
    lines = [line for line in map(visible, words.splitlines()) if line]
    assert len(page.tags) == len(Page(run_report(trained, None)).tags) + (1 + len(lines)) * bool(lines)
    assert all(typed in page.words for typed in (visible(name), *lines))


def test_what_names_of_runs_datasets_and_machines_bring_is_text(trained, store, digits):
    other = fill_run(store.create(TrainingConfig("dense"), "B"), digits)
    harmless = [run_report(trained, digits), comparison_report(trained, other, digits)]
    evil = EVIL[:60]
    trained.rename(evil)
    for file, key in (("dataset.json", "name"), ("summary.json", "machine")):
        values = trained.dataset if file == "dataset.json" else trained.summary
        write_json(trained.path / file, {**values, key: EVIL})
    write_json(trained.path / "state.json", {"name": "failed", "message": EVIL, "since": 0.0, "target_epochs": 3})
    after = [run_report(trained, digits), comparison_report(trained, other, digits)]
    for before, content in zip(harmless, after, strict=True):
        page = Page(content)
        assert_loads_nothing(page, content)
        assert "script" not in page.tags
        assert page.tags.count("img") == Page(before).tags.count("img")
    assert EVIL in Page(run_report(trained, digits)).words
    plan = Plan(TrainingConfig("linear", epochs=1), every_combination({"seed": (1, 2)}), evil)
    content = sweep_report(SweepStore(store).create(plan), digits, Author(EVIL, EVIL))
    assert_loads_nothing(Page(content), content)
    asked = [Question(EVIL, EVIL, EVIL, True)]
    content = lesson_report(EVIL, EVIL, asked, {EVIL: trained}, digits, Author(EVIL, EVIL))
    assert_loads_nothing(Page(content), content)


FILES = (
    *("config.json", "state.json", "summary.json", "dataset.json", "name.json", "robustness.json", "architecture.json"),
    *("events.jsonl", "probabilities.npy", "validation.npz", "weights.npz", "model.tflite"),
)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1, 2", b"\xff\x00"])
@pytest.mark.parametrize("file", FILES)
def test_of_a_damaged_run_it_has_what_there_is(trained, digits, file, damage):
    (trained.path / file).write_bytes(damage)
    page = Page(run_report(trained, digits))
    assert trained.id in page.words
    if file != "summary.json":
        assert "Keras 3.15.1" in page.words
    if file not in ("probabilities.npy", "dataset.json"):
        assert len(page.pictures("digit")) == 20


def test_of_a_run_that_has_not_begun_and_without_a_dataset_it_has_what_there_is(store, digits, trained):
    waiting = store.create(TrainingConfig(model="linear", epochs=2), "Waiting")
    page = Page(run_report(waiting, digits))
    assert "This run is queued." in page.words
    assert "It was not tested yet" in page.words
    assert "No epoch was completed" in page.words
    page = Page(run_report(trained, None))
    assert page.pictures("digit") == []
    assert "the dataset that it was tested on is not loaded" in page.words
    assert f"{len(digits.y_test) - 30} of {len(digits.y_test)} test images" in page.words
    write_json(trained.path / "dataset.json", {**trained.dataset, "fingerprint": "0" * 16})
    assert "This run was trained and tested on" in Page(run_report(trained, digits)).words


def test_what_a_newer_version_made_is_refused_in_words(trained, digits):
    write_json(trained.path / "config.json", {"format": 99})
    with pytest.raises(ReportError, match="Update Digit Lab"):
        run_report(trained, digits)


def test_two_runs_are_compared_as_others_calculate(trained, store, digits):
    other = fill_run(store.create(TrainingConfig(model="linear", epochs=3), "Linear 1"), digits)
    other.write_probabilities(mostly_right(digits.y_test, slice(20, 80)), 3)
    other.write_probabilities(mostly_right(digits.y_test, slice(20, 80)))
    content = comparison_report(trained, other, digits, Author("Ben"))
    page = Page(content)
    assert_loads_nothing(page, content)
    said = page.words.replace("\N{NO-BREAK SPACE}", " ")
    assert f"p = {binomtest(20, 70).pvalue:.4f}" in said  # 20 fixed, 50 broken
    assert "It is right on 20 that Dense 1 has wrong, and wrong on 50 that Dense 1 has right." in said
    assert len(page.pictures("digit")) == 20
    assert "Network flatten, dense 128, relu, output softmax flatten, output softmax" in said
    with pytest.raises(ReportError, match="two different"):
        comparison_report(trained, trained, digits)
    write_json(other.path / "dataset.json", {**other.dataset, "fingerprint": "0" * 16})
    page = Page(comparison_report(trained, other, digits))
    assert page.pictures("digit") == []
    assert "They cannot be compared image by image." in page.words
    assert "polyline" in page.tags


PLANS = {
    "grid": plan_of(
        TrainingConfig("dense", epochs=3, hidden_layers=(64,), training_images=500, augment=True),
        {"learning_rate": (0.1, 3e-05), "seed": (0, 1, 2), "batch_size": (32, 64)},
    ),
    "networks": plan_of(
        TrainingConfig("linear", epochs=1, left_out=(3, 8)),
        {"network": ("flatten, dense 16, relu, output softmax", "flatten, output softmax")},
        minutes=2.5,
    ),
    "models": plan_of(TrainingConfig("cnn", epochs=2), {"model": ("cnn", "linear"), "training_images": (200, None)}),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_sweep_s_command_begins_the_same_trials(name, monkeypatch, store, digits):
    plan, begun = PLANS[name], []
    said = Page(sweep_report(SweepStore(store).create(plan), digits)).words
    assert sweep_command(plan) in said
    monkeypatch.setattr(command, "follow", lambda sweep: begun.append(sweep.plan) or 0)
    _, _, module, *arguments = shlex.split(sweep_command(plan))
    assert module == "core.sweeps"
    assert command.main(["--home", str(store.home), *arguments]) == 0
    assert (begun[0].configs, begun[0].minutes) == (plan.configs, plan.minutes)


def test_a_sweep_of_chosen_trials_has_no_command_and_its_trials_stand_in_order(store, digits):
    plan = Plan(TrainingConfig("linear", epochs=1), ({"learning_rate": 0.1}, {"learning_rate": 0.02}), "Few")
    assert (
        sweep_command(replace(plan, points=({"learning_rate": 0.1, "seed": 1}, {"learning_rate": 0.02, "seed": 2})))
        == ""
    )
    sweep = SweepStore(store).create(plan)
    for accuracy in (0.7, 0.9):
        run = sweep.begin_trial()
        write_json(run.path / "summary.json", {"validation_accuracy": accuracy, "test_accuracy": accuracy - 0.01})
        run.set_state("finished")
    page = Page(sweep_report(sweep, digits))
    said = page.words.replace("\N{NO-BREAK SPACE}", " ")
    assert "lr 0.02 90.00 % 89.00 % – finished lr 0.1 70.00 % 69.00 % – finished" in said
    assert "On the test images, which had no part in this choice, the best trial reads 89.00 % right." in said
    assert "circle" in page.tags
    write_json(sweep.path / "sweep.json", {})
    with pytest.raises(ReportError, match=r"sweep\.json"):
        sweep_report(sweep, digits)


def test_a_lesson_says_what_was_expected_and_what_came(trained, digits):
    asked = [Question("How many?", "40", "Epochs: 3", False), Question("Why?")]
    page = Page(lesson_report("Epochs", "Does it get better?", asked, {"many": trained}, digits, Author("Ann")))
    assert "How many? I said: 40 ✗ Otherwise. Epochs: 3 Why? I said: nothing Not known yet. Dense 1" in page.words


def test_the_command_writes_the_file_and_says_what_is_not_there(
    trained, store, tmp_path, capsys, monkeypatch, digits_file
):
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    monkeypatch.chdir(tmp_path)
    for run in (trained.id, str(trained.path)):
        assert __main__.main([run, "--home", str(store.home), "--name", "Ann", "--words", "Good."]) == 0
        page = Page((tmp_path / f"{trained.id}-report.html").read_bytes())
        assert "Good." in page.words
        assert len(page.pictures("digit")) == 20
        (tmp_path / f"{trained.id}-report.html").unlink()
    assert __main__.main(["nothing", "--home", str(store.home)]) == 2
    assert "There is no run or sweep nothing" in capsys.readouterr().err


def test_a_report_says_what_looks_wrong_in_the_dataset(trained, digits):
    doubted = replace(digits)
    vars(doubted)["doubts"] = ("21 of 64 test images are also among the training images.",)
    assert doubted.doubts[0] in Page(run_report(trained, doubted)).words
    assert "among the training images" not in Page(run_report(trained, digits)).words
