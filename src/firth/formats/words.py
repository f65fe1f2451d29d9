"""The keys of a file of vectors: bytes to words and back, repeats, and counts from a vocabulary file."""

import codecs
import inspect
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, OptionError
from firth.formats.streams import BLOCK_ROWS, Lines, broken_rows, reading
from firth.messages import advice, counted, option
from firth.options import checked, limits

Array = NDArray[Any]

WHITE_SPACE = re.compile(r"[ \t\n\v\f\r]")
"""What ends a word in the formats that are text; U+00A0 and U+3000 do not."""

FLOATS = ("float16", "float32", "float64")
"""The dtypes that vectors may have."""


class Table(NamedTuple):
    """V keys, words or whole numbers, their (V, D) vectors, and their (V,) int64 counts where known."""

    keys: list[str] | list[int]
    vectors: Array
    counts: NDArray[np.int64] | None


_MOST_DIGITS = 18  # of a count: int64 holds any
_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


class UndecodableError(FormatError, UnicodeDecodeError):
    """A word of a file is not in the encoding it was read with; also the `UnicodeDecodeError` a caller would expect."""

    def __init__(self, error: UnicodeDecodeError, message: str):
        UnicodeDecodeError.__init__(self, error.encoding, error.object, error.start, error.end, error.reason)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type, tuple[UnicodeDecodeError, str]]:
        bare = UnicodeDecodeError(self.encoding, self.object, self.start, self.end, self.reason)
        return type(self), (bare, self.message)


def decoded(path: Path, words: list[bytes], encoding: str, errors: str) -> list[str]:
    """Return words as strings; raise `FormatError` for the first that is not in `encoding`."""
    try:
        if errors == "strict" and codecs.lookup(encoding).name == "utf-8":
            together = b"\n".join(words).decode().split("\n")  # ten times faster than one by one
            if len(together) == len(words):  # else a word holds a newline
                return together
    except UnicodeDecodeError:
        return _decoded_each(path, words, encoding, errors)  # says which word it is, and what to do
    except LookupError as error:
        raise OptionError(f"{option('encoding', repr(encoding))}: {error}") from error
    return _decoded_each(path, words, encoding, errors)


def _decoded_each(path: Path, words: list[bytes], encoding: str, errors: str) -> list[str]:
    each: list[str] = []
    try:
        for word in words:
            each.append(word.decode(encoding, errors))
        return each
    except UnicodeDecodeError as error:
        raise UndecodableError(
            error,
            f"{path}: word {len(each) + 1} is not {encoding}: {error.object[:40]!r} ({error.reason}). "
            f"{_another_encoding()} (word2vec.c cuts long words in the middle of a character)",
        ) from error
    except LookupError as error:
        raise OptionError(f"{option('unicode_errors', repr(errors))}: {error}") from error


def _another_encoding() -> str:
    return advice(
        "Give the file's encoding, or unicode_errors='replace' or 'ignore'",
        "Rewrite the file: firth convert IN OUT with --encoding, or with --unicode-errors replace or ignore",
    )


def encoded(words: Iterable[str | int], format_name: str, unwritable: re.Pattern[str] = WHITE_SPACE) -> list[bytes]:
    """Return the words in UTF-8; raise `FormatError` for one that is empty or holds what it must not."""
    listed = [str(word) for word in words]
    bad = next((word for word in listed if not word or unwritable.search(word)), None)
    if bad is not None:
        found = unwritable.search(bad)
        raise FormatError(
            f"word {bad!r} {f'holds {found[0]!r}' if found else 'is empty'}: {format_name} cannot hold that. Rename "
            "it (as in new_york), or save the native format, which holds any word"
        )
    return [utf8(word) for word in listed]


def utf8(word: str) -> bytes:
    """Return the word in UTF-8; raise `FormatError` where that cannot be, for it holds half a surrogate pair."""
    try:
        return word.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"word {word!r} cannot be written in UTF-8: {error.reason}. Rename it") from error


def are_numbers(keys: Sequence[str | int]) -> bool:
    """Tell whether the keys, which are all of one kind, are whole numbers."""
    return len(keys) > 0 and not isinstance(keys[0], str)


def key_tensors(keys: Sequence[str | int]) -> dict[str, Array]:
    """Return the keys as they lie in a safetensors file: `ids`, or `words` and `word_ends` (see `to_blob`)."""
    if are_numbers(keys):
        return {"ids": np.array(keys, np.int64)}
    blob, ends = to_blob(cast(Sequence[str], keys))
    return {"words": blob, "word_ends": ends}


