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
from firth.training.hierarchical_softmax.path_steps import (
    LEAD,
    NodeTables,
    compile_path_step,
    exchange_top,
    find_nodes,
    make_node_tables,
    prefetch_paths,
)
from firth.training.hierarchical_softmax.window_kernels import HALT_WINDOWS
from firth.training.negative_sampling.block_kernels import prefetch_row
from firth.training.windows.layout import LANES, STRIP_BYTES, Step, aligned_zeros


class CbowPathWorkspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next."""

    contexts: ContextTables
    nodes: NodeTables
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True stops training soon


def make_workspace(block_size: int, vector_size: int, window: int, longest_path: int, halt: Array) -> CbowPathWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    return CbowPathWorkspace(
        contexts=make_context_tables(block_size, vector_size, window),
        nodes=make_node_tables(vector_size, longest_path, 1),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@helper()
def reset_workspace(work):
    """Set every number that no position writes."""
    work.nodes.top[:] = 0
    work.nodes.top_before[:] = 0
    work.loss[:] = 0


@lru_cache(maxsize=16)
def compile_train_slice(n_strips: int, is_weighted: bool = False) -> Any:
    """Return `train_slice` for rows of `n_strips` strips.

    is_weighted: see `contexts.compile_make_context`.
    """
    row_bytes = n_strips * STRIP_BYTES
    train_path = compile_path_step(n_strips)
    make_context = compile_make_context(n_strips, is_weighted)

    @helper()
    def train_slice(block, is_mean, work, n, start, stop):
        """Train the positions `start` to `stop` - 1 of a block of n words; return the number of those with a context.

        At the end `block.nodes` has all changes of this thread.
        """
        contexts, kept, nodes = work.contexts, work.contexts.kept, work.nodes
        base = find_nodes(block.nodes, nodes, row_bytes)
        make_context(block, is_mean, n, n, contexts, 1)  # no second position
        row_weights, loss = address(contexts.row_weights), address(work.loss)
        step = Step(address(contexts.addresses), 1, n_strips, row_weights, block.rate, loss)
        changes, zeros = step.inputs + 16, step.inputs + 32
        trained = 0
        for i in range(start, stop):
            prefetch_paths(block, kept, i, n, row_bytes)
            entering = np.int64(contexts.rows[min(i + LEAD + block.window, n - 1)])
            prefetch_row(address(block.center) + entering * row_bytes, row_bytes)
            if i % block.exchange == 0:
                exchange_top(block.nodes, nodes)
            if make_context(block, is_mean, i, n, contexts, 0) == 0:
                continue
            trained += 1
            train_path(step, block.tree, kept[i], base, nodes, zeros, changes, changes)
            change_context(contexts, 0, n_strips)
        exchange_top(block.nodes, nodes)
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
