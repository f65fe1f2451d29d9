"""The context vectors of a step of CBOW: the sums of rows of the center matrix, and what the step adds to them (Numba).

The context vector h of a position is a sum_i v_(c_i) over the words around it, with a = 1/M for the mean and a = 1 for
the sum (Result 33 of docs/derivation.md). The input rows of a step are the context vectors of at most two positions,
which `sum_context` makes. The step leaves them as they are and writes their changes, -eta dJ/dh, to other rows, and
`change_context` adds the change to the row of each word of the context, without the factor a (Result 36).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper
from firth.training.draws import subsample, window_size
from firth.training.windows.layout import LANES, TILE, add_to_rows, aligned_zeros, strips, sum_rows

Array = NDArray[Any]


class ContextTables(NamedTuple):
    """One thread's scratch arrays for the contexts of a step; addresses are int64, n is the size of a block.

    Row 0 of the pairs of rows belongs to the first position of a step, row 1 to the second.
    """

    kept: Array  # (n,) int32: the words that survive subsampling
    first: Array  # (n,) int32: where the sentence of each begins in `kept`
    stop: Array  # (n,) int32: where it ends
    words: Array  # (2, 2 m) int64: addresses of the rows of the words of each context
    sizes: Array  # (2,) int64: the number of these words, 0 without a position
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

    block: has the fields tokens, keep and key, as `negative_sampling.window_kernels.TokenBlock`.
    """
    for r in range(2):
        tables.addresses[0, r] = address(tables.vectors) + r * row_bytes
        tables.addresses[1, r] = address(tables.changes) + r * row_bytes
        tables.addresses[2, r] = address(tables.zero_row)
    return subsample(block.tokens, block.keep, block.key, tables.kept, tables.first, tables.stop)


@helper()
def list_context(block, i, kept, first, stop, row_bytes, words):
    """Write the addresses of the rows of the words around position i to `words`; return their number."""
    radius, n = window_size(block.key, i, block.window, block.shrink), np.int64(0)
    for j in range(max(np.int64(first[i]), i - radius), min(np.int64(stop[i]), i + radius + 1)):
        words[n] = address(block.center) + np.int64(kept[j]) * row_bytes
        n += j != i
    return n


@helper()
def sum_context(block, is_mean, i, n, tables, r, row_bytes, n_strips):
    """Make the context vector of position i of n in row r; return 1, or 0 for a position without a context.

    block: has the fields key, window, shrink and center. A position from n on has no context.
    """
    size = np.int64(0)
    if i < n:
        size = list_context(block, i, tables.kept, tables.first, tables.stop, row_bytes, tables.words[r])
    has_context = min(size, 1)
    tables.sizes[r] = size
    tables.row_weights[0, TILE * r : TILE * r + TILE] = has_context
    factor = np.float32(1) / np.float32(max(size, 1)) if is_mean else np.float32(1)
    sum_rows(n_strips, address(tables.words[r]), size, factor, tables.addresses[0, r])
    return has_context


@helper()
def change_context(tables, r, n_strips):
    """Add the change of context vector r to the row of each word of the context, once for each time it is there."""
    add_to_rows(n_strips, address(tables.words[r]), tables.sizes[r], tables.addresses[1, r])
