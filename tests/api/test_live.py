"""The HTTP API as it is served: alone by uvicorn, and in the dashboard's server; started, used, ended by its pid."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.config import TrainingConfig
from core.drawing import normalise_drawing, shrink
from core.drawing.upload import MOST_BYTES, read_picture
from core.inference.answer import LoadedModels
from core.runs import RunStore
from core.runs.starter import Starter
from dashboard.api import events, guard
from dashboard.components.draw.api_command import FILE, command, picture_file, python_line
from tests.support.drawing import SEVEN, drawn, picture_of
from tests.support.paths import ROOT
from tests.support.runs import worker_pid

pytestmark = pytest.mark.slow

ALONE = ("uvicorn", "dashboard.api:app", "--host", "127.0.0.1", "--port")
IN_DASHBOARD = ("streamlit", "run", "dashboard/app.py", "--server.headless=true", "--server.address=127.0.0.1")
SHORT = {"model": "dense", "epochs": 2, "hidden_layers": [32]}
LONG = {"model": "seed", "epochs": 200, "batch_size": 8}


class Server:
    """A server in a process of its own, on a free port of this machine."""

    def __init__(self, command: tuple[str, ...], home: Path, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.store = RunStore(home)
        home.mkdir(exist_ok=True)
        port = str(self.port) if command[-1] == "--port" else f"--server.port={self.port}"
        environment = {**os.environ, "DIGITLAB_HOME": str(home), "DIGITLAB_DATA": str(data)}
        environment["DIGITLAB_BACKGROUND"] = "off"
        environment.pop(guard.TOKEN, None)
        with (home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command, port], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def ask(self, method: str, path: str, body: dict | None = None, **headers: str) -> tuple[int, dict]:
        """The status and what JSON came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        text = None if body is None else json.dumps(body)
        connection.request(method, f"/api{path}", text, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found

    def answers(self) -> bool:
        """Whether it is up."""
        assert self.process.poll() is None, (self.store.home / "server.log").read_text()
        try:
            return self.ask("GET", "/health") == (200, {"status": "ok"})
        except (OSError, ValueError):
            return False

    def events(self, run_id: str, last: str = "") -> list[tuple[str, str, dict]]:
        """Name, id and data of all events until the stream ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", f"/api/runs/{run_id}/events", headers={"Last-Event-ID": last} if last else {})
        response = connection.getresponse()
        assert response.headers["content-type"].startswith("text/event-stream")
        found = []
        for block in response.read().decode().strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if fields:
                found.append((fields["event"], fields.get("id", ""), json.loads(fields["data"])))
        connection.close()
        return found

    def end(self) -> None:
        """End it, and what it still trains."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        for run in self.store.runs():
            if pid := worker_pid(run):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def serve(tmp_path_factory, digits_file, wait_until) -> Iterator:
    started = []

    def start(command: tuple[str, ...], home: Path | None = None) -> Server:
        started.append(Server(command, home or tmp_path_factory.mktemp("home"), digits_file))
        wait_until(started[-1].answers, "the server to answer")
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.end()


def test_it_needs_neither_streamlit_nor_tensorflow():
    asked = "import sys, dashboard.api; print({'streamlit', 'tensorflow', 'keras'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.fixture(scope="module")
def alone(serve):
    return serve(ALONE)


def test_a_run_is_started_followed_and_asked(alone):
    status, run = alone.ask("POST", "/runs", SHORT)
    assert (status, run["state"]) == (201, "queued")
    events = alone.events(run["id"])
    names = [name for name, *_ in events]
    assert names[0] == "state"
    assert [name for name in names if name != "progress"][-2:] == ["state", "end"]
    assert "progress" in names
    assert [id for name, id, _ in events if name == "epoch"] == ["1", "2"]
    states = [data["name"] for name, _, data in events if name == "state"]
    assert states[-1] == "finished"
    assert states == sorted(set(states), key=["queued", "running", "finished"].index)

    missed = alone.events(run["id"], last="1")
    assert [id for name, id, _ in missed if name == "epoch"] == ["2"]
    _, found = alone.ask("GET", f"/runs/{run['id']}")
    assert found["summary"]["test_accuracy"] == found["test_accuracy"] > 0.5
    assert [epoch["epoch"] for epoch in found["epochs"]] == [1, 2]
    status, kept = alone.ask("GET", f"/runs/{run['id']}/predictions?mistakes=true&limit=1000")
    assert status == 200
    assert kept["total"] == round((1 - found["test_accuracy"]) * 397)


def test_a_run_is_paused_resumed_and_stopped_while_others_read(alone, wait_until):
    _, run = alone.ask("POST", "/runs", LONG)
    path = f"/runs/{run['id']}"

    def state():
        return alone.ask("GET", path)[1]["state"]

    wait_until(lambda: alone.ask("GET", path)[1]["progress"] > 0, "the first batches")
    assert alone.ask("POST", "/runs/starter/predict", {"pixels": [[200] * 28] * 28})[0] == 200
    assert alone.ask("POST", f"{path}/pause")[0] == 202
    wait_until(lambda: state() == "paused", "it to pause")
    assert alone.ask("POST", f"{path}/pause")[0] == 409
    assert alone.ask("POST", f"{path}/resume")[0] == 202
    wait_until(lambda: state() == "running", "it to go on")
    assert alone.ask("POST", f"{path}/stop")[0] == 202
    wait_until(lambda: state() == "stopped", "it to stop")


def photo() -> bytes:
    """A photo of 3 MB: a 7 on paper, 12 megapixels with a camera's noise."""
    picture = Image.new("RGB", (4000, 3000), (225, 222, 210))
    ImageDraw.Draw(picture).line([(1600, 900), (2400, 900), (1950, 2100)], (20, 20, 60), 140, joint="curve")
    noise = np.random.default_rng(0).integers(-14, 15, (3000, 4000, 1))
    file = io.BytesIO()
    Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=88)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["a drawing", "a photo of 3 MB"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "python"])
