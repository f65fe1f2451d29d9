"""Who may see the page: the secrets of one run of the explorer, and the names under which a browser may reach it.

The token stands in the address that is opened first. A browser that brings it gets the cookie, which every later
request needs. The two differ, so that the address, which a browser keeps in its history, ends with the run.
"""

import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

ENTRANCE = "/enter"
_SECRET_BYTES = 32


def _secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _same(given: str, secret: str) -> bool:
    """Compare in a time that does not depend on how much is right."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), secret.encode())


@dataclass(frozen=True)
class Access:
    """The secrets of a server on `port`. They are random, and known to no other run."""

    port: int
    token: str = field(default_factory=_secret, repr=False)
    cookie: str = field(default_factory=_secret, repr=False)

    @property
    def address(self) -> str:
        """The address to open, with the token."""
        return f"http://127.0.0.1:{self.port}{ENTRANCE}?token={self.token}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The values of the Host header that are answered, in lower case.

        A page of another site can make its own name resolve to 127.0.0.1 (DNS rebinding); its requests then carry
        that name.
        """
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The values of the Origin header that are answered."""
        return tuple(f"http://{host}" for host in self.hosts)

    @property
    def cookie_name(self) -> str:
        """The name of the cookie; browsers share cookies among the ports of a host, so the port is part of it."""
        return f"firth-{self.port}"

    @property
    def set_cookie(self) -> str:
        """The value of the Set-Cookie header."""
        return f"{self.cookie_name}={self.cookie}; Path=/; HttpOnly; SameSite=Strict"

    def has_token(self, given: str) -> bool:
        """Return whether `given` is the token."""
        return _same(given, self.token)

    def has_cookie(self, header: str) -> bool:
        """Return whether a Cookie header has the right cookie."""
        try:
            found = SimpleCookie(header).get(self.cookie_name)
        except CookieError:
            return False
        return found is not None and _same(found.value, self.cookie)
