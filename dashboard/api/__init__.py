"""The HTTP API: mounted in the dashboard's server at /api, or served alone by `uvicorn dashboard.api:app`.

It imports no Streamlit and no TensorFlow: runs are folders, read and asked to train through `core`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi_offline import FastAPIOffline
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from core.services import Services
from dashboard.api import errors
from dashboard.api.guard import Guard, WholeBody
from dashboard.api.routes import router
from dashboard.origin import OwnPages
from dashboard.server import limit_header_time

ABOUT = """
Train networks, ask them, and look at what they read, as the pages do.

**Who may ask.** On this machine no token is needed. With `DIGITLAB_API_TOKEN` set, whatever writes needs it as
`Authorization: Bearer`; from other machines nothing can be written without one. The server answers to `localhost` and
to the address that it listens on; other names, such as a proxy's, are listed in `DIGITLAB_ALLOWED_HOSTS` where it
runs.

**A web page of your own** cannot ask from the browser: another port is another origin too, no
`Access-Control-Allow-Origin` is sent, and such requests are refused (403; the page sees only "Failed to fetch"). Let
the page's own server ask and pass the answer on, or put both behind one proxy, so that page and API have the same
origin: list its name in `DIGITLAB_ALLOWED_HOSTS`. Programs and notebooks are no web pages: they just ask.

**What it takes.** A picture (PNG, JPEG or WebP) of up to 10 MB and 50 megapixels, whatever content type it is sent
with, or as the first file of a form; other bodies have at most 2 MB; nothing compressed. Errors are problem details
(RFC 9457).
"""

api = FastAPIOffline(
    title="Digit Lab",
    description=ABOUT,
    version="1",
    redoc_url=None,
    redirect_slashes=False,  # the guard takes them off
    swagger_ui_parameters={"defaultModelsExpandDepth": 0, "displayRequestDuration": True},
)
api.include_router(router)
api.add_middleware(WholeBody)
api.add_middleware(Guard)  # what is added last comes first
errors.install(api)
api.state.watching = set()  # the clients that follow a run


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Load the dataset in the background, then watch the queue; where others watch too, the runs' locks decide."""
    limit_header_time()
    services = api.state.services = Services()
    services.digits.when_done(services.launcher.start)
    try:
        yield
    finally:
        services.launcher.close()


async def _to_docs(request) -> RedirectResponse:
    return RedirectResponse("/api/docs")


app = Starlette(
    routes=[Route("/", _to_docs), Mount("/api", api)],
    middleware=[Middleware(OwnPages)],
    lifespan=lifespan,
    exception_handlers={HTTPException: errors.of_http},
)
