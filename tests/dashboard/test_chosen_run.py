"""Whose page it is, in Streamlit's own simulation: the chosen run stays chosen, a missing one is told."""

import shutil

import pytest

from core.config import TrainingConfig
from core.runs.starter import Starter
from core.storage import write_json
from dashboard.components import run_picker
from tests.support.pages import as_seen, by_label, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]

OF_ONE_RUN = ["predictions", "confidence", "map", "robustness", "draw", "export"]
ALL_PAGES = [*OF_ONE_RUN, "inside", "train", "compare"]


def go_to(at, name):
    """Another page, as by a link: in the same session, without what stood in the address."""
    at.query_params.clear()
    at.switch_page(f"app_pages/{name}.py").run()
    assert not at.exception
    return at


def links(at):
    """The labels of the links on the page."""
    return [link.proto.label for link in at.get("page_link")]


@pytest.fixture
def model():
    """A model that reads digits, as a run has it."""
    return (Starter().path / "model.tflite").read_bytes()


def test_the_chosen_run_stays_chosen_through_pages_that_have_nothing_of_it(make_run, store, model):
    older = make_run()
    (older.path / "model.tflite").write_bytes(model)
    at = open_page("train")
    at.button(key="start").click().run()
    chosen = next(run for run in store.runs() if run.id != older.id)
    for name in OF_ONE_RUN:
        go_to(at, name)
        assert at.title[0].value == f"{name.capitalize()} · Classic 1"
        assert "Classic 1 has no" in words(at)
        assert "This page opens by itself after" in words(at)
        assert as_seen(at.button(key="show_instead").label) == "Show Dense 1 · finished"
        assert links(at) == ["Go to Classic 1"]
        assert at.query_params["run"] in (chosen.id, [chosen.id])
    go_to(at, "train")
    assert at.title[0].value == "Train · Classic 1"
    assert at.button(key=f"cancel_{chosen.id}")
    go_to(at, "predictions").button(key="show_instead").click().run()
    assert at.title[0].value == "Predictions · Dense 1"
    assert at.query_params["run"] in (older.id, [older.id])


@pytest.mark.parametrize("name", OF_ONE_RUN)
def test_a_run_that_is_not_there_is_said_to_be_missing_and_no_other_is_shown(name, make_run, model):
    run = make_run()
    (run.path / "model.tflite").write_bytes(model)
    at = open_page(name, run="20200101-000000-dense-dead")
    assert "20200101-000000-dense-dead was not found" in as_seen(at.warning[0].value)
    assert links(at) == ["All runs", "Start a run"]
    assert not at.metric
    assert at.sidebar.selectbox[0].value is None
    at.sidebar.selectbox[0].select(run.id).run()
    assert not at.warning
    assert at.query_params["run"] in (run.id, [run.id])


def test_of_many_runs_the_newest_are_listed_and_an_older_one_is_opened_by_its_typed_name(store, monkeypatch):
    monkeypatch.setattr(run_picker, "MOST_LISTED", 2)
    oldest, older, second, newest = (store.create(TrainingConfig("dense"), f"Try {number}") for number in range(4))
    at = open_page("train")

    def picker():
        return at.sidebar.selectbox[0]

    def type_name(words):
        picker().options.append(words)  # as in the browser, where it is added to the list
        picker().select(words).run()
        assert not at.exception

    assert picker().options == ["Try 3 · queued", "Try 2 · queued"]
    assert "Type the name of an older one" in picker().help
    type_name("try 0")
    assert at.title[0].value == "Train · Try 0"
    assert picker().options == ["Try 3 · queued", "Try 2 · queued", "Try 0 · queued"]
    assert picker().value == oldest.id
    type_name("Nothing")
    assert as_seen(at.error[0].value) == "No run has “Nothing” in its name."
    assert at.title[0].value == "Train · Try 0"
    type_name("Try 1 · running")  # a label of before
    assert picker().value == older.id
    type_name("try")
    assert picker().value == newest.id
    assert as_seen(at.toast[0].value) == "The newest of 4 runs with “try” in their names."
    picker().select(second.id).run()
    assert at.title[0].value == "Train · Try 2"


@pytest.fixture
def training(store):
    """A run in training, whose worker holds its lock."""
    run = store.create(TrainingConfig(epochs=100), "Mine")
    run.set_state("running")
    with run.lock().acquire(timeout=0):
        yield run


def test_what_is_asked_of_a_run_that_was_deleted_elsewhere_is_asked_of_no_other(training, store):
    others = store.create(TrainingConfig(epochs=100), "Another's")
    others.set_state("running")
    with others.lock().acquire(timeout=0):
        at = open_page("train", run=training.id)
        shutil.rmtree(training.path)
        at.button(key=f"pause_{training.id}").click().run()
        assert others.control == {}
        assert "This run was deleted in the meantime." in words(at)
        assert "Mine was not found. It may have been deleted." in words(at)
        assert not [button for button in at.button if button.label in ("Pause", "Stop and save")]
        assert at.button(key="start_one")
        assert at.dataframe  # all runs
        at.button(key="start_one").click().run()
    assert at.title[0].value == "Train · Classic 1"  # the new one


def test_a_run_in_the_queue_can_be_cancelled(make_run, store):
    make_run()
    at = open_page("train")
    at.button(key="start").click().run()
    [queued] = store.queued()
    at.button(key=f"cancel_{queued.id}").click().run()
    assert store.get(queued.id) is None
    assert "Classic 1 was cancelled." in words(at)
    assert not at.main.warning
    at.run()
    assert "Classic 1 was cancelled." in words(at)


