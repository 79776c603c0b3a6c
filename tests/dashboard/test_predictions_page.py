"""The Predictions page in Streamlit's own simulation: its states, its filters, and nonsense in the address."""

import csv
import io
from itertools import pairwise

import numpy as np
import pytest

from core.data.classes import DIGITS
from core.data.split import split
from core.evaluation import figures, learning, predictions, reports, selection
from core.evaluation.selection import Filter
from core.runs import RunStore
from core.storage import write_json
from dashboard.components import formatting, session
from dashboard.components.charts import confusion
from dashboard.components.classes import no_idea
from dashboard.components.formatting import distance_text
from dashboard.components.predictions import image_panel, time_machine
from dashboard.components.widgets.gallery import Tile, gallery, sprite
from tests.support.digits import mostly_right
from tests.support.pages import galleries, numbers, open_page, tiles, words

pytestmark = pytest.mark.usefixtures("laboratory")


def indices(at):
    return [tile["index"] for tile in tiles(at)]


def test_without_a_run_it_leads_to_training():
    at = open_page("predictions")
    assert "Train" in at.info[0].value
    assert "its mistakes" in words(at)  # what it will show
    assert [button.label for button in at.main.button] == ["Train a network"]
    assert at.main.button[0].proto.type == "primary"


@pytest.mark.parametrize(("network", "said"), [("", True), ("flatten, dense 20, relu, output softmax", False)])
@pytest.mark.parametrize("page", ["predictions", "confidence"])
def test_sigmoid_scores_are_explained_where_the_network_ends_in_them(make_run, page, network, said):
    make_run(model="seed", network=network)
    found = words(open_page(page))
    assert ("This network ends in sigmoid scores" in found) == said
    assert "sum to 1. Ten times 0.10 (10\N{NO-BREAK SPACE}%) means: no idea." in found


def test_beside_the_ten_probabilities_of_an_image_stands_what_they_mean(make_run):
    make_run(model="seed")
    [told] = [each for each in open_page("predictions", image="3").caption if each.value == no_idea(DIGITS)]
    assert told.help == formatting.SIGMOID_SENTENCE


def test_a_finished_run_shows_its_mistakes_and_follows_the_filters(make_run, digits):
    make_run()
    at = open_page("predictions")
    assert numbers(at) == {"Test accuracy": f"{100 * 387 / 397:.2f} %", "Mistakes": "10", "Epochs": "3"}
    assert indices(at) == list(range(10))
    label = int(digits.y_test[0])
    read_as = (label + 1) % 10
    assert tiles(at)[0]["tooltip"] == f"Image 0: a {label}, read as {read_as}, 90.0 % sure"
    assert any(f"{label} read as {read_as} · " in button.label for button in at.button)

    at.selectbox(key="label").select(label).run()
    assert indices(at) == [i for i in range(10) if digits.y_test[i] == label]
    at.selectbox(key="prediction").select(label).run()
    assert "No image" in at.info[0].value
    at.button(key="clear").click().run()
    assert indices(at) == list(range(10))
    assert "Clear" not in [button.label for button in at.button]

    at.select_slider(key="epoch").set_value("1").run()
    assert (numbers(at)["Mistakes"], numbers(at)["Epochs"]) == ("40", "1 of 3")
    at.text_input(key="image").set_value("25").run()
    assert panel_choices(at) == ["Image 25", "Matrix"]
    assert not at.exception


def panel_choices(at):
    return at.segmented_control(key="panel").options


def test_the_matrix_is_a_click_away_in_the_panel_of_an_open_image_which_the_next_image_takes_back(make_run):
    make_run()
    at = open_page("predictions", image="5")
    assert "Confusion matrix" not in [header.value for header in at.header]
    at.segmented_control(key="panel").set_value("Matrix").run()
    assert "Confusion matrix" in [header.value for header in at.header]
    assert len(indices(at)) == 10  # beside the digits
    at.button(key="next_image").click().run()
    assert panel_choices(at) == ["Image 6", "Matrix"]
    assert "Confusion matrix" not in [header.value for header in at.header]


def test_a_link_opens_what_it_names(make_run):
    make_run()
    at = open_page("predictions", show="All", order="Index", page="2", epoch="2", image="15")
    assert indices(at) == list(range(80, 160))
    assert numbers(at)["Mistakes"] == "20"
    at = open_page("predictions", only="Forgotten")
    assert indices(at) == []  # the ten that are wrong now were never right
    at = open_page("predictions", show="Right", order="Learned last")
    assert set(indices(at)[:10]) == set(range(10, 20))


