"""Calls to objects that may be elsewhere: in a thread, another process, or an actor on another machine."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any, NoReturn, Protocol

POLL_SECONDS = 0.1


class Handle(Protocol):
    """A way to call an object that may be elsewhere."""

    def submit(self, method: str, *arguments: Any) -> "Future[Any]":
        """Call a method of the object, and return its future result."""


def call_all(
    handles: Sequence[Handle], method: str, *arguments: Any, meanwhile: Callable[[], None] | None = None
) -> list[Any]:
    """Call a method of all objects at the same time, and return their results; raise the first error at once.

    `meanwhile` is called every `POLL_SECONDS` until all results are there.
    """
    return call_each(handles, method, [arguments] * len(handles), meanwhile)


def call_each(
    handles: Sequence[Handle],
    method: str,
    arguments: Sequence[tuple[Any, ...]],
    meanwhile: Callable[[], None] | None = None,
) -> list[Any]:
    """Do what `call_all` does; `arguments` has those of each object."""
    futures = [handle.submit(method, *own) for handle, own in zip(handles, arguments, strict=True)]
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, POLL_SECONDS, FIRST_EXCEPTION)
        for future in futures:  # in order: of several errors, the first one's is raised
            if future in done:
                future.result()
        if meanwhile is not None:
            meanwhile()
    return [future.result() for future in futures]


def halt_all(handles: Sequence[Handle]) -> NoReturn:
    """Make all objects end the call under way soon, and raise `InterruptedError`."""
    for handle in handles:
        handle.submit("halt")
    raise InterruptedError("training was stopped")


class Polled:
    """Asks all objects for a value again and again, without waiting for one that does not answer; for `meanwhile`.

    `use` is called with the values of all objects, each time all have answered.
    """

    def __init__(self, handles: Sequence[Handle], method: str, use: Callable[[list[Any]], None]):
        self._handles, self._method, self._use = handles, method, use
        self._asked: list[Future[Any]] = []

    def __call__(self) -> None:
        if not all(future.done() for future in self._asked):
            return
        if self._asked:
            self._use([future.result() for future in self._asked])
        self._asked = [handle.submit(self._method) for handle in self._handles]
