"""Measures and cuts the corpus of a benchmark, in blocks, so that memory stays small."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

BLOCK = 1 << 20
LONGEST_FOR_GENSIM = 10_000
"""Words of a line that gensim trains on; it drops the rest of the line silently."""

SPACES = (b" ", b"\n", b"\t", b"\r")
LinePart = tuple[list[bytes], bool]
"""Words of one line, in order, and whether the line ends after them."""


class Size(NamedTuple):
    """Counts of a text file; `unseen` are the words after the 10,000th of a line, which gensim drops."""

    words: int
    lines: int
    longest: int
    unseen: int


def measure(path: Path) -> Size:
    """Count the words and lines of the text file at `path`."""
    words = longest = unseen = length = lines = 0
    for part, ends in _line_parts(path):
        words += len(part)
        length += len(part)
        if ends:
            lines += 1
            longest = max(longest, length)
            unseen += max(0, length - LONGEST_FOR_GENSIM)
            length = 0
    return Size(words, lines, longest, unseen)


def is_text(path: Path) -> bool:
    """Return whether `path` starts as plain UTF-8 text; a compressed file does not."""
    with path.open("rb") as file:
        start = file.read(BLOCK)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # the last character may be cut in two
    except UnicodeDecodeError:
        return False
    return b"\0" not in start


def cut(source: Path, target: Path, words: int) -> None:
    """Write the first `words` words of `source` to `target`, with the same line ends."""
    with target.open("wb") as file:
        left = words
        for part, ends in _line_parts(source):
            taken = part[:left]
            left -= len(taken)
            _write(file, taken, ends or not left)
            if not left:
                return


def cut_lines(source: Path, target: Path, words: int) -> None:
    """Write `source` to `target` with each line cut into lines of at most `words` words."""
    with target.open("wb") as file:
        waiting: list[bytes] = []
        for part, ends in _line_parts(source):
            waiting += part
            whole = len(waiting) if ends else len(waiting) // words * words
            for first in range(0, whole, words):
                _write(file, waiting[first : min(first + words, whole)], True)
            del waiting[:whole]


def _write(file: BinaryIO, words: list[bytes], ends: bool) -> None:
    file.write(b" ".join(words) + (b"\n" if ends else b" "))


def _line_parts(path: Path) -> Iterator[LinePart]:
    """Yield the words of `path`, part by part; the last part always ends its line."""
    last: LinePart = ([], True)
    for block in _blocks(path):
        *ended, rest = block.split(b"\n")
        yield from ((line.split(), True) for line in ended)
        last = (rest.split(), not rest)
        if rest:
            yield last[0], False
    if not last[1]:
        yield [], True


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of `path` in blocks that end between two words."""
    tail = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            block = tail + block
            end = 1 + max(block.rfind(space) for space in SPACES)
            tail = block[end:]
            yield block[:end]
    if tail:
        yield tail
