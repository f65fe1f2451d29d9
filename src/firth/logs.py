"""The logger "firth": silent unless a program configures logging.

INFO has the stages of a run, its epochs, and what was read and dropped; DEBUG has the kernels that were loaded or
compiled; WARNING has problems that do not stop a run, and interrupts.
"""

import logging
from typing import TextIO

log = logging.getLogger("firth")
log.addHandler(
    logging.NullHandler()
)  # without it, Python would print warnings of programs that do not configure logging


def logs_to(stream: TextIO) -> bool:
    """Return whether lines at level INFO already reach this stream, or the terminal that this stream is."""
    return log.isEnabledFor(logging.INFO) and any(
        handler.level <= logging.INFO and _is_same(_stream_of(handler), stream) for handler in _handlers()
    )


def _handlers() -> list[logging.Handler]:
    """Return the handlers that a record of the logger reaches."""
    found: list[logging.Handler] = []
    logger: logging.Logger | None = log
    while logger is not None:
        found += logger.handlers
        logger = logger.parent if logger.propagate else None
    return found


def _stream_of(handler: logging.Handler) -> TextIO | None:
    """Return the stream of a `StreamHandler` or of rich's `RichHandler`; None for other handlers."""
    stream: TextIO | None = getattr(handler, "stream", None) or getattr(getattr(handler, "console", None), "file", None)
    return stream


def _is_same(one: TextIO | None, other: TextIO) -> bool:
    return one is other or (one is not None and not one.closed and one.isatty() and other.isatty())
