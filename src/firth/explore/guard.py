"""The guard: every request passes it before anything else reads the request, and every response gets its headers here.

It reads the ASGI scope alone. `request.url` is built from the Host header, which an attacker chooses.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firth.explore.access import ENTRANCE, Access

LONGEST_TARGET = 4096
"""Bytes of the path and the query together: a word of 1,024 bytes takes 3,072 in percent-encoding."""

LARGEST_HEADERS = 16_384
_OWN_SITES = ("same-origin", "none")

POLICY = "; ".join([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
])  # fmt: skip
"""The Content-Security-Policy: scripts, styles and data come from this server; text never becomes markup."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

_ENTERED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">'
    '<title>firth</title><p><a href="/">Continue to the explorer</a></p></html>'
)
"""Sent with the cookie. The page itself goes on to /: browsers send a SameSite=Strict cookie only after that, because
the address was opened from elsewhere."""


class Refusal(NamedTuple):
    """A status and a line of text."""

    status: int
    reason: str

    def response(self) -> Response:
        """Return the response; the connection is closed, because the request may have a body that nobody reads."""
        headers = {"connection": "close"} | ({"allow": "GET"} if self.status == 405 else {})
        return PlainTextResponse(self.reason + "\n", self.status, headers)


class RequestHeaders:
    """The headers of a request: names in lower case, and all values of a name that is repeated."""

    def __init__(self, scope: Scope):
        self._pairs: list[tuple[bytes, bytes]] = scope["headers"]

    def all(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value.decode("latin-1") for key, value in self._pairs if key == name.encode()]

    @property
    def size(self) -> int:
        """The bytes of all names and values."""
        return sum(len(key) + len(value) for key, value in self._pairs)


class Guard:
    """An ASGI application that refuses invalid requests, answers the entrance and passes the others to `app`."""

    def __init__(self, app: ASGIApp, access: Access):
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope)(scope, receive, _with_headers(send))

    def _answer(self, scope: Scope) -> ASGIApp:
        headers = RequestHeaders(scope)
        refusal = _first(self._refusals(scope, headers))
        if refusal is not None:
            return refusal.response()
        if scope["path"] == ENTRANCE:
            return self._entrance(scope)
        if not self._access.has_cookie("; ".join(headers.all("cookie"))):
            return Refusal(401, "Open the address that firth explore printed: it has the token.").response()
        return self._app

    def _refusals(self, scope: Scope, headers: RequestHeaders) -> Iterable[Refusal | None]:
        yield _check_size(scope, headers)
        yield self._check_host(headers.all("host"))
        yield _check_method(scope, headers)
        yield self._check_origin(scope, headers)

    def _check_host(self, hosts: list[str]) -> Refusal | None:
        if len(hosts) == 1 and hosts[0].lower() in self._access.hosts:
            return None
        return Refusal(403, f"This server answers as {' and '.join(self._access.hosts)} only.")

    def _check_origin(self, scope: Scope, headers: RequestHeaders) -> Refusal | None:
        """Refuse what another site asks for. The entrance is opened from elsewhere, and has the token instead."""
        sites = [site for site in headers.all("sec-fetch-site") if site not in _OWN_SITES]
        origins = [origin for origin in headers.all("origin") if origin not in self._access.origins]
        if origins or (sites and scope["path"] != ENTRANCE):
            return Refusal(403, "This server answers its own page only.")
        return None

    def _entrance(self, scope: Scope) -> Response:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        if len(given) != 1 or not self._access.has_token(given[0]):
            return Refusal(403, "This token is not right: open the address that firth explore printed.").response()
        return Response(_ENTERED, media_type="text/html", headers={"set-cookie": self._access.set_cookie})


def _first(refusals: Iterable[Refusal | None]) -> Refusal | None:
    return next((refusal for refusal in refusals if refusal is not None), None)


def _check_size(scope: Scope, headers: RequestHeaders) -> Refusal | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_TARGET:
        return Refusal(414, f"The address is longer than {LONGEST_TARGET:,} bytes.")
    if headers.size > LARGEST_HEADERS:
        return Refusal(431, f"The headers are larger than {LARGEST_HEADERS:,} bytes.")
    return None


def _check_method(scope: Scope, headers: RequestHeaders) -> Refusal | None:
    if scope["method"] != "GET":
        return Refusal(405, "Only GET is allowed.")
    if headers.all("transfer-encoding") or any(length != "0" for length in headers.all("content-length")):
        return Refusal(400, "A request must not have a body.")
    return None


def _with_headers(send: Send) -> Send:
    added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*_list(message.get("headers")), *added]}
        await send(message)

    return send_with_headers


def _list(headers: Any) -> list[tuple[bytes, bytes]]:
    return list(headers or ())
