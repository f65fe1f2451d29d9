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

Words are UTF-8 unless said otherwise, but word2vec.c cuts them at 99 bytes, in the middle of a character if
need be. Only ASCII white space ends a word: U+00A0 and U+3000 belong to it. Some programs write words with
spaces in them, so a line is split from its right end. A vocabulary file (word2vec.c's `-save-vocab`) has
lines of word, 0x20, count. GloVe's text is the same without the first line.
"""

import os
import re
import warnings
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import FormatError, OptionError
from firth.formats import sniff
from firth.formats.atomic import atomic_write
from firth.formats.streams import CHUNK_BYTES, COMPRESSED, DAMAGED_STREAM, Lines, Rows, open_stream

Array = NDArray[Any]
PathLike = str | os.PathLike[str]

_BLOCK_ROWS = 4096
_LONGEST_WORD = 1 << 16  # bytes; a binary file without a space for so long is none
_MOST_DIMENSIONS = 1 << 16
_LONGEST_HEADER = 100  # bytes
_UNWRITABLE = re.compile(r"[ \t\n\v\f\r]")


class Word2VecFile(NamedTuple):
    """V keys, their (V, D) vectors, and their (V,) int64 counts if a vocabulary file was given."""

    keys: list[str]
    vectors: Array
    counts: NDArray[np.int64] | None


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
) -> Word2VecFile:
    """Read word2vec text or binary, plain or compressed (.gz, .bz2, .xz); `binary=None` finds out which.

    `limit` reads that many rows and no more; `no_header` reads GloVe's text; `unicode_errors` is what
    `bytes.decode` takes. Of a word that comes twice the first row is kept, and a warning says how many were
    dropped. Memory is taken only for rows the file is large enough to hold. Raises `FormatError` for any
    other kind of file, a header that does not fit the rows, a line without D numbers, and words that are not
    in `encoding`.
    """
    if limit is not None and limit < 1:
        raise OptionError(
            f"limit={limit} is not allowed: give a whole number of at least 1, or None for every row"
        )
    path = Path(path)
    _refuse_other_kinds(path)
    try:
        with open_stream(path) as file:
            reader = _Reader(path, file, no_header=no_header, limit=limit, datatype=datatype)
            words, vectors = reader.read(binary)
    except DAMAGED_STREAM as error:
        if path.suffix not in COMPRESSED or getattr(error, "errno", None) is not None:
            raise  # the system's own errors, such as no such file, have a number
        raise FormatError(f"{path} is no whole {path.suffix} file: {error}") from error
    keys = _decoded(path, words, encoding, unicode_errors)
    keys, vectors = _without_repeats(path, keys, vectors)
    counts = None if fvocab is None else _read_counts(Path(fvocab), keys, encoding, unicode_errors)
    return Word2VecFile(keys, vectors, counts)


def write_word2vec(
    path: PathLike,
    keys: Sequence[str | int],
    vectors: Array,
    *,
    counts: Array | None = None,
    fvocab: PathLike | None = None,
    binary: bool = False,
) -> None:
    """Write word2vec text or binary, atomically, and the counts to `fvocab` if that is given.

    Rows are in the order given, and may be a view into padded ones; text holds the shortest digits that give
    the same numbers back. Whole-number keys are written in decimal. Raises `FormatError`, before anything is
    written, for a word that the format cannot hold (empty, or with white space in it), and `OptionError` if
    `fvocab` is given without counts or shapes differ.
    """
    if fvocab is not None and counts is None:
        raise OptionError(
            f"fvocab={os.fspath(fvocab)!r} asks for counts, but these vectors have none: leave it out"
        )
    if vectors.ndim != 2 or len(vectors) != len(keys):
        raise OptionError(f"{len(keys)} keys need as many rows: found vectors of shape {vectors.shape}")
    words = [_writable(str(key)) for key in keys]
    if fvocab is not None:
        with atomic_write(fvocab) as file:
            file.writelines(
                b"%s %d\n" % pair for pair in zip(words, cast(Array, counts).tolist(), strict=True)
            )
    with atomic_write(path) as file:
        file.write(b"%d %d\n" % vectors.shape)
        for start in range(0, len(words), _BLOCK_ROWS):
            rows = vectors[start : start + _BLOCK_ROWS]
            block = words[start : start + _BLOCK_ROWS]
            file.write(_binary_records(block, rows) if binary else _text_lines(block, rows))


# --- writing


def _writable(word: str) -> bytes:
    found = _UNWRITABLE.search(word)
    if found or not word:
        what = f"{found[0]!r}" if found else "nothing"
        raise FormatError(
            f"word {word!r} holds {what}: the word2vec formats end a word at white space, so most programs "
            "would misread it. Rename it (as in new_york), or save the native format, which holds any word"
        )
    try:
        return word.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"word {word!r} cannot be written in UTF-8: {error.reason}. Rename it") from error


def _binary_records(words: list[bytes], rows: Array) -> bytes:
    floats = rows.astype("<f4", copy=False)
    return b"".join(
        piece for word, row in zip(words, floats, strict=True) for piece in (word, b" ", row.tobytes())
    )


def _text_lines(words: list[bytes], rows: Array) -> bytes:
    """Return the lines of these rows; Arrow prints the shortest digits that read back as the same number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = rows.astype(np.promote_types(rows.dtype, np.float32), copy=False)
    digits = pa.array(wide.ravel()).cast(pa.string())
    ends = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)
    numbers = pc.binary_join(pa.ListArray.from_arrays(ends, digits), " ").to_pylist()
    return b"".join(b"%s %s\n" % (word, line.encode()) for word, line in zip(words, numbers, strict=True))


