"""A second thread for large files: it reads or hashes while the first one works."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any

_WORTH_A_THREAD = 32 << 20  # bytes


class _SameThread(Executor):
    """Runs each task at once, in the thread that submits it."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(function(*arguments, **options))
        return done


class _HelperThread(ThreadPoolExecutor):
    """Runs tasks in another thread, with the context of the thread that submits them."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> "Future[Any]":
        return super().submit(copy_context().run, function, *arguments, **options)


def helper(n_bytes: int) -> Executor:
    """Return another thread; for few bytes, or where no thread can be started, the calling one."""
    if n_bytes >= _WORTH_A_THREAD:
        with suppress(RuntimeError):  # no memory for its stack, or the process is ending
            thread = _HelperThread(1)
            thread.submit(int)
            return thread
    return _SameThread()