def test_the_commands_on_the_draw_page_give_the_page_s_answer(alone, tmp_path, kind, shell):
    picture = picture_of(drawn(SEVEN)) if kind == "a drawing" else read_picture(photo())
    (tmp_path / FILE).write_bytes(picture_file(picture))
    address = f"http://127.0.0.1:{alone.port}"
    if shell != "python" and not (shutil.which(shell) and shutil.which("curl")):
        pytest.skip(f"no {shell} or no curl on the PATH")
    run = [sys.executable] if shell == "python" else [shell]
    line = python_line("starter", address) if shell == "python" else command("starter", address)
    printed = subprocess.run([*run, "-c", line], cwd=tmp_path, capture_output=True, check=True, timeout=60).stdout
    [found] = json.loads(printed)["answers"]
    models, starter = LoadedModels(), Starter()
    page = models.answer_one(starter, models.predictor(starter), normalise_drawing(picture))
    assert found["probabilities"] == page.outputs["probabilities"].tolist()
    assert (found["digit"], found["confidence"]) == (page.digit, page.confidence) == (7, found["confidence"])


def test_no_picture_is_too_large_for_its_own_command():
    noise = np.random.default_rng(0).integers(0, 256, (2048, 2048, 4), dtype=np.uint8)
    strip = np.random.default_rng(0).integers(0, 256, (1024, 4096, 4), dtype=np.uint8)
    for picture in (noise, strip):
        assert len(picture_file(picture)) < MOST_BYTES / 2
        assert read_picture(picture_file(picture)).shape == shrink(picture).shape


def test_clients_that_stall_or_break_off_harm_nobody(alone):
    stalled = [socket.create_connection(("127.0.0.1", alone.port)) for _ in range(50)]
    try:
        for each in stalled[:40]:
            each.sendall(
                b"POST /api/runs/starter/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Content-Type: image/png\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1000
            )
        for each in stalled[40:]:
            each.sendall(b"GET /api/runs/starter/ev")
        began = time.monotonic()
        assert alone.ask("POST", "/runs/starter/predict", {"pixels": [[200] * 28] * 28})[0] == 200
        assert time.monotonic() - began < 10
    finally:
        for each in stalled:
            each.close()
    assert alone.answers()


