"""A class shares the server: people see their own first, look at what is others', and are offered no change of it."""

from __future__ import annotations

import pytest

from core.config import TrainingConfig
from core.data.my_digits import MyDigits
from core.learners import learner_of, read_learner
from core.people import Actor, acting_as, change_rules, own_home
from core.runs import RunStore
from core.sweeps import Plan, every_combination
from dashboard.components import people, session
from dashboard.serving import flags, read_only
from tests.support.html import Page
from tests.support.pages import as_seen, by_label, open_page, words
from tests.support.runs import MODEL, fill_run

pytestmark = pytest.mark.usefixtures("laboratory")


@pytest.fixture
def join(store, monkeypatch):
    """Somebody of the class, who is in front of the page from then on."""
    monkeypatch.setenv(flags.CLASS, "1")
    keys = {}

    def joined(name):
        if name not in keys:
            keys[name] = session.services().people.join(name)
        person, key = keys[name]
        monkeypatch.setattr(people, "own_key", lambda: key)
        return person

    return joined


@pytest.fixture
def anns_run(join, make_run):
    """A finished run of Ann; Ben is in front of the page."""
    with acting_as(Actor(join("Ann"))):
        run = make_run()
    join("Ben")
    return run


def labels(at):
    return {as_seen(button.label) for button in at.button}


def choices(at, label="Run"):
    return [option for box in at.selectbox if box.label == label for option in box.options]


CHANGES = {"Delete this run", "Resume", "Continue training", "Pause", "Stop and save", "Cancel", "Start again"}


@pytest.mark.parametrize("state", ["finished", "paused", "queued", "failed"])
def test_a_run_of_another_can_be_looked_at_and_its_settings_used_and_nothing_of_it_changed(join, make_run, state):
    with acting_as(Actor(join("Ann"))):
        run = make_run(state)
    at = open_page("train", run=run.id)
    assert labels(at) & CHANGES
    join("Ben")
    at = open_page("train", run=run.id)
    assert not labels(at) & CHANGES
    assert not [field.label for field in at.text_input if field.value == run.name]
    assert "Ann's run. You can look at it, compare it and use its settings." in words(at)
    by_label(at.button, "Use these settings").click().run()
    assert [as_seen(toast.value) for toast in at.toast] == [f"New run has the settings of {run.name}."]


def test_a_page_without_a_run_in_its_address_shows_ones_own_and_never_anothers(anns_run, join, make_run):
    for name in ("train", "predictions", "confidence", "compare", "map", "robustness", "export"):
        at = open_page(name)
        assert anns_run.name not in words(at), name
        assert choices(at) in ([], ["Starter"]) or not any(anns_run.name in each for each in choices(at)), name
    with acting_as(Actor(join("Ben"))):
        own = make_run(model="linear")
    with acting_as(Actor(join("Ann"))):
        make_run()  # newer
    join("Ben")
    at = open_page("predictions")
    assert own.name in at.title[0].value
    assert [own.name in option for option in choices(at) if "Starter" not in option] == [True]


def test_everybodys_runs_are_listed_with_their_owners_names_where_that_is_chosen(anns_run, make_run):
    at = open_page("train", whose="all")
    assert [option.startswith(f"{anns_run.name} · Ann · ") for option in choices(at)] == [True]
    assert at.title[0].value == "Train a network to read handwritten digits"  # nothing is chosen by itself
    assert "made this run" not in words(open_page("draw"))  # which has the starter
    assert not any("nobody's" in each for each in choices(open_page("draw", whose="all")))
    nobodys = make_run()
    found = choices(open_page("train", whose="all"))
    assert [nobodys.name in option for option in found if " · nobody's · " in option] == [True]
    table = at.dataframe[0].value
    assert [f"{anns_run.name} · Ann" in name for name in table["Run"]] == [True]


def test_a_run_that_the_address_names_is_shown_and_listed_whosever_it_is(anns_run):
    at = open_page("predictions", run=anns_run.id)
    assert anns_run.name in at.title[0].value
    assert any(f"{anns_run.name} · Ann" in option for option in choices(at))


def test_where_the_run_was_deleted_the_page_says_so_and_shows_no_strangers_run(anns_run, join, make_run):
    with acting_as(Actor(join("Ann"))):
        other = make_run()
    join("Ben")
    at, name = open_page("train", run=anns_run.id), anns_run.name
    with acting_as(Actor(join("Ann"))):
        session.store().delete(anns_run)
    join("Ben")
    at.run()
    assert f"{name} was not found. It may have been deleted." in words(at)
    assert other.name not in words(at) + " ".join(labels(at))
    assert "Start a run" in labels(at)


