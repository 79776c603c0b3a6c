"""The page Class: who gets in, what a teacher does there, and that nobody else can."""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.config import TrainingConfig
from core.data import load_dataset
from core.people import Actor, People, acting_as, change_rules, log, read_rules
from dashboard.components import people as people_page
from dashboard.components import session
from dashboard.serving import teacher_pin
from tests.support.digits import mostly_right
from tests.support.pages import by_label, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]

SESSION = "test session id"  # of Streamlit's AppTest


@pytest.fixture
def people(store, monkeypatch):
    """The people of a class whose teacher's PIN is 123456; each test begins with no wrong tries."""
    monkeypatch.setenv("DIGITLAB_CLASS", "1")
    monkeypatch.setenv(teacher_pin.TEACHER, "123456")
    teacher_pin.teacher_pin.cache_clear()
    yield People(store.home)
    people_page._typed.clear()
    teacher_pin.teacher_pin.cache_clear()


@pytest.fixture
def come(people):
    """Let somebody sit in front of the pages."""

    def sit(name, *, is_teacher=False):
        person, people_page._typed[SESSION] = people.join(name)
        return people.set_teacher(person, is_teacher)

    return sit


def make(store, person, state="finished"):
    with acting_as(Actor(person)):
        run = store.create(TrainingConfig(epochs=1))
        run.write_summary({"test_accuracy": 0.9, "validation_accuracy": 0.93, "training_seconds": 90.0, "epochs": 1})
        run.set_state(state)
    return run


def choose(at, *people):
    """Choose these in the table; none is everybody."""
    drawn = at.session_state["class_table"]
    at.session_state[drawn.key] = {"selection": {"rows": [drawn.ids.index(person.id) for person in people]}}
    return at


def press(at, label):
    by_label(at.button, label).click().run()
    assert not at.exception
    return at


def test_there_is_no_such_page_where_no_class_is_served(monkeypatch):
    monkeypatch.setenv("DIGITLAB_CLASS", "0")
    at = open_page("train")
    assert not [page for page in at.main if getattr(page, "label", "") == "Class"]
    monkeypatch.setenv(teacher_pin.TEACHER, "123456")


def test_a_pupil_gets_in_by_the_pin_alone_and_out_again(store, people, come):
    ann = come("Ann")
    at = open_page("class")
    assert not at.dataframe
    for wrong in range(5):
        by_label(at.text_input, "Teacher's PIN").set_value(f"00000{wrong}")
        press(at, "Open")
        assert "This is not the PIN." in words(at)
    by_label(at.text_input, "Teacher's PIN").set_value("123456")
    assert "Too many wrong PINs. Try again in" in words(press(at, "Open"))
    assert not people.get(ann.id).is_teacher

    teacher_pin.teacher_pin.cache_clear()  # as after a minute
    by_label(at.text_input, "Teacher's PIN").set_value("123 456")
    press(at, "Open")
    assert people.get(ann.id).is_teacher
    assert list(at.dataframe[0].value["Name"]) == ["Ann (teacher)"]
    press(at, "Leave: be a pupil again")
    assert not people.get(ann.id).is_teacher
    assert not at.dataframe
    assert [line["did"] for line in log.read(store.home)] == ["left the page Class", "opened the page Class"]


def test_a_second_click_on_begin_makes_nobody_and_what_somebody_before_chose_is_forgotten(people, come, monkeypatch):
    ann = come("Ann")
    at = open_page("learn", session={"mode": "My digits"}, run="anns")
    assert "run" in at.query_params
    people.remove(ann)
    at.run()
    assert "This browser's name is no longer in the class" in words(at)
    join = People.join

    def join_and_be_interrupted(*arguments):
        get_script_run_ctx().script_requests.request_stop()  # as soon as Streamlit may
        return join(*arguments)

    monkeypatch.setattr(People, "join", join_and_be_interrupted)
    by_label(at.text_input, "Your name").set_value("Mia")
    press(at, "Begin")
    press(at, "Begin")
    assert [person.name for person in people.all()] == ["Mia"]
    assert "mode" not in at.session_state
    assert "anns" not in str(at.query_params["run"])


