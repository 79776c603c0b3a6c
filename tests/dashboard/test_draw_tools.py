"""Draw's tools: its steps, other runs, the ink that decided, changes; pictures; and my digits with fine-tuning."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.config import TrainingConfig
from core.data.my_digits import MyDigits
from core.drawing.transform import reshape
from core.inference.answer import Answer, LoadedModels
from core.storage import write_json
from dashboard.components import loaded_models
from dashboard.components.draw.tools import TABS, agreement
from dashboard.components.formatting import run_link
from tests.support.drawing import LeftReader, canvas_data, drawn
from tests.support.pages import by_label, galleries, numbers, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]
ONE = [(150, 60), (150, 240)]
SEVEN = [(60, 60), (240, 60), (120, 360)]


class SeesNothing(LeftReader):
    """Reads everything as a 5."""

    def outputs(self, images):
        probabilities = np.full((len(images), 10), 0.02, np.float32)
        probabilities[:, 5] = 0.82
        return {"probabilities": probabilities, "scores": probabilities, "hidden": probabilities}


@pytest.fixture
def make_reader(make_run, monkeypatch):
    """A finished run with a model that behaves like `reader`; the starter sees fives."""
    runs_with_model = {}

    def load(folder):
        return runs_with_model.get(str(folder)) or SeesNothing()

    def make(reader=None, model="dense"):
        run = make_run(model=model)
        (run.path / "model.tflite").touch()
        runs_with_model[str(run.path)] = reader or LeftReader()
        return run

    monkeypatch.setattr("core.predictor.Predictor.load", load)
    return make


@pytest.fixture(autouse=True)
def ood_reasons(monkeypatch):
    """What each run's OOD detector says of every drawing, by the run's id; the others have none and learn none."""
    by_run = {}

    class Detector:
        def __init__(self, reason):
            self.reasons = lambda images, outputs: [reason] * len(images)

    monkeypatch.setattr(
        LoadedModels, "ood_detector", lambda models, run: Detector(by_run[run.id]) if run.id in by_run else None
    )
    monkeypatch.setattr(loaded_models, "fit_ood_detector", lambda run: None)
    return by_run


@pytest.fixture
def run(make_reader):
    return make_reader()


@pytest.fixture
def mine(store):
    return MyDigits(store.home)


def open_drawn(tab=TABS[0], **session):
    """The page with a vertical stroke on its canvas and one of its tabs open."""
    return open_page("draw", session={"canvas_0": drawn(ONE), "tool_tab": tab, **session})


def as_png(array):
    """An upload."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return "digit.png", file.getvalue(), "image/png"


def fill(mine, digits, count):
    """Keep the first test images."""
    for image, label in zip(digits.x_test[:count], digits.y_test[:count], strict=True):
        mine.add(image, int(label), said=None, run_id="run")


# Draw


def test_before_the_first_stroke_there_is_no_answer_and_nothing_to_teach(run):
    at = open_page("draw")
    assert "The answer follows the pen" in words(at)
    assert not at.metric
    assert not at.tabs
    assert not at.pills


def test_only_the_open_tab_is_computed(run):
    at = open_drawn()
    assert [tab.label for tab in at.tabs] == list(TABS)
    assert len(at.tabs[0].children)
    assert not any(len(tab.children) for tab in at.tabs[1:])


def test_the_switch_shows_what_a_plain_resize_would_have_given(run):
    at = open_drawn()
    assert "Resized as it is" not in words(at)
    at.toggle(key="plain").set_value(True).run()
    assert not at.exception
    assert "Resized as it is: **9** (91.0 %)" in words(at)  # the stroke begins in column 9


def test_every_run_answers_and_the_damaged_ones_are_left_out(make_reader, make_run):
    for _ in range(3):
        make_reader()
    make_reader(SeesNothing())
    damaged = make_reader()
    (damaged.path / "config.json").write_text("{")
    make_run("running")  # has no model yet
    at = open_drawn("All runs")
    [table] = [frame.value for frame in at.dataframe]
    assert table["Run"].tolist()[-1] == "Starter"
    assert len(table) == 5
    assert "3 of 5 read a **3**; 2 a **5**." in words(at)


