"""Learn and the guide beside every page: begun, predicted, trained, left and taken up again."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from core.config import TrainingConfig
from core.learners import LessonProgress, change_learner, read_learner
from dashboard.components.learn import guide
from dashboard.components.learn.library import lessons
from dashboard.components.learn.progress import KEY
from tests.support.html import Page
from tests.support.pages import as_seen, open_page, words

pytestmark = pytest.mark.usefixtures("laboratory")
ME, OTHER = "0" * 32, "1" * 32
LESSON = """\
title: Two epochs
question: Is two more than one?
minutes: 1
run two: model=dense&epochs=3&dense_seed=5

## What do you expect?
predict: Which epoch is best?
- The first: 1 to 1
- A later one: 2 to 3

Think first.

## Train it
set: two
wait: run two
highlight: start

Press Start.

## What came
open: train?run=two
outcome: two.best_epoch

It was epoch {two.best_epoch}, of {two.epochs}.

## Look at an image
open: predictions?run=two
wait: open predictions image

Click one.

## Another image of the same page
open: predictions?run=two&image=4

Look at it.

## Draw
wait: drawing

Draw a 4.
"""


@pytest.fixture
def lesson(store):
    """A person's own lesson, by its name."""
    folder = store.home / "lessons"
    folder.mkdir(parents=True)
    (folder / "two.md").write_text(LESSON)
    return "two"


def page(name="train", me=ME, **address):
    """A page of this learner's browser."""
    return open_page(name, session={KEY: me}, **address)


def press(at, key):
    """Press a button of the guide."""
    at.button(key=key).click().run()
    assert not at.exception, at.exception
    return at


def standing_out(at):
    """The labels of the guide's buttons that stand out."""
    buttons = [each for each in at.button if (each.key or "").startswith("guide_")]
    return " ".join(each.label for each in buttons if each.proto.type == "primary")


def done(store, me=ME, lesson="two"):
    """What a learner has done of the lesson."""
    return read_learner(store.home, me).progress(lesson)


def finish(run, losses=(0.5, 0.3, 0.4)):
    """End a run as its worker does, with these validation losses."""
    for epoch, loss in enumerate(losses, start=1):
        run.append_event(
            "epoch", epoch=epoch, step=10 * epoch, val_loss=loss, val_accuracy=0.9, loss=0.1, accuracy=0.95
        )
    run.set_state("finished")


def test_learn_lists_the_lessons_of_the_program_and_of_the_home(lesson, store):
    at = page("learn")
    assert "Is two more than one?" in words(at)
    assert f"0 of {len(lessons(store.home))} done" in words(at)
    assert at.button(key="begin_two").label == "Start"
    headers = [each.value for each in at.header]
    assert headers == ["First steps", "Training", "Networks", "Data and trust", "More lessons"]


def test_the_words_are_a_part_of_their_own_that_a_link_to_a_word_opens(lesson):
    at = page("learn")
    assert "**accuracy** · " not in words(at)
    at.segmented_control(key="learn_part").set_value("Words").run()
    explained = [each.value for each in at.markdown if each.value.startswith("**") and "** · " in each.value]
    assert explained[:2] == sorted(explained[:2])
    assert explained[0].startswith("**accuracy**")
    linked = page("learn", word="learning-rate")
    assert "**learning rate** · " in words(linked)
    assert "**accuracy** · " not in words(linked)
    linked.segmented_control(key="learn_part").set_value("Lessons").run()
    assert "Is two more than one?" in words(linked)


def test_a_wrong_lesson_is_named_with_its_line_and_the_others_stay(lesson, store):
    (store.home / "lessons" / "half.md").write_text("title: half\n")
    at = page("learn")
    assert "half.md is not shown. Line 1: A lesson needs steps" in as_seen(at.warning[0].value).replace("**", "")
    assert at.button(key="begin_two")


