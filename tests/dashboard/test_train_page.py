"""Train and Draw in Streamlit's own simulation, in their empty, running, finished and broken states."""

import base64
import io
import json
import subprocess
import sys
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.config import TrainingConfig
from core.data import load_dataset
from core.runs import History
from core.storage import write_json
from dashboard.components import session
from dashboard.components.formatting import duration_in_words
from dashboard.components.train import line
from dashboard.components.train.all_runs import runs_table
from dashboard.components.train.places import best_epoch, epoch_table
from tests.support.pages import as_seen, by_label, numbers, open_page, words
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


@pytest.fixture
def training_run(make_run):
    """A run in training, as its worker would leave it for a moment; the lock says that the worker lives."""
    run = make_run("running", end=False)
    run.append_event("taken", pid=1)
    run.append_event("start", step=0, epoch=0, epoch_images=500)  # eight batches, the last one smaller
    batch = {"epoch": 2, "images": 500, "epoch_loss": 0.5, "epoch_accuracy": 0.8, "training_seconds": 3.0}
    for step in range(1, 13):
        run.append_event(
            "batch",
            step=step,
            position=step / 8,
            loss=1 / step,
            accuracy=0.8,
            images_per_second=1000.0,
            learning_rate=0.001,
            **batch,
        )
    epoch = {"loss": 0.6, "accuracy": 0.8, "val_loss": 0.5, "val_accuracy": 0.81}
    run.append_event("epoch", epoch=1, step=8, learning_rate=0.001, training_seconds=2.0, **epoch)
    with run.lock().acquire(timeout=0):
        yield run


def test_an_empty_home_says_what_this_is_and_one_button_starts(store):
    at = open_page("train")
    assert "Train a network to read handwritten digits" in words(at)
    assert by_label(at.button, "Train Classic, 10 epochs").key == "start_first"
    at.button(key="choose_linear").click().run()  # chosen there, started here: the page and the sidebar say the same
    assert by_label(at.button, "Train Linear, 10 epochs").key == "start_first"
    at.button(key="choose_seed").click().run()
    at.button(key="train_seed").click().run()
    [run] = store.runs()
    assert run.state.name == "queued"
    assert run.config == TrainingConfig()
    assert at.query_params["run"] in (run.id, [run.id])
    assert "Waiting for a worker" in at.get("progress")[0].proto.text


def test_older_runs_where_it_was_started_are_said(tmp_path, monkeypatch):
    assert not open_page("train").code
    older = tmp_path / "digitlab-home"
    (older / "runs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIGITLAB_HOME")
    at = open_page("train")
    assert "Older runs were found" in words(at)
    assert [code.value for code in at.code] == [f"DIGITLAB_HOME={older}"]


def test_settings_from_the_address_go_into_the_run(store):
    at = open_page(
        "train", model="Dense", epochs="7", dense_hidden_layers="64, 32", dense_dropout="0.25", dense_batch_size="16"
    )
    at.button(key="start").click().run()
    [run] = store.runs()
    assert run.config == TrainingConfig(model="dense", epochs=7, hidden_layers=(64, 32), dropout=0.25, batch_size=16)


@pytest.mark.parametrize("nonsense", ["1e400", "-3", "many", "0", "500"])
def test_nonsense_in_the_address_is_shown_and_refused_in_words_and_start_is_off(store, nonsense):
    at = open_page("train", epochs=nonsense, model=nonsense, run=nonsense)
    assert epochs_shown(at) == nonsense
    assert ":red[" in refusals(at)[0]
    assert "Epochs" in refusals(at)[0]
    assert at.button(key="start").disabled
    assert "To start, correct: Epochs." in words(at)
    assert at.sidebar.segmented_control[0].value == "seed"
    assert store.runs() == []


def epochs_shown(at):
    """What the slider and its field were given to show."""
    [found] = [node.proto for node in at.get("bidi_component") if node.proto.component_name == "digitlab_epochs"]
    return json.loads(found.json)["text"]


def refusals(at):
    """What is said in red below fields."""
    return [element.value for element in at.sidebar.markdown if ":red[" in element.value]