@pytest.mark.parametrize(
    "address",
    [
        {"show": "x", "label": "77", "prediction": "-1", "order": "'; drop", "sure": "900", "only": "x"},
        {"page": "999999", "epoch": "99", "image": "99999999"},
        {"page": "-1", "epoch": "", "image": "1e400", "sure": ["90", "10"], "label": ["1", "x"]},
    ],
)
def test_nonsense_in_the_address_shows_the_page_as_it_is_without(make_run, address):
    make_run()
    at = open_page("predictions", **address)
    assert numbers(at)["Mistakes"] == "10"
    assert indices(at) == list(range(10))


def test_what_is_set_among_the_folded_filters_is_said_and_can_be_cleared(make_run):
    make_run()
    at = open_page("predictions", only="Never right", sure=["20", "95"])
    assert "**10 images**: mistakes, 20 to 95 % sure, never right, least confident first" in words(at)
    assert "2 set" in words(at)
    at.button(key="clear").click().run()
    assert "**10 images**: mistakes, least confident first" in words(at)
    assert "set" not in words(at).split()


@pytest.mark.parametrize(
    ("show", "said"),
    [
        ("Mistakes", "✗ 4→9: a 4, read as 9"),
        ("Right", "✓ 4: a 4, read as 4"),
        ("All", "✓ 4: a 4, read as 4 · ✗ 4→9: a 4, read as 9"),
    ],
)
def test_the_marks_on_the_tiles_have_a_key(make_run, show, said):
    make_run()
    assert any(caption.value.startswith(said) for caption in open_page("predictions", show=show).caption)


def test_a_tile_is_named_by_what_it_shows(make_run):
    make_run()
    for tile in tiles(open_page("predictions", show="All")):
        assert tile["name"].startswith(f"{tile['caption']} {tile['sure']}, image {tile['index']}: a ")


def test_a_running_run_shows_its_newest_epoch(make_run):
    run = make_run("running", end=False)
    with run.lock():
        at = open_page("predictions")
        assert numbers(at)["Epochs so far"] == "3"
        assert numbers(at)["Mistakes"] == "10"


def test_an_extended_run_shows_its_new_epochs_not_the_old_end(make_run, digits):
    run = make_run("running")
    run.write_probabilities(mostly_right(digits.y_test, slice(3)), 4)
    with run.lock():
        assert numbers(open_page("predictions"))["Mistakes"] == "3"


def test_a_finished_run_shows_its_end_whatever_the_times_of_its_files_as_a_copy_may_have_changed_them(make_run, digits):
    run = make_run()
    run.write_probabilities(mostly_right(digits.y_test, slice(3)))
    run.write_probabilities(mostly_right(digits.y_test, slice(7)), 3)  # is newer now
    write_json(run.path / "summary.json", {"epochs": 3})
    assert numbers(open_page("predictions"))["Mistakes"] == "3"


def test_damaged_or_foreign_probabilities_are_told_not_raised(make_run, digits):
    run = make_run()
    run.write_probabilities(np.full((len(digits.y_test), 10), np.nan))
    assert "probabilities.npy of Dense 1 is damaged" in words(open_page("predictions"))
    run.write_probabilities(np.full((5, 10), 0.1))
    assert "5 test images" in open_page("predictions").error[0].value
    for path in run.path.glob("predictions/*.npy"):
        path.write_bytes(b"not an array")
    (run.path / "probabilities.npy").write_bytes(b"")
    at = open_page("predictions")
    assert at.error or at.info


def test_the_classic_network_has_its_sentence(make_run):
    make_run(model="seed")
    assert "sigmoid" in words(open_page("predictions"))


def test_the_csv_holds_the_filter(make_run, digits):
    run = make_run()
    reading = predictions.load_predictions(run, digits, 2)
    found = selection.matching(reading, None, Filter(order="Index"))
    rows = list(csv.DictReader(io.StringIO(reports.as_csv(reading, found).decode())))
    assert [int(row["index"]) for row in rows] == list(range(20))
    assert {row["epoch"] for row in rows} == {"2"}
    assert sum(float(rows[0][f"p{digit}"]) for digit in range(10)) == pytest.approx(1, abs=1e-3)


