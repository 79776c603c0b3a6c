"""What the server does with connections whose headers do not end, and what it prints of pages that were left."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from importlib.util import find_spec
from pathlib import Path

import pytest
import uvicorn
from streamlit.runtime import app_session
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from dashboard import server
from dashboard.serving.certificate import certificate_file
from tests.support.browsing import Dashboard

PROTOCOLS = [H11Protocol]
if find_spec("httptools"):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    PROTOCOLS.append(HttpToolsProtocol)
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def app(scope, receive, send):
    """Answers after twice the time that headers may take."""
    await asyncio.sleep(2 * server.HEADER_SECONDS)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_headers_that_do_not_end_end_the_connection_and_a_slow_answer_does_not(monkeypatch, protocol):
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)

    async def talk(port, *sent):
        """Send bytes one after the other, with an answer to each whole request; then what comes until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in sent:
            writer.write(part)
            await writer.drain()
            if part is WHOLE:
                await reader.readuntil(b"\r\n\r\n")
        received = await asyncio.wait_for(reader.read(), timeout=60)
        writer.close()
        return received

    async def everything():
        config = uvicorn.Config(app, lifespan="off", timeout_keep_alive=60)  # is not what ends them
        config.load()
        state, mended = ServerState(), server._mended(protocol)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: mended(config, state, {}), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        talks = [(), (b"GET /",), (b"GET / HTTP/1.1\r\n", b"Host: x"), (WHOLE, WHOLE[:20]), (WHOLE, WHOLE, b"G")]
        answers = await asyncio.gather(*(talk(port, *sent) for sent in talks))
        listening.close()
        return answers

    assert asyncio.run(everything()) == [b""] * 5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_websocket_over_https_that_has_ended_is_no_fault(monkeypatch, tmp_path, protocol):
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)
    inside = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    inside.load_cert_chain(certificate_file(tmp_path, []))
    faults = []

    async def websocket(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})

    async def everything():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context))
        config = uvicorn.Config(websocket, lifespan="off", log_level="critical")
        config.load()
        state, mended = ServerState(), server._mended(protocol)
        listening = await loop.create_server(lambda: mended(config, state, {}), "127.0.0.1", 0, ssl=inside)
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ssl._create_unverified_context())
        writer.write(UPGRADE)
        begun = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x88\x80\x00\x00\x00\x00")  # the browser's own close
        await asyncio.wait_for(reader.read(), timeout=60)
        writer.close()
        over = loop.create_future()  # after the limit, which the loop calls first
        loop.call_later(1.5 * server.HEADER_SECONDS, over.set_result, None)
        await over
        listening.close()
        return begun

    assert asyncio.run(everything()).startswith(b"HTTP/1.1 101")
    assert faults == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_small_is_sent_at_once_over_a_socket_as_streamlit_makes_it(protocol):
    async def connected():
        config = uvicorn.Config(app, lifespan="off")
        config.load()
        made = server._mended(protocol)(config, ServerState(), {})
        listening = socket.socket(family=socket.AF_INET)
        listening.bind(("127.0.0.1", 0))
        serving = await asyncio.get_running_loop().create_server(lambda: made, sock=listening)
        _, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(WHOLE[:20])
        while not made.transport:
            await asyncio.sleep(0)
        now = made.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
        serving.close()
        return now

    assert asyncio.run(connected())


def test_connections_are_mended_where_a_server_runs_and_nowhere_else(monkeypatch):
    server.mend_connections()  # under pytest no server is told of signals
    running = uvicorn.Server(uvicorn.Config(app))
    running.config.load()
    monkeypatch.setattr(signal, "getsignal", lambda number: running.handle_exit)
    before = running.config.http_protocol_class
    server.mend_connections()
    assert issubclass(running.config.http_protocol_class, before)
    assert running.config.http_protocol_class is not before


UPGRADE = (
    b"GET /_stcore/stream HTTP/1.1\r\nHost: localhost\r\n"
    b"Origin: http://x.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_page_of_a_stranger_that_is_refused_leaves_nothing_in_the_terminal(tmp_path, digits_file, monkeypatch):
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    (tmp_path / "home").mkdir()
    dashboard = Dashboard(tmp_path / "home")
    dashboard.start()
    try:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", dashboard.port), timeout=60) as browser:
                browser.sendall(UPGRADE)
                assert b"403" in browser.recv(20)
                while browser.recv(4096):  # closed when the server has said all that it says of it
                    pass
    finally:
        dashboard.end()
    log = (tmp_path / "home" / "dashboard.log").read_text()
    assert "Only this machine can open" in log
    assert "handshake" not in log


def test_of_what_streamlit_says_only_the_fragment_that_is_gone_is_left_out(monkeypatch):
    logger, said = app_session._LOGGER, []
    beginning = server.HARMLESS_LINES[logger.name]
    assert beginning in Path(app_session.__file__).read_text(encoding="utf-8")  # else it says it in other words now
    monkeypatch.setattr(logger, "filters", [])
    monkeypatch.setattr(logger, "handle", lambda record: logger.filter(record) and said.append(record.getMessage()))
    monkeypatch.setattr(logger, "disabled", False)
    logger.setLevel("INFO")
    for _ in range(2):
        logger.info(beginning + " - it might have been removed.", "f1")
        logger.info("Something else about %s", "f1")
        server.hide_harmless_log_lines()
    assert said == [f"{beginning % 'f1'} - it might have been removed.", *["Something else about f1"] * 2]