def test_start_trains_what_stands_in_the_fields_when_it_is_clicked_also_what_came_with_the_click(store):
    at = open_page("train", model="Dense", epochs="4")
    by_label(at.text_input, "Learning rate").set_value("0,05")  # no run in between, as where a click ends the typing
    by_label(at.text_input, "Training images").set_value("2,000")
    at.sidebar.toggle[0].set_value(True)
    at.button(key="start").click().run()
    expected = {"epochs": 4, "learning_rate": 0.05, "training_images": 2000, "augment": True}
    assert store.runs()[0].config == TrainingConfig("dense", **expected)
    at.sidebar.segmented_control[0].set_value("cnn")
    at.button(key="start").click().run()
    configs = [run.config for run in store.runs()]
    assert sorted(configs, key=lambda config: config.model)[0] == TrainingConfig("cnn", epochs=4, augment=True)


@pytest.mark.parametrize(
    ("typed", "understood"),
    [("0,0005", "0.0005"), ("1e-4", "0.0001"), (",001", "0.001"), ("0.0005", "0.0005"), (" 1E-2 ", "0.01")],
)
def test_a_learning_rate_is_understood_as_people_write_it_and_said(store, typed, understood):
    at = open_page("train", classic_learning_rate=typed)
    assert (f"Read as {understood}" in words(at)) == (typed.strip() != understood)
    at.button(key="start").click().run()
    assert store.runs()[0].config.learning_rate == float(understood)


def test_links_of_earlier_versions_call_the_classic_network_seed(store):
    at = open_page("train", model="seed", seed_learning_rate="0.0005")
    at.button(key="start").click().run()
    assert store.runs()[0].config == TrainingConfig("seed", learning_rate=0.0005)
    by_label(at.text_input, "Learning rate").set_value("0.002").run()
    at.button(key="start").click().run()
    assert store.runs()[0].config.learning_rate == 0.002
    assert at.query_params["classic_learning_rate"] == "0.002"


@pytest.mark.parametrize("typed", ["0", "1,5", "0.0.1", "1.000,5", "abc", "", "nan", "1e999", "٣"])
def test_a_learning_rate_that_makes_no_sense_starts_nothing_even_when_it_comes_with_the_click(store, typed):
    at = open_page("train")
    by_label(at.text_input, "Learning rate").set_value(typed)
    at.button(key="start").click().run()
    assert "Learning rate" in refusals(at)[0]
    assert at.button(key="start").disabled
    assert store.runs() == []


@pytest.mark.parametrize("name", ["cnn", "CNN", "Cnn"])
def test_a_network_in_the_address_is_named_as_in_the_terminal_or_as_on_the_page(store, name):
    at = open_page("train", model=name)
    at.button(key="start").click().run()
    assert store.runs()[0].config == TrainingConfig("cnn")


def test_what_a_network_is_made_for_is_offered_and_nothing_is_set_without_being_asked(store):
    at = open_page("train", epochs="7")
    at.sidebar.segmented_control[0].set_value("best").run()
    assert (epochs_shown(at), at.sidebar.toggle[0].value) == ("7", False)
    at.button(key="recipe").click().run()
    assert (epochs_shown(at), at.sidebar.toggle[0].value) == ("20", True)
    assert not [button for button in at.button if button.key == "recipe"]
    at.button(key="start").click().run()
    assert store.runs()[0].config == TrainingConfig("best", epochs=20, augment=True)


def test_a_setting_that_is_not_possible_is_explained_and_nothing_starts(store):
    at = open_page("train", model="Dense", dense_network="flatten, dence 50, output softmax")
    assert 'Layer 2, "dence 50": there is no layer "dence". Did you mean "dense"?' in words(at)
    assert "To start, correct: Layers." in words(at)
    assert at.button(key="start").disabled
    assert store.runs() == []