def test_a_model_that_cannot_be_read_is_left_out_of_all_runs(make_run):
    broken = make_run()
    (broken.path / "model.tflite").write_bytes(b"not a model")
    at = open_page("draw", session={"canvas_0": drawn(ONE), "tool_tab": "All runs"}, run="starter")
    [table] = [frame.value for frame in at.dataframe]
    assert table["Run"].tolist() == ["Starter"]
    assert not at.error


def test_a_run_below_its_threshold_abstains(make_reader):
    run = make_reader()
    run.set_threshold(0.95)
    at = open_drawn("All runs")
    assert at.metric[0].value == "Don't know"
    assert "below 95.00 %" in words(at)
    assert "Its guess would be" in words(at)
    assert by_label(at.pills, "What is it? Keep it in My digits as:").value is None
    assert at.dataframe[0].value["Vote"].tolist() == ["don't know", "5"]
    assert "1 of 2 does not know" in words(at)


def test_what_is_no_digit_is_not_read_and_says_why(run, ood_reasons):
    ood_reasons[run.id] = "This looks like several digits."
    at = open_drawn("All runs")
    assert at.metric[0].value == "Don't know"
    assert "This looks like several digits." in words(at)
    assert "Its guess would be" in words(at)
    assert by_label(at.pills, "What is it? Keep it in My digits as:").value is None
    assert at.dataframe[0].value["Vote"].tolist() == ["don't know", "5"]
    ood_reasons[run.id] = ""
    assert at.run().metric[0].value != "Don't know"


def test_at_most_twelve_runs_and_the_starter_are_asked(make_reader):
    for _ in range(13):
        make_reader()
    at = open_drawn("All runs")
    assert len(at.dataframe[0].value) == 13
    assert "the newest 12 runs" in words(at)


@pytest.mark.parametrize(
    ("digits", "sentence"),
    [
        ([9, 9, 4, 9], "3 of 4 read a **9**; 1 a **4**."),
        ([9], "1 of 1 reads a **9**."),
        ([None, 9, 9], "2 of 3 read a **9**; 1 of 3 does not know."),
        ([None, None], "2 of 2 do not know."),
    ],
)
def test_who_agrees_is_said_in_a_sentence(digits, sentence):
    answers = [Answer({}, digit or 0, 1, 0.9, "" if digit is not None else "It cannot tell.") for digit in digits]
    assert agreement(answers) == sentence


def test_the_ink_that_decided_is_shown_with_words(run):
    at = open_drawn("Which ink decided")
    assert "ink speaks for" in words(at) or "No single patch matters" in words(at)


def test_sliders_change_the_digit_and_reset_puts_it_back(run):
    at = open_drawn("Change it")
    before = at.metric[0].value
    assert f"It reads **{before}**" in words(at)
    at.slider(key="change_right").set_value(3).run()
    assert not at.exception
    assert f"It reads **{(int(before) + 3) % 10}**" in words(at)
    assert f"Unchanged: {before}" in words(at)
    at.button(key="reset").click().run()
    assert at.slider(key="change_right").value == 0
    assert f"It reads **{before}**" in words(at)


def test_undo_takes_back_strokes_and_the_clearing(run):
    at = open_page("draw", session={"canvas_0": drawn(ONE)})
    first = at.metric[0].value
    at.session_state["canvas_0"] = drawn(ONE, [(30, 60), (30, 240), (250, 100)])
    at.run()
    at.button(key="undo").click().run()
    assert canvas_data(at)["initialDrawing"]["objects"] == [{"type": "Path", "path": [list(place) for place in ONE]}]
    assert at.metric[0].value == first
    at.button(key="clear").click().run()
    assert not at.metric
    at.button(key="undo").click().run()
    assert at.metric[0].value == first
    for _ in range(3):
        at.button(key="undo").click().run()
    assert not at.exception
    assert not at.metric


