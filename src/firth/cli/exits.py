"""Exit codes, and the exception for a usage error."""

import signal
from typing import Any

import typer

FAILURE, USAGE_ERROR, INTERRUPTED, TERMINATED = 1, 2, 128 + signal.SIGINT, 128 + signal.SIGTERM

UsageError: Any = typer.BadParameter.__bases__[0]
"""The parser's exception for a usage error, which typer does not export."""


def exit_code(interrupt: BaseException) -> int:
    """Return the exit code after Ctrl-C (130) or SIGTERM (143)."""
    return TERMINATED if isinstance(interrupt, SystemExit) else INTERRUPTED
