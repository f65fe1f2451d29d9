"""Interrupts that wait for a moment at which nothing is half done."""

import _thread
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_RETRY_SECONDS = 0.02


class Deferred:
    """While it is in use, the first Ctrl-C or SIGTERM is raised by `check` alone, and any after it at once.

    `abandon` is called before one is raised at once, for that may be anywhere, and what waits for work to end must not.

    Ctrl-C is raised as the process wants it, by default as `KeyboardInterrupt`. SIGTERM, which by default ends a
    process without a word, is raised as `SystemExit`. Only the main thread hears signals; in another nothing changes.
    """

    def __init__(self, abandon: Callable[[], object] = lambda: None):
        self._abandon = abandon

    def __enter__(self) -> Self:
        self._pending: tuple[int, FrameType | None] | None = None
        self._came = False
        self._usual: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._usual[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._usual.items():
            signal.signal(number, handler)
        if exc_info[0] is None:
            self.check()

    def check(self) -> None:
        """Raise what has come, if anything has."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self._raise(*pending)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self._came:
            self._came, self._pending = True, (number, frame)
            return
        try:
            self._raise(number, frame)
        except BaseException:  # a host's own handler may raise nothing: then the work goes on
            self._abandon()
            raise

    def _raise(self, number: int, frame: FrameType | None) -> None:
        usual = self._usual[number]
        if callable(usual):
            usual(number, frame)
        else:
            terminate(number, frame)


class Compiling(Deferred):
    """While it is in use, Ctrl-C and SIGTERM are raised at once, but never inside LLVM, nor lost there.

    LLVM calls back while it compiles, and Python prints and forgets what is raised in such a call.
    """

    _again: threading.Timer | None = None

    def __exit__(self, *exc_info: object) -> None:
        try:
            if self._again is not None:
                self._again.cancel()
                self._again.join()
        finally:
            super().__exit__(*exc_info)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending = number, frame
        if not _in_llvm(frame):
            self.check()
        else:
            if self._again is not None:
                self._again.cancel()
            self._again = threading.Timer(_RETRY_SECONDS, _thread.interrupt_main, (number,))
            self._again.start()


@contextmanager
def ending_with_the_program() -> Iterator[None]:
    """Raise `SystemExit`, which ends a thread without a word, where executors refuse work because the program ends."""
    try:
        yield
    except RuntimeError as error:
        if "shutdown" not in str(error):
            raise
        raise SystemExit("the program ended before the training in one of its threads") from None


def _in_llvm(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("llvmlite."):
            return True
        frame = frame.f_back
    return False


def terminate(number: int, frame: FrameType | None) -> None:
    """Raise `SystemExit` with the status of a process that the signal has ended: a handler for SIGTERM."""
    raise SystemExit(128 + number)
