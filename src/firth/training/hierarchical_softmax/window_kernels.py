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
from firth.training.hierarchical_softmax.path_steps import (
    NodeTables,
    compile_path_step,
    exchange_top,
    find_nodes,
    make_node_tables,
    prefetch_paths,
)
from firth.training.negative_sampling.block_kernels import prefetch_row
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
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next."""

    inputs: InputTables
    nodes: NodeTables
    sums: Array  # (2 m,) int64: addresses of the rows of `partial`; m is the window
    partial: Array  # (2 m, D padded) float32: input rows whose changes are summed over several tiles
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True stops training soon


def make_workspace(block_size: int, vector_size: int, window: int, longest_path: int, halt: Array) -> PathWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    return PathWorkspace(
        inputs=make_input_tables(block_size, vector_size, window),
        nodes=make_node_tables(vector_size, longest_path, window),
        sums=np.zeros(2 * window, np.int64),
        partial=aligned_zeros((2 * window, LANES * strips(vector_size))),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@helper()
def reset_workspace(work, row_bytes):
    """Set every number that no window writes."""
    work.nodes.top[:] = 0
    work.nodes.top_before[:] = 0
    work.loss[:] = 0
    for j in range(len(work.sums)):
        work.sums[j] = address(work.partial) + j * row_bytes


@lru_cache(maxsize=16)
def compile_train_windows(n_strips: int) -> Any:
    """Return `train_windows` for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_path = compile_path_step(n_strips)

    @helper()
    def train_windows(block, work, n, start, stop):
        """Train on the windows around words `start` to `stop` - 1 of n; return the number of pairs.

        Every window is one step of (31a) of docs/derivation.md for the sum of its pairs. The tables of inputs must be
        set for the window around word `start`. At the end `block.nodes` has all changes of this thread.
        """
        kept, centers, nodes, sums = work.inputs.kept, work.inputs.centers, work.nodes, address(work.sums)
        row_weights, loss = address(work.inputs.row_weights), address(work.loss)
        base = find_nodes(block.nodes, nodes, row_bytes)
        pairs = 0
        for i in range(start, stop):
            prefetch_paths(block, kept, i, n, row_bytes)
            prefetch_row(centers[min(i + LEAD + block.window, n - 1)], row_bytes)
            if i % block.exchange == 0:
                exchange_top(block.nodes, nodes)
            n_inputs, inputs, n_pairs, is_merged = list_inputs(block, i, work.inputs, row_bytes)
            if n_inputs == 0:
                continue
            pairs += n_inputs
            step = Step(inputs, n_pairs, n_strips, row_weights, block.rate, loss)
            train_path(step, block.tree, kept[i], base, nodes, inputs, sums, inputs)
            if is_merged:
                reset_row_weights(work.inputs, n_pairs)
        exchange_top(block.nodes, nodes)
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
