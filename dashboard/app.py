"""The entry: `streamlit run dashboard/app.py`. Starts what belongs to the process, not to a browser session."""

from __future__ import annotations

import ctypes
import importlib
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)

import anyio.to_thread  # noqa: E402
import streamlit as st  # noqa: E402
from starlette.routing import Mount  # noqa: E402
from starlette.types import Receive, Scope, Send  # noqa: E402

AHEAD = ("settings", "progress", "results", "bundle", "fine_tuning")  # of dashboard.components
M_MMAP_THRESHOLD, LARGE = -3, 128 * 1024  # of glibc's malloc.h; bytes


def give_memory_back() -> None:
    """Let glibc return every large array when it is freed: by itself it soon keeps those of up to 32 MB, a thread each.

    50 MB less of 400 where twenty sessions had looked at all pages; elsewhere than on Linux nothing happens.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, LARGE)


def import_ahead() -> None:
    """Import what the first page needs while the browser still loads its own part."""
    for module in AHEAD:
        importlib.import_module(f"dashboard.components.{module}")


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """The HTTP API, imported when it is first asked: it takes half a second and 20 MB."""
    module = await anyio.to_thread.run_sync(importlib.import_module, "dashboard.api")
    await module.api(scope, receive, send)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Get all ready in the background, then watch the queue with a worker kept warm; let it go at the end."""
    from core.launch import Launcher
    from dashboard.components import shared

    launcher = Launcher(shared.store())
    shared.loading()
    threading.Thread(target=lambda: (import_ahead(), shared.loading().when_done(launcher.start)), daemon=True).start()
    try:
        yield
    finally:
        launcher.close()


give_memory_back()
app = st.App(Path(__file__).with_name("main.py"), routes=[Mount("/api", api)], lifespan=lifespan)
