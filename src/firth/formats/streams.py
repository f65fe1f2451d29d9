"""Reading rows from a file that may be compressed, and may promise more than it holds."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DAMAGED_STREAM = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What these libraries raise for a stream that is cut or damaged."""

CHUNK_BYTES = 4 << 20
LONGEST_LINE = 1 << 22  # bytes; a word and 65,536 numbers need a third of that


def open_stream(path: Path) -> BinaryIO:
    """Open a file of bytes, unpacking it if its name says that it is compressed."""
    opener = COMPRESSED.get(path.suffix)
    return cast(BinaryIO, opener(path, "rb")) if opener else path.open("rb")


class Lines:
    """A file read by lines or by chunks, with one step of looking ahead."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.ahead = b""
        self.unfinished = False  # the last line has no newline

    def peek(self) -> bytes:
        """Return the next line, without the white space at its right, and leave it to be read."""
        if not self.ahead:
            self.ahead = self.file.readline(LONGEST_LINE)
        return self.ahead.rstrip()

    def each(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Yield (number, line), from `start`, of the lines that are not blank, stripped at the right."""
        for number in count(start):
            if not (line := self._next()):
                return
            if bare := line.rstrip():
                self.unfinished = not line.endswith(b"\n")
                yield number, bare

    def _next(self) -> bytes:
        line, self.ahead = self.ahead, b""
        return line or self.file.readline(LONGEST_LINE)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at least `size` of them before the end of the file."""
        chunk, self.ahead = self.ahead, b""
        return chunk + self.file.read(size)

    def give_back(self, chunk: bytes) -> None:
        """Put back what was read too much."""
        self.ahead = chunk

    def anything_left(self) -> bool:
        """Tell whether more than newlines follows."""
        while chunk := self.read(CHUNK_BYTES):
            if chunk.strip(b"\r\n"):
                return True
        return False


class Rows:
    """A matrix that grows by doubling, for a header's promise is no reason to take memory."""

    def __init__(self, D: int, dtype: np.dtype[Any], capacity: int):
        self.array: NDArray[Any] = np.empty((capacity, D), dtype)
        self.used = 0
        self.broken = 0  # rows with a number that is not finite

    def append(self, rows: NDArray[Any]) -> None:
        """Copy (n, D) rows behind those that are there."""
        end = self.used + len(rows)
        if end > len(self.array):
            self.array.resize((max(end, 2 * len(self.array)), self.array.shape[1]), refcheck=False)
        self.array[self.used : end] = rows
        self.used = end
        if not np.isfinite(rows).all():
            self.broken += int((~np.isfinite(rows).all(axis=1)).sum())

    def finished(self) -> NDArray[Any]:
        """Return the rows, and no memory beyond them."""
        if self.used < len(self.array):
            self.array.resize((self.used, self.array.shape[1]), refcheck=False)
        return self.array
