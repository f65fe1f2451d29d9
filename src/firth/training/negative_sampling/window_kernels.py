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
from firth.training.draws import draw_noise
from firth.training.negative_sampling.steps import (
    queue_outputs,
    reset_column_weights,
    weigh_outputs,
)
from firth.training.windows.frozen import NONE_FROZEN
from firth.training.windows.inputs import (
    LEAD,
    InputTables,
    list_inputs,
    list_windows,
    make_input_tables,
    reset_row_weights,
)
from firth.training.windows.layout import LANES, STRIP_BYTES, Step, aligned_zeros, strips, tiles
from firth.training.windows.step import compile_step

SLICE = 512  # windows whose noise words are drawn together and stay in the nearest cache

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
    frozen: Array = NONE_FROZEN  # (V,) bool: the rows of `center` that stay as they are; empty: none


class Workspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next.

    Addresses are int64; m is the window, K the noise words of a window.
    """

    inputs: InputTables
    noise: Array  # (SLICE * K,) int32
    sums: Array  # (2 m,) int64: addresses of the rows of `partial`
    outputs: Array  # (LEAD + 1, columns + 1) int64: addresses of the output rows of this window and the next LEAD,
    #                 followed by that of an input row to prefetch with them
    is_weighted: Array  # (LEAD + 1,) bool: whether a noise word of the window repeats or equals its outside word
    column_weights: Array  # (n_tiles, 16) float32: the signed weight of each output, see `simd.score_tile`
    g: Array  # (n_tiles * m, 16) float32: -eta G of (27a)
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    partial: Array  # (2 m, D padded) float32: input rows whose changes are summed over several tiles
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True stops training before the next slice


def make_workspace(block_size: int, vector_size: int, window: int, negative: int, halt: Array) -> Workspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    tile, n_tiles = tiles(negative)
    width = LANES * strips(vector_size)
    return Workspace(
        inputs=make_input_tables(block_size, vector_size, window),
        noise=np.zeros(SLICE * negative, np.int32),
        sums=np.zeros(2 * window, np.int64),
        outputs=np.zeros((LEAD + 1, tile * n_tiles + 1), np.int64),
        is_weighted=np.zeros(LEAD + 1, np.bool_),
        column_weights=aligned_zeros((n_tiles, LANES)),
        g=aligned_zeros((n_tiles * window, LANES)),
        unused_row=aligned_zeros((width,)),
        partial=aligned_zeros((2 * window, width)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@helper()
def reset_workspace(work, K, tile, row_bytes):
    """Set every weight and every address that no window writes."""
    work.loss[:] = 0
    work.column_weights[:] = 0
    reset_column_weights(K, tile, work.column_weights)
    work.outputs[:] = address(work.unused_row)
    for j in range(len(work.sums)):
        work.sums[j] = address(work.partial) + j * row_bytes


@lru_cache(maxsize=16)
def compile_train_windows(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_windows` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    columns = tile * n_tiles
    train_step = compile_step(tile, n_tiles, n_strips, tile + 1)

    @helper()
    def train_windows(block, work, n, start, stop):
        """Train on the windows around words `start` to `stop` - 1, at most SLICE, of n; return the number of pairs.

        Every window is one step of Result 27 of docs/derivation.md (Ji et al. 2016, arXiv:1611.06172, section 3). The
        tables of inputs must be set for the window around word `start`.
        """
        key, window, K, alias, noise = block.key, block.window, block.K, block.alias, work.noise
        kept, centers = work.inputs.kept, work.inputs.centers
        outputs, is_weighted, column_weights = work.outputs, work.is_weighted, work.column_weights
        outside, unused_row = address(block.outside), address(work.unused_row)
        g, sums, row_weights = address(work.g), address(work.sums), address(work.inputs.row_weights)
        draw_noise(key, start * K, (stop - start) * K, alias, noise)
        pairs = 0
        for i in range(start - LEAD, stop):
            slot, ahead = i % (LEAD + 1), (i + LEAD) % (LEAD + 1)
            if i + LEAD < stop:
                first_noise = (i + LEAD - start) * K
                is_weighted[ahead] = queue_outputs(
                    outputs, ahead, kept[i + LEAD], noise, first_noise, K, outside, row_bytes
                )
                outputs[ahead, columns] = centers[min(i + LEAD + window, n - 1)]
            if i < start:
                continue
            n_inputs, inputs, n_pairs, is_merged = list_inputs(block, i, work.inputs, row_bytes)
            if n_inputs == 0:
                continue
            pairs += n_inputs
            if is_weighted[slot]:
                weigh_outputs(outputs, slot, K, tile, column_weights, unused_row)
            step = Step(inputs, n_pairs, n_strips, row_weights, block.rate, address(work.loss))
            table = address(outputs) + 8 * (columns + 1) * slot
            upcoming = address(outputs) + 8 * (columns + 1) * ahead
            train_step(step, table, upcoming, address(column_weights), g, sums)
            if is_merged:
                reset_row_weights(work.inputs, n_pairs)
            if is_weighted[slot]:
                reset_column_weights(K, tile, column_weights)
        return pairs

    return train_windows


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips.

    Compiling takes about two seconds, on the first call.
    """
    row_bytes = n_strips * STRIP_BYTES
    train_windows = compile_train_windows(tile, n_tiles, n_strips)

    @kernel()
    def train_block(block, work):
        """Train on a `TokenBlock`, in place; return (words, pairs). The summed loss is in `work.loss`.

        The `Workspace` is overwritten. The same in NumPy: `reference.train_block`.
        """
        reset_workspace(work, block.K, tile, row_bytes)
        n, words = list_windows(block, work.inputs, row_bytes)
        pairs = 0
        for start in range(0, n, SLICE):
            if work.halt[0]:
                break
            pairs += train_windows(block, work, n, start, min(start + SLICE, n))
        return words, pairs

    return train_block
