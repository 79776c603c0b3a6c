"""What the server does with connections whose headers do not end."""

from __future__ import annotations

import asyncio
import signal
from importlib.util import find_spec

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from dashboard import server

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
        state, limited = ServerState(), server._limited(protocol)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: limited(config, state, {}), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        talks = [(), (b"GET /",), (b"GET / HTTP/1.1\r\n", b"Host: x"), (WHOLE, WHOLE[:20]), (WHOLE, WHOLE, b"G")]
        answers = await asyncio.gather(*(talk(port, *sent) for sent in talks))
        listening.close()
        return answers

    assert asyncio.run(everything()) == [b""] * 5


def test_the_limit_is_set_where_a_server_runs_and_nowhere_else(monkeypatch):
    server.limit_header_time()  # under pytest no server is told of signals
    running = uvicorn.Server(uvicorn.Config(app))
    running.config.load()
    monkeypatch.setattr(signal, "getsignal", lambda number: running.handle_exit)
    before = running.config.http_protocol_class
    server.limit_header_time()
    assert issubclass(running.config.http_protocol_class, before)
    assert running.config.http_protocol_class is not before
