"""Opens one file of a corpus: decompresses it by its suffix, counts its bytes, and checks that it does not change.

Text in another encoding than UTF-8 is decoded and encoded as UTF-8. A `FileRange` is opened as a file of its own.
"""

import codecs
import io
import os
import stat
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, TypeGuard

from firth.errors import CorpusError, OptionError
from firth.messages import counted, option
from firth.options import shortened
from firth.text.kinds import START_BYTES, refuse_other_kinds
from firth.unpacking import DAMAGED_STREAM, unpacked

STDIN = "-"


class OpenFile(Protocol):
    """An open file, of text or bytes."""

    def read(self, size: int, /) -> str | bytes:
        """Return the next characters or bytes, at most `size`; none at the end."""


@dataclass(frozen=True)
class FileRange:
    """The bytes [start, stop) of a file of UTF-8 text, from the start of a line to that of another, or the end.

    It takes the place of a path in a list of files. `size` and `mtime_ns` are those of the whole file when the range
    was chosen; `OpenText` refuses a file that has others.
    """

    path: str
    start: int
    stop: int
    size: int
    mtime_ns: int

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def check(self, found: os.stat_result, is_text: bool) -> None:
        """Raise `CorpusError` if the file is not the one of which the range was chosen, or not plain UTF-8."""
        if not is_text:
            raise CorpusError(f"{self.path} can only be read whole: give its path")
        if (found.st_size, found.st_mtime_ns) != (self.size, self.mtime_ns):
            raise CorpusError(
                f"{self.path} was changed after it was divided (its size or modification time differs): every "
                "machine must see the same file; if each has a copy of its own, copy the times too (cp -p, rsync -t)"
            )


FileOrStdin: TypeAlias = Path | str | OpenFile | FileRange
"""A file, `STDIN`, an open file of the caller, or a part of a file."""

UTF8 = "utf-8"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_INVALID_BYTE = b"\xff"  # never part of UTF-8, so that the words with it are repaired and counted
_INVALID_CHARACTER = "\udcff"
_WRITE_SECONDS = 0.01  # far more than Linux takes, in a write, from setting the time of a file to setting its size


def name_of(file: FileOrStdin) -> str:
    """Return the name of a file for messages."""
    if is_open(file):
        name = getattr(file, "name", None)
        return str(name) if isinstance(name, (str, os.PathLike)) else f"the open file ({type(file).__name__})"
    return "standard input" if file == STDIN else str(file)


def is_open(file: object) -> TypeGuard[OpenFile]:
    """Return whether an object is an open file."""
    return callable(getattr(file, "read", None)) and not isinstance(file, (str, os.PathLike))


def is_regular(file: FileOrStdin) -> bool:
    """Return whether a file is a regular file, or a link to one."""
    return not is_open(file) and file != STDIN and Path(str(file)).is_file()


