"""The distinct words of a text and their counts, in arrays: no Python object exists for a word that is not kept."""

import os
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import CorpusError
from firth.messages import advice, counted
from firth.resources import require_memory
from firth.text.word_kernels import SPILL, START_BITS, merge_words, spread

HASH_SEED = int.from_bytes(os.urandom(8), "little") >> 1
"""Of the hash of words: secret, so that nobody can write a text whose words all have the same hash."""

MOST_UNITS = 2**32 - 1
"""Units of all distinct words, 32 GiB: `starts` has 32 bits."""

_UNIT, _LINE_FEED = 8, 10  # bytes, byte
_MOST_LOAD, _SLOT_GROWTH = 0.9, 1.125
_BYTES_AT_A_TIME = 2**18
_CHECKED_BYTES = 2**18  # smaller growth is not compared with the free memory


class WordTable(NamedTuple):
    """Distinct words, numbered by first occurrence, in the layout of `word_kernels`.

    slots   (slots,) uint64: a hash table; 32 bits of a word's hash and its number plus 1, or 0
    starts  (any,) uint32: the unit at which a word starts, of each word or of one in 2**START_BITS
    units   (any,) uint64: the words' bytes, each word padded to whole units with a line feed and spaces
    """

    slots: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    units: NDArray[np.uint64]


class ArrayInPlace:
    """An array that grows in place, without a second copy."""

    def __init__(self, dtype: DTypeLike, growth: float = 1.03125):
        self._bytes = bytearray()
        self._dtype = np.dtype(dtype)
        self._growth = growth

    def view(self) -> NDArray[Any]:
        """Return the array; it must be dropped before `reserve`."""
        return np.frombuffer(self._bytes, self._dtype)

    def missing(self, size: int) -> int:
        """Return by how many bytes `reserve` would grow."""
        item, room = int(self._dtype.itemsize), len(self._bytes)
        if size * item <= room:
            return 0
        return max(size, int(room // item * self._growth)) * item - room

    def reserve(self, size: int) -> None:
        """Make room for `size` items; new ones are zero."""
        self._bytes += bytes(self.missing(size))


class DistinctWords:
    """Merges the words of chunks, in their order, into one table.

    A count is a byte in an array and, if that is too small, an item of a dictionary.
    """

    def __init__(self) -> None:
        self._n = self._n_units = 0
        self._slots = ArrayInPlace(np.uint64, _SLOT_GROWTH)
        self._starts = ArrayInPlace(np.uint32)
        self._units = ArrayInPlace(np.uint64)
        self._counts = ArrayInPlace(np.uint8)
        self._large_counts: Counter[int] = Counter()

    def __len__(self) -> int:
        return self._n

    def add(self, units: NDArray[np.uint64], tags: NDArray[np.uint32], counts: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Add words and their counts; return the number of each here.

        units   the words, one after another, in the layout of `word_kernels`
        tags    (words,) uint32: 32 bits of the hash of each
        counts  (words,) uint32, overwritten

        Raises `NotEnoughMemoryError` if there is no memory for them, and `CorpusError` if they exceed 32 GiB.
        """
        ids = np.empty(len(tags), np.int32)
        done = done_units = 0
        while done < len(tags):
            self._reserve(len(tags) - done, len(units) - done_units)
            n, n_units = self._merge(units[done_units:], tags[done:], counts[done:], ids[done:])
            done, done_units = done + n, done_units + n_units
        large = np.flatnonzero(counts)
        self._large_counts.update(dict(zip(ids[large].tolist(), counts[large].tolist(), strict=True)))
        return ids

    def counts(self) -> NDArray[np.int64]:
        """Return the counts of all words."""
        counts = self._counts.view()[: self._n].astype(np.int64)
        counts[np.fromiter(self._large_counts, np.int64)] += np.fromiter(self._large_counts.values(), np.int64)
        return counts

    def texts_in_order(self, at_a_time: int) -> Iterator[tuple[int, bytes]]:
        """Yield the words there are now: the number of the first of some, and these, with line feeds and spaces.

        at_a_time  a multiple of 2**START_BITS; words may be added meanwhile
        """
        n, n_units = self._n, self._n_units
        for first in range(0, n, at_a_time):
            stop = first + at_a_time
            start = self._starts.view()[first >> START_BITS]
            end = self._starts.view()[stop >> START_BITS] if stop < n else n_units
            yield first, self._units.view()[start:end].tobytes()

    def texts(self, ids: NDArray[np.integer[Any]]) -> bytes:
        """Return the words `ids` (n,), each followed by a line feed; no words can be added afterwards."""
        begin = self._all_starts[ids].astype(np.int64)
        sizes = self._all_starts[ids + 1] - begin
        ends = np.cumsum(sizes)
        places = np.repeat(begin - ends + sizes, sizes) + np.arange(int(ends[-1]) if len(ends) else 0)
        return self._units.view()[places].tobytes().translate(None, b" ")

    def close_index(self) -> None:
        """Free the hash table; no words can be added afterwards."""
        self._slots = ArrayInPlace(np.uint64)

    @cached_property
    def _all_starts(self) -> NDArray[np.uint32]:
        """Where each word starts, and the end of the last: after each line feed."""
        starts, done = np.zeros(self._n + 1, np.uint32), 1
        text = self._units.view()[: self._n_units].view(np.uint8)
        for first in range(0, len(text), _BYTES_AT_A_TIME):
            ends = (first + np.flatnonzero(text[first : first + _BYTES_AT_A_TIME] == _LINE_FEED)) // _UNIT + 1
            starts[done : done + len(ends)] = ends
            done += len(ends)
        return starts

    def _merge(self, units: Any, tags: Any, counts: Any, ids: Any) -> tuple[int, int]:
        """Add words, if the slots run full only some of them; return the numbers of words and of units added."""
        table = WordTable(self._slots.view(), self._starts.view(), self._units.view())
        results = merge_words(units, tags, counts, table, self._counts.view(), self._n, self._n_units, ids)
        self._n, self._n_units, n, n_units = map(int, results)
        return n, n_units

    def _reserve(self, words: int, units: int) -> None:
        """Make room for as many words and units more."""
        n_words, n_units = self._n + words, self._n_units + units
        if n_units > MOST_UNITS:
            raise CorpusError(
                f"the corpus has more than {counted(self._n, 'distinct word')}, {_UNIT * n_units >> 30:,} GiB in all, "
                f"which is too large: {_fewer_words()}"
            )
        slots = self._slots.view()
        n_slots, is_full = len(slots), bool(slots[-2:].any())
        del slots
        sizes = {
            self._slots: max(int(n_words / _MOST_LOAD) + SPILL, n_slots + is_full),
            self._starts: (n_words >> START_BITS) + 1,
            self._units: n_units,
            self._counts: n_words,
        }
        missing = sum(array.missing(size) for array, size in sizes.items())
        if missing > _CHECKED_BYTES:
            name = f"a larger table of {counted(self._n, 'distinct word')}"
            require_memory({name: missing}, "reading", _fewer_words())
        for array, size in sizes.items():
            array.reserve(size)
        if self._n > 0 and len(self._slots.view()) > n_slots:
            spread(self._slots.view(), n_slots)


def _fewer_words() -> str:
    split = advice("give tokenizer=, a function that splits a line", "split it first")
    return (
        "check that it is text whose words are separated by whitespace; in a language written without spaces, "
        f"{split}; or read less text, or use a machine with more memory"
    )
