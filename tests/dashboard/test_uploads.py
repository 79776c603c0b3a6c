"""In a class files are taken from names alone, before Streamlit keeps them in memory."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.services import Services
from dashboard.components import people, session
from dashboard.serving.uploads import Uploads

PATH = "/lab/_stcore/upload_file/the-session/a-file"


@pytest.fixture
def services(tmp_path, monkeypatch):
    services = Services(tmp_path)
    monkeypatch.setattr(session, "_services", services)
    monkeypatch.setattr(people, "_typed", {})
    return services


LARGE = 100 * 2**20


def status(client: str, cookie: str = "", path: str = PATH, size: int | None = None) -> int:
    """What a file from this address gets; its head says a `size`."""

    def taken(request):
        return Response(status_code=204)

    app = Starlette(routes=[Route("/{path:path}", taken, methods=["PUT"])], middleware=[Middleware(Uploads)])
    asks = TestClient(app, base_url="http://localhost", client=(client, 5000))
    headers = {"Cookie": f"digitlab_person={cookie}"} if cookie else {}
    headers |= {"Content-Length": str(size)} if size else {}
    return asks.put(path, headers=headers).status_code


def test_in_a_class_files_are_taken_from_names_alone(services, monkeypatch):
    monkeypatch.setenv("DIGITLAB_CLASS", "1")
    _, key = services.people.join("Ann")
    assert status("10.0.0.2") == 403
    assert status("10.0.0.2", "0" * 12 + "." + "x" * 32) == 403
    assert status("10.0.0.2", key) == 204
    people._typed["the-session"] = key  # the cookie comes with the next page
    assert status("10.0.0.2") == 204


def test_without_a_class_a_picture_is_read_for_whoever_looks(services, monkeypatch):
    monkeypatch.delenv("DIGITLAB_CLASS", raising=False)
    assert (status("127.0.0.1"), status("10.0.0.2")) == (204, 204)


def test_large_files_are_taken_from_those_alone_who_add_datasets(services, monkeypatch):
    monkeypatch.delenv("DIGITLAB_CLASS", raising=False)
    assert (status("127.0.0.1", size=LARGE), status("10.0.0.2", size=LARGE)) == (204, 413)
    monkeypatch.setenv("DIGITLAB_CLASS", "1")
    person, key = services.people.join("Ann")
    assert (status("10.0.0.2", key, size=LARGE), status("10.0.0.2", key, size=60 * 2**20)) == (413, 204)
    services.people.set_teacher(person, True)
    assert status("10.0.0.2", key, size=LARGE) == 204
