"""The kernel of CBOW with negative sampling: trains one block of tokens, two positions at a time (Numba).

The context vector h of a position is the mean, or the sum, of the vectors of the words around it (Result 33 of
docs/derivation.md). A step (Results 27 and 36) trains two positions, half a block apart. Its input rows X are their
two context vectors, its output rows Y are their two targets and K noise words, drawn once for both. The change of a
context vector is added to the row of each word of the context. Rows of Y are distinct, and their weights differ
between the two inputs:

- a target counts for its own position alone, unless it is a noise word for the other one;
- a noise word drawn r times is one row of weight r;
- a noise word equal to the target of a position has weight 0 for that position, as in word2vec.c (Result 18).

Random draws are numbered (`firth.training.draws`), so they do not depend on the blocks trained before. Nothing is
checked here: ids pass `guards.checked_ids` before they reach the kernel.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel
from firth.training.draws import draw_noise, subsample, window_size
from firth.training.windows.layout import (
    LANES,
    STRIP_BYTES,
    TILE,
    Rows,
    Step,
    add_to_rows,
    aligned_zeros,
    even_tiles,
    score_tile,
    strips,
    sum_rows,
    update_tile,
)

SLICE = 256  # steps whose noise words are drawn together and stay in the nearest cache
LEAD = 1  # steps ahead of which rows are prefetched

Array = NDArray[Any]


class CbowWorkspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next.

    Addresses are int64; n is the size of a block, m the window, K the noise words of a step.
    """

    kept: Array  # (n,) int32: the words that survive subsampling
    first: Array  # (n,) int32: where the sentence of each begins in `kept`
    stop: Array  # (n,) int32: where it ends
    noise: Array  # (SLICE * K,) int32
    contexts: Array  # (2, 2 m) int64: addresses of the rows of the words around each of the two positions
    sizes: Array  # (2,) int64: the number of these words
    outputs: Array  # (LEAD + 1, columns + 2) int64: addresses of the output rows of this step and the next LEAD,
    #                 followed by those of two input rows to prefetch with them
    is_weighted: Array  # (LEAD + 1,) bool: whether an output row of the step repeats
    tables: Array  # (3, 2) int64: addresses of the two rows of `hidden`, of `zeros`, and of `changes`
    row_weights: Array  # (1, 16) float32: 1 for each position, 0 for one without a context
    column_weights: Array  # (n_tiles, 16) float32: the signed weight of each output, see `simd.score_tile`
    g: Array  # (n_tiles, 16) float32: -eta G of (27a)
    hidden: Array  # (2, D padded) float32: the context vectors h
    zeros: Array  # (2, D padded) float32
    changes: Array  # (2, D padded) float32: -eta dJ/dh of each position
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True stops training before the next slice


