"""Finding the files of a corpus, and cutting their bytes into chunks of whole words."""

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import advice, counted
from firth.options import shortened
from firth.text import encoding
from firth.text.opening import STDIN, OpenText, Place, Position

FilePath: TypeAlias = str | os.PathLike[str]
"""A path, folder, glob pattern, or "-" for standard input."""

Token: TypeAlias = str | int | np.integer[Any]

CorpusInput: TypeAlias = FilePath | NDArray[np.integer[Any]] | Iterable[FilePath | Iterable[Token]]
"""What can be read as a corpus: files, integers as an array, or sentences, each an iterable of tokens."""

CHUNK_BYTES = 4 * 2**20
"""Bytes in one chunk of text: larger ones see each word less often, smaller ones need less memory."""

WHITE_SPACE = (b" ", b"\n", b"\t", b"\r", b"\v", b"\f")
"""What separates words: ASCII white space, as for `bytes.split`."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_PATH = 1000  # characters: a longer string is more likely a text than a path


class TextChunk(NamedTuple):
    """Some of a file's bytes, whole words all, and whether a sentence ends behind them."""

    text: bytes
    ended: bool


def find_files(corpus: FilePath | Iterable[FilePath], split: str = "text.split()") -> list[Place]:
    """Return the files meant by a path, a folder, a glob pattern, "-" (standard input) or a list of those.

    Folders are searched through, in sorted order; files and folders whose name starts with a dot are skipped,
    links to folders are not followed. `split` is how the advice for texts that are not paths splits one into words.
    Raises `CorpusError` if one of them is missing, unreadable or holds no file, or if a folder holds a pipe or
    a device, whose end may never come.
    """
    if isinstance(corpus, (str, os.PathLike)):
        return _expand(corpus, split)
    names = list(corpus)
    if not any(_is_there(name) for name in names):
        raise CorpusError(_no_such_files([shortened(os.fspath(name)) for name in names[:3]], len(names), split))
    return [place for name in names for place in _expand(name, split)]


def _no_such_files(first: list[str], n: int, split: str) -> str:
    shown = ", ".join(first) + (f" and {n - len(first):,} more" if n > len(first) else "")
    return advice(
        f"the corpus is a list of strings, which are read as paths, and none of them exists: {shown}. If they are "
        f"texts, split each into words: [{split} for text in texts]; if they are the words of one sentence, put "
        "the sentence in a list: [words]",
        f"no such files, folders or patterns: {shown}",
    )


def is_read(path: Path, corpus: FilePath | Iterable[FilePath]) -> bool:
    """Tell whether a path is one of the files of a corpus, or lies in a folder that is read through for it."""
    names = [corpus] if isinstance(corpus, (str, os.PathLike)) else corpus
    return any(path.resolve().is_relative_to(_root(name).resolve()) for name in names if name != STDIN)


def _root(name: FilePath) -> Path:
    """Return the folder below which a pattern with `**` is looked for, and any other path as it is."""
    parts = Path(name).parts
    is_recursive = _is_pattern(name) and not _exists(Path(name)) and "**" in parts
    return Path(*parts[: parts.index("**")]) if is_recursive else Path(name)


def text_chunks(places: list[Place], position: Position, keep_all: bool = False) -> Iterator[TextChunk]:
    """Read files one after another, each once, in chunks of about `CHUNK_BYTES`.

    A chunk ends at a line's end, or at white space inside a line longer than a chunk. A file's end always
    ends a sentence. Of a token too long to be a word only a part is returned, itself too long, so that memory stays
    bounded; with `keep_all` its parts follow one another. Raises `CorpusError` as `OpenText` does.
    """
    for place in places:
        with ExitStack() as stack:
            yield from _cut(OpenText(place, stack, position), keep_all)
            position.leave()


def _cut(stream: OpenText, keep_all: bool) -> Iterator[TextChunk]:
    rest = _start(stream)
    while block := stream.read(CHUNK_BYTES):
        line_end = block.rfind(b"\n")
        cut = line_end if line_end >= 0 else _last_space(block)
        if cut >= 0:
            yield TextChunk(rest + block[:cut], ended=line_end >= 0)
            rest = block[cut + 1 :]
        elif len(rest) - 1 - _last_space(rest) <= encoding.LONGEST_WORD:
            rest += block
        elif keep_all:
            end = _last_character(rest)
            yield TextChunk(rest[:end], ended=False)
            rest = rest[end:] + block
    yield TextChunk(rest, ended=True)


def _last_space(text: bytes) -> int:
    """Return where the last white space is; -1 if there is none."""
    return max(text.rfind(space) for space in WHITE_SPACE)


def _last_character(text: bytes) -> int:
    """Return where the last character of UTF-8 begins, which may go on behind `text`."""
    return next((len(text) - i for i in range(1, 5) if text[-i] & 0xC0 != 0x80), len(text))


def _start(stream: OpenText) -> bytes:
    """Read the first few bytes of a file, and leave out a byte-order mark."""
    head = b""
    while len(head) < len(BYTE_ORDER_MARK) and (more := stream.read(len(BYTE_ORDER_MARK) - len(head))):
        head += more
    return head.removeprefix(BYTE_ORDER_MARK)


def _expand(name: FilePath, split: str) -> list[Place]:
    """Return the files that one path, folder, pattern or "-" stands for."""
    if name == STDIN:
        return [STDIN]
    if name == "":
        raise CorpusError("the path of the corpus is empty: give a file, a folder, a pattern or '-'")
    path = Path(name)
    if _exists(path):
        return _files_below(path) if path.is_dir() else [path]
    if not _is_pattern(name):
        text = os.fspath(name)
        shown = repr(text) if len(text) <= _LONGEST_PATH else shortened(text)
        raise CorpusError(
            f"{shown} is not there: no such file or folder"
            + advice(f". A string is read as a path; to train on a text itself, split it: [{split}]")
        )
    matches = sorted(Path(match) for match in glob.glob(str(name), recursive=True))  # noqa: PTH207 absolute too
    files = [match for match in matches if not match.is_dir()]
    if not files:
        raise CorpusError(f"the pattern {str(name)!r} matches no file ({counted(len(matches), 'folder')}): check it")
    return list(files)


def _files_below(folder: Path) -> list[Place]:
    def fail(error: OSError) -> None:
        raise CorpusError(f"the folder {error.filename} cannot be read ({error.strerror})") from error

    files: list[Path] = []
    n_hidden = 0
    for parent, folders, names in os.walk(folder, onerror=fail):
        n_hidden += sum(name.startswith(".") for name in [*folders, *names])
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    special = [file for file in files if file.exists() and not file.is_file()]
    if special:
        raise CorpusError(
            f"the folder {folder} holds {special[0]}, which is no regular file: move it away, or name files"
        )
    if not files:
        raise CorpusError(f"the folder {folder} holds no file to read (hidden and skipped: {n_hidden:,})")
    return [*files]


def _is_there(name: FilePath) -> bool:
    return name == STDIN or _exists(Path(name)) or bool(_is_pattern(name) and glob.glob(str(name)))  # noqa: PTH207


def _is_pattern(name: FilePath) -> bool:
    return isinstance(name, str) and glob.has_magic(name)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a text taken for a path may be too long, or hold a NUL
        return False
