"""Settings for every test."""

import os
import signal
from typing import Any

from hypothesis import settings

# A machine that is busy with something else is no failure; pytest-timeout stops what hangs.
settings.register_profile("firth", deadline=None)
settings.load_profile("firth")

# Help is as wide as the terminal, and a terminal without colours shows no bar: tests have a terminal of their own.
for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TERMINAL_WIDTH", "PYTHONUNBUFFERED"):
    os.environ.pop(name, None)
os.environ.update(COLUMNS="80", LINES="24", TERM="xterm")

# Shells start what runs in the background with Ctrl-C ignored; tests of interrupts must not depend on that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Name long bytes after their argument: archives hold the time at which they were made."""
    return argname if isinstance(val, bytes) and len(val) > 16 else None
