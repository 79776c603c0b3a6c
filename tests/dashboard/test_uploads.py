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


def status(client: str, cookie: str = "", path: str = PATH) -> int:
    """What a file from this address gets."""

    def taken(request):
        return Response(status_code=204)

    app = Starlette(routes=[Route("/{path:path}", taken, methods=["PUT"])], middleware=[Middleware(Uploads)])
    asks = TestClient(app, base_url="http://localhost", client=(client, 5000))
    return asks.put(path, headers={"Cookie": f"digitlab_person={cookie}"} if cookie else {}).status_code


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