def to_blob(words: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return (all words in UTF-8 one after the other, where each ends).

    Python strings may hold lone surrogates; they are kept, for a word must come back as it was.
    """
    utf8 = [word.encode("utf-8", "surrogatepass") for word in words]
    ends = np.cumsum([len(word) for word in utf8], dtype=np.int64)
    return np.frombuffer(b"".join(utf8), dtype=np.uint8), ends


def from_blob(blob: NDArray[np.uint8], ends: NDArray[np.int64]) -> list[str]:
    """Return the words of `to_blob`; raise `ValueError` where the ends do not fit or a word is not UTF-8."""
    import pyarrow as pa

    bounds = np.concatenate([np.zeros(1, np.int64), ends])
    if bounds[-1] != len(blob) or bool((np.diff(bounds) < 0).any()):
        raise ValueError("the ends of the words do not fit the words")
    words = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(bounds), pa.py_buffer(np.ascontiguousarray(blob)))
    try:
        words.validate(full=True)  # that they are UTF-8
    except pa.ArrowInvalid:
        data = blob.tobytes()
        return [data[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(bounds.tolist())]
    return cast(list[str], words.to_numpy(zero_copy_only=False).tolist())  # a tenth of the time of decoding each


def without_repeats(path: Path, keys: list[Any], vectors: Array) -> tuple[list[Any], Array, Array | None]:
    """Return keys and rows without those that repeat an earlier key, and which rows stayed (None: all)."""
    repeated = len(keys) - len(set(keys))
    if not repeated:
        return keys, vectors, None
    warn(f"{path}: dropped {repeated:,} of {counted(len(keys), 'row')} (repeated words)")
    places: dict[Any, int] = {}
    for row, key in enumerate(keys):
        places.setdefault(key, row)
    kept = np.fromiter(places.values(), np.intp, len(places))
    return list(places), vectors[kept], kept


def whole(path: Path, table: Table, *, finite: bool = True) -> Table:
    """Return the table without the rows that repeat a key, and warn of them and of rows that are not finite.

    `finite=False` leaves the vectors unread, for they may be a map of a file.
    """
    if finite:
        blocks = (table.vectors[start : start + BLOCK_ROWS] for start in range(0, len(table.vectors), BLOCK_ROWS))
        warn_of_broken_rows(path, sum(broken_rows(block) for block in blocks))
    keys, vectors, kept = without_repeats(path, cast(list[Any], table.keys), table.vectors)
    return Table(keys, vectors, table.counts if kept is None or table.counts is None else table.counts[kept])


def warn_of_broken_rows(path: Path, broken: int) -> None:
    """Say how many rows hold numbers that are not finite."""
    if broken:
        warn(f"{path}: infinities or not-a-numbers in {counted(broken, 'row')}")


def warn_of_cut_number(path: Path, lines: Lines) -> None:
    """Say that the last line has no newline: whoever reads a part of a number cannot tell."""
    if lines.unfinished:
        warn(f"{path}: the last line does not end in a newline, so the file may be cut within its last number")


def read_counts(path: Path, keys: list[str], encoding: str, errors: str) -> NDArray[np.int64]:
    """Return the counts of `keys` from a vocabulary file, 0 (and a warning) for those it does not name.

    Of a word that comes twice the first count is kept. Raises `FormatError`.
    """
    words: list[bytes] = []
    numbers: list[int] = []
    with reading(path) as file:
        lines = Lines(file)
        for number, line in lines.each(1):
            word, _, count = line.rpartition(b" ")
            if not count.isdigit() or len(count) > _MOST_DIGITS:
                raise FormatError(f"{path}, line {number} is not a word and its count: {shown(line)}")
            words.append(word)
            numbers.append(int(count))
    warn_of_cut_number(path, lines)
    counts = dict(zip(reversed(decoded(path, words, encoding, errors)), reversed(numbers), strict=True))
    missing = [key for key in keys if key not in counts]
    if missing:
        some = f"{len(missing):,} of {counted(len(keys), 'word')}"
        warn(f"{path} has no count for {some}, such as {missing[0]!r}: the count is set to 0")
    return np.array([counts.get(key, 0) for key in keys], dtype=np.int64)


def checked_limit(limit: int | None) -> int | None:
    """Return how many rows to read, None for all; raise `OptionError` if it is no such number."""
    number: int | None = checked("limit", limit, int, limits("rows; by default all", 1, optional=True))
    return number


def check_shapes(keys: Sequence[Any], vectors: Array, counts: Array | Sequence[int] | None = None) -> None:
    """Raise `OptionError` where keys, vectors and counts do not go together."""
    if vectors.ndim != 2 or len(vectors) != len(keys) or vectors.dtype.name not in FLOATS:
        raise OptionError(
            f"give one row of {', '.join(FLOATS)} for each of {counted(len(keys), 'key')}: found vectors of "
            f"shape {vectors.shape} and dtype {vectors.dtype}"
        )
    if counts is not None and np.shape(counts) != (len(keys),):
        raise OptionError(f"give one count for each of {counted(len(keys), 'key')}: found shape {np.shape(counts)}")


def warn(message: str) -> None:
    """Warn whoever called firth, however many of its functions lie between."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def shown(line: bytes) -> str:
    """Return the beginning of a line for a message."""
    return repr(line[:60].decode("utf-8", "replace")) + ("..." if len(line) > 60 else "")
