"""Composes the vectors of words from the rows of their character n-grams (Bojanowski et al. 2017, arXiv:1607.04606).

The vector of a word of the vocabulary with the n-grams g_1 ... g_n is, as in fastText,

    x = (w + z_{g_1} + ... + z_{g_n}) / (1 + n)

where w is the word's own row and z_g the row of an n-gram, and that of any other word is (z_{g_1} + ... + z_{g_n}) / n.
Rows are added in fastText's order in float32, so the result has the same bits.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.subwords.ngrams import END_OF_SENTENCE, NgramScheme, add_rows, utf8

Array = NDArray[Any]
_BLOCK = 8192  # words or rows worked on together


class SubwordVectors:
    """The rows of character n-grams, from which vectors of words are composed.

    scheme   the n-grams of a word and their numbers
    rows     (N, D) float rows of n-grams; may be mapped from a file
    buckets  (N,) ascending whole numbers: the number of the n-gram of each row; the rows of all others are zero. None:
             N is the number of buckets, and row b belongs to number b

    Raises `OptionError` if they do not fit together.
    """

    def __init__(self, scheme: NgramScheme, rows: Array, buckets: NDArray[np.int64] | None = None):
        self.scheme, self.rows = scheme, rows
        self.buckets = None if buckets is None else np.asarray(buckets, np.int64)
        n = scheme.buckets if self.buckets is None else len(self.buckets)
        if rows.ndim != 2 or len(rows) != n or rows.dtype.kind != "f":
            raise OptionError(f"the rows of {n:,} n-grams must be ({n}, D) floats: found {rows.dtype} {rows.shape}")
        if self.buckets is not None and not _ascending_below(self.buckets, scheme.buckets):
            raise OptionError(f"the buckets of n-grams must be ascending and from 0 to {scheme.buckets - 1}")

    @property
    def vector_size(self) -> int:
        """D, the length of each row."""
        return int(self.rows.shape[1])

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the (D,) mean of the rows of a word's n-grams, or None if it has none."""
        _, rows = self._rows_of([utf8(word)])
        if not len(rows):
            return None
        known = rows[rows >= 0]
        total = self.rows[known].astype(np.float32, copy=False).sum(axis=0)
        vector: NDArray[np.float32] = total * np.float32(1 / len(rows))
        return vector

    def has_ngrams(self, word: str) -> bool:
        """Return whether a word has any n-gram."""
        low, characters = max(1, self.scheme.minn), len(word)
        if utf8(word) == END_OF_SENTENCE or self.scheme.maxn < low:
            return False
        return (low == 1 and characters > 0) or max(2, low) <= min(self.scheme.maxn, characters + 2)

    def compose(self, words: Sequence[bytes], own: Array) -> NDArray[np.float32]:
        """Return the (W, D) vectors of words in UTF-8 from their own (W, D) rows, float32, and those of n-grams."""
        vectors = np.array(own, np.float32, order="C")
        matrix = self._float32_rows()
        for start in range(0, len(words), _BLOCK):
            block = vectors[start : start + _BLOCK]
            starts, rows = self._rows_of(words[start : start + _BLOCK])
            add_rows(starts, rows, matrix, block)
            block *= (1 / (1 + np.diff(starts))).astype(np.float32)[:, None]
        return vectors

    def own_rows(self, words: Sequence[bytes], vectors: Array) -> NDArray[np.float32]:
        """Return the (W, D) rows from which `compose` makes these vectors again, up to rounding."""
        own, matrix = np.zeros((len(words), self.vector_size), np.float32), self._float32_rows()
        for start in range(0, len(words), _BLOCK):
            block = own[start : start + _BLOCK]
            starts, rows = self._rows_of(words[start : start + _BLOCK])
            add_rows(starts, rows, matrix, block)
            whole = vectors[start : start + _BLOCK].astype(np.float64) * (1 + np.diff(starts))[:, None]
            block[:] = whole - block
        return own

    def dense_rows(self, first: int, stop: int) -> NDArray[np.float32]:
        """Return the float32 rows of the numbers `first` to `stop` - 1, zero for those without a row."""
        if self.buckets is None:
            return np.asarray(self.rows[first:stop], np.float32)
        low, high = np.searchsorted(self.buckets, [first, stop])
        dense = np.zeros((stop - first, self.vector_size), np.float32)
        dense[self.buckets[low:high] - first] = self.rows[low:high]
        return dense

    def transformed(self, matrix: Array) -> "SubwordVectors":
        """Return the same n-grams with rows z M, for a (D, D) matrix M; the vectors of words become x M."""
        blocks = [self.rows[start : start + _BLOCK] @ matrix for start in range(0, len(self.rows), _BLOCK)]
        rows = np.concatenate(blocks) if blocks else self.rows
        return SubwordVectors(self.scheme, rows.astype(self.rows.dtype), self.buckets)

    def astype(self, dtype: "np.dtype[Any]") -> "SubwordVectors":
        """Return a copy in another precision."""
        return SubwordVectors(self.scheme, self.rows.astype(dtype), self.buckets)

    def _float32_rows(self) -> Array:
        """Return the rows as kernels take them: a mapped array is viewed as a plain one."""
        return np.ascontiguousarray(self.rows.view(np.ndarray), np.float32)

    def _rows_of(self, words: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return where the n-grams of each word start, and the row of each n-gram, -1 for one without a row."""
        starts, ids = self.scheme.lists(words)
        if self.buckets is None:
            return starts, ids
        places = np.searchsorted(self.buckets, ids)
        places[places == len(self.buckets)] = 0
        known = self.buckets[places] == ids if len(self.buckets) else np.zeros(len(ids), np.bool_)
        return starts, np.where(known, places, -1).astype(np.int32)


def _ascending_below(numbers: NDArray[np.int64], limit: int) -> bool:
    within = not len(numbers) or (numbers[0] >= 0 and numbers[-1] < limit)
    return bool(within and (np.diff(numbers) > 0).all())