def test_a_run_in_training_shows_bars_numbers_and_what_can_be_asked(training_run):
    at = open_page("train")
    bars = [bar.proto.text for bar in at.get("progress")]
    assert bars[0] == "Epoch 2 of 3, batch 4 of 8, 64 images each · 50 %"  # too early to tell the time left
    assert {bar.proto.value for bar in at.get("progress")} == {50}
    assert at.session_state["tab_title"]["progress"] == "50 %"
    assert {metric.label: metric.value for metric in at.metric}["Validation accuracy"] == "81.00 %"
    by_label(at.main.text_input, "Learning rate").set_value("0,002").run()
    assert training_run.control["learning_rate"] == 0.002
    assert by_label(at.main.text_input, "Learning rate").value == "0.002"
    assert "learning rate 0.002 (initially 0.001)" in words(at)
    assert words(at).count("learning rate") == 1
    by_label(at.main.text_input, "Learning rate").set_value("2").run()
    assert "Learning rate must be between" in words(at)
    assert training_run.control["learning_rate"] == 0.002
    at.button(key=f"pause_{training_run.id}").click().run()
    assert training_run.control["request"] == "pause"
    assert at.get("progress")[0].proto.text == "Pausing"
    at.button(key=f"stop_{training_run.id}").click().run()
    assert training_run.control["request"] == "stop"
    assert at.button(key=f"pause_{training_run.id}").disabled
    assert at.button(key=f"stop_{training_run.id}").disabled


def test_what_the_curves_say_stands_above_them_and_the_axis_that_was_chosen_is_kept_in_the_address(store):
    run = store.create(TrainingConfig("mlp", epochs=3, first_weights="zeros"))
    for epoch in (1, 2, 3):
        measured = {"loss": 2.3018, "accuracy": 0.117, "val_loss": 2.3024, "val_accuracy": 0.107}
        run.append_event("epoch", epoch=epoch, step=8 * epoch, training_seconds=1.0, learning_rate=0.001, **measured)
    run.set_state("stopped")
    at = open_page("train", run=run.id, over="Updates")
    assert "Accuracy stays at guessing, 10 %, and the loss at ln 10 = 2.303. All first weights are 0" in words(at)
    axis = by_label(at.main.segmented_control, "Over")
    assert axis.value == "Updates"
    axis.set_value("Seconds").run()
    assert at.query_params["over"] == "Seconds"
    assert by_label(at.main.segmented_control, "Over").value == "Seconds"


def test_a_run_that_waits_says_its_place_in_line_in_words(store):
    *_, run = (store.create(TrainingConfig()) for _ in range(4))
    at = open_page("train", run=run.id)
    assert at.get("progress")[0].proto.text == "4th in line, after Classic 3"
    assert numbers(at)["Training images"] == f"all ({len(load_dataset().x_train):,})"


def test_a_run_that_waits_says_when_it_starts_by_those_before_it(store, monkeypatch):
    first, *_, run = (store.create(TrainingConfig()) for _ in range(6))
    monkeypatch.setattr(line, "takes", lambda config, digits: (2.5, "about"))
    assert numbers(open_page("train", run=run.id))["Starts in about"] == "20 s"  # 5 × (2.5 + 1.5)
    monkeypatch.setenv("DIGITLAB_WORKERS", "2")
    assert numbers(open_page("train", run=run.id))["Starts in about"] == "10 s"
    first.append_event("started")
    with first.lock():
        first.set_state("running")
        monkeypatch.setattr(line, "active", lambda seconds: session.active(0))  # not as it was a moment ago
        at = open_page("train", run=run.id)
    assert at.get("progress")[0].proto.text == "5th in line, after Classic 5"
    assert numbers(at)["Starts in about"] == "9 s"  # one of them trains, and needs no more to begin


def test_a_run_that_was_stopped_within_an_epoch_says_within_which_and_one_between_two_after_how_many(make_run, store):
    run = make_run("stopped")
    batch = {"images": 500, "epoch_loss": 0.5, "epoch_accuracy": 0.875, "training_seconds": 3.0}
    run.append_event("batch", step=4, epoch=1, position=0.4, loss=0.5, accuracy=0.8, learning_rate=0.001, **batch)
    run.write_summary({"test_accuracy": 0.96, "validation_accuracy": 0.9312, "epochs": 0, "training_seconds": 3.0})
    at = open_page("train", run=run.id)
    assert "Stopped within epoch 1 of 3" in words(at)
    assert "Within epoch 1; a cross marks a mistake." in words(at)
    assert "after 0" not in words(at).lower()
    assert (numbers(at)["Validation accuracy"], numbers(at)["Training accuracy"]) == ("93.12 %", "87.50 %")
    assert runs_table([run], None)["Epochs"].tolist() == [0.4]

    epoch = {"loss": 0.6, "accuracy": 0.8, "val_loss": 0.5, "val_accuracy": 0.81, "training_seconds": 4.0}
    run.append_event("batch", step=8, epoch=1, position=1.0, loss=0.5, accuracy=0.8, learning_rate=0.001, **batch)
    run.append_event("epoch", epoch=1, step=8, learning_rate=0.001, **epoch)
    run.write_summary({"test_accuracy": 0.96, "epochs": 1, "training_seconds": 4.0})
    at = open_page("train", run=run.id)
    assert "Stopped after 1 of 3 epochs" in words(at)
    assert "After 1 epoch; a cross marks a mistake." in words(at)
    assert runs_table([run], None)["Epochs"].tolist() == [1]


