"""A run's events as they happen, as server-sent events for `GET /runs/{id}/events`.

They are encoded here, not by FastAPI's own producer, which raises where a client disconnects during a burst.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import anyio
import anyio.to_thread
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse

from core.runs import History, RunView, State
from dashboard.server import running

LOOK_SECONDS = 0.25
PING_SECONDS = 15.0  # proxies close a silent connection
MOST_WATCHING = 64
MEDIA_TYPE = "text/event-stream"
_FIELDS = {name: {"type": "string"} for name in ("event", "data", "id")}
DESCRIBED = {"content": {MEDIA_TYPE: {"itemSchema": {"type": "object", "properties": _FIELDS}}}}


async def limit_watchers(request: Request) -> AsyncIterator[None]:
    """Count a watcher from before its answer begins until it has ended; 503 above `MOST_WATCHING`."""
    watching = request.app.state.watching
    if len(watching) >= MOST_WATCHING:
        raise HTTPException(503, "Too many clients follow runs at the moment. Try again later.", {"Retry-After": "10"})
    watcher = object()
    watching.add(watcher)
    try:
        yield
    finally:
        watching.discard(watcher)


def event_stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    """The events as a response that proxies do not buffer."""
    unbuffered = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, headers=unbuffered, media_type=MEDIA_TYPE)


async def run_events(run: RunView, last_epoch: int) -> AsyncIterator[bytes]:
    """Yield the run's state, epochs after `last_epoch` and progress whenever they change; "end" when it has ended."""
    told, batch, spoke = None, {}, time.monotonic()
    while not server_is_stopping():
        state, history = await anyio.to_thread.run_sync(_look, run)
        news = []
        if state != told:
            told = state
            data = {"name": state.name, "message": state.message, "target_epochs": state.target_epochs}
            news.append(_event("state", data))
        for epoch in history.epochs:
            if epoch["epoch"] > last_epoch:
                last_epoch = epoch["epoch"]
                news.append(_event("epoch", public_fields(epoch), f"id: {last_epoch}\n"))
        if history.last_batch != batch:
            batch = history.last_batch
            news.append(_event("progress", public_fields(batch)))
        if not state.is_active:
            news.append(_event("end", {"state": state.name}))
        elif not news and time.monotonic() - spoke > PING_SECONDS:
            news.append(b": ping\n\n")
        if news:
            spoke = time.monotonic()
            yield b"".join(news)
        if not state.is_active:
            return
        await anyio.sleep(LOOK_SECONDS)


def _event(name: str, data: dict, id_line: str = "") -> bytes:
    return f"event: {name}\ndata: {to_json(data).decode()}\n{id_line}\n".encode()


def server_is_stopping() -> bool:
    """Whether the server is shutting down: it would wait for a stream that waits for the run."""
    server = running()
    return server is not None and server.should_exit


def _look(run: RunView) -> tuple[State, History]:
    state = run.state  # before its history: the last state comes after all events
    return state, run.history()


def public_fields(event: dict) -> dict:
    """An event without the fields `type` and `time`, which only its file needs."""
    return {name: value for name, value in event.items() if name not in ("type", "time")}
