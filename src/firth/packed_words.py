"""Words as one array of UTF-8 with their rows: some 20 bytes a word, where strings and a dictionary take some 150."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

_WORDS_AT_A_TIME = 1 << 16
_FEW_SCANS = 8  # words that are looked for in the bytes, before the hashes of all are computed
_MOST_CANDIDATES = 1000  # occurrences within other words
_HASH_BITS = 0xFFFFFFFF


class _Hashes(NamedTuple):
    """32 bits of the hashes of V words, ascending, and the row of each; equal ones are in the order of rows."""

    values: NDArray[np.uint32]
    rows: NDArray[np.integer[Any]]


class PackedWords(Sequence[str]):
    """V words that do not change.

    text  the UTF-8 of all words, one after the other; lone surrogates are allowed
    ends  (V,) where each ends in `text`

    Raises `ValueError` if the ends do not fit the text, or a word is not UTF-8.
    """

    def __init__(self, text: bytes, ends: NDArray[np.integer[Any]]):
        if (len(ends) and int(ends[0]) < 0) or bool((ends[1:] < ends[:-1]).any()) or int(ends[-1:].sum()) != len(text):
            raise ValueError("the ends of the words are not ascending, or do not fit the bytes")
        self.text = text
        self.ends: NDArray[np.integer[Any]] = ends.astype(np.uint32 if len(text) <= _HASH_BITS else np.int64)
        self._scans = 0
        for start, stop in self._blocks():
            characters_of(*self.part(start, stop))

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Return words, packed."""
        text, ends = bytearray(), array("q")
        for word in words:
            text += word.encode("utf-8", "surrogatepass")
            ends.append(len(text))
        return cls(bytes(text), np.array(ends, np.int64))

    # --- as a sequence

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        """Return a word, or a list of some."""
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            if step != 1:
                return [self[each] for each in range(start, stop, step)]
            return split(*self.part(start, max(start, stop)))
        return self._bytes(range(len(self))[row]).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        for start, stop in self._blocks():
            yield from self[start:stop]

    def __contains__(self, word: object) -> bool:
        return self.row_of(word) is not None

    def index(self, word: object, start: int = 0, stop: int | None = None) -> int:
        """Return the first row of a word, if that is from `start` to `stop` - 1; else raise `ValueError`."""
        row = self.row_of(word)
        if row is None or row not in range(*slice(start, stop).indices(len(self))):
            raise ValueError(f"{word!r} is not among these words")
        return row

    def part(self, start: int, stop: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the bytes of the words of some rows, and where each begins and the last ends."""
        first = self.ends[start - 1 : start] if start else np.zeros(1, self.ends.dtype)
        bounds = np.concatenate([first, self.ends[start:stop]]).astype(np.int64)
        part = np.frombuffer(self.text, np.uint8, int(bounds[-1] - bounds[0]), int(bounds[0]))
        return part, bounds - bounds[0]

    # --- lookup

    @property
    def rows(self) -> Mapping[str, int]:
        """The row of each word."""
        return _Rows(self)

    def row_of(self, word: object) -> int | None:
        """Return the first row of a word, or None. The first few are looked for in the bytes: that needs no hashes."""
        if not isinstance(word, str):
            return None
        wanted = word.encode("utf-8", "surrogatepass")
        if "_hashes" not in self.__dict__ and self._scans < _FEW_SCANS and wanted:
            self._scans += 1
            at = -1
            for _ in range(_MOST_CANDIDATES):
                at = self.text.find(wanted, at + 1)
                row = int(self.ends.searchsorted(self.ends.dtype.type(max(at, 0)), "right"))
                if at < 0:
                    return None
                if self._bounds(row) == (at, at + len(wanted)):
                    return row
        return next((row for row in self._rows_with(hash(word)) if self._bytes(row) == wanted), None)

    def prepare(self) -> None:
        """Compute the hashes now, in about 0.3 µs a word, so that no lookup waits for them."""
        self._hashes  # noqa: B018 - kept from now on

    def repeated(self) -> str | None:
        """Return a word that occurs more than once, or None."""
        values, rows = self._hashes
        alike = np.flatnonzero(values[1:] == values[:-1])
        seen: set[str] = set()
        for row in sorted({*rows[alike].tolist(), *rows[alike + 1].tolist()}):
            word: str = self[row]
            if word in seen:
                return word
            seen.add(word)
        return None

    @cached_property
    def _hashes(self) -> _Hashes:
        values = np.fromiter(map(hash, self), np.int64, len(self)).astype(np.uint32)
        order = np.argsort(values, kind="stable")
        return _Hashes(values[order], order.astype(np.min_scalar_type(len(self))))

    def _rows_with(self, value: int) -> list[int]:
        """Return the rows of the words with a hash."""
        values, rows = self._hashes
        wanted = np.uint32(value & _HASH_BITS)  # of the same type: NumPy would convert all others
        rows_found: list[int] = rows[values.searchsorted(wanted) : values.searchsorted(wanted, "right")].tolist()
        return rows_found

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_hashes"}  # another process has others

    # --- bytes

    def _bounds(self, row: int) -> tuple[int, int]:
        return int(self.ends[row - 1]) if row else 0, int(self.ends[row])

    def _bytes(self, row: int) -> bytes:
        start, end = self._bounds(row)
        return self.text[start:end]

    def _blocks(self) -> Iterator[tuple[int, int]]:
        for start in range(0, len(self), _WORDS_AT_A_TIME):
            yield start, min(start + _WORDS_AT_A_TIME, len(self))


class _Rows(Mapping[str, int]):
    """The rows of packed words, as a dictionary gives them."""

    def __init__(self, words: PackedWords):
        self._words = words

    def __getitem__(self, word: str) -> int:
        row = self._words.row_of(word)
        if row is None:
            raise KeyError(word)
        return row

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


def character_starts(part: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return where the characters of UTF-8 start."""
    return np.flatnonzero((part & 0xC0) != 0x80)


def characters_of(part: NDArray[np.uint8], bounds: NDArray[np.int64]) -> tuple[str, NDArray[np.int64]]:
    """Return UTF-8 as text, and `bounds` counted in characters; raise `ValueError` for one within a character."""
    starts = np.append(character_starts(part), len(part))
    characters = np.searchsorted(starts, bounds)
    if bool((starts[characters] != bounds).any()):
        raise ValueError("a word ends within a character")
    return part.tobytes().decode("utf-8", "surrogatepass"), characters


def split(part: NDArray[np.uint8], bounds: NDArray[np.int64]) -> list[str]:
    """Return the words between `bounds`."""
    text, characters = characters_of(part, bounds)
    return [text[start:end] for start, end in pairwise(characters.tolist())]  # faster than decoding each
