"""Files of bytes that may be compressed, may promise more than they hold, and are never held in memory whole."""

import bz2
import gzip
import io
import lzma
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import FormatError, OptionError
from firth.formats.atomic import atomic_set
from firth.formats.sniff import refuse_devices
from firth.messages import advice
from firth.resources import require_memory
from firth.unpacking import DAMAGED_STREAM, unpacked

PathLike = str | os.PathLike[str]
Line = TypeVar("Line")

CHUNK_BYTES = 4 << 20
BLOCK_ROWS = 4096  # lines or rows worked on together
LONGEST_LINE = 1 << 22  # bytes; a word and 65,536 numbers need a third of that
_BUFFER_BYTES = 1 << 16
_GZIP_LEVEL = 6  # 9, the default, takes three times as long for one part in a hundred


def _write_zstd(file: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedOutputStream(pa.PythonFile(_KeptOpen(file), mode="w"), "zstd")


class _KeptOpen(io.RawIOBase):
    """A file to write to that survives the closing of what is wrapped around it."""

    def __init__(self, file: BinaryIO):
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


_COMPRESSORS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda file: gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0),  # no time: equal vectors, equal bytes
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115 - `writing_set` closes it
    ".zst": _write_zstd,
}


def is_compressed(path: Path) -> bool:
    """Tell whether the name of a file says that it is compressed."""
    return path.suffix.lower() in _COMPRESSORS


def refuse_compression(path: PathLike, name: str) -> None:
    """Raise `OptionError` if the name of a file asks to compress a format that is never compressed."""
    path = Path(path)
    if is_compressed(path):
        raise OptionError(
            f"{path}: the {name} format is never compressed: remove {path.suffix} from the name, or write a word2vec "
            "format, which may be compressed"
        )


