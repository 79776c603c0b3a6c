"""Who may upload files in a class: Streamlit takes them from whoever has opened a page, and keeps them in memory."""

from __future__ import annotations

import re

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.people.person import COOKIE
from dashboard.components import people
from dashboard.serving.flags import is_class

UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")  # of a session
MOST_BYTES = 65 * 2**20  # of a pupil's file, which may be a run's zip; datasets, which are larger, a teacher adds
TOO_LARGE = "Only the teacher sends files of more than 64 MB."
REFUSED = "Type your name first: files are taken from people of the class."


class Uploads:
    """Middleware that takes no file from somebody without a name in a class, and no large one from a pupil."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request."""
        uploads = scope["type"] == "http" and scope["method"] in ("PUT", "POST") and is_class()
        found = UPLOAD.search(scope["path"]) if uploads else None
        if found and (refused := await anyio.to_thread.run_sync(_refusal, scope, found[1])):
            status, words = refused
            await PlainTextResponse(words, status)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _refusal(scope: Scope, session: str) -> tuple[int, str] | None:
    """The status and the words by which a file is refused; None where it is taken."""
    headers = Headers(scope=scope)
    person = people.person_at(session, cookie_parser(headers.get("cookie", "")).get(COOKIE))
    if people.has_login() or (person and person.is_teacher):
        return None
    if person is None:
        return 403, REFUSED
    length = headers.get("content-length", "")
    return None if length.isdecimal() and int(length) <= MOST_BYTES else (413, TOO_LARGE)
