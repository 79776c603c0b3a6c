"""The pages Map and Robustness in their states, and the process behind them, once for real."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from core import background
from core.compute import job
from core.interpretability import embedding
from core.predictor import Predictor, model_fingerprint
from core.robustness import corruptions, measure
from core.runs.starter import Starter
from core.storage import write_json
from dashboard.components import loaded_models, session
from dashboard.components.charts import embedding as chart
from tests.support.pages import as_seen, numbers, open_page, tiles, words

EXPORT = """
import sys, pathlib, keras, numpy as np
from keras import layers
keras.utils.set_random_seed(4)
image = keras.Input((28, 28), dtype="uint8", name="image")
pixels = layers.Flatten()(layers.Rescaling(1 / 255)(image))
hidden = layers.Dense(6, activation="relu")(pixels)
probabilities = layers.Dense(10, activation="softmax")(hidden)
model = keras.Model(image, {"probabilities": probabilities, "hidden": hidden})
model.export(pathlib.Path(sys.argv[1]), format="litert", verbose=False)
"""

LEARN_OOD_DETECTOR = loaded_models.fit_ood_detector  # the fixture of all page tests puts it out of action

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A tiny network that was never trained, exported in a process of its own."""
    path = tmp_path_factory.mktemp("tiny") / "model.tflite"
    subprocess.run([sys.executable, "-c", EXPORT, str(path)], check=True, capture_output=True)
    return path.read_bytes()


@pytest.fixture
def run(make_run, model):
    run = make_run()
    (run.path / "model.tflite").write_bytes(model)
    return run


@pytest.mark.parametrize("page", ["map", "robustness"])
def test_states_that_cannot_be_shown_are_told(page, make_run, model):
    assert [button.label for button in open_page(page).main.button] == ["Train a network"]
    run = make_run()
    (run.path / "model.tflite").write_bytes(model)
    write_json(run.path / "dataset.json", {"name": "MNIST", "source": "elsewhere", "fingerprint": "x"})
    assert "MNIST (elsewhere)" in as_seen(open_page(page).error[0].value)


def test_the_map_shows_pca_until_tsne_is_ready(run, digits):
    at = open_page("map")
    assert "All 397 test images" in words(at)
    assert "variance" in words(at)
    assert len(tiles(at)) == 200
    assert at.segmented_control(key="layout_for_now").value == "PCA"
    assert at.segmented_control(key="layout_for_now").disabled
    assert at.get("progress")[0].proto.text == "t-SNE is getting ready · 0 %"
    assert session.services().after_training.is_waiting(run, "map")
    at.selectbox(key="map_label").select(3).run()
    assert {tile["tooltip"].split(": a ")[1][0] for tile in tiles(at)} == {"3"}
    assert len(tiles(at)) == (digits.y_test == 3).sum()
    at = open_page("map", layout="PCA")
    assert at.segmented_control(key="layout").value == "PCA"
    assert not at.get("progress")
    assert not at.exception


def test_the_map_says_of_how_many_images_it_is_a_sample(run, monkeypatch):
    monkeypatch.setattr(embedding.sample, "__defaults__", (390,))
    assert re.search(r"\*\*390 of 397 images\*\*, \d+ of \d+ mistakes", words(open_page("map", layout="PCA")))


def test_what_waits_for_training_says_so_on_the_map(run, make_run):
    make_run().set_state("queued")
    at = open_page("map", run=run.id)
    assert "t-SNE comes when training ends" in words(at)
    assert at.button(key="make_map").label == "Make t-SNE now"


def test_a_network_that_sees_all_images_alike_leads_to_the_map_of_the_best_run(run, make_run, model, monkeypatch):
    best = make_run()
    (best.path / "model.tflite").write_bytes(model)
    write_json(best.path / "summary.json", {"test_accuracy": 0.9})
    monkeypatch.setattr(embedding, "all_alike", lambda hidden: True)
    at = open_page("map", run=run.id)
    assert "sees all images alike, so there is no map. It reads " in words(at)
    assert at.button(key="see_all").label == "See them in Predictions"
    assert not session.services().after_training.is_waiting(run, "map")
    at.button(key="show_best").click().run()
    assert at.query_params["run"] == best.id