def test_a_run_whose_worker_died_shows_its_log_and_resumes(training_run, store):
    (training_run.path / "log.txt").write_text("the last words\n")
    state = json.loads((training_run.path / "state.json").read_text())
    interrupted = store.create(TrainingConfig(model="dense"))
    write_json(interrupted.path / "state.json", {**state, "target_epochs": 3})
    (interrupted.path / "log.txt").write_text("the last words\n")
    at = open_page("train", run=interrupted.id)
    assert "Training stopped unexpectedly" in at.warning[0].value
    assert "the last words" in at.code[0].value
    assert at.button(key=f"resume_{interrupted.id}").label == "Start again"
    assert not at.metric
    assert len(at.dataframe) == 1  # of all runs
    at.button(key=f"resume_{interrupted.id}").click().run()
    assert interrupted.state.name == "queued"
    assert interrupted.state.resumes


def test_train_more_takes_the_epochs_and_the_learning_rate_that_came_with_the_click(make_run):
    run = make_run()
    for epoch in (1, 2, 3):
        run.append_event("epoch", epoch=epoch, step=8 * epoch)
    at = open_page("train", run=run.id)
    at.text_input(key=f"more_epochs_{run.id}").set_value("0")
    at.button(key=f"continue_{run.id}").click().run()
    assert run.state.name == "finished"
    assert "Epochs must be between 1 and 200, not 0" in words(at)
    at.text_input(key=f"more_epochs_{run.id}").set_value("2")
    by_label(at.main.text_input, "Learning rate").set_value(",004")
    at.button(key=f"continue_{run.id}").click().run()
    assert (run.state.name, run.state.target_epochs, run.control["learning_rate"]) == ("queued", 5, 0.004)


def test_a_finished_run_shows_its_accuracy_against_the_best_other_run(make_run):
    for accuracy in (0.99, 0.97):
        run = make_run()
        summary = {"test_accuracy": accuracy, "training_seconds": 3.21, "epochs": 3, "parameters": 101770}
        write_json(run.path / "summary.json", {**summary, "parity": {"different_predictions": 0, "images": 397}})
        write_json(run.path / "dataset.json", {"name": "MNIST"})
    at = open_page("train", run=run.id)
    numbers = {metric.label: metric for metric in at.metric}
    assert numbers["Test accuracy"].value == "97.00 %"
    assert numbers["Test accuracy"].delta == "2.00 points below Dense 1"
    assert "Validation accuracy" in numbers
    assert "all predictions match" in words(at)
    assert len(at.dataframe) >= 2  # the epochs, and all runs


def test_a_network_validated_on_the_test_images_shows_its_mistakes_and_not_the_same_accuracy_twice(make_run):
    run = make_run(model="seed")
    summary = {"test_accuracy": 0.9, "training_images": 60000, "training_seconds": 3.21, "epochs": 3}
    write_json(run.path / "summary.json", {**summary, "parity": {"different_predictions": 0, "images": 10000}})
    at = open_page("train", run=run.id)
    assert numbers(at)["Mistakes"] == "1,000"
    assert "Validation accuracy" not in numbers(at)
    assert "3 epochs in 3.2 s on 60,000 images, validated on the test images" in words(at)


def test_the_best_epoch_is_named_in_the_table_and_its_rows_sort_as_numbers(make_run):
    run = make_run(end=False)
    for epoch, accuracy in enumerate([0.8, 0.95, 0.9, *[0.94] * 8], start=1):
        run.append_event("epoch", epoch=epoch, step=epoch, val_accuracy=accuracy)
    history = run.history()
    rows = list(epoch_table(history)["Epoch"])
    assert rows[1] == "  2 · best"
    assert [row for row in rows if "best" in row] == [rows[1]]
    assert rows == sorted(rows)
    assert best_epoch(history) == "Best: epoch 2, 95.00 % in validation."
    assert epoch_table(History((), (), "waiting")).empty
    assert list(epoch_table(history, 13)["Epoch"][-2:]) == ["12", "13"]


