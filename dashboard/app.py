"""The entry: `streamlit run dashboard/app.py`. Starts what belongs to the process, not to a browser session."""

from __future__ import annotations

import ctypes
import gc
import importlib
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)
importlib.import_module("core")  # before all that another Python may lack: it says which ones are needed

import anyio.to_thread  # noqa: E402
import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.routing import Mount  # noqa: E402
from starlette.types import Receive, Scope, Send  # noqa: E402

from core.people import change_rules, read_rules  # noqa: E402
from core.services import Services  # noqa: E402
from dashboard import reach  # noqa: E402
from dashboard.components import session  # noqa: E402
from dashboard.origin import OwnPages  # noqa: E402
from dashboard.server import hide_harmless_log_lines, mend_connections  # noqa: E402
from dashboard.serving.flags import is_class  # noqa: E402
from dashboard.serving.uploads import Uploads  # noqa: E402
from dashboard.style_sheet import StyleSheet  # noqa: E402

AHEAD = (  # of dashboard.components
    "train.settings_form",
    "train.live",
    "train.results",
    "train.import_run",
    "draw.fine_tuning",
)
BROWSER_SECONDS, DRAWING_SECONDS = 4.0, 1.5  # in which a browser comes, where one does, and draws its first page
COLLECT_SECONDS = 5.0  # between two looks for garbage
M_MMAP_THRESHOLD, LARGE = -3, 128 * 1024  # of glibc's malloc.h; bytes


def return_freed_memory() -> None:
    """Let glibc return every large array to the system when it is freed, instead of keeping up to 32 MB a thread.

    Saves 50 of 400 MB after twenty sessions have opened all pages. Does nothing except on Linux.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, LARGE)


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """The HTTP API, imported at its first request, since the import takes half a second and 20 MB."""
    module = await anyio.to_thread.run_sync(importlib.import_module, "dashboard.api")
    module.api.state.services = session.services()
    await module.api(scope, receive, send)


def get_ready(services: Services) -> None:
    """Import and load all that pages need, and then start the launcher.

    It waits until the first page is drawn, or until no browser has come: the worker's import of TensorFlow takes a
    processor for seconds, and would delay the page by a second.
    """
    services.dataset_loader.begin()
    reach.open_browser()
    for module in AHEAD:
        importlib.import_module(f"dashboard.components.{module}")
    if session.first_page.wait(BROWSER_SECONDS):
        time.sleep(DRAWING_SECONDS)
    gc.collect()
    gc.freeze()  # else each collection walks through all that was imported, for half a second, and all pages wait
    services.dataset_loader.when_done(services.launcher.start)
    services.dataset_loader.when_done(services.after_training.start)
    services.coordinators.start()
    threading.Thread(target=return_memory, args=(services,), daemon=True).start()


def return_memory(services: Services) -> None:
    """Look for garbage every few seconds, which takes milliseconds: Python itself counts objects, not megabytes.

    Streamlit would look after each run of a page, which .streamlit/config.toml tells it not to.
    """
    while True:
        time.sleep(COLLECT_SECONDS)
        gc.collect()
        services.dataset_loader.rest()
        services.datasets.rest()


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Prepare the pages and a warm worker in the background; close the launcher at the end."""
    mend_connections()
    hide_harmless_log_lines()
    if words := reach.who_can_reach():
        print(words, flush=True)
    services = Services()
    session.use(services)
    if is_class():
        services.people.end_teaching()  # who knew an earlier PIN
    elif read_rules(services.store.home).everybody_waits:  # no page would let runs start again
        change_rules(services.store.home, everybody_waits=False)
    threading.Thread(target=get_ready, args=(services,), daemon=True).start()
    try:
        yield
    finally:
        services.after_training.close()
        services.coordinators.close()
        services.launcher.close()


return_freed_memory()
reach.use_own_settings()
reach.serve_as_asked()
app = st.App(
    Path(__file__).with_name("main.py"),
    routes=[Mount(f"{prefix}/api", api) for prefix in reach.prefixes()],
    middleware=[Middleware(OwnPages), Middleware(Uploads), Middleware(StyleSheet)],
    lifespan=lifespan,
)
