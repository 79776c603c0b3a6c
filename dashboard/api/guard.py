"""Checks before a request reaches the API: whether it may write, and how large and how slow its body is.

Digit Lab is local by default: without a token, other machines can only read. Bodies that are too large or do not end
are refused. `dashboard.origin` has refused foreign host names and cross-site requests before, for the pages too.
"""

from __future__ import annotations

import hmac
import os

import anyio
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.drawing import upload
from core.people import Actor, acting_as
from core.people.person import COOKIE
from dashboard.api.errors import problem
from dashboard.origin import is_local
from dashboard.serving.flags import is_class

TOKEN = "DIGITLAB_API_TOKEN"
READING = ("GET", "HEAD", "OPTIONS")
MOST_BYTES = 2 * 2**20  # of a body that is no picture
MOST_PICTURE_BYTES = upload.MOST_BYTES + 2**16  # with the form around it
MOST_DRAINED = 32 * 2**20  # read and discarded, so that the client gets the answer
MOST_HELD = 64 * 2**20  # of all bodies that arrive or wait at the same time
SMALL = 2**17  # bytes of a body that are accepted whatever the others hold
BODY_SECONDS = 20.0  # for a whole body
JSON = "application/json"
CLOSE = {"headers": {"Connection": "close"}}
BEARER = "Authorization: Bearer"
LATER = {"headers": {"Connection": "close", "Retry-After": "2"}}


class Guard:
    """Middleware that answers 401 and 403 to requests that may not write, and passes on all others."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request; a trailing slash is removed, since a redirect would lose the body."""
        scope["path"] = scope["path"].rstrip("/")
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif is_class():
            await self._in_class(scope, receive, send)
        else:
            await (refused(scope) or self.app)(scope, receive, send)

    async def _in_class(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in the name of the person whose key came with it; whoever sent none may only read."""
        headers = Headers(scope=scope)
        kind, _, sent = headers.get("authorization", "").partition(" ")
        token, sent = os.environ.get(TOKEN, "").strip(), sent.strip() if kind.lower() == "bearer" else ""
        if token and hmac.compare_digest(sent.encode("latin-1"), token.encode()):
            await self.app(scope, receive, send)  # whoever started the server
            return
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        person = await anyio.to_thread.run_sync(scope["app"].state.services.people.of_key, sent or cookie)
        if person is None and (sent or not _only_reads(scope)):
            words = "Wrong key" if sent else "A key is required"
            words += f". The menu at your name shows yours: send it as {BEARER}."
            answer = problem(401, words, headers={"WWW-Authenticate": 'Bearer realm="Digit Lab"'})
            await answer(scope, receive, send)
            return
        with acting_as(Actor(person)):
            await self.app(scope, receive, send)


def refused(scope: Scope) -> Response | None:
    """The refusal of this request, None where it is allowed."""
    headers, token = Headers(scope=scope), os.environ.get(TOKEN, "").strip()
    if _only_reads(scope):
        return None
    if token:
        return _without_token(headers, token)
    if not is_local(scope):
        return problem(
            403,
            f"Other machines can only read. To start or change runs, set {TOKEN} where Digit Lab runs, and send it as "
            "Authorization: Bearer.",
        )
    return None


def _only_reads(scope: Scope) -> bool:
    return scope["method"] in READING or scope["path"].endswith("/predict")  # a POST that changes nothing


def _without_token(headers: Headers, token: str) -> Response | None:
    kind, _, sent = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        words = f"A token is required. Send the value of {TOKEN} as Authorization: Bearer."
        return problem(401, words, headers={"WWW-Authenticate": 'Bearer realm="Digit Lab"'})
    if not hmac.compare_digest(sent.strip().encode("latin-1"), token.encode()):
        challenge = {"WWW-Authenticate": 'Bearer realm="Digit Lab", error="invalid_token"'}
        return problem(401, f"Wrong token. Send the value of {TOKEN}.", headers=challenge)
    return None


class WholeBody:
    """Middleware that reads a whole body first; answers 413 where it is too large, 408 where it does not end.

    Other requests go on meanwhile. All bodies together hold at most 64 MB; above that the answer is 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.held = 0  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then pass it on whole."""
        if scope["type"] != "http" or scope["method"] in READING:
            await self.app(scope, receive, send)
            return
        parts: list[bytes] = []
        outcome: bool | Response = problem(408, f"The request did not arrive within {BODY_SECONDS:g} seconds.", **CLOSE)
        try:
            with anyio.move_on_after(BODY_SECONDS):
                outcome = await self._read(scope, receive, parts)
            if isinstance(outcome, Response):
                await outcome(scope, receive, send)
            elif outcome:
                await self.app(scope, _replay(b"".join(parts), receive), send)
        finally:
            self.held -= sum(map(len, parts))

    async def _read(self, scope: Scope, receive: Receive, parts: list[bytes]) -> bool | Response:
        """Collect the body in `parts`; returns a problem where it is refused, False where the client disconnected."""
        headers = Headers(scope=scope)
        picture = scope["path"].endswith("/predict") and not headers.get("content-type", "").startswith(JSON)
        most = MOST_PICTURE_BYTES if picture else MOST_BYTES  # a picture as large as the Draw page takes
        smaller = "Save the picture smaller." if picture else "Send fewer images at once, without spaces in the JSON."
        too_large = problem(413, f"The request is larger than {most >> 20} MB. {smaller}", **CLOSE)
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most and "expect" in headers:
            return too_large  # the client waits for permission before it sends
        size, too_many = 0, False
        while size <= MOST_DRAINED:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            part = message.get("body", b"")
            size += len(part)
            too_many |= size > SMALL and self.held + len(part) > MOST_HELD
            if size <= most and not too_many:
                parts.append(part)
                self.held += len(part)
            if not message.get("more_body", False):
                break
        coding = headers.get("content-encoding", "identity").lower()
        if size > most:
            return too_large
        if too_many:
            return problem(503, "Too many large requests at the moment. Try again shortly.", **LATER)
        if coding != "identity":
            return problem(415, f"The body is compressed ({coding}). Send it uncompressed, without Content-Encoding.")
        return True


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receiver that yields the body once, then the server's own messages, such as a disconnect."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
