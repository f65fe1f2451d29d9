"""The context vectors of a step of CBOW: the sums of rows of the center matrix, and what the step adds to them (Numba).

The context vector h of a position is a sum_i v_(c_i) over the words around it, with a = 1/M for the mean and a = 1 for
the sum (Result 33 of docs/derivation.md). The input rows of a step are the context vectors of at most two positions,
which `sum_context` makes. The step leaves them as they are and writes their changes, -eta dJ/dh, to other rows, and
`change_context` adds the change to the row of each word of the context, without the factor a (Result 36).

With subwords the row of a word is the mean of n rows, and counts n times in a context (Result 38).
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper
from firth.training.draws import subsample, window_size
from firth.training.windows.frozen import drop_frozen
from firth.training.windows.layout import LANES, STRIP_BYTES, TILE, add_to_rows, aligned_zeros, strips, sum_rows

Array = NDArray[Any]


class ContextTables(NamedTuple):
    """One thread's scratch arrays for the contexts of a step; addresses are int64, n is the size of a block.

    Row 0 of the pairs of rows belongs to the first position of a step, row 1 to the second.
    """

    kept: Array  # (n,) int32: the words that survive subsampling
    rows: Array  # (n,) int32: the row of the center matrix of each
    counts: Array  # (n,) int32: how often each counts in a context, see `sum_weighted_context`
    first: Array  # (n,) int32: where the sentence of each begins in `kept`
    stop: Array  # (n,) int32: where it ends
    words: Array  # (2, 2 m) int64: addresses of the rows of the words of each context
    sizes: Array  # (2,) int64: the number of those that a step changes, 0 without a position
    row_weights: Array  # (1, 16) float32: 1 for each position with a context, 0 otherwise
    vectors: Array  # (2, D padded) float32: the context vectors h
    changes: Array  # (2, D padded) float32: -eta dJ/dh
    zero_row: Array  # (D padded,) float32
    addresses: Array  # (3, 2) int64: addresses of the two rows of `vectors`, of `changes`, and twice of `zero_row`


def make_context_tables(block_size: int, vector_size: int, window: int) -> ContextTables:
    """Allocate scratch arrays for blocks of at most `block_size` tokens."""
    width = LANES * strips(vector_size)
    return ContextTables(
        kept=np.zeros(block_size, np.int32),
        rows=np.zeros(block_size, np.int32),
        counts=np.zeros(block_size, np.int32),
        first=np.zeros(block_size, np.int32),
        stop=np.zeros(block_size, np.int32),
        words=np.zeros((2, 2 * window), np.int64),
        sizes=np.zeros(2, np.int64),
        row_weights=aligned_zeros((1, LANES)),
        vectors=aligned_zeros((2, width)),
        changes=aligned_zeros((2, width)),
        zero_row=aligned_zeros((width,)),
        addresses=np.zeros((3, 2), np.int64),
    )


@helper()
def list_positions(block, tables, row_bytes):
    """Subsample a block of tokens and set the addresses; return the number of words that survive, and of all words.

    Until `rows` is overwritten, the row of a word is the one with its number. block: has the fields tokens, keep and
    key, as `negative_sampling.window_kernels.TokenBlock`.
    """
    for r in range(2):
        tables.addresses[0, r] = address(tables.vectors) + r * row_bytes
        tables.addresses[1, r] = address(tables.changes) + r * row_bytes
        tables.addresses[2, r] = address(tables.zero_row)
    n, words = subsample(block.tokens, block.keep, block.key, tables.kept, tables.first, tables.stop)
    for i in range(n):
        tables.rows[i] = tables.kept[i]
    return n, words


@helper()
def context_range(block, i, first, stop):
    """Return the first position of the window around position i, and the one after its last."""
    radius = window_size(block.key, i, block.window, block.shrink)
    return max(np.int64(first[i]), i - radius), min(np.int64(stop[i]), i + radius + 1)


@helper()
def list_context(block, i, rows, first, stop, row_bytes, words):
    """Write the addresses of the rows of the words around position i to `words`; return their number."""
    lo, hi = context_range(block, i, first, stop)
    n = np.int64(0)
    for j in range(lo, hi):
        words[n] = address(block.center) + np.int64(rows[j]) * row_bytes
        n += j != i
    return n


@helper()
def begin_context(block, i, n, tables, r, row_bytes):
    """List the context of position i of n in row r; return the number of its words."""
    size = np.int64(0)
    if i < n:
        size = list_context(block, i, tables.rows, tables.first, tables.stop, row_bytes, tables.words[r])
    tables.sizes[r] = size
    tables.row_weights[0, TILE * r : TILE * r + TILE] = min(size, 1)
    return size


@helper()
def sum_context(block, is_mean, i, n, tables, r, row_bytes, n_strips):
    """Make the context vector of position i of n in row r; return 1, or 0 for a position without a context.

    block: has the fields key, window, shrink and center. A position from n on has no context.
    """
    size = begin_context(block, i, n, tables, r, row_bytes)
    factor = np.float32(1) / np.float32(max(size, 1)) if is_mean else np.float32(1)
    sum_rows(n_strips, address(tables.words[r]), size, factor, tables.addresses[0, r])
    if len(block.frozen) > 0:
        tables.sizes[r] = drop_frozen(tables.words[r], size, block.center, block.frozen, row_bytes)
    return min(size, 1)


@helper()
def sum_weighted_context(block, is_mean, i, n, tables, r, row_bytes, n_strips):
    """Do what `sum_context` does, with the row of a word counted `tables.counts` times."""
    size, h = begin_context(block, i, n, tables, r, row_bytes), tables.vectors[r]
    h[:] = 0
    if size == 0:
        return np.int64(0)
    lo, hi = context_range(block, i, tables.first, tables.stop)
    total = np.int64(0)
    for j in range(lo, hi):
        if j != i:
            total += tables.counts[j]
            row, count = block.center[tables.rows[j]], np.float32(tables.counts[j])
            for d in range(n_strips * LANES):
                h[d] += count * row[d]
    if is_mean:
        h *= np.float32(1) / np.float32(total)
    if len(block.frozen) > 0:
        tables.sizes[r] = drop_frozen(tables.words[r], size, block.center, block.frozen, row_bytes)
    return np.int64(1)


@lru_cache(maxsize=16)
def compile_make_context(n_strips: int, is_weighted: bool) -> Any:
    """Return `make_context` for rows of `n_strips` strips.

    is_weighted: whether the words of a context count as `sum_weighted_context` says, otherwise once each.
    """
    row_bytes = n_strips * STRIP_BYTES

    @helper()
    def make_context(block, is_mean, i, n, contexts, r):
        """Make the context vector of position i of n in row r; return 1, or 0 for a position without a context."""
        if is_weighted:
            return sum_weighted_context(block, is_mean, i, n, contexts, r, row_bytes, n_strips)
        return sum_context(block, is_mean, i, n, contexts, r, row_bytes, n_strips)

    return make_context


@helper()
def change_context(tables, r, n_strips):
    """Add the change of context vector r to the row of each word of the context, once for each time it is there."""
    add_to_rows(n_strips, address(tables.words[r]), tables.sizes[r], tables.addresses[1, r])
