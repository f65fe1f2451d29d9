"""Reading and writing of files that may be compressed, a few MiB at a time, and checks of the memory they need."""

import bz2
import gzip
import io
import lzma
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike

from firth.atomic import atomic_set
from firth.errors import FormatError, OptionError
from firth.formats.format import Array, Head, PathLike
from firth.formats.signatures import START_BYTES
from firth.messages import advice
from firth.resources import require_memory
from firth.unpacking import DAMAGED_STREAM, unpacked

CHUNK_BYTES = 4 << 20
BLOCK_ROWS = 4096  # lines or rows worked on together
LONGEST_LINE = 1 << 22  # bytes; a word and 65,536 numbers need a third of that
_BUFFER_BYTES = 1 << 16
_GZIP_LEVEL = 6  # 9, the default, takes three times as long and saves 1 %


def _write_zstd(file: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedOutputStream(pa.PythonFile(_KeptOpen(file), mode="w"), "zstd")


class _KeptOpen(io.RawIOBase):
    """A writable file that stays open when its wrapper is closed."""

    def __init__(self, file: BinaryIO):
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


_COMPRESSORS: dict[str, Callable[[BinaryIO], Any]] = {
    # no time stamp: equal vectors give equal bytes
    ".gz": lambda file: gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0),
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115 - `writing_set` closes it
    ".zst": _write_zstd,
}


def is_compressed(path: Path) -> bool:
    """Return whether the suffix of a file is that of a compression."""
    return path.suffix.lower() in _COMPRESSORS


def refuse_compression(path: PathLike, name: str) -> None:
    """Raise `OptionError` if the suffix is that of a compression, which the format `name` does not support."""
    path = Path(path)
    if is_compressed(path):
        raise OptionError(
            f"{path}: the {name} format is never compressed: remove {path.suffix} from the name, or write a word2vec "
            "format, which can be compressed"
        )


def refuse_devices(path: PathLike) -> None:
    """Raise `FormatError` for anything but a file or a folder: opening a pipe may wait forever."""
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FormatError(f"{path} is a pipe, a socket or a device: give a file of vectors")


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Yield the opened file, decompressed according to its suffix.

    Raises `FormatError` for a pipe or a device, and for a compressed stream that is truncated or damaged.
    """
    refuse_devices(path)
    try:
        with ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))
            plain = unpacked(file, path.suffix.lower(), stack)
            yield file if plain is file else cast(BinaryIO, io.BufferedReader(plain, _BUFFER_BYTES))  # for readline
    except DAMAGED_STREAM as error:
        if not is_compressed(path) or getattr(error, "errno", None) is not None:
            raise  # an error of the system, such as a missing file
        raise FormatError(
            f"{path} is not a complete {path.suffix} file: {error}. Download it again, or correct its name"
        ) from error


def long_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; one longer than `LONGEST_LINE` is split."""
    return iter(partial(file.readline, LONGEST_LINE), b"")


def read_head(path: Path) -> Head:
    """Return the beginning of a file; raises `FormatError` as `reading` does."""
    with reading(path) as file:
        line, next_line = file.readline(LONGEST_LINE), file.readline(LONGEST_LINE)
        return Head(path, is_compressed(path), line, next_line, line + next_line + file.read(START_BYTES))


@contextmanager
def writing_set(*paths: PathLike) -> Iterator[list[BinaryIO]]:
    """Yield a file for each path, as `atomic_set` does, each compressed according to its suffix."""
    with atomic_set(*paths) as files, ExitStack() as stack:
        compressors = [_COMPRESSORS.get(Path(path).suffix.lower(), nullcontext) for path in paths]
        yield [stack.enter_context(compress(file)) for compress, file in zip(compressors, files, strict=True)]


