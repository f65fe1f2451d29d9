"""Parts of messages: counts with their nouns, and options as written in Python or on the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_on_command_line: ContextVar[bool] = ContextVar("_on_command_line", default=False)


@contextmanager
def command_line() -> Iterator[None]:
    """Within the block, write messages for the command line instead of for Python."""
    token = _on_command_line.set(True)
    try:
        yield
    finally:
        _on_command_line.reset(token)


def advice(python: str, command_line: str = "") -> str:
    """Return the advice for the interface in use, Python or the command line."""
    return command_line if _on_command_line.get() else python


def option(name: str, value: object = None) -> str:
    """Return an option as the user writes it: `min_count=5`, or `--min-count 5` on the command line.

    `value` is text that is shown unchanged; without a value only the name is returned.
    """
    python = name if value is None else f"{name}={value}"
    flag = name.replace("_", "-")
    switches = {"None": f"--{flag}", "True": f"--{flag}", "False": f"--no-{flag}"}
    return advice(python, switches.get(str(value), f"--{flag} {value}"))


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number and its noun, "1 word" or "1,200 words"; `nouns` is an irregular plural."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
