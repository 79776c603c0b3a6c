"""The entry: `streamlit run dashboard/app.py`. Starts what belongs to the process, not to a browser session."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)

import streamlit as st  # noqa: E402
from starlette.routing import Mount  # noqa: E402
from starlette.types import Receive, Scope, Send  # noqa: E402

AHEAD = ("components.settings", "components.progress", "components.results", "components.bundle", "api")


def import_ahead() -> None:
    """Import what the first page needs while the browser still loads its own part, and then the HTTP API."""
    for module in AHEAD:
        importlib.import_module(f"dashboard.{module}")


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """The HTTP API, imported after what the first page needs, or when it is first asked."""
    from dashboard.api import api as whole

    await whole(scope, receive, send)


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


app = st.App(Path(__file__).with_name("main.py"), routes=[Mount("/api", api)], lifespan=lifespan)