class BlockReader:
    """A file read in blocks of lines, whose bytes can be given back."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.ahead = b""
        self.unfinished = False  # the last line has no newline

    def blocks(self) -> Iterator[bytes]:
        """Yield the rest of the file as blocks of whole lines; only the last may lack its newline."""
        while True:
            held = len(self.ahead)
            block = self.read(max(CHUNK_BYTES - held, CHUNK_BYTES // 4))
            if not block:
                return
            cut = block.rfind(b"\n") + 1
            if len(block) == held or (not cut and len(block) >= LONGEST_LINE):  # which the parser refuses
                cut = len(block)
            self.ahead = block[cut:]
            if cut:
                yield block[:cut]

    def read(self, size: int) -> bytes:
        """Return the next bytes, at least `size` of them before the end of the file."""
        held, self.ahead = self.ahead, b""
        return held + self.file.read(size)

    def readinto(self, place: memoryview) -> int:
        """Fill `place`, which must be larger than `ahead`, with the next bytes; return how many: 0 only at the end."""
        filled = len(self.ahead)
        place[:filled] = self.ahead
        self.ahead = b""
        return filled or cast(Any, self.file).readinto(place)

    def give_back(self, chunk: bytes) -> None:
        """Put bytes back, to be read next."""
        self.ahead = chunk + self.ahead

    def anything_left(self, blank: bytes | None) -> bool:
        """Return whether anything but `blank` bytes (None: whitespace) follows."""
        while chunk := self.read(CHUNK_BYTES):
            if chunk.strip(blank):
                return True
        return False


def map_it() -> str:
    """Return the advice for a file that is larger than memory and can be mapped."""
    return advice(
        "map its vectors instead, with KeyedVectors.load(..., mmap=True)",
        "use a machine with more memory; similar, analogy and evaluate map this file and need less",
    )


def fewer_rows() -> str:
    """Return the advice for a file that is larger than memory and can be read in part."""
    return advice(
        "give limit= to read fewer rows (read_vectors and load_word2vec_format take it)",
        "write its first rows to a smaller file: firth convert IN OUT --limit ROWS",
    )


def room_for(shape: Sequence[int], dtype: DTypeLike, path: PathLike, remedy: str) -> None:
    """Raise `NotEnoughMemoryError` with `remedy` if an array read from `path` would not fit in memory."""
    kind = np.dtype(dtype)
    require_memory(
        {f"{' x '.join(f'{n:,}' for n in shape)} {kind.name}": math.prod(shape) * kind.itemsize},
        f"reading {os.fspath(path)}",
        remedy,
    )


def broken_rows(rows: Array) -> int:
    """Return how many rows hold an infinity or a not-a-number."""
    finite = np.isfinite(rows)
    return 0 if finite.all() else int((~finite.all(axis=1)).sum())


class GrowingMatrix:
    """A matrix read from `path` that grows block by block: a header's row count is not trusted.

    The caller has checked that memory holds `capacity` rows; `append` checks it for more.
    """

    def __init__(self, path: Path, D: int, dtype: np.dtype[Any], capacity: int = 0):
        self.path = path
        self.array: Array = np.empty((0, D), dtype)  # has no rows, but D and the dtype
        self.used = 0
        self._room = capacity  # rows that memory is known to hold
        self._bytes = bytearray()  # grows in place; NumPy 2.5 copies an array to resize it
        self.broken = 0  # rows with an infinity or a not-a-number

    def append(self, rows: Array) -> None:
        """Copy (n, D) rows to the end."""
        end = self.used + len(rows)
        if end > self._room:
            capacity = max(end, 2 * self._room)
            room_for((capacity - self._room, rows.shape[1]), self.array.dtype, self.path, fewer_rows())
            self._room = capacity
        rows = np.ascontiguousarray(rows, self.array.dtype)
        self._bytes.extend(rows.data)
        self.broken += broken_rows(rows)  # after the conversion: a number too large for float16 becomes infinite
        self.used = end

    def finished(self) -> Array:
        """Return the rows; nothing can be appended afterwards."""
        return np.frombuffer(self._bytes, self.array.dtype).reshape(self.used, self.array.shape[1])
