"""What is sent with the HTML of the pages itself: the style sheet, so that nothing moves when it would come after the
page, and what a page says that cannot connect, which could not come later.
"""

from __future__ import annotations

import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STYLE_SHEET = Path(__file__).with_name("browser") / "page.css"
CONNECTION = STYLE_SHEET.with_name("connection.html")
END = b"</body>"  # after the head, to which Streamlit adds its own styles: of two equal rules the later one holds
PAGE = b'id="root"'  # in the HTML of Streamlit's pages, and in no other
NO_SCRIPT = re.compile(rb"<noscript>.*?</noscript>", re.DOTALL)  # Streamlit's, about an API that is off here
LEFT_OUT = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")


class StyleSheet:
    """Middleware that adds to the HTML of Streamlit's pages, and passes on all else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        # All of it, as plain text, also where the browser has kept the page: the style sheet may have changed
        scope = {**scope, "headers": [header for header in scope["headers"] if header[0] not in LEFT_OUT]}
        start: Message | None = None  # held back until the whole HTML is there
        body = b""

        async def add(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_html(message):
                start = message
                return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                body = _styled(start, body)
                await send(start)
                await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, add)


def _is_html(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")


def _styled(start: Message, body: bytes) -> bytes:
    """The HTML with what is added, where it is one of Streamlit's pages; the headers in `start` follow."""
    if PAGE not in body:
        return body
    added = CONNECTION.read_bytes() + b"<style>" + STYLE_SHEET.read_bytes() + b"</style>"
    body = NO_SCRIPT.sub(b"", body).replace(END, added + END)
    headers = MutableHeaders(raw=start["headers"])
    headers["content-length"] = str(len(body))
    del headers["etag"], headers["last-modified"]
    return body