def test_who_leaves_is_asked_first_and_comes_back_by_a_code_that_the_teacher_reads(store, people, come):
    come("Ms Teacher", is_teacher=True)
    teachers_key = people_page._typed[SESSION]
    ann = come("Ann")
    pupil = open_page("train")
    press(pupil, "This is not me: leave")
    assert "The runs, sweeps, drawings and lessons of Ann stay." in words(pupil).replace("**", "")
    press(pupil, "Stay")
    assert "Begin" not in [button.label for button in pupil.button]
    press(pupil, "This is not me: leave")
    press(pupil, "Leave")
    assert "Begin" in [button.label for button in pupil.button]

    people_page._typed[SESSION] = teachers_key
    teacher = open_page("class")
    assert by_label(teacher.button, "Let in again").disabled
    choose(teacher, ann).run()
    press(teacher, "Let in again")
    assert teacher.get("dialog")[0].proto.dialog.title == "A code for Ann"
    [code] = re.findall(r"^\d{3} \d{3}$", words(teacher), re.MULTILINE)

    people_page._typed[SESSION] = people_page.LEFT
    for typed in (f"{(int(code.replace(' ', '')) + 1) % 10**6:06}", code):
        pupil = open_page("train")
        by_label(pupil.text_input, "Code").set_value(typed)
        press(pupil, "Come back")
        assert ("This code is wrong or was used" in words(pupil)) == (typed != code)
    assert people.of_key(people_page._typed[SESSION]).id == ann.id
    assert [(line["name"], line["did"]) for line in log.read(store.home)] == [
        ("Ann", "came back by a code"),
        ("Ms Teacher", "made a code that lets Ann in again"),
    ]


def test_the_table_says_who_is_here_and_what_they_train(store, people, come):
    ben, cem = (people.join(name)[0] for name in ("Ben", "Cem"))
    os.utime(people.folder / f"{cem.id}.json", (1000, 1000))
    make(store, cem)
    run = make(store, ben, "queued")
    gone = people.join("Dana")[0]
    make(store, gone)
    people.remove(gone)
    with run.lock().acquire(timeout=0):
        run.set_state("running")
        run.append_event("batch", step=1, epoch=0, position=0.5, time=1.0)
        come("Ms Teacher", is_teacher=True)
        make(store, ben, "queued")
        at = open_page("class")
        table = at.dataframe[0].value.set_index("Name")
    assert "3 names · 2 here · 1 in training · 1 in the line" in words(at)  # without Dana, who was removed
    assert list(table.index) == ["Ben", "Cem", "Ms Teacher (teacher)", "Dana"]  # who was removed is last
    assert table.loc["Ben", "Trains now"] == f"{run.name} · 50 %, 1 in the line"
    assert table.loc["Ben", "Last here"] == "here"
    assert table.loc["Cem", "Last here"].endswith(" h ago")
    assert table.loc["Dana", "Last here"] == "removed"
    assert table.loc["Cem", ["Best validation", "Runs", "Minutes"]].tolist() == [93.0, 1, 1.5]


def test_a_teacher_stops_deletes_renames_and_removes_after_a_question_and_all_is_in_the_log(store, people, come):
    ben, cem = (people.join(name)[0] for name in ("Ben", "Cem"))
    runs = [make(store, person, "queued") for person in (ben, ben, cem)]
    come("Ms Teacher", is_teacher=True)
    at = open_page("class")
    choose(at, ben).run()
    press(at, "Stop")
    assert "Stop the runs of Ben?" in at.get("dialog")[0].proto.dialog.title
    assert [run.state.name for run in runs] == ["queued"] * 3  # nothing before the answer
    at.button(key="really_stop").click().run()
    assert [run.state.name for run in runs] == ["paused", "paused", "queued"]

    at.text_input(key=f"new_name_{ben.id}").set_value("Benno")
    at.button(key="really_rename").click().run()
    assert people.get(ben.id).name == "Benno"
    assert "**For Benno**" in words(at)
    press(at, "Delete runs")
    assert "Delete the runs of Benno?" in at.get("dialog")[0].proto.dialog.title
    at.button(key="really_delete").click().run()
    assert [run.id for run in store.runs()] == [runs[2].id]
    press(at, "Remove names")
    at.button(key="really_remove").click().run()
    assert people.get(ben.id) is None
    choose(at).run()
    assert "**For everybody**" in words(at)
    press(at, "Stop")
    assert "1 run of everybody, of all 2 names and yours too" in words(at)
    assert by_label(at.button, "Stop 1 run").key == "really_stop"
    at.button(key="really_stop").click().run()
    assert runs[2].state.name == "paused"
    assert [line["did"] for line in log.read(store.home)] == [
        "stopped 1 run of everybody",
        "removed Benno from the class",
        "deleted 2 runs of Benno",
        "renamed Ben to Benno",
        "stopped 2 runs of Ben",
    ]


