"""Settings of all tests."""

import os
import signal
from pathlib import Path
from typing import Any

from hypothesis import settings

# On a busy machine examples are slow; pytest-timeout stops tests that hang.
settings.register_profile("firth", deadline=None)
settings.load_profile("firth")

# Help is as wide as the terminal, and progress bars need colours: tests define their own terminal.
for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TERMINAL_WIDTH", "PYTHONUNBUFFERED"):
    os.environ.pop(name, None)
os.environ.update(COLUMNS="80", LINES="24", TERM="xterm")

# The processes of the tests share compiled kernels, apart from those of the user.
os.environ.setdefault("FIRTH_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache/kernels"))

# Early versions of polars warn of forks, because threads may hold locks; processes of the tests start another program.
os.environ.setdefault("POLARS_ALLOW_FORKING_THREAD", "1")

# Shells start background processes with Ctrl-C ignored; tests of interrupts must not depend on that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Name long bytes after their argument: archives contain the time of their creation."""
    return argname if isinstance(val, bytes) and len(val) > 16 else None