def test_the_threshold_of_anothers_run_is_shown_and_stays(anns_run, join):
    with acting_as(Actor(join("Ann"))):
        anns_run.set_threshold(0.9)
    for name, may in (("Ann", True), ("Ben", False)):
        join(name)
        at = open_page("confidence", run=anns_run.id)
        slider = by_label(at.slider, "Least confidence to answer")
        assert (slider.value, slider.disabled) == (90.0, not may)


def test_a_sweep_of_another_can_be_looked_at_and_not_changed(join):
    plan = Plan(TrainingConfig(model="linear", epochs=1), every_combination({"seed": (0, 1)}))
    with acting_as(Actor(join("Ann"))):
        sweep = session.services().sweeps.create(plan)
        sweep.pause()
    assert "Resume" in labels(open_page("tune", sweep=sweep.id))
    join("Ben")
    at = open_page("tune", sweep=sweep.id)
    assert not labels(at) & {"Resume", "Delete the sweep", "Pause", "Stop"}
    assert "Ann's sweep." in words(at)
    assert not choices(open_page("tune"), "Sweep")
    assert choices(open_page("tune", whose="all"), "Sweep") == [f"{sweep.name} · Ann"]


def test_only_ones_own_runs_are_deleted_on_compare(anns_run, join, make_run):
    with acting_as(Actor(join("Ben"))):
        make_run()
    at = open_page("compare", runs=anns_run.id)
    at.session_state["runs_to_delete"] = [anns_run.id]  # by a forged message
    at.run()
    by_label(at.button, "Delete 1 run").click().run()
    assert not at.exception
    assert anns_run.path.is_dir()
    assert f"{anns_run.name} is Ann's." in words(at)


def test_what_waits_says_its_place_and_others_are_counted(join, store, make_run):
    with acting_as(Actor(join("Ann"))):
        first = store.create(TrainingConfig(model="linear", epochs=1))
    with acting_as(Actor(join("Ben"))):
        mine = store.create(TrainingConfig(model="linear", epochs=1))
    join("Ben")
    at = open_page("train").run()  # the first time loads the images
    assert any(label.startswith(f"{mine.name} · 2nd in line, starts in about ") for label in labels(at))
    assert not any(first.name in label for label in labels(at))
    first.set_state("running")
    with first.lock():
        session.services().queue._looked_at = 0.0
        at = open_page("learn")
        assert "1 other trains" in words(at)
        assert any(label.startswith(f"{mine.name} · next in line") for label in labels(at))


def test_anothers_run_is_fine_tuned_on_ones_own_digits_into_a_run_of_ones_own(anns_run, join, store, digits):
    with acting_as(Actor(ben := join("Ben"))):
        mine = MyDigits(own_home(store.home, ben.id))
        for image, label in zip(digits.x_test[:3], digits.y_test[:3], strict=True):
            mine.add(image, int(label), said=None, run_id=anns_run.id)
    (anns_run.path / "model.tflite").write_bytes(MODEL)
    for name in ("model.keras", "checkpoint.npz"):
        (anns_run.path / name).touch()
    change_rules(store.home, images=1000)
    at = open_page("draw", session={"mode": "My digits"}, run=anns_run.id)
    assert "My digits · 3" in words(at)
    by_label(at.button, "Fine-tune").click().run()
    assert not at.exception
    assert "The teacher has set at most 1,000 training images." in words(at)
    change_rules(store.home, images=None, epochs=2)
    at = open_page("draw", session={"mode": "My digits"}, run=anns_run.id)
    by_label(at.button, "Fine-tune").click().run()
    [new] = store.of(ben.id)
    assert (new.config.start_from, new.config.epochs, new.state.name) == (anns_run.id, 2, "queued")
    with acting_as(Actor(ben)):
        mine = fill_run(store.create(TrainingConfig(model="linear", epochs=1)), digits)
    assert by_label(open_page("train", run=mine.id).text_input, "More epochs").value == "2"
    join("Ann")
    assert "My digits · 3" not in words(open_page("draw", session={"mode": "My digits"}, run=anns_run.id))


