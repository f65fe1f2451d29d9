"""The rows of word2vec's text and binary formats, read a few MiB at a time: see `firth.formats.word2vec`."""

from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.decimals import ParsedLines, parse_fields, parse_lines
from firth.formats.streams import CHUNK_BYTES, Lines, Rows, is_compressed
from firth.formats.words import shown
from firth.messages import advice, counted
from firth.resources import available_cores

Array = NDArray[Any]

MOST_DIMENSIONS = 1 << 16
_LINES_TO_LOOK_AT = 100  # for the number of dimensions, where no header gives it
_LONGEST_WORD = 1 << 16  # bytes; a binary file without a space for so long is none
_RECORD_BYTES = 1 << 18  # of binary that are taken at once: few enough to stay in the processor's cache
_LARGE_TEXT = 100 << 20  # bytes; a shorter file is read before the loop would be compiled
_BYTES_PER_NUMBER = 10  # of text, more or less
_BLOCKS_BEFORE_COMPILING = 25  # about as many bytes, where the file is compressed and its length not known
_MOST_THREADS = 4  # beyond these, making the strings of the words is what takes the time


def split_line(line: bytes, D: int) -> tuple[bytes, bytes]:
    """Return the word and the text of its D numbers, split from the right: the word may hold spaces."""
    word, _, numbers = line.partition(b" ")
    if numbers.count(b" ") + 1 > D:
        fields = line.rsplit(b" ", D)
        return fields[0], b" ".join(fields[1:])
    return word, numbers


def common_length(path: Path, lines: Lines) -> int:
    """Return D of a text without a header: most of its first lines have it, though words may hold spaces.

    They are left to be read. Raises `FormatError` where that is no number of dimensions.
    """
    head = lines.read(CHUNK_BYTES)
    lines.give_back(head)
    fields = [line.rstrip().count(b" ") for line in head.split(b"\n", _LINES_TO_LOOK_AT)[:-1] if line.strip()]
    if not fields:
        fields = [head.rstrip().count(b" ")]
    D = Counter(fields).most_common(1)[0][0]
    if not 1 <= D <= MOST_DIMENSIONS:
        first = shown(head.partition(b"\n")[0])
        raise FormatError(f"{path}: most of its first lines are not a word and numbers; the first is {first}")
    return D


class _Block(NamedTuple):
    """The words and the (n, D) rows of the first lines of a block, and where what follows them starts."""

    words: list[bytes]
    rows: Array
    end: int