def test_strokes_that_the_browser_took_back_by_itself_are_not_taken_back_twice(run):
    at = open_page("draw", session={"canvas_0": drawn(ONE)})
    first = at.metric[0].value
    at.button(key="clear").click().run()
    for strokes in ([ONE, ONE], []):  # two at once, then none
        at.session_state["canvas_1"] = drawn(*strokes)
        at.run()
    at.button(key="undo").click().run()
    assert at.metric[0].value == first  # the clearing was taken back


def test_clear_and_undo_know_of_a_stroke_that_comes_with_the_click(run):
    at = open_page("draw")
    at.session_state["canvas_0"] = drawn(ONE)
    at.button(key="clear").click().run()
    assert not at.metric
    assert canvas_data(at)["initialDrawing"]["objects"] == []
    at.button(key="undo").click().run()
    assert at.metric


# A picture instead


def test_a_picture_is_read_like_a_drawing(run, digits):
    at = open_page("draw", session={"mode": "Picture"})
    assert "Choose a picture" in words(at)
    assert not at.get("camera_input")
    page = np.full((300, 260), 240, np.uint8)
    page[40:264, 20:244] -= np.kron(digits.x_test[0], np.ones((8, 8), np.uint8)) // 2
    at.file_uploader(key="upload").set_value(as_png(page)).run()
    assert not at.exception
    assert at.metric[0].label == "It reads"
    at.file_uploader(key="upload").set_value(as_png(np.full((50, 50), 200, np.uint8))).run()
    assert not at.metric
    assert "No digit found" in words(at)


def test_a_picture_survives_a_change_of_page_until_it_is_removed(run, digits):
    at = open_page("draw", session={"mode": "Picture"})
    at.file_uploader(key="upload").set_value(as_png(np.kron(digits.x_test[0], np.ones((8, 8), np.uint8)))).run()
    answer = at.metric[0].value
    at.switch_page("app_pages/export.py").run()
    at.switch_page("app_pages/draw.py").run()
    assert at.metric[0].value == answer
    at.button(key="remove_picture").click().run()
    assert not at.metric
    assert "Choose a picture" in words(at)


def test_a_file_that_is_no_picture_is_refused(run):
    at = open_page("draw", session={"mode": "Picture"})
    at.file_uploader(key="upload").set_value(("digit.png", b"no picture", "image/png")).run()
    assert not at.exception
    assert "not a PNG, JPEG or WebP" in at.error[0].value
    assert not at.metric


def test_the_camera_is_asked_for_only_on_demand(run, digits):
    at = open_page("draw", session={"mode": "Picture"})
    at.toggle(key="use_camera").set_value(True).run()
    file = io.BytesIO()
    Image.fromarray(np.kron(digits.x_test[1], np.ones((8, 8), np.uint8))).save(file, "JPEG")
    at.camera_input(key="camera").set_value(("photo.jpg", file.getvalue(), "image/jpeg")).run()
    assert not at.exception
    assert at.metric[0].label == "It reads"


# Teach it


QUESTION = "Is that right? Keep it in My digits as:"


def test_one_click_saves_a_drawing_and_another_one_takes_it_back(run, mine):
    at = open_drawn()
    said = int(at.metric[0].value)
    by_label(at.pills, QUESTION).set_value(said).run()
    [digit] = mine.all()
    assert (digit.label, digit.said, digit.run_id) == (said, said, run.id)
    assert f"Saved as a {said}" in words(at)
    by_label(at.pills, QUESTION).set_value(None).run()
    assert mine.all() == ()
    assert "to_my_digits" not in [button.key for button in at.button]


def test_a_click_on_the_buttons_of_an_earlier_drawing_labels_nothing(run, mine):
    at = open_drawn()
    by_label(at.pills, QUESTION).set_value(1).run()
    at.session_state["canvas_0"] = drawn(ONE, SEVEN)
    by_label(at.pills, QUESTION).set_value(7).run()  # it arrives together with the stroke
    assert [digit.label for digit in mine.all()] == [1]
    assert by_label(at.pills, QUESTION).value is None
    assert "nothing was saved" in words(at)
    by_label(at.pills, QUESTION).set_value(7).run()
    assert [digit.label for digit in mine.all()] == [1, 7]
    assert not at.exception


