"""Opens one file of a corpus: decompresses it by its suffix, counts its bytes, and checks that it does not change."""

import os
import stat
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeAlias

from firth.errors import CorpusError
from firth.messages import counted, option
from firth.unpacking import DAMAGED_STREAM, unpacked

STDIN = "-"

FileOrStdin: TypeAlias = Path | str
"""A file, or `STDIN`."""


class BytesRead:
    """Counts the bytes read from all files of a corpus.

    done             bytes read so far, as they are on the disk
    total            bytes of all files on the disk; None if one of them (a pipe, standard input) has no size
    plain            decompressed bytes read so far
    max_input_bytes  the most decompressed bytes of all files together; None: no limit
    """

    def __init__(self, files: list[FileOrStdin], max_input_bytes: int | None = None):
        has_sizes = all(file != STDIN and Path(file).is_file() for file in files)
        self.total = sum(Path(file).stat().st_size for file in files) if has_sizes else None
        self.max_input_bytes = max_input_bytes
        self.done = self.plain = 0


class OpenText:
    """The decompressed bytes of one file, or of standard input; `stack` closes it.

    Raises `CorpusError`, naming the file, if it cannot be opened, read or decompressed to its end, if it exceeds
    `bytes_read.max_input_bytes`, or if a regular file changes between its opening and its end.
    """

    def __init__(self, file: FileOrStdin, stack: ExitStack, bytes_read: BytesRead):
        self._name = "standard input" if file == STDIN else str(file)
        self._file, self._bytes_read = file, bytes_read
        self._offset = 0
        self._is_first = bytes_read.plain == 0
        try:
            self._raw, self._before = _opened(file, stack)
            self._stream = unpacked(self._raw, Path(file).suffix.lower(), stack)
            if self._stream is not self._raw and self._before is not None and self._before.st_size == 0:
                raise EOFError("it is empty")  # not every library raises this
        except (OSError, EOFError) as error:
            raise CorpusError(self._failure(error)) from error

    @property
    def size(self) -> int:
        """Bytes of a regular file, as they are on the disk; 0 for anything else."""
        return 0 if self._before is None else self._before.st_size

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end."""
        try:
            data: bytes = self._stream.read(size)
        except DAMAGED_STREAM as error:
            self._check_unchanged()  # a file that was cut in the meantime looks damaged
            self._advance(0)
            raise CorpusError(self._failure(error)) from error
        self._check_unchanged()
        self._advance(len(data))
        return data

    def _advance(self, size: int) -> None:
        """Count `size` decompressed bytes; raise `CorpusError` if they exceed the limit."""
        counts = self._bytes_read
        counts.plain += size
        offset = self._offset + size if self._before is None else self._raw.tell()
        counts.done += offset - self._offset
        self._offset = offset
        if counts.max_input_bytes is not None and counts.plain > counts.max_input_bytes:
            have = "has" if self._is_first else "and the files before it have"
            decompressed = "" if self._stream is self._raw else ", decompressed,"
            raise CorpusError(
                f"the corpus is larger than {option('max_input_bytes', f'{counts.max_input_bytes:,}')}: {self._name} "
                f"{have} more bytes{decompressed} than the limit; give a larger limit, or check that it is the right "
                "file"
            )

    def _check_unchanged(self) -> None:
        if self._before is not None and (change := _change(self._file, self._before)):
            raise CorpusError(
                f"{self._name} {change} while it was read: read it again when nothing writes to it, or read a copy"
            )

    def _failure(self, error: Exception) -> str:
        if isinstance(error, FileNotFoundError):
            return f"{self._name} does not exist"
        reason = getattr(error, "strerror", None) or str(error)
        where = f"({reason}), {counted(self._offset, 'byte')} into the file"
        if getattr(error, "errno", None) is None:
            return f"{self._name} cannot be decompressed {where}: it is truncated, damaged, or in another format"
        return f"{self._name} cannot be read {where}"


def _opened(file: FileOrStdin, stack: ExitStack) -> tuple[BinaryIO, os.stat_result | None]:
    """Return an open file, and its status if it is a regular file."""
    if file == STDIN:
        if sys.stdin is None:
            raise CorpusError("standard input is closed: send text to it, or name a file")
        return sys.stdin.buffer, None
    raw: BinaryIO = stack.enter_context(Path(file).open("rb"))  # noqa: SIM115 the stack closes it
    status = os.fstat(raw.fileno())
    return raw, status if stat.S_ISREG(status.st_mode) else None


def _change(file: FileOrStdin, before: os.stat_result) -> str | None:
    """Describe how a regular file differs from its status `before`; None if it does not."""
    try:
        now = Path(file).stat()
    except FileNotFoundError:
        return "was removed"
    if not os.path.samestat(before, now):
        return "was replaced by another file"
    if now.st_size != before.st_size:
        return f"went from {before.st_size:,} to {counted(now.st_size, 'byte')}"
    return "was modified" if now.st_mtime_ns != before.st_mtime_ns else None
