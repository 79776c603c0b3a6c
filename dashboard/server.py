"""The uvicorn server that runs this program: log lines and connections, where no setting of it or Streamlit helps."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import suppress

import uvicorn

HEADER_SECONDS = 20.0  # for all headers of a request
HARMLESS_LINES = {  # by logger: printed where a page is left while it is drawn, or is refused
    "streamlit.runtime.app_session": "The fragment with id %s does not exist anymore",
    "uvicorn.error": "ASGI callable returned without completing handshake",
}


def running() -> uvicorn.Server | None:
    """The uvicorn server, found as the handler of SIGTERM; None where another server runs this program."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return server if isinstance(server, uvicorn.Server) else None


def hide_harmless_log_lines() -> None:
    """Keep the harmless log lines listed above out of the terminal."""
    for name, beginning in HARMLESS_LINES.items():
        logging.getLogger(name).addFilter(lambda record, beginning=beginning: not str(record.msg).startswith(beginning))


def mend_connections() -> None:
    """Send what is small at once, and close connections whose headers do not arrive in time.

    Streamlit makes its socket without naming the protocol, so that asyncio leaves Nagle's algorithm on: each answer
    waited up to 40 ms for the browser to acknowledge the message before. uvicorn would wait for headers for ever.
    Call it before the server accepts connections, for instance at a lifespan's start.
    """
    server = running()
    if server is not None:
        server.config.http_protocol_class = _mended(server.config.http_protocol_class)


def _mended(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """A subclass of one of uvicorn's HTTP protocols without Nagle's algorithm, that waits for headers only so long."""

    class Mended(protocol):
        deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            with suppress(OSError):  # it is gone already
                transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._expect_headers()

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:  # the headers were complete, and a cycle of request and response began
                self._stop_waiting()
            elif self.deadline is None and (before is None or before.response_complete):
                self._expect_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _expect_headers(self) -> None:
            self.deadline = self.loop.call_later(HEADER_SECONDS, self._give_up)

        def _stop_waiting(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

        def _give_up(self) -> None:
            self.deadline = None
            if self.transport.is_closing():  # over TLS it may know no protocol any more
                return
            if self.transport.get_protocol() is self:  # else it has become a websocket
                self.transport.close()

    return Mended