def test_a_choice_that_is_not_understood_does_nothing_and_no_choice_removes_nobody(store, people, come):
    ben = people.join("Ben")[0]
    teacher = come("Ms Teacher", is_teacher=True)
    at = open_page("class")
    choose(at, ben).run()
    people.remove(ben)  # by another teacher
    at.button(key="class_stop").click().run()
    assert "Nothing was done: 1 of the chosen names changed meanwhile." in words(at)
    assert not at.get("dialog")
    assert at.button(key="class_remove").disabled
    cem = people.join("Cem")[0]
    at.run()
    for nobody in ((), (teacher,)):
        choose(at, cem).run()
        choose(at, *nobody)
        at.button(key="class_remove").click().run()  # before it is off
        assert "Nobody was removed." in words(at)
        assert not at.get("dialog")
        assert at.button(key="class_remove").disabled
    press(at, "Stop")
    assert "Nobody was removed." not in words(at)  # another thing is tried
    assert {person.id for person in people.all()} == {teacher.id, cem.id}
    assert log.read(store.home) == []


def test_who_is_chosen_stays_so_when_others_come_and_a_row_moves(people, come):
    cem = people.join("Cem")[0]
    come("Ms Teacher", is_teacher=True)
    at = open_page("class")
    choose(at, cem).run()
    people.join("Ann")
    at.run()
    assert "**For Cem**" in words(at)
    assert at.session_state["class_table"].first == [1]  # where the browser begins with it


def test_of_two_with_one_name_each_is_chosen_alone(store, people, come):
    gone = people.join("Dana")[0]
    runs = [make(store, gone, "queued")]
    people.remove(gone)
    dana = people.join("Dana")[0]
    runs.append(make(store, dana, "queued"))
    come("Ms Teacher", is_teacher=True)
    at = open_page("class")
    choose(at, dana).run()
    press(at, "Stop")
    at.button(key="really_stop").click().run()
    assert [run.state.name for run in runs] == ["queued", "paused"]


def test_limits_and_waiting_are_set_and_wrong_numbers_are_refused(store, come):
    come("Ms Teacher", is_teacher=True)
    at = open_page("class")
    by_label(at.toggle, "Everybody waits").set_value(True).run()
    assert read_rules(store.home).everybody_waits
    assert "Everybody waits:** no run starts until you turn it off. None waits yet." in words(at)
    by_label(at.text_input, "Epochs a run").set_value("5")
    by_label(at.text_input, "Runs at a time").set_value("")
    press(at, "Set limits")
    rules = read_rules(store.home)
    assert (rules.epochs, rules.waiting, rules.everybody_waits) == (5, None, True)
    by_label(at.text_input, "Minutes a name").set_value("-3")
    assert "Minutes a name: A limit is above 0" in words(press(at, "Set limits"))
    assert read_rules(store.home) == rules
    assert not at.error  # it stands at the form
    by_label(at.text_input, "Minutes a name").set_value("30")
    press(at, "Set limits")
    assert read_rules(store.home).minutes == 30
    assert "A limit is above 0" not in words(at)


