"""Diagnosis of a file of vectors: reports all errors in it, while a reader stops at the first."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from firth.errors import FormatError, NotEnoughMemoryError
from firth.formats.format import Array, Format, PathLike
from firth.formats.projector import projector_files
from firth.formats.registry import detect
from firth.formats.streams import BLOCK_ROWS, BlockReader, GrowingMatrix, broken_rows, is_compressed, reading
from firth.formats.word2vec import read_header
from firth.formats.word2vec_rows import TextRows, common_length, read_records
from firth.formats.words import WHITESPACE, shown
from firth.messages import counted, option

_WORD2VEC = ("word2vec-text", "word2vec-binary", "glove")
_MOST_LEFT = 1 << 20  # bytes after the last record that are counted


@dataclass
class Diagnosis:
    """What was found in a file; `problems` has a sentence for each error, and is empty if there are none."""

    path: str
    format: str | None = None
    bytes: int = 0
    compressed: bool = False
    rows: int = 0
    """Rows that could be read, including those that repeat a key."""
    dimensions: int = 0
    promised_rows: int | None = None
    """The number of rows in the header, if there is one."""
    counts: bool = False
    duplicates: int = 0
    undecodable: int = 0
    """Words that are not UTF-8; word2vec.c cuts long words in the middle of a character."""
    spaced: int = 0
    """Words with whitespace in them, which many programs cannot read."""
    broken_rows: int = 0
    """Rows with infinities or not-a-numbers."""
    zero_rows: int = 0
    bad_lines: int = 0
    """Lines of a text that are not a word and D numbers."""
    problems: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether no errors were found."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, as JSON can hold them."""
        return asdict(self)


def diagnose(path: PathLike) -> Diagnosis:
    """Read a file or a folder of vectors in any format, a few MiB at a time, and report all errors in it.

    Raises only `OSError`: a `FormatError` or `NotEnoughMemoryError` of a reader is among the problems.
    """
    path = Path(path)
    found = Diagnosis(str(path), compressed=is_compressed(path), bytes=_size(path))
    try:
        known = detect(path)
        found.format = known.name
        if known.name in _WORD2VEC:
            with reading(path) as file:
                _read_word2vec(path, file, found)
        else:
            _read_other(path, known, found)
    except (FormatError, NotEnoughMemoryError) as error:
        found.problems.append(str(error))
    found.problems.extend(_sentences(found))
    return found


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(part.stat().st_size for part in path.iterdir() if part.is_file())
    parts = [part for part in projector_files(path) if part.exists()] if not path.exists() else []
    return sum(part.stat().st_size for part in parts or [path])


def _sentences(found: Diagnosis) -> Iterator[str]:
    """Yield a sentence for each count that should be zero."""
    V = found.rows
    rows, words = counted(V, "row"), counted(V, "word")
    if found.promised_rows is not None and found.promised_rows != V:
        declared = counted(found.promised_rows, "row")
        yield f"the header declares {declared}, but {V:,} can be read: it is wrong, or the file is truncated"
    if found.duplicates:
        yield f"repeated words: {found.duplicates:,} of {rows}; readers drop them, or keep the last"
    if found.undecodable:
        yield f"not UTF-8: {found.undecodable:,} of {words}; read it with {option('unicode_errors', 'replace')}"
    if found.spaced and found.format in _WORD2VEC:
        yield f"whitespace inside: {found.spaced:,} of {words}; many programs cannot read them"
    if found.broken_rows:
        yield f"infinities or not-a-numbers: {found.broken_rows:,} of {rows}; train again, or leave them out"
    if found.zero_rows:
        yield f"only zeros: {found.zero_rows:,} of {rows}; they have no direction, so no cosine"


class _Tally(GrowingMatrix):
    """Counts rows instead of keeping them."""

    def __init__(self, D: int, found: Diagnosis):
        super().__init__(Path(found.path), D, np.dtype(np.float32))
        self.found = found

    def append(self, rows: Array) -> None:
        self.found.rows += len(rows)
        self.found.zero_rows += int((~rows.any(axis=1)).sum())
        self.found.broken_rows += broken_rows(rows)


# --- word2vec's formats: errors do not end the reading


def _read_word2vec(path: Path, file: BinaryIO, found: Diagnosis) -> None:
    lines = BlockReader(file)
    if found.format == "glove":
        found.dimensions = common_length(path, lines)
    else:
        found.promised_rows, found.dimensions = read_header(path, file)
    read = _read_records if found.format == "word2vec-binary" else _read_lines
    words = read(lines, _Tally(found.dimensions, found), found)
    found.duplicates = len(words) - len(set(words))
    found.undecodable = sum(word.decode(errors="ignore").encode() != word for word in words)
    found.spaced = sum(len(word.split()) != 1 for word in words)


def _read_records(lines: BlockReader, tally: _Tally, found: Diagnosis) -> list[bytes]:
    words = read_records(lines, tally, found.promised_rows or 0)
    left = lines.read(_MOST_LEFT)
    if left.strip(b"\r\n"):
        more = "at least " if len(left) >= _MOST_LEFT else ""
        found.problems.append(
            f"{more}{counted(len(left), 'byte')} after the last whole record: the header is wrong, or the file "
            "is truncated"
        )
    return words


def _read_lines(lines: BlockReader, tally: _Tally, found: Diagnosis) -> list[bytes]:
    def note(number: int, line: bytes) -> None:
        if found.bad_lines == 0:
            row = f"a word and {counted(found.dimensions, 'number')}"
            found.problems.append(f"line {number} is not {row}: {shown(line)}")
        elif found.bad_lines == 1:
            found.problems.append(f"other lines are malformed too, the next is line {number}: bad_lines counts them")
        found.bad_lines += 1

    first_line = 1 if found.format == "glove" else 2
    words = TextRows(lines, tally, first_line=first_line, malformed=note).read()
    if lines.unfinished:
        found.problems.append("the last line does not end in a newline: it may be cut within its last number")
    return words


# --- other formats: the warnings and the error of the reader, and the rows


def _read_other(path: Path, known: Format, found: Diagnosis) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = known.read(path, **({"unicode_errors": "replace"} if "unicode_errors" in known.reads_with else {}))
    found.problems.extend(str(warning.message) for warning in caught)
    found.dimensions = table.vectors.shape[1]
    found.counts = table.counts is not None
    tally = _Tally(found.dimensions, found)
    for start in range(0, len(table.vectors), BLOCK_ROWS):
        tally.append(table.vectors[start : start + BLOCK_ROWS])
    words = [key for key in table.keys if isinstance(key, str)]
    found.spaced = sum(WHITESPACE.search(word) is not None for word in words)
    found.undecodable = sum("\ufffd" in word for word in words)
