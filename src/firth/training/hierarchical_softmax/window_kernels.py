"""The kernel of the Hogwild schedule: trains one block of tokens, a window at a time (Numba).

The pairs of a window share their outside word o, the word in the middle, and so the nodes on its path. A window is one
step (`firth.training.windows.step`): X are the rows v of the centers, Y the rows q of the nodes, and the sum of the
gradients (31a) of docs/derivation.md over the pairs is that of (27a). The number of tiles of Y follows the path.

Nothing is checked here: ids pass `guards.checked_ids` before they reach the kernel.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel
from firth.objectives import HuffmanTree
from firth.training.windows.inputs import (
    LEAD,
    InputTables,
    list_inputs,
    list_windows,
    make_input_tables,
    reset_row_weights,
)
from firth.training.windows.layout import LANES, STRIP_BYTES, Step, aligned_zeros, strips
from firth.training.windows.step import compile_long_step, set_column_weight

NODES = 8  # nodes in a tile
HALT_WINDOWS = 512  # windows between two checks of the halt flag

Array = NDArray[Any]


class NodeTokenBlock(NamedTuple):
    """A block of tokens, and all else that the result of training on it depends on."""

    center: Array  # (V, D padded to strips) float32, C-contiguous, 64-byte aligned; training changes its rows
    nodes: Array  # (V - 1, D padded), likewise
    tokens: Array  # (n,) int32 ids in [0, V), END after each sentence
    keep: Array  # (V,) uint32, from `sampling.keep_thresholds`
    tree: HuffmanTree  # of the V words
    key: Any  # uint64: the seed of the random draws
    window: int  # m
    shrink: bool  # whether the size of each window is drawn from 1..m
    rate: Any  # float32: learning rate


class PathWorkspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next.

    Addresses are int64; m is the window, T the tiles that the longest path needs. What belongs to a window is written
    LEAD windows ahead, to slot (number of the window) % (LEAD + 1).
    """

    inputs: InputTables
    outputs: Array  # (LEAD + 1, T * NODES + 1) int64: addresses of the rows of the nodes, leaf first, and at the end of
    #                 each tile that of an input row to prefetch with them
    column_weights: Array  # ((LEAD + 1) * T, 16) float32: the signed weight of each node, see `simd.score_tile`
    n_tiles: Array  # (LEAD + 1,) int64: tiles of the window
    g: Array  # (T * m, 16) float32: -eta G of (27a)
    sums: Array  # (2 m,) int64: addresses of the rows of `partial`
    partial: Array  # (2 m, D padded) float32: input rows whose changes are summed over several tiles
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True stops training soon


def make_workspace(block_size: int, vector_size: int, window: int, longest_path: int, halt: Array) -> PathWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    width, most_tiles = LANES * strips(vector_size), -(-longest_path // NODES)
    return PathWorkspace(
        inputs=make_input_tables(block_size, vector_size, window),
        outputs=np.zeros((LEAD + 1, most_tiles * NODES + 1), np.int64),
        column_weights=aligned_zeros(((LEAD + 1) * most_tiles, LANES)),
        n_tiles=np.zeros(LEAD + 1, np.int64),
        g=aligned_zeros((most_tiles * window, LANES)),
        sums=np.zeros(2 * window, np.int64),
        partial=aligned_zeros((2 * window, width)),
        unused_row=aligned_zeros((width,)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@helper()
def queue_path(tree, word, nodes, row_bytes, outputs, weights, unused):
    """Write the row addresses of the nodes on a word's path, leaf first, and their weights; return the tiles.

    outputs: (T * NODES + 1,), overwritten; weights: (T, 16), those of the window.
    """
    last, length = tree.offsets[word + 1] - 1, tree.offsets[word + 1] - tree.offsets[word]
    n_tiles = (length + NODES - 1) // NODES
    for column in range(length):
        outputs[column] = nodes + np.int64(tree.points[last - column]) * row_bytes
        set_column_weight(weights, NODES, column, np.float32(2 * tree.codes[last - column] - 1))
    for column in range(length, n_tiles * NODES):
        outputs[column] = unused
        set_column_weight(weights, NODES, column, np.float32(0))
    return n_tiles


@helper()
def reset_workspace(work, row_bytes):
    """Set every number that no window writes."""
    work.loss[:] = 0
    work.outputs[:] = address(work.unused_row)
    for j in range(len(work.sums)):
        work.sums[j] = address(work.partial) + j * row_bytes


@lru_cache(maxsize=16)
def compile_train_block(n_strips: int) -> Any:
    """Return `train_block` for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_step = compile_long_step(NODES, n_strips, NODES + 1)

    @kernel()
    def train_block(block, work):
        """Train on a `NodeTokenBlock`, in place; return (words, pairs). The summed loss is in `work.loss`.

        Every window is one step of (31a) of docs/derivation.md for the sum of its pairs. The `PathWorkspace` is
        overwritten. The same in NumPy: `reference.train_block`.
        """
        kept, centers, outputs, halt = work.inputs.kept, work.inputs.centers, work.outputs, work.halt
        nodes, unused_row, most_tiles = address(block.nodes), address(work.unused_row), len(work.outputs[0]) // NODES
        g, sums, row_weights = address(work.g), address(work.sums), address(work.inputs.row_weights)
        reset_workspace(work, row_bytes)
        n, words = list_windows(block, work.inputs, row_bytes)
        pairs = 0
        for i in range(-LEAD, n):
            slot, ahead = i % (LEAD + 1), (i + LEAD) % (LEAD + 1)
            if i + LEAD < n:
                weights = work.column_weights[ahead * most_tiles : (ahead + 1) * most_tiles]
                word = kept[i + LEAD]
                work.n_tiles[ahead] = queue_path(
                    block.tree, word, nodes, row_bytes, outputs[ahead], weights, unused_row
                )
                outputs[ahead, work.n_tiles[ahead] * NODES] = centers[min(i + LEAD + block.window, n - 1)]
            if i < 0:
                continue
            if i % HALT_WINDOWS == 0 and halt[0]:
                break
            n_inputs, inputs, n_pairs, is_merged = list_inputs(block, i, work.inputs, row_bytes)
            if n_inputs == 0:
                continue
            pairs += n_inputs
            step = Step(inputs, n_pairs, n_strips, row_weights, block.rate, address(work.loss))
            table, upcoming = address(outputs[slot]), address(outputs[ahead])
            weights = address(work.column_weights) + slot * most_tiles * STRIP_BYTES
            train_step(step, work.n_tiles[slot], table, upcoming, weights, g, sums)
            if is_merged:
                reset_row_weights(work.inputs, n_pairs)
        return words, pairs

    return train_block
