"""Finds the files of a corpus, and cuts text into chunks of whole words."""

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeGuard

import numpy as np

from firth.errors import CorpusError
from firth.messages import advice, counted
from firth.options import shortened
from firth.text import encoding
from firth.text.opening import STDIN, UTF8, BytesRead, FileOrStdin, FileRange, OpenText, is_regular
from firth.threads import ahead

FilePath: TypeAlias = str | os.PathLike[str]
"""A path, folder, glob pattern, or "-" for standard input."""

Token: TypeAlias = str | int | np.integer[Any]

CHUNK_BYTES = 2 * 2**20
"""Bytes in one chunk of text: with larger chunks each word is decoded less often, smaller ones need less memory."""

WHITESPACE = (b" ", b"\n", b"\t", b"\r", b"\v", b"\f")
"""What separates words: ASCII whitespace, as for `bytes.split`."""

_LONGEST_PATH = 1000  # characters: a longer string is more likely a text than a path


class TextChunk(NamedTuple):
    """Bytes of a text that hold whole words, and whether a sentence ends after them."""

    text: bytes
    ended: bool


def is_files(corpus: Any) -> TypeGuard[FilePath | list[FilePath]]:
    """Return whether a corpus is a path or a list of paths; an open file is not."""
    if isinstance(corpus, (str, os.PathLike)):
        return True
    is_list = isinstance(corpus, (list, tuple)) and len(corpus) > 0
    return is_list and all(isinstance(name, (str, os.PathLike)) for name in corpus)


def find_files(
    corpus: FilePath | Iterable[FilePath], split: str = "text.split()", skipped: tuple[str, ...] = (".",)
) -> list[FileOrStdin]:
    """Return the files of a path, a folder, a glob pattern, "-" (standard input) or a list of those.

    Folders are searched recursively, in sorted order; files and folders whose name starts with a dot, or another of
    `skipped`, are left out, links to folders are not followed. `split` is the code that splits a text into words, for
    messages about texts given as paths. Raises `CorpusError` if one of them is missing, unreadable or holds no file,
    or if a folder holds a pipe or a device, which may never end.
    """
    if isinstance(corpus, (str, os.PathLike)):
        return _expand(corpus, split, skipped)
    names = list(corpus)
    if not any(map(is_found, names)):
        shown = ", ".join(shortened(os.fspath(name)) for name in names[:3])
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        raise CorpusError(
            advice(
                f"the corpus is a list of strings, which are read as paths, and none of them exists: {shown}{more}. If "
                f"they are texts, give iter(texts), or split each into words: [{split} for text in texts]; if they are "
                "the words of one sentence, put the sentence in a list: [words]",
                f"no such files, folders or patterns: {shown}{more}",
            )
        )
    return [file for name in names for file in _expand(name, split, skipped)]


def repeats(files: list[FileOrStdin]) -> int:
    """Return how many of the files, or ranges of one, were in the list before, under any name."""
    read = [(Path(str(file)).resolve(), getattr(file, "start", 0)) for file in files if is_regular(file)]
    return len(read) - len(set(read))


def is_read(path: Path, corpus: FilePath | Iterable[FilePath]) -> bool:
    """Return whether a path is one of the files of a corpus, or is inside a folder that is searched for it."""
    names = [corpus] if isinstance(corpus, (str, os.PathLike)) else corpus
    return any(path.resolve().is_relative_to(_root(name).resolve()) for name in names if name != STDIN)


def _root(name: FilePath) -> Path:
    """Return the folder that a pattern with `**` searches, and any other path as it is."""
    parts = Path(name).parts
    is_recursive = _is_pattern(name) and not _exists(name) and "**" in parts
    return Path(*parts[: parts.index("**")]) if is_recursive else Path(name)


def text_chunks(
    files: list[FileOrStdin], bytes_read: BytesRead, keep_all: bool = False, encoding: str = UTF8
) -> Iterator[TextChunk]:
    """Read text files one after another, each once, in chunks of about `CHUNK_BYTES`.

    A chunk ends at the end of a line, or at whitespace inside a line longer than a chunk. The end of a file always
    ends a sentence. Of a token that is too long to be a word, only the first part is returned (which is also too long),
    so that memory stays bounded; with `keep_all`, the other parts are returned too. Raises `CorpusError` as `OpenText`
    does.
    """
    for file in files:
        with ExitStack() as stack:
            stream = OpenText(file, stack, bytes_read, encoding)
            stream.skip_mark()
            yield from cut(_blocks(stream), keep_all)


