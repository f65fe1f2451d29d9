"""Signal handling: interrupts are deferred until no task is half done."""

import _thread
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, Self

from firth.logs import log

_RETRY_SECONDS = 0.02


class Deferred:
    """Context manager: `check` raises the first Ctrl-C or SIGTERM; later ones are raised at once.

    A signal that is raised at once may interrupt code that waits for tasks to end, so `abandon` is called first.

    Ctrl-C runs the handler that the process has installed, which by default raises `KeyboardInterrupt`. SIGTERM, which
    by default kills the process, raises `SystemExit`. Only the main thread receives signals; in others nothing changes.
    """

    def __init__(self, abandon: Callable[[], object] = lambda: None):
        self._abandon = abandon

    def __enter__(self) -> Self:
        self._pending: tuple[int, FrameType | None] | None = None
        self._arrived = False
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if exc_info[0] is None:
            self.check()

    def check(self) -> None:
        """Raise the first signal, if it has arrived."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self._raise(*pending)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self._arrived:
            self._arrived, self._pending = True, (number, frame)
            return
        try:
            self._raise(number, frame)
        except BaseException:  # if a handler of the host program raises nothing, work continues
            self._abandon()
            raise

    def _raise(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers[number]
        if callable(handler):
            handler(number, frame)
        else:
            terminate(number, frame)


class Compiling(Deferred):
    """Context manager: Ctrl-C and SIGTERM are raised at once, or as soon as LLVM has returned.

    LLVM calls Python back while it compiles, and Python prints and drops an exception that is raised in such a call.
    """

    _retry: threading.Timer | None = None

    def __exit__(self, *exc_info: object) -> None:
        try:
            if self._retry is not None:
                self._retry.cancel()
                self._retry.join()
        finally:
            super().__exit__(*exc_info)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._pending = number, frame
        if not _in_llvm(frame):
            self.check()
        else:
            if self._retry is not None:
                self._retry.cancel()
            self._retry = threading.Timer(_RETRY_SECONDS, _thread.interrupt_main, (number,))
            self._retry.start()


@contextmanager
def ending_with_the_program() -> Iterator[None]:
    """Turn an executor's refusal of work while the program ends into `SystemExit`, which ends a thread silently."""
    try:
        yield
    except RuntimeError as error:
        if "shutdown" not in str(error):
            raise
        raise SystemExit("the program ended while one of its threads was training") from None


def _in_llvm(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("llvmlite."):
            return True
        frame = frame.f_back
    return False


@contextmanager
def terminating() -> Iterator[None]:
    """Make SIGTERM raise `SystemExit` in the block if it would kill the process, so that what it started is ended."""
    is_deadly = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not is_deadly or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def terminate(number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM: raise `SystemExit` with the exit status of a process that the signal killed."""
    raise SystemExit(128 + number)


@contextmanager
def explained(kept: Callable[[], str], model: object = None) -> Iterator[None]:
    """Give an interrupt of the block a text, `kept()`, which a notebook then shows instead of a traceback.

    It also gets the attribute `model`, because a cell `model = Word2Vec().fit(corpus)` does not assign its variable
    when it is interrupted: IPython keeps the exception as `sys.last_value`.

    The exception stays a plain `KeyboardInterrupt`: for a subclass Python would not end by the signal, and a shell
    script would continue after Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        text = f"interrupted {kept()}"
        log.warning("%s", text)
        interrupt.args = (text,)
        interrupt.model = model  # type: ignore[attr-defined]
        where = "" if model is None else " (the model: sys.last_value.model)"
        shown: Callable[[], list[str]] = partial(
            list, [f"{type(interrupt).__name__}: {text}{where}"]
        )  # unlike a lambda, it can be pickled
        interrupt._render_traceback_ = shown  # type: ignore[attr-defined] # IPython calls it
        raise
