"""The rows of word2vec's text and binary formats, read a few MiB at a time: see `firth.formats.word2vec`."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from firth.errors import FormatError
from firth.formats.decimals import parse_fields, parse_lines
from firth.formats.format import Array
from firth.formats.streams import CHUNK_BYTES, BlockReader, GrowingMatrix
from firth.formats.words import shown
from firth.messages import advice, counted
from firth.resources import available_cores

MOST_DIMENSIONS = 1 << 16
_SAMPLE_LINES = 100  # from which D is inferred if there is no header
_LONGEST_WORD = 1 << 16  # bytes; a file without a space for so long is not word2vec binary
_RECORD_BYTES = 1 << 18  # of binary that are read at once: few enough to stay in the processor's cache
_MOST_THREADS = 4  # with more, creating the words takes most of the time

_Parsed = tuple[list[bytes], Array]


def split_line(line: bytes, D: int) -> tuple[bytes, bytes]:
    """Return the word and the text of its D numbers, split from the right: the word may hold spaces."""
    word, _, numbers = line.partition(b" ")
    if numbers.count(b" ") + 1 > D:
        fields = line.rsplit(b" ", D)
        return fields[0], b" ".join(fields[1:])
    return word, numbers


def common_length(path: Path, lines: BlockReader) -> int:
    """Return D of a text without a header: the most frequent one among its first lines, which are left unread.

    Raises `FormatError` if that is not a possible number of dimensions.
    """
    head = lines.read(CHUNK_BYTES)
    lines.give_back(head)
    fields = [line.rstrip().count(b" ") for line in head.split(b"\n", _SAMPLE_LINES)[:-1] if line.strip()]
    if not fields:
        fields = [head.rstrip().count(b" ")]
    D = Counter(fields).most_common(1)[0][0]
    if not 1 <= D <= MOST_DIMENSIONS:
        first = shown(head.partition(b"\n")[0])
        raise FormatError(f"{path}: most of its first lines are not a word and numbers; the first is {first}")
    return D


class TextRows:
    """Reads lines of a word and D numbers into `rows`: up to `wanted` of them, or all.

    `malformed(number, line)` is called for any other line, which is then skipped; by default it raises `FormatError`.
    """

    def __init__(
        self,
        lines: BlockReader,
        rows: GrowingMatrix,
        *,
        first_line: int,
        wanted: int | None = None,
        malformed: Callable[[int, bytes], None] | None = None,
    ):
        self.lines, self.rows = lines, rows
        self.D, self.dtype = rows.array.shape[1], rows.array.dtype
        self.number = first_line
        self.wanted = wanted
        self.malformed = malformed or self._refuse
        self.words: list[bytes] = []

    def read(self) -> list[bytes]:
        """Fill the rows and return the words; the bytes after the last row are given back to `lines`."""
        blocks = self.lines.blocks()
        if self.wanted == 0:
            return self.words
        block = next(blocks, b"")  # all of a small file, which needs no threads
        if self._take(block, parse_lines(block, self.D, self.dtype)):
            return self.words
        threads = min(_MOST_THREADS, available_cores())
        with ThreadPoolExecutor(threads) as pool:
            ahead: deque[tuple[bytes, Future[_Parsed | None]]] = deque()
            for block in blocks:
                ahead.append((block, pool.submit(parse_lines, block, self.D, self.dtype)))
                if len(ahead) > threads and self._take_oldest(ahead):
                    return self.words
            while ahead:
                if self._take_oldest(ahead):
                    return self.words
        return self.words

    def _take_oldest(self, ahead: "deque[tuple[bytes, Future[_Parsed | None]]]") -> bool:
        block, parsed = ahead.popleft()
        return self._take(block, parsed.result(), [later for later, _ in ahead])

    def _take(self, block: bytes, parsed: _Parsed | None, later: Sequence[bytes] = ()) -> bool:
        """Keep the rows of a block; once `wanted` rows are read, give back the rest and return True."""
        room = None if self.wanted is None else self.wanted - len(self.words)
        end = len(block)
        if parsed is None or (room is not None and len(parsed[0]) > room):
            parsed, end = self._parse_singly(block, room)
        self.words.extend(parsed[0])
        self.rows.append(parsed[1])
        self.number += int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))  # faster than bytes.count
        last_line = block[block.rfind(b"\n") + 1 :]
        self.lines.unfinished = end == len(block) and bool(last_line.strip())
        full = self.wanted is not None and len(self.words) == self.wanted
        if full:
            self.lines.give_back(b"".join([block[end:], *later]))
        return full

    def _parse_singly(self, block: bytes, room: int | None) -> tuple[_Parsed, int]:
        """Return up to `room` rows of a block, whose words may hold spaces, and the end of their lines."""
        lines: list[tuple[int, bytes]] = []
        end = 0
        for number, line in enumerate(block.split(b"\n"), self.number):
            if len(lines) == room:
                break
            end += len(line) + 1
            if bare := line.rstrip():
                lines.append((number, bare))
        return self._parse_numbered(lines), min(end, len(block))

    def _parse_numbered(self, lines: list[tuple[int, bytes]]) -> _Parsed:
        """Parse lines together, or if that fails, each half: line by line would be far slower."""
        import pyarrow as pa

        split = [split_line(line, self.D) for _, line in lines]
        texts = [text for _, text in split]
        try:
            if all(text.count(b" ") + 1 == self.D for text in texts):
                return [word for word, _ in split], parse_fields(texts, self.D, self.dtype)
        except pa.ArrowInvalid:
            pass
        if len(lines) == 1:
            self.malformed(*lines[0])
            return [], self.rows.array[:0]
        half = len(lines) // 2
        words, rows = self._parse_numbered(lines[:half])
        more_words, more_rows = self._parse_numbered(lines[half:])
        return words + more_words, np.concatenate([rows, more_rows])

    def _refuse(self, number: int, line: bytes) -> None:
        raise FormatError(
            f"{self.rows.path}, line {number} is not a word and {counted(self.D, 'number')} with single spaces "
            f"between: {shown(line)}"
        )


def read_records(lines: BlockReader, rows: GrowingMatrix, wanted: int) -> list[bytes]:
    """Read up to `wanted` binary records, a word and D float32, into `rows`; return the words.

    The bytes after the last whole record are given back to `lines`.
    """
    words: list[bytes] = []
    row_bytes = 4 * rows.array.shape[1]
    # one buffer for all: allocating one for each read would cost more than the read
    buffer = bytearray(max(_RECORD_BYTES, 2 * (row_bytes + _LONGEST_WORD), len(lines.ahead)))
    view = memoryview(buffer)
    places = np.lib.stride_tricks.sliding_window_view(np.frombuffer(buffer, np.uint8), row_bytes)
    held = 0
    while len(words) < wanted:
        new = lines.readinto(view[held:])
        held += new
        found, starts = _split_records(buffer, view[:held], rows, wanted - len(words))
        if starts:
            rows.append(places[starts].view("<f4"))
            words.extend(found)
            used = starts[-1] + row_bytes
            view[: held - used] = view[used:held]
            held -= used
        if not new:
            break
    lines.give_back(bytes(view[:held]))
    return words


def _split_records(
    buffer: bytearray, view: memoryview, rows: GrowingMatrix, most: int
) -> tuple[list[bytes], list[int]]:
    """Return the words of the whole records in `view`, the filled part of `buffer`, and where their vectors start."""
    words: list[bytes] = []
    starts: list[int] = []
    D, size = rows.array.shape[1], len(view)
    at = 0
    while len(starts) < most:
        start = buffer.find(b" ", at, size) + 1
        if start - at > _LONGEST_WORD or (start == 0 and size - at >= _LONGEST_WORD):
            raise FormatError(
                f"{rows.path}: a word is longer than {_LONGEST_WORD} bytes, so this is not a word2vec binary "
                f"file of {counted(D, 'dimension')}" + advice("; if it is text, give binary=False")
            )
        if start == 0 or start + 4 * D > size:
            break
        words.append(view[at : start - 1].tobytes())
        starts.append(start)
        at = start + 4 * D
    if b"\n" in b"".join(words):  # word2vec.c ends each record with one
        words = [word.lstrip(b"\n") for word in words]
    return words, starts