def test_a_lesson_asks_trains_and_shows_what_was_said_beside_what_came(lesson, store):
    at = press(page("learn"), "begin_two")
    assert "What do you expect?" in words(at)
    at.radio[0].set_value("A later one").run()
    assert done(store).predictions == {0: "A later one"}
    at = press(at, "guide_next")
    assert "Waiting for the run" in words(at)
    at = press(at, "guide_show")
    [run] = store.runs()
    assert run.config == TrainingConfig(model="dense", epochs=3, seed=5)
    assert done(store).runs == {"two": run.id}
    assert at.title[0].value == f"Train · {run.name}"
    run.set_state("running")
    with run.lock().acquire(timeout=0):
        assert f"{run.name} · training" in words(page("train", run=run.id))  # Train says how far
        assert f"{run.name} · 0\N{NO-BREAK SPACE}%" in words(page("compare"))
    finish(run)
    at = page("train", run=run.id)
    assert f"{run.name} is trained" in words(at)
    at = press(at, "guide_next")
    assert "It was epoch **2**, of **3**" in words(at)
    assert "You said:** A later one" in words(at)
    assert ":green[:material/check_circle:]" in words(at)
    assert "**Epoch with the lowest validation loss:** 2" in words(at)
    learn = words(page("learn"))
    assert "Which epoch is best?  \n**You said:** A later one · **Epoch with the lowest validation loss:** 2" in learn


def test_a_prediction_is_asked_for_and_can_be_skipped(lesson, store):
    text = LESSON.replace("wait: run two\n", "wait: run two\npredict: More?\n- Yes\n- No\n")
    (store.home / "lessons" / "two.md").write_text(text)
    at = press(page("learn"), "begin_two")
    assert (at.button(key="guide_next").label, standing_out(at)) == ("Skip", "")
    at.radio[0].set_value("The first").run()
    assert (at.button(key="guide_next").label, standing_out(at)) == ("Next", "Next")
    at = press(at, "guide_next")  # a step that trains as well
    assert (at.button(key="guide_next").label, standing_out(at)) == ("Skip", "")
    at.radio[0].set_value("No").run()
    assert (at.button(key="guide_next").label, standing_out(at)) == ("Next", "Show me")


def test_no_line_of_a_lesson_ends_between_a_number_and_its_percent_sign(lesson, make_run, store):
    text = LESSON.replace("The first: 1 to 1", "90 % of it: 1 to 1").replace("Think first.", "It reads 1.5 % in 8 s.")
    text = text.replace("of {two.epochs}.", "of {two.epochs}: {two.validation_accuracy}.")
    (store.home / "lessons" / "two.md").write_text(text)
    finish(make_run(seed=5))
    at = press(page("learn"), "begin_two")
    assert at.radio[0].options[0] == "90\N{NO-BREAK SPACE}% of it"
    assert "It reads 1.5\N{NO-BREAK SPACE}% in 8\N{NO-BREAK SPACE}s." in words(at)
    at.radio[0].set_value("90 % of it").run()
    assert done(store).predictions == {0: "90 % of it"}
    at = press(press(press(at, "guide_next"), "guide_use_two"), "guide_next")
    assert "You said:** 90\N{NO-BREAK SPACE}% of it" in words(at)
    assert "90.00\N{NO-BREAK SPACE}%**" in words(at)


def test_a_step_outlines_its_place_and_scrolls_to_it(lesson):
    at = press(press(page("learn"), "begin_two"), "guide_next")
    drawn = [each.proto.body for each in at.get("html")]
    assert any(".st-key-start" in body and "scrollIntoView" in body for body in drawn)


def test_start_by_hand_counts_and_another_persons_run_does_not(lesson, store):
    for me in (ME, OTHER):
        press(page("learn", me), "begin_two")
        press(page("learn", me), "guide_next")
    at = page("train", model="Dense", epochs="3", dense_seed="5")
    at.button(key="start").click().run()
    [run] = store.runs()
    assert done(store).runs == {"two": run.id}
    assert done(store, OTHER).runs == {}
    finish(run)
    at = page("compare", OTHER)
    assert at.button(key="guide_use_two").label == f"Use {run.name}"  # without what the lesson lets predict
    at = press(at, "guide_use_two")  # but it can be used
    assert at.title[0].value == f"Train · {run.name}"
    assert not [each for each in at.get("html") if "ease-out 3" in each.proto.body]  # nothing is left to start
    assert done(store, OTHER).runs == {"two": run.id}


