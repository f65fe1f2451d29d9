"""The kernel of CBOW with negative sampling: trains one block of tokens, two positions at a time (Numba).

A step (Result 36 of docs/derivation.md) trains two positions that are half a block apart. Its input rows are their
context vectors (`contexts`), its output rows are their two targets and K noise words, drawn once for both. Output rows
are distinct, and their weights differ between the positions:

- a target counts for its own position, and as noise for the other one if it was drawn;
- a noise word drawn r times is one row of weight r;
- a noise word equal to the target of a position has weight 0 for that position, as in word2vec.c (Result 18).

If neighbouring positions shared noise words, both would push them the same way, because their contexts overlap: that
costs a point of accuracy on analogies.

Random draws are numbered (`firth.training.draws`), so they do not depend on the blocks trained before. Nothing is
checked here: ids pass `guards.checked_ids` before they reach the kernel.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel
from firth.training.cbow.contexts import (
    ContextTables,
    change_context,
    compile_make_context,
    list_positions,
    make_context_tables,
)
from firth.training.draws import draw_noise
from firth.training.windows.layout import LANES, STRIP_BYTES, TILE, Step, aligned_zeros, even_tiles, strips
from firth.training.windows.step import compile_long_step

SLICE = 512  # steps whose noise words are drawn together and stay in the nearest cache
LEAD = 2  # steps ahead of which rows are prefetched

Array = NDArray[Any]


class CbowWorkspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next.

    Addresses are int64; K are the noise words of a step.
    """

    contexts: ContextTables
    noise: Array  # (SLICE * K,) int32
    outputs: Array  # (LEAD + 1, columns + 2) int64: addresses of the output rows of this step and the next LEAD,
    #                 followed by those of two input rows to prefetch with them
    repeats: Array  # (LEAD + 1,) bool: whether an output row of the step repeats
    column_weights: Array  # (n_tiles, 16) float32: the signed weight of each output, see `simd.score_tile`
    g: Array  # (n_tiles, 16) float32: -eta G of (27a)
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True stops training before the next slice