# --- reading


class _Reader:
    """Reads one open file: its header, then its rows, taking no memory that the file cannot fill."""

    def __init__(
        self, path: Path, file: BinaryIO, *, no_header: bool, limit: int | None, datatype: DTypeLike
    ):
        self.path = path
        self.file = file
        self.no_header = no_header
        self.limit = limit
        self.datatype = np.dtype(datatype)
        if self.datatype.kind != "f":
            raise OptionError(f"datatype={datatype!r} is not allowed: give a floating-point type")
        self.V: int | None = None  # rows the header promises
        self.D = 0

    def read(self, binary: bool | None) -> tuple[list[bytes], Array]:
        if self.no_header and binary:
            raise OptionError("no_header=True is for text: a binary file cannot be read without its header")
        if not self.no_header:
            self._read_header()
        lines = Lines(self.file)
        first = lines.peek()
        if binary is None:
            binary = not (self.no_header or self._is_text(first))
        if self.no_header:
            self.D = len(first.split(b" ")) - 1
            if self.D < 1:
                raise FormatError(f"{self.path}: its first line is not a word and numbers: {_shown(first)}")
        self._check_size(2 * self.D + 1 if not binary else 4 * self.D + 1)
        rows = Rows(self.D, self.datatype, self._capacity())
        words = self._read_binary(lines, rows) if binary else self._read_text(lines, rows)
        self._check_count(len(words), lines, binary)
        if rows.broken:
            warnings.warn(f"{self.path}: {rows.broken} rows hold infinities or not-a-numbers", stacklevel=4)
        return words, rows.finished()

    def _read_header(self) -> None:
        line = self.file.readline(_LONGEST_HEADER)
        fields = line.split()
        if len(fields) != 2 or not all(field.isdigit() for field in fields):
            raise FormatError(
                f"{self.path} is no word2vec file: its first line is {_shown(line)}, where two whole "
                "numbers belong, rows and dimensions. If it is text without that line, as GloVe writes it, "
                "give no_header=True"
            )
        self.V, self.D = (int(field) for field in fields)
        if not 1 <= self.D <= _MOST_DIMENSIONS:
            raise FormatError(
                f"{self.path}: its first line promises vectors of {self.D} dimensions; from 1 to "
                f"{_MOST_DIMENSIONS} are possible, so this is no word2vec file"
            )

    def _is_text(self, line: bytes) -> bool:
        """Tell whether the line after the header is a word and D numbers."""
        try:
            return len([float(field) for field in _split(line, self.D)[1].split(b" ")]) == self.D
        except ValueError:
            return False

    def _check_size(self, least_row: int) -> None:
        """Refuse a header that promises more than the file has bytes for, before taking memory for it."""
        if self.V is None or self.path.suffix in COMPRESSED:
            return
        size = self.path.stat().st_size
        if self.V * least_row > size:
            raise FormatError(
                f"{self.path} promises {self.V} rows of {self.D} dimensions, which need at least "
                f"{self.V * least_row} bytes, but has {size}: the file is cut, or its header is wrong"
            )

    def _capacity(self) -> int:
        """Return for how many rows to take memory at once: all, where the file is known to be that large."""
        if self.V is None or self.path.suffix in COMPRESSED:
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
                f"{self.path} promises {self.V} rows of {self.D} dimensions and ends after {found} whole "
                "ones: the file is cut, or its header is wrong"
            )
        if found == self.V and lines.anything_left():
            raise FormatError(
                f"{self.path} promises {self.V} rows of {self.D} dimensions, but more follows "
                "them: its header is wrong" + ("" if binary else ", or its rows are")
            )

    def _read_text(self, lines: "Lines", rows: "Rows") -> list[bytes]:
        words: list[bytes] = []
        wanted = self._wanted()
        numbered = lines.each(1 if self.no_header else 2)
        while block := list(
            islice(numbered, _BLOCK_ROWS if wanted is None else min(_BLOCK_ROWS, wanted - len(words)))
        ):
            split = [self._split_line(number, line) for number, line in block]
            words.extend(word for word, _ in split)
            rows.append(self._numbers(block, [numbers for _, numbers in split]))
        if lines.unfinished:
            warnings.warn(
                f"{self.path}: the last line does not end in a newline, so the file may be cut "
                "within its last number",
                stacklevel=5,
            )
        return words

    def _split_line(self, number: int, line: bytes) -> tuple[bytes, bytes]:
        word, numbers = _split(line, self.D)
        if (numbers.count(b" ") + 1 if numbers else 0) != self.D:
            raise self._bad_line(number, line)
        return word, numbers

    def _numbers(self, lines: list[tuple[int, bytes]], numbers: list[bytes]) -> Array:
        """Return the (rows, D) numbers of these lines, given without their words."""
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            fields = pc.split_pattern(pa.array(numbers, pa.binary()).cast(pa.string()), " ").values
            width = pa.float64() if self.datatype.itemsize == 8 else pa.float32()
            return cast(Array, fields.cast(width).to_numpy()).reshape(-1, self.D)
        except pa.ArrowInvalid as error:
            if len(lines) == 1:
                raise self._bad_line(*lines[0]) from error
            for row, line in enumerate(lines):
                self._numbers([line], numbers[row : row + 1])  # raises for the first bad one
            raise FormatError(f"{self.path}: {error}") from error

    def _bad_line(self, number: int, line: bytes) -> FormatError:
        return FormatError(
            f"{self.path}, line {number} is not a word and {self.D} numbers with single spaces between: "
            f"{_shown(line)}"
        )

    def _read_binary(self, lines: "Lines", rows: "Rows") -> list[bytes]:
        words: list[bytes] = []
        row_bytes = 4 * self.D
        wanted = cast(int, self._wanted())
        chunk = b""
        while len(words) < wanted:
            new = lines.read(CHUNK_BYTES)
            chunk += new
            starts, found = self._records(chunk, wanted - len(words))
            data = b"".join([chunk[start : start + row_bytes] for start in starts])
            rows.append(np.frombuffer(data, dtype="<f4").reshape(len(starts), self.D))
            words.extend(found)
            chunk = chunk[starts[-1] + row_bytes :] if starts else chunk
            if not new:
                break
        lines.give_back(chunk)
        return words

    def _records(self, chunk: bytes, most: int) -> tuple[list[int], list[bytes]]:
        """Return where the vectors of the whole records in `chunk` start, and their words."""
        starts: list[int] = []
        words: list[bytes] = []
        row_bytes = 4 * self.D
        at = 0
        while len(starts) < most:
            space = chunk.find(b" ", at, at + _LONGEST_WORD)
            if space < 0 and len(chunk) - at >= _LONGEST_WORD:
                raise FormatError(
                    f"{self.path}: no word ends within {_LONGEST_WORD} bytes, so this is no word2vec binary "
                    f"file of {self.D} dimensions; if it is text, give binary=False"
                )
            if space < 0 or space + 1 + row_bytes > len(chunk):
                break
            words.append(chunk[at:space].lstrip(b"\n"))
            starts.append(space + 1)
            at = space + 1 + row_bytes
        return starts, words


