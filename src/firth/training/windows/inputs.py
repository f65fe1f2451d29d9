"""The input rows of each window of a block of tokens: which they are, and how often each counts (Numba).

The words around the middle of a window are its inputs. A word that occurs r times is one row of weight r, so that the
rows of a step are distinct.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper
from firth.training.draws import subsample, window_size
from firth.training.windows.frozen import copy_frozen
from firth.training.windows.layout import LANES, TILE, aligned_zeros, strips
from firth.training.windows.step import set_row_weight

LEAD = 2  # windows ahead of which rows are prefetched

Array = NDArray[Any]


class InputTables(NamedTuple):
    """One thread's scratch arrays for the inputs of windows; addresses are int64, n is the size of a block and more."""

    kept: Array  # (n,) int32: the words that survive subsampling
    rows: Array  # (n,) int32: the row of the center matrix of each
    first: Array  # (n,) int32: where the sentence of each begins in `kept`
    stop: Array  # (n,) int32: where it ends
    previous: Array  # (n,) int32: the nearest earlier position of the same word, -1 if none is within two windows
    latest: Array  # (n,) int32: the largest `previous` up to here
    centers: Array  # (n,) int64: addresses of center rows, see `list_centers`
    merged: Array  # (2 m,) int64: addresses of a window's input rows where words repeat or their number is odd
    slots: Array  # (2 m + 1,) int32: the place in `merged` of each word of the window
    row_weights: Array  # (m, 16) float32: how often each input counts; 1 between windows
    zero_row: Array  # (D padded,) float32: the input row that an odd last input is paired with
    copies: Array  # (2 m, D padded) float32: copies of frozen rows, see `copy_frozen`


def make_input_tables(block_size: int, vector_size: int, window: int) -> InputTables:
    """Allocate scratch arrays for blocks of at most `block_size` tokens."""
    n = block_size + 2 * window + LEAD + 2
    return InputTables(
        kept=np.zeros(n, np.int32),
        rows=np.zeros(n, np.int32),
        first=np.zeros(n, np.int32),
        stop=np.zeros(n, np.int32),
        previous=np.zeros(n, np.int32),
        latest=np.zeros(n, np.int32),
        centers=np.zeros(n, np.int64),
        merged=np.zeros(2 * window, np.int64),
        slots=np.zeros(2 * window + 1, np.int32),
        row_weights=aligned_zeros((window, LANES)),
        zero_row=aligned_zeros((LANES * strips(vector_size),)),
        copies=aligned_zeros((2 * window, LANES * strips(vector_size))),
    )


@helper()
def mark_repeats(kept, n, span, first, previous, latest):
    """Set `previous`, within `span` positions of the same sentence, and `latest` for the n words kept."""
    largest = -1
    for i in range(n):
        found = -1
        for j in range(max(np.int64(first[i]), i - span), i):
            found = max(found, j if kept[j] == kept[i] else -1)
        largest = max(largest, found)
        previous[i] = found
        latest[i] = largest


@helper()
def list_centers(block, first, i, last, tables, row_bytes):
    """Set `centers` for the window around word i: the addresses of the rows of words `first` to `last` - 1 but its own.

    For the window around i, centers[j] is the row of word j for j < i and of word j + 1 from there on. The inputs of a
    window are then a slice of `centers`, and the step to the next window changes one entry.
    """
    center, rows, centers = address(block.center), tables.rows, tables.centers
    for j in range(first, i):
        centers[j] = center + np.int64(rows[j]) * row_bytes
    for j in range(i, last - 1):
        centers[j] = center + np.int64(rows[j + 1]) * row_bytes
    centers[max(last - 1, 0)] = address(tables.zero_row)


@helper()
def slice_range(window, tables, start, stop):
    """Return the first word of the windows around words `start` to `stop` - 1, and the one after their last.

    tables: has the fields first and stop, as `InputTables`: a window ends with its sentence.
    """
    return max(np.int64(tables.first[start]), start - window), min(np.int64(tables.stop[stop - 1]), stop + window)


@helper()
def merge_inputs(lo, i, hi, centers, previous, slots, merged, weights, zero_row):
    """Write the distinct input rows of the window [lo, hi) around i to `merged`, with their weights.

    Return the number of pairs of rows. An odd last row is paired with a row of zeros, which has weight 0.
    """
    n = 0
    for j in range(lo, hi):
        if j == i:
            continue
        earlier = previous[j] if previous[j] != i else previous[i]
        if earlier >= lo:
            slot = slots[earlier - lo]
            set_row_weight(weights, slot, weights[slot // 2, TILE * (slot % 2)] + np.float32(1))
        else:
            slot = n
            merged[n] = centers[j - 1 if j > i else j]
            n += 1
        slots[j - lo] = slot
    if n % 2 == 1:
        merged[n] = zero_row
        set_row_weight(weights, n, np.float32(0))
    return (n + 1) // 2


@helper()
def keep_words(block, tables):
    """Subsample a block of tokens; return the number of words that survive, and that of all words.

    block: has the fields tokens, keep, key, window and center, as `negative_sampling.window_kernels.TokenBlock`.
    """
    n, words = subsample(block.tokens, block.keep, block.key, tables.kept, tables.first, tables.stop)
    tables.row_weights[:] = 1
    mark_repeats(tables.kept, n, 2 * block.window, tables.first, tables.previous, tables.latest)
    return n, words


@helper()
def list_windows(block, tables, row_bytes):
    """Do what `keep_words` does, and set the tables for the window around the first word; row w is that of word w."""
    n, words = keep_words(block, tables)
    for i in range(n):
        tables.rows[i] = tables.kept[i]
    list_centers(block, 0, 0, n, tables, row_bytes)
    return n, words


@helper()
def list_inputs(block, i, tables, row_bytes):
    """Go on to the window around word i; return its pairs, the address of its inputs, pairs of rows, and if merged.

    Windows must be visited in order. If rows were merged, `reset_row_weights` must follow the step. A window without
    inputs has no pairs.
    """
    centers = tables.centers
    if i > 0:
        centers[i - 1] = address(block.center) + np.int64(tables.rows[i - 1]) * row_bytes
    r = window_size(block.key, i, block.window, block.shrink)
    lo, hi = max(np.int64(tables.first[i]), i - r), min(np.int64(tables.stop[i]), i + r + 1)
    n, has_frozen = hi - lo - 1, len(block.frozen) > 0
    if n % 2 == 0 and tables.latest[hi - 1] < lo and not has_frozen:
        return n, address(centers) + 8 * lo, n // 2, False
    row_pairs = merge_inputs(
        lo, i, hi, centers, tables.previous, tables.slots, tables.merged, tables.row_weights, address(tables.zero_row)
    )
    if has_frozen:
        copy_frozen(tables.merged, 2 * row_pairs, block.center, block.frozen, tables.copies, row_bytes)
    return n, address(tables.merged), row_pairs, True


@helper()
def reset_row_weights(tables, row_pairs):
    """Count every input once again, after a window of so many pairs of rows."""
    tables.row_weights[:row_pairs] = 1