def test_no_learning_rate_is_written_with_an_e():
    epochs = tuple({"epoch": epoch, "learning_rate": rate} for epoch, rate in enumerate((0.01, 2.6180339e-5), start=1))
    assert list(epoch_table(History((), epochs, "training"))["Learning rate"]) == ["0.01", "0.000026"]
    assert "Learning rate" not in epoch_table(History((), (*epochs[:1], epochs[0] | {"epoch": 2}), "training"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (19.4, "19 s"), (43, "45 s"), (58, "1 min"), (80, "1 min 30 s"), (440, "7 min"), (1550, "25 min")],
)
def test_a_time_to_wait_is_told_the_coarser_the_longer_it_is(seconds, words):
    assert duration_in_words(seconds) == words


def test_the_table_of_all_runs_says_nothing_twice_and_names_runs_as_typed(make_run):
    runs = [make_run(), make_run()]
    runs[0].rename(":smile: *bold* <b>")
    table = runs_table(runs, runs[1])
    assert list(table["Run"]) == [
        ":material/arrow_forward: :smile: *bold* <b>",
        f":material/visibility: {runs[1].name}",
    ]
    assert not {"Data", "State"} & set(table)
    for run, name in zip(runs, ("MNIST", "My own"), strict=True):
        write_json(run.path / "dataset.json", {"name": name})
    assert list(runs_table(runs, None)["Data"]) == ["MNIST", "My own"]
    other, waiting = make_run(model="linear"), make_run("queued")
    assert [words.partition(" · ")[0] for words in runs_table([runs[0], other], None)["Settings"]] == [
        "Dense",
        "Linear",
    ]
    assert list(runs_table([other, waiting], None)["State"]) == ["Finished", "Queued"]


def test_a_run_is_renamed_and_deleted_only_after_a_question(make_run, store):
    run = make_run()
    at = open_page("train")
    by_label(at.text_input, "Name").set_value("My first").run()
    assert run.name == "My first"
    assert at.title[0].value == "Train · My first"
    at.button(key=f"delete_{run.id}").click().run()
    assert store.runs()
    at.button(key=f"really_delete_{run.id}").click().run()
    assert store.runs() == []
    assert not at.exception


def test_a_damaged_run_is_shown_as_such_and_can_be_deleted(make_run):
    run = make_run()
    (run.path / "config.json").write_text('{"model": "den')
    at = open_page("train")
    assert [as_seen(said.value) for said in (*at.error, *at.warning)] == [
        f"config.json of {run.name} is damaged: it cannot be read."
    ]
    assert at.button(key=f"delete_{run.id}")


def test_data_that_is_not_mnist_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "nowhere.npz"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("core.data.download.MNIST_URL", "http://127.0.0.1:9/mnist.npz")
    at = open_page("train")
    assert "Embedded digits, not MNIST" in at.expander[0].label
    assert "nowhere.npz" in words(at)
    assert str(tmp_path / "datasets" / "mnist.npz") in words(at)


def test_draw_answers_with_the_starter_before_anything_is_trained():
    at = open_page("draw", session={"canvas_0": drawing_of_a_one()})
    assert at.sidebar.selectbox[0].value == "starter"
    assert "Starter" in at.sidebar.selectbox[0].options[0]
    assert numbers(at)["It reads"] == "1"


def test_draw_with_a_damaged_model_says_what_to_do(make_run):
    run = make_run()
    (run.path / "model.tflite").write_bytes(b"not a model")
    at = open_page("draw")
    assert "model.tflite" in at.error[0].value


def drawing_of_a_one() -> dict:
    """What the canvas component keeps in the session after a vertical stroke."""
    picture = Image.new("RGBA", (300, 300), "black")
    ImageDraw.Draw(picture).line([(150, 60), (150, 240)], "white", 20)
    file = io.BytesIO()
    picture.save(file, "PNG")
    data = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": []}, "data": data}}