def test_the_chosen_image_is_shown_large_with_the_way_to_predictions(run):
    at = open_page("map")
    assert f"**Image {tiles(at)[0]['index']}**" in words(at)  # the first in the gallery
    at = open_page("map", session={"map_image": 5})
    assert "**Image 5**" in words(at)
    assert at.button(key="see_image").label == "See it in Predictions"


def test_a_damaged_model_is_told_on_the_map(run):
    (run.path / "model.tflite").write_bytes(b"no model")
    assert "damaged" in open_page("map").error[0].value


def test_nonsense_in_the_address_shows_the_map_as_it_is_without(run):
    assert len(tiles(open_page("map", layout="x", map_label="77", map_read="-1", map_mistakes="maybe"))) == 200


def test_the_background_process_measures_for_the_page(run, digits, wait_until):
    at = open_page("robustness")
    assert "all 397 test images" in words(at)
    assert "**11,910 images**" in words(at)
    assert "Turned by 15, 30 or 45°" in words(at)
    at.button(key="measure").click().run()
    assert not at.exception
    session.jobs().start(run, "robustness")  # once more: nothing happens
    wait_until(lambda: session.jobs().status(run, "robustness").name != "running", "the analysis to end")
    assert session.jobs().status(run, "robustness").name == "finished"
    result = measure.load(run)
    assert not result.stale(model_fingerprint(run.path), digits.fingerprint)
    at = open_page("robustness")
    assert at.metric[0].value == f"{100 * result.unchanged.accuracy:.2f} %"
    assert any("most fragile" in text.value for text in at.markdown)
    assert not at.button

    (run.path / "model.tflite").write_bytes((run.path / "model.tflite").read_bytes() + b"\0" * 16)
    at = open_page("robustness")
    assert "model has changed" in at.warning[0].value
    assert [button.label for button in at.button] == ["Measure again"]


def words_on(run, unchanged, changed) -> str:
    """What the page says of a run with these accuracies of the digits 0 to 3 (the others have no images)."""

    def measured(change, strength, of_digits):
        return measure.Measurement(change, strength, sum(of_digits) / 4, (*of_digits, *[None] * 6))

    first = measured("unchanged", 0, unchanged)
    rest = tuple(measured(name, s, of) for name, of in changed.items() for s in corruptions.STRENGTHS)
    measure.Robustness("model", "dataset", 1, 397, 1.0, first, rest).save(run)
    return words(open_page("robustness", run=run.id))


def test_robustness_leaves_out_what_loses_nothing_and_says_what_gains(run):
    same = dict.fromkeys(corruptions.CORRUPTIONS, (0.1, 0.1, 0.1, 0.1))
    assert "**No change matters**: it reads 10 % with or without." in words_on(run, (0.1, 0.1, 0.1, 0.1), same)
    told = words_on(run, (0.9, 0.9, 0.9, 0.9), dict.fromkeys(same, (0.7, 0.9, 0.9, 0.94)))
    assert "**0 is most fragile**: over all changes it loses 20.0 points on average. **3" in told
    assert "**3 is most robust** and gains 4.0 points" in told
    assert " 0.0 points" not in told.replace("(", " ")


@pytest.mark.parametrize(
    ("network", "told"), [("dense", "weights for each pixel"), ("cnn", "Its convolutions look for the same small")]
)
def test_robustness_says_what_convolutions_are_for(make_run, model, network, told):
    run = make_run(model=network)
    (run.path / "model.tflite").write_bytes(model)
    assert told in words_on(run, (0.9,) * 4, dict.fromkeys(corruptions.CORRUPTIONS, (0.7,) * 4))


NEW = replace(corruptions.CORRUPTIONS["blur"], name="new")


@pytest.mark.parametrize(
    "changes",
    [{"new": NEW, **corruptions.CORRUPTIONS}, {name: corruptions.CORRUPTIONS[name] for name in ("shift", "blur")}],
    ids=["added", "removed"],
)
def test_with_another_set_of_changes_robustness_shows_what_was_measured_and_asks_to_measure_again(
    run, digits, monkeypatch, changes
):
    assert job.execute(run, "robustness", background.TASKS["robustness"], digits)
    shown = numbers(open_page("robustness"))
    monkeypatch.setattr(corruptions, "CORRUPTIONS", changes)
    at = open_page("robustness")
    assert "out of date" in at.warning[0].value
    assert [button.label for button in at.button] == ["Measure again"]
    assert numbers(at) == shown


