"""Every file of a run damaged in every way: pages and API show what is whole, and name what is not."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from core.data.classes import DIGITS
from core.runs import state
from core.runs.starter import FOLDER
from core.runs.weights import write_epoch_weights, write_weights
from core.storage import write_json
from tests.support.networks import random_weights
from tests.support.pages import open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]
PAGES = ("train", "learn", "predictions", "confidence", "compare", "map", "inside", "robustness", "draw", "export")
UNREADABLE = {"noise": b"\x93NUMPY\x00" * 60, "empty": b"", "bytes": b"\xff\xfe\x00[" * 9, "nested": b"[" * 50_000}
JSON_FILES = ("config.json", "name.json", "state.json", "control.json", "dataset.json", "summary.json")
JSON_FILES += ("architecture.json", "trial.json", "imported.json", "robustness.json", "exports.json", "threshold.json")
BINARY_FILES = ("checkpoint.npz", "probabilities.npy", "predictions/epoch-0002.npy", "validation.npz", "model.keras")
BATCH = tuple(state.EVENTS["batch"])
BINARY_FILES += ("model.tflite", "novelty.npz", "map-tsne.npz", "weights.npz", "weights/epoch-0003.npz")
WRONG = ("text", -1, 1e300, None, True, [], {}, [[1]], {"a": {"b": None}})


@pytest.fixture
def whole(make_run, digits):
    """A finished run with every file that a run may have, named Whole."""
    run = make_run()
    run.rename("Whole")
    identity = {"name": digits.name, "source": digits.source, "fingerprint": digits.fingerprint}
    rows = [{"name": "hidden", "kind": "Dense", "shape": [100], "parameters": 78500}]
    accuracies = {"mine": 0.9, "mine_held_out": None, "test": 0.97}
    summary = {
        "model": "dense",
        "epochs": 3,
        "test_accuracy": 0.97,
        "test_loss": 0.1,
        "validation_accuracy": 0.96,
        "training_seconds": 8.2,
        "parameters": 79510,
        "training_images": 1167,
        "validation_images": 233,
        "dataset": identity,
        "parity": {"max_abs_difference": 1e-6, "different_predictions": 0, "images": 397},
        "machine": "Linux",
        "versions": {"python": "3.11.7", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"},
        "finished": 1.7e9,
        "my_digits": {"from": "x", "trained": 5, "held_out": 2, "before": accuracies, "after": accuracies},
    }
    files = {
        "summary.json": summary,
        "dataset.json": {**identity, "classes": list(DIGITS)},
        "architecture.json": rows,
        "trial.json": {"sweep": "20261127-072954-c1d8", "number": 3},
        "control.json": {"request": None, "learning_rate": 0.001, "delete": False, "reason": "Enough."},
        "imported.json": {"file": "a.zip", "when": 1.7e9, "proof": {"images": 397, "different_predictions": 0}},
        "robustness.json": {},
        "exports.json": {},
        "threshold.json": {"threshold": 0.5},
    }
    for name, values in files.items():
        write_json(run.path / name, values)
    run.append_event("start", step=0, epoch=0, epoch_images=1167)
    shared = {"loss": 0.5, "accuracy": 0.8, "learning_rate": 0.001, "training_seconds": 1.0}
    for epoch in (1, 2, 3):
        more = {"position": float(epoch), "images": 1167, "epoch_loss": 0.5, "epoch_accuracy": 0.8}
        run.append_event("batch", step=19 * epoch, epoch=epoch, images_per_second=1000.0, **more, **shared)
        run.append_event("epoch", step=19 * epoch, epoch=epoch, val_loss=0.4, val_accuracy=0.9, **shared)
    (run.path / "model.tflite").write_bytes((FOLDER / "model.tflite").read_bytes())
    run.write_validation(digits.y_train[:233], np.eye(10)[digits.y_train[:233]])
    for name in ("checkpoint.npz", "novelty.npz", "map-tsne.npz", "model.keras"):
        with (run.path / name).open("wb") as file:
            np.savez(file, variable_000=np.zeros(3), position=np.array(json.dumps({"epoch": 3, "step": 57})))
    for epoch in (0, 3):
        write_epoch_weights(run.path, random_weights(run.config.layers, epoch), epoch)
    write_weights(run.path, random_weights(run.config.layers, 3), 3)
    return run


def spoiled(values, turn):
    """A JSON value whose entries have wrong types, others with each turn."""
    if isinstance(values, list):
        return [spoiled(row, turn) for row in values]
    return {name: WRONG[(place + turn) % len(WRONG)] for place, name in enumerate(values)}


def check_everywhere(client, run, pages=PAGES):
    """No page and no answer of the API fails; returns the words of the pages."""
    shown = {page: words(open_page(page, run=run.id)) for page in pages}
    for path in ("runs", f"runs/{run.id}", f"runs/{run.id}/predictions?limit=1"):
        answer = client.get(f"/api/{path}")
        assert answer.status_code in (200, 409), (path, answer.text)
    return shown


def test_a_whole_run_is_not_damaged(whole, client):
    assert whole.damage() == ()
    assert all("damaged" not in shown for shown in check_everywhere(client, whole).values())


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_json_file_that_cannot_be_read_or_holds_something_else_is_named(whole, make_run, name):
    path, other = whole.path / name, make_run()
    contents = path.read_bytes()
    half = {"half": contents[: len(contents) // 2]}
    something_else = {f"is {wrong!r}": json.dumps(wrong).encode() for wrong in WRONG[:5]}
    for kind, damaged in {**UNREADABLE, **half, **something_else}.items():
        path.write_bytes(damaged)
        assert any(f"{name} of " in said and " is damaged: " in said for said in whole.damage()), kind
    assert other.damage() == ()


@pytest.mark.parametrize("name", sorted(state.FILES))
def test_what_a_reader_gets_is_of_its_kind_and_what_is_not_is_named(whole, name):
    path, shape = whole.path / name, state.FILES[name]
    values, said = json.loads(path.read_bytes()), ""
    for turn in range(len(WRONG)):
        path.write_text(json.dumps(spoiled(values, turn)))
        content = state.read(path)
        assert state.check(content.value, shape).flaws == ()
        said += " ".join(content.flaws)
    for entry in shape[0] if isinstance(shape, list) else shape:
        assert f"{entry} is not " in said
    path.write_text(json.dumps(values))
    assert state.read(path) == state.Content(values)


def test_text_that_cannot_be_written_is_repaired_on_reading(whole, client):
    (whole.path / "name.json").write_text('{"name": "\\ud800 7"}')
    (whole.path / "summary.json").write_text('{"machine": "\\ud800"}')
    assert whole.name == "? 7"
    check_everywhere(client, whole, ["train", "compare"])


@pytest.mark.parametrize("turn", range(0, len(WRONG), 3))
def test_wrong_types_in_all_json_files_at_once_break_no_page_and_no_answer(whole, client, turn):
    for name in {*JSON_FILES} - {"config.json"}:
        values = json.loads((whole.path / name).read_bytes())
        changed = spoiled(values, turn)
        if name == "state.json":
            changed["name"] = "finished"  # another is a damaged run, which is not shown on most pages
        (whole.path / name).write_text(json.dumps(changed))
    (whole.path / "events.jsonl").open("a").write(json.dumps({"type": "batch", **dict.fromkeys(BATCH, WRONG[turn])}))
    shown = check_everywhere(client, whole)
    for page in ("train", "predictions", "confidence", "draw"):
        assert "is damaged: " in shown[page], page


@pytest.mark.parametrize("name", ["config.json", "state.json"])
def test_a_run_without_usable_settings_or_state_breaks_no_page_and_no_answer(whole, make_run, client, name):
    make_run()
    (whole.path / name).write_text(json.dumps(spoiled(json.loads((whole.path / name).read_bytes()), 0)))
    assert whole.state.name == "damaged"
    assert f"{name} of " in check_everywhere(client, whole)["train"]


@pytest.mark.parametrize("name", BINARY_FILES)
def test_noise_in_any_other_file_is_named(whole, name):
    path = whole.path / name
    (whole.path / "imported.json").unlink()
    half = {"half": path.read_bytes()[:-20]} if name != "model.tflite" else {}
    for number, (kind, damaged) in enumerate({**UNREADABLE, **half}.items()):
        path.write_bytes(damaged)
        os.utime(path, ns=(1, number))
        found = [said for said in whole.damage() if said.startswith(f"{path.name} of Whole is damaged")]
        assert len(found) == 1, kind


def test_noise_in_all_other_files_at_once_breaks_no_page_and_no_answer(whole, client):
    (whole.path / "imported.json").unlink()
    for name in BINARY_FILES:
        (whole.path / name).write_bytes(UNREADABLE["noise"])
    shown = check_everywhere(client, whole)
    assert "training it further begins at epoch 1" in shown["train"]


def test_events_with_wrong_types_are_left_out_and_counted(whole):
    path = whole.path / "events.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for wrong in ("text", -1, None, [], {}):
        bad = [{**lines[1], name: wrong} for name in BATCH]
        other = path.with_name("other")  # in the same file, what was read would be read on
        other.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *bad, wrong]))
        other.replace(path)
        assert (len(whole.history().batches), len(whole.history().epochs)) == (3, 3)
        assert f"events.jsonl of Whole is damaged: {len(BATCH) + 1} of its lines" in whole.damage()[-1]


def test_events_that_lack_epochs_of_the_run_are_named(whole):
    path = whole.path / "events.jsonl"
    (whole.path / "imported.json").unlink()
    contents = path.read_bytes()
    path.write_bytes(contents[: contents.rindex(b"epoch", 0, -60)])
    kept = len(whole.history().epochs)
    assert kept < 3
    assert f"events.jsonl of Whole is damaged: it holds {kept} of 3 epochs." in whole.damage()
    path.unlink()
    assert "events.jsonl of Whole is damaged: it holds 0 of 3 epochs." in whole.damage()


def test_events_without_what_pages_show_break_no_page(whole, client):
    (whole.path / "events.jsonl").write_text(
        '{"type":"start","step":0,"epoch":0}\n{"type":"batch","step":1,"epoch":1}\n{"type":"epoch","step":2,"epoch":1}\n'
    )
    check_everywhere(client, whole, ["train", "compare"])
    whole.set_state("running")
    with whole.lock().acquire(timeout=0):
        check_everywhere(client, whole, ["train", "compare"])


@pytest.mark.parametrize("left_out", [("test_accuracy",), None], ids=["without test_accuracy", "empty"])
def test_a_summary_that_lacks_values_breaks_no_page_and_no_answer(whole, client, left_out):
    summary = json.loads((whole.path / "summary.json").read_bytes())
    kept = {name: value for name, value in summary.items() if left_out and name not in left_out}
    write_json(whole.path / "summary.json", {**kept, "parameters": "many"} if left_out else {})
    assert "97.00 %" not in check_everywhere(client, whole)["train"]
    answer = client.get(f"/api/runs/{whole.id}").json()
    assert answer["test_accuracy"] is None
    assert "parameters" not in answer["summary"]
