"""The threads that answer questions: two, so that a slow question does not hold up the others; the rest wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
_THREADS = 2
MOST_WAITING = 64


class BusyError(Exception):
    """Too many questions wait."""


class Workers:
    """Runs functions in threads. Only the thread of the event loop calls `run`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "explorer")
        self._waiting = 0

    async def run(self, function: Callable[[T], R], argument: T) -> R:
        """Return `function(argument)`; raise `BusyError` if too many calls wait already."""
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._pool.submit(function, argument))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Drop the calls that wait; those that run end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)
