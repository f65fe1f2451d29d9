"""The step of both schedules: one outside word, K noise words, and the centers that share them (Numba).

A step is that of Result 27 of docs/derivation.md: X are the rows v of the centers, Y the row u of the outside word and
those of its noise words. Rows are distinct:

- a center that occurs r times, or a noise word drawn r times, is one row of weight r;
- a noise word equal to the outside word has weight 0, as in word2vec.c (Result 18).

Under Hogwild a step is a window (`window_kernels`), under the block schedule a group of pairs (`block_kernels`).
"""

from functools import lru_cache
from typing import Any

import numpy as np

from firth.compiling.kernel import helper
from firth.training.negative_sampling.layout import STRIP_BYTES, TILE, Rows, score_tile, update_tile


@helper()
def set_row_weight(weights, row, weight):
    """Give input `row` a weight: the 8 lanes of its half of a strip."""
    weights[row // 2, TILE * (row % 2) : TILE * (row % 2) + TILE] = weight


@helper()
def queue_outputs(outputs, slot, word, noise, first, K, outside, row_bytes):
    """Write the addresses of a step's 1 + K output rows to outputs[slot]; return whether they need weights."""
    outputs[slot, 0] = outside + np.int64(word) * row_bytes
    is_weighted = False
    for k in range(first, first + K):
        outputs[slot, 1 + k - first] = outside + np.int64(noise[k]) * row_bytes
        is_weighted |= noise[k] == word
        for earlier in range(first, k):
            is_weighted |= noise[k] == noise[earlier]
    return is_weighted


@helper()
def set_column_weight(weights, tile, column, weight):
    """Give output `column` a signed weight, for both inputs of a pair."""
    weights[column // tile, column % tile] = weight
    weights[column // tile, column % tile + TILE] = weight


@helper()
def weigh_outputs(outputs, slot, K, tile, weights, unused):
    """Leave out noise words equal to the outside word; merge equal noise words into one row of more weight."""
    for k in range(1, K + 1):
        same = 0
        while outputs[slot, same] != outputs[slot, k]:
            same += 1
        if same == k:
            continue
        if same > 0:
            set_column_weight(weights, tile, same, weights[same // tile, same % tile] + np.float32(1))
        set_column_weight(weights, tile, k, np.float32(0))
        outputs[slot, k] = unused


@helper()
def reset_column_weights(K, tile, weights):
    """Count every output once: -1 for the outside word, 1 for a noise word."""
    for column in range(K + 1):
        set_column_weight(weights, tile, column, np.float32(1) if column else np.float32(-1))


@lru_cache(maxsize=16)
def compile_step(tile: int, n_tiles: int, n_strips: int, n_upcoming: int) -> Any:
    """Return a function that does one step, for `n_tiles` tiles of `tile` outputs and rows of `n_strips` strips.

    These numbers are constants of the code, so that LLVM unrolls the short loops over them. Each tile prefetches the
    `n_upcoming` rows of a table of addresses that begins where the outputs of that tile stand in a later step.
    """
    in_place = 1 if n_tiles == 1 else 0

    @helper(inline="always")  # a call would cost 5 % of the speed
    def train_step(step, outputs, upcoming, column_weights, g, sums):
        """Do the step (27), (27a). All arguments but `step` are the addresses of tables."""
        inputs, tile_bytes = step.inputs, step.pairs * STRIP_BYTES
        for t in range(n_tiles):
            weights = column_weights + t * STRIP_BYTES
            score_tile(tile, step, outputs + 8 * tile * t, weights, g + t * tile_bytes)
        for t in range(n_tiles):
            before, after = inputs if t == 0 else sums, inputs if t == n_tiles - 1 else sums
            rows, place = Rows(inputs, before, after, step.pairs, n_strips), 8 * tile * t
            update_tile(tile, in_place, n_upcoming, rows, outputs + place, g + t * tile_bytes, upcoming + place)

    return train_step
