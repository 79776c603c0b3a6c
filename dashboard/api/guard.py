"""What a request to the API must pass before it is looked at: what it may do, how large and slow it is.

Digit Lab is local by default. Other machines only read where there is no token, and clients that send too much or never
end are turned away. `dashboard.origin` has refused foreign names and pages of other sites before, for the pages too.
"""

from __future__ import annotations

import hmac
import os

import anyio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.drawing import upload
from dashboard.api.errors import problem
from dashboard.origin import host_name, is_loopback, netloc

TOKEN = "DIGITLAB_API_TOKEN"
READING = ("GET", "HEAD", "OPTIONS")
MOST_BYTES = 2 * 2**20  # of a body that is no picture
MOST_PICTURE_BYTES = upload.MOST_BYTES + 2**16  # with the form around it
MOST_DRAINED = 32 * 2**20  # read and thrown away, so that an honest client is there for the answer
MOST_HELD = 64 * 2**20  # of all bodies that arrive or wait at the same time
SMALL = 2**17  # bytes of a body that are taken whatever the others hold
BODY_SECONDS = 20.0  # for a whole body
JSON = "application/json"
CLOSE = {"headers": {"Connection": "close"}}
LATER = {"headers": {"Connection": "close", "Retry-After": "2"}}
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Guard:
    """Answers 401 and 403 to who may not do what is asked; everybody else goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request; an address may end with a slash, without a redirect on which its body would be lost."""
        scope["path"] = scope["path"].rstrip("/")
        refusal = refused(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)


def refused(scope: Scope) -> Response | None:
    """The refusal of this request, None where it may go on."""
    headers, token = Headers(scope=scope), os.environ.get(TOKEN, "").strip()
    if scope["method"] in READING or scope["path"].endswith("/predict"):  # it asks by POST, but changes nothing
        return None
    if token:
        return _without_token(headers, token)
    if not _is_local(scope, headers):
        return problem(
            403,
            f"From another machine, runs can be looked at but not started or changed. To allow it, set {TOKEN} where "
            "Digit Lab runs, and send it as Authorization: Bearer.",
        )
    return None


def _without_token(headers: Headers, token: str) -> Response | None:
    kind, _, sent = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        words = f"This needs the token that is set as {TOKEN}: send it as Authorization: Bearer."
        return problem(401, words, headers={"WWW-Authenticate": 'Bearer realm="Digit Lab"'})
    if not hmac.compare_digest(sent.strip().encode("latin-1"), token.encode()):
        challenge = {"WWW-Authenticate": 'Bearer realm="Digit Lab", error="invalid_token"'}
        return problem(401, f"This is not the token that is set as {TOKEN}.", headers=challenge)
    return None


def _is_local(scope: Scope, headers: Headers) -> bool:
    """Whether somebody on this machine asks: loopback at both ends and by name, and no proxy that says otherwise.

    A Unix socket is not: proxies use it. Nor is a name that is merely allowed: it is a proxy's.
    """
    ends = [str((scope.get(end) or ("", None))[0]) for end in ("client", "server")]
    names = [host_name(headers.get("host", "")), *(host_name(netloc(origin)) for origin in headers.getlist("origin"))]
    return all(map(is_loopback, ends + names)) and not any(name in headers for name in FORWARDED)


class WholeBody:
    """Reads a body before anybody works on it; answers 413 where it is too large, 408 where it does not end.

    Nothing else waits meanwhile, and all that wait hold at most 64 MB together: who comes then is told to come again.
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
        """Gather the body in `parts`; a problem where it cannot be taken, False where the client left."""
        headers = Headers(scope=scope)
        picture = scope["path"].endswith("/predict") and not headers.get("content-type", "").startswith(JSON)
        most = MOST_PICTURE_BYTES if picture else MOST_BYTES  # a picture as large as the Draw page takes
        smaller = "Save the picture smaller." if picture else "Send fewer images at once, without spaces in the JSON."
        too_large = problem(413, f"The request has more than {most >> 20} MB. {smaller}", **CLOSE)
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most and "expect" in headers:
            return too_large  # the client asked before it sends
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
            return problem(503, "Too many large requests wait already. Try again in a moment.", **LATER)
        if coding != "identity":
            return problem(415, f"The body came compressed ({coding}). Send it as it is, without Content-Encoding.")
        return True


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body once, then what the server still has to say: that the client left."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