ALL_PAGES = """
import sys
from tests.support.pages import open_page
pages = "train learn predictions confidence compare tune map inside robustness draw export"
for name in pages.split():
    open_page(name)
heavy = "tensorflow", "keras", "altair", "sklearn", "scipy.optimize", "matplotlib", "fastapi", "core.report"
print([name for name in heavy if name in sys.modules])
"""


def test_no_page_imports_what_is_large_and_not_shown(make_run):
    make_run()
    command = [sys.executable, "-c", ALL_PAGES]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.stdout.strip() == "[]", result.stderr[-2000:]


def test_a_drawing_is_read(make_run, monkeypatch):
    class OneReader:
        """Reads everything as a 1, 97 % sure."""

        def outputs(self, images):
            assert images.shape == (1, 28, 28)
            assert images.max() == 255
            row = [0.97 if digit == 1 else 0.03 / 9 for digit in range(10)]
            return {"probabilities": np.array([row], np.float32)}

    run = make_run()
    (run.path / "model.tflite").touch()
    monkeypatch.setattr("core.predictor.Predictor.load", lambda folder: OneReader())
    at = open_page("draw", session={"canvas_0": drawing_of_a_one()})
    assert at.metric[0].value == "1"
    assert "97.0 %" in at.metric[0].delta
    run.set_threshold(0.98)
    at.run()
    assert at.metric[0].value == "Don't know"
    assert "Its guess would be 1, 97.0 %." in words(at)


def test_the_settings_of_any_run_can_be_used_again(store):
    config = TrainingConfig(
        model="dense", epochs=7, hidden_layers=(64, 32), dropout=0.25, training_images=500, seed=3, augment=True
    )
    run = store.create(config)
    at = open_page("train", model="cnn", epochs="2")
    at.button(key=f"use_{run.id}").click().run()
    [field] = [node for node in at.get("bidi_component") if node.proto.component_name == "digitlab_network_field"]
    hidden = "dense 64, relu, dropout 0.25, dense 32, relu, dropout 0.25"
    assert json.loads(field.proto.json)["text"] == f"flatten, {hidden}, output softmax"
    at.button(key="start").click().run()
    assert store.runs()[0].id != run.id
    assert store.runs()[0].config == config


def test_the_link_to_the_settings_names_them_all_and_no_run(store):
    run = store.create(TrainingConfig())
    at = open_page("train", run=run.id, model="Dense", epochs="7", dense_dropout="0.25", augment="true")
    [link] = [json.loads(node.proto.json)["text"] for node in at.get("bidi_component") if "Copy" in node.proto.json]
    address = dict(parse_qsl(urlsplit(link).query))
    assert "run" not in address
    layers = "flatten, dense 128, relu, dropout 0.25, output softmax"  # which a link of an earlier version had in parts
    assert {"model": "dense", "epochs": "7", "dense_network": layers, "dense_learning_rate": "0.001"}.items() <= (
        address.items()
    )
    at = open_page("train", **address)
    at.button(key="start").click().run()
    assert store.runs()[0].config == TrainingConfig(model="dense", epochs=7, dropout=0.25, augment=True)


def test_start_says_how_long_it_takes_where_such_a_network_was_trained_here(make_run):
    assert "Dense, 10 epochs" in [caption.value for caption in open_page("train", model="Dense").caption]
    measured = {"training_seconds": 3.0, "training_images": 1000, "epochs": 3}
    write_json(make_run().path / "summary.json", measured)
    at = open_page("train", model="Dense", epochs="20", dense_training_images="500")
    assert "Dense, 20 epochs, about 10 s here" in [caption.value for caption in at.caption]
    assert at.button(key="start_here").label == "Start Dense, 20 epochs"


def test_a_digit_that_is_left_out_takes_no_time(make_run, digits):
    write_json(make_run().path / "summary.json", {"training_seconds": 3.0, "training_images": 1000, "epochs": 1})
    at = open_page("train", model="Dense", epochs="10", dense_left_out="0, 1, 2, 3, 4, 5, 6, 7")
    learned = len(digits.x_train) - len(digits.x_train) // 6
    share = np.isin(digits.y_train[:learned], (8, 9)).sum()
    assert f"Dense, 10 epochs, about {round(share * 0.03)} s here" in [caption.value for caption in at.caption]


