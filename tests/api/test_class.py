"""In a class the API takes a person's key: they change what is theirs, and everybody may read."""

from __future__ import annotations

import pytest

from core.config import TrainingConfig
from core.people import Actor, acting_as, log
from core.people.person import COOKIE
from core.sweeps import Plan, every_combination
from dashboard.api import guard
from dashboard.components import session
from dashboard.serving import flags
from tests.support.api import PREDICT, assert_problem

pytestmark = pytest.mark.usefixtures("laboratory")


@pytest.fixture(autouse=True)
def is_class(monkeypatch):
    monkeypatch.setenv(flags.CLASS, "1")
    monkeypatch.delenv(guard.TOKEN, raising=False)


@pytest.fixture
def ann(served):
    return session.services().people.join("Ann")


@pytest.fixture
def ben(served):
    return session.services().people.join("Ben")


@pytest.fixture
def anns_run(store, ann):
    with acting_as(Actor(ann[0])):
        return store.create(TrainingConfig(model="linear", epochs=3))


def bearer(person):
    return {"Authorization": f"Bearer {person[1]}"}


CHANGES = (("pause", {}), ("stop", {}), ("resume?more_epochs=1", {}))


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_nobody_else_changes_a_run_with_their_key_or_cookie_and_without_one_nothing_is_changed(
    client, ann, ben, anns_run, change, body
):
    before, path = files_of(anns_run.path), f"/api/runs/{anns_run.id}/{change}"
    assert_problem(client.post(path, json=body, headers=bearer(ben)), 403, "Ann's")
    assert_problem(client.post(path, json=body, headers={"Cookie": f"{COOKIE}={ben[1]}"}), 403, "Ann's")
    assert_problem(client.post(path, json=body), 401, "Authorization: Bearer")
    for wrong in (ann[1][:-1], ann[1] + "x", f"{ann[0].id}.{'A' * 32}", "../" + ann[1]):
        assert_problem(client.post(path, json=body, headers={"Authorization": f"Bearer {wrong}"}), 401, "Wrong key")
    assert files_of(anns_run.path) == before


def test_a_run_is_whose_key_or_cookie_started_it(client, store, ann, ben):
    for headers in (bearer(ben), {"Cookie": f"{COOKIE}={ben[1]}"}):
        response = client.post("/api/runs", json={"model": "linear", "epochs": 1}, headers=headers)
        assert response.status_code == 201, response.text
    assert {run.owner.id for run in store.runs()} == {ben[0].id}
    assert_problem(client.post("/api/runs", json={}), 401)
    assert len(store.runs()) == 2


def test_ones_own_run_is_paused_with_ones_key(client, ann, anns_run):
    assert client.post(f"/api/runs/{anns_run.id}/pause", headers=bearer(ann)).status_code < 300
    assert anns_run.state.name == "paused"


def test_everybody_reads_and_asks_without_a_key(client, anns_run):
    before = files_of(anns_run.path)
    for path in ("/api/runs", f"/api/runs/{anns_run.id}", f"/api/runs/{anns_run.id}/report", "/api/health"):
        assert client.get(path).status_code == 200
    assert files_of(anns_run.path) == before
    assert client.post(PREDICT, json={"pixels": [[200] * 28] * 28}).status_code == 200


def test_a_sweep_of_another_is_not_changed(client, ann, ben):
    with acting_as(Actor(ann[0])):
        sweep = session.services().sweeps.create(
            Plan(TrainingConfig(model="linear", epochs=1), every_combination({"seed": (0, 1)}))
        )
    for change, body in (("pause", {}), ("stop", {}), ("resume", {}), ("budget", {"minutes": 1})):
        response = client.post(f"/api/sweeps/{sweep.id}/{change}", json=body, headers=bearer(ben))
        assert_problem(response, 403, "Ann's")
    assert sweep.state.name == "active"


def test_what_a_teacher_does_to_a_pupils_run_by_the_api_is_noted(client, anns_run, ben):
    people = session.services().people
    people.set_teacher(ben[0], True)
    assert client.post(f"/api/runs/{anns_run.id}/pause", headers=bearer(ben)).status_code == 202
    assert [line["did"] for line in log.read(people.home)] == [f"paused {anns_run.name} of Ann"]
