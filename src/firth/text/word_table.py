"""The distinct words of a text and their counts, in arrays: no Python object exists for a word that is not kept."""

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import CorpusError
from firth.messages import advice, counted
from firth.resources import require_memory
from firth.text.word_kernels import index_words, merge_words

HASH_SEED = int.from_bytes(os.urandom(8), "little") >> 1
"""Of the hash of words: secret, so that nobody can write a text whose words all have the same hash."""

MOST_UNITS = 2**32 - 1
"""Units of all distinct words, 32 GiB: `starts` has 32 bits."""

MOST_IN_COUNT = 2**32 - 1
"""The largest count in a table; larger ones are kept as int64 beside it."""

_UNIT = 8  # bytes
_MOST_LOAD, _SLOT_GROWTH, _GROWTH = 0.875, 1.4, 1.125
_INDEXED_AT_A_TIME = 32  # words
_CHECKED_BYTES = 2**20  # smaller growth is not compared with the free memory


class WordTable(NamedTuple):
    """Distinct words, numbered by first occurrence, in the layout of `word_kernels`.

    slots   (slots,) uint64: a hash table; 32 bits of a word's hash and its number plus 1, or 0
    starts  (words + 1 or more,) uint32: word i is units[starts[i] : starts[i + 1]]
    counts  (words or more,) uint32
    units   (any,) uint64: the words' bytes, each word padded to whole units with a line feed and spaces
    """

    slots: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    counts: NDArray[np.uint32]
    units: NDArray[np.uint64]


class ArrayInPlace:
    """An array that grows in place, without a second copy."""

    def __init__(self, dtype: DTypeLike):
        self._bytes = bytearray()
        self._dtype = np.dtype(dtype)

    def view(self) -> NDArray[Any]:
        """Return the array; it must be dropped before `reserve`."""
        return np.frombuffer(self._bytes, self._dtype)

    def missing(self, size: int) -> int:
        """Return by how many bytes `reserve` would grow."""
        item, room = int(self._dtype.itemsize), len(self._bytes)
        if size * item <= room:
            return 0
        return max(size, int(room // item * _GROWTH)) * item - room

    def reserve(self, size: int) -> None:
        """Make room for `size` items; new ones are zero."""
        self._bytes += bytes(self.missing(size))


class DistinctWords:
    """Merges the word tables of chunks, in their order, into one."""

    def __init__(self) -> None:
        self._n = 0
        self._slots: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._starts = ArrayInPlace(np.uint32)
        self._counts = ArrayInPlace(np.uint32)
        self._units = ArrayInPlace(np.uint64)
        self._starts.reserve(1)
        self._in_counts = 0
        self._large_counts: NDArray[np.int64] = np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._n

    def add(self, words: WordTable, tags: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Add words and their counts; return the number of each here.

        words  WordTable without slots
        tags   (words,) uint32: 32 bits of the hash of each

        Raises `NotEnoughMemoryError` if there is no memory for them, and `CorpusError` if they exceed 32 GiB.
        """
        self._reserve(len(tags), len(words.units))
        n_tokens = int(words.counts.sum(dtype=np.int64))
        self._in_counts += n_tokens
        if self._in_counts > MOST_IN_COUNT:
            self._empty_counts()
            self._in_counts = n_tokens
        ids = np.empty(len(tags), np.int32)
        self._n = int(merge_words(words, tags, self._table(), self._n, ids))
        return ids

    def counts(self, first: int, stop: int) -> NDArray[np.int64]:
        """Return the counts of a range of words."""
        counts = self._counts.view()[first:stop].astype(np.int64)
        large_counts = self._large_counts[first:stop]
        counts[: len(large_counts)] += large_counts
        return counts

    def text(self, first: int, stop: int) -> bytes:
        """Return the words of a range, each followed by a line feed and spaces."""
        starts = self._starts.view()
        return self._units.view()[starts[first] : starts[stop]].tobytes()

    def texts(self, ids: NDArray[np.integer[Any]]) -> bytes:
        """Return the words `ids` (n,), each followed by a line feed."""
        starts = self._starts.view()
        begin = starts[ids].astype(np.int64)
        sizes = starts[ids + 1] - begin
        ends = np.cumsum(sizes)
        places = np.repeat(begin - ends + sizes, sizes) + np.arange(int(ends[-1]) if len(ends) else 0)
        return self._units.view()[places].tobytes().translate(None, b" ")

    def close_index(self) -> None:
        """Free the hash table; no words can be added afterwards."""
        self._slots = np.empty(0, np.uint64)

    def _table(self) -> WordTable:
        return WordTable(self._slots, self._starts.view(), self._counts.view(), self._units.view())

    def _empty_counts(self) -> None:
        self._large_counts = self.counts(0, self._n)
        self._counts.view()[:] = 0

    def _reserve(self, words: int, units: int) -> None:
        """Make room for as many words and units more."""
        n_words, n_units = self._n + words, int(self._starts.view()[self._n]) + units
        if n_units > MOST_UNITS:
            raise CorpusError(
                f"the corpus has more than {counted(self._n, 'distinct word')}, {_UNIT * n_units >> 30:,} GiB in all, "
                f"which is too large: {_fewer_words()}"
            )
        sizes = {self._starts: n_words + 1, self._counts: n_words, self._units: n_units}
        n_slots = self._slots_for(n_words)
        missing = 8 * (n_slots - len(self._slots)) + sum(array.missing(size) for array, size in sizes.items())
        if missing > _CHECKED_BYTES:
            name = f"a larger table of {counted(self._n, 'distinct word')}"
            require_memory({name: missing}, "reading", _fewer_words())
        for array, size in sizes.items():
            array.reserve(size)
        if n_slots > len(self._slots):
            self._index(n_slots)

    def _slots_for(self, n_words: int) -> int:
        needed = int(n_words / _MOST_LOAD) + 1
        return len(self._slots) if needed <= len(self._slots) else int(needed * _SLOT_GROWTH)

    def _index(self, n_slots: int) -> None:
        """Make a larger hash table; the old one is freed first."""
        self.close_index()
        self._slots = np.zeros(n_slots, np.uint64)
        index_words(self._table(), self._n, HASH_SEED, np.empty(_INDEXED_AT_A_TIME, np.uint32))


def _fewer_words() -> str:
    split = advice("give tokenizer=, a function that splits a line", "split it first")
    return (
        "check that it is text whose words are separated by whitespace; in a language written without spaces, "
        f"{split}; or read less text, or use a machine with more memory"
    )