def test_layers_that_were_changed_are_not_described_as_those_of_the_network_that_they_replace(store):
    def about(**address):
        return "\n".join(caption.value for caption in open_page("train", **address).sidebar.caption)

    assert "The classic script: 100 hidden units" in about(model="Classic")
    seen = about(model="Classic", network="flatten, dense 20, output softmax")
    assert "The classic script: 100 hidden units" not in seen
    assert "Your own layers, in place of Classic's; as there, it is validated on the test set." in seen
    seen = about(model="Dense", network="flatten, dense 20, relu, output softmax")
    assert "Softmax, hidden layers of your choice" in seen


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            {"network": "flatten, dense 20, tanh, output softmax", "optimizer": "SGD", "pixels": "raw", "Epochs": "3"},
            TrainingConfig(
                network="flatten, dense 20, tanh, output softmax", optimizer="sgd", pixels="0-255", epochs=3
            ),
        ),
        (
            {"model": "CNN", "learning-rate": "0.02", "batch_size": "64", "augment": "1", "left_out": "3,8"},
            TrainingConfig("cnn", learning_rate=0.02, batch_size=64, augment=True, left_out=(3, 8)),
        ),
        (
            {"model": "dense", "hidden_layers": "64, 32", "dropout": "0.2", "dense_seed": "4"},
            TrainingConfig("dense", hidden_layers=(64, 32), dropout=0.2, seed=4),
        ),
        ({"lenet_learning_rate": "0.01"}, TrainingConfig("lenet", learning_rate=0.01)),
    ],
)
def test_a_link_that_a_person_wrote_sets_what_it_names(store, address, expected):
    at = open_page("train", **address)
    assert not at.warning
    at.button(key="start").click().run()
    assert store.runs()[0].config == expected
    assert not {"network", "optimizer", "Epochs", "hidden_layers"} & set(at.query_params)  # as a copied link has them


def test_a_link_may_name_several_values_as_the_fields_take_them():
    at = open_page("train", model="linear", linear_seed="4 seeds", learning_rate="0.1, 0.01")
    assert not at.warning
    assert at.button(key="start").label == "Start 8 runs"


def test_what_the_pages_themselves_leave_in_the_address_is_not_taken_for_a_setting(make_run):
    left = {"whose": "all", "run": make_run().id, "sweep": "x", "build": "false", "over": "time", "lock": "seed"}
    at = open_page("train", **left, epochs="7")
    assert not [warning.value for warning in at.warning]
    assert at.session_state["train_epochs"] == "7"
    assert "sweeep" in open_page("train", sweeep="x").warning[0].value


def test_what_is_not_understood_of_a_link_is_said_until_a_run_is_started(store):
    at = open_page(
        "train", optimiser="sgd", colour="red", pixels="grey", augment="maybe", dropout="0.5", seed="7", patience="long"
    )
    [said] = [as_seen(warning.value) for warning in at.warning]
    assert "optimiser=sgd: There is no such setting. Did you mean optimizer?" in said
    assert (
        "colour=red: There is no such setting. There are model, augment, dataset, epochs, network, learning_rate,"
        in said
    )
    assert 'pixels=grey: Choose one of 0-1, 0-255, not "grey".' in said
    assert "augment=maybe: Augment must be true or false." in said
    assert "dropout=0.5: The layers are set by network" in said
    assert "patience=long: Patience: Enter a whole number" in said
    assert at.button(key="start").disabled
    by_label(at.text_input, "Patience").set_value("3").run()
    at.button(key="start").click().run()
    assert store.runs()[0].config == TrainingConfig(seed=7, patience=3)
    assert not at.warning


def test_a_network_that_takes_minutes_is_said_before_start_though_nothing_like_it_was_trained(monkeypatch):
    from dashboard.components.train import layers

    monkeypatch.setattr(layers, "image_count", lambda digits, config: 60_000)
    wide = "flatten, dense 4096, relu, dense 4096, relu, dense 4096, relu, output softmax"
    said = as_seen(
        "\n".join(caption.value for caption in open_page("train", network=wide, epochs="10").sidebar.caption)
    )
    assert "Custom, 10 epochs, roughly 19 min here: an epoch alone takes 2 min" in said
    assert "roughly 2 min an epoch." in said
    said = "\n".join(caption.value for caption in open_page("train").sidebar.caption)
    assert "Classic, 10 epochs" in said.splitlines()
