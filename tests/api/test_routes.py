"""The HTTP API in one process: what it answers, and that it answers as the page does."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest
from starlette.exceptions import HTTPException

from core.config import TrainingConfig
from core.drawing import normalise_drawing, upload
from core.inference.answer import LoadedModels
from core.runs.starter import Starter
from core.storage import write_json
from dashboard.api import errors
from dashboard.components import session
from dashboard.components.draw.api_address import HERE
from dashboard.components.draw.api_command import command, python_line
from dashboard.origin import ALLOWED_HOSTS
from tests.support.api import PREDICT, as_file, assert_problem, send_picture
from tests.support.classes import LETTERS, dataset
from tests.support.drawing import SEVEN, drawn, picture_of
from tests.support.html import Page
from tests.support.pages import open_page
from tests.support.runs import fill_run

pytestmark = pytest.mark.usefixtures("laboratory")


# Asking


def test_a_drawing_gets_the_page_s_answer_to_the_last_digit(client, monkeypatch):
    asked = []
    own = LoadedModels.answer_one
    monkeypatch.setattr(LoadedModels, "answer_one", lambda *arguments: asked.append(own(*arguments)) or asked[-1])
    at = open_page("draw", session={"canvas_0": drawn(SEVEN)}, run="starter")
    page = asked[0]
    [found] = send_picture(client, as_file(picture_of(drawn(SEVEN)))).json()["answers"]
    assert at.metric[0].value == str(found["digit"]) == "7"
    assert found["confidence"] == page.confidence
    assert found["probabilities"] == page.outputs["probabilities"].tolist()
    assert [each.value for each in at.code] == [command("starter", HERE), python_line("starter", HERE)]
    assert (found["first"], found["second"], found["doubt"]) == (page.first, page.second, None)


@pytest.mark.parametrize(("format", "kind"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_pictures_are_read_from_a_body_and_from_a_form(client, format, kind):
    data = as_file(picture_of(drawn(SEVEN)), format)
    alone = send_picture(client, data, kind)
    form = client.post(PREDICT, files={"picture": ("digit", data, kind)})
    assert alone.status_code == form.status_code == 200
    assert alone.json() == form.json()
    assert alone.json()["answers"][0]["digit"] == 7


@pytest.mark.parametrize(
    "kind",
    [
        "image/jpg",
        "image/pjpeg",
        "image/x-png",
        "image/jpeg",
        "application/octet-stream",
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json",
    ],
)
@pytest.mark.parametrize("path", [PREDICT, f"{PREDICT}/"])
def test_a_picture_is_known_by_its_bytes_whatever_it_is_called(client, kind, path):
    data = as_file(picture_of(drawn(SEVEN)))
    response = client.post(path, content=data, headers={"Content-Type": kind} if kind else {}, follow_redirects=False)
    assert (response.status_code, response.json()["answers"][0]["digit"]) == (200, 7)


def test_the_first_file_of_a_form_that_is_not_empty_is_read(client):
    data = as_file(picture_of(drawn(SEVEN)))
    form = [("a", ("", b"")), ("note", (None, "a seven")), ("b", ("empty", b"")), ("b", ("digit.png", data))]
    response = client.post(PREDICT, files=form)
    assert (response.status_code, response.json()["answers"][0]["digit"]) == (200, 7)


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=other"])
def test_a_form_with_a_wrong_boundary_says_how_to_send_one(client, kind):
    data = as_file(picture_of(drawn(SEVEN)))
    body = b"--right\r\nContent-Disposition: form-data; name=a; filename=a\r\n\r\n" + data + b"\r\n--right--\r\n"
    response = send_picture(client, body, kind)
    assert_problem(response, response.status_code, "curl -F picture=@digit.png", "boundary")
    assert response.status_code in (400, 422)


def test_a_photo_that_draw_takes_is_taken_here(client):
    noise = np.random.default_rng(0).integers(0, 256, (1300, 900, 3), np.uint8)
    data = as_file(noise)
    assert 3 * 2**20 < len(data) < upload.MOST_BYTES
    assert send_picture(client, data).status_code in (200, 422)
    assert client.post(PREDICT, files={"picture": ("digit.png", data)}).status_code in (200, 422)


@pytest.mark.parametrize("path", ["/api/health/", "/api/runs/", "/api/runs/starter/", "/api/docs/"])
def test_an_address_may_end_with_a_slash(client, path):
    assert client.get(path, follow_redirects=False).status_code == 200


def test_pixels_are_read_as_they_are_and_many_as_each_alone(client, digits):
    models, starter = LoadedModels(), Starter()
    model = models.predictor(starter)
    many = client.post(PREDICT, json={"pixels": digits.x_test[:60].tolist()}).json()["answers"]
    for image, found in zip(digits.x_test, many[:60], strict=False):
        expected = models.answer_one(starter, model, image)
        assert found["probabilities"] == expected.outputs["probabilities"].tolist()
        assert (found["digit"], found["doubt"] or "") == (expected.digit, expected.abstain_reason)
    [alone] = client.post(PREDICT, json={"pixels": digits.x_test[3].tolist()}).json()["answers"]
    assert alone == many[3]


def test_a_thousand_images_are_read_and_one_more_is_refused(client):
    image = np.zeros((28, 28), int).tolist()
    compact = {"content": json.dumps({"pixels": [image] * 1000}, separators=(",", ":"))}
    json_kind = {"headers": {"Content-Type": "application/json"}}
    assert len(client.post(PREDICT, **compact, **json_kind).json()["answers"]) == 1000
    compact["content"] = json.dumps({"pixels": [image] * 1001}, separators=(",", ":"))
    assert_problem(client.post(PREDICT, **compact, **json_kind), 422, "up to 1,000")


def test_the_threshold_speaks_here_too(client, run):
    run.set_threshold(0.9999999)
    [found] = client.post(f"/api/runs/{run.id}/predict", json={"pixels": np.full((28, 28), 90).tolist()}).json()[
        "answers"
    ]
    assert found["digit"] is None
    assert "threshold of this run" in found["doubt"]
    [scribble] = client.post(PREDICT, json={"pixels": np.full((28, 28), 255).tolist()}).json()["answers"]
    assert scribble["digit"] is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a PNG, JPEG or WebP"),
        (b"GIF89a not a picture", "not a PNG, JPEG or WebP"),
        (as_file(np.zeros((280, 280), np.uint8)), "No digit found"),
        (as_file(np.zeros((7, 300), np.uint8)), "too small or too narrow"),
        (as_file(np.zeros((7072, 7072), np.uint8)), "limit is 50 million"),
    ],
)
def test_a_picture_that_cannot_be_read_says_what_the_page_would(client, data, words):
    assert len(data) < 2**21
    assert_problem(send_picture(client, data), 422, words)


@pytest.mark.parametrize(
    "body",
    [
        '{"pixels": NaN}',
        '{"pixels": Infinity}',
        '{"pixels": [[NaN]]}',
        '{"pixels": [[1e999]]}',
        '{"pixels": []}',
        '{"pixels": [[]]}',
        '{"pixels": [[[]]]}',
        '{"pixels": "seven"}',
        '{"pixels": null}',
        '{"other": 1}',
        "[]",
        "[" * 5000,
        "{",
        "",
        json.dumps({"pixels": [[0] * 28] * 27}),
        json.dumps({"pixels": [[0] * 27] * 28}),
        json.dumps({"pixels": [[256] * 28] * 28}),
        json.dumps({"pixels": [[-1] * 28] * 28}),
        json.dumps({"pixels": [[0.5] * 28] * 28}),
        json.dumps({"pixels": [["0"] * 28] * 28}),
        json.dumps({"pixels": [[True] * 28] * 28}),
        '{"pixels": [[' + "9" * 6000 + "]]}",
        '{"pixels": [["\\ud800"]]}',
    ],
)
def test_pixels_that_are_none_are_refused_with_words(client, body):
    response = client.post(PREDICT, content=body, headers={"Content-Type": "application/json"})
    assert_problem(response, 422, "28 rows", "0 to 255")


def test_other_kinds_of_bodies_are_refused(client):
    assert_problem(client.post(PREDICT, content=b"x"), 415, "image/png", "No content type was sent")
    assert_problem(send_picture(client, b"x", "text/plain"), 415, "text/plain")
    assert_problem(client.post(PREDICT, data={"picture": "7"}), 415)
    assert_problem(send_picture(client, b"x", "multipart/form-data; boundary=a"), 400)
    assert_problem(client.post(PREDICT, files={"picture": (None, "7")}), 422, "no file")


def test_a_run_without_a_model_and_one_with_a_damaged_model_say_so(client, store, run):
    new = store.create(TrainingConfig())
    path = f"/api/runs/{new.id}/predict"
    assert_problem(send_picture(client, as_file(picture_of(drawn(SEVEN))), path=path), 409, "no model yet")
    (run.path / "model.tflite").write_bytes(b"broken")
    path = f"/api/runs/{run.id}/predict"
    assert_problem(send_picture(client, as_file(picture_of(drawn(SEVEN))), path=path), 409, "damaged")


def test_a_picture_is_normalised_as_everywhere(client):
    picture = picture_of(drawn(SEVEN))
    pixels = {"pixels": normalise_drawing(picture).tolist()}
    assert client.post(PREDICT, json=pixels).json() == send_picture(client, as_file(picture)).json()


# Runs


def test_runs_are_listed_newest_first_and_the_starter_last(client, make_run):
    runs = [make_run() for _ in range(3)]
    found = client.get("/api/runs").json()
    assert found["total"] == 4
    assert [each["id"] for each in found["runs"]] == [
        *sorted((run.id for run in runs), reverse=True),
        "starter",
    ]
    assert found["runs"][0]["state"] == "finished"
    page = client.get("/api/runs", params={"limit": 1, "offset": 3}).json()["runs"]
    assert [each["id"] for each in page] == ["starter"]


def test_datasets_are_listed_and_a_run_is_started_on_one_by_its_name(client, digits):
    fewer = replace(digits, x_test=digits.x_test[:90], y_test=digits.y_test[:90])
    kept = session.services().datasets.add(fewer, "From school")
    first, second = client.get("/api/datasets").json()
    assert (first["name"], first["in_use"], sum(first["test"])) == ("Own digits", True, 397)
    assert (second["name"], second["in_use"], sum(second["test"])) == ("From school", False, 90)
    for named in ("from school", kept.fingerprint):
        response = client.post("/api/runs", json={"dataset": named})
        assert response.json()["config"]["dataset"] == kept.fingerprint
    assert client.post("/api/runs", json={"dataset": "default"}).json()["config"]["dataset"] == ""
    assert_problem(
        client.post("/api/runs", json={"dataset": "Mars"}), 422, "There is no dataset 'Mars'", "/api/datasets"
    )
    assert_problem(client.post("/api/runs", json={"dataset": 3}), 422, "dataset must be the fingerprint")


def test_predictions_are_those_of_the_runs_own_dataset(client, store, digits):
    fewer = replace(digits, x_test=digits.x_test[:90], y_test=digits.y_test[:90])
    kept = session.services().datasets.add(fewer, "From school")
    run = fill_run(store.create(TrainingConfig("dense", epochs=3, dataset=kept.fingerprint)), fewer)
    assert client.get(f"/api/runs/{run.id}/predictions").json()["total"] == 90
    session.services().remove_dataset(kept)
    assert_problem(client.get(f"/api/runs/{run.id}/predictions"), 409, "which is not here")


def test_a_run_is_shown_with_its_settings_and_a_damaged_one_too(client, run):
    found = client.get(f"/api/runs/{run.id}").json()
    assert found["config"] == run.config.as_dict()
    write_json(run.path / "config.json", {"model": "none"})
    (run.path / "architecture.json").write_text('[1, "x"]')
    (run.path / "summary.json").write_text('{"test_accuracy": NaN}')
    found = client.get(f"/api/runs/{run.id}")
    assert found.status_code == 200
    assert (found.json()["state"], found.json()["config"]) == ("damaged", None)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/runs/20261125-000000-seed-0000", 404),
        ("/api/runs/..", 404),
        ("/api/runs/..%2f..%2fetc%2fpasswd", 404),
        ("/api/runs/%2e%2e", 422),
        ("/api/runs/%2fetc%2fpasswd", 404),
        ("/api/runs/a%00b", 422),
        ("/api/runs/a%0a", 404),
        ("/api/runs/.hidden", 422),
        ("/api/runs/" + "a" * 65, 422),
        ("/api/runs/a/b/c", 404),
        ("/api/nothing", 404),
        ("/elsewhere", 404),
    ],
)
def test_what_is_no_run_is_a_problem(client, path, status):
    assert_problem(client.get(path), status)


def test_a_wrong_method_is_a_problem_that_names_the_right_one(client):
    response = client.put("/api/runs/starter")
    assert_problem(response, 405)
    assert response.headers["allow"] == "GET"


def test_kept_predictions_are_filtered_and_paged(client, run, digits):
    session.services().dataset_loader.outcome(30)
    path = f"/api/runs/{run.id}/predictions"
    found = client.get(path, params={"mistakes": "true"}).json()
    assert found["total"] == 10
    assert [each["index"] for each in found["predictions"]] == list(range(10))
    assert all(each["prediction"] == (each["label"] + 1) % 10 for each in found["predictions"])
    label = int(digits.y_test[4])
    of_label = client.get(path, params={"mistakes": "true", "label": label}).json()["predictions"]
    assert {each["index"] for each in of_label} == set(np.flatnonzero(digits.y_test[:10] == label))
    right = client.get(path, params={"mistakes": "false", "limit": 2, "offset": 5}).json()
    assert [each["index"] for each in right["predictions"]] == [15, 16]
    assert right["total"] == len(digits.y_test) - 10
    assert client.get(path, params={"mistakes": "true", "epoch": 1}).json()["total"] == 40
    kept = run.probabilities()[3].tolist()
    assert found["predictions"][3]["probabilities"] == pytest.approx(kept, abs=0)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("label=10", 422, "label"),
        ("limit=0", 422, "limit"),
        ("limit=100000", 422, "limit"),
        ("mistake=true", 422, "Unknown setting"),
        ("epoch=7", 404, "Saved epochs: 1, 2, 3"),
    ],
)
def test_a_filter_that_is_none_is_refused(client, run, query, status, words):
    session.services().dataset_loader.outcome(30)
    assert_problem(client.get(f"/api/runs/{run.id}/predictions?{query}"), status, words)


def test_another_dataset_s_predictions_are_not_shown(client, run):
    session.services().dataset_loader.outcome(30)
    write_json(run.path / "dataset.json", {"name": "Other", "source": "elsewhere", "fingerprint": "0"})
    assert_problem(client.get(f"/api/runs/{run.id}/predictions"), 409, "trained and tested on Other")


# Training


def test_a_run_is_queued_with_its_settings_and_found_at_its_location(client, store):
    sent = {"name": "Mine", "model": "dense", "epochs": 3, "hidden_layers": [64, 32]}
    response = client.post("/api/runs", json=sent)
    assert response.status_code == 201
    [run] = store.runs()
    assert response.headers["location"] == f"/api/runs/{run.id}"
    assert (run.name, run.state.name, run.config.hidden_layers) == ("Mine", "queued", (64, 32))
    assert client.get(response.headers["location"]).json() == response.json()
    for settings in ({}, {"model": "best", "network": "flatten, dense 7, output"}):
        config = client.post("/api/runs", json=settings).json()["config"]
        assert config == TrainingConfig(**settings).as_dict()
        assert client.post("/api/runs", json=config).json()["config"] == config
    sent = {"model": "CNN", "optimizer": "SGD", "pixels": "raw", "first_weights": "He"}
    config = client.post("/api/runs", json=sent).json()["config"]
    assert [config[name] for name in sent] == ["cnn", "sgd", "0-255", "he"]
    for written in ("Classic", "lenet-5", "lenet"):
        model = client.post("/api/runs", json={"model": written}).json()["config"]["model"]
        assert model == ("seed" if written == "Classic" else "lenet")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('{"epochs": 0}', "Epochs must be between 1 and 200, not 0."),
        ('{"epochs": "ten"}', "Epochs must be a whole number, not 'ten'."),
        ('{"epochs": true}', "whole number"),
        ('{"learning_rate": NaN}', "Learning rate must be a number"),
        ('{"learning_rate": 1e999}', "Learning rate must be a number"),
        ('{"model": "gpt"}', "Unknown model 'gpt'"),
        ('{"model": ["seed"]}', "Unknown model"),
        ('{"model": "gpt"}', "Choose one of: classic, linear, dense, mlp, lenet-5, cnn, best."),
        ('{"left_out": [3, 11]}', "Digits left out: 11 is not a digit. Digits are 0 to 9."),
        ('{"hidden_layers": 5}', "list of widths"),
        ('{"hidden_layers": [64]}', "The hidden layers of Classic are fixed."),
        ('{"dropout": 0.2}', "Classic has no dropout. Models that have: dense, cnn, best."),
        ('{"model": "dense", "network": "flatten, output", "dropout": 0.2}', "The network names all layers"),
        ('{"hidden_layers": [[1]]}', "whole number"),
        ('{"network": "flatten, dence 100, output"}', 'Layer 2, "dence 100": there is no layer "dence". Did you mean'),
        ('{"network": "dense 100, output softmax"}', 'Put "flatten" before it.'),
        ('{"network": ["dense"]}', "The network must be text"),
        ('{"network": " "}', "Name its layers, for instance"),
        ('{"network": "conv 128 3 same, flatten, output", "batch_size": 4096}', "Use smaller batches or fewer"),
        ('{"optimizer": "lion"}', "Optimizer must be one of adam, sgd, momentum, rmsprop, not 'lion'."),
        ('{"pixels": true}', "Pixels must be one of"),
        ('{"wrong_labels": 1.5}', "Wrong labels must be between 0 and 1"),
        ('{"left_out": [0,1,2,3,4,5,6,7,8,9]}', "keep at least one digit"),
        ('{"left_out": "3"}', "must be a list of digits"),
        ('{"imbalance": 0}', "Imbalance must be between 1 and 1,000"),
        ('{"start_from": "../x"}', "id of a run"),
        ('{"start_from": "nobody"}', "run nobody was not found"),
        ('{"start_from": "\\ud800"}', "id of a run"),
        ('{"epoch": 3}', "Unknown setting. Did you mean epochs?"),
        ('{"optimiser": "sgd"}', "Unknown setting. Did you mean optimizer?"),
        ('{"colour": "red"}', "Unknown setting. /api/docs lists all settings."),
        ('{"\\ud800": 3}', "JSON object"),
        ('{"name": "  "}', "1 to 60 characters"),
        ('{"name": 5}', "string"),
        ("[]", "JSON object"),
        ("{", "JSON object"),
    ],
)
def test_settings_that_are_none_are_refused_in_the_page_s_words(client, store, settings, words):
    response = client.post("/api/runs", content=settings, headers={"Content-Type": "application/json"})
    assert_problem(response, 422, words)
    assert store.runs() == []


def test_only_what_a_run_s_state_allows_can_be_asked(client, store, run):
    ended, waiting = f"/api/runs/{run.id}", f"/api/runs/{store.create(TrainingConfig(epochs=2)).id}"
    assert_problem(client.post(f"{ended}/pause"), 409, "finished cannot be paused")
    assert_problem(client.post(f"{ended}/stop"), 409, "finished cannot be stopped")
    assert_problem(client.post(f"{ended}/resume"), 409, "has finished")
    assert_problem(client.post("/api/runs/starter/pause"), 409, "starter")
    assert_problem(client.post("/api/runs/starter/resume"), 409, "starter")
    assert_problem(client.post(f"{waiting}/resume"), 409, "queued cannot be resumed")
    paused = client.post(f"{waiting}/pause")
    assert (paused.status_code, paused.json()["state"]) == (202, "paused")
    assert client.post(f"{waiting}/resume").json()["state"] == "queued"
    assert client.post(f"{ended}/resume?more_epochs=2").json()["target_epochs"] == 2
    write_json(run.path / "imported.json", {"file": "x.zip"})
    run.set_state("finished")
    assert_problem(client.post(f"{ended}/resume?more_epochs=2"), 409, "imported")


@pytest.mark.parametrize("settings", ["[" * 100_000, '{"epochs": ' + "9" * 5000 + "}"])
def test_json_that_python_cannot_hold_is_refused(client, store, settings):
    response = client.post("/api/runs", content=settings, headers={"Content-Type": "application/json"})
    assert_problem(response, 400, "JSON object")
    assert store.runs() == []


def test_a_body_that_fastapi_cannot_parse_is_known_whatever_fastapi_calls_it():
    error = HTTPException(400, "Something in other words.")
    error.__cause__ = RecursionError()
    response = asyncio.run(errors.http_problem(None, error))
    assert "JSON object" in json.loads(response.body)["detail"]


# Documentation


def test_the_documentation_needs_nothing_from_outside(client):
    page = client.get("/api/docs").text
    assert "http" not in page.replace("http://127.0.0.1:8501", "")
    scripts = [part.partition('"')[0] for part in page.split('src="')[1:]]
    styles = [part.partition('"')[0] for part in page.split('href="')[1:]]
    assert scripts
    assert styles
    assert all(client.get(path).status_code == 200 for path in [*scripts, *styles])
    described = client.get("/api/openapi.json").json()
    assert described["servers"] == [{"url": "/api"}]
    told = described["info"]["description"]
    assert all(
        words in told for words in ("web page of your own", "Failed to fetch", "one proxy", "10 MB", ALLOWED_HOSTS)
    )


def test_what_goes_wrong_inside_is_a_problem_without_its_insides(client, monkeypatch):
    monkeypatch.setattr("dashboard.api.predict.images_of_pixels", lambda data: 1 / 0)
    response = client.post(PREDICT, json={})
    assert_problem(response, 500, "server's output")
    assert "division" not in response.text


# Reports


def test_a_report_is_a_file_in_which_nothing_runs(client, run, make_run):
    asked = {"name": "<script>alert(1)</script>", "words": "Good.\nBad."}
    response = client.get(f"/api/runs/{run.id}/report", params=asked)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-disposition"] == f'attachment; filename="{run.id}-report.html"'
    assert response.headers["content-security-policy"] == "sandbox"
    page = Page(response.content)
    assert "script" not in page.tags
    assert asked["name"] in page.words
    assert "Good. Bad." in page.words
    assert len(page.pictures("digit")) == 10
    other = make_run()
    both = Page(client.get(f"/api/runs/{run.id}/report?beside={other.id}").content)
    assert "No difference to test" in both.words
    assert_problem(client.get(f"/api/runs/{run.id}/report?beside={run.id}"), 409, "two different runs")
    assert_problem(client.get(f"/api/runs/{run.id}/report?beside=nothing"), 404, "nothing")
    assert_problem(client.get(f"/api/runs/{run.id}/report", params={"name": "x" * 81}), 422, "name")
    write_json(run.path / "config.json", {"format": 99})
    assert_problem(client.get(f"/api/runs/{run.id}/report"), 409, "Update Digit Lab")


def test_a_dataset_of_other_things_has_names_and_its_runs_as_many_outputs(client):
    session.services().dataset_loader.outcome(30)
    kept = session.services().datasets.add(dataset(LETTERS, train=5, test=2), "Letters")
    first, second = client.get("/api/datasets").json()
    assert (first["classes"], len(first["train"])) == (list("0123456789"), 10)
    assert (second["classes"], second["test"]) == (list(LETTERS), [2] * 26)
    settings = {"model": "dense", "dataset": "Letters", "left_out": [25]}
    config = client.post("/api/runs", json=settings).json()["config"]
    assert (config["classes"], config["left_out"], config["dataset"]) == (26, [25], kept.fingerprint)
    again = client.post("/api/runs", json=config)
    assert again.json()["config"] == config
    swept = client.post("/api/sweeps", json={"settings": settings, "values": {"seed": [0, 1]}})
    base = session.services().sweeps.get(swept.json()["id"]).plan.base
    assert (base.classes, base.left_out, base.dataset) == (26, (25,), kept.fingerprint)
