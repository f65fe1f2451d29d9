"""The keys of a file of vectors: encoding and decoding, repeated keys, and counts from a vocabulary file."""

import codecs
import inspect
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, OptionError
from firth.formats.format import Array, Table
from firth.formats.streams import BLOCK_ROWS, broken_rows, long_lines, reading
from firth.messages import advice, counted, option
from firth.packed_words import character_starts, split

WHITESPACE = re.compile(r"[ \t\n\v\f\r]")
"""Separates words in text formats; U+00A0 and U+3000 do not."""

FLOATS = ("float16", "float32", "float64")
"""The dtypes that vectors may have."""

_WORDS_AT_A_TIME = 2**16
_MOST_DIGITS = 18  # of a count: int64 holds any
_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


class UndecodableError(FormatError, UnicodeDecodeError):
    """A word of a file is not in the encoding given; also a `UnicodeDecodeError`, for callers that catch that."""

    def __str__(self) -> str:
        return self.reason


def decoded(path: Path, words: list[bytes], encoding: str, errors: str) -> list[str]:
    """Return words as strings; raise `FormatError` for the first that is not in `encoding`."""
    if _codec_name(encoding, errors) == "utf-8" and errors == "strict":
        with suppress(UnicodeDecodeError):  # then each is decoded, to find the word
            together = b"\n".join(words).decode().split("\n")  # ten times faster than one by one
            if len(together) == len(words):  # else a word holds a newline
                return together
    each: list[str] = []
    try:
        for word in words:
            each.append(word.decode(encoding, errors))
    except UnicodeDecodeError as error:
        reason = (
            f"{path}: word {len(each) + 1} is not {encoding}: {error.object[:40]!r} ({error.reason}). "
            + advice(
                "Give the file's encoding, or unicode_errors='replace' or 'ignore'",
                "Rewrite the file: firth convert IN OUT with --encoding, or with --unicode-errors replace or ignore",
            )
            + " (word2vec.c cuts long words in the middle of a character)"
        )
        raise UndecodableError(error.encoding, error.object, error.start, error.end, reason) from error
    return each


def _codec_name(encoding: str, errors: str) -> str:
    """Return the standard name of an encoding; raise `OptionError` if it or the error handler is unknown."""
    try:
        b"a".decode(encoding, "ignore")  # also refuses codecs that do not return text, such as hex
    except LookupError as error:
        raise OptionError(f"{option('encoding', repr(encoding))}: {error}") from error
    try:
        codecs.lookup_error(errors)
    except LookupError as error:
        raise OptionError(f"{option('unicode_errors', repr(errors))}: {error}") from error
    return codecs.lookup(encoding).name


def encoded(words: Iterable[str | int], format_name: str, unwritable: re.Pattern[str] = WHITESPACE) -> list[bytes]:
    """Return the words in UTF-8; raise `FormatError` for one that is empty or matches `unwritable`."""
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
    """Return the word in UTF-8; raise `FormatError` for a lone surrogate."""
    try:
        return word.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"word {word!r} cannot be written in UTF-8: {error.reason}. Rename it") from error


def are_numbers(keys: Sequence[str | int]) -> bool:
    """Return whether the keys are whole numbers; all are, or none."""
    return len(keys) > 0 and not isinstance(keys[0], str)


def are_distinct(keys: Sequence[str | int]) -> bool:
    """Return whether no key is repeated; with less memory than a set, unless two hashes are equal."""
    hashes = np.fromiter(map(hash, keys), np.int64, len(keys))
    hashes.sort()
    return bool((hashes[1:] != hashes[:-1]).all()) or len(set(keys)) == len(keys)


def key_tensors(keys: Sequence[str | int]) -> dict[str, Array]:
    """Return the tensors for keys in a safetensors file: `ids`, or `words` in UTF-8 and `word_ends`.

    Lone surrogates are kept.
    """
    if are_numbers(keys):
        return {"ids": np.array(keys, np.int64)}
    ends, parts, n_bytes = np.empty(len(keys), np.int64), [], 0
    for first in range(0, len(keys), _WORDS_AT_A_TIME):
        words = cast(Sequence[str], keys[first : first + _WORDS_AT_A_TIME])
        parts.append("".join(words).encode("utf-8", "surrogatepass"))
        starts = np.append(character_starts(np.frombuffer(parts[-1], np.uint8)), len(parts[-1]))
        lengths = np.fromiter(map(len, words), np.int64, len(words))  # in characters
        ends[first : first + len(words)] = starts[np.cumsum(lengths)] + n_bytes
        n_bytes += len(parts[-1])
    return {"words": np.frombuffer(b"".join(parts), np.uint8), "word_ends": ends}


