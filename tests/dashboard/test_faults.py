"""Faults of files, processes and the machine, as people meet them on the pages and in the API."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from core.data import loader
from core.data.loader import DatasetLoader
from core.runs.starter import FOLDER
from core.services import Services
from dashboard.api import api
from dashboard.components import session
from tests.support.drawing import drawn
from tests.support.pages import by_label, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]
SEVEN = [(100, 60), (200, 60), (140, 250)]
PAGES = ("train", "learn", "predictions", "confidence", "compare", "map", "inside", "robustness", "draw", "export")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_digits_that_cannot_be_loaded_for_whatever_cause_are_an_error_on_pages_and_in_the_api(
    monkeypatch, client, make_run
):
    run = make_run()

    def fail(**options):
        raise SystemError("nobody thought of this")

    monkeypatch.setattr(loader, "load_dataset", fail)
    for page in PAGES:
        assert "could not be loaded: nobody thought of this" in words(open_page(page)), page
    reply = client.get(f"/api/runs/{run.id}/predictions")
    assert reply.status_code == 503
    assert "could not be loaded: nobody thought of this" in reply.json()["detail"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_who_waits_for_the_digits_is_called_also_when_they_cannot_be_loaded(monkeypatch, wait_until):
    def fail(**options):
        raise SystemError("nobody thought of this")

    monkeypatch.setattr(loader, "load_dataset", fail)
    called = []
    DatasetLoader().when_done(lambda: called.append(True))
    wait_until(lambda: called, "the call", seconds=30)


# A disk that is full or read-only


@pytest.fixture(params=["full", "read-only"])
def refuse(request, monkeypatch, store):
    """Make the disk of the home refuse every write; returns what is said of it."""

    def refused(*arguments, **options):
        if request.param == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        raise OSError(errno.EROFS, "Read-only file system", str(arguments[0]))

    def begin():
        if request.param == "full":
            monkeypatch.setattr(os, "fsync", refused)
        else:
            open_file, make_folder = Path.open, Path.mkdir
            monkeypatch.setattr(
                Path,
                "mkdir",
                lambda path, *rest, **more: make_folder(path, *rest, **more) if path.is_dir() else refused(path),
            )
            monkeypatch.setattr(Path, "rename", refused)
            monkeypatch.setattr(
                Path,
                "open",
                lambda path, mode="r", *rest, **more: (
                    open_file(path, mode, *rest, **more) if set(mode) <= set("rbt") else refused(path)
                ),
            )
        return "No space is left on the disk" if request.param == "full" else "its disk is read-only"

    return begin


def test_starting_a_run_on_a_disk_that_refuses_it_is_said_in_words(refuse, store, client):
    at = open_page("train")
    said = refuse()
    at.button(key="start").click().run()
    assert not at.exception
    assert said in words(at)
    reply = client.post("/api/runs", json={"model": "dense", "epochs": 1})
    assert reply.status_code == (507 if "space" in said else 503)
    assert said in reply.json()["detail"]
    assert store.runs() == []


def test_every_request_to_a_run_on_a_disk_that_refuses_it_is_said_in_words(refuse, make_run, client):
    run, active = make_run("paused"), make_run("running")
    run.append_event("epoch", epoch=1, step=8)  # there are more to train
    with active.lock().acquire(timeout=0):  # as its worker holds it
        check_requests(refuse, run, active, client)


def check_requests(refuse, run, active, client):
    """Ask all that a page and the API can ask of a paused and of an active run."""
    page, other = open_page("train", run=run.id), open_page("train", run=active.id)
    said = refuse()
    for at, key in ((page, f"resume_{run.id}"), (page, f"continue_{run.id}"), (other, f"stop_{active.id}")):
        at.button(key=key).click().run()
        assert not at.exception, key
        assert said in words(at), key
    by_label(page.text_input, "Name").set_value("Another name").run()
    assert not page.exception
    assert said in words(page)
    for path in (f"{active.id}/pause", f"{active.id}/stop", f"{run.id}/resume", f"{run.id}/resume?more_epochs=1"):
        reply = client.post(f"/api/runs/{path}")
        assert reply.status_code == (507 if "space" in said else 503), path
        assert said in reply.json()["detail"], path
    assert (run.state.name, active.state.name) == ("paused", "running")


def test_what_other_pages_write_on_a_disk_that_refuses_it_is_said_in_words(refuse, make_run):
    run = make_run()
    (run.path / "model.tflite").write_bytes((FOLDER / "model.tflite").read_bytes())
    draw, page = open_page("draw", run=run.id, session={"canvas_0": drawn(SEVEN)}), open_page("robustness", run=run.id)
    said = refuse()
    draw.pills[0].set_value(7).run()
    assert not draw.exception
    assert said in words(draw)
    button = next(button for button in page.button if "easure" in button.label)
    button.click().run()
    assert not page.exception
    assert said in words(page)


# LiteRT that cannot be loaded


def test_without_litert_draw_and_the_api_say_what_to_install(monkeypatch, client):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    at = open_page("draw", session={"canvas_0": drawn(SEVEN)})
    assert "pip install ai-edge-litert" in words(at)
    sent = client.post("/api/runs/starter/predict", json={"pixels": [[0] * 28] * 28})
    assert sent.status_code == 503
    assert "pip install ai-edge-litert" in sent.json()["detail"]


# A path that is no text


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere paths are text")
def test_a_home_whose_path_is_no_text_breaks_no_page_and_no_answer(make_run, store, monkeypatch, client, tmp_path):
    make_run()
    run, elsewhere = make_run(), tmp_path / "caf\udce9"
    (run.path / "model.tflite").write_bytes((FOLDER / "model.tflite").read_bytes())
    store.home.rename(elsewhere)
    monkeypatch.setenv("DIGITLAB_HOME", str(elsewhere))
    services = api.state.services = Services()
    session.use(services)
    for page in PAGES:
        open_page(page, run=run.id)
    assert client.get(f"/api/runs/{run.id}").status_code == 200
    assert client.get(f"/api/runs/{run.id}/predictions").status_code == 200