def test_after_a_cancel_the_run_that_trains_is_a_click_away(training, store):
    waiting = store.create(TrainingConfig())
    at = open_page("train", run=waiting.id)
    at.button(key=f"cancel_{waiting.id}").click().run()
    at.button(key=f"go_to_{training.id}").click().run()
    assert at.title[0].value == f"Train · {training.name}"
    assert not at.main.warning


def test_a_run_that_trains_is_stopped_before_it_is_deleted(training, store):
    at = open_page("train")
    at.button(key=f"delete_{training.id}").click().run()
    assert "It is training now" in words(at)
    button = at.button(key=f"really_delete_{training.id}")
    assert button.label == "Stop and delete"
    button.click().run()
    assert training.control == {"request": "stop", "delete": True}
    assert store.get(training.id)
    assert "Stopping. The run is deleted once its worker has ended." in words(at)
    assert not [button for button in at.button if button.label in ("Pause", "Stop and save")]


@pytest.mark.parametrize("accuracy", [None, 0.9])
def test_the_choice_says_that_a_run_is_active_whatever_it_reached_before(training, accuracy):
    if accuracy:
        write_json(training.path / "summary.json", {"test_accuracy": accuracy})
    assert open_page("train").sidebar.selectbox[0].options == ["Mine · running"]


def test_a_question_that_is_older_than_a_rename_or_a_removal_deletes_nothing_else(make_run, store):
    doomed, other = make_run(), make_run()
    at = open_page("train", run=doomed.id)
    at.button(key=f"delete_{doomed.id}").click().run()
    store.delete(doomed)
    at.button(key=f"really_delete_{doomed.id}").click().run()
    assert [run.id for run in store.runs()] == [other.id]
    assert "was not found" in words(at)


@pytest.mark.parametrize("name", ALL_PAGES)
def test_data_that_was_refused_is_said_in_sight(name, monkeypatch, tmp_path, digits_file):
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "*no* [x](http://y).npz"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    shutil.copy(digits_file, tmp_path / "datasets" / "mnist.npz")
    at = open_page(name)
    [warning] = [as_seen(element.value) for element in at.main.warning]
    assert f"DIGITLAB_DATA cannot be used: {tmp_path / '*no* [x](http://y).npz'} does not exist" in warning
    assert warning.endswith("The dataset in use is Own digits.")


@pytest.mark.parametrize("name", ["predictions", "confidence", "map", "robustness"])
def test_a_page_that_needs_more_than_the_starter_has_says_so_and_offers_a_run(name, make_run, model):
    run = make_run()
    (run.path / "model.tflite").write_bytes(model)
    at = open_page(name, run="starter")
    assert "The starter is shipped without its predictions" in words(at)
    assert as_seen(at.button(key="show_instead").label) == f"Show {run.name} · finished"


@pytest.mark.parametrize("name", ["predictions", "confidence", "map", "robustness"])
def test_a_page_that_needs_more_than_the_starter_has_leads_to_training_where_there_is_no_run(name, laboratory):
    at = open_page(name, run="starter")
    assert "The starter is shipped without its predictions" in words(at)
    by_label(at.button, "Train a network").click().run()
    assert at.title[0].value == "Train a network to read handwritten digits"


def test_compare_names_the_runs_of_the_address_that_are_not_there(make_run):
    for _ in range(2):
        make_run()
    at = open_page("compare", runs="gone-1", a="gone-2")
    assert [as_seen(warning.value) for warning in at.warning] == [
        "Not found: gone-1. Showing others instead.",
        "Not found: gone-2. Showing others instead.",
    ]


def test_a_run_stays_chosen_when_its_label_changes_and_the_browser_sends_the_old_one(make_run):
    other, run = make_run(), make_run("queued")
    at = open_page("train", run=run.id)
    key = at.sidebar.selectbox[0].key
    run.set_state("stopped")
    at.session_state[key] = f"{run.name} · queued"  # what the browser has for it
    at.run()
    assert at.query_params["run"] == run.id
    assert at.title[0].value == f"Train · {run.name}"
    old_label = f"{other.name} · {other.state.name}"
    at.session_state[at.sidebar.selectbox[0].key] = old_label  # chosen from the list as it was drawn
    other.set_state("paused")
    at.run()
    assert at.query_params["run"] == other.id


@pytest.mark.parametrize("name", ALL_PAGES)
def test_every_page_shows_what_trains_and_leads_to_it(name, training, make_run, store):
    ended = make_run()
    store.create(TrainingConfig())
    training.append_event("start", step=0, epoch=0, epoch_images=1000)
    batch = {"loss": 1.0, "accuracy": 0.5, "images": 500, "epoch_loss": 1.0, "epoch_accuracy": 0.5}
    for number in range(1, 32):
        now = {"step": number, "epoch": number, "position": float(number), "time": number / 8}
        training.append_event("batch", **batch, **now, images_per_second=8000.0)
    at = open_page(name, run=ended.id)
    button = at.button(key=f"activity_{training.id}")
    assert as_seen(button.label) == "Mine · 31 % · 9 s left"  # 69 epochs of 1,000 images, 8,000 a second
    assert at.session_state["tab_title"]["progress"] == "31 %"
    assert "1 more in line" in words(at)
    button.click().run()
    assert at.title[0].value == "Train · Mine"
    assert at.query_params["run"] in (training.id, [training.id])


def test_train_opens_where_the_starter_was_chosen_with_a_run_or_without_one(make_run):
    assert not open_page("train", run="starter").exception
    run = make_run()
    at = open_page("train", run="starter")
    assert not at.exception
    assert f"Train · {run.name}" in at.title[0].value