def test_the_limit_of_watchers_holds_for_all_that_come_at_once(alone, wait_until):
    run = alone.store.create(TrainingConfig(model="cnn", epochs=60))  # trained or in the line, it has news to wait for

    def statuses():
        watchers = [socket.create_connection(("127.0.0.1", alone.port), timeout=60) for _ in range(120)]
        try:
            for each in watchers:
                each.sendall(f"GET /api/runs/{run.id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            return Counter(each.recv(12)[9:12] for each in watchers)
        finally:
            for each in watchers:
                each.close()

    assert statuses() == {b"200": events.MOST_WATCHING, b"503": 120 - events.MOST_WATCHING}
    wait_until(lambda: statuses()[b"200"] == events.MOST_WATCHING, "the places to be free again")
    run.stop()


def test_too_large_a_body_is_answered_before_the_connection_ends(alone):
    for headers in ({"Content-Length": str(12 * 2**20)}, {"Transfer-Encoding": "chunked"}):
        connection = http.client.HTTPConnection("127.0.0.1", alone.port, timeout=60)
        pieces = (b"x" * 2**16 for _ in range(192))
        chunked = "Transfer-Encoding" in headers
        connection.request(
            "POST",
            "/api/runs/starter/predict",
            pieces,
            {"Content-Type": "image/png", **headers},
            encode_chunked=chunked,
        )
        response = connection.getresponse()
        assert (response.status, response.headers["content-type"]) == (413, "application/problem+json")
        connection.close()


def test_the_server_ends_though_somebody_watches(serve):
    server = serve(ALONE)
    run = server.store.create(TrainingConfig())
    watcher = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    watcher.request("GET", f"/api/runs/{run.id}/events")
    response = watcher.getresponse()
    assert response.readline().startswith(b"event: ")
    began = time.monotonic()
    server.end()
    assert time.monotonic() - began < 30
    with suppress(http.client.IncompleteRead):
        response.read()  # and comes to an end


@pytest.fixture(scope="module")
def dashboard(serve, alone):
    """The dashboard on the home of the other server."""
    return serve(IN_DASHBOARD, alone.store.home)


def test_the_dashboard_serves_it_at_api_beside_the_pages(dashboard, tmp_path):
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=60)
    connection.request("GET", "/")
    assert b"Streamlit" in connection.getresponse().read()
    connection.close()
    assert "starter" in [run["id"] for run in dashboard.ask("GET", "/runs")[1]["runs"]]
    picture = picture_of(drawn(SEVEN))
    pixels = normalise_drawing(picture).tolist()
    assert dashboard.ask("POST", "/runs/starter/predict", {"pixels": pixels})[1]["answers"][0]["digit"] == 7
    assert dashboard.ask("GET", "/runs/etc%2fpasswd")[0] == 404
    assert dashboard.ask("POST", "/runs", SHORT, Origin="http://evil.example")[0] == 403
    assert dashboard.ask("GET", "/runs", Host="evil.example")[0] == 403
    (tmp_path / FILE).write_bytes(picture_file(picture))
    line = command("starter", f"http://127.0.0.1:{dashboard.port}")
    printed = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, check=True, timeout=60).stdout
    assert json.loads(printed)["answers"][0]["digit"] == 7


def test_clients_that_reset_in_the_middle_of_a_burst_leave_nothing_in_the_terminal(dashboard):
    server = dashboard
    run = server.store.create(TrainingConfig())
    run.pause()
    with (run.path / "events.jsonl").open("a") as log:
        for epoch in range(1, 5001):
            log.write(json.dumps({"type": "epoch", "epoch": epoch, "step": epoch, "val_accuracy": 0.9}) + "\n")
    for number in range(40):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", server.port))
        client.sendall(f"GET /api/runs/{run.id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        if number % 2:
            client.recv(300)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
        client.close()
    assert len(server.events(run.id)) > 5000
    assert "Traceback" not in (server.store.home / "server.log").read_text()