def test_a_click_on_the_buttons_of_an_earlier_photo_labels_nothing(run, mine, digits):
    first, second = (as_png(np.kron(digits.x_test[image], np.ones((8, 8), np.uint8))) for image in (0, 1))
    at = open_page("draw", session={"mode": "Picture"})
    at.file_uploader(key="upload").set_value(first).run()
    by_label(at.pills, QUESTION).set_value(1).run()
    at.file_uploader(key="upload").set_value(second)
    by_label(at.pills, QUESTION).set_value(7).run()
    assert [digit.label for digit in mine.all()] == [1]


def test_what_it_is_can_be_said_and_changed(run, mine):
    at = open_drawn()
    by_label(at.pills, QUESTION).set_value(1).run()
    by_label(at.pills, QUESTION).set_value(7).run()
    assert [digit.label for digit in mine.all()] == [7]
    assert by_label(at.pills, QUESTION).value == 7
    at.button(key="to_my_digits").click().run()
    assert "reads **0 of 1** right" in words(at)
    assert not at.exception


def test_a_full_shelf_is_said_and_nothing_breaks(run, mine, digits, monkeypatch):
    fill(mine, digits, 2)
    monkeypatch.setattr("core.data.my_digits.MOST", 2)
    at = open_drawn()
    by_label(at.pills, QUESTION).set_value(1).run()
    assert not at.exception
    assert "Delete some digits" in words(at)
    assert len(mine.all()) == 2


# My digits


def test_without_digits_it_says_what_they_are_for(run):
    at = open_page("draw", session={"mode": "My digits"})
    assert "it is saved here" in words(at)
    assert not galleries(at)
    at.button(key="to_draw").click().run()
    assert at.segmented_control(key="mode").value == "Draw"


def test_my_digits_are_shown_with_what_the_run_says_and_one_is_deleted(run, mine, digits):
    fill(mine, digits, 5)
    newest = mine.newest()
    at = open_page("draw", session={"mode": "My digits", "my_digit": newest.id})
    [tiles] = galleries(at)
    assert [tile["index"] for tile in tiles] == [4, 3, 2, 1, 0]
    assert "My digits · 5" in words(at)
    assert set(readers(at)) == {run_link(run.name, is_shown=True), run_link("Starter")}
    at.button(key="delete_digit").click().run()
    assert not at.exception
    assert newest.id not in [digit.id for digit in mine.all()]
    assert "My digits · 4" in words(at)
    assert "delete_digit" not in [button.key for button in at.button]


def test_a_wrong_label_is_corrected(run, mine, digits):
    fill(mine, digits, 5)
    newest = mine.newest()
    right = (newest.label + 1) % 10
    at = open_page("draw", session={"mode": "My digits", "my_digit": newest.id})
    by_label(at.pills, "It is a:").set_value(right).run()
    assert (mine.newest().id, mine.newest().label) == (newest.id, right)
    assert by_label(at.pills, "It is a:").value == right
    assert galleries(at)[0][0]["caption"].startswith(str(right))
    assert not at.exception


def fives(mine, count):
    """Keep strokes that are no test images, each with the label 5."""
    for width in range(1, count + 1):
        image = np.zeros((28, 28), np.uint8)
        image[4:24, 12 : 12 + width] = 255
        mine.add(image, 5, said=None, run_id="run")


def my_digits_read(at, run):
    """What the table of My digits says of the chosen run: how many of them it reads."""
    return at.dataframe[0].value["My digits"][readers(at).index(run_link(run.name, is_shown=True))]


def readers(at) -> list[str]:
    """The names in the table of My digits, each of which chooses its run."""
    return list(at.dataframe[0].value["Run"])


