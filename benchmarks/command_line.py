"""What the programs of a benchmark share: messages, exit status, and a description of the machine."""

import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from quality import SetError
from runner import ChildError

from firth import OptionError


class WrongUseError(ValueError):
    """The command line is not valid."""


def say(text: str) -> None:
    """Print progress to standard error; only the tables go to standard output."""
    print(text, file=sys.stderr, flush=True)


def exit_status(action: Callable[[], None]) -> int:
    """Run `action` and return the exit status: 1 if a run failed, 2 for wrong usage, 130 after Ctrl-C."""
    program = Path(sys.argv[0]).name
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # removes temporary files and the child too
    try:
        action()
    except (WrongUseError, OptionError, SetError) as error:
        say(f"{program}: {error}")
        return 2
    except (ChildError, OSError) as error:
        say(f"{program}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def check_file(path: Path) -> None:
    """Raise `WrongUseError` unless `path` is a file that can be read."""
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise WrongUseError(f"{path}: not a file that can be read")


def check_program(flag: str, path: Path) -> None:
    """Raise `WrongUseError` unless the file `path` of the option `flag` can be run."""
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise WrongUseError(f"{flag} {path}: not a program that can be run")


def check_output(flag: str, path: Path) -> None:
    """Raise `WrongUseError` unless the file `path` of the option `flag` can be written."""
    if not path.parent.is_dir() or path.is_dir():
        raise WrongUseError(f"{flag} {path}: give a file name in a folder that exists")


def machine() -> str:
    """Return the processor's name, as far as the system reports it, the cores and the system."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}"


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
