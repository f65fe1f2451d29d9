"""Work that threads do, with the results in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(pool: Executor, work: Callable[[T], R], tasks: Iterable[T], workers: int) -> Generator[R, None, None]:
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


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items of an iterator; a thread asks for each while the caller works on the one before."""
    end: list[T] = []  # equal to no item
    with ThreadPoolExecutor(1, thread_name_prefix="firth-read") as reader:
        waiting: Future[T | list[T]] = reader.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = reader.submit(next, items, end)
            yield item  # type: ignore[misc]