def make_workspace(block_size: int, vector_size: int, window: int, negative: int, halt: Array) -> CbowWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    tile, n_tiles = even_tiles(2 + negative)
    width = LANES * strips(vector_size)
    return CbowWorkspace(
        kept=np.zeros(block_size, np.int32),
        first=np.zeros(block_size, np.int32),
        stop=np.zeros(block_size, np.int32),
        noise=np.zeros(SLICE * negative, np.int32),
        contexts=np.zeros((2, 2 * window), np.int64),
        sizes=np.zeros(2, np.int64),
        outputs=np.zeros((LEAD + 1, tile * n_tiles + 2), np.int64),
        is_weighted=np.zeros(LEAD + 1, np.bool_),
        tables=np.zeros((3, 2), np.int64),
        row_weights=aligned_zeros((1, LANES)),
        column_weights=aligned_zeros((n_tiles, LANES)),
        g=aligned_zeros((n_tiles, LANES)),
        hidden=aligned_zeros((2, width)),
        zeros=aligned_zeros((2, width)),
        changes=aligned_zeros((2, width)),
        unused_row=aligned_zeros((width,)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@helper()
def list_context(kept, lo, i, hi, center, row_bytes, context):
    """Write the addresses of the rows of the words of the window [lo, hi) around i; return their number."""
    n = 0
    for j in range(lo, hi):
        context[n] = center + np.int64(kept[j]) * row_bytes
        n += j != i
    return n


@helper()
def queue_outputs(row, targets, noise, first, K, outside, row_bytes, unused):
    """Write the output rows of a step to `row`; return whether any of them repeats. A target of -1 is none."""
    for r in range(2):
        row[r] = outside + np.int64(targets[r]) * row_bytes if targets[r] >= 0 else unused
    for k in range(K):
        row[2 + k] = outside + np.int64(noise[first + k]) * row_bytes
    repeats = False
    for k in range(1, K + 2):
        for earlier in range(k):
            repeats |= row[k] == row[earlier]
    return repeats


@helper()
def weigh_outputs(outputs, slot, K, tile, weights, unused):
    """Merge equal output rows into the first of them, for each position apart.

    A noise word equal to the target of a position is left out there: its weight is not added to a negative one.
    """
    for k in range(1, K + 2):
        same = 0
        while outputs[slot, same] != outputs[slot, k]:
            same += 1
        if same == k:
            continue
        for r in range(2):
            merged, lane = weights[same // tile], TILE * r + same % tile
            if merged[lane] >= 0:
                merged[lane] += weights[k // tile, TILE * r + k % tile]
            weights[k // tile, TILE * r + k % tile] = 0
        outputs[slot, k] = unused


@helper()
def reset_column_weights(K, tile, weights):
    """Count each target once for its position, with -1, and every noise word once for both, with 1."""
    for column in range(K + 2):
        for r in range(2):
            target = np.float32(-1) if column == r else np.float32(0)
            weights[column // tile, TILE * r + column % tile] = target if column < 2 else np.float32(1)


@helper()
def reset_workspace(work, K, tile, row_bytes):
    """Set every weight and every address that no step writes."""
    work.loss[:] = 0
    work.column_weights[:] = 0
    reset_column_weights(K, tile, work.column_weights)
    work.outputs[:] = address(work.unused_row)
    for r in range(2):
        work.tables[0, r] = address(work.hidden) + r * row_bytes
        work.tables[1, r] = address(work.zeros) + r * row_bytes
        work.tables[2, r] = address(work.changes) + r * row_bytes


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    columns = tile * n_tiles
    n_upcoming = tile + 2

    @helper(inline="always")
    def train_step(step, outputs, upcoming, column_weights, g, zeros, changes):
        """Do the step (27), (27a), with the changes of the input rows in rows of their own."""
        for t in range(n_tiles):
            score_tile(tile, step, outputs + 8 * tile * t, column_weights + t * STRIP_BYTES, g + t * STRIP_BYTES)
        for t in range(n_tiles):
            rows, place = Rows(step.inputs, zeros if t == 0 else changes, changes, 1, n_strips), 8 * tile * t
            update_tile(tile, 0, n_upcoming, rows, outputs + place, g + t * STRIP_BYTES, upcoming + place)

    @kernel()
    def train_block(block, is_mean, mode, work):
        """Train on a `TokenBlock`, in place; return (words, positions). The summed loss is in `work.loss`.

        is_mean: whether h is the mean of the context, or else the sum. The `CbowWorkspace` is overwritten. The same in
        NumPy: `reference.train_block`.
        """
        key, window, K, alias, noise, kept = block.key, block.window, block.K, block.alias, work.noise, work.kept
        contexts, sizes, outputs, is_weighted = work.contexts, work.sizes, work.outputs, work.is_weighted
        row_weights, column_weights, tables = work.row_weights, work.column_weights, work.tables
        center, outside, unused_row = address(block.center), address(block.outside), address(work.unused_row)
        hidden, zeros, changes = address(tables), address(tables) + 16, address(tables) + 32
        reset_workspace(work, K, tile, row_bytes)
        n, words = subsample(block.tokens, block.keep, key, kept, work.first, work.stop)
        n_steps, positions = (n + 1) // 2, 0
        for slice_start in range(0, n_steps, SLICE):
            if work.halt[0]:
                break
            slice_stop = min(slice_start + SLICE, n_steps)
            draw_noise(key, slice_start * K, (slice_stop - slice_start) * K, alias, noise)
            for s in range(slice_start - LEAD, slice_stop):
                slot, ahead = s % (LEAD + 1), (s + LEAD) % (LEAD + 1)
                if s + LEAD < slice_stop:
                    i, first_noise = 2 * (s + LEAD), (s + LEAD - slice_start) * K
                    is_weighted[ahead] = queue_outputs(
                        outputs, ahead, kept, i, n, noise, first_noise, K, outside, row_bytes, unused_row
                    )
                    for r in range(2):
                        entering = kept[min(i + r + window, n - 1)]
                        outputs[ahead, columns + r] = center + np.int64(entering) * row_bytes
                if s < slice_start:
                    continue
                for r in range(2):
                    i, size = 2 * s + r, np.int64(0)
                    if i < n:
                        radius = window_size(key, i, window, block.shrink)
                        lo, hi = max(np.int64(work.first[i]), i - radius), min(np.int64(work.stop[i]), i + radius + 1)
                        size = list_context(kept, lo, i, hi, center, row_bytes, contexts[r])
                    sizes[r] = size
                    row_weights[0, TILE * r : TILE * r + TILE] = min(size, 1)
                    factor = np.float32(1) / np.float32(max(size, 1)) if is_mean else np.float32(1)
                    sum_rows(n_strips, address(contexts[r]), size, factor, tables[0, r])
                    positions += min(size, 1)
                if sizes[0] + sizes[1] == 0:
                    continue
                if is_weighted[slot]:
                    weigh_outputs(outputs, slot, K, tile, column_weights, unused_row)
                step = Step(hidden, 1, n_strips, address(row_weights), block.rate, address(work.loss))
                table = address(outputs) + 8 * (columns + 2) * slot
                upcoming = address(outputs) + 8 * (columns + 2) * ahead
                train_step(step, table, upcoming, address(column_weights), address(work.g), zeros, changes)
                for r in range(2):
                    factor = np.float32(1) / np.float32(max(sizes[r], 1)) if mode else np.float32(1)
                    add_to_rows(n_strips, address(contexts[r]), sizes[r], factor, tables[2, r])
                if is_weighted[slot]:
                    reset_column_weights(K, tile, column_weights)
        return words, positions

    return train_block
