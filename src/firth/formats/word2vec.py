r"""word2vec's two exchange formats, text and binary, as word2vec.c and gensim write them.

Byte layout. Both begin with a header, one line of ASCII:

    "{V} {D}\n"           the number of rows and of dimensions

Text, then V lines:

    word, 0x20, D decimal numbers with 0x20 between them, "\n"

    word2vec.c writes another 0x20 before the newline, and six decimals, so its text is rounded. gensim and firth
    write no such space, and the shortest digits that read back as the same float32, so their text is exact.

Binary, then V records:

    word, 0x20, D little-endian float32

    word2vec.c adds "\n" after each record, gensim and firth do not; so a reader drops newlines before a
    word. A record may hold any byte, so a binary file has no lines.

Either may be compressed, as the suffixes .gz, .bz2, .xz and .zst show.

Words are UTF-8 by default, but word2vec.c cuts them at 99 bytes, even within a character. Only ASCII whitespace
separates words: U+00A0 and U+3000 belong to a word. Some programs write words with spaces in them, so a line
is split from its right end. A vocabulary file (word2vec.c's `-save-vocab`) has lines of word, 0x20, count.
GloVe's text is the same without the header; fastText's `.vec` has a space before each newline.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike

from firth.errors import FormatError, OptionError
from firth.formats import words as wordlists
from firth.formats.decimals import print_rows
from firth.formats.format import Array, Format, Head, PathLike, Table
from firth.formats.signatures import known_kind
from firth.formats.streams import (
    BLOCK_ROWS,
    BlockReader,
    GrowingMatrix,
    fewer_rows,
    is_compressed,
    read_head,
    reading,
    room_for,
    writing_set,
)
from firth.formats.tensors import is_safetensors
from firth.formats.word2vec_rows import MOST_DIMENSIONS, TextRows, common_length, read_records
from firth.messages import counted
from firth.options import whole

_LONGEST_HEADER = 100  # bytes
_MOST_DIGITS = 18  # of a number in the header; more would not fit in 64 bits
_LEAST_DIMENSIONS = 2  # of text without a header: a word and one number may be any text


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
    """Read word2vec text or binary, plain or compressed; `binary=None` detects which.

    `limit` reads only the first rows; `no_header` reads GloVe's text; `unicode_errors` is the `errors` of
    `bytes.decode`. If a word is repeated, the first row is kept, and a warning gives the number of rows that were
    dropped. Memory is allocated only for rows the file is large enough to hold, and besides the matrix only a
    few MiB. Raises `FormatError` for any other kind of file, a header that does not fit the rows, a line
    without D numbers, and words that are not in `encoding`; `NotEnoughMemoryError` if the rows do not fit in
    memory.
    """
    limit = whole("limit", limit, "rows; by default all", 1, optional=True)
    path, dtype = Path(path), np.dtype(datatype)
    if dtype.name not in wordlists.FLOATS:
        raise OptionError(f"datatype={datatype!r} is not allowed: give one of {', '.join(wordlists.FLOATS)}")
    if no_header and binary:
        raise OptionError("no_header=True is for text: a binary file cannot be read without its header")
    head = _checked_head(path)
    if binary is None:
        binary = not no_header and _is_binary(head)
    with reading(path) as file:
        raw_words, vectors = _read_rows(path, file, not no_header, binary, limit, dtype)
    keys = wordlists.decoded(path, raw_words, encoding, unicode_errors)
    table = wordlists.unique_rows(path, Table(keys, vectors, None), finite=False)
    if fvocab is None:
        return table
    words = cast(list[str], table.keys)
    return table._replace(counts=wordlists.read_counts(Path(fvocab), words, encoding, unicode_errors))


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

    Rows are in the order given, and may be a view into padded ones; text holds the shortest digits that read
    back as the same numbers. Whole-number keys are written in decimal. `header=False` writes GloVe's text, and
    `line_end` ends the lines of a text. Raises `FormatError`, before anything is written, for a word that the
    format cannot hold (empty, or with whitespace in it), and `OptionError` if `fvocab` is given without
    counts or shapes differ.
    """
    if fvocab is not None and counts is None:
        raise OptionError(f"fvocab={os.fspath(fvocab)!r} asks for counts, but these vectors have none: leave it out")
    wordlists.check_shapes(keys, vectors, counts)
    words = wordlists.encoded(keys, "the word2vec formats")
    end = b"" if binary else line_end
    with writing_set(*[path] if fvocab is None else [path, fvocab]) as (file, *vocabulary):
        if header:
            file.write(b"%d %d\n" % vectors.shape)
        for start in range(0, len(words), BLOCK_ROWS):
            rows = vectors[start : start + BLOCK_ROWS]
            numbers = [row.tobytes() for row in rows.astype("<f4", copy=False)] if binary else print_rows(rows)
            records = zip(words[start : start + BLOCK_ROWS], numbers, strict=True)
            file.write(b"".join(part for word, row in records for part in (word, b" ", row, end)))
        for lines in vocabulary:
            lines.writelines(b"%s %d\n" % pair for pair in zip(words, cast(Array, counts).tolist(), strict=True))


def is_header(line: bytes) -> bool:
    """Return whether a first line is a word2vec header: two whole numbers."""
    fields = line.split()
    return (
        len(line.rstrip(b"\n")) < _LONGEST_HEADER
        and len(fields) == 2
        and all(field.isdigit() and len(field) <= _MOST_DIGITS for field in fields)
    )


# --- reading


