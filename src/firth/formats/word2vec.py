r"""word2vec's two exchange formats, text and binary, as word2vec.c and gensim write them.

Byte layout. Both open with one line of ASCII:

    "{V} {D}\n"           the number of rows and of dimensions

Text, then V lines:

    word, 0x20, D decimal numbers with 0x20 between them, "\n"

    word2vec.c leaves another 0x20 before the newline and writes six decimals, so its text is rounded; gensim
    and firth write no such space and the shortest digits that give the same float32 back, so theirs is exact.

Binary, then V records:

    word, 0x20, D little-endian float32

    word2vec.c adds "\n" after each record, gensim and firth do not; so a reader drops newlines that lead a
    word. A record may hold any byte, so a binary file has no lines.

Either may be compressed: the suffixes .gz, .bz2, .xz and .zst say so.

Words are UTF-8 unless said otherwise, but word2vec.c cuts them at 99 bytes, in the middle of a character if
need be. Only ASCII white space ends a word: U+00A0 and U+3000 belong to it. Some programs write words with
spaces in them, so a line is split from its right end. A vocabulary file (word2vec.c's `-save-vocab`) has
lines of word, 0x20, count. GloVe's text is the same without the first line.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import FormatError, OptionError
from firth.formats import sniff
from firth.formats import words as wordlists
from firth.formats.decimals import print_rows
from firth.formats.streams import (
    BLOCK_ROWS,
    Lines,
    PathLike,
    Rows,
    fewer_rows,
    is_compressed,
    reading,
    room_for,
    writing_set,
)
from firth.formats.word2vec_rows import MOST_DIMENSIONS, BinaryRows, TextRows, common_length, split_line
from firth.formats.words import Table, shown
from firth.messages import counted

Array = NDArray[Any]


def read_word2vec(
    path: PathLike,
    *,
    fvocab: PathLike | None = None,
    binary: bool | None = None,
    encoding: str = "utf8",
    unicode_errors: str = "strict",
    limit: int | None = None,
    datatype: DTypeLike = np.float32,
    no_header: bool = False,
) -> Table:
    """Read word2vec text or binary, plain or compressed; `binary=None` finds out which.

    `limit` reads that many rows and no more; `no_header` reads GloVe's text; `unicode_errors` is what
    `bytes.decode` takes. Of a word that comes twice the first row is kept, and a warning says how many were
    dropped. Memory is taken only for rows the file is large enough to hold, and beside the matrix only for a
    few MiB. Raises `FormatError` for any other kind of file, a header that does not fit the rows, a line
    without D numbers, and words that are not in `encoding`; `NotEnoughMemoryError` for rows that this machine
    cannot hold.
    """
    limit = wordlists.checked_limit(limit)
    path = Path(path)
    _refuse_other_kinds(path)
    with reading(path) as file:
        reader = _Reader(path, file, no_header=no_header, limit=limit, datatype=datatype)
        words, vectors = reader.read(binary)
    keys = wordlists.decoded(path, words, encoding, unicode_errors)
    keys, vectors, _ = wordlists.without_repeats(path, keys, vectors)
    counts = None if fvocab is None else wordlists.read_counts(Path(fvocab), keys, encoding, unicode_errors)
    return Table(keys, vectors, counts)


def write_word2vec(
    path: PathLike,
    keys: Sequence[str | int],
    vectors: Array,
    *,
    counts: Array | None = None,
    fvocab: PathLike | None = None,
    binary: bool = False,
    header: bool = True,
    line_end: bytes = b"\n",
) -> None:
    """Write word2vec text or binary, atomically, together with the counts to `fvocab` if that is given.

    Rows are in the order given, and may be a view into padded ones; text holds the shortest digits that give
    the same numbers back. Whole-number keys are written in decimal. `header=False` writes GloVe's text, and
    `line_end` ends the lines of a text. Raises `FormatError`, before anything is written, for a word that the
    format cannot hold (empty, or with white space in it), and `OptionError` if `fvocab` is given without
    counts or shapes differ.
    """
    if fvocab is not None and counts is None:
        raise OptionError(f"fvocab={os.fspath(fvocab)!r} asks for counts, but these vectors have none: leave it out")
    wordlists.check_shapes(keys, vectors, counts)
    words = wordlists.encoded(keys, "the word2vec formats")
    with writing_set(*[path] if fvocab is None else [path, fvocab]) as (file, *vocabulary):
        if header:
            file.write(b"%d %d\n" % vectors.shape)
        for start in range(0, len(words), BLOCK_ROWS):
            rows = vectors[start : start + BLOCK_ROWS]
            block = words[start : start + BLOCK_ROWS]
            file.write(_binary_records(block, rows) if binary else _text_lines(block, rows, line_end))
        for lines in vocabulary:
            lines.writelines(b"%s %d\n" % pair for pair in zip(words, cast(Array, counts).tolist(), strict=True))


# --- writing


def _binary_records(words: list[bytes], rows: Array) -> bytes:
    floats = rows.astype("<f4", copy=False)
    return b"".join(piece for word, row in zip(words, floats, strict=True) for piece in (word, b" ", row.tobytes()))


def _text_lines(words: list[bytes], rows: Array, line_end: bytes) -> bytes:
    return b"".join(
        piece for word, row in zip(words, print_rows(rows), strict=True) for piece in (word, b" ", row, line_end)
    )


# --- reading


class _Reader:
    """Reads one open file: its header, then its rows, taking no memory that the file cannot fill."""

    def __init__(self, path: Path, file: BinaryIO, *, no_header: bool, limit: int | None, datatype: DTypeLike):
        self.path = path
        self.file = file
        self.no_header = no_header
        self.limit = limit
        self.datatype = np.dtype(datatype)
        if self.datatype.name not in wordlists.FLOATS:
            raise OptionError(f"datatype={datatype!r} is not allowed: give one of {', '.join(wordlists.FLOATS)}")
        self.V: int | None = None  # rows the header promises
        self.D = 0

    def read(self, binary: bool | None) -> tuple[list[bytes], Array]:
        if self.no_header and binary:
            raise OptionError("no_header=True is for text: a binary file cannot be read without its header")
        if not self.no_header:
            self._read_header()
        lines = Lines(self.file)
        if binary is None:
            binary = not (self.no_header or self._is_text(lines.peek()))
        if self.no_header:
            self.D = common_length(self.path, lines)
        self._check_size(2 * self.D + 1 if not binary else 4 * self.D + 1)
        self._check_memory()
        rows = Rows(self.path, self.D, self.datatype, self._capacity())
        if binary:
            words = BinaryRows(self.path, lines, rows, wanted=self._wanted()).read()
        else:
            first_line = 1 if self.no_header else 2
            words = TextRows(self.path, lines, rows, first_line=first_line, wanted=self._wanted()).read()
        self._check_count(len(words), lines, binary)
        wordlists.warn_of_cut_number(self.path, lines)
        wordlists.warn_of_broken_rows(self.path, rows.broken)
        return words, rows.finished()

    def _read_header(self) -> None:
        line = self.file.readline(sniff.LONGEST_FIRST_LINE)
        fields = line.split()
        if len(fields) != 2 or not all(field.isdigit() for field in fields):
            raise FormatError(
                f"{self.path} is no word2vec file: its first line is {shown(line)}, where two whole "
                "numbers belong, rows and dimensions. If it is text without that line, as GloVe writes it, "
                "give no_header=True"
            )
        self.V, self.D = (int(field) for field in fields)
        if not 1 <= self.D <= MOST_DIMENSIONS:
            raise FormatError(
                f"{self.path}: its first line promises vectors of {counted(self.D, 'dimension')}; from 1 to "
                f"{MOST_DIMENSIONS} are possible, so this is no word2vec file"
            )

    def _is_text(self, line: bytes) -> bool:
        """Tell whether the line after the header is a word and D numbers."""
        try:
            return len([float(field) for field in split_line(line, self.D)[1].split(b" ")]) == self.D
        except ValueError:
            return False

    def _check_size(self, least_row: int) -> None:
        """Refuse a header that promises more than the file has bytes for, before taking memory for it."""
        if self.V is None or is_compressed(self.path):
            return
        size = self.path.stat().st_size
        if self.V * least_row > size:
            raise FormatError(
                f"{self.path} promises {self._promised()}, which need at least "
                f"{counted(self.V * least_row, 'byte')}, but has {size:,}: the file is cut, or its header is wrong"
            )

    def _promised(self) -> str:
        """Return the size in the header, as messages show it."""
        return f"{counted(cast(int, self.V), 'row')} of {counted(self.D, 'dimension')}"

    def _check_memory(self) -> None:
        """Refuse a header that promises more than this machine can hold, before taking memory for it."""
        rows = self._wanted()
        if rows is not None:
            room_for((rows, self.D), self.datatype, self.path, fewer_rows())

    def _capacity(self) -> int:
        """Return for how many rows to take memory at once: all, where the file is known to be that large."""
        if self.V is None or is_compressed(self.path):
            return 0
        return self.V if self.limit is None else min(self.V, self.limit)

    def _wanted(self) -> int | None:
        """Return how many rows to read; None means to the end."""
        known = [number for number in (self.V, self.limit) if number is not None]
        return min(known, default=None)

    def _check_count(self, found: int, lines: "Lines", binary: bool) -> None:
        wanted = self._wanted()
        if self.V is not None and wanted is not None and found < wanted:
            raise FormatError(
                f"{self.path} promises {self._promised()} and ends after "
                f"{counted(found, 'whole row')}: the file is cut, or its header is wrong"
            )
        if found == self.V and lines.anything_left(b"\r\n" if binary else None):
            raise FormatError(
                f"{self.path} promises {self._promised()}, but more follows: its header is wrong"
                + ("" if binary else ", or its rows are")
            )


def _refuse_other_kinds(path: Path) -> None:
    if path.is_dir():
        raise FormatError(f"{path} is a folder: give the word2vec file in it")
    with reading(path) as file:
        head = file.read(sniff.HEAD_BYTES)
    if known := sniff.known_kind(head, unpacked=is_compressed(path)):
        raise FormatError(f"{path} is {known[0]}, not a word2vec file: {known[1]}")
    if sniff.is_safetensors(head):
        raise FormatError(f"{path} is a safetensors file, not a word2vec file: try KeyedVectors.load")
