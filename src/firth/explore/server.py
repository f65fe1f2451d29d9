"""The server: it listens on the loopback interface alone, and ends within two seconds of Ctrl-C, whatever is open."""

import os
import socket
from collections.abc import Callable

import uvicorn

from firth.explore.access import Access
from firth.explore.assets import read_assets
from firth.explore.atlas import Atlas
from firth.explore.comparison import Comparison
from firth.explore.connections import Connection
from firth.explore.explored import Explored
from firth.explore.guard import Guard
from firth.explore.routes import Api, Site
from firth.explore.workers import Workers

_LOOPBACK = "127.0.0.1"
PAGES = {"/": "index.html", "/proof": "proof.html", "/compare": "compare.html"}
_GRACE_SECONDS = 1  # for responses that are being sent at Ctrl-C


def serve(explored: Explored, port: int, ready: Callable[[Access], None], comparison: Comparison | None = None) -> None:
    """Serve the page until Ctrl-C or SIGTERM, which then raise what they usually raise.

    port   the port, 0 for any that is free
    ready  called once connections are accepted, with the address in `Access.address`
    comparison  with a second model, for the page /compare

    Raises `OSError` if the port cannot be used.
    """
    with listening(port) as listener:
        access = Access(listener.getsockname()[1])
        workers, atlas = Workers(), Atlas(explored)
        try:
            endpoints = Api(explored, atlas, workers, comparison).endpoints()
            app = Guard(Site(read_assets(), PAGES, endpoints), access)
            atlas.prepare()
            ready(access)  # the socket listens already; uvicorn accepts in a moment
            uvicorn.Server(settings(app)).run([listener])
        finally:
            workers.close()
            atlas.close()
            if comparison is not None:
                comparison.close()


def listening(port: int) -> socket.socket:
    """Return a socket that listens on a port of the loopback interface; raise `OSError` if that cannot be used."""
    try:
        return socket.create_server((_LOOPBACK, port))
    except OSError as error:
        raise OSError(
            error.errno, f"port {port} of {_LOOPBACK} cannot be used: {os.strerror(error.errno or 0)}; give another"
        ) from error


def settings(app: Guard) -> uvicorn.Config:
    """Return the settings of a server that logs nothing and ends in time."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,  # a log would hold the token
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
