"""The kernel of the Hogwild schedule: trains one block of tokens, a window at a time (Numba).

The pairs of a window share their outside word o, the word in the middle, and K noise words drawn once for the window
(Ji et al. 2016, arXiv:1611.06172, section 3). The words around o are the centers. As in word2vec.c, the word in the
middle is thus the outside word and not the center; by Result 26 of docs/derivation.md the corpus has the same pairs.
A window is one step (`steps`).

Random draws are numbered (`firth.training.draws`), so they do not depend on the blocks trained before. Nothing is
checked here: ids pass `guards.checked_ids` before they reach the kernel.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel
from firth.training.draws import draw_noise, subsample, window_size
from firth.training.negative_sampling.steps import (
    queue_outputs,
    reset_column_weights,
    weigh_outputs,
)
from firth.training.windows.layout import (
    LANES,
    STRIP_BYTES,
    TILE,
    Step,
    aligned_zeros,
    strips,
    tiles,
)
from firth.training.windows.step import compile_step, set_row_weight

SLICE = 512  # windows whose noise words are drawn together and stay in the nearest cache
LEAD = 2  # windows ahead of which rows are prefetched

Array = NDArray[Any]


class TokenBlock(NamedTuple):
    """A block of tokens, and all else that the result of training on it depends on."""

    center: Array  # (V, D padded to strips) float32, C-contiguous, 64-byte aligned; training changes its rows
    outside: Array  # likewise
    tokens: Array  # (n,) int32 ids in [0, V), END after each sentence
    keep: Array  # (V,) uint32, from `sampling.keep_thresholds`
    alias: Array  # (V,) uint64, from `sampling.alias_table`
    key: Any  # uint64: the seed of the random draws
    window: int  # m
    shrink: bool  # whether the size of each window is drawn from 1..m
    K: int  # noise words for each window
    rate: Any  # float32: learning rate


class Workspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next.

    Addresses are int64; n is the size of a block and a little more, m the window, K the noise words of a window.
    """

    kept: Array  # (n,) int32: the words that survive subsampling
    first: Array  # (n,) int32: where the sentence of each begins in `kept`
    stop: Array  # (n,) int32: where it ends
    previous: Array  # (n,) int32: the nearest earlier position of the same word, -1 if none is within two windows
    latest: Array  # (n,) int32: the largest `previous` up to here
    centers: Array  # (n,) int64: addresses of center rows, see `list_centers`
    noise: Array  # (SLICE * K,) int32
    merged: Array  # (2 m,) int64: addresses of a window's input rows where words repeat or their number is odd
    sums: Array  # (2 m,) int64: addresses of the rows of `partial`
    outputs: Array  # (LEAD + 1, columns + 1) int64: addresses of the output rows of this window and the next LEAD,
    #                 followed by that of an input row to prefetch with them
    is_weighted: Array  # (LEAD + 1,) bool: whether a noise word of the window repeats or equals its outside word
    slots: Array  # (2 m + 1,) int32: the place in `merged` of each word of the window
    row_weights: Array  # (m, 16) float32: how often each input counts; 1 between windows
    column_weights: Array  # (n_tiles, 16) float32: the signed weight of each output, see `simd.score_tile`
    g: Array  # (n_tiles * m, 16) float32: -eta G of (27a)
    zero_row: Array  # (D padded,) float32: the input row that an odd last input is paired with
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    partial: Array  # (2 m, D padded) float32: input rows whose changes are summed over several tiles
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True stops training before the next slice