def test_filters_agree_with_a_plain_loop(make_run, digits):
    reading = predictions.load_predictions(make_run(), digits, None)
    wanted = Filter(show="All", label=3, confidence=(50, 95), order="Highest loss")
    found = selection.matching(reading, None, wanted).tolist()
    plain = [i for i in range(len(digits.y_test)) if digits.y_test[i] == 3 and 0.5 <= reading.confidence[i] <= 0.95]
    assert sorted(found) == plain
    assert all(reading.loss[a] >= reading.loss[b] for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("selection", "cell"),
    [
        ({"cell": [{"label": "4", "prediction": "9"}]}, (4, 9)),
        ({"cell": [{"label": "all", "prediction": "9"}]}, (None, 9)),
        ({"cell": []}, None),
        ({}, None),
        ({"cell": [{"label": "77"}]}, (None, None)),
    ],
)
def test_a_click_on_the_matrix_names_a_cell(selection, cell):
    assert confusion.clicked(selection) == cell


def test_a_gallery_refuses_what_does_not_fit_and_keeps_its_sprite():
    images = np.zeros((3, 28, 28), np.uint8)
    with pytest.raises(ValueError, match="one tile an image"):
        gallery(images, [Tile(0, 1)], key="g")
    assert sprite(images) is sprite(images.copy())


def test_the_store_is_the_one_of_this_test(store):
    assert isinstance(session.store(), RunStore)
    assert session.store().home == store.home


class InkReader:
    """Gives a digit the more probability the more ink there is on the left; its hidden layer is the ink's columns."""

    def probabilities(self, images):
        left = images[:, :, :14].mean(axis=(1, 2)) / 255
        return np.stack([1 - left, left, *[np.zeros(len(images))] * 8], axis=1).astype(np.float32)

    def hidden(self, images):
        return images.sum(axis=1).astype(np.float32)


@pytest.fixture
def run_with_model(make_run, monkeypatch):
    monkeypatch.setattr("core.predictor.Predictor.load", lambda folder: InkReader())
    run = make_run()
    (run.path / "model.tflite").touch()
    return run


def neighbours(at):
    """The tiles of the second gallery: the nearest training images."""
    _, nearest = galleries(at)
    return nearest


def test_an_image_shows_which_ink_decided_and_the_nearest_images_it_learned_from(run_with_model, digits):
    at = open_page("predictions", image="5")
    assert any("Which ink decided" in text.value for text in at.markdown)
    assert any("The finished network reads a 0" in caption.value for caption in at.caption)
    learned = split(digits, run_with_model.config)
    hidden = InkReader().hidden(learned.x_train)
    apart = np.linalg.norm(hidden - InkReader().hidden(digits.x_test[5:6]), axis=1)
    expected = np.argsort(apart, kind="stable")[:10]
    assert [tile["index"] for tile in neighbours(at)] == expected.tolist()
    assert [tile["caption"] for tile in neighbours(at)] == [str(learned.y_train[i]) for i in expected]
    assert neighbours(at)[0]["sure"] == distance_text(apart[expected[0]])


@pytest.mark.parametrize(("distance", "told"), [(0.0021449, "0.00214"), (5.2349, "5.23"), (1239.6, "1240")])
def test_a_distance_has_three_digits_whatever_its_size(distance, told):
    assert distance_text(distance) == told


@pytest.mark.usefixtures("run_with_model")
def test_where_all_images_look_alike_none_is_said_to_be_nearest(monkeypatch):
    monkeypatch.setattr(InkReader, "hidden", lambda self, images: np.zeros((len(images), 4), np.float32))
    at = open_page("predictions", image="5")
    assert len(galleries(at)) == 1
    assert any("None: 10 or more are all like this image" in caption.value for caption in at.caption)


def test_neighbours_are_looked_for_among_the_images_that_it_learned_from(run_with_model):
    run_with_model.append_event("start", step=0, epoch=0, epoch_images=30)
    at = open_page("predictions", image="5")
    assert max(tile["index"] for tile in neighbours(at)) < 30


@pytest.mark.usefixtures("run_with_model")
def test_a_digit_that_was_left_out_is_nobodys_neighbour(make_run, digits):
    run = make_run(left_out=(0, 4, 7))
    (run.path / "model.tflite").touch()
    at = open_page("predictions", run=run.id, image="5")
    shown = neighbours(at)
    assert not {tile["caption"] for tile in shown} & {"0", "4", "7"}
    assert [tile["caption"] for tile in shown] == [str(digits.y_train[tile["index"]]) for tile in shown]


