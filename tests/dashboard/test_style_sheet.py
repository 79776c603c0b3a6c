"""The pages' style sheet comes with their HTML, and with nothing else."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.style_sheet import CONNECTION, STYLE_SHEET, StyleSheet

ANSWERS = {
    "/train": HTMLResponse('<head></head><body><div id="root"></div></body>', headers={"etag": "1"}),
    "/api/docs": HTMLResponse("<body>docs</body>", headers={"etag": "2"}),
    "/static/index.js": Response("'<div id=\"root\"></body>'", media_type="text/javascript"),
}


@pytest.fixture
def client() -> TestClient:
    async def answer(request):
        return ANSWERS[request.url.path]

    routes = [Route(path, answer) for path in ANSWERS]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(StyleSheet)]))


def test_a_page_has_the_style_sheet_after_its_head_so_that_it_is_there_before_the_page_is_drawn(client):
    answer = client.get("/train", headers={"accept": "text/html"})
    assert answer.text.endswith(f"<style>{STYLE_SHEET.read_text(encoding='utf-8')}</style></body>")
    assert CONNECTION.read_text(encoding="utf-8") in answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "etag" not in answer.headers  # it would stand for the page without the style sheet


@pytest.mark.parametrize(("path", "accept"), [("/api/docs", "text/html"), ("/static/index.js", "*/*")])
def test_all_else_is_passed_on_as_it_is(client, path, accept):
    answer = client.get(path, headers={"accept": accept})
    assert answer.content == ANSWERS[path].body
    assert answer.headers.get("etag") == ANSWERS[path].headers.get("etag")