def test_what_is_done_of_a_lesson_is_a_persons_own(join, store):
    join("Ann")
    at = open_page("learn", lesson="steps")
    ann, ben = join("Ann"), join("Ben")
    assert not at.exception
    assert read_learner(store.home, learner_of(ann.id)).active == "steps"
    assert read_learner(store.home, learner_of(ben.id)).active == ""


def test_a_name_is_asked_for_first_and_again_where_the_teacher_removed_the_person(join, monkeypatch):
    ann = join("Ann")
    at = open_page("train")
    assert "Begin" not in labels(at)
    session.services().people.remove(ann)
    at.run()
    assert labels(at) == {"Begin", "Come back"}
    assert [field.label for field in at.text_input] == ["Your name", "Code"]


def test_another_name_is_taken_in_the_menu_and_a_wrong_one_is_said_there(join):
    ann = join("Ann")
    at = open_page("train")
    by_label(at.text_input, "Name").set_value("Anna").run()
    assert session.services().people.get(ann.id).name == "Anna"
    by_label(at.text_input, "Name").set_value(" ").run()
    assert "Type a name of 1 to 40 letters." in words(at)
    assert session.services().people.get(ann.id).name == "Anna"


def test_everything_of_mine_is_deleted_after_a_question_and_nothing_of_others(anns_run, join, make_run, store):
    with acting_as(Actor(ben := join("Ben"))):
        own = make_run()
        sweep = session.services().sweeps.create(
            Plan(TrainingConfig(model="linear", epochs=1), every_combination({"seed": (0, 1)}))
        )
    (own_home(store.home, ben.id) / "my_digits").mkdir(parents=True)
    at = open_page("train")
    by_label(at.button, "Delete everything of mine").click().run()
    assert own.path.is_dir()
    assert "My digits, 1 run, 1 sweep" in words(at)
    by_label(at.button, "Delete everything").click().run()
    assert not at.exception
    assert [own.path.is_dir(), sweep.path.is_dir(), own_home(store.home, ben.id).exists()] == [False] * 3
    assert anns_run.path.is_dir()
    assert labels(at) == {"Begin", "Come back"}


@pytest.mark.parametrize("name", ["train", "tune", "draw", "confidence", "map", "robustness"])
def test_where_pages_are_read_only_what_starts_something_is_off_and_says_why(name, make_run, monkeypatch):
    run = make_run()
    monkeypatch.setattr(read_only, "is_read_only_here", lambda: True)
    monkeypatch.setattr(people, "is_read_only_here", lambda: True)
    at = open_page(name, run=run.id)
    starts = [button for button in at.button if button.label.startswith(("Start ", "Measure", "Train "))]
    assert all(button.disabled and "only be looked at" in button.help for button in starts)
    assert bool(starts) == (name in ("train", "tune"))
    assert not labels(at) & CHANGES
    assert "only be looked at" in words(at)


def test_where_pages_are_read_only_a_lesson_is_followed_and_nothing_is_kept_of_it(store, monkeypatch):
    monkeypatch.setattr(people, "is_read_only_here", lambda: True)
    at = open_page("learn", lesson="steps")
    assert "1 of " in words(at)
    assert not (store.home / "learners").exists()


def test_a_list_of_many_runs_asks_once_who_looks(join, store, monkeypatch):
    from dashboard.components import whose

    ann = join("Ann")
    with acting_as(Actor(ann)):
        for _ in range(3):
            store.create(TrainingConfig(model="linear", epochs=1))
    asked = []
    monkeypatch.setattr(whose, "this_person", lambda: asked.append(1) or ann)
    assert len(whose.own(RunStore(store.home).runs())) == 3
    assert set(whose.owners_behind(store.runs()).values()) == {""}
    assert len(asked) == 2


def test_a_report_has_ones_name_may_be_of_anothers_run_and_changes_nothing_of_it(anns_run):
    anns_run.model_path.write_bytes(MODEL)
    before = {path: path.read_bytes() for path in anns_run.path.rglob("*") if path.is_file()}
    at = open_page("export", run=anns_run.id)
    assert at.text_input(key="report_name").value == "Ben"
    at.button(key="make_report").click().run()
    assert not at.error
    assert "Report of a run by Ben" in Page(at.session_state["report_made"][1]).words
    assert {path: path.read_bytes() for path in anns_run.path.rglob("*") if path.is_file()} == before