def test_a_lesson_that_was_left_has_its_settings_in_the_sidebar_of_another_session(lesson):
    press(press(page("learn"), "begin_two"), "guide_next")
    assert at_start(page("train")) == "Dense, 3 epochs"
    assert at_start(page("train", model="linear")) == "Linear, 10 epochs"  # the address says otherwise


def at_start(at) -> str:
    """What Start would begin, as the sidebar says."""
    said = [caption.value for caption in at.sidebar.caption]
    return next(words for words in said if " epochs" in words).partition(", about")[0]


def test_a_run_with_other_settings_is_not_the_lessons(lesson, store):
    press(press(page("learn"), "begin_two"), "guide_next")
    page("train", model="Dense", epochs="4", dense_seed="5").button(key="start").click().run()
    assert len(store.runs()) == 1
    assert done(store).runs == {}


def test_a_step_whose_run_was_skipped_says_so_and_leads_to_the_step_that_trains_it(lesson, store):
    text = LESSON.replace("open: train?run=two", "highlight: charts\nopen: compare?runs=two")
    (store.home / "lessons" / "two.md").write_text(text)
    at = press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_next")
    assert "It was epoch" not in words(at)
    assert "a run that is not trained yet. Step 2, “Train it”, trains it." in words(at)
    assert not at.title[0].value.startswith("Compare")  # it would show other runs
    assert not [each for each in at.get("html") if "ease-out 3" in each.proto.body]  # nothing is outlined
    assert standing_out(at) == "Go to step 2"
    at = press(at, "guide_missing")
    assert "Press Start." in words(at)
    at = press(at, "guide_show")
    finish(store.runs()[0])
    assert "It was epoch **2**" in words(press(at, "guide_next"))


def test_a_step_about_a_run_that_still_trains_says_how_far_it_is_and_goes_on_by_itself(lesson, store):
    at = press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_show")
    [run] = store.runs()
    run.set_state("running")
    with run.lock().acquire(timeout=0):
        run.append_event("epoch", epoch=1, step=10, val_loss=0.5, val_accuracy=0.9, loss=0.1, accuracy=0.95)
        press(at, "guide_next")
        at = page("compare")  # Train says how far it is
        assert re.search(rf"{run.name} · \d+.%", words(at))
        assert "as soon as it is trained" in words(at)
        assert "not trained yet" not in words(at)
        assert "It was epoch" not in words(at)  # of the first epoch, which is known
    finish(run, (0.3, 0.4))
    assert "It was epoch **2**, of **3**" in words(at.run())