def cut(blocks: Iterable[bytes], keep_all: bool = False) -> Iterator[TextChunk]:
    """Cut text that comes in blocks as `text_chunks` does."""
    rest = b""
    for block in blocks:
        line_end = block.rfind(b"\n")
        end = line_end if line_end >= 0 else _last_whitespace(block)
        if end >= 0:
            yield TextChunk(b"".join((rest, memoryview(block)[:end])), ended=line_end >= 0)
            rest = block[end + 1 :]
        elif len(rest) - 1 - _last_whitespace(rest) <= encoding.LONGEST_WORD:
            rest += block
        elif keep_all:
            last = _last_character(rest)
            yield TextChunk(rest[:last], ended=False)
            rest = rest[last:] + block
    yield TextChunk(rest, ended=True)


def _blocks(stream: OpenText) -> Iterator[bytes]:
    """Return the rest of a stream; a thread reads and decompresses one block ahead of the caller."""
    blocks = iter(lambda: stream.read(CHUNK_BYTES), b"")
    is_small = stream.size < CHUNK_BYTES // 16  # or a pipe, for which the caller must be able to stop waiting
    return blocks if is_small else ahead(blocks)


def _last_whitespace(text: bytes) -> int:
    """Return the index of the last whitespace; -1 if there is none."""
    return max(text.rfind(space) for space in WHITESPACE)


def _last_character(text: bytes) -> int:
    """Return where the last UTF-8 character starts, which may continue after `text`."""
    return next((len(text) - i for i in range(1, 5) if text[-i] & 0xC0 != 0x80), len(text))


def _expand(name: FilePath, split: str, skipped: tuple[str, ...]) -> list[FileOrStdin]:
    """Return the files of one path, folder, pattern or "-"."""
    if isinstance(name, FileRange):
        return [name]
    if name == STDIN:
        return [STDIN]
    if name == "":
        raise CorpusError("the path of the corpus is empty: give a file, a folder, a pattern or '-'")
    if _exists(name):
        return _files_below(Path(name), skipped) if Path(name).is_dir() else [Path(name)]
    if not _is_pattern(name):
        text = os.fspath(name)
        shown = repr(text) if len(text) <= _LONGEST_PATH else shortened(text)
        raise CorpusError(
            f"{shown} does not exist: give the path of a file or folder"
            + advice(f". A string is read as a path; to train on a text itself, split it: [{split}]")
        )
    matches = sorted(Path(match) for match in glob.glob(str(name), recursive=True))  # noqa: PTH207 absolute too
    files: list[FileOrStdin] = [match for match in matches if not match.is_dir()]
    if not files:
        raise CorpusError(
            f"the pattern {str(name)!r} matches no files ({counted(len(matches), 'folder')}): check the pattern"
        )
    return files


def _files_below(folder: Path, skipped: tuple[str, ...]) -> list[FileOrStdin]:
    def fail(error: OSError) -> None:
        raise CorpusError(f"the folder {error.filename} cannot be read ({error.strerror})") from error

    files: list[FileOrStdin] = []
    n_hidden = 0
    for parent, folders, names in os.walk(folder, onerror=fail):
        n_hidden += sum(name.startswith(skipped) for name in [*folders, *names])
        folders[:] = sorted(name for name in folders if not name.startswith(skipped))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(skipped)]
    special = [file for file in files if Path(str(file)).exists() and not is_regular(file)]
    if special:
        raise CorpusError(
            f"the folder {folder} holds {special[0]}, which is not a regular file: move it elsewhere, or give the "
            "paths of the files"
        )
    if not files:
        raise CorpusError(f"the folder {folder} holds no file to read (hidden files, skipped: {n_hidden:,})")
    return files


def is_found(name: FilePath) -> bool:
    """Return whether a path exists, or a pattern matches; "-" always does."""
    return name == STDIN or _exists(name) or _matches(name)


def _matches(name: FilePath) -> bool:
    return _is_pattern(name) and next(glob.iglob(str(name), recursive=True), None) is not None  # noqa: PTH207


def _is_pattern(name: FilePath) -> bool:
    return isinstance(name, str) and glob.has_magic(name)


def _exists(name: FilePath) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # a text read as a path may be too long, or contain a NUL
        return False
