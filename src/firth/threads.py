"""Work that threads do, with the results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(pool: Executor, work: Callable[[T], R], tasks: Iterable[T], workers: int) -> Iterator[R]:
    """Yield the results in the order of the tasks; at most `workers` + 2 of them are in memory."""
    pending: deque[Future[R]] = deque()
    try:
        for task in tasks:
            pending.append(pool.submit(work, task))
            if len(pending) > workers + 1:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:  # after an error or an interrupt, the pool waits only for the tasks that already run
            future.cancel()
