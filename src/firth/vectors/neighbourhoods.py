"""Neighbourhoods: the nearest words of every word, and how much they overlap between two sets of vectors.

Cosines within a set do not change when all its vectors are rotated, so neighbourhoods of two training runs can be
compared without alignment. The overlap of a word is the share of its k nearest words that both sets have in
common (Wendlandt, Kummerfeld and Mihalcea 2018, arXiv:1804.09692).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firth.vectors.query_input import RowIndices
from firth.vectors.search import SearchedRows, TopRows, nearest
from firth.vectors.table import VectorTable

_QUERIES = 4096  # words whose neighbours are searched between two reports of progress
_COMPARED = 16_384  # words whose neighbours are compared at once


def neighbourhoods(
    wv: VectorTable, n: int, topn: int, progress: Callable[[float], None] = lambda share: None
) -> TopRows:
    """Return the (n, k) nearest rows of each of the first n rows, among these, and their cosines; k <= topn.

    k is n - 1 if that is smaller. Rows are -1, and cosines -inf, for a vector that is not finite. `progress` is called
    with the share of the work that is done; what it raises ends the work.
    """
    searched = SearchedRows(wv.vectors, wv.norms, 0, n)
    k = max(0, min(topn, n - 1))
    found = TopRows(np.full((n, k), -np.inf, wv.norms.dtype), np.full((n, k), -1, np.intp))
    for first in range(0, n if k else 0, _QUERIES):
        progress(first / n)
        rows = np.arange(first, min(first + _QUERIES, n))
        best = nearest(searched, wv.unit_rows(rows), rows[:, None], k)
        found.scores[rows], found.rows[rows] = best
    return found


def overlaps(one: RowIndices, other: RowIndices) -> NDArray[np.float64]:
    """Return the (n,) shares of neighbours that two (n, k) lists have in common; -1 is not a neighbour.

    The share is 0 where k is 0.
    """
    n, k = one.shape
    shares = np.zeros(n)
    for start in range(0, n, _COMPARED):
        rows = slice(start, start + _COMPARED)
        shared = (one[rows, :, None] == other[rows, None, :]) & (one[rows, :, None] >= 0)
        shares[rows] = shared.any(axis=2).sum(axis=1) / max(1, k)
    return shares
