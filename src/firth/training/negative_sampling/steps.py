"""The step of both schedules: one outside word, K noise words, and the centers that share them (Numba).

A step is that of Result 27 of docs/derivation.md: X are the rows v of the centers, Y the row u of the outside word and
those of its noise words. Rows are distinct:

- a center that occurs r times, or a noise word drawn r times, is one row of weight r;
- a noise word equal to the outside word has weight 0, as in word2vec.c (Result 18).

Under Hogwild a step is a window (`window_kernels`), under the block schedule a group of pairs (`block_kernels`).
"""

import numpy as np

from firth.compiling.kernel import helper
from firth.training.windows.step import set_column_weight


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