def make_workspace(block_size: int, vector_size: int, window: int, negative: int, halt: Array) -> CbowWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    tile, n_tiles = even_tiles(2 + negative)
    return CbowWorkspace(
        contexts=make_context_tables(block_size, vector_size, window),
        noise=np.zeros(SLICE * negative, np.int32),
        outputs=np.zeros((LEAD + 1, tile * n_tiles + 2), np.int64),
        repeats=np.zeros(LEAD + 1, np.bool_),
        column_weights=aligned_zeros((n_tiles, LANES)),
        g=aligned_zeros((n_tiles, LANES)),
        unused_row=aligned_zeros((LANES * strips(vector_size),)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@helper()
def queue_outputs(row, kept, positions, n, noise, K, outside, row_bytes, unused):
    """Write the output rows of two positions of n and their K noise words to `row`; return whether any repeats."""
    for r in range(2):
        target = np.int64(kept[min(positions[r], n - 1)])
        row[r] = outside + target * row_bytes if positions[r] < n else unused
    for k in range(K):
        row[2 + k] = outside + np.int64(noise[k]) * row_bytes
    repeats = False
    for k in range(1, K + 2):
        for earlier in range(k):
            repeats |= row[k] == row[earlier]
    return repeats


@helper()
def weigh_outputs(row, K, tile, weights, unused):
    """Merge equal output rows into the first of them, for each position apart.

    A noise word equal to the target of a position is left out there: its weight is not added to a negative one.
    """
    for k in range(1, K + 2):
        same = 0
        while row[same] != row[k]:
            same += 1
        if same == k:
            continue
        for r in range(2):
            lane, merged_lane = TILE * r + k % tile, TILE * r + same % tile
            if weights[same // tile, merged_lane] >= 0:
                weights[same // tile, merged_lane] += weights[k // tile, lane]
            weights[k // tile, lane] = 0
        row[k] = unused


@helper()
def reset_column_weights(K, tile, weights):
    """Count each target once for its own position, with -1, and every noise word once for both, with 1."""
    for column in range(K + 2):
        for r in range(2):
            of_target = np.float32(-1) if column == r else np.float32(0)
            weights[column // tile, TILE * r + column % tile] = of_target if column < 2 else np.float32(1)


@helper()
def reset_workspace(work, K, tile):
    """Prepare the scratch arrays of a `CbowWorkspace` for a block."""
    work.loss[:] = 0
    work.outputs[:] = address(work.unused_row)
    work.column_weights[:] = 0
    reset_column_weights(K, tile, work.column_weights)


@lru_cache(maxsize=16)
def compile_train_slice(tile: int, n_tiles: int, n_strips: int, is_weighted: bool = False) -> Any:
    """Return `train_slice` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips.

    is_weighted: see `contexts.compile_make_context`.
    """
    row_bytes = n_strips * STRIP_BYTES
    columns = tile * n_tiles
    train_step = compile_long_step(tile, n_strips, tile + 2)
    make_context = compile_make_context(n_strips, is_weighted)

    @helper()
    def train_slice(block, is_mean, work, n, slice_start, slice_stop):
        """Train the steps `slice_start` to `slice_stop` - 1 of a block of n words; return the number of positions."""
        K, contexts, outputs, repeats, column_weights = (
            block.K,
            work.contexts,
            work.outputs,
            work.repeats,
            work.column_weights,
        )
        kept, unused_row = contexts.kept, address(work.unused_row)
        center, outside = address(block.center), address(block.outside)
        n_steps, trained = (n + 1) // 2, 0
        draw_noise(block.key, slice_start * K, (slice_stop - slice_start) * K, block.alias, work.noise)
        for i in range(slice_start - LEAD, slice_stop):
            slot, ahead = i % (LEAD + 1), (i + LEAD) % (LEAD + 1)
            if i + LEAD < slice_stop:
                next_pair = i + LEAD, i + LEAD + n_steps
                noise = work.noise[(i + LEAD - slice_start) * K :]
                repeats[ahead] = queue_outputs(
                    outputs[ahead], kept, next_pair, n, noise, K, outside, row_bytes, unused_row
                )
                for r in range(2):
                    entering = np.int64(contexts.rows[min(next_pair[r] + block.window, n - 1)])
                    outputs[ahead, columns + r] = center + entering * row_bytes
            if i < slice_start:
                continue
            found = make_context(block, is_mean, i, n, contexts, 0)
            found += make_context(block, is_mean, i + n_steps, n, contexts, 1)
            if found == 0:
                continue
            trained += found
            if repeats[slot]:
                weigh_outputs(outputs[slot], K, tile, column_weights, unused_row)
            step = Step(
                address(contexts.addresses), 1, n_strips, address(contexts.row_weights), block.rate,
                address(work.loss),
            )  # fmt: skip
            changes, zeros = step.inputs + 16, step.inputs + 32
            table, upcoming = address(outputs[slot]), address(outputs[ahead])
            weights, g = address(column_weights), address(work.g)
            train_step(step, n_tiles, table, upcoming, weights, g, zeros, changes, changes)
            change_context(contexts, 0, n_strips)
            change_context(contexts, 1, n_strips)
            if repeats[slot]:
                reset_column_weights(K, tile, column_weights)
        return trained

    return train_slice


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_slice = compile_train_slice(tile, n_tiles, n_strips)

    @kernel()
    def train_block(block, is_mean, work):
        """Train on a `TokenBlock`, in place; return (words, positions). The summed loss is in `work.loss`.

        is_mean: whether h is the mean of the context; otherwise it is the sum. The `CbowWorkspace` is overwritten. The
        same in NumPy: `reference.train_block`.
        """
        reset_workspace(work, block.K, tile)
        n, words = list_positions(block, work.contexts, row_bytes)
        trained, n_steps = 0, (n + 1) // 2
        for slice_start in range(0, n_steps, SLICE):
            if work.halt[0]:
                break
            slice_stop = min(slice_start + SLICE, n_steps)
            trained += train_slice(block, is_mean, work, n, slice_start, slice_stop)
        return words, trained

    return train_block
