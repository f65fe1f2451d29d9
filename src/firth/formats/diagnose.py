"""What is wrong with a file of vectors, said all at once: a reader stops at the first fault, this one goes on."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, NotEnoughMemoryError
from firth.formats.catalogue import FORMATS
from firth.formats.decimals import parse_fields
from firth.formats.detection import detect
from firth.formats.projector import projector_files
from firth.formats.sniff import LONGEST_FIRST_LINE
from firth.formats.streams import (
    BLOCK_ROWS,
    CHUNK_BYTES,
    Lines,
    PathLike,
    Rows,
    broken_rows,
    in_blocks,
    is_compressed,
    reading,
)
from firth.formats.word2vec_rows import BinaryRows, common_length, split_line
from firth.formats.words import WHITE_SPACE, shown
from firth.messages import counted, option

Array = NDArray[Any]

_WORD2VEC = ("word2vec-text", "word2vec-binary", "glove")


@dataclass
class Diagnosis:
    """What was found in a file; `problems` is empty where nothing is wrong, else one sentence for each fault."""

    path: str
    format: str | None = None
    bytes: int = 0
    compressed: bool = False
    rows: int = 0
    """Rows that could be read, those that repeat a key included."""
    dimensions: int = 0
    promised_rows: int | None = None
    """What the header says, where there is one."""
    counts: bool = False
    duplicates: int = 0
    undecodable: int = 0
    """Words that are not UTF-8, for word2vec.c cuts long ones in the middle of a character."""
    spaced: int = 0
    """Words with white space in them, which many programs cannot read."""
    broken_rows: int = 0
    """Rows with infinities or not-a-numbers."""
    zero_rows: int = 0
    bad_lines: int = 0
    """Lines of a text that are no word and D numbers."""
    problems: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return asdict(self)


def diagnose(path: PathLike) -> Diagnosis:
    """Look through a file or a folder of vectors in any format, a few MiB at a time, and say all that is wrong.

    Raises nothing but `OSError`: what a reader would raise as `FormatError` or `NotEnoughMemoryError` is among
    the problems.
    """
    path = Path(path)
    found = Diagnosis(str(path), compressed=is_compressed(path), bytes=_size(path))
    try:
        found.format = detect(path).name
        look = _look_through_word2vec if found.format in _WORD2VEC else _look_through_others
        look(path, found)
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
        promised = counted(found.promised_rows, "row")
        yield f"the header promises {promised}, and {V:,} can be read: it is wrong, or the file is cut"
    if found.duplicates:
        yield f"repeated words: {found.duplicates:,} of {rows}; readers drop them, or keep the last"
    if found.undecodable:
        yield f"not UTF-8: {found.undecodable:,} of {words}; read it with {option('unicode_errors', 'replace')}"
    if found.spaced and found.format in _WORD2VEC:
        yield f"white space inside: {found.spaced:,} of {words}; many programs cannot read them"
    if found.broken_rows:
        yield f"infinities or not-a-numbers: {found.broken_rows:,} of {rows}; train again, or leave them out"
    if found.zero_rows:
        yield f"only zeros: {found.zero_rows:,} of {rows}; they have no direction, so no cosine"


class _Tally(Rows):
    """Rows that are looked at and not kept."""

    def __init__(self, D: int, found: Diagnosis):
        super().__init__(Path(found.path), D, np.dtype(np.float32))
        self.found = found

    def append(self, rows: Array) -> None:
        self.found.rows += len(rows)
        self.found.zero_rows += int((~rows.any(axis=1)).sum())
        self.found.broken_rows += broken_rows(rows)


class _Words:
    """Words that are looked at; their hashes are kept, to find those that come twice."""

    def __init__(self, found: Diagnosis):
        self.found = found
        self.seen: set[bytes] = set()

    def add(self, words: list[bytes]) -> None:
        found = self.found
        before = len(self.seen)
        self.seen.update(words)
        found.duplicates += len(words) - (len(self.seen) - before)
        try:
            b"\n".join(words).decode()
        except UnicodeDecodeError:
            found.undecodable += sum(_is_undecodable(word) for word in words)
        found.spaced += sum(len(word.split()) != 1 for word in words)


def _is_undecodable(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return True
    return False


# --- word2vec's formats: line by line, record by record


def _look_through_word2vec(path: Path, found: Diagnosis) -> None:
    if found.format == "glove":
        with reading(path) as file:
            found.dimensions = common_length(path, Lines(file))
    with reading(path) as file:
        if found.format != "glove":
            found.promised_rows, found.dimensions = map(int, file.readline(LONGEST_FIRST_LINE).split())
            if found.dimensions * np.dtype(np.float32).itemsize > max(found.bytes, CHUNK_BYTES):
                raise FormatError(
                    f"{path} promises vectors of {counted(found.dimensions, 'number')}, for which it is too short"
                )
        lines = Lines(file)
        if found.format == "word2vec-binary":
            _look_through_records(path, lines, found)
        else:
            _look_through_lines(lines, found)


def _look_through_records(path: Path, lines: Lines, found: Diagnosis) -> None:
    tally = _Tally(found.dimensions, found)
    words = BinaryRows(path, lines, tally, wanted=found.promised_rows).read()
    _Words(found).add(words)
    left = lines.read(1 << 20)
    if left.strip(b"\r\n"):
        more = "at least " if len(left) >= 1 << 20 else ""
        found.problems.append(
            f"{more}{counted(len(left), 'byte')} after the last whole record: the header is wrong, or it is cut"
        )


def _look_through_lines(lines: Lines, found: Diagnosis) -> None:
    tally, words = _Tally(found.dimensions, found), _Words(found)
    for block in in_blocks(lines.each(1 if found.format == "glove" else 2), lambda numbered: len(numbered[1])):
        _look_at(block, found, tally, words)
    if lines.unfinished:
        found.problems.append("the last line does not end in a newline: it may be cut within its last number")


def _look_at(block: list[tuple[int, bytes]], found: Diagnosis, tally: _Tally, words: _Words) -> None:
    """Look at some lines together; where one of them is bad, at each half by itself."""
    import pyarrow as pa

    D = found.dimensions
    pieces = [split_line(line, D) for _, line in block]
    try:
        if any((numbers.count(b" ") + 1 if numbers else 0) != D for _, numbers in pieces):
            raise pa.ArrowInvalid("not D numbers")
        rows = parse_fields([numbers for _, numbers in pieces], D, tally.array.dtype)
    except pa.ArrowInvalid:
        if len(block) == 1:
            _note_bad_line(*block[0], found)
            return
        middle = len(block) // 2
        _look_at(block[:middle], found, tally, words)
        _look_at(block[middle:], found, tally, words)
        return
    tally.append(rows)
    words.add([word for word, _ in pieces])


def _note_bad_line(number: int, line: bytes, found: Diagnosis) -> None:
    if found.bad_lines == 0:
        found.problems.append(f"line {number} is not a word and {counted(found.dimensions, 'number')}: {shown(line)}")
    elif found.bad_lines == 1:
        found.problems.append(f"nor are other lines, the next of them line {number}: bad_lines counts them")
    found.bad_lines += 1


# --- the others: what their reader says, and the rows


def _look_through_others(path: Path, found: Diagnosis) -> None:
    known = FORMATS[cast(str, found.format)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read: Callable[..., Any] = known.read
        # a key that is no text, and a map of a damaged file, are what this looks for
        table = read(path, **({"unicode_errors": "replace"} if "unicode_errors" in known.reads_with else {}))
    found.problems.extend(str(warning.message) for warning in caught)
    found.dimensions = table.vectors.shape[1]
    found.counts = table.counts is not None
    tally = _Tally(found.dimensions, found)
    for start in range(0, len(table.vectors), BLOCK_ROWS):
        tally.append(table.vectors[start : start + BLOCK_ROWS])
    if table.keys and isinstance(table.keys[0], str):
        found.spaced = sum(WHITE_SPACE.search(word) is not None for word in table.keys)
        found.undecodable = sum("\ufffd" in word for word in table.keys)
