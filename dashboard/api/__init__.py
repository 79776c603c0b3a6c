"""The HTTP API: mounted in the dashboard's server at /api, or served alone by `uvicorn dashboard.api:app`.

It imports neither Streamlit nor TensorFlow: it reads run folders and requests training through `core`.
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
from dashboard.api import errors, sweeps
from dashboard.api.guard import Guard, WholeBody
from dashboard.api.routes import router
from dashboard.origin import OwnPages
from dashboard.server import mend_connections

ABOUT = """
Train networks, get predictions, and read what runs predicted, as on the pages.

**Access.** On this machine no token is needed. With `DIGITLAB_API_TOKEN` set, every request that writes must send it as
`Authorization: Bearer`. Other machines can only read while no token is set. The server answers to `localhost` and to
the address that it listens on. To allow other names, such as a proxy's, list them in `DIGITLAB_ALLOWED_HOSTS` where it
runs.

**In a class** (`--class`) a request that writes sends a person's own key, which the menu at their name shows, and
changes what is theirs alone (else 403); a teacher's key changes everything.

**A web page of your own** cannot call the API from the browser: another port is another origin, no
`Access-Control-Allow-Origin` is sent, and cross-site requests are refused (403; the page sees only "Failed to fetch").
Call the API from the page's server, or put both behind one proxy, so that page and API have the same origin, and list
the proxy's name in `DIGITLAB_ALLOWED_HOSTS`. Programs and notebooks can call the API directly.

**Limits.** A picture (PNG, JPEG or WebP) has up to 10 MB and 50 megapixels, and is sent as the body, with any content
type, or as the first file of a form. Other bodies have at most 2 MB. Compressed bodies are refused. Errors are problem
details (RFC 9457).
"""

api = FastAPIOffline(
    title="Digit Lab",
    description=ABOUT,
    version="1",
    redoc_url=None,
    redirect_slashes=False,  # the guard removes them
    swagger_ui_parameters={"defaultModelsExpandDepth": 0, "displayRequestDuration": True},
)
api.include_router(router)
api.include_router(sweeps.router)
api.add_middleware(WholeBody)
api.add_middleware(Guard)  # added last, called first
errors.install(api)
api.state.watching = set()  # the clients that follow a run


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Load the dataset in the background, then start the launcher; a run's lock keeps two launchers off one run."""
    mend_connections()
    services = api.state.services = Services()
    services.dataset_loader.when_done(services.launcher.start)
    services.coordinators.start()
    try:
        yield
    finally:
        services.coordinators.close()
        services.launcher.close()


async def _to_docs(request) -> RedirectResponse:
    return RedirectResponse("/api/docs")


app = Starlette(
    routes=[Route("/", _to_docs), Mount("/api", api)],
    middleware=[Middleware(OwnPages)],
    lifespan=lifespan,
    exception_handlers={HTTPException: errors.http_problem},
)
