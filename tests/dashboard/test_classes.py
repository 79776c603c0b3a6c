"""Runs of other classes than the digits: every page shows their names, and what is for digits is off and says so."""

from __future__ import annotations

import json
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import background
from core.compute import job
from core.config import TrainingConfig
from core.data import Dataset
from core.data.classes import DIGITS
from core.data.kept import Datasets
from core.runs import Run, RunStore
from core.services import Services
from dashboard.components import classes, session
from dashboard.components.charts import confusion, probabilities, theme
from tests.support.drawing import SEVEN, drawn
from tests.support.pages import by_label, numbers, open_page, tiles, words
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]

THINGS = ("Cup", "Ankle boot", "T-shirt/top")
LETTERS = tuple(string.ascii_uppercase)


def made(name: str, names: tuple[str, ...], each: int) -> Dataset:
    """Patterns of squares with noise, one pattern a class."""
    rng = np.random.default_rng(len(names))
    patterns = np.kron(rng.random((len(names), 7, 7)) < 0.4, np.ones((4, 4)))
    labels = rng.permutation(np.tile(np.arange(len(names)), each)).astype(np.uint8)
    images = np.clip(160 * patterns[labels] + rng.normal(0, 170, (len(labels), 28, 28)), 0, 255).astype(np.uint8)
    tested = len(labels) // 4
    arrays = images[tested:], labels[tested:], images[:tested], labels[:tested]
    return Dataset(name, "a test", *arrays, classes=names)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A home with a dataset of three things and one of 26 letters, and a run that a worker trained on each."""
    home = tmp_path_factory.mktemp("classes") / "home"
    for name, names, each in (("Things", THINGS, 120), ("Letters", LETTERS, 40)):
        kept = Datasets(home).add(made(name, names, each), name)
        own = {"dataset": kept.fingerprint, "classes": len(names), "network": "flatten, dense 12, relu, output softmax"}
        run = RunStore(home).create(TrainingConfig("dense", epochs=2, validation_images=100, batch_size=8, **own), name)
        subprocess.run([sys.executable, "-m", "core.training.worker", run.path], cwd=ROOT, check=True)
    return home


@pytest.fixture
def runs(trained, store) -> dict[str, Run]:
    """The two runs by the names of their datasets, in a home of this test."""
    shutil.copytree(trained, store.home, dirs_exist_ok=True)
    session.use(Services(store.home))
    return {run.name: run for run in RunStore(store.home).runs()}


def of_digits(text: str) -> list[str]:
    """The words that are true of digits alone."""
    return re.findall(r"\b(?:digits?|ten)\b(?! Lab)", text, re.IGNORECASE)


@pytest.mark.parametrize("name", ["Things", "Letters"])
@pytest.mark.parametrize("page", ["predictions", "confidence", "map", "robustness", "export"])
def test_a_page_of_other_classes_speaks_of_no_digits(runs, page, name):
    assert runs[name].state.name == "finished", runs[name].state.message
    at = open_page(page, run=runs[name].id)
    shown = [line for line in words(at.main).splitlines() if not line.startswith("This is not MNIST")]
    assert not of_digits("\n".join(shown)), [line for line in shown if of_digits(line)]


@pytest.mark.parametrize("part", ["Weights", "One image", "Why this class", "Health"])
def test_inside_names_the_classes(runs, part):
    at = open_page("inside", run=runs["Things"].id, part=part)
    assert not of_digits(words(at.main)), words(at.main)
    if part == "One image":
        assert re.search(
            r"Test image 0, (Cup|Ankle boot|T-shirt/top), read as \*\*(Cup|Ankle boot|T-shirt/top)", words(at)
        )
    if part == "Why this class":
        assert by_label(at.selectbox, "What speaks for").options == ["the class that it reads", *THINGS]


def test_what_was_chosen_for_a_run_of_more_classes_is_nothing_for_one_of_fewer(runs):
    things = {"run": runs["Things"].id}
    at = open_page("inside", session={"why_for": 25}, part="Why this class", **things)
    assert re.search(r"Orange\*\* speaks for (Cup|Ankle boot|T-shirt/top)", words(at))
    for page, key in (("predictions", "label"), ("map", "map_label"), ("robustness", "sample_digit")):
        said = words(open_page(page, session={key: 25, "show": "All"}, **things))
        assert "**: all images, least confident first" in said or page != "predictions"
        assert "No image matches this filter." not in said


def test_predictions_are_filtered_by_names_and_tabled_by_them(runs):
    run = runs["Things"]
    at = open_page("predictions", run=run.id, show="All")
    assert by_label(at.selectbox, "Label").options == list(THINGS)
    by_label(at.selectbox, "Label").set_value(1).run()
    assert "all images, label Ankle boot" in words(at)
    assert {tile["caption"].partition("→")[0] for tile in tiles(at)} == {"Ankle boot"}
    assert at.dataframe[-1].value["Class"].tolist() == list(THINGS)
    at = open_page("predictions", run=run.id, image="3", show="All")
    dataset = session.dataset_of(run)
    assert f"**{THINGS[dataset.y_test[3]]}**, read as **" in words(at)
    assert "The three probabilities sum to 1. Three times about 0.33 (33\u00a0%) means: no idea." in words(at)


def test_the_matrix_of_26_classes_names_each_and_a_click_chooses_by_number():
    matrix = np.eye(26, dtype=int) * 5
    matrix[2, 25] = 3
    look = {"shares": False, "diagonal": False, "chosen": (2, None)}
    spec = confusion.confusion_chart(matrix, **look, classes=LETTERS)
    assert spec["width"] <= confusion.WIDEST
    assert spec["width"] / 27 >= confusion.CELL[0]
    assert spec["encoding"]["x"]["sort"] == [*map(str, range(26)), "all"]
    assert '"Z"' in spec["encoding"]["x"]["axis"]["labelExpr"]
    cells = spec["datasets"]["cells"].to_pylist()
    assert [cell["words"] for cell in cells if cell["text"] == "3" and cell["kind"] == "cell"] == [
        "C read as Z: 3 times (37.50 % of all C)"
    ]
    found = {confusion.CLICK: [{"label": "2", "prediction": "25"}]}
    assert confusion.clicked(found, LETTERS) == (2, 25)
    assert confusion.clicked(found) == (2, None)  # the digits have no 25
    assert "width" not in confusion.confusion_chart(np.eye(10, dtype=int), **look)


def test_of_many_probabilities_the_highest_have_a_bar_and_the_others_a_sum():
    found = np.full(26, 0.004)
    found[[7, 3]] = 0.5, 0.404
    rows = probabilities.probability_bars(found, marked=7, classes=LETTERS)["data"]["values"]
    assert [row["digit"] for row in rows[:2]] == ["H", "D"]
    assert (len(rows), rows[-1]["digit"]) == (11, "16 others")
    assert sum(row["probability"] for row in rows) == pytest.approx(1)
    digits = probabilities.probability_bars(np.full(10, 0.1), marked=None)["data"]["values"]
    assert [row["digit"] for row in digits] == list(DIGITS)


def test_each_of_47_classes_has_a_colour_of_its_own():
    colors = theme.class_colors(47)
    assert len(set(colors)) == 47
    assert theme.class_colors(10) == theme.DIGITS


def test_draw_reads_by_the_run_s_classes_and_says_what_is_for_digits_only(runs):
    run = runs["Things"]
    at = open_page("draw", run=run.id)
    assert "Draw one of 3 classes: Cup, Ankle boot and T-shirt/top, on the black square." in words(at)
    assert {tile["caption"] for tile in tiles(at)} == set(THINGS)
    at = open_page("draw", session={"canvas_0": drawn(SEVEN)}, run=run.id)
    assert numbers(at)["It reads"].replace("&#45;", "-") in THINGS or "T" in numbers(at)["It reads"]
    assert "for handwritten digits only: this run reads 3 classes" in words(at)
    assert not [pills for pills in at.button_group if "Keep it in My digits" in pills.label]
    at = open_page("draw", session={"mode": "My digits"}, run=run.id)
    assert "My digits are for handwritten digits only: this run reads 3 classes" in words(at)
    assert "Fine-tune" not in words(at)


def test_train_starts_a_network_with_an_output_for_each_class(runs, store):
    run = runs["Letters"]
    at = open_page("train", run=run.id, dataset="Letters")
    assert "26 classes, A to Z" in words(at.sidebar)
    usual = TrainingConfig(classes=26).layers.parameters
    assert f"{usual:,} parameters" in words(at.sidebar)
    at.button(key="build").click().run()
    [builder] = [
        node.proto for node in at.get("bidi_component") if node.proto.component_name == "digitlab_network_builder"
    ]
    assert json.loads(builder.json)["numbers"][-1]["parameters"] == 101 * 26
    at.button(key="start").click().run()
    assert not at.exception
    assert store.runs()[0].config.classes == 26
    by_label(at.selectbox, "Dataset").set_value("").run()
    at.button(key="start").click().run()
    assert store.runs()[0].config.classes == 10


def test_two_runs_of_the_same_classes_are_compared_by_names_and_of_different_ones_on_curves_only(runs, store):
    twin = runs["Things"].path.with_name("twin")
    shutil.copytree(runs["Things"].path, twin)
    at = open_page("compare", a=runs["Things"].id, b="twin", group="both_right")
    captions = {tile["caption"] for tile in tiles(at)}
    assert captions <= set(THINGS)
    at.session_state["pair_image"] = tiles(at)[0]["index"]
    at.run()
    assert f"reads **{tiles(at)[0]['caption']}**" in words(at)
    assert not of_digits(words(at.main)), [line for line in words(at.main).splitlines() if of_digits(line)]
    shutil.rmtree(twin)
    at = open_page("compare")
    assert "Validation accuracy" in words(at)
    assert "This needs two runs with predictions for these test images." in words(at)


def test_robustness_and_the_map_are_measured_and_drawn_by_names(runs, digits):
    run = runs["Letters"]
    letters = session.dataset_of(run)
    for kind in ("robustness", "map"):
        assert job.execute(run, kind, background.TASKS[kind], letters)
    at = open_page("robustness", run=run.id)
    assert "Class by class" in words(at)
    assert by_label(at.selectbox, "Sample").options == list(LETTERS)
    at = open_page("map", run=run.id)
    assert by_label(at.selectbox, "Read as").options == list(LETTERS)


def test_other_classes_as_the_dataset_in_use_are_trained_and_the_lessons_say_that_they_are_about_digits(
    store, tmp_path, monkeypatch
):
    things = made("Things", THINGS, 80)
    arrays = {name: getattr(things, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(tmp_path / "things.npz", **arrays, classes=np.array(THINGS))
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "things.npz"))
    session.use(Services(store.home))
    at = open_page("learn")
    assert "The lessons are about handwritten digits, and the dataset in use is Own images." in words(at)
    at = open_page("train", classic_left_out="2")
    assert {tile["caption"] for tile in tiles(at)} == set(THINGS)
    at.button(key="start").click().run()
    assert (store.runs()[0].config.classes, store.runs()[0].config.left_out) == (3, (2,))
    at = open_page("train", classic_left_out="3")
    assert "there is no class 3" in words(at)


def test_words_for_classes():
    assert classes.no_idea(DIGITS) == "The ten probabilities sum to 1. Ten times 0.10 (10\u00a0%) means: no idea."
    assert classes.one_of(DIGITS, 4) == "a 4"
    assert classes.one_of(THINGS, 1) == "Ankle boot"
    assert classes.in_words(LETTERS) == "26 classes, A to Z"
    assert classes.only_digits("It is", DIGITS) == ""
