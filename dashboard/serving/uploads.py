"""Who may upload files, and how large: Streamlit takes them from all who have opened a page, into the memory."""

from __future__ import annotations

import re

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.people.person import COOKIE
from dashboard.components import people
from dashboard.origin import is_local
from dashboard.serving.flags import is_class, others_write

UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")  # of a session
MOST_BYTES = 65 * 2**20  # of the files of those who add no datasets: a run's zip has no more
TOO_LARGE = "Files of more than 64 MB are taken from who may add datasets."
REFUSED = "Type your name first: files are taken from people of the class."


class Uploads:
    """Middleware that takes no file from somebody without a name in a class, and a large one from few."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request."""
        uploads = scope["type"] == "http" and scope["method"] in ("PUT", "POST")
        found = UPLOAD.search(scope["path"]) if uploads else None
        if found and (refused := await anyio.to_thread.run_sync(_refusal, scope, found[1])):
            status, words = refused
            await PlainTextResponse(words, status)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _refusal(scope: Scope, session: str) -> tuple[int, str] | None:
    """The status and the words by which a file is refused; None where it is taken."""
    headers = Headers(scope=scope)
    if is_class():
        person = people.person_at(session, cookie_parser(headers.get("cookie", "")).get(COOKIE))
        if not (person or people.has_login()):
            return 403, REFUSED
        adds_datasets = people.has_login() or person.is_teacher
    else:
        adds_datasets = is_local(scope) or others_write()
    length = headers.get("content-length", "")
    is_small = length.isdecimal() and int(length) <= MOST_BYTES
    return None if adds_datasets or is_small else (413, TOO_LARGE)
