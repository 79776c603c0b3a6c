"""A run's events as they happen, for `GET /runs/{id}/events`."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import anyio
import anyio.to_thread
from fastapi.sse import ServerSentEvent
from starlette.exceptions import HTTPException

from core.runs import History, Run, State

LOOK_SECONDS = 0.25
MOST_WATCHING = 64
_watching: set[object] = set()


async def room() -> AsyncIterator[None]:
    """A place for one watcher, from before its answer begins until it has ended; refused where there is none."""
    if len(_watching) >= MOST_WATCHING:
        raise HTTPException(503, "Too many watch runs already. Try again later.", {"Retry-After": "10"})
    watcher = object()
    _watching.add(watcher)
    try:
        yield
    finally:
        _watching.discard(watcher)


async def happens(run: Run, last_epoch: int) -> AsyncIterator[ServerSentEvent]:
    """The run's state, each epoch after `last_epoch` and the progress, each when it is new; "end" when it has ended."""
    told, batch = None, {}
    while not server_leaves():
        state, history = await anyio.to_thread.run_sync(_look, run)
        if state != told:
            told = state
            data = {"name": state.name, "message": state.message, "target_epochs": state.target_epochs}
            yield ServerSentEvent(event="state", data=data)
        for epoch in history.epochs:
            if epoch["epoch"] > last_epoch:
                last_epoch = epoch["epoch"]
                yield ServerSentEvent(event="epoch", id=str(last_epoch), data=plain(epoch))
        if history.last_batch != batch:
            batch = history.last_batch
            yield ServerSentEvent(event="progress", data=plain(batch))
        if not state.is_active:
            yield ServerSentEvent(event="end", data={"state": state.name})
            return
        await anyio.sleep(LOOK_SECONDS)


def server_leaves() -> bool:
    """Whether uvicorn was told to end: it would wait for a stream that waits for the run."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


def _look(run: Run) -> tuple[State, History]:
    state = run.state  # before its history: the last state comes after all events
    return state, run.history()


def plain(event: dict) -> dict:
    """An event without what only its file needs."""
    return {name: value for name, value in event.items() if name not in ("type", "time")}