def make_workspace(block_size: int, vector_size: int, window: int, negative: int, halt: Array) -> Workspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    tile, n_tiles = tiles(negative)
    n, width = block_size + 2 * window + LEAD + 2, LANES * strips(vector_size)
    return Workspace(
        kept=np.zeros(n, np.int32),
        first=np.zeros(n, np.int32),
        stop=np.zeros(n, np.int32),
        previous=np.zeros(n, np.int32),
        latest=np.zeros(n, np.int32),
        centers=np.zeros(n, np.int64),
        noise=np.zeros(SLICE * negative, np.int32),
        merged=np.zeros(2 * window, np.int64),
        sums=np.zeros(2 * window, np.int64),
        outputs=np.zeros((LEAD + 1, tile * n_tiles + 1), np.int64),
        is_weighted=np.zeros(LEAD + 1, np.bool_),
        slots=np.zeros(2 * window + 1, np.int32),
        row_weights=aligned_zeros((window, LANES)),
        column_weights=aligned_zeros((n_tiles, LANES)),
        g=aligned_zeros((n_tiles * window, LANES)),
        zero_row=aligned_zeros((width,)),
        unused_row=aligned_zeros((width,)),
        partial=aligned_zeros((2 * window, width)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@helper()
def mark_repeats(kept, n, span, previous, latest):
    """Set `previous`, within `span` positions, and `latest` for the n words kept."""
    largest = -1
    for i in range(n):
        found = -1
        for j in range(max(0, i - span), i):
            found = max(found, j if kept[j] == kept[i] else -1)
        largest = max(largest, found)
        previous[i] = found
        latest[i] = largest


@helper()
def list_centers(kept, n, center, row_bytes, zero_row, centers):
    """Set `centers` for the window around word 0: the addresses of all rows but its own.

    For the window around i, centers[j] is the row of word j for j < i and of word j + 1 from there on. The inputs of a
    window are then a slice of `centers`, and the step to the next window changes one entry.
    """
    for j in range(n - 1):
        centers[j] = center + np.int64(kept[j + 1]) * row_bytes
    centers[max(n - 1, 0)] = zero_row


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
def reset_workspace(work, K, tile, row_bytes):
    """Set every weight and every address that no window writes."""
    work.loss[:] = 0
    work.row_weights[:] = 1
    work.column_weights[:] = 0
    reset_column_weights(K, tile, work.column_weights)
    work.outputs[:] = address(work.unused_row)
    for j in range(len(work.sums)):
        work.sums[j] = address(work.partial) + j * row_bytes


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips.

    Compiling takes about two seconds, on the first call.
    """
    row_bytes = n_strips * STRIP_BYTES
    columns = tile * n_tiles
    train_step = compile_step(tile, n_tiles, n_strips, tile + 1)

    @kernel()
    def train_block(block, work):
        """Train on a `TokenBlock`, in place; return (words, pairs). The summed loss is in `work.loss`.

        Every window is one step of Result 27 of docs/derivation.md (Ji et al. 2016, arXiv:1611.06172, section 3).
        The `Workspace` is overwritten. The same in NumPy: `reference.train_block`.
        """
        key, window, K, alias, noise = block.key, block.window, block.K, block.alias, work.noise
        kept, first, stop, previous, latest = work.kept, work.first, work.stop, work.previous, work.latest
        centers, outputs, is_weighted, halt = work.centers, work.outputs, work.is_weighted, work.halt
        merged, slots, row_weights, column_weights = work.merged, work.slots, work.row_weights, work.column_weights
        center, outside = address(block.center), address(block.outside)
        zero_row, unused_row = address(work.zero_row), address(work.unused_row)
        g, sums = address(work.g), address(work.sums)
        reset_workspace(work, K, tile, row_bytes)
        n, words = subsample(block.tokens, block.keep, key, kept, first, stop)
        mark_repeats(kept, n, 2 * window, previous, latest)
        list_centers(kept, n, center, row_bytes, zero_row, centers)
        pairs = 0
        for slice_start in range(0, n, SLICE):
            if halt[0]:
                break
            slice_stop = min(slice_start + SLICE, n)
            draw_noise(key, slice_start * K, (slice_stop - slice_start) * K, alias, noise)
            for i in range(slice_start - LEAD, slice_stop):
                slot, ahead = i % (LEAD + 1), (i + LEAD) % (LEAD + 1)
                if i + LEAD < slice_stop:
                    first_noise = (i + LEAD - slice_start) * K
                    is_weighted[ahead] = queue_outputs(
                        outputs, ahead, kept[i + LEAD], noise, first_noise, K, outside, row_bytes
                    )
                    outputs[ahead, columns] = centers[min(i + LEAD + window, n - 1)]
                if i < slice_start:
                    continue
                if i > 0:
                    centers[i - 1] = center + np.int64(kept[i - 1]) * row_bytes
                r = window_size(key, i, window, block.shrink)
                lo, hi = max(np.int64(first[i]), i - r), min(np.int64(stop[i]), i + r + 1)
                n_inputs = hi - lo - 1
                if n_inputs == 0:
                    continue
                pairs += n_inputs
                n_pairs, inputs = n_inputs // 2, address(centers) + 8 * lo
                is_merged = n_inputs % 2 == 1 or latest[hi - 1] >= lo
                if is_merged:
                    n_pairs = merge_inputs(lo, i, hi, centers, previous, slots, merged, row_weights, zero_row)
                    inputs = address(merged)
                if is_weighted[slot]:
                    weigh_outputs(outputs, slot, K, tile, column_weights, unused_row)
                step = Step(inputs, n_pairs, n_strips, address(row_weights), block.rate, address(work.loss))
                table = address(outputs) + 8 * (columns + 1) * slot
                upcoming = address(outputs) + 8 * (columns + 1) * ahead
                train_step(step, table, upcoming, address(column_weights), g, sums)
                if is_merged:
                    row_weights[:n_pairs] = 1
                if is_weighted[slot]:
                    reset_column_weights(K, tile, column_weights)
        return words, pairs

    return train_block
