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


def import_ahead() -> None:
    """Import what the first page needs while the browser still loads its own part."""
    for module in ("settings", "progress", "results", "bundle", "fine_tuning"):
        importlib.import_module(f"dashboard.components.{module}")


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


app = st.App(Path(__file__).with_name("main.py"), lifespan=lifespan)
