"""The kernel of the Hogwild schedule: trains one block of tokens, a window at a time (Numba).

The pairs of a window share their outside word o, the word in the middle, and so the nodes on its path. A window is one
step (`firth.training.windows.step`): X are the rows v of the centers, Y the rows q of the nodes, and the sum of the
gradients (31a) of docs/derivation.md over the pairs is that of (27a). The number of tiles of Y follows the path.

The root is on every path, and its children on about half of them. If all threads changed these rows, their cores would
wait for each other's cache lines: two threads lose a quarter of the speed. So each thread works on its own copy of the
most frequent nodes, and exchanges changes with the others after a number of windows (`exchange_top`). A single thread
gets the same result to the bit as without a copy.

Nothing is checked here: ids pass `guards.checked_ids` before they reach the kernel.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel
from firth.objectives import HuffmanTree
from firth.training.windows.frozen import NONE_FROZEN
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

NODES = 8
TOP = 16  # most frequent nodes, of which each thread has its own copy
EXCHANGE_WINDOWS = 256  # windows that all threads together train between two exchanges of one thread, about
HALT_WINDOWS = 512  # windows between two checks of the halt flag

Array = NDArray[Any]


class NodeTokenBlock(NamedTuple):
    """A block of tokens, and all else that the result of training on it depends on."""

    center: Array  # (V, D padded to strips) float32, C-contiguous, 64-byte aligned; training changes its rows
    nodes: Array  # (V - 1, D padded), likewise; frequent nodes last
    tokens: Array  # (n,) int32 ids in [0, V), END after each sentence
    keep: Array  # (V,) uint32, from `sampling.keep_thresholds`
    tree: HuffmanTree  # of the V words
    key: Any  # uint64: the seed of the random draws
    window: int  # m
    shrink: bool  # whether the size of each window is drawn from 1..m
    rate: Any  # float32: learning rate
    exchange: int  # windows between two exchanges of the most frequent nodes, at least 1
    frozen: Array = NONE_FROZEN  # (V,) bool: the rows of `center` that stay as they are; empty: none


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
    top: Array  # (TOP, D padded) float32: this thread's copy of the last rows of `nodes`
    top_before: Array  # (TOP, D padded) float32: the same as they were at the last exchange
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
        top=aligned_zeros((TOP, width)),
        top_before=aligned_zeros((TOP, width)),
        halt=halt,
    )


class NodeBase(NamedTuple):
    """Addresses that node rows are found by."""

    nodes: Any  # of node 0 in `NodeTokenBlock.nodes`
    top: Any  # where node 0 would be if `PathWorkspace.top` had all nodes
    first_top: Any  # the first node that it has
    unused_row: Any


@helper()
def queue_path(tree, word, base, row_bytes, outputs, weights):
    """Write the row addresses of the nodes on a word's path, leaf first, and their weights; return the tiles.

    outputs: (T * NODES + 1,), overwritten; weights: (T, 16), those of the window.
    """
    last, length = tree.offsets[word + 1] - 1, tree.offsets[word + 1] - tree.offsets[word]
    n_tiles = (length + NODES - 1) // NODES
    for column in range(length):
        node = np.int64(tree.points[last - column])
        outputs[column] = (base.nodes if node < base.first_top else base.top) + node * row_bytes
        set_column_weight(weights, NODES, column, np.float32(2 * tree.codes[last - column] - 1))
    for column in range(length, n_tiles * NODES):
        outputs[column] = base.unused_row
        set_column_weight(weights, NODES, column, np.float32(0))
    return n_tiles


@helper()
def exchange_top(nodes, first_top, top, before):
    """Add this thread's changes of the most frequent nodes to `nodes`, and copy the sum, which has those of others."""
    for row in range(len(nodes) - first_top):
        for d in range(nodes.shape[1]):
            own, then, shared = top[row, d], before[row, d], nodes[first_top + row, d]
            new = own if shared == then else shared + (own - then)
            nodes[first_top + row, d] = top[row, d] = before[row, d] = new


@helper()
def reset_workspace(work, row_bytes):
    """Set every number that no window writes."""
    work.top[:] = 0
    work.top_before[:] = 0
    work.loss[:] = 0
    work.outputs[:] = address(work.unused_row)
    for j in range(len(work.sums)):
        work.sums[j] = address(work.partial) + j * row_bytes


@lru_cache(maxsize=16)
def compile_train_windows(n_strips: int) -> Any:
    """Return `train_windows` for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_step = compile_long_step(NODES, n_strips, NODES + 1)

    @helper()
    def train_windows(block, work, n, start, stop):
        """Train on the windows around words `start` to `stop` - 1 of n; return the number of pairs.

        Every window is one step of (31a) of docs/derivation.md for the sum of its pairs. The tables of inputs must be
        set for the window around word `start`. At the end `block.nodes` has all changes of this thread.
        """
        kept, centers, outputs = work.inputs.kept, work.inputs.centers, work.outputs
        g, sums, row_weights = address(work.g), address(work.sums), address(work.inputs.row_weights)
        most_tiles, first_top = outputs.shape[1] // NODES, max(0, len(block.nodes) - TOP)
        top = address(work.top) - first_top * row_bytes
        base = NodeBase(address(block.nodes), top, first_top, address(work.unused_row))
        pairs = 0
        for i in range(start - LEAD, stop):
            slot, ahead = i % (LEAD + 1), (i + LEAD) % (LEAD + 1)
            if i + LEAD < stop:
                weights = work.column_weights[ahead * most_tiles : (ahead + 1) * most_tiles]
                n_tiles = queue_path(block.tree, kept[i + LEAD], base, row_bytes, outputs[ahead], weights)
                work.n_tiles[ahead] = n_tiles
                outputs[ahead, n_tiles * NODES] = centers[min(i + LEAD + block.window, n - 1)]
            if i < start:
                continue
            if i % block.exchange == 0:
                exchange_top(block.nodes, first_top, work.top, work.top_before)
            n_inputs, inputs, n_pairs, is_merged = list_inputs(block, i, work.inputs, row_bytes)
            if n_inputs == 0:
                continue
            pairs += n_inputs
            step = Step(inputs, n_pairs, n_strips, row_weights, block.rate, address(work.loss))
            table, upcoming = address(outputs[slot]), address(outputs[ahead])
            weights_of_window = address(work.column_weights) + slot * most_tiles * STRIP_BYTES
            train_step(step, work.n_tiles[slot], table, upcoming, weights_of_window, g, inputs, sums, inputs)
            if is_merged:
                reset_row_weights(work.inputs, n_pairs)
        exchange_top(block.nodes, first_top, work.top, work.top_before)
        return pairs

    return train_windows


@lru_cache(maxsize=16)
def compile_train_block(n_strips: int) -> Any:
    """Return `train_block` for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_windows = compile_train_windows(n_strips)

    @kernel()
    def train_block(block, work):
        """Train on a `NodeTokenBlock`, in place; return (words, pairs). The summed loss is in `work.loss`.

        The `PathWorkspace` is overwritten. The same in NumPy: `reference.train_block`.
        """
        reset_workspace(work, row_bytes)
        n, words = list_windows(block, work.inputs, row_bytes)
        pairs = 0
        for start in range(0, n, HALT_WINDOWS):
            if work.halt[0]:
                break
            pairs += train_windows(block, work, n, start, min(start + HALT_WINDOWS, n))
        return words, pairs

    return train_block