def test_the_map_is_laid_out_and_then_shown(run, digits):
    assert job.execute(run, "map", background.TASKS["map"], digits)
    assert len(embedding.load_tsne(run).indices) == 397
    at = open_page("map")
    assert "Neighbours on the map are close" in words(at)
    assert at.segmented_control(key="layout").value == "t-SNE"
    assert not session.services().after_training.is_waiting(run, "map")


def test_a_failure_is_told_and_can_be_tried_again(run, digits):
    (run.path / "model.tflite").write_bytes(b"no model")
    assert not job.execute(run, "robustness", background.TASKS["robustness"], digits)
    at = open_page("robustness")
    assert "damaged" in at.error[0].value
    assert [button.label for button in at.button] == ["Measure"]


def test_a_killed_process_is_noticed_and_a_living_one_shows_its_bar(run, wait_until):
    holder = (
        "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", holder, str(run.path / "analysis-map.lock")])
    write_json(run.path / "analysis-map.json", {"state": "running", "fraction": 0.4, "words": "Iteration 300"})
    wait_until(lambda: session.jobs().status(run, "map").name == "running", "the lock to be held")
    at = open_page("map")
    assert at.get("progress")[0].proto.text == "t-SNE is getting ready · 40 %"
    assert not session.services().after_training.is_waiting(run, "map")
    os.kill(process.pid, signal.SIGTERM)
    process.wait()
    assert session.jobs().status(run, "map").name == "interrupted"
    at = open_page("map")
    assert "stopped unexpectedly" in words(at)
    assert at.button(key="make_map").label == "Try t-SNE again"


@pytest.mark.parametrize(
    ("selection", "region"),
    [
        ({"region": {"x": [2, 1], "y": [0, 5]}}, {"x": (1, 2), "y": (0, 5)}),
        ({"region": {}}, None),
        ({}, None),
        (None, None),
        ({"region": {"x": [1], "y": [0, 5]}}, None),
        ({"region": {"x": ["a", 1], "y": [0, float("inf")]}}, None),
    ],
)
def test_a_rectangle_is_read_or_left(selection, region):
    assert chart.chosen_region(selection) == region


def test_a_rectangle_holds_exactly_the_images_in_it():
    layout = embedding.Layout(np.array([4, 7, 9]), np.array([[0, 0], [1, 1], [3, 1]], np.float32))
    assert layout.within({"x": (0.5, 3), "y": (0.5, 1)}).tolist() == [7, 9]
    assert layout.only(np.arange(10) < 8).indices.tolist() == [4, 7]


def test_an_older_run_reads_its_validation_images_again(run, digits):
    at = open_page("confidence")
    assert "The model can make them again." in words(at)
    assert at.button(key="read_validation").label == "Read the validation images"
    assert job.execute(run, "validation", background.TASKS["validation"], digits)
    labels, probabilities = run.validation()
    held_out = len(digits.x_train) // 6
    np.testing.assert_array_equal(labels, digits.y_train[-held_out:])
    again = Predictor.load(run.path).probabilities(digits.x_train[-held_out:])
    np.testing.assert_allclose(probabilities, again, atol=1e-3)
    at = open_page("confidence")
    assert "The model can make them again." not in words(at)
    assert "Temperature" in numbers(at)


def test_the_classic_network_has_no_validation_images_to_read(make_run, model, digits):
    run = make_run(model="seed")
    (run.path / "model.tflite").write_bytes(model)
    assert not job.execute(run, "validation", background.TASKS["validation"], digits)
    assert run.validation() is None
    assert "no validation images" in session.jobs().status(run, "validation").words


def test_draw_lets_a_run_learn_what_is_no_digit_once_and_the_starter_never(run, monkeypatch):
    started = []
    monkeypatch.setattr(job.Jobs, "start", lambda self, run, kind: started.append((run.id, kind)))
    for images in (1_400, 10_000):
        write_json(run.path / "summary.json", {"training_images": images})
        assert started == []
        LEARN_OOD_DETECTOR(run)
    LEARN_OOD_DETECTOR(Starter())
    assert started == [(run.id, "novelty")]
    write_json(run.path / "analysis-novelty.json", {"state": "failed", "words": "It did not work."})
    LEARN_OOD_DETECTOR(run)
    assert len(started) == 1