def _split(line: bytes, D: int) -> tuple[bytes, bytes]:
    """Return the word and the text of its D numbers, split from the right: the word may hold spaces."""
    word, _, numbers = line.partition(b" ")
    if numbers.count(b" ") + 1 > D:
        fields = line.rsplit(b" ", D)
        return fields[0], b" ".join(fields[1:])
    return word, numbers


def _refuse_other_kinds(path: Path) -> None:
    if path.is_dir():
        raise FormatError(f"{path} is a folder: give the word2vec file in it")
    if path.suffix in COMPRESSED:
        return
    if known := sniff.foreign(path):
        raise FormatError(f"{path} is {known[0]}, not a word2vec file: {known[1]}")
    if sniff.is_safetensors(sniff.read_head(path)):
        raise FormatError(f"{path} is a safetensors file, not a word2vec file: try KeyedVectors.load")


def _decoded(path: Path, words: list[bytes], encoding: str, errors: str) -> list[str]:
    decoded: list[str] = []
    try:
        for word in words:
            decoded.append(word.decode(encoding, errors))
        return decoded
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: word {len(decoded) + 1} is not {encoding}: {error.object[:40]!r} ({error.reason}). "
            "Give the file's encoding, or unicode_errors='replace' or 'ignore' (word2vec.c cuts long words "
            "in the middle of a character)"
        ) from error
    except LookupError as error:
        raise OptionError(f"encoding={encoding!r}, unicode_errors={errors!r}: {error}") from error


