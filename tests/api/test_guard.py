"""Who may do what over HTTP: tokens, other machines, pages of other sites, and clients that send too much or stall."""

from __future__ import annotations

import asyncio
import gzip
import itertools

import pytest
from starlette.testclient import TestClient

from core.config import TrainingConfig
from dashboard.api import app, guard, predict
from dashboard.origin import ALLOWED_HOSTS
from tests.support.api import PREDICT, assert_problem

pytestmark = pytest.mark.usefixtures("laboratory")
TOKEN = "a token – with a dash"
LOCAL, LAN = ("127.0.0.1", 50000), ("192.168.1.7", 50000)


def at(url="http://127.0.0.1:8501", client=LOCAL):
    """A client at an address of the server, which is the host of the URL."""
    return TestClient(app, base_url=url, client=client)


@pytest.fixture(autouse=True)
def nothing_allowed(served, monkeypatch):
    monkeypatch.delenv(guard.TOKEN, raising=False)
    monkeypatch.delenv(ALLOWED_HOSTS, raising=False)


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv(guard.TOKEN, TOKEN)
    return TOKEN


def bearer(token):
    return {"Authorization": f"Bearer {token}".encode()}


def test_on_this_machine_no_token_is_needed(store):
    for url, client in (
        ("http://127.0.0.1:8501", LOCAL),
        ("http://localhost:8501", LOCAL),
        ("http://[::1]:8501", ("::1", 5)),
        ("http://[::ffff:127.0.0.1]:8501", ("::ffff:127.0.0.1", 5)),
    ):
        if "localhost" in url:
            response = at().post("/api/runs", json={}, headers={"Host": "localhost:8501"})
        else:
            response = at(url, client).post("/api/runs", json={})
        assert response.status_code == 201, (url, response.text)
    assert len(store.runs()) == 4


WRITES = ("", "/x/pause", "/x/stop", "/x/resume")


@pytest.mark.parametrize("path", WRITES)
def test_with_a_token_set_everything_that_writes_needs_it(token, store, path):
    missing = at().post(f"/api/runs{path}", json={})
    assert_problem(missing, 401, "DIGITLAB_API_TOKEN", "Bearer")
    assert missing.headers["www-authenticate"].startswith("Bearer")
    for wrong in ("", "wrong", TOKEN[:-1], TOKEN + "x", "ÿ", TOKEN.upper()):
        response = at().post(f"/api/runs{path}", json={}, headers=bearer(wrong))
        assert_problem(response, 401)
        assert "www-authenticate" in response.headers
    assert_problem(at().post(f"/api/runs{path}", json={}, headers={"Authorization": f"Basic {TOKEN}".encode()}), 401)
    right = at().post(f"/api/runs{path}", json={}, headers=bearer(TOKEN))
    assert right.status_code == (404 if path else 201)
    assert len(store.runs()) == (0 if path else 1)


def test_with_a_token_reading_and_asking_need_none_and_other_machines_may_write(token, monkeypatch):
    monkeypatch.setenv(ALLOWED_HOSTS, "lab.example")
    assert at("http://192.168.1.5:8501", LAN).get("/api/runs").status_code == 200
    assert at().post(PREDICT, json={"pixels": [[200] * 28] * 28}).status_code == 200
    assert at("http://lab.example:8501", LAN).post("/api/runs", json={}, headers=bearer(TOKEN)).status_code == 201


@pytest.mark.parametrize("set_to", ["", "   "])
def test_an_empty_token_is_none(monkeypatch, set_to):
    monkeypatch.setenv(guard.TOKEN, set_to)
    assert_problem(at("http://192.168.1.5:8501", LAN).post("/api/runs", json={}, headers=bearer("")), 403)


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    ("url", "client", "headers"),
    [
        ("http://192.168.1.5:8501", LAN, {}),
        ("http://192.168.1.5:8501", LAN, {"Host": "localhost:8501"}),
        ("http://192.168.1.5:8501", LOCAL, {"Host": "localhost:8501"}),
        ("http://127.0.0.1:8501", LAN, {}),  # what a proxy that is trusted makes of a client
        ("http://127.0.0.1:8501", LOCAL, {"X-Forwarded-For": "192.168.1.7"}),
        ("http://127.0.0.1:8501", LOCAL, {"Forwarded": "for=192.168.1.7"}),
    ],
)
def test_without_a_token_other_machines_only_read(store, path, url, client, headers):
    there = at(url, client)
    assert there.get("/api/runs", headers=headers).status_code == 200
    assert_problem(
        there.post(f"/api/runs{path}", json={}, headers=headers), 403, "Other machines can only read", guard.TOKEN
    )
    assert store.runs() == []


