"""Which names this server answers to, and whose web pages may send it requests.

A page of a stranger runs in the user's own browser, so it reaches what listens on this machine only. It comes in two
ways: under a name of its own that was made to point here (DNS rebinding), which its Host header gives away, and from
its own origin, which the browser says in Sec-Fetch-Site and Origin. Both are checked for every request and every
websocket, whatever else came with it: a page can add headers, but it cannot change these.
"""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED_HOSTS = "DIGITLAB_ALLOWED_HOSTS"
MOST_CHARACTERS = 100  # of a name, when it is repeated in words
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/?#@\\]+)(:\d*)?", re.IGNORECASE)
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
FROM, HERE, ELSEWHERE = "x-digitlab-from", "here", "elsewhere"  # a header that only this middleware sets
NO_FRAMES = "frame-ancestors 'self'"  # a page of another site that frames ours could lead clicks to its buttons


class OwnPages:
    """Middleware that answers 403 to foreign host names and to cross-site requests, and passes on all others.

    It tells the pages whether their browser is on this machine, by a header of its requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request or a websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def unframed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Content-Security-Policy", NO_FRAMES)
            await send(message)

        reason = why_refused(scope)
        told = (FROM.encode(), (HERE if is_local(scope) else ELSEWHERE).encode())
        scope = {**scope, "headers": [*(each for each in scope["headers"] if each[0] != told[0]), told]}
        await (_refusal(scope, reason) if reason else self.app)(scope, receive, unframed)


def _refusal(scope: Scope, reason: str) -> Response:
    if "/api/" in f"{scope['path']}/":  # a base path may stand before it
        from dashboard.api.errors import problem  # FastAPI with it, half a second: only where the API is asked

        return problem(403, reason)
    return PlainTextResponse(reason, 403)


def why_refused(scope: Scope) -> str:
    """Why this connection is refused, in words; "" where it is not."""
    headers = Headers(scope=scope)
    name = host_name(headers.get("host", ""))
    if not _is_own(name, scope):
        shown = name[:MOST_CHARACTERS]
        return (
            f"Digit Lab does not answer to {f'the name {shown}' if shown else 'a request without a Host'}. Open it as "
            f"localhost, or restart it with {ALLOWED_HOSTS}={shown or 'NAME'}."
        )
    if _is_cross_site(headers) and not _follows_a_link(scope, headers):
        return "Cross-site requests are refused. /api/docs says how a web page of your own can use the API."
    return ""


def _is_own(name: str, scope: Scope) -> bool:
    """Whether a Host is a loopback name, the address that the connection came in at, or an allowed name.

    An attacker can make a name of their own point here, but not the address that the connection came in at.
    """
    if not name:
        return False
    if is_loopback(name) or _address(name) == _address(str((scope.get("server") or ("", None))[0])) is not None:
        return True
    for allowed in allowed_hosts():
        pattern = host_name(allowed.removeprefix("*."))
        if allowed == "*" or name == pattern or (allowed.startswith("*.") and name.endswith(f".{pattern}")):
            return True
    return False


def allowed_hosts() -> list[str]:
    """The names that DIGITLAB_ALLOWED_HOSTS lists, in small letters."""
    return os.environ.get(ALLOWED_HOSTS, "").lower().replace(",", " ").split()


def host_name(host: str) -> str:
    """The name in a Host header without port, brackets and a trailing dot; "" where the header is malformed."""
    found = HOST.fullmatch(host)
    return found[1].strip("[]").rstrip(".").lower() if found else ""


def is_local(scope: Scope) -> bool:
    """Whether a connection comes from this machine: loopback addresses, a loopback name, and no proxy header.

    Unix sockets and names that are only allowed do not count, since proxies use them.
    """
    headers = Headers(scope=scope)
    ends = [str((scope.get(end) or ("", None))[0]) for end in ("client", "server")]
    names = [host_name(headers.get("host", "")), *(host_name(netloc(origin)) for origin in headers.getlist("origin"))]
    return all(map(is_loopback, ends + names)) and not any(name in headers for name in FORWARDED)


def is_loopback(name: str) -> bool:
    """Whether a name or an address means this machine alone."""
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_cross_site(headers: Headers) -> bool:
    """Whether a browser marks the request as coming from another origin; a page cannot forge that mark.

    Another port is another origin, also where Sec-Fetch-Site calls it the same site. An Origin that is allowed by name
    counts as our own, since a proxy may change the Host.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and netloc(origin) not in (headers.get("host", "").lower(), *allowed_hosts())


def netloc(origin: str) -> str:
    """Host and port of an Origin header, "null" for "null" and what cannot be read."""
    try:
        return urlsplit(origin).netloc.lower() or "null"
    except ValueError:
        return "null"


def _follows_a_link(scope: Scope, headers: Headers) -> bool:
    """Whether a person follows a link to one of our pages: the other site cannot read the answer."""
    return scope["type"] == "http" and scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