def test_my_digits_does_not_count_as_read_what_draw_refuses_for_its_confidence(make_reader, mine):
    run = make_reader(SeesNothing())  # a five with 82 %
    fives(mine, 3)
    assert my_digits_read(open_page("draw", session={"mode": "My digits"}), run) == 3
    run.set_threshold(0.95)
    at = open_page("draw", session={"mode": "My digits"})
    assert my_digits_read(at, run) == 0
    assert {(tile["mark"], tile["caption"], tile["sure"]) for tile in galleries(at)[0]} == {("none", "5", "don't know")}


def test_my_digits_does_not_count_as_read_what_draw_takes_for_no_digit(make_reader, mine, ood_reasons):
    run = make_reader(SeesNothing())
    fives(mine, 3)
    ood_reasons[run.id] = "This looks like several digits."
    at = open_page("draw", session={"mode": "My digits"})
    assert my_digits_read(at, run) == 0
    assert at.dataframe[0].value["My digits"].tolist() == [3, 0]  # the starter reads fives


def test_the_best_run_comes_first_in_my_digits_and_the_chosen_one_is_marked(make_reader, mine):
    best, worse, chosen = make_reader(SeesNothing()), make_reader(), make_reader()
    fives(mine, 3)
    at = open_page("draw", session={"mode": "My digits"}, run=chosen.id)
    assert readers(at) == [
        run_link("Starter"),
        run_link(best.name),
        run_link(chosen.name, is_shown=True),
        run_link(worse.name),
    ]
    assert at.dataframe[0].value["My digits"].tolist() == [3, 3, 0, 0]


def test_while_it_learns_to_tell_digits_from_scribbles_it_says_that_dont_know_is_prepared(run, monkeypatch):
    monkeypatch.setattr(loaded_models, "fit_ood_detector", lambda run: True)
    monkeypatch.setattr(loaded_models, "is_fitting_detector", lambda run: True)
    at = open_page("draw", session={"canvas_0": drawn(ONE)})
    assert "Preparing “Don’t know” …" in words(at)
    assert at.metric[0].delta == "fairly sure, 91.0 %"


@pytest.mark.parametrize(("count", "has_bars"), [(1, False), (4, False), (5, True)])
def test_so_few_digits_are_counted_without_bars(run, mine, count, has_bars):
    fives(mine, count)
    at = open_page("draw", session={"mode": "My digits"})
    assert ("progress" in at.dataframe[0].proto.columns) == has_bars
    assert f"%d of {count}" in at.dataframe[0].proto.columns


def test_many_digits_come_in_pages(run, mine, digits):
    fill(mine, digits, 123)
    at = open_page("draw", session={"mode": "My digits"})
    [tiles] = galleries(at)
    assert [len(tiles), tiles[0]["index"]] == [120, 122]
    assert "Held out" in at.dataframe[0].value.columns
    at.pagination(key="my_digits_page").set_value(2).run()
    [tiles] = galleries(at)
    assert [tile["index"] for tile in tiles] == [2, 1, 0]


def can_begin(run):
    """Leave what a run that was trained here leaves."""
    for name in ("model.keras", "checkpoint.npz"):
        (run.path / name).touch()


def test_fine_tuning_begins_a_run_from_this_one(run, mine, digits, store):
    can_begin(run)
    fill(mine, digits, 3)
    at = open_page("draw", session={"mode": "My digits"})
    at.slider(key="fine_tune_epochs").set_value(2)
    [button] = [button for button in at.button if button.label == "Fine-tune"]
    button.click().run()
    assert not at.exception
    [new] = [other for other in store.runs() if other.id != run.id]
    rate = 0.3 * run.config.learning_rate
    assert new.config == TrainingConfig("dense", epochs=2, start_from=run.id, learning_rate=rate, augment=True)
    assert new.state.name == "queued"
    assert at.session_state["every_page_run"] == new.id


