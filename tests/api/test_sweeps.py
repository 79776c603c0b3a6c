"""Sweeps over HTTP."""

from __future__ import annotations

import pytest

from core.config import TrainingConfig
from core.sweeps.halving import Halving
from dashboard.components import session
from tests.support.api import assert_problem

pytestmark = pytest.mark.usefixtures("laboratory")


def test_a_sweep_is_begun_looked_at_paused_and_stopped(client):
    body = {
        "settings": {"model": "dense", "epochs": 2},
        "values": {"optimizer": ["SGD", "adam"], "left_out": [[], [3, 8]], "seed": [0, 1, 0]},
    }
    made = client.post("/api/sweeps", json=body)
    assert made.status_code == 201, made.text
    sweep = made.json()
    assert (sweep["state"], sweep["trials"], sweep["begun"]) == ("active", 8, [])
    assert sweep["name"] == "Dense: optimizer, left out, seed"
    assert [each["id"] for each in client.get("/api/sweeps").json()] == [sweep["id"]]
    stored = session.services().sweeps.get(sweep["id"])
    assert stored.plan.configs[6] == TrainingConfig("dense", epochs=2, left_out=(3, 8))
    run = stored.begin_trial()
    run.write_summary({"validation_accuracy": 0.9})
    run.set_state("finished")
    here = f"/api/sweeps/{sweep['id']}"
    [trial] = client.get(here).json()["begun"]
    assert (trial["run"], trial["validation_accuracy"], trial["values"]["optimizer"]) == (run.id, 0.9, "sgd")
    assert "90.00" in client.get(here).json()["findings"][0]
    report = client.get(f"{here}/report?name=Ann")
    assert (report.status_code, "90.00\u00a0% of the validation images" in report.text) == (200, True)
    assert "by Ann" in report.text
    for action, state in (("pause", "paused"), ("resume", "active"), ("stop", "stopped")):
        answer = client.post(f"{here}/{action}")
        assert (answer.status_code, answer.json()["state"]) == (202, state)


def test_minutes_and_trials_can_be_raised(client):
    body = {"values": {"seed": list(range(20))}, "random": 3, "minutes": 0.5, "stop_weak": {"factor": 4}}
    sweep = client.post("/api/sweeps", json=body).json()
    assert (sweep["trials"], sweep["minutes"], sweep["seconds"]) == (3, 0.5, 0.0)
    assert session.services().sweeps.get(sweep["id"]).plan.halving == Halving(4, 1)
    budget = f"/api/sweeps/{sweep['id']}/budget"
    raised = client.post(budget, json={"trials": 5, "minutes": 0}).json()
    assert (raised["trials"], raised["minutes"], raised["state"]) == (5, None, "active")
    assert_problem(client.post(budget, json={"trials": 4}), 422)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"values": {"learning_rate": [7]}}, "Learning rate must be between"),
        ({"values": {"lr": [0.1]}}, "'lr' is no setting that can differ"),
        ({"values": {"seed": []}}, "seed needs at least one value"),
        ({"values": {"seed": [[1]]}}, "Seed must be a whole number"),
        ({"values": {"seed": list(range(5001))}}, "1 to 5,000 trials, not 5,001"),
        ({"values": {"model": ["vgg"]}}, "vgg"),
    ],
)
def test_what_cannot_be_tried_is_said(client, body, words):
    answer = client.post("/api/sweeps", json=body)
    assert_problem(answer, 422)
    assert words in answer.json()["detail"]
    assert client.get("/api/sweeps").json() == []


def test_a_missing_sweep_is_said(client):
    assert_problem(client.get("/api/sweeps/20200101-000000-abcd"), 404)