def split_words(blob: NDArray[np.uint8], ends: NDArray[np.int64]) -> list[str]:
    """Return the words that `key_tensors` joined; raise `ValueError` if the ends do not fit or a word is not UTF-8."""
    bounds = np.concatenate([np.zeros(1, np.int64), ends])
    if bounds[-1] != len(blob) or bool((np.diff(bounds) < 0).any()):
        raise ValueError("the ends of the words are not ascending, or do not fit the bytes")
    words: list[str] = []
    for first in range(0, len(ends), _WORDS_AT_A_TIME):
        part = bounds[first : first + _WORDS_AT_A_TIME + 1]
        words += split(blob[part[0] : part[-1]], part - part[0])
    return words


def unique_rows(path: Path, table: Table, *, finite: bool = True) -> Table:
    """Return the table without the rows that repeat a key, and warn of those and of rows that are not finite.

    `finite=False` skips the latter check, which would read the whole of a mapped matrix.
    """
    if finite:
        blocks = (table.vectors[start : start + BLOCK_ROWS] for start in range(0, len(table.vectors), BLOCK_ROWS))
        warn_of_broken_rows(path, sum(broken_rows(block) for block in blocks))
    keys = cast(list[Any], table.keys)
    repeated = len(keys) - len(set(keys))
    if not repeated:
        return table
    warn(f"{path}: dropped {repeated:,} of {counted(len(keys), 'row')} (repeated words)")
    first_rows: dict[Any, int] = {}
    for row, key in enumerate(keys):
        first_rows.setdefault(key, row)
    kept = np.fromiter(first_rows.values(), np.intp, len(first_rows))
    counts = None if table.counts is None else table.counts[kept]
    return table._replace(keys=list(first_rows), vectors=table.vectors[kept], counts=counts)


def warn_of_broken_rows(path: Path, broken: int) -> None:
    """Warn of rows that hold infinities or not-a-numbers."""
    if broken:
        warn(f"{path}: infinities or not-a-numbers in {counted(broken, 'row')}")


def warn_of_cut_number(path: Path, unfinished: bool) -> None:
    """Warn if the last line is `unfinished`, without a newline: a part of a number is a number too."""
    if unfinished:
        warn(f"{path}: the last line does not end in a newline, so the file may be cut within its last number")


def read_counts(path: Path, keys: list[str], encoding: str, errors: str) -> NDArray[np.int64]:
    """Return the counts of `keys` from a vocabulary file, 0 (and a warning) for those it does not hold.

    If a word is repeated, the first count is kept. Raises `FormatError`.
    """
    words: list[bytes] = []
    numbers: list[int] = []
    line = b"\n"
    with reading(path) as file:
        for number, line in enumerate(long_lines(file), 1):
            word, _, count = line.rstrip().rpartition(b" ")
            if not line.strip():
                continue
            if not count.isdigit() or len(count) > _MOST_DIGITS:
                raise FormatError(f"{path}, line {number} is not a word and its count: {shown(line.rstrip())}")
            words.append(word)
            numbers.append(int(count))
    warn_of_cut_number(path, not line.endswith(b"\n"))
    counts = dict(zip(reversed(decoded(path, words, encoding, errors)), reversed(numbers), strict=True))
    missing = [key for key in keys if key not in counts]
    if missing:
        some = f"{len(missing):,} of {counted(len(keys), 'word')}"
        warn(f"{path} has no count for {some}, such as {missing[0]!r}: the count is set to 0")
    return np.array([counts.get(key, 0) for key in keys], dtype=np.int64)


def check_shapes(keys: Sequence[Any], vectors: Array, counts: Array | Sequence[int] | None = None) -> None:
    """Raise `OptionError` if the shapes of keys, vectors and counts do not fit together."""
    if vectors.ndim != 2 or len(vectors) != len(keys) or vectors.dtype.name not in FLOATS:
        raise OptionError(
            f"give one row of {', '.join(FLOATS)} for each of {counted(len(keys), 'key')}: found vectors of "
            f"shape {vectors.shape} and dtype {vectors.dtype}"
        )
    if counts is not None and np.shape(counts) != (len(keys),):
        raise OptionError(f"give one count for each of {counted(len(keys), 'key')}: found shape {np.shape(counts)}")


def warn(message: str) -> None:
    """Warn at the line that called firth, however many of its functions lie between."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def shown(line: bytes) -> str:
    """Return the beginning of a line, for a message."""
    return repr(line[:60].decode("utf-8", "replace")) + ("..." if len(line) > 60 else "")
