"""The character n-grams of words, numbered as in fastText (Bojanowski et al. 2017, arXiv:1607.04606, section 3.2).

The n-grams of a word are those of minn to maxn characters of <word>, where the brackets mark its beginning and end; the
brackets alone are left out. The number of an n-gram is h mod buckets, where h is its 32-bit FNV-1a hash over the bytes
of its UTF-8, each taken as a signed number as in fastText. Different n-grams may share a number.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import helper, kernel

END_OF_SENTENCE = b"</s>"
"""fastText's word for the end of a line; it has no n-grams."""

LONGEST_NGRAM = 100  # characters; fastText's default is 6, and without a limit a long word would take hours
_FNV_BASIS, _FNV_PRIME = 2166136261, 16777619
_LOW_32_BITS = 0xFFFFFFFF


class NgramLists(NamedTuple):
    """The n-grams of W words: those of word w are ids[starts[w] : starts[w + 1]], with repeats."""

    starts: NDArray[np.int64]  # (W + 1,)
    ids: NDArray[np.int32]

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of n-grams of each word, (W,)."""
        return np.diff(self.starts)


class NgramScheme(NamedTuple):
    """Which n-grams a word has: those of minn to maxn characters, numbered from 0 to buckets - 1."""

    minn: int
    maxn: int
    buckets: int

    def lists(self, words: Sequence[bytes]) -> NgramLists:
        """Return the n-grams of words in UTF-8, in the order in which fastText adds their rows."""
        marked = [b"" if word == END_OF_SENTENCE else b"<%s>" % word for word in words]
        text = np.frombuffer(b"".join(marked), np.uint8)
        ends = np.cumsum(np.fromiter(map(len, marked), np.int64, len(marked)))
        starts, ids = np.zeros(len(words) + 1, np.int64), np.empty(0, np.int32)
        n = list_ngrams(text, ends, *self, starts, ids)
        ids = np.empty(n, np.int32)
        list_ngrams(text, ends, *self, starts, ids)
        return NgramLists(starts, ids)


def utf8(word: str) -> bytes:
    """Return a word in UTF-8; lone surrogates are kept, so that every word has n-grams."""
    return word.encode("utf-8", "surrogatepass")


@helper()
def hash_byte(value: Any, byte: Any) -> Any:
    """Return the FNV-1a hash `value`, below 2**32, continued by a byte that is taken as signed."""
    signed = byte | 0xFFFFFF00 if byte > 127 else byte
    return ((value ^ signed) * _FNV_PRIME) & _LOW_32_BITS


@kernel()
def list_ngrams(text, ends, minn, maxn, buckets, starts, ids):
    """Write the numbers of the n-grams of W words; return how many there are.

    text    (n,) uint8: the words one after the other, each as <word> in UTF-8; an empty one has no n-grams
    ends    (W,) int64: where each word ends in `text`
    starts  (W + 1,) int64, overwritten: where the n-grams of each word start
    ids     int32, overwritten: the numbers; those that do not fit are counted only
    """
    n, start = 0, np.int64(0)
    for w in range(len(ends)):
        starts[w], end = n, ends[w]
        for i in range(start, end):
            if text[i] & 0xC0 == 0x80:  # within a character
                continue
            value, j, length = np.int64(_FNV_BASIS), i, 0
            while j < end and length < maxn:
                value = hash_byte(value, np.int64(text[j]))
                j, length = j + 1, length + 1
                while j < end and text[j] & 0xC0 == 0x80:
                    value = hash_byte(value, np.int64(text[j]))
                    j += 1
                if length < minn or (length == 1 and (i == start or j == end)):
                    continue
                if n < len(ids):
                    ids[n] = value % buckets
                n += 1
        start = end
    starts[len(ends)] = n
    return n


@kernel()
def add_rows(starts, rows, matrix, sums):
    """Add to row w of `sums`, in place, the rows of `matrix` that a list has for w, in order; a row of -1 adds nothing.

    starts  (W + 1,) int64: the list of w is rows[starts[w] : starts[w + 1]]
    rows    int32: rows of `matrix`, or -1
    matrix  (N, D) float32, C-contiguous
    sums    (W, D) float32, C-contiguous
    """
    for w in range(len(sums)):
        for k in range(starts[w], starts[w + 1]):
            row = rows[k]
            if row < 0:
                continue
            for d in range(sums.shape[1]):
                sums[w, d] += matrix[row, d]
