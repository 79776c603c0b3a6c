"""Several datasets: which one Train's next run takes, and that the pages of a run show the run's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.config import TrainingConfig
from core.data.my_digits import MyDigits
from core.people import Actor, acting_as
from core.sweeps.sweep import SweepStore
from dashboard.components import people, session
from dashboard.serving import flags
from tests.support.digits import mostly_right
from tests.support.pages import as_seen, by_label, galleries, open_page, words
from tests.support.runs import fill_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


@pytest.fixture
def others(digits):
    """Another dataset: the same digits upside down, and fewer."""
    arrays = {"x_train": digits.x_train[:900, ::-1], "y_train": digits.y_train[:900]}
    return replace(digits, **arrays, x_test=digits.x_test[:90, ::-1], y_test=digits.y_test[:90])


@pytest.fixture
def kept(store, others):
    return session.services().datasets.add(others, "Turned")


@pytest.fixture
def run_on(store):
    """A finished run of a dataset."""

    def make(digits, name, dataset=""):
        run = fill_run(store.create(TrainingConfig("dense", epochs=3, dataset=dataset), name), digits)
        run.write_dataset({"name": digits.name, "source": digits.source, "fingerprint": digits.fingerprint})
        return run

    return make


def start(at, store):
    at.button(key="start").click().run()
    assert not at.exception
    return store.runs()[0].config


def test_the_chosen_dataset_is_what_start_trains_and_what_the_sidebar_shows(store, kept, digits):
    at = open_page("train")
    box = by_label(at.selectbox, "Dataset")
    assert (box.options, box.value) == (["Own digits", "Turned"], "")
    assert "1,400 training and 397 test images" in words(at.sidebar)
    assert start(at, store).dataset == ""
    by_label(at.selectbox, "Dataset").set_value(kept.fingerprint).run()
    assert "900 training and 90 test images" in words(at.sidebar)
    assert ", on Turned" in words(at.sidebar)
    assert start(at, store).dataset == kept.fingerprint
    assert at.query_params["dataset"] == kept.fingerprint
    by_label(at.selectbox, "Dataset").set_value("").run()
    assert start(at, store).dataset == ""


@pytest.mark.parametrize("word", ["Turned", "turned", "fingerprint"])
def test_an_address_names_a_dataset_and_another_page_keeps_it(store, kept, word):
    at = open_page("train", dataset=kept.fingerprint if word == "fingerprint" else word)
    assert by_label(at.selectbox, "Dataset").value == kept.fingerprint
    at.switch_page("app_pages/learn.py").run()
    at.switch_page("app_pages/train.py").run()
    assert start(at, store).dataset == kept.fingerprint


def test_a_dataset_that_is_not_here_is_said_and_not_trained(store, kept):
    at = open_page("train", dataset="0123456789abcdef")
    said = as_seen(at.warning[0].value)
    assert "dataset=0123456789abcdef: There is no such dataset here. There are: Own digits, Turned." in said
    assert start(at, store).dataset == ""
    run = store.create(TrainingConfig("dense", dataset=kept.fingerprint))
    run.set_state("failed", "It was a test.")
    at = open_page("train", run=run.id)
    at.button(key=f"use_{run.id}").click().run()
    assert by_label(at.selectbox, "Dataset").value == kept.fingerprint
    session.services().remove_dataset(kept)
    at.run()
    assert not [box for box in at.selectbox if box.label == "Dataset"]
    assert "The dataset chosen before is not here. This is Own digits." in words(at.sidebar)
    assert start(at, store).dataset == ""


def test_a_link_locks_the_dataset(store, kept):
    at = open_page("train", lock="dataset", dataset="Turned")
    box = by_label(at.selectbox, "Dataset")
    assert (box.value, box.disabled) == (kept.fingerprint, True)
    assert start(at, store).dataset == kept.fingerprint


def test_a_sweep_from_train_and_from_tune_is_of_the_chosen_dataset(store, kept):
    at = open_page("train", dataset="Turned", learning_rate="0.1, 0.01")
    at.button(key="start").click().run()
    at.switch_page("app_pages/tune.py").run()
    assert "Turned" in words(at)
    at.button(key="start_sweep").click().run()
    plans = [sweep.plan for sweep in SweepStore(store).sweeps()]
    assert [{config.dataset for config in plan.configs} for plan in plans] == [{kept.fingerprint}] * 2


PAGES = ("train", "predictions", "confidence", "inside", "robustness", "map", "draw", "export")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_run_shows_its_own_dataset(run_on, kept, others, page):
    run = run_on(session.services().datasets.open(kept.fingerprint), "Upside down", dataset=kept.fingerprint)
    at = open_page(page, run=run.id)
    said = words(at)
    assert "is not here" not in said
    assert "900 training and 90 test images" in "".join(expander.label for expander in at.expander)
    assert "on Turned" in said
    if page == "train":
        assert [tile["index"] for tile in galleries(at)[0]] == list(range(90))


@pytest.mark.parametrize("page", PAGES)
def test_a_run_whose_dataset_is_gone_says_so(run_on, kept, page):
    run = run_on(session.services().datasets.open(kept.fingerprint), "Upside down", dataset=kept.fingerprint)
    assert "which is not here" not in words(open_page(page, run=run.id))  # what it shows is not kept for later
    session.services().remove_dataset(kept)
    at = open_page(page, run=run.id)
    assert "Turned" in words(at)
    assert "which is not here" in words(at)


def test_compare_shows_two_runs_of_one_dataset_on_its_images_and_never_two_of_different_ones(
    store, run_on, kept, digits
):
    own = session.services().datasets.open(kept.fingerprint)
    usual = [run_on(digits, name) for name in ("A", "B")]
    turned = [run_on(own, name, dataset=kept.fingerprint) for name in ("C", "D")]
    turned[0].write_probabilities(mostly_right(own.y_test, slice(3)))
    at = open_page("compare")
    assert set(at.dataframe[0].value["Run"].str[-1]) == {"A", "B", "C", "D"}
    assert "Left out: " in words(at)
    assert "Without a network, on Own digits: " in words(at)
    assert {option[0] for option in by_label(at.selectbox, "First run").options} <= {"A", "B"}
    by_label(at.button_group, "Dataset").set_value(kept.fingerprint).run()
    assert {option[0] for option in by_label(at.selectbox, "First run").options} <= {"C", "D"}
    assert at.query_params["on"] == kept.fingerprint
    at = open_page("compare", a=turned[0].id, b=usual[0].id)
    assert f"{usual[0].name} cannot be compared here: it was trained and tested on Own digits" in words(at)


def test_a_dataset_that_is_trained_on_is_not_removed(store, kept):
    run = store.create(TrainingConfig("dense", dataset=kept.fingerprint))
    at = open_page("train", dataset="Turned")
    at.button(key="remove_dataset").click().run()
    at.button(key="really_remove_dataset").click().run()
    assert f"{run.name} is trained on Turned now." in words(at)
    assert session.services().datasets.get(kept.fingerprint)
    run.set_state("stopped")
    at.button(key="remove_dataset").click().run()
    assert "1 run was trained on it." in words(at)
    at.button(key="really_remove_dataset").click().run()
    assert session.services().datasets.all() == []
    assert by_label(at.button, "Start training")


def test_a_path_is_added_and_then_chosen_or_refused_with_words(store, digits_file, wait_until, monkeypatch, tmp_path):
    path = tmp_path / "From school.npz"
    with np.load(digits_file) as arrays:
        np.savez(path, **{name: array[:300] for name, array in arrays.items()})
    at = open_page("train")
    by_label(at.text_input, "Or name a file or folder").set_value(str(tmp_path / "nothing.npz"))
    at.button(key="add_path").click().run()
    wait_until(lambda: session.services().datasets.all() or at.session_state["dataset_addition"].is_through, "an end")
    at.run()
    assert "nothing.npz does not exist" in words(at)
    by_label(at.text_input, "Or name a file or folder").set_value(str(path))
    at.button(key="add_path").click().run()
    wait_until(lambda: at.session_state["dataset_addition"].is_through, "the dataset")
    at.run()
    assert "From school is here: 300 training and 300 test images." in words(at).replace("**", "")
    at.button(key="train_on_added").click().run()
    [added] = session.services().datasets.all()
    assert start(at, store).dataset == added.fingerprint
    store.runs()[0].set_state("stopped")
    at.run()
    at.button(key="remove_dataset").click().run()
    at.button(key="really_remove_dataset").click().run()
    assert not at.exception
    assert "From school was removed." in "".join(toast.value for toast in at.toast)
    assert by_label(at.button, "Add it")


def test_my_digits_are_added_beside_others(store, wait_until):
    mine = MyDigits(store.home)
    for number in range(12):
        mine.add(np.full((28, 28), number, np.uint8), number % 3, said=None, run_id="")
    at = open_page("train")
    by_label(at.button_group, "Or take My digits").set_value("Own digits").run()
    at.button(key="add_my_digits").click().run()
    wait_until(lambda: at.session_state["dataset_addition"].is_through, "the dataset")
    [added] = session.services().datasets.all()
    assert (added.name, sum(added.test)) == ("My digits and Own digits", 3)


def test_in_a_class_pupils_choose_and_the_teacher_adds(store, kept, monkeypatch):
    monkeypatch.setenv(flags.CLASS, "1")
    members = session.services().people
    person, key = members.join("Ann")
    monkeypatch.setattr(people, "own_key", lambda: key)
    at = open_page("train")
    assert by_label(at.selectbox, "Dataset").options == ["Own digits", "Turned"]
    assert "Add a dataset" not in [expander.label for expander in at.expander]
    with acting_as(Actor(person)), pytest.raises(ValueError, match="The teacher adds datasets"):
        session.services().remove_dataset(kept)
    members.set_teacher(person, True)
    at = open_page("train")
    assert "Add a dataset" in [expander.label for expander in at.expander]
    assert "Or name a file or folder" not in [field.label for field in at.text_input]  # over the network
