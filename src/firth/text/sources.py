"""Finding the files of a corpus, opening them, and cutting their bytes into chunks."""

import bz2
import glob
import gzip
import lzma
import os
import reprlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from firth.errors import CorpusError

CHUNK_BYTES = 4 * 2**20
"""Bytes in one chunk of text: larger ones see each word less often, smaller ones need less memory."""

LONGEST_WORD = 64 * 2**20
"""Bytes without white space after which a file is held to be no text."""

WHITE_SPACE = (b" ", b"\n", b"\t", b"\r", b"\v", b"\f")
"""What separates words: ASCII white space, as for `bytes.split`."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

STDIN = "-"

Place = Path | str
"""A file, or `STDIN`."""


class TextChunk(NamedTuple):
    """Some of a file's bytes, whole words all, and whether a sentence ends behind them."""

    text: bytes
    ended: bool


class Position:
    """How many bytes of all files (as they lie on the disk) were read, and how many there are."""

    def __init__(self, places: list[Place]):
        self.total = _total_size(places)
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


def find_files(corpus: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Place]:
    """Return the files meant by a path, a folder, a glob pattern, "-" (standard input) or a list of those.

    Folders are searched through, in sorted order; files and folders whose name starts with a dot are skipped,
    links to folders are not followed.
    Raises `CorpusError` if one of them is missing, unreadable or holds no file.
    """
    if isinstance(corpus, (str, os.PathLike)):
        return _expand(corpus)
    names = list(corpus)
    if not any(_is_there(name) for name in names):
        raise CorpusError(
            f"none of these {len(names)} names is a file, a folder or a pattern that matches: "
            f"{shortened(names[0])} ... A list of strings is read as a list of paths; if they are "
            "sentences, split each into words, e.g. [text.split() for text in texts]; "
            "if they are the words of one sentence, put it in a list: [words]"
        )
    return [place for name in names for place in _expand(name)]


def text_chunks(places: list[Place], position: Position) -> Iterator[TextChunk]:
    """Read files one after another, each once, in chunks of about `CHUNK_BYTES`.

    A chunk ends at a line's end, or at white space inside a line longer than a chunk. A file's end always
    ends a sentence. Raises `CorpusError`, naming the file, when it cannot be read to its end.
    """
    for place in places:
        with ExitStack() as stack:
            try:
                yield from _cut(_open(place, stack, position), place)
            except (OSError, EOFError, lzma.LZMAError) as error:
                raise CorpusError(_trouble(place, error, position.done)) from error
            position.leave()


def _cut(stream: Any, place: Place) -> Iterator[TextChunk]:
    rest = _start(stream)
    while block := stream.read(CHUNK_BYTES):
        line_end = block.rfind(b"\n")
        cut = line_end if line_end >= 0 else max(block.rfind(space) for space in WHITE_SPACE)
        if cut >= 0:
            yield TextChunk(rest + block[:cut], ended=line_end >= 0)
            rest = block[cut + 1 :]
        else:
            rest += block
        if len(rest) > LONGEST_WORD + CHUNK_BYTES:
            raise CorpusError(
                f"{place} has {len(rest):,} bytes without white space between them, which is no word "
                f"(at most {LONGEST_WORD:,}): is it a text file?"
            )
    yield TextChunk(rest, ended=True)


def _start(stream: Any) -> bytes:
    """Read the first few bytes of a file, and leave out a byte-order mark."""
    head = b""
    while len(head) < len(BYTE_ORDER_MARK) and (more := stream.read(len(BYTE_ORDER_MARK) - len(head))):
        head += more
    return head.removeprefix(BYTE_ORDER_MARK)


def _open(place: Place, stack: ExitStack, position: Position) -> Any:
    """Open a file for reading, decompressed by its suffix; `stack` closes it."""
    if place == STDIN:
        return _counted(sys.stdin.buffer, position)
    raw: BinaryIO = stack.enter_context(Path(place).open("rb"))  # noqa: SIM115 the stack closes it
    position.follow(raw.tell if raw.seekable() else lambda: 0)
    opener = _DECOMPRESSORS.get(Path(place).suffix.lower())
    return stack.enter_context(opener(raw)) if opener else raw


class _Counting:
    """A stream that cannot tell its position: count what was read."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.count = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.count += len(data)
        return data


def _counted(stream: BinaryIO, position: Position) -> _Counting:
    counting = _Counting(stream)
    position.follow(lambda: counting.count)
    return counting


def _zstd(raw: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")


_DECOMPRESSORS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw, mode="rb"),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstd,
}


def _trouble(place: Place, error: Exception, done: int) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{place} is not there: no such file"
    reason = getattr(error, "strerror", None) or str(error)
    if Path(place).suffix.lower() in _DECOMPRESSORS and getattr(error, "errno", None) is None:
        return (
            f"{place} cannot be decompressed ({reason}), {done:,} bytes into the file: "
            "it is cut short, damaged, or not what its name says"
        )
    return f"{place} cannot be read ({reason}), {done:,} bytes into the file"


def _expand(name: str | os.PathLike[str]) -> list[Place]:
    """Return the files that one path, folder, pattern or "-" stands for."""
    if name == STDIN:
        return [STDIN]
    if name == "":
        raise CorpusError("the path of the corpus is empty: give a file, a folder, a pattern or '-'")
    path = Path(name)
    if _exists(path):
        return _files_below(path) if path.is_dir() else [path]
    if not _is_pattern(name):
        raise CorpusError(
            f"{shortened(name)} is not there: no such file or folder. "
            "A string is read as a path; to train on a text itself, split it: [text.split()]"
        )
    matches = sorted(Path(match) for match in glob.glob(str(name), recursive=True))  # noqa: PTH207 absolute too
    files = [match for match in matches if not match.is_dir()]
    if not files:
        raise CorpusError(f"the pattern {str(name)!r} matches no file ({len(matches)} folders): check it")
    return list(files)


def _files_below(folder: Path) -> list[Place]:
    def fail(error: OSError) -> None:
        raise CorpusError(f"the folder {error.filename} cannot be read ({error.strerror})") from error

    files: list[Place] = []
    n_hidden = 0
    for parent, folders, names in os.walk(folder, onerror=fail):
        n_hidden += sum(name.startswith(".") for name in [*folders, *names])
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    if not files:
        raise CorpusError(f"the folder {folder} holds no file to read ({n_hidden} hidden ones are skipped)")
    return files


def _is_there(name: str | os.PathLike[str]) -> bool:
    return name == STDIN or _exists(Path(name)) or bool(_is_pattern(name) and glob.glob(str(name)))  # noqa: PTH207


def _is_pattern(name: str | os.PathLike[str]) -> bool:
    return isinstance(name, str) and glob.has_magic(name)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a text taken for a path may be too long, or hold a NUL
        return False


def _total_size(places: list[Place]) -> int | None:
    """Return the bytes of all files, or None if one of them (a pipe, standard input) has no size."""
    total = 0
    for place in places:
        if place == STDIN or not Path(place).is_file():
            return None
        total += Path(place).stat().st_size
    return total


def shortened(value: object) -> str:
    """Return a value's repr for a message, of bounded length."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = 100
    return short.repr(os.fspath(value) if isinstance(value, os.PathLike) else value)