def test_a_class_is_cleared_after_a_zip_of_everything(store, people, come):
    ben = people.join("Ben")[0]
    run = make(store, ben)
    dana = people.join("Dana")[0]
    make(store, dana).append_event("batch", step=1, epoch=1, training_seconds=9.0)
    people.remove(dana)  # before, and the runs stayed
    (people.folder / dana.id).mkdir()  # as an earlier version left it
    digits = people.folder / ben.id / "my_digits"
    digits.mkdir(parents=True)
    (digits / "one.npz").write_bytes(b"a drawing")
    datasets, found = session.services().datasets, load_dataset()
    datasets.add(found, "Our digits", writers=[ben.id])
    of_a_book = datasets.add(replace(found, x_train=255 - found.x_train), "Of a book")
    (store.home / "https.pem").write_text("a key")
    teacher = come("Ms Teacher", is_teacher=True)
    log.note(store.home, teacher, "did something")
    at = open_page("class")
    press(at, "Clear the class")
    assert store.get(run.id)
    trains = make(store, people.join("Cem")[0], "running")
    trains.append_event("batch", step=1, epoch=1, training_seconds=9.0)
    with trains.lock().acquire(timeout=0):
        at.button(key="really_clear").click().run()
        assert [run.id for run in store.runs()] == [trains.id]  # until its worker has ended
        assert list(at.dataframe[0].value["Name"]) == ["Ms Teacher (teacher)"]
    assert [person.id for person in people.all()] == [teacher.id]
    assert datasets.all() == [of_a_book]
    store.delete(trains)  # as the launcher does
    assert [path.name for path in people.folder.iterdir() if path.is_dir()] == []
    [path] = (store.home / "cleared").iterdir()
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert archive.read(f"people/{ben.id}/my_digits/one.npz") == b"a drawing"
    assert {f"runs/{run.id}/config.json", f"people/{ben.id}.json", "class-log.jsonl"} <= names
    assert "https.pem" not in names
    assert path.name in log.read(store.home)[0]["did"]

    press(at, "Delete this zip")
    assert at.get("dialog")[0].proto.dialog.title == f"Delete {path.name}?"
    at.button(key="not_really_delete_zip").click().run()
    assert path.exists()
    press(at, "Delete this zip")
    at.button(key="really_delete_zip").click().run()
    assert not path.exists()
    assert log.read(store.home)[0]["did"] == f"deleted {path.name}"


def test_what_a_page_of_a_teacher_still_sends_does_nothing_once_they_are_a_pupil(store, people, come):
    run = make(store, people.join("Ben")[0], "queued")
    teacher = come("Ms Teacher", is_teacher=True)
    at = open_page("class")
    for key in ("class_stop", "clear_class"):
        people.set_teacher(teacher, True)
        at.run()
        people.set_teacher(teacher, False)
        at.button(key=key).click().run()
        assert "Only the teacher can do this." in words(at)
    people.set_teacher(teacher, True)
    at.run()
    press(at, "Stop")
    people.set_teacher(teacher, False)
    at.button(key="really_stop").click().run()
    assert run.state.name == "queued"
    assert read_rules(store.home).everybody_waits is False
    people.set_teacher(teacher, True)
    at.run()
    people.set_teacher(teacher, False)
    by_label(at.toggle, "Everybody waits").set_value(True).run()
    assert read_rules(store.home).everybody_waits is False


def test_a_pupil_sees_limits_before_start_and_a_teacher_has_none(store, people, come):
    ann = come("Ann")
    at = open_page("train", epochs="5")
    assert not at.button(key="start").disabled
    assert "Your teacher allows" not in words(at)
    change_rules(store.home, epochs=3)
    at.run()
    assert at.button(key="start").disabled
    assert "The teacher has set at most 3 epochs." in words(at)
    assert "Your teacher allows" not in words(at)  # the same twice
    assert "Your teacher allows at most 3 epochs a run." in words(open_page("train", epochs="3"))
    assert by_label(open_page("tune", session={"train_epochs": "5"}).button, "Start").disabled
    people.set_teacher(ann, True)
    at.run()
    assert not at.button(key="start").disabled
    assert "Your teacher allows" not in words(at)


