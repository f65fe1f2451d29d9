"""Opening one file of a corpus: its plain bytes, counted, decompressed by its suffix, and watched for change."""

import os
import stat
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from firth.errors import CorpusError
from firth.messages import counted, option
from firth.unpacking import DAMAGED_STREAM, unpacked

STDIN = "-"

Place = Path | str
"""A file, or `STDIN`."""


class Position:
    """How many bytes of all files (as they lie on the disk) were read, how many there are, and how many are allowed.

    max_input_bytes  the most plain (decompressed) bytes of all files together; None: no limit
    """

    def __init__(self, places: list[Place], max_input_bytes: int | None = None):
        self.total = _total_size(places)
        self.max_input_bytes = max_input_bytes
        self.plain = 0
        self._finished = 0
        self._current: Callable[[], int] = lambda: 0

    @property
    def done(self) -> int:
        """Bytes read so far."""
        return self._finished + self._current()

    def follow(self, tell: Callable[[], int]) -> None:
        """Count what `tell` returns from now on."""
        self._current = tell

    def leave(self) -> None:
        """Add the current file to the finished ones; call it before that file is closed."""
        self._finished += self._current()
        self._current = lambda: 0


class OpenText:
    """The plain bytes of one file, or of standard input; `stack` closes it.

    Raises `CorpusError`, naming the file, if it cannot be opened, read or decompressed to its end, if it goes beyond
    `position.max_input_bytes`, or if a regular file changes between its opening and its end.
    """

    def __init__(self, place: Place, stack: ExitStack, position: Position):
        self._name = "standard input" if place == STDIN else str(place)
        self._place, self._position = place, position
        self._plain_before = position.plain
        try:
            self._raw, self._before = _opened(place, stack)
            self._stream = unpacked(self._raw, Path(place).suffix.lower(), stack)
            if self._stream is not self._raw and self._before is not None and self._before.st_size == 0:
                raise EOFError("it is empty")  # not every library minds
        except (OSError, EOFError) as error:
            raise CorpusError(self._trouble(error)) from error
        position.follow(self._raw.tell if self._before is not None else _since(position))

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end."""
        try:
            data: bytes = self._stream.read(size)
        except DAMAGED_STREAM as error:
            self._check_unchanged()  # a file that was cut meanwhile looks damaged
            raise CorpusError(self._trouble(error)) from error
        self._check_unchanged()
        self._count(len(data))
        return data

    def _count(self, size: int) -> None:
        self._position.plain += size
        limit = self._position.max_input_bytes
        if limit is not None and self._position.plain > limit:
            have = "and the files before it have" if self._plain_before else "has"
            plain = "" if self._stream is self._raw else ", decompressed,"
            raise CorpusError(
                f"the corpus is larger than {option('max_input_bytes', f'{limit:,}')}: {self._name} {have} more "
                f"bytes{plain} than the limit allows; give a larger limit, or check that it is the right file"
            )

    def _check_unchanged(self) -> None:
        change = _change(self._place, self._before) if self._before is not None else None
        if change:
            raise CorpusError(
                f"{self._name} {change} while it was read: read it again when nothing writes to it, or read a copy"
            )

    def _trouble(self, error: Exception) -> str:
        if isinstance(error, FileNotFoundError):
            return f"{self._name} is not there: no such file"
        reason = getattr(error, "strerror", None) or str(error)
        done = counted(self._position.done, "byte")
        if getattr(error, "errno", None) is None:
            return (
                f"{self._name} cannot be decompressed ({reason}), {done} into the file: "
                "it is cut short, damaged, or not what its name says"
            )
        return f"{self._name} cannot be read ({reason}), {done} into the file"


def _opened(place: Place, stack: ExitStack) -> tuple[BinaryIO, os.stat_result | None]:
    """Return a file, and its state if it is a regular one."""
    if place == STDIN:
        if sys.stdin is None:
            raise CorpusError("standard input is closed: give it a text, or name a file")
        return sys.stdin.buffer, None
    raw: BinaryIO = stack.enter_context(Path(place).open("rb"))  # noqa: SIM115 the stack closes it
    state = os.fstat(raw.fileno())
    return raw, state if stat.S_ISREG(state.st_mode) else None


def _change(place: Place, before: os.stat_result) -> str | None:
    """Say what has become of a regular file since its state was `before`; None if nothing."""
    try:
        now = Path(place).stat()
    except FileNotFoundError:
        return "was removed"
    if not os.path.samestat(before, now):
        return "was replaced by another file"
    if now.st_size != before.st_size:
        return f"went from {before.st_size:,} to {counted(now.st_size, 'byte')}"
    return "was written to" if now.st_mtime_ns != before.st_mtime_ns else None


def _since(position: Position) -> Callable[[], int]:
    """Return a function that counts the plain bytes from now on, for what is no regular file."""
    start = position.plain
    return lambda: position.plain - start


def _total_size(places: list[Place]) -> int | None:
    """Return the bytes of all files, or None if one of them (a pipe, standard input) has no size."""
    total = 0
    for place in places:
        if place == STDIN or not Path(place).is_file():
            return None
        total += Path(place).stat().st_size
    return total