FOREIGN_HOSTS = (
    *("evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil", "x.localhost", "[", ""),
    *("localhost@evil.example", "evil.example/localhost", "192.168.1.99", "0.0.0.0", "[::]", "localhost:8501:1"),
)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("more", [{}, {"X-Forwarded-For": "192.168.1.7"}, {"X-Forwarded-Host": "localhost"}])
@pytest.mark.parametrize("with_token", [False, True])
def test_a_name_that_was_made_to_point_here_gets_nothing(store, monkeypatch, host, more, with_token):
    if with_token:
        monkeypatch.setenv(guard.TOKEN, TOKEN)
        more = {**more, **bearer(TOKEN)}
    for method, path in (("GET", "/api/runs"), ("POST", "/api/runs"), ("POST", PREDICT)):
        response = at().request(method, path, headers={"Host": host, **more})
        assert_problem(response, 403, "localhost", ALLOWED_HOSTS)
    assert store.runs() == []


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("lab.example", "lab.example:8501", 200),
        ("lab.example", "LAB.example.:8501", 200),
        ("lab.example", "x.lab.example", 403),
        ("one.example, *.lab.example", "x.lab.example", 200),
        ("*.lab.example", "evillab.example", 403),
        ("10.0.0.5", "10.0.0.5:80", 200),
        ("*", "anything.example", 200),
    ],
)
def test_names_are_let_in_by_a_variable(store, monkeypatch, allowed, host, status):
    monkeypatch.setenv(ALLOWED_HOSTS, allowed)
    assert at().get("/api/runs", headers={"Host": host}).status_code == status
    # a proxy on this machine asks by that name, so without a token it writes nothing
    assert_problem(at().post("/api/runs", json={}, headers={"Host": host}), 403)
    monkeypatch.setenv(guard.TOKEN, TOKEN)
    written = at().post("/api/runs", json={}, headers={"Host": host, **bearer(TOKEN)})
    assert written.status_code == (201 if status == 200 else 403)


def test_behind_a_proxy_that_changes_the_host_the_allowed_name_is_ones_own(store, monkeypatch):
    page, image = {"Origin": "https://lab.example"}, {"pixels": [[200] * 28] * 28}
    assert_problem(at().post(PREDICT, json=image, headers=page), 403, "Cross-site requests are refused")
    monkeypatch.setenv(ALLOWED_HOSTS, "lab.example")
    assert at().post(PREDICT, json=image, headers=page).status_code == 200
    assert_problem(
        at().post(PREDICT, json=image, headers={"Origin": "https://lab.example:3000"}),
        403,
        "Cross-site requests are refused",
    )
    assert_problem(at().post("/api/runs", json={}, headers=page), 403, "Other machines can only read", guard.TOKEN)
    assert store.runs() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://localhost:8501"},  # another origin than 127.0.0.1:8501
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8501"},
    ],
)
@pytest.mark.parametrize("with_token", [False, True])
def test_a_page_of_another_site_starts_nothing(store, monkeypatch, headers, with_token):
    if with_token:
        monkeypatch.setenv(guard.TOKEN, TOKEN)
        headers = {**headers, **bearer(TOKEN)}
    assert_problem(at().post("/api/runs", content="{}", headers=headers), 403, "Cross-site requests are refused")
    assert_problem(at().post(PREDICT, content="{}", headers=headers), 403, "Cross-site requests are refused")
    assert_problem(at().get("/api/runs", headers=headers), 403, "Cross-site requests are refused")
    assert store.runs() == []


@pytest.mark.parametrize("headers", [{"Origin": "http://127.0.0.1:8501"}, {"Sec-Fetch-Site": "same-origin"}])
def test_its_own_pages_may(store, headers):
    assert at().post("/api/runs", json={}, headers=headers).status_code == 201


def test_a_link_on_another_page_opens_but_nobody_frames_what_it_opens():
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    response = at().get("/api/docs", headers=link)
    assert response.status_code == 200
    assert "frame-ancestors 'self'" in response.headers["content-security-policy"]


