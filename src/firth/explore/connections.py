"""Connections with deadlines: uvicorn waits for ever for the rest of a request, and for a client that stops reading."""

from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 3.0
"""For a whole request, from the connection or the end of the last response. It also ends idle connections."""

RESPONSE_SECONDS = 60.0
"""For a response, from its request until the last byte is sent."""

MOST_CONNECTIONS = 512
"""A connection above these is closed at once."""


class Connection(H11Protocol):
    """One connection, closed at an absolute deadline, however slowly bytes arrive."""

    _deadline: Any = None
    _answered: Any = None  # the cycle of the request whose deadline is set

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._close_after(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not self._answered and not self.cycle.response_complete:
            self._answered = self.cycle
            self._close_after(RESPONSE_SECONDS)

    def on_response_complete(self) -> None:
        self._close_after(HEAD_SECONDS)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _close_after(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)