@pytest.mark.parametrize(("count", "trained_here", "why"), [(2, True, "at least 3"), (3, False, "no checkpoint")])
def test_what_cannot_be_fine_tuned_says_why(run, mine, digits, count, trained_here, why):
    if trained_here:
        can_begin(run)
    fill(mine, digits, count)
    at = open_page("draw", session={"mode": "My digits"})
    [button] = [button for button in at.button if button.label == "Fine-tune"]
    assert button.disabled
    assert why in words(at)


def test_a_fine_tuned_run_shows_what_it_gained_and_forgot(run, mine, digits):
    fill(mine, digits, 3)
    before, after = (
        {"mine": 0.5, "mine_held_out": None, "test": 0.98},
        {"mine": 1.0, "mine_held_out": None, "test": 0.97},
    )
    write_json(
        run.path / "summary.json", {"my_digits": {"trained": 3, "held_out": 0, "before": before, "after": after}}
    )
    at = open_page("draw", session={"mode": "My digits"})
    assert numbers(at) == {"My digits, learned": "100.00 %", "Test set": "97.00 %"}
    assert at.metric[1].delta == "-1.00 points from 98.00 %"


@pytest.mark.parametrize("report", [None, 3, {}, {"before": 1, "after": {"test": "much"}}, {"after": {"test": 7}}])
def test_a_damaged_report_shows_nothing(run, mine, digits, report):
    fill(mine, digits, 1)
    write_json(run.path / "summary.json", {"my_digits": report})
    assert not open_page("draw", session={"mode": "My digits"}).metric


# core.drawing.transform


@given(st.integers(0, 99), st.integers(-8, 8), st.integers(-8, 8))
def test_moving_by_whole_pixels_moves_them(seed, right, down):
    image = np.zeros((28, 28), np.uint8)
    image[8:20, 8:20] = np.random.default_rng(seed).integers(0, 256, (12, 12))
    assert (reshape(image, right=right, down=down) == np.roll(image, (down, right), (0, 1))).all()


@given(
    st.floats(-45, 45), st.floats(-8, 8), st.floats(-8, 8), st.floats(0.5, 1.4), st.floats(-1.5, 3), st.integers(0, 9)
)
def test_any_change_gives_an_image(degrees, right, down, scale, pen, seed):
    image = np.random.default_rng(seed).integers(0, 2 + 28 * seed, (28, 28)).astype(np.uint8)
    changed = reshape(image, degrees=degrees, right=right, down=down, scale=scale, pen=pen)
    assert (changed.shape, changed.dtype) == ((28, 28), np.uint8)
    assert (reshape(image) == image).all()


def test_a_pen_is_wider_by_what_was_asked_and_a_turn_is_clockwise():
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 12:16] = 255
    for wider in (-1.5, -1, 1, 2, 3):
        across = reshape(bar, pen=wider)[14].sum() / 255
        assert across == pytest.approx(4 + wider, abs=0.3)
    rows, columns = np.nonzero(reshape(bar, degrees=30) > 127)
    assert columns[rows < 10].mean() > 16  # its upper end goes to the right
    assert reshape(bar, scale=0.5).sum() == pytest.approx(bar.sum() / 4, rel=0.1)


@pytest.mark.parametrize(("image", "scale"), [(np.zeros((28, 28)), 1), (np.zeros((28, 27), np.uint8), 1)])
def test_other_arrays_are_refused(image, scale):
    with pytest.raises(ValueError, match="image must be"):
        reshape(image, scale=scale)
    with pytest.raises(ValueError, match="scale must be"):
        reshape(np.zeros((28, 28), np.uint8), scale=0)


def test_a_picture_of_a_moving_pen_stays_answered_when_the_page_runs_again():
    def followed(at):
        [hands] = [
            node.proto for node in at.get("bidi_component") if node.proto.component_name == "digitlab_canvas_hands"
        ]
        return json.loads(hands.json)["followed"]

    at = open_page("draw", session={"canvas_hands": {"live": {"number": 7, "canvas": "another", "strokes": 0}}})
    assert followed(at) == 7
    at.session_state["canvas_hands"] = {}  # the stroke has ended, and is sent
    at.run()
    assert followed(at) == 7  # else the next stroke would wait for an answer