# Bodies


@pytest.mark.parametrize(
    ("path", "kind", "most", "fits"),
    [
        (PREDICT, "image/png", guard.MOST_PICTURE_BYTES, 422),
        (PREDICT, "application/json", guard.MOST_BYTES, 422),
        ("/api/runs", "application/json", guard.MOST_BYTES, 422),
        ("/api/runs", "image/png", guard.MOST_BYTES, 422),
    ],
)
def test_a_body_that_is_too_large_is_refused_however_it_comes(store, path, kind, most, fits):
    large, words = b"x" * (most + 1), f"larger than {most >> 20} MB"
    for more in ({}, {"Expect": "100-continue"}):
        assert_problem(at().post(path, content=large, headers={"Content-Type": kind, **more}), 413, words)
    pieces = (large[start : start + 65536] for start in range(0, len(large), 65536))
    assert_problem(at().post(path, content=pieces, headers={"Content-Type": kind}), 413, words)
    assert at().post(path, content=large[:-1], headers={"Content-Type": kind}).status_code == fits


def test_bodies_that_wait_hold_little_together(store, monkeypatch):
    monkeypatch.setattr(guard, "MOST_HELD", 3 * 2**20)
    answers, go_on = [], asyncio.Event()

    async def app(scope, receive, send):
        body = (await receive())["body"]
        await go_on.wait()
        answers.append(len(body))

    async def post(body, size):
        async def send(message):
            answers.append(message.get("status"))

        async def receive():
            return {"type": "http.request", "body": b"x" * size, "more_body": False}

        scope = {"type": "http", "method": "POST", "path": PREDICT, "headers": []}
        await body(scope, receive, send)

    async def all_of_them():
        body = guard.WholeBody(app)
        first = asyncio.create_task(post(body, 2 * 2**20))
        await asyncio.sleep(0)
        await post(body, 2 * 2**20)
        assert answers == [503, None]
        small = asyncio.create_task(post(body, 1000))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, small)
        assert answers[2:] == [2 * 2**20, 1000]
        await post(body, 2 * 2**20)
        assert answers[4:] == [2 * 2**20]
        assert body.held == 0

    asyncio.run(all_of_them())


@pytest.mark.parametrize("path", [PREDICT, "/api/runs"])
def test_a_compressed_body_is_refused_by_its_name(store, path):
    packed = gzip.compress(b"{}")
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert_problem(at().post(path, content=packed, headers=headers), 415, "gzip", "without Content-Encoding")
    assert store.runs() == []


def exchange(receive, method="POST", path="/api/runs"):
    """What a request whose body comes from `receive` is answered."""
    answered = []

    async def send(message):
        answered.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"127.0.0.1:8501"), (b"content-type", b"application/json")],
        "client": LOCAL,
        "server": ("127.0.0.1", 8501),
    }
    asyncio.run(app(scope, receive, send))
    return answered


def test_a_body_that_does_not_end_is_given_up(store, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    pieces = itertools.count()

    async def slowly():
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b" ", "more_body": next(pieces) < 10_000}

    start, *_ = exchange(slowly)
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert store.runs() == []


def test_a_client_that_leaves_in_the_middle_starts_nothing(store):
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    assert exchange(receive) == []
    assert store.runs() == []


def test_what_is_drained_of_an_endless_body_is_limited(store):
    taken = []

    async def endless():
        taken.append(65536)
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    start, *_ = exchange(endless)
    assert start["status"] == 413
    assert sum(taken) <= guard.MOST_DRAINED + 2 * 65536


def test_where_too_many_wait_the_next_is_told_to_come_again(monkeypatch):
    monkeypatch.setattr(predict, "MOST_WAITING", 0)
    response = at().post(PREDICT, json={"pixels": [[200] * 28] * 28})
    assert_problem(response, 503, "Too many")
    assert response.headers["retry-after"] == "1"


def test_a_queued_run_can_be_paused_from_here_only_by_who_may(token, store):
    run = store.create(TrainingConfig())
    assert_problem(at().post(f"/api/runs/{run.id}/pause"), 401)
    assert run.state.name == "queued"
    assert at().post(f"/api/runs/{run.id}/pause", headers=bearer(TOKEN)).status_code == 202
    assert run.state.name == "paused"
