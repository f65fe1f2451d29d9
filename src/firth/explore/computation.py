"""Computations in the background: each in a thread of its own, with how much of it is done, and its result."""

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Progress = Callable[[float], None]
_SOON = 0.05  # seconds for which a question waits for a computation, which may be short


class _StoppedError(Exception):
    """The explorer ends."""


class Computation(Thread, Generic[T]):
    """Calls `compute` in a thread, with a function that is to be called now and then with the share that is done."""

    def __init__(self, compute: Callable[[Progress], T]):
        super().__init__(name="explorer-computation")  # no daemon: OpenBLAS never ends if a thread dies within it
        self._compute = compute
        self._ending = Event()
        self._share = 0.0
        self._results: list[T] = []
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Compute, until `stop` is called."""
        try:
            self._results.append(self._compute(self._report))
        except _StoppedError:
            return
        except Exception as error:  # raised again for whoever asks for the result
            self._error = error

    def _report(self, share: float) -> None:
        if self._ending.is_set():
            raise _StoppedError
        self._share = share

    def result(self) -> T | float:
        """Return the result, or the share of the work that is done; raise the error that ended it."""
        if self._error is not None:
            raise self._error
        return self._results[0] if self._results else self._share

    def stop(self) -> None:
        """End the computation, and wait for it."""
        self._ending.set()
        if self.is_alive():
            self.join(1)


class Computations:
    """Computations by name, each started when it is first asked for. Any thread may call the methods."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._started: dict[str, Computation[Any]] = {}

    def result(self, name: str, compute: Callable[[Progress], Any], wait: float | None = _SOON) -> Any:
        """Return the result of the computation with this name, or the share of the work that is done.

        wait  the seconds to wait for the result; None: until there is one, or `close` ends the computation
        """
        with self._lock:
            if name not in self._started:
                self._started[name] = Computation(compute)
        self._started[name].join(wait)
        return self._started[name].result()

    def close(self) -> None:
        """End what is being computed."""
        for computation in self._started.values():
            computation.stop()


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """Return the progress of a part of the work, which goes from one share of the whole to another."""
    return lambda share: progress(start + (stop - start) * share)
