"""Faults of files, processes and the machine, as people meet them on the pages and in the API."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from core import loading
from core.loading import Loading
from dashboard.api import app
from tests.pages import open_page, words

pytestmark = pytest.mark.usefixtures("laboratory")
PAGES = ("train", "predictions", "confidence", "compare", "map", "robustness", "draw", "export")


@pytest.fixture
def client():
    """A client on this machine; the server trains nothing."""
    return TestClient(app, base_url="http://127.0.0.1:8501", client=("127.0.0.1", 50000), raise_server_exceptions=False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_digits_that_cannot_be_loaded_for_whatever_cause_are_an_error_on_pages_and_in_the_api(
    monkeypatch, client, make_run
):
    run = make_run()

    def fail(**options):
        raise SystemError("nobody thought of this")

    monkeypatch.setattr(loading, "load_dataset", fail)
    for page in PAGES:
        assert "could not be loaded: nobody thought of this" in words(open_page(page)), page
    answer = client.get(f"/api/runs/{run.id}/predictions")
    assert answer.status_code == 503
    assert "could not be loaded: nobody thought of this" in answer.json()["detail"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_who_waits_for_the_digits_is_called_also_when_they_cannot_be_loaded(monkeypatch, wait_until):
    def fail(**options):
        raise SystemError("nobody thought of this")

    monkeypatch.setattr(loading, "load_dataset", fail)
    called = []
    Loading().when_done(lambda: called.append(True))
    wait_until(lambda: called, "the call", seconds=30)