def bare_suffix(path: Path) -> str:
    """Return the suffix of a file's name in lower case, that of the compression aside: ".txt" for "a.txt.gz"."""
    return (path.with_suffix("") if is_compressed(path) else path).suffix.lower()


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Yield the opened file, unpacked if its name says so.

    Raises `FormatError` for a pipe or a device, and where a compressed stream is cut or damaged.
    """
    refuse_devices(path)
    try:
        with ExitStack() as stack:
            yield _opened(path, stack)
    except DAMAGED_STREAM as error:
        if not is_compressed(path) or getattr(error, "errno", None) is not None:
            raise  # the system's own errors, such as no such file, have a number
        raise FormatError(
            f"{path} is not a complete {path.suffix} file: {error}. Download it again, or correct its name"
        ) from error


def _opened(path: Path, stack: ExitStack) -> BinaryIO:
    file = stack.enter_context(path.open("rb"))
    if not is_compressed(path):
        return file
    plain = unpacked(file, path.suffix.lower(), stack)
    return cast(BinaryIO, io.BufferedReader(plain, _BUFFER_BYTES))  # for its readline


@contextmanager
def writing_set(*paths: PathLike) -> Iterator[list[BinaryIO]]:
    """Yield a file for each path, as `atomic_set` does, each compressed if its name says so."""
    with atomic_set(*paths) as files, ExitStack() as stack:
        yield [stack.enter_context(_packed(path, file)) for path, file in zip(paths, files, strict=True)]


def _packed(path: PathLike, file: BinaryIO) -> AbstractContextManager[BinaryIO]:
    compressor = _COMPRESSORS.get(Path(path).suffix.lower())
    return nullcontext(file) if compressor is None else compressor(file)


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

    def blocks(self) -> Iterator[bytes]:
        """Yield the rest of the file as blocks of whole lines; only the last may lack its newline."""
        while True:
            held = len(self.ahead)
            block = self.read(CHUNK_BYTES)
            if not block:
                return
            # what is longer than any line is left to whoever parses it, to say that it is none
            whole = len(block) == held or len(block) > LONGEST_LINE + CHUNK_BYTES
            cut = len(block) if whole else block.rfind(b"\n") + 1
            self.ahead = block[cut:]
            if cut:
                yield block[:cut]

    def read(self, size: int) -> bytes:
        """Return the next bytes, at least `size` of them before the end of the file."""
        chunk, self.ahead = self.ahead, b""
        return chunk + self.file.read(size)

    def readinto(self, place: memoryview) -> int:
        """Fill `place`, which must hold what is ahead, with the next bytes; return how many: 0 only at the end."""
        filled = len(self.ahead)
        place[:filled] = self.ahead
        self.ahead = b""
        return filled or cast(Any, self.file).readinto(place)

    def give_back(self, chunk: bytes) -> None:
        """Put back what was read too much, before what is still ahead."""
        self.ahead = chunk + self.ahead

    def anything_left(self, blank: bytes | None) -> bool:
        """Tell whether more than `blank` bytes (None: white space) follows."""
        while chunk := self.read(CHUNK_BYTES):
            if chunk.strip(blank):
                return True
        return False


def in_blocks(lines: Iterable[Line], size_of: Callable[[Line], int]) -> Iterator[list[Line]]:
    """Yield the lines some thousands at a time, and fewer where they are long."""
    block: list[Line] = []
    size = 0
    for line in lines:
        block.append(line)
        size += size_of(line)
        if len(block) == BLOCK_ROWS or size > CHUNK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def map_it() -> str:
    """Return the advice for a file that memory cannot hold and that can be mapped."""
    return advice(
        "map its vectors instead, with KeyedVectors.load(..., mmap=True)",
        "use a machine with more memory; similar, analogy and evaluate map this file and need less",
    )


def fewer_rows() -> str:
    """Return the advice for a file that memory cannot hold and that can be read in part."""
    return advice(
        "give limit= to read fewer rows (read_vectors and load_word2vec_format take it)",
        "write its first rows to a smaller file: firth convert IN OUT --limit ROWS",
    )


def room_for(shape: Sequence[int], dtype: DTypeLike, path: PathLike, remedy: str) -> None:
    """Raise `NotEnoughMemoryError`, saying what to do, if an array read from `path` would not fit."""
    kind = np.dtype(dtype)
    require_memory(
        {f"{' x '.join(f'{n:,}' for n in shape)} {kind.name}": math.prod(shape) * kind.itemsize},
        f"reading {os.fspath(path)}",
        remedy,
    )


def broken_rows(rows: NDArray[Any]) -> int:
    """Return how many rows hold a number that is not finite."""
    finite = np.isfinite(rows)
    return 0 if finite.all() else int((~finite.all(axis=1)).sum())


class Rows:
    """A matrix read from `path` that grows block by block: a header's row count is not trusted.

    The caller has checked that there is memory for `capacity` rows; for more, `append` checks it.
    """

    def __init__(self, path: Path, D: int, dtype: np.dtype[Any], capacity: int = 0):
        self.path = path
        self.array: NDArray[Any] = np.empty((0, D), dtype)  # no rows, but their D and dtype
        self.used = 0
        self._room = capacity  # rows that there is memory for
        self._bytes = bytearray()  # grows in place; from NumPy 2.5 on, resizing an array makes a second one
        self.broken = 0  # rows with a number that is not finite

    def append(self, rows: NDArray[Any]) -> None:
        """Copy (n, D) rows behind those that are there."""
        end = self.used + len(rows)
        if end > self._room:
            self._grow(end)
        rows = np.ascontiguousarray(rows, self.array.dtype)
        self._bytes.extend(rows.data)
        self.broken += broken_rows(rows)  # as they are kept: a number too large for float16 is infinite there
        self.used = end

    def _grow(self, end: int) -> None:
        held, D = self._room, self.array.shape[1]
        capacity = max(end, 2 * held)
        room_for((capacity - held, D), self.array.dtype, self.path, fewer_rows())
        self._room = capacity

    def finished(self) -> NDArray[Any]:
        """Return the rows; nothing can be appended any more."""
        return np.frombuffer(self._bytes, self.array.dtype).reshape(self.used, self.array.shape[1])
