"""The Predictions page in Streamlit's own simulation: its states, its filters, and nonsense in the address."""

import csv
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.runs import RunStore
from dashboard.components import explorer, reading_charts, shared
from dashboard.components.explorer import Filter
from dashboard.components.gallery import Tile, gallery, sprite
from tests.conftest import mostly_right

MAIN = Path(__file__).parents[1] / "dashboard" / "main.py"


pytestmark = pytest.mark.usefixtures("laboratory")


def open_page(**address):
    """The app at its Predictions page, with these values in the address."""
    at = AppTest.from_file(MAIN, default_timeout=30)
    at.query_params.update(address)
    at.switch_page("app_pages/predictions.py")
    at.run()
    assert not at.exception
    return at


def tiles(at):
    """The tiles that the gallery component was given, [] where no image passes the filter."""
    found = [node.proto for node in at.get("bidi_component") if node.proto.component_name == "digitlab_gallery"]
    return json.loads(found[0].json)["tiles"] if found else []


def indices(at):
    return [tile["index"] for tile in tiles(at)]


def numbers(at):
    return {metric.label: metric.value for metric in at.metric}


def test_without_a_run_it_leads_to_training():
    at = open_page()
    assert "Train" in at.info[0].value
    assert [link.value for link in at.page_link] == ["Train a network"]


def test_a_finished_run_shows_its_mistakes_and_follows_the_filters(make_run, digits):
    make_run()
    at = open_page()
    assert numbers(at) == {"Test accuracy": f"{100 * 387 / 397:.2f} %", "Mistakes": "10", "Epochs": "3"}
    assert indices(at) == list(range(10))
    label = int(digits.y_test[0])
    read_as = (label + 1) % 10
    assert tiles(at)[0]["spoken"] == f"Image 0: a {label}, read as {read_as}, 90 % sure"
    assert any("times" in button.label or "once" in button.label for button in at.button)

    at.selectbox(key="label").select(label).run()
    assert indices(at) == [i for i in range(10) if digits.y_test[i] == label]
    at.selectbox(key="prediction").select(label).run()
    assert "No image" in at.info[0].value
    next(button for button in at.button if button.label == "Clear all").click().run()
    assert indices(at) == list(range(10))

    at.select_slider(key="epoch").set_value("1").run()
    assert numbers(at)["Mistakes"] == "40"
    at.text_input(key="image").set_value("25").run()
    assert any("Image 25" in text.value for text in at.markdown)
    assert not at.exception


def test_a_link_opens_what_it_names(make_run):
    make_run()
    at = open_page(show="All", order="Index", page="2", epoch="2", image="15")
    assert indices(at) == list(range(100, 200))
    assert numbers(at)["Mistakes"] == "20"
    at = open_page(only="Forgotten")
    assert indices(at) == []  # the ten that are wrong now were never right
    at = open_page(show="Right", order="Learned last")
    assert set(indices(at)[:10]) == set(range(10, 20))


@pytest.mark.parametrize(
    "address",
    [
        {"show": "x", "label": "77", "prediction": "-1", "order": "'; drop", "sure": "900", "only": "x"},
        {"page": "999999", "epoch": "99", "image": "99999999", "run": "../../etc"},
        {"page": "-1", "epoch": "", "image": "1e400", "sure": ["90", "10"], "label": ["1", "x"]},
    ],
)
def test_nonsense_in_the_address_shows_the_page_as_it_is_without(make_run, address):
    make_run()
    at = open_page(**address)
    assert numbers(at)["Mistakes"] == "10"
    assert indices(at) == list(range(10))


def test_a_running_run_shows_its_newest_epoch(make_run):
    run = make_run("running", end=False)
    with run.lock():
        at = open_page()
        assert any("After epoch 3, still training" in caption.value for caption in at.caption)
        assert numbers(at)["Mistakes"] == "10"


def test_an_extended_run_shows_its_new_epochs_not_the_old_end(make_run, digits):
    run = make_run("running")
    run.write_probabilities(mostly_right(digits.y_test, slice(3)), 4)
    with run.lock():
        assert numbers(open_page())["Mistakes"] == "3"


def test_damaged_or_foreign_probabilities_are_told_not_raised(make_run, digits):
    run = make_run()
    run.write_probabilities(np.full((len(digits.y_test), 10), np.nan))
    assert "damaged" in open_page().error[0].value
    run.write_probabilities(np.full((5, 10), 0.1))
    assert "5 test images" in open_page().error[0].value
    for path in run.path.glob("predictions/*.npy"):
        path.write_bytes(b"not an array")
    (run.path / "probabilities.npy").write_bytes(b"")
    at = open_page()
    assert at.error or at.info


def test_the_classic_network_has_its_sentence(make_run):
    make_run(model="seed")
    assert any("sigmoid" in caption.value for caption in open_page().caption)


def test_the_csv_holds_the_filter(make_run, digits):
    run = make_run()
    reading = explorer.read(run, digits, 2)
    found = explorer.matching(reading, None, Filter(order="Index"))
    rows = list(csv.DictReader(io.StringIO(explorer.as_csv(reading, found).decode())))
    assert [int(row["index"]) for row in rows] == list(range(20))
    assert {row["epoch"] for row in rows} == {"2"}
    assert sum(float(rows[0][f"p{digit}"]) for digit in range(10)) == pytest.approx(1, abs=1e-3)


def test_filters_agree_with_a_plain_loop(make_run, digits):
    reading = explorer.read(make_run(), digits, None)
    wanted = Filter(show="All", label=3, confidence=(50, 95), order="Highest loss")
    found = explorer.matching(reading, None, wanted).tolist()
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
    assert reading_charts.clicked(selection) == cell


def test_a_gallery_refuses_what_does_not_fit_and_keeps_its_sprite():
    images = np.zeros((3, 28, 28), np.uint8)
    with pytest.raises(ValueError, match="one tile an image"):
        gallery(images, [Tile(0, 1)], key="g")
    assert sprite(images) is sprite(images.copy())


def test_the_store_is_the_one_of_this_test(store):
    assert isinstance(shared.store(), RunStore)
    assert shared.store().home == store.home