def checked_encoding(encoding: Any) -> str:
    """Return the name of an encoding of text; UTF-8 is `UTF8`. Raises `OptionError` if it is not one."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        codecs.getincrementaldecoder(encoding)
        name = codecs.lookup(encoding).name
    except (LookupError, TypeError, ValueError):
        known = "utf-8, utf-16, latin-1, cp1252, cp949, shift_jis or gb18030"
        raise OptionError(
            f"{option('encoding', shortened(encoding))} is not an encoding of text that Python knows: give one such as "
            f"{known}"
        ) from None
    return UTF8 if name in (UTF8, "utf-8-sig") else name


def _mark_invalid(error: UnicodeError) -> tuple[str | bytes, int]:
    """Handle what cannot be decoded or encoded: in the UTF-8 that results, it is an invalid byte."""
    assert isinstance(error, (UnicodeDecodeError, UnicodeEncodeError))
    return (_INVALID_CHARACTER if isinstance(error, UnicodeDecodeError) else _INVALID_BYTE), error.end


codecs.register_error("firth-mark-invalid", _mark_invalid)


class BytesRead:
    """Counts the bytes read from all files of a corpus.

    done             bytes read so far, as they are on the disk
    total            bytes of all files on the disk; None if one of them (a pipe, standard input) has no size
    plain            decompressed bytes read so far
    max_input_bytes  the most decompressed bytes of all files together; None: no limit
    """

    def __init__(self, files: list[FileOrStdin], max_input_bytes: int | None = None):
        has_sizes = all(is_regular(file) for file in files)
        self.total = sum(map(_size, files)) if has_sizes else None
        self.max_input_bytes = max_input_bytes
        self.done = self.plain = 0


class OpenText:
    """The decompressed bytes of one file, in UTF-8; `stack` closes it, but neither standard input nor an open file.

    Raises `CorpusError`, naming the file, if it cannot be opened, read or decompressed to its end, if its first bytes
    show that it is not text, if it exceeds `bytes_read.max_input_bytes`, or if a regular file changes between its
    opening and its end.
    """

    def __init__(self, file: FileOrStdin, stack: ExitStack, bytes_read: BytesRead, encoding: str = UTF8):
        self.name = name_of(file)
        self._file, self._bytes_read, self._encoding = file, bytes_read, encoding
        self._offset = file.start if isinstance(file, FileRange) else 0
        self._is_first = bytes_read.plain == 0
        self._is_at_start = self._offset == 0
        self._peeked = b""
        self._decoder = None if encoding == UTF8 else codecs.getincrementaldecoder(encoding)("firth-mark-invalid")
        try:
            self.raw, self._before = _opened(file, stack)
            suffix = "" if is_open(file) else Path(str(file)).suffix.lower()
            self._stream = unpacked(self.raw, suffix, stack)
            if self.is_compressed and self._before is not None and self._before.st_size == 0:
                raise EOFError("it is empty")  # not every library raises this
            if isinstance(file, FileRange):
                file.check(os.fstat(self.raw.fileno()), encoding == UTF8 and not self.is_compressed)
                self.raw.seek(file.start)
        except (OSError, EOFError) as error:
            raise CorpusError(self._failure(error)) from error

    @property
    def is_compressed(self) -> bool:
        """Whether the file is decompressed by its suffix."""
        return self._stream is not self.raw

    @property
    def size(self) -> int:
        """Bytes of a regular file, as they are on the disk; 0 for anything else."""
        return 0 if self._before is None else self._before.st_size

    def read(self, size: int) -> bytes:
        """Return about `size` bytes; none at the end."""
        if self._peeked:
            data, self._peeked = self._peeked[:size], self._peeked[size:]
            return data if len(data) == size else data + self.read(size - len(data))
        while True:
            data = self._read_plain(size)
            text = self._in_utf8(data)
            if text or not data:
                return text

    def peek(self, size: int = START_BYTES) -> bytes:
        """Return the next `size` bytes or more, fewer only at the end; `read` returns them again."""
        peeked, self._peeked = [self._peeked], b""
        n = len(peeked[0])
        while n < size and (more := self.read(size - n)):
            peeked.append(more)
            n += len(more)
        self._peeked = b"".join(peeked)
        return self._peeked

    def skip_mark(self) -> None:
        """Skip a byte-order mark, at the beginning of the file."""
        if self._is_at_start:
            self._peeked = self.peek().removeprefix(BYTE_ORDER_MARK)

    def count(self, plain: int, done: int) -> None:
        """Count `plain` more bytes, decompressed, of a file that was read up to byte `done`; raise as `read` does."""
        self.check_unchanged()
        self._advance(plain, done)

    def _read_plain(self, size: int) -> bytes:
        """Return at most `size` bytes, decompressed."""
        if isinstance(self._file, FileRange):
            size = min(size, self._file.stop - self._offset)
        try:
            data: bytes = self._stream.read(size)
            while self._is_at_start and self.is_compressed and 0 < len(data) < size:  # its first part may be short
                more = self._stream.read(size - len(data))
                if not more:
                    break
                data += more
        except DAMAGED_STREAM as error:
            self.check_unchanged()  # a file that was cut in the meantime looks damaged
            self._advance(0, self._position(0))
            raise CorpusError(self._failure(error)) from error
        self.check_unchanged()
        self._advance(len(data), self._position(len(data)))
        if self._is_at_start:
            self._is_at_start = False
            refuse_other_kinds(
                self.name, data[:START_BYTES], is_compressed=self.is_compressed, is_utf8=self._encoding == UTF8
            )
        return data

    def _in_utf8(self, data: bytes) -> bytes:
        if self._decoder is None:
            return data
        try:
            return self._decoder.decode(data, final=not data).encode(errors="firth-mark-invalid")
        except UnicodeError as error:  # the file has no byte-order mark, which some encodings need
            raise CorpusError(
                f"{self.name} is not text in {self._encoding} ({error}): give another "
                f"{option('encoding')}, such as utf-16-le or utf-16-be"
            ) from error

    def _position(self, size: int) -> int:
        """Return the bytes of the file read so far, after another `size`."""
        return self._offset + size if self._before is None else self.raw.tell()

    def _advance(self, size: int, offset: int) -> None:
        """Count `size` decompressed bytes, up to `offset` of the file; raise `CorpusError` if they exceed the limit."""
        counts = self._bytes_read
        counts.plain += size
        counts.done += offset - self._offset
        self._offset = offset
        if counts.max_input_bytes is not None and counts.plain > counts.max_input_bytes:
            have = "has" if self._is_first else "and the files before it have"
            decompressed = ", decompressed," if self.is_compressed else ""
            raise CorpusError(
                f"the corpus is larger than {option('max_input_bytes', f'{counts.max_input_bytes:,}')}: {self.name} "
                f"{have} more bytes{decompressed} than the limit; give a larger limit, or check that it is the right "
                "file"
            )

    def check_unchanged(self) -> None:
        """Raise `CorpusError` if a regular file has changed since it was opened."""
        if self._before is not None and (change := _change(self._file, self._before)):
            raise CorpusError(
                f"{self.name} {change} while it was read: read it again when nothing writes to it, or read a copy"
            )

    def _failure(self, error: Exception) -> str:
        if isinstance(error, FileNotFoundError):
            return f"{self.name} does not exist: give the path of a file"
        if isinstance(error, IsADirectoryError):
            return f"{self.name} is a folder: give the path of a file"
        reason = getattr(error, "strerror", None) or str(error)
        where = f"({reason}), {counted(self._offset, 'byte')} into the file"
        if getattr(error, "errno", None) is None:
            return f"{self.name} cannot be decompressed {where}: it is truncated, damaged, or in another format"
        return f"{self.name} cannot be read {where}"


def _size(file: FileOrStdin) -> int:
    """Return the bytes of a regular file, or of a part of it, as they are on the disk."""
    return file.stop - file.start if isinstance(file, FileRange) else Path(str(file)).stat().st_size


def _opened(file: FileOrStdin, stack: ExitStack) -> tuple[BinaryIO, os.stat_result | None]:
    """Return an open file, and its status if it is a regular file."""
    if is_open(file):
        return _BytesOf(file), None  # type: ignore[return-value]
    if file == STDIN:
        if sys.stdin is None:
            raise CorpusError("standard input is closed: send text to it, or name a file")
        return sys.stdin.buffer, None
    raw: BinaryIO = stack.enter_context(Path(str(file)).open("rb"))  # noqa: SIM115 the stack closes it
    status = os.fstat(raw.fileno())
    return raw, status if stat.S_ISREG(status.st_mode) else None


class _BytesOf:
    """The bytes of an open file of the caller, from where it stands; text is encoded as UTF-8."""

    def __init__(self, file: Any):
        self._file = file

    def read(self, size: int) -> bytes:
        """Return about `size` bytes, none at the end."""
        data = self._file.read(size)
        if isinstance(data, str):
            return data.encode(errors="firth-mark-invalid")
        if isinstance(data, (bytes, bytearray, memoryview)):
            return bytes(data)
        raise CorpusError(
            f"the open file ({type(self._file).__name__}) returned {shortened(data)} instead of text or bytes: open it "
            "as a file that waits for its data, in mode 'r' or 'rb'"
        )


def _change(file: FileOrStdin, before: os.stat_result) -> str | None:
    """Describe how a regular file differs from its status `before`; None if it does not."""
    path = Path(str(file))
    try:
        now = path.stat()
        if now.st_mtime_ns != before.st_mtime_ns and now.st_size == before.st_size:
            time.sleep(_WRITE_SECONDS)
            now = path.stat()
    except FileNotFoundError:
        return "was removed"
    if not os.path.samestat(before, now):
        return "was replaced by another file"
    if now.st_size != before.st_size:
        return f"went from {before.st_size:,} to {counted(now.st_size, 'byte')}"
    return "was modified" if now.st_mtime_ns != before.st_mtime_ns else None
