"""One step along the path of a word: the input rows that are given, and the rows of the path's nodes (Numba).

The root is on every path, and its children on about half of them. If all threads changed these rows, their cores would
wait for each other's cache lines: two threads lose a quarter of the speed. So each thread works on its own copy of the
most frequent nodes, and exchanges changes with the others after a number of steps (`exchange_top`). A single thread
gets the same result to the bit as without a copy.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, prefetch
from firth.training.negative_sampling.block_kernels import prefetch_row
from firth.training.windows.layout import LANES, STRIP_BYTES, TILE, aligned_zeros, strips
from firth.training.windows.step import compile_long_step

TOP = 16  # most frequent nodes, of which each thread has its own copy
LEAD = 2  # steps ahead of which the rows of nodes are prefetched; before them
PATH_LEAD = 7  # the nodes and codes of the path, and before these
OFFSET_LEAD = 12  # the place where the path begins
DEEP = 5  # nodes nearer to the root are not prefetched: they are always in a cache

Array = NDArray[Any]


class NodeTables(NamedTuple):
    """One thread's scratch arrays for steps along paths; T is the number of tiles that the longest path needs."""

    outputs: Array  # (T * TILE,) int64: addresses of the rows of the nodes, root first
    column_weights: Array  # (T, 16) float32: the signed weight of each node, see `simd.score_tile`
    g: Array  # (T * row_pairs, 16) float32: -eta G of (27a)
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    top: Array  # (TOP, D padded) float32: this thread's copy of the last rows of `nodes`
    top_before: Array  # (TOP, D padded) float32: the same as they were at the last exchange


class NodeBase(NamedTuple):
    """Addresses that node rows are found by."""

    nodes: Any  # of node 0 in `NodeTokenBlock.nodes`
    top: Any  # where node 0 would be if `NodeTables.top` had all nodes
    first_top: Any  # the first node that it has


def make_node_tables(vector_size: int, longest_path: int, row_pairs: int) -> NodeTables:
    """Allocate scratch arrays for paths of at most `longest_path` nodes and `row_pairs` pairs of input rows."""
    width, most_tiles = LANES * strips(vector_size), -(-longest_path // TILE)
    return NodeTables(
        outputs=np.zeros(most_tiles * TILE, np.int64),
        column_weights=aligned_zeros((most_tiles, LANES)),
        g=aligned_zeros((most_tiles * row_pairs, LANES)),
        unused_row=aligned_zeros((width,)),
        top=aligned_zeros((TOP, width)),
        top_before=aligned_zeros((TOP, width)),
    )


@helper()
def find_nodes(nodes, tables, row_bytes):
    """Return the `NodeBase` of a matrix and this thread's copy of its last rows."""
    first_top = max(0, len(nodes) - TOP)
    return NodeBase(address(nodes), address(tables.top) - first_top * row_bytes, first_top)


@helper()
def exchange_top(nodes, tables):
    """Add this thread's changes of the most frequent nodes to `nodes`, and copy the sum, which has those of others."""
    top, before, first_top = tables.top, tables.top_before, max(0, len(nodes) - TOP)
    for row in range(len(nodes) - first_top):
        for d in range(nodes.shape[1]):
            own, then, shared = top[row, d], before[row, d], nodes[first_top + row, d]
            new = own if shared == then else shared + (own - then)
            nodes[first_top + row, d] = top[row, d] = before[row, d] = new


@helper()
def prefetch_paths(block, kept, i, n, row_bytes):
    """Prefetch what the steps of the words after word i of n need of their paths, in the order in which it is found."""
    tree, nodes, last = block.tree, address(block.nodes), n - 1
    prefetch(address(tree.offsets) + 8 * np.int64(kept[min(i + OFFSET_LEAD, last)]), 0)
    entry = tree.offsets[kept[min(i + PATH_LEAD, last)]]
    prefetch(address(tree.codes) + entry, 0)
    for half in range(2):  # of about 16 nodes
        prefetch(address(tree.points) + 4 * entry + 32 * half, 0)
    word = np.int64(kept[min(i + LEAD, last)])
    for entry in range(tree.offsets[word] + DEEP, tree.offsets[word + 1]):
        prefetch_row(nodes + np.int64(tree.points[entry]) * row_bytes, row_bytes)


@helper()
def list_path(tree, word, base, tables, row_bytes):
    """Write the row addresses of the nodes on a word's path, root first, and their weights.

    Return the nodes in a tile, 6 or 8, and the number of tiles.
    """
    start, end = tree.offsets[word], tree.offsets[word + 1]
    n_tiles = (end - start + TILE - 1) // TILE
    tile = 6 if end - start <= 6 * n_tiles else 8
    entry = start
    for t in range(n_tiles):
        tables.column_weights[t] = 0
        for j in range(tile):
            row = address(tables.unused_row)
            if entry < end:
                node, sign = np.int64(tree.points[entry]), np.float32(2 * tree.codes[entry] - 1)
                row = (base.nodes if node < base.first_top else base.top) + node * row_bytes
                tables.column_weights[t, j] = tables.column_weights[t, j + TILE] = sign
            tables.outputs[t * tile + j] = row
            entry += 1
    return tile, n_tiles


@lru_cache(maxsize=16)
def compile_path_step(n_strips: int) -> Any:
    """Return `train_path` for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    step_of_6, step_of_8 = (compile_long_step(tile, n_strips, 0) for tile in (6, 8))

    @helper(inline="always")
    def train_path(step, tree, word, base, tables, before, sums, after):
        """Do the step (31a) for the path of a word; the last three arguments are as in `compile_long_step`."""
        tile, n_tiles = list_path(tree, word, base, tables, row_bytes)
        outputs, weights, g = address(tables.outputs), address(tables.column_weights), address(tables.g)
        if tile == 6:
            step_of_6(step, n_tiles, outputs, outputs, weights, g, before, sums, after)
        else:
            step_of_8(step, n_tiles, outputs, outputs, weights, g, before, sums, after)

    return train_path
