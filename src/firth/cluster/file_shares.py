"""Divides the files of a corpus, which all machines see, into consecutive shares of about the same size."""

import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from firth.errors import CorpusError
from firth.formats.streams import is_compressed
from firth.text import ReadOptions
from firth.text.files import are_tables
from firth.text.inputs import files_of
from firth.text.opening import UTF8, FileOrStdin, FileRange, is_regular, name_of
from firth.text.sources import is_files, repeats

_LINE_PART = 2**20  # bytes of a line that are read at a time


class SharePlan(NamedTuple):
    """The files of each share, some of which may be empty, and how many files were given before in the corpus."""

    files: Sequence[Sequence[FileOrStdin]]
    repeats: int


class _RegularFile(NamedTuple):
    """A regular file of the corpus."""

    file: FileOrStdin
    status: os.stat_result
    is_whole: bool  # it cannot be divided


class _Cut(NamedTuple):
    """Where a share begins: at a byte of a file, by its number in the corpus."""

    file: int
    byte: int


def plan_shares(corpus: Any, how: ReadOptions, n: int) -> SharePlan:
    """Divide a path, a folder, a pattern or a list of those into n shares, in the order of the corpus.

    A file of text in UTF-8 is divided where lines begin. Compressed files, tables, text in other encodings and, with a
    tokenizer, all files stay whole. The shares depend on the files' sizes on the disk. Raises `CorpusError` if the
    corpus is not files that other machines can open, and otherwise what `read_corpus` raises before it reads.
    """
    files = regular_files(corpus, how)
    is_whole = are_tables(files, how) or how.tokenizer is not None or how.encoding != UTF8
    found = [_RegularFile(file, Path(str(file)).stat(), is_whole or is_compressed(Path(str(file)))) for file in files]
    starts = [0, *accumulate(file.status.st_size for file in found)]
    inner = [_cut(found, starts, share * starts[-1] // n) for share in range(1, n)]
    cuts = [_Cut(0, 0), *inner, _Cut(len(files), 0)]
    return SharePlan([_share(found, first, last) for first, last in pairwise(cuts)], repeats(files))


def regular_files(corpus: Any, how: ReadOptions) -> list[FileOrStdin]:
    """Return the files of a corpus; raise `CorpusError` for anything else, and for pipes and open files."""
    if not is_files(corpus):
        raise CorpusError(
            f"the corpus is of type {type(corpus).__name__}, and a cluster reads files: give paths, folders or "
            "patterns that all machines see"
        )
    files = files_of(corpus, how)
    for file in files:
        if not is_regular(file):
            raise CorpusError(f"{name_of(file)} is not a regular file: a cluster cannot read it; save it as a file")
    return files


def _cut(files: list[_RegularFile], starts: list[int], at: int) -> _Cut:
    """Return where a share begins that should begin at byte `at` of all files."""
    number = bisect_right(starts, at, hi=len(files)) - 1
    start, stop = starts[number], starts[number + 1]
    if files[number].is_whole:
        return _Cut(number + (2 * at > start + stop), 0)
    byte = _line_start(files[number].file, at - start)
    return _Cut(number, byte) if byte < stop - start else _Cut(number + 1, 0)


def _line_start(path: FileOrStdin, at: int) -> int:
    """Return the first byte from `at` on at which a line begins, or the size of the file."""
    if at == 0:
        return 0
    with Path(str(path)).open("rb") as file:
        file.seek(at - 1)
        while (part := file.readline(_LINE_PART)) and not part.endswith(b"\n"):
            pass
        return file.tell()


def _share(files: list[_RegularFile], first: _Cut, last: _Cut) -> list[FileOrStdin]:
    """Return the files from one cut to another, whole or in part."""
    share = []
    for number in range(first.file, last.file + 1):
        start = first.byte if number == first.file else 0
        if number < last.file:
            share.append(_part(files[number], start, files[number].status.st_size))
        elif start < last.byte:
            share.append(_part(files[number], start, last.byte))
    return share


def _part(file: _RegularFile, start: int, stop: int) -> FileOrStdin:
    size = file.status.st_size
    if (start, stop) == (0, size):
        return file.file
    return FileRange(str(file.file), start, stop, size, file.status.st_mtime_ns)
