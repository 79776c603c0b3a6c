"""The entry: `streamlit run dashboard/app.py`. Starts what belongs to the process, not to a browser session."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)

import streamlit as st  # noqa: E402
from starlette.routing import Mount  # noqa: E402

from dashboard.api import api  # noqa: E402


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Load the dataset in the background, then watch the queue with a worker kept warm; let it go at the end."""
    from core.launch import Launcher
    from dashboard.components import shared

    launcher = Launcher(shared.store())
    shared.loading().when_done(launcher.start)
    try:
        yield
    finally:
        launcher.close()


app = st.App(Path(__file__).with_name("main.py"), routes=[Mount("/api", api)], lifespan=lifespan)
