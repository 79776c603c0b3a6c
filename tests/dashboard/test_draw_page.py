"""The Draw page's canvas: an image that is sent there, the eraser, and a drawing that outlives a change of page."""

import numpy as np
import pytest

from dashboard.components.widgets import canvas
from tests.support.drawing import LeftReader, canvas_data, drawn
from tests.support.pages import open_page, tiles

pytestmark = pytest.mark.usefixtures("laboratory")


@pytest.fixture
def reader(monkeypatch):
    reader = LeftReader()
    monkeypatch.setattr("core.predictor.Predictor.load", lambda folder: reader)
    return reader


@pytest.fixture
def run(make_run, reader):
    run = make_run()
    (run.path / "model.tflite").touch()
    return run


def test_an_image_as_objects_is_one_square_for_each_pixel_with_ink(digits):
    image = digits.x_test[0]
    rebuilt = np.zeros((canvas.SIDE, canvas.SIDE), np.uint8)
    for square in canvas.as_objects(image)["objects"]:
        rows = slice(square["top"], square["top"] + square["height"])
        columns = slice(square["left"], square["left"] + square["width"])
        assert not rebuilt[rows, columns].any()
        rebuilt[rows, columns] = int(square["fill"][1:3], 16)
    assert (rebuilt == image.repeat(canvas.SCALE, axis=0).repeat(canvas.SCALE, axis=1)).all()


def test_an_image_goes_from_predictions_to_the_canvas_and_is_read_there(run, reader, digits):
    at = open_page("predictions", image="7")
    at.button(key="send_to_draw").click().run()
    assert not at.exception
    assert at.title[0].value == f"Draw · {run.name}"
    assert any(f"Image 7 of the test set, label {digits.y_test[7]}" in caption.value for caption in at.caption)
    assert canvas_data(at)["initialDrawing"]["objects"] == canvas.as_objects(digits.x_test[7])["objects"]
    assert at.metric[0].label == "It reads"
    assert at.query_params["run"] == run.id


def test_clear_empties_the_canvas_and_forgets_where_the_image_came_from(run):
    at = open_page("predictions", image="7")
    at.button(key="send_to_draw").click().run()
    at.switch_page("app_pages/draw.py").run()  # AppTest forgets that the page itself went there
    at.button(key="clear").click().run()
    assert canvas_data(at)["initialDrawing"]["objects"] == []
    assert not any("Image 7" in caption.value for caption in at.caption)
    assert not at.metric


def test_a_drawing_survives_a_change_of_page(run):
    at = open_page("draw", session={"canvas_0": drawn([(60, 60), (60, 240)])})
    answer = at.metric[0].value, at.metric[0].delta
    at.switch_page("app_pages/train.py").run()
    del at.session_state["canvas_0"]  # a browser's component goes with its page; what a test seeded would stay
    at.switch_page("app_pages/draw.py").run()
    assert not at.exception
    assert canvas_data(at)["initialDrawing"]["objects"][0]["type"] == "Path"
    assert (at.metric[0].value, at.metric[0].delta) == answer
    at.button(key="clear").click().run()
    at.switch_page("app_pages/train.py").run()
    at.switch_page("app_pages/draw.py").run()
    assert canvas_data(at)["initialDrawing"]["objects"] == []


def test_what_the_canvas_begins_with_stays_as_it_was_while_it_is_drawn_on(run):
    at = open_page("predictions", image="7")
    at.button(key="send_to_draw").click().run()
    at.switch_page("app_pages/draw.py").run()  # AppTest forgets that the page itself went there
    before = canvas_data(at)["initialDrawing"]
    at.slider(key="brush").set_value(30).run()
    assert canvas_data(at)["initialDrawing"] == before  # else the component would load it anew and lose strokes


def test_the_eraser_draws_in_the_background_s_colour(run):
    at = open_page("draw")
    assert canvas_data(at)["strokeColor"] == canvas.INK
    at.segmented_control(key="tool").select("Eraser").run()
    assert canvas_data(at)["strokeColor"] == canvas.BACKGROUND == canvas_data(at)["backgroundColor"]


def test_ten_digits_to_begin_with_are_there_until_the_first_stroke_and_others_after_clear(run, digits):
    at = open_page("draw")
    shown = []
    for _ in range(2):
        shown.append([tile["index"] for tile in tiles(at)])
        assert len({digits.y_test[image] for image in shown[-1]}) == 10
        at.session_state[f"canvas_{len(shown) - 1}"] = drawn([(60, 60), (60, 240)])
        at.run()
        assert not tiles(at)
        at.button(key="clear").click().run()
    assert shown[0] != shown[1]