class TextRows:
    """Reads lines of a word and D numbers into `rows`: up to `wanted` of them, or all."""

    def __init__(self, path: Path, lines: Lines, rows: Rows, *, first_line: int, wanted: int | None):
        self.path = path
        self.lines = lines
        self.rows = rows
        self.D = rows.array.shape[1]
        self.number = first_line
        self.wanted = wanted
        self.words: list[bytes] = []

    def read(self) -> list[bytes]:
        """Return the words; the rows are filled, and what follows the last is given back to `lines`."""
        blocks = self.lines.blocks()
        if self.wanted == 0:
            return self.words
        for block in islice(blocks, self._blocks_before_compiling()):
            if self._take(block, self._parse_plainly(block)):
                return self.words
        with ThreadPoolExecutor(min(_MOST_THREADS, available_cores())) as pool:
            ahead: deque[tuple[bytes, Future[ParsedLines]]] = deque()
            for block in blocks:
                ahead.append((block, pool.submit(parse_lines, block, self.D)))
                if len(ahead) > _MOST_THREADS and self._take_oldest(ahead):
                    return self.words
            while ahead:
                if self._take_oldest(ahead):
                    return self.words
        return self.words

    def _blocks_before_compiling(self) -> int:
        large = not is_compressed(self.path) and self.path.stat().st_size >= _LARGE_TEXT
        all_of_it = self.wanted is None or self.wanted * self.D * _BYTES_PER_NUMBER >= _LARGE_TEXT
        return 0 if large and all_of_it else _BLOCKS_BEFORE_COMPILING

    def _take_oldest(self, ahead: "deque[tuple[bytes, Future[ParsedLines]]]") -> bool:
        block, parsed = ahead.popleft()
        return self._take(block, self._parse_checked(block, parsed.result()), [later for later, _ in ahead])

    def _take(self, block: bytes, found: _Block, later: Sequence[bytes] = ()) -> bool:
        """Keep what was found; tell whether that is all that is wanted, and if so give back the rest."""
        self.words.extend(found.words)
        self.rows.append(found.rows)
        self.number += block.count(b"\n")
        last_line = block[block.rfind(b"\n") + 1 :]
        self.lines.unfinished = found.end == len(block) and bool(last_line.strip())
        full = self.wanted is not None and len(self.words) == self.wanted
        if full:
            self.lines.give_back(b"".join([block[found.end :], *later]))
        return full

    def _room(self) -> int | None:
        return None if self.wanted is None else self.wanted - len(self.words)

    def _parse_plainly(self, block: bytes) -> _Block:
        """Parse the lines one by one, and their numbers together."""
        if block.isspace():  # a gigabyte of blank lines packs into a few megabytes
            return _Block([], self.rows.array[:0], len(block))
        pieces: list[tuple[bytes, bytes]] = []
        numbered: list[tuple[int, bytes]] = []
        end = 0
        room = self._room()
        for number, line in enumerate(block.split(b"\n"), self.number):
            if room is not None and len(pieces) == room:
                break
            end += len(line) + 1
            if bare := line.rstrip():
                pieces.append(self._split(number, bare))
                numbered.append((number, bare))
        rows = self._numbers(numbered, [numbers for _, numbers in pieces])
        return _Block([word for word, _ in pieces], rows, min(end, len(block)))

    def _parse_checked(self, block: bytes, parsed: ParsedLines) -> _Block:
        """Take what the compiled loop is sure of, and parse the other lines here."""
        n = len(parsed.sure) if self._room() is None else min(len(parsed.sure), self._room() or 0)
        if n == 0:
            return _Block([], parsed.rows[:0], len(block))
        words = [block[start:end] for start, end in parsed.lines[:n, :2].tolist()]
        doubtful = np.flatnonzero(~parsed.sure[:n]).tolist()
        if doubtful:
            spans = parsed.lines[doubtful].tolist()
            numbers = (self.number + parsed.numbers[doubtful]).tolist()
            numbered = [(number, block[start:end]) for number, (start, _, end) in zip(numbers, spans, strict=True)]
            pieces = [self._split(number, line) for number, line in numbered]
            parsed.rows[doubtful] = self._numbers(numbered, [text for _, text in pieces])
            for row, (word, _) in zip(doubtful, pieces, strict=True):
                words[row] = word
        newline = block.find(b"\n", int(parsed.lines[n - 1, 2]))
        return _Block(words, parsed.rows[:n], newline + 1 if newline >= 0 else len(block))

    def _split(self, number: int, line: bytes) -> tuple[bytes, bytes]:
        word, numbers = split_line(line, self.D)
        if (numbers.count(b" ") + 1 if numbers else 0) != self.D:
            raise self._bad_line(number, line)
        return word, numbers

    def _numbers(self, lines: list[tuple[int, bytes]], numbers: list[bytes]) -> Array:
        """Return the (rows, D) numbers of these lines, given without their words."""
        import pyarrow as pa

        try:
            return parse_fields(numbers, self.D, self.rows.array.dtype)
        except pa.ArrowInvalid as error:
            if len(lines) == 1:
                raise self._bad_line(*lines[0]) from error
            half = len(lines) // 2  # one by one, a bad line behind a million good ones would take a minute
            self._numbers(lines[:half], numbers[:half])
            self._numbers(lines[half:], numbers[half:])
            raise FormatError(f"{self.path}: {error}") from error

    def _bad_line(self, number: int, line: bytes) -> FormatError:
        return FormatError(
            f"{self.path}, line {number} is not a word and {counted(self.D, 'number')} with single spaces between: "
            f"{shown(line)}"
        )


class BinaryRows:
    """Reads records of a word and D float32 into `rows`: `wanted` of them, or as many as are whole."""

    def __init__(self, path: Path, lines: Lines, rows: Rows, *, wanted: int | None):
        self.path = path
        self.lines = lines
        self.rows = rows
        self.D = rows.array.shape[1]
        self.wanted = wanted or 0

    def read(self) -> list[bytes]:
        """Return the words; the rows are filled, and what follows the last is given back to `lines`."""
        words: list[bytes] = []
        row_bytes = 4 * self.D
        # one buffer for all: taking memory for each piece anew would cost more than reading it
        buffer = bytearray(max(_RECORD_BYTES, 2 * (row_bytes + _LONGEST_WORD), len(self.lines.ahead)))
        view = memoryview(buffer)
        places = np.lib.stride_tricks.sliding_window_view(np.frombuffer(buffer, np.uint8), row_bytes)
        held = 0
        while len(words) < self.wanted:
            new = self.lines.readinto(view[held:])
            held += new
            starts, found = self._records(buffer, view[:held], self.wanted - len(words))
            if starts:
                self.rows.append(places[starts].view("<f4"))
                words.extend(found)
                used = starts[-1] + row_bytes
                view[: held - used] = view[used:held]
                held -= used
            if not new:
                break
        self.lines.give_back(bytes(view[:held]))
        return words

    def _records(self, buffer: bytearray, view: memoryview, most: int) -> tuple[list[int], list[bytes]]:
        """Return where the vectors of the whole records in `view`, the filled part of `buffer`, start; and words."""
        starts: list[int] = []
        words: list[bytes] = []
        row_bytes = 4 * self.D
        find, size = buffer.find, len(view)
        at = 0
        while len(starts) < most:
            start = find(b" ", at, size) + 1
            if start - at > _LONGEST_WORD or (start == 0 and size - at >= _LONGEST_WORD):
                raise FormatError(
                    f"{self.path}: no word ends within {_LONGEST_WORD} bytes, so this is no word2vec binary "
                    f"file of {counted(self.D, 'dimension')}" + advice("; if it is text, give binary=False")
                )
            if start == 0 or start + row_bytes > size:
                break
            words.append(view[at : start - 1].tobytes())
            starts.append(start)
            at = start + row_bytes
        if b"\n" in b"".join(words):  # word2vec.c ends a record with one
            words = [word.lstrip(b"\n") for word in words]
        return starts, words