def test_a_run_without_a_model_says_what_comes_later(make_run):
    make_run()
    at = open_page("predictions", image="5")
    assert any("once the run has a model" in caption.value for caption in at.caption)
    assert at.button(key="send_to_draw").disabled


def test_a_damaged_model_is_told_and_the_rest_of_the_image_is_there(make_run):
    run = make_run()
    (run.path / "model.tflite").write_bytes(b"not a model")
    at = open_page("predictions", image="5")
    assert "model.tflite" in at.error[0].value
    assert panel_choices(at) == ["Image 5", "Matrix"]


def test_play_walks_through_the_epochs_and_stops_at_the_end(make_run, monkeypatch):
    make_run()
    at = open_page("predictions")
    at.button(key="play").click().run()
    assert numbers(at)["Mistakes"] == "40"
    monkeypatch.setattr(time_machine, "AT_LEAST", 0)  # as when the fragment's timer fires, which no test can
    seen = []
    for _ in range(3):
        seen.append(numbers(at)["Mistakes"])
        at.run()
    assert seen[-1] == numbers(at)["Mistakes"] == "10"
    assert [button.label for button in at.button if button.label in ("Play", "Stop")] == ["Play"]


def test_play_can_be_stopped(make_run):
    make_run()
    at = open_page("predictions")
    at.button(key="play").click().run()
    at.button(key="play").click().run()
    assert at.button(key="play").label == "Play"
    assert numbers(at)["Epochs"] == "1 of 3"


def test_an_old_epoch_from_a_slow_browser_neither_stops_play_nor_is_where_it_stops(make_run):
    make_run()
    at = open_page("predictions", epoch="1")
    at.button(key="play").click().run()
    at.select_slider(key="epoch").set_value("2").run()
    assert at.button(key="play").label == "Stop"
    at.select_slider(key="epoch").set_value("1")
    at.button(key="play").click().run()
    assert numbers(at)["Epochs"] == "2 of 3"


@pytest.mark.parametrize(("name", "first"), [("Learned last", 10), ("Never right", 0)])
def test_a_list_is_one_click_away(make_run, name, first):
    make_run()
    at = open_page("predictions", label="3")
    at.button(key=f"list_{name}").click().run()
    assert indices(at)[0] == first
    assert at.selectbox(key="label").value is None


def test_every_figure_can_be_taken_away(make_run, digits):
    run = make_run()
    reading = predictions.load_predictions(run, digits, None)
    past = predictions.load_epoch_predictions(run, digits, 3)
    for format, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        assert reports.matrix_figure(reading, "50$ run $", shares=False, format=format).startswith(start)
        assert reports.gallery_figure(digits, reading, np.arange(7), format).startswith(start)
        for model in (None, InkReader()):
            if model is not None:
                (run.path / "model.tflite").touch()
            assert image_panel.image_file(run, digits, reading, past, model, 3, format).startswith(start)


def test_the_figures_say_what_the_page_says(make_run, digits):
    reading = predictions.load_predictions(make_run(), digits, None)
    figure = figures.confusion_figure(reading.matrix, "Run 1")
    written = {
        (round(text.get_position()[1]), round(text.get_position()[0])): int(text.get_text())
        for text in figure.axes[0].texts
    }
    assert written == {(i, j): n for (i, j), n in np.ndenumerate(reading.matrix) if n}
    figure = figures.image_figure(digits.x_test[0], "Image 0", label=1, probabilities=reading.probabilities[0])
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.axes[1].texts][1].endswith("label")


def test_an_image_tells_how_often_it_was_right_and_when_last():
    labels = np.array([0, 0, 0, 0, 0])
    right = np.array(  # of five images after eight epochs
        [
            [1, 1, 1, 1, 0, 0, 1, 0],
            [1, 0, 0, 0, 0, 0, 0, 0],
            [0] * 8,
            [0, 1, 1, 1, 1, 1, 1, 1],
            [1, 0, 1, 0, 1, 1, 1, 1],
        ]
    )
    probabilities = np.zeros((8, 5, 10), np.float16)
    probabilities[..., 0], probabilities[..., 1] = right.T, 1 - right.T
    past = predictions.EpochPredictions(
        tuple(range(1, 9)), probabilities, learning.learning_history(labels, probabilities)
    )
    assert [predictions.describe_learning(past, image) for image in range(5)] == [
        "Right after 5 epochs, last after epoch 7; wrong since.",
        "Right once, after epoch 1; wrong since.",
        "Never right so far.",
        "Right since epoch 2.",
        "First right after epoch 1, for good since epoch 5.",
    ]