def _checked_head(path: Path) -> Head:
    """Return the beginning of a file; raise `FormatError` if it is that of another kind of file."""
    if path.is_dir():
        raise FormatError(f"{path} is a folder: give the word2vec file in it")
    head = read_head(path)
    if known := known_kind(head.start, is_compressed=head.is_compressed):
        raise FormatError(f"{path} is {known[0]}, not a word2vec file: {known[1]}")
    if is_safetensors(head.start):
        raise FormatError(f"{path} is a safetensors file, not a word2vec file: try KeyedVectors.load")
    return head


def _read_rows(
    path: Path, file: BinaryIO, header: bool, binary: bool, limit: int | None, dtype: np.dtype[Any]
) -> tuple[list[bytes], Array]:
    """Return the words and vectors of an open file, without trust in the sizes that its header declares."""
    V, D = read_header(path, file) if header else (None, 0)
    lines = BlockReader(file)
    D = D or common_length(path, lines)
    wanted = min((number for number in (V, limit) if number is not None), default=None)
    capacity = 0  # a compressed file may hold fewer rows than its header declares
    if V is not None and not is_compressed(path):
        least, size = V * (4 * D + 1 if binary else 2 * D + 1), path.stat().st_size
        if least > size:  # before memory is allocated
            raise FormatError(
                f"{path} declares {_size(V, D)}, which need at least {counted(least, 'byte')}, but has {size:,}: the "
                "file is truncated, or its header is wrong"
            )
        capacity = wanted or 0
    if wanted is not None:
        room_for((wanted, D), dtype, path, fewer_rows())
    rows = GrowingMatrix(path, D, dtype, capacity)
    if binary:
        words = read_records(lines, rows, wanted or 0)
    else:
        words = TextRows(lines, rows, first_line=1 + header, wanted=wanted).read()
    if V is not None and len(words) < (wanted or 0):
        raise FormatError(
            f"{path} declares {_size(V, D)}, but ends after {counted(len(words), 'whole row')}: the file is truncated, "
            "or its header is wrong"
        )
    if len(words) == V and lines.anything_left(b"\r\n" if binary else None):
        or_rows = "" if binary else ", or its rows are"
        raise FormatError(f"{path} declares {_size(V, D)}, but more follows: its header is wrong{or_rows}")
    wordlists.warn_of_cut_number(path, lines.unfinished)
    wordlists.warn_of_broken_rows(path, rows.broken)
    return words, rows.finished()


def read_header(path: Path, file: BinaryIO) -> tuple[int, int]:
    """Return V and D from the first line of an open file; raises `FormatError` if it is not a word2vec header."""
    line = file.readline(_LONGEST_HEADER)
    if not is_header(line):
        raise FormatError(
            f"{path} is not a word2vec file: its first line is {wordlists.shown(line)}, and should be two whole "
            "numbers, rows and dimensions. If it is text without that line, as GloVe writes it, give no_header=True"
        )
    V, D = map(int, line.split())
    if not 1 <= D <= MOST_DIMENSIONS:
        raise FormatError(
            f"{path}: its header declares vectors of {counted(D, 'dimension')}; from 1 to {MOST_DIMENSIONS} are "
            "possible, so this is not a word2vec file"
        )
    return V, D


def _size(V: int, D: int) -> str:
    return f"{counted(V, 'row')} of {counted(D, 'dimension')}"


# --- the formats


def _ends_in_numbers(line: bytes, D: int) -> bool:
    """Return whether a line is a word and D numbers."""
    try:
        return len([float(field) for field in line.rsplit(b" ", D)[1:]]) == D
    except ValueError:
        return False


def _is_text(head: Head) -> bool:
    line = head.next_line.rstrip()
    return is_header(head.line) and (not line or _ends_in_numbers(line, int(head.line.split()[1])))


def _is_binary(head: Head) -> bool:
    return is_header(head.line) and not _is_text(head)


def _is_glove(head: Head) -> bool:
    """Return whether a text without a header begins with a word and numbers, and no other format has these bytes."""
    if known_kind(head.start) or is_safetensors(head.start):
        return False
    line = head.line.rstrip()
    return line.count(b" ") >= _LEAST_DIMENSIONS and _ends_in_numbers(line, _LEAST_DIMENSIONS)


def _word2vec(name: str, description: str, read: dict[str, Any], write: dict[str, Any], **fields: Any) -> Format:
    return Format(
        name,
        description,
        partial(read_word2vec, **read),
        partial(write_word2vec, **write),
        reads_with=frozenset({"limit", "encoding", "unicode_errors", "fvocab", "datatype"}),
        writes_with=frozenset({"fvocab"}),
        compressible=True,
        **fields,
    )


TEXT = _word2vec(
    "word2vec-text",
    "word2vec text with a header, as word2vec.c, gensim and fastText write it",
    {"binary": False},
    {},
    suffixes=(".txt",),
    recognises_head=_is_text,
)
BINARY = _word2vec(
    "word2vec-binary",
    "word2vec binary, such as GoogleNews-vectors-negative300.bin",
    {"binary": True},
    {"binary": True},
    suffixes=(".bin",),
    recognises_head=_is_binary,
)
GLOVE = _word2vec(
    "glove",
    "GloVe text: the same as word2vec text without a header",
    {"no_header": True},
    {"header": False},
    suffixes=(".glove",),
    recognises_head=_is_glove,
)
FASTTEXT_VEC = _word2vec(
    "fasttext-vec",
    "fastText's .vec, which its -pretrainedVectors reads",
    {"binary": False},
    {"line_end": b" \n"},
    suffixes=(".vec",),
)
SPACY = _word2vec("spacy", "the input of `spacy init vectors`: word2vec text", {"binary": False}, {})