def test_numbers_that_a_restarted_server_does_not_know_yet_come_by_themselves(lesson, make_run, monkeypatch):
    make_run(seed=5)
    at = press(press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_use_two"), "guide_next")
    before = guide.dataset_now
    monkeypatch.setattr(guide, "dataset_now", lambda: None)
    at = page("train")
    assert "It was epoch …" in words(at)
    monkeypatch.setattr(guide, "dataset_now", before)
    assert "It was epoch **" in words(at.run())
    assert not at.exception


def test_show_me_twice_starts_one_run_and_a_deleted_one_again(lesson, store):
    at = press(press(page("learn"), "begin_two"), "guide_next")
    at = press(press(at, "guide_show"), "guide_show")
    [run] = store.runs()
    store.delete(run)
    at.run()
    assert "Waiting for the run" in words(at)
    at.session_state["last_request"] = ("", 0.0)
    press(at, "guide_show")
    assert [other.id for other in store.runs()] not in ([], [run.id])


def test_a_lesson_stays_beside_every_page_and_is_taken_up_in_another_session(lesson):
    press(press(page("learn"), "begin_two"), "guide_next")
    for name in ("train", "predictions", "compare", "draw"):
        assert "Waiting for the run" in words(page(name))
    at = press(page("compare"), "guide_end")
    assert "Waiting for the run" not in words(at)
    at = page("learn")
    assert at.button(key="begin_two").label == "Continue"
    assert "Waiting for the run" in words(press(at, "begin_two"))


def test_what_is_waited_for_on_a_page_is_noticed(lesson, make_run, store):
    run = make_run(seed=5)
    at = press(press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_use_two"), "guide_next")
    at = press(at, "guide_next")
    assert at.title[0].value == f"Predictions · {run.name}"
    assert "Waiting for you" in words(at)
    at = page("predictions", run=run.id, image="3")
    assert "Done" in words(at)
    at = press(at, "guide_next")
    assert at.query_params["image"] in ("4", ["4"])
    at = press(at, "guide_next")
    assert "Waiting for your drawing" in words(at)
    at = press(at, "guide_next")
    assert at.title[0].value == "Learn"
    assert "1 of " in words(at)
    assert at.button(key="begin_two").label == "Again"


def test_a_widget_that_was_set_is_noticed_before_it_is_in_the_address(lesson, make_run):
    run = make_run(seed=5)
    at = press(press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_use_two"), "guide_next")
    press(at, "guide_next")
    at = page("predictions", run=run.id)
    assert "Waiting for you" in words(at)
    assert "Done" in words(at.text_input(key="image").set_value("3").run())


def test_show_me_on_the_page_that_is_open_changes_what_it_shows(lesson, make_run, store):
    run = make_run(seed=5)
    shown = "open: predictions?run=two&label=4&show=All"
    text = LESSON.replace("open: train?run=two", shown).replace("open: predictions?run=two\n", f"{shown[:-3]}Right\n")
    (store.home / "lessons" / "two.md").write_text(text)
    at = press(press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_use_two"), "guide_next")
    assert at.title[0].value == f"Predictions · {run.name}"
    at = press(at, "guide_show")
    assert (at.selectbox(key="label").value, at.session_state["show"]) == (4, "All")
    at = press(at, "guide_next")
    assert (at.selectbox(key="label").value, at.session_state["show"]) == (4, "Right")


def test_a_step_opens_the_starter_that_its_address_names_and_not_the_run_before(lesson, make_run, store):
    run = make_run(seed=5)
    text = LESSON.replace("open: predictions?run=two&image=4", "open: draw?run=starter")
    (store.home / "lessons" / "two.md").write_text(text.replace("wait: drawing", "open: draw?run=two"))
    at = press(press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_use_two"), "guide_next")
    at = press(press(at, "guide_next"), "guide_next")
    assert at.title[0].value == "Draw · Starter"
    at = press(at, "guide_next")
    assert at.title[0].value == f"Draw · {run.name}"
    assert press(at, "guide_back").title[0].value == "Draw · Starter"


def test_a_link_begins_a_lesson_and_an_unknown_one_nothing(lesson):
    at = page("train", lesson="two")
    assert "What do you expect?" in words(at)
    assert "lesson" not in at.query_params
    assert "What do you expect?" in words(page("map"))
    assert not page("train", OTHER, lesson="sun").exception


def test_a_page_that_a_lesson_leaves_at_once_begins_nothing_that_repeats_itself(lesson, monkeypatch):
    parts = []
    monkeypatch.setattr("dashboard.components.activity.show_activity", lambda *, on_train: parts.append(on_train))
    press(press(page("learn", lesson="two"), "guide_next"), "guide_show")
    assert parts == [False, True, True]  # Learn stays for the first step; Next opens Train, and Show me again


def test_the_page_scrolls_to_what_a_step_points_at_once(lesson):
    at = press(press(page("learn"), "begin_two"), "guide_next")
    [html] = [each.proto.body for each in at.get("html") if "scrollIntoView" in each.proto.body]
    assert '("two 1", ":is(.st-key-start, .st-key-start_here)", ' in html


def test_a_folded_lesson_shows_its_title_only(lesson):
    at = press(press(page("learn"), "begin_two"), "guide_fold")
    assert "Think first." not in words(at)
    assert "Two epochs" in words(at)
    assert "Think first." in words(press(page("train"), "guide_fold"))


def test_a_lesson_that_was_shortened_or_is_gone_meanwhile_ends_nothing_else(lesson, store):
    at = press(press(page("learn"), "begin_two"), "guide_next")
    (store.home / "lessons" / "two.md").write_text(
        LESSON.partition("\n## Train it")[0].replace(": 1 to 1", "").replace(": 2 to 3", "")
    )
    assert "What do you expect?" in words(at.run())
    (store.home / "lessons" / "two.md").unlink()
    assert not at.run().exception
    assert not page("learn").exception


def test_a_home_that_cannot_be_written_keeps_the_lesson_for_the_session(lesson, store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.learners.write_json", full)
    at = press(press(page("learn"), "begin_two"), "guide_next")
    assert "Waiting for the run" in words(at)


def test_one_step_starts_several_runs_and_a_measurement_is_waited_for(store):
    folder = store.home / "lessons"
    folder.mkdir(parents=True)
    text = LESSON.replace("run two:", "run other: model=dense&epochs=3&dense_seed=6\nrun two:")
    text = text.replace("wait: run two", "wait: run two other") + "\n## Measure\nwait: number two.best_epoch\n\nWait.\n"
    (folder / "two.md").write_text(text)
    at = press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_show")
    first, second = sorted(store.runs(), key=lambda run: run.config.seed)
    assert done(store).runs == {"two": first.id, "other": second.id}
    assert at.title[0].value == f"Train · {first.name}"
    finish(first)
    at.run()
    assert f"{first.name} is trained" in words(at)
    assert f"{second.name} is trained" not in words(at)
    for _ in range(5):
        at = press(at, "guide_next")
    assert "Done" in words(at)
    store.delete(first)
    assert "Waiting for the measurement" in words(at.run())


def test_show_me_begins_the_measurement_that_a_step_waits_for(lesson, make_run, store, monkeypatch):
    run, begun = make_run(seed=5), []
    text = LESSON.replace("wait: open predictions image", "wait: number two.shifted")
    (store.home / "lessons" / "two.md").write_text(text)
    monkeypatch.setattr("core.compute.job.Jobs.start", lambda jobs, run, kind: begun.append((run.id, kind)))
    at = press(press(press(page("learn"), "begin_two"), "guide_next"), "guide_use_two")
    at = press(press(at, "guide_next"), "guide_next")
    assert "Waiting for the measurement" in words(at)
    assert not begun
    press(at, "guide_show")
    assert begun == [(run.id, "robustness")]


def test_words_of_the_field_are_explained_where_a_page_says_them(make_run):
    run = make_run(seed=5)
    for name in ("train", "predictions", "inside", "export"):
        [line] = [each.value for each in page(name, run=run.id).markdown if "hidden layers" in each.value]
        assert '[hidden layers](/learn?word=hidden-layer "A layer between the image and' in line
        assert line.count("/learn?word=") == 3


def test_a_report_of_a_lesson_has_what_was_said_and_what_came(lesson, store):
    assert "make_report" not in [button.key for button in page("learn").button]  # no lesson was begun
    run = store.create(TrainingConfig(model="dense", epochs=3, seed=5), "Mine")
    finish(run)
    said = LessonProgress(predictions={0: "A later one"}, runs={"two": run.id})
    change_learner(store.home, ME, lambda now: now.with_progress("two", **asdict(said)))
    at = press(page("learn"), "make_report")
    assert not at.error
    report = Page(at.session_state["report_made"][1]).words
    assert "Two epochs Is two more than one? What I expected, and what came Which epoch is best?" in report
    assert "I said: A later one ✓ Right. Epoch with the lowest validation loss: 2 Mine" in report