def _without_repeats(path: Path, keys: list[str], vectors: Array) -> tuple[list[str], Array]:
    """Keep the first row of each key."""
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    repeated = len(keys) - len(first)
    if not repeated:
        return keys, vectors
    warnings.warn(
        f"{path}: {repeated} of {len(keys)} rows repeat an earlier word and were dropped", stacklevel=4
    )
    return list(first), vectors[np.fromiter(first.values(), np.intp, len(first))]


def _read_counts(path: Path, keys: list[str], encoding: str, errors: str) -> NDArray[np.int64]:
    """Return the counts of `keys` from a vocabulary file, 0 (and a warning) for those it does not name."""
    counts: dict[str, int] = {}
    with open_stream(path) as file:
        for number, line in enumerate(file, start=1):
            word, _, count = line.rstrip().rpartition(b" ")
            if not count.isdigit():
                raise FormatError(f"{path}, line {number} is not a word and its count: {_shown(line)}")
            counts.setdefault(word.decode(encoding, errors), int(count))
    missing = [key for key in keys if key not in counts]
    if missing:
        warnings.warn(
            f"{path} has no count for {len(missing)} of {len(keys)} words, such as "
            f"{missing[0]!r}: they get 0",
            stacklevel=4,
        )
    return np.array([counts.get(key, 0) for key in keys], dtype=np.int64)


def _shown(line: bytes) -> str:
    """Return the beginning of a line for a message."""
    return repr(line[:60].decode("utf-8", "replace")) + ("..." if len(line) > 60 else "")
