"""The kernel of CBOW with hierarchical softmax: trains one block of tokens, a position at a time (Numba).

A step has the context vector of one position (`contexts`) as its input row and the nodes on the path of its target as
its output rows. Each thread has its own copy of the most frequent nodes, as under skip-gram
(`hierarchical_softmax.window_kernels`). Nothing is checked here: ids pass `guards.checked_ids` before they reach the
kernel.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from firth.compiling.kernel import address, helper, kernel
from firth.training.cbow.contexts import (
    Array,
    ContextTables,
    change_context,
    compile_make_context,
    list_positions,
    make_context_tables,
)
from firth.training.hierarchical_softmax.window_kernels import (
    HALT_WINDOWS,
    NODES,
    TOP,
    NodeBase,
    exchange_top,
    queue_path,
)
from firth.training.windows.layout import LANES, STRIP_BYTES, Step, aligned_zeros, strips
from firth.training.windows.step import compile_long_step

LEAD = 2  # positions ahead of which rows are prefetched


class CbowPathWorkspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next.

    Addresses are int64; T are the tiles that the longest path needs. What belongs to a position is written LEAD
    positions ahead, to slot (number of the position) % (LEAD + 1).
    """

    contexts: ContextTables
    outputs: Array  # (LEAD + 1, T * NODES + 1) int64: addresses of the rows of the nodes, leaf first, and after the
    #                 last tile that of an input row to prefetch with them
    column_weights: Array  # ((LEAD + 1) * T, 16) float32: the signed weight of each node, see `simd.score_tile`
    n_tiles: Array  # (LEAD + 1,) int64: tiles of the position
    g: Array  # (T, 16) float32: -eta G of (27a)
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    loss: Array  # (16,) float64: the loss summed over the block
    top: Array  # (TOP, D padded) float32: this thread's copy of the last rows of `nodes`
    top_before: Array  # (TOP, D padded) float32: the same as they were at the last exchange
    halt: Array  # (1,) bool, shared by all threads: True stops training soon


def make_workspace(block_size: int, vector_size: int, window: int, longest_path: int, halt: Array) -> CbowPathWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    width, most_tiles = LANES * strips(vector_size), -(-longest_path // NODES)
    return CbowPathWorkspace(
        contexts=make_context_tables(block_size, vector_size, window),
        outputs=np.zeros((LEAD + 1, most_tiles * NODES + 1), np.int64),
        column_weights=aligned_zeros(((LEAD + 1) * most_tiles, LANES)),
        n_tiles=np.zeros(LEAD + 1, np.int64),
        g=aligned_zeros((most_tiles, LANES)),
        unused_row=aligned_zeros((width,)),
        loss=aligned_zeros((LANES,), np.float64),
        top=aligned_zeros((TOP, width)),
        top_before=aligned_zeros((TOP, width)),
        halt=halt,
    )


@helper()
def reset_workspace(work):
    """Prepare the scratch arrays of a `CbowPathWorkspace` for a block."""
    work.top[:] = 0
    work.top_before[:] = 0
    work.loss[:] = 0
    work.outputs[:] = address(work.unused_row)


@lru_cache(maxsize=16)
def compile_train_slice(n_strips: int, is_weighted: bool = False) -> Any:
    """Return `train_slice` for rows of `n_strips` strips.

    is_weighted: see `contexts.compile_make_context`.
    """
    row_bytes = n_strips * STRIP_BYTES
    train_step = compile_long_step(NODES, n_strips, NODES + 1)
    make_context = compile_make_context(n_strips, is_weighted)

    @helper()
    def train_slice(block, is_mean, work, n, start, stop):
        """Train the positions `start` to `stop` - 1 of a block of n words; return the number of those with a context.

        At the end `block.nodes` has all changes of this thread.
        """
        contexts, outputs, kept = work.contexts, work.outputs, work.contexts.kept
        most_tiles, g = len(work.g), address(work.g)
        first_top = max(0, len(block.nodes) - TOP)
        base = NodeBase(
            address(block.nodes), address(work.top) - first_top * row_bytes, first_top, address(work.unused_row)
        )
        make_context(block, is_mean, n, n, contexts, 1)  # no second position
        trained = 0
        for i in range(start - LEAD, stop):
            slot, ahead = i % (LEAD + 1), (i + LEAD) % (LEAD + 1)
            if i + LEAD < stop:
                weights = work.column_weights[ahead * most_tiles : (ahead + 1) * most_tiles]
                n_tiles = queue_path(block.tree, kept[i + LEAD], base, row_bytes, outputs[ahead], weights)
                work.n_tiles[ahead] = n_tiles
                entering = np.int64(contexts.rows[min(i + LEAD + block.window, n - 1)])
                outputs[ahead, n_tiles * NODES] = address(block.center) + entering * row_bytes
            if i < start:
                continue
            if i % block.exchange == 0:
                exchange_top(block.nodes, first_top, work.top, work.top_before)
            if make_context(block, is_mean, i, n, contexts, 0) == 0:
                continue
            trained += 1
            row_weights, loss = address(contexts.row_weights), address(work.loss)
            step = Step(address(contexts.addresses), 1, n_strips, row_weights, block.rate, loss)
            changes, zeros = step.inputs + 16, step.inputs + 32
            weights_of_position = address(work.column_weights) + slot * most_tiles * STRIP_BYTES
            table, upcoming = address(outputs[slot]), address(outputs[ahead])
            train_step(step, work.n_tiles[slot], table, upcoming, weights_of_position, g, zeros, changes, changes)
            change_context(contexts, 0, n_strips)
        exchange_top(block.nodes, first_top, work.top, work.top_before)
        return trained

    return train_slice


@lru_cache(maxsize=16)
def compile_train_block(n_strips: int) -> Any:
    """Return `train_block` for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_slice = compile_train_slice(n_strips)

    @kernel()
    def train_block(block, is_mean, work):
        """Train on a `NodeTokenBlock`, in place; return (words, positions). The summed loss is in `work.loss`.

        is_mean: whether h is the mean of the context; otherwise it is the sum. The `CbowPathWorkspace` is overwritten.
        The same in NumPy: `reference.train_path_block`.
        """
        reset_workspace(work)
        n, words = list_positions(block, work.contexts, row_bytes)
        trained = 0
        for start in range(0, n, HALT_WINDOWS):
            if work.halt[0]:
                break
            trained += train_slice(block, is_mean, work, n, start, min(start + HALT_WINDOWS, n))
        return words, trained

    return train_block
