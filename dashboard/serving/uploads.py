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
REFUSED = "Type your name first: files are taken from people of the class."


class Uploads:
    """Middleware that answers 403 to a file from somebody without a name in a class."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request."""
        uploads = scope["type"] == "http" and scope["method"] in ("PUT", "POST") and is_class()
        found = UPLOAD.search(scope["path"]) if uploads else None
        if found and not await anyio.to_thread.run_sync(_may_upload, scope, found[1]):
            await PlainTextResponse(REFUSED, 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _may_upload(scope: Scope, session: str) -> bool:
    key = cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE)
    return people.has_login() or people.is_known(session, key)