def test_what_is_set_at_first_fits_the_limits_and_what_is_asked_for_above_them_is_refused(store, people, come):
    ann = come("Ann")
    change_rules(store.home, epochs=5, images=2000)
    at = open_page("train")
    assert not at.button(key="start").disabled
    assert not by_label(at.button, "Train Classic, 5 epochs").disabled
    at.button(key="start").click().run()
    assert (store.runs()[0].config.epochs, store.runs()[0].config.training_images) == (5, 2000)
    at = open_page("train", epochs="10")
    assert at.button(key="start").disabled
    assert words(at).count("The teacher has set at most 5 epochs.") == 2  # below Start, and below Train Classic
    change_rules(store.home, epochs=None, images=60_000)
    assert "Classic, 10 epochs" in words(open_page("train"))
    change_rules(store.home, epochs=5)
    assert "Classic, 5 epochs" in words(open_page("train"))
    people.set_teacher(ann, True)
    assert "Classic, 10 epochs" in words(open_page("train"))


def test_a_pupil_reads_that_the_teacher_stopped_their_run(store, come):
    run = make(store, come("Ann"))
    run.set_state("stopped", "Stopped by the teacher.")
    assert words(open_page("train", run=run.id)).count("Stopped by the teacher after 0 of 1") == 1
    run.set_state("paused", "Paused by the teacher.")
    assert words(open_page("train", run=run.id)).count("by the teacher") == 1


def test_a_run_in_the_line_says_that_the_teacher_has_paused_starting(store, come):
    run = make(store, come("Ann"), "queued")
    change_rules(store.home, everybody_waits=True)
    bars = [bar.proto.text for bar in open_page("train", run=run.id).get("progress")]
    assert any("The teacher has paused starting: your run stays in the line." in text for text in bars)


def test_the_link_has_the_lesson_and_what_is_locked_as_it_is_on_train(come):
    come("Ms Teacher", is_teacher=True)
    at = open_page("train", model="dense", epochs="7", learning_rate="0.02")
    at.switch_page("app_pages/class.py").run()
    by_label(at.multiselect, "Settings that are locked").set_value(["epochs", "model", "learning_rate"]).run()
    query = parse_qs(urlsplit(at.code[0].value).query)
    assert query.pop("dense_network")[0].startswith("flatten, ")
    assert query == {
        "lock": ["epochs,model,learning_rate"],
        "model": ["dense"],
        "epochs": ["7"],
        "dense_learning_rate": ["0.02"],
    }
    by_label(at.selectbox, "Lesson").set_value("epochs").run()
    assert parse_qs(urlsplit(at.code[0].value).query) == {"lesson": ["epochs"], "lock": ["epochs,model,learning_rate"]}


def test_the_wall_hides_half_of_the_test_images_until_the_teacher_shows_it(store, people, come, digits):
    run = make(store, people.join("Ben|_x_")[0])
    run.write_probabilities(mostly_right(digits.y_test, slice(0, 20, 2)))  # wrong at even indices alone
    come("Ms Teacher", is_teacher=True)
    make(store, people.join("Cem")[0], "queued")
    trains = make(store, people.join("Cem")[0], "running")
    trains.write_summary({})
    with trains.lock().acquire(timeout=0):
        at = open_page("class", wall="")
    assert "|1|Ben|_x_|Classic 1|93.00 % \\*|94.97 %|" in words(at).replace("&#124;", "|")
    assert "100.00 %" not in words(at)
    assert "1 run trains now · 1 in the line" in words(at)
    press(at, "Show the other half")
    assert "|94.97 %|100.00 %|" in words(at)
    assert not at.toast  # which would cover the first place
    assert "showed the other half" in log.read(store.home)[0]["did"]
    press(at, "Close")
    assert at.title[0].value == "Class"


def test_an_empty_wall_invites_with_the_address_and_its_picture(come):
    come("Ms Teacher", is_teacher=True)
    at = open_page("class", wall="")
    assert "Train a network: the best run of each name comes here." in words(at)
    assert words(at).count("Join at **") == 2  # in the head too, where it is hidden meanwhile
    assert "Nothing trains now" in words(at)


def test_a_pupil_has_no_wall(store, come):
    make(store, come("Ann"))
    at = open_page("class", wall="")
    assert "Validation" not in words(at)
    assert by_label(at.text_input, "Teacher's PIN")
