"""Who can reach the dashboard: started from a folder that is not its own, its address, settings, and foreign pages."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard import reach
from dashboard.origin import ALLOWED_HOSTS
from dashboard.reach import ROOT
from dashboard.serving.board import qr_picture
from tests.support.browsing import wait_until

pytestmark = pytest.mark.slow

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
OTHER_SETTINGS = '[server]\naddress = "0.0.0.0"\n[theme]\nprimaryColor = "#ff0000"\n'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def network_address() -> str:
    """This machine's address in its network; the test is skipped where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is in no network")
        return probe.getsockname()[0]


class Dashboard:
    """`streamlit run …/dashboard/app.py` in a folder that has settings of its own."""

    def __init__(self, folder: Path, *flags: str, port: int | None = None, **environment: str) -> None:
        (folder / ".streamlit").mkdir(exist_ok=True)
        (folder / ".streamlit" / "config.toml").write_text(OTHER_SETTINGS)
        self.folder, self.port = folder, port or free_port()
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py")]
        command += ["--server.headless=true", f"--server.port={self.port}", *flags]
        self.log = folder / f"{len(list(folder.glob('*.log')))}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "DIGITLAB_HOME": str(folder / "home"), **environment},
                stdout=log,
                stderr=log,
            )

    @property
    def printed(self) -> str:
        return self.log.read_text()

    def get(self, path: str = "/", address: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
        """The status and the body of an answer."""
        connection = http.client.HTTPConnection(address, self.port, timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def answers(self) -> bool:
        assert self.process.poll() is None, self.printed
        try:
            return self.get("/_stcore/health")[0] == 200
        except OSError:
            return False

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


@pytest.fixture
def start(tmp_path, digits_file, wait_until) -> Iterator:
    started = []

    def start(*flags: str, wait: bool = True, **more) -> Dashboard:
        started.append(Dashboard(tmp_path, *flags, DIGITLAB_DATA=str(digits_file), **more))
        if wait:
            wait_until(started[-1].answers, "the dashboard to answer")
        return started[-1]

    yield start
    for dashboard in started:
        dashboard.end()


def is_open(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True


def websocket_status(port: int, *headers: str) -> int:
    """What the handshake of the pages' websocket is answered: 101 lets it in."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        lines = ["GET /_stcore/stream HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", KEY, *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(12)[9:12])


def first_message(websocket: ClientConnection) -> ForwardMsg:
    """What the server says to a browser that asks for the page."""
    asked = BackMsg()
    asked.rerun_script.query_string = ""
    websocket.send(asked.SerializeToString())
    while True:
        message = ForwardMsg.FromString(websocket.recv(timeout=60))
        if message.HasField("new_session"):
            return message


def page_says(words: str, websocket: ClientConnection) -> bool:
    """Whether the first page that a browser gets has these words."""
    first_message(websocket)
    sent = b""
    while not ForwardMsg.FromString(message := websocket.recv(timeout=60)).HasField("script_finished"):
        sent += message
    return words.encode() in sent


def test_started_from_another_folder_only_this_machine_can_open_it_and_no_page_of_a_stranger(start):
    dashboard = start()
    port = dashboard.port
    half_sent = socket.create_connection(("127.0.0.1", port), timeout=120)
    half_sent.sendall(b"GET /api/runs HTTP/1.1\r\nHost: loc")
    assert is_open("127.0.0.1", port)
    assert not is_open(network_address(), port)
    assert f"Only this machine can open Digit Lab: http://localhost:{port}\n" in dashboard.printed

    with connect(f"ws://localhost:{port}/_stcore/stream", origin=f"http://localhost:{port}", max_size=None) as page:
        session = first_message(page).new_session
    assert session.custom_theme.light.primary_color == "#3652c9"
    assert session.custom_theme.primary_color == ""
    assert session.config.toolbar_mode == session.config.MINIMAL
    assert not session.config.gather_usage_stats
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert websocket_status(port, f"Host: {host}:{port}", f"Origin: http://{host}:{port}") == 101
    for host, origin in (
        ("evil.example", f"http://evil.example:{port}"),
        (f"evil.example:{port}", f"http://evil.example:{port}"),
        (f"x.localhost:{port}", f"http://x.localhost:{port}"),
        (f"192.168.1.99:{port}", f"http://192.168.1.99:{port}"),
        (f"localhost:{port}", "http://localhost:3000"),
        (f"localhost:{port}", "http://localhost"),
        (f"localhost:{port}", f"http://127.0.0.1:{port}"),
        (f"localhost:{port}", "null"),
    ):
        assert websocket_status(port, f"Host: {host}", f"Origin: {origin}") == 403, (host, origin)
        forwarded = ("X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: localhost")
        assert websocket_status(port, f"Host: {host}", f"Origin: {origin}", *forwarded) == 403, (host, origin)
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://localhost:{port}/_stcore/stream", origin="http://localhost:3000").close()
    for path in ("/", "/draw", "/static/index.html", "/_stcore/health", "/_stcore/host-config", "/api/runs"):
        status, words = dashboard.get(path, Host="evil.example")
        assert (status, ALLOWED_HOSTS in words) == (403, True), path
    assert not any((dashboard.folder / "home" / "runs").glob("*"))
    assert half_sent.recv(1) == b""  # the server has given it up by now, or does soon
    half_sent.close()


def test_what_a_person_sets_by_flag_stands_before_the_program_s_own_settings(tmp_path):
    asked = (
        "from streamlit import config; from dashboard import reach\n"
        "config.set_option('theme.baseFontSize', 20, reach.BY_COMMAND); reach.use_own_settings()\n"
        "print(*map(config.get_option, ('theme.baseFontSize', 'theme.baseRadius', 'server.maxUploadSize')))\n"
        "print(config.get_option('server.fileWatcherType'))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["20", "8px", "200", "none"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"server.address": "localhost"}, ["Only this machine can open Digit Lab: http://localhost:8501"]),
        ({"server.address": "::1"}, ["Only this machine can open Digit Lab: http://[::1]:8501"]),
        (
            {"server.address": "localhost", "server.port": 8502},
            ["Port 8501 is taken. Using port 8502 instead.", "http://localhost:8502"],
        ),
        ({"server.address": "192.0.2.7"}, ["can only look", "http://192.0.2.7:8501", "--class", ALLOWED_HOSTS]),
        ({"server.address": "localhost", "server.baseUrlPath": "/lab/"}, ["http://localhost:8501/lab"]),
        (
            {
                "server.address": "127.0.0.1",
                "server.baseUrlPath": "lab",
                "browser.serverAddress": "school.example",
                "browser.serverPort": 443,
            },
            ["only look at Digit Lab: https://school.example/lab\n", "change everything: http://localhost:8501/lab\n"],
        ),
    ],
)
def test_the_terminal_says_who_can_reach_it(monkeypatch, options, words):
    values = {"server.port": 8501, "server.baseUrlPath": "", "server.sslCertFile": None, **options}
    settings = SimpleNamespace(
        _server_mode="starlette-app",
        get_option=values.get,
        is_manually_set=lambda name: name in options and "browser" in name,
    )
    monkeypatch.setattr(reach, "config", settings)
    told = reach.who_can_reach()
    assert all(each in told for each in words), told
    assert len(told.splitlines()) <= 4


def test_others_are_let_in_by_the_address_and_names_by_the_variable(start):
    address = network_address()
    dashboard = start("--server.address=0.0.0.0", **{ALLOWED_HOSTS: "lab.example"})
    assert "Other machines can only look at Digit Lab" in dashboard.printed
    assert f"http://{address}:{dashboard.port}" in dashboard.printed
    assert dashboard.get("/", address)[0] == 200
    assert dashboard.get("/", address, Host="lab.example")[0] == 200
    assert dashboard.get("/", address, Host="evil.example")[0] == 403
    for other in ("192.0.2.200", "localhost"):
        assert dashboard.get("/", "127.0.0.1", Host=other)[0] == (200 if other == "localhost" else 403)

    for reached, name, headers, may_write in (
        ("127.0.0.1", "localhost", {}, True),
        (address, address, {}, False),
        (address, "localhost", {"X-DigitLab-From": "here"}, False),
        ("127.0.0.1", "localhost", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", "lab.example", {"Origin": f"http://lab.example:{dashboard.port}"}, False),
    ):
        sock = socket.create_connection((reached, dashboard.port), timeout=60)
        url = f"ws://{name}:{dashboard.port}/_stcore/stream"
        with connect(url, sock=sock, additional_headers=headers, max_size=None) as page:
            assert page_says("can only be looked at", page) != may_write, (reached, name, headers)


def test_an_address_that_names_nobody_is_not_taken_for_everybody(start):
    dashboard = start("--server.address=", wait=False)
    assert dashboard.process.wait(timeout=60) != 0
    assert "--server.address localhost" in dashboard.printed
    assert "Traceback" not in dashboard.printed


def test_a_second_dashboard_on_the_same_port_says_so_and_leaves_the_first_alone(start):
    first = start()
    printed = first.printed
    second = start(port=first.port, wait=False)
    assert second.process.wait(timeout=60) != 0
    assert f"Port {first.port} is not available" in second.printed
    assert first.answers(), printed


def test_the_pages_open_in_the_browser_of_who_starts_it(tmp_path):
    port, opened = free_port(), tmp_path / "opened"
    (tmp_path / "xdg-open").write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    (tmp_path / "xdg-open").chmod(0o755)
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py")]
    command += ["--server.headless=false", f"--server.port={port}"]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BROWSER": str(tmp_path / "xdg-open"), "DIGITLAB_HOME": str(tmp_path)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment)
    try:
        wait_until(opened.exists)
        wait_until(opened.read_text)
        assert opened.read_text().strip() == f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_class_is_served_to_the_network_by_one_flag_from_any_folder(start):
    address = network_address()
    dashboard = start("--", "--class")
    assert f"Digit Lab for a class: http://{address}:{dashboard.port}\n" in dashboard.printed
    assert qr_picture(f"http://{address}:{dashboard.port}") in dashboard.printed
    assert f"it listens to 0.0.0.0, port {dashboard.port}" in dashboard.printed
    assert f"kept in {dashboard.folder / 'home'}" in dashboard.printed
    for reached in (address, "127.0.0.1"):
        assert dashboard.get("/", reached)[0] == 200
    with connect(f"ws://{address}:{dashboard.port}/_stcore/stream", max_size=None) as page:
        assert not page_says("can only be looked at", page)


def test_a_port_that_another_program_has_in_the_network_is_named(start):
    with socket.create_server((network_address(), 0)) as other:
        port = other.getsockname()[1]
        dashboard = start("--", "--class", port=port, wait=False)
        assert dashboard.process.wait(timeout=60) != 0
    assert f"Digit Lab cannot listen to 0.0.0.0, port {port}: " in dashboard.printed
    assert f"Try --server.port {port + 1}." in dashboard.printed
    assert "Traceback" not in dashboard.printed


def test_an_address_that_a_person_gives_stays_in_a_class(start):
    dashboard = start("--server.address=127.0.0.1", DIGITLAB_CLASS="1")
    assert f"Digit Lab for a class: http://127.0.0.1:{dashboard.port}\n" in dashboard.printed
    assert not is_open(network_address(), dashboard.port)


def test_https_is_served_with_a_certificate_made_for_all_names_of_this_machine(start, wait_until):
    address = network_address()
    dashboard = start("--", "--class", "--https", wait=False, **{ALLOWED_HOSTS: "lab.example"})
    wait_until(lambda: "Advanced, then Proceed" in dashboard.printed and is_open(address, dashboard.port), "the board")
    trusted = ssl.create_default_context(cafile=dashboard.folder / "home" / "https.pem")
    for name, reached in (("localhost", "127.0.0.1"), (address, address), ("lab.example", address)):
        with (
            socket.create_connection((reached, dashboard.port), timeout=30) as plain,
            trusted.wrap_socket(plain, server_hostname=name) as encrypted,
        ):
            encrypted.sendall(f"GET /_stcore/health HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            assert encrypted.recv(12) == b"HTTP/1.1 200"
    with connect(f"wss://{address}:{dashboard.port}/_stcore/stream", ssl=trusted, max_size=None) as page:
        assert first_message(page).new_session.config.toolbar_mode


def test_a_flag_that_is_misspelt_ends_it_with_words(start):
    dashboard = start("--", "--clas", wait=False)
    assert dashboard.process.wait(timeout=60) != 0
    assert "unrecognized arguments: --clas" in dashboard.printed
    assert "Traceback" not in dashboard.printed
