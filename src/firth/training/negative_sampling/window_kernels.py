"""The training loop over one block of tokens, compiled by Numba for the CPU it runs on.

Negative sampling, batched by window: for each position the words around it are the input rows (of the center
matrix) and the word itself, with K noise words drawn once for the whole window, the output rows (of the
outside matrix). All scores of the window are computed before any row changes (Ji et al. 2016,
arXiv:1611.06172). As in word2vec.c, the word at the window's edge plays the center and the word in the middle
the outside word: over a corpus these are the same pairs, as often, as the other way round.

Two details make a window the exact step of `objectives.negative_sampling` summed over its pairs:
a word that occurs twice among the inputs, or twice among the noise words, is one row with weight 2; and a
noise word equal to the predicted word is left out (weight 0), as word2vec.c does.

Randomness is counter-based: draw number n of a block is a hash of (the block's key, n), so a block's result
does not depend on what ran before it, or where. Threads share the matrices without locks (Hogwild, Niu et
al. 2011); with one thread every bit is determined.

Nothing is checked here: ids pass `guards.checked_ids` before a kernel sees them.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import float32, int64, njit
from numpy.typing import NDArray

from firth.training.draws import below, draw_noise, subsample, window_bits
from firth.training.negative_sampling.layout import aligned_zeros, strips, tiles
from firth.training.negative_sampling.simd import LANES, STRIP_BYTES, TILE, score_tile, update_tile

SLICE = 512  # positions whose noise words are drawn together: they stay in the nearest cache
LEAD = 2  # positions ahead of which rows are fetched into the nearest cache

Array = NDArray[Any]


class Workspace(NamedTuple):
    """One thread's scratch arrays, made by `make_workspace`; their contents carry nothing between blocks.

    Row addresses are int64; `n` is the size of a block and a little more, m the window, K the noise words.
    """

    kept: Array  # (n,) int32: the block's words that survive subsampling
    first: Array  # (n,) int32: where the sentence of each begins in `kept`
    stop: Array  # (n,) int32: and where it ends
    previous: Array  # (n,) int32: the last earlier place of the same word, -1 if none is near
    latest: Array  # (n,) int32: the largest `previous` so far
    rows: Array  # (n,) int64: addresses of input rows, see `train_block`
    noise: Array  # (SLICE * K,) int32
    inputs: Array  # (2 m,) int64: addresses of a window's input rows, where they are no slice of `rows`
    sums: Array  # (2 m,) int64: addresses of spare rows for sums over tiles
    outputs: Array  # ((LEAD + 1) * (columns + 2),) int64: addresses of output rows of this window and the next LEAD,
    #                 then that of an input row to prefetch, then whether a noise word needs weighing
    slots: Array  # (2 m + 1,) int32: where each input of a window with repeats went
    row_weights: Array  # (m, 16) float32: how often each input counts; 1 between windows
    column_weights: Array  # (n_tiles, 16) float32: the signed weight of each output, see `simd.score_tile`; 0 if unused
    coefficients: Array  # (n_tiles * m, 16) float32
    spare: Array  # (2 + 2 m, D padded) float32: a row of zeros, a row for unused outputs, rows for sums
    loss: Array  # (16,) float64: the loss summed over the block
    halt: Array  # (1,) bool, shared by all threads: True asks them to stop at the next slice


def make_workspace(block_size: int, vector_size: int, window: int, negative: int, halt: Array) -> Workspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    tile, n_tiles = tiles(negative)
    n = block_size + 2 * window + LEAD + 2
    return Workspace(
        kept=np.zeros(n, np.int32),
        first=np.zeros(n, np.int32),
        stop=np.zeros(n, np.int32),
        previous=np.zeros(n, np.int32),
        latest=np.zeros(n, np.int32),
        rows=np.zeros(n, np.int64),
        noise=np.zeros(SLICE * negative, np.int32),
        inputs=np.zeros(2 * window, np.int64),
        sums=np.zeros(2 * window, np.int64),
        outputs=np.zeros((LEAD + 1) * (tile * n_tiles + 2), np.int64),
        slots=np.zeros(2 * window + 1, np.int32),
        row_weights=aligned_zeros((window, LANES)),
        column_weights=aligned_zeros((n_tiles, LANES)),
        coefficients=aligned_zeros((n_tiles * window, LANES)),
        spare=aligned_zeros((2 + 2 * window, LANES * strips(vector_size))),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@njit(nogil=True)
def mark_repeats(kept, n, span, previous, latest):
    """Note for each place the last earlier place of its word within `span`, and the largest such note so far."""
    so_far = -1
    for i in range(n):
        found = -1
        for j in range(max(0, i - span), i):
            found = max(found, j if kept[j] == kept[i] else -1)
        so_far = max(so_far, found)
        previous[i] = found
        latest[i] = so_far


@njit(nogil=True)
def set_row_weight(weights, row, weight):
    """Let input `row` count `weight` times: the 8 lanes of its half of a strip."""
    weights[row // 2, TILE * (row % 2) : TILE * (row % 2) + TILE] = weight


@njit(nogil=True)
def merge_inputs(rows, lo, i, hi, previous, slots, inputs, weights, zero_row):
    """Gather the distinct input rows of the window [lo, hi) around i, with their weights; return their pairs.

    An odd row out is paired with the spare row of zeros, which counts 0 times.
    """
    n = 0
    for j in range(lo, hi):
        if j == i:
            continue
        earlier = previous[j] if previous[j] != i else previous[i]
        if earlier >= lo:
            slot = slots[earlier - lo]
            set_row_weight(weights, slot, weights[slot // 2, TILE * (slot % 2)] + float32(1))
        else:
            slot = n
            inputs[n] = rows[j - 1 if j > i else j]
            n += 1
        slots[j - lo] = slot
    if n % 2 == 1:
        inputs[n] = zero_row
        set_row_weight(weights, n, float32(0))
    return (n + 1) // 2


@njit(nogil=True)
def queue_outputs(outputs, at, word, noise, first, K, U, row_bytes):
    """Write the addresses of a window's 1 + K output rows from outputs[at] on; return 1 if any needs weighing."""
    outputs[at] = U + int64(word) * row_bytes
    special = False
    for k in range(first, first + K):
        outputs[at + 1 + k - first] = U + int64(noise[k]) * row_bytes
        special |= noise[k] == word
        for earlier in range(first, k):
            special |= noise[k] == noise[earlier]
    return int64(special)


@njit(nogil=True)
def set_column_weight(weights, tile, column, weight):
    """Give output `column` a signed weight, for both inputs of a pair."""
    weights[column // tile, column % tile] = weight
    weights[column // tile, column % tile + TILE] = weight


@njit(nogil=True)
def weigh_outputs(outputs, at, K, tile, weights, unused):
    """Leave out noise words equal to the predicted word; join equal noise words into one row of more weight."""
    for k in range(1, K + 1):
        same = 0
        while outputs[at + same] != outputs[at + k]:
            same += 1
        if same == k:
            continue
        if same > 0:
            set_column_weight(weights, tile, same, weights[same // tile, same % tile] + float32(1))
        set_column_weight(weights, tile, k, float32(0))
        outputs[at + k] = unused


@njit(nogil=True)
def reset_column_weights(K, tile, weights):
    """Let every output count once: -1 for the predicted word, 1 for a noise word."""
    for column in range(K + 1):
        set_column_weight(weights, tile, column, float32(1) if column else float32(-1))


@njit(nogil=True)
def reset_workspace(work, K, tile, row_bytes):
    """Put every weight and every address that no window writes where `train_block` expects it."""
    work.loss[:] = 0
    work.row_weights[:] = 1
    work.column_weights[:] = 0
    reset_column_weights(K, tile, work.column_weights)
    work.outputs[:] = work.spare.ctypes.data + row_bytes
    for j in range(len(work.sums)):
        work.sums[j] = work.spare.ctypes.data + (2 + j) * row_bytes


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips.

    These numbers are constants of the code, so that LLVM unrolls the short loops over them. Numba compiles it when
    it is first called, in about two seconds.
    """
    only = 1 if n_tiles == 1 else 0
    row_bytes = n_strips * STRIP_BYTES
    stride = tile * n_tiles + 2  # of `Workspace.outputs`
    upcoming = tile + 1  # rows to prefetch: the outputs of the same tile, and one more

    @njit(nogil=True)
    def train_block(center, outside, block, keep, alias, key, window, shrink, K, rate, work):
        """Train on one block of tokens, in place; return (words, pairs), and the summed loss in `work.loss`.

        center, outside  (V, D padded to strips) float32, C-contiguous, 64-byte aligned; rows change
        block            (n,) int32 ids in [0, V), END after each sentence
        keep, alias      (V,) uint32 and (V,) uint64 from `sampling`
        key              uint64: seeds the block's draws
        window, shrink   m, and whether each window's size is drawn from 1..m
        K, rate          noise words for each window; learning rate, float32
        """
        kept, first, stop, previous, latest, rows = work[:6]
        noise, inputs, sums, outputs, slots, row_weights, column_weights = work[6:13]
        V, U = center.ctypes.data, outside.ctypes.data
        zero_row, unused = work.spare.ctypes.data, work.spare.ctypes.data + row_bytes
        output_table, sum_table = outputs.ctypes.data, sums.ctypes.data
        coefficients, loss = work.coefficients.ctypes.data, work.loss.ctypes.data
        reset_workspace(work, K, tile, row_bytes)
        n, words = subsample(block, keep, key, kept, first, stop)
        mark_repeats(kept, n, 2 * window, previous, latest)
        # `rows` has the addresses of all input rows but one: while the middle of the window is at i, rows[j] is that
        # of word j for j < i, and of word j + 1 from there on. So the inputs of a window are a slice of it, and a
        # step to the next i changes one entry.
        for j in range(n - 1):
            rows[j] = V + int64(kept[j + 1]) * row_bytes
        rows[max(n - 1, 0)] = zero_row
        pairs = 0
        for slice_start in range(0, n, SLICE):
            if work.halt[0]:
                break
            slice_stop = min(slice_start + SLICE, n)
            draw_noise(key, slice_start * K, (slice_stop - slice_start) * K, alias, noise)
            for i in range(slice_start - LEAD, slice_stop):
                ahead = i + LEAD
                queue = ahead % (LEAD + 1) * stride
                if ahead < slice_stop:
                    first_noise = (ahead - slice_start) * K
                    special = queue_outputs(outputs, queue, kept[ahead], noise, first_noise, K, U, row_bytes)
                    outputs[queue + stride - 2] = rows[min(ahead + window, n - 1)]
                    outputs[queue + stride - 1] = special
                if i < slice_start:
                    continue
                if i > 0:
                    rows[i - 1] = V + int64(kept[i - 1]) * row_bytes
                reach = window
                if shrink:
                    reach = 1 + int64(below(window_bits(key, i), window))
                lo, hi = max(int64(first[i]), i - reach), min(int64(stop[i]), i + reach + 1)
                n_inputs = hi - lo - 1
                if n_inputs == 0:
                    continue
                pairs += n_inputs
                input_table, n_pairs = rows.ctypes.data + 8 * lo, n_inputs // 2
                uneven = n_inputs % 2 == 1 or latest[hi - 1] >= lo
                if uneven:
                    n_pairs = merge_inputs(rows, lo, i, hi, previous, slots, inputs, row_weights, zero_row)
                    input_table = inputs.ctypes.data
                at = i % (LEAD + 1) * stride
                special = outputs[at + stride - 1]
                if special:
                    weigh_outputs(outputs, at, K, tile, column_weights, unused)
                for t in range(n_tiles):
                    score_tile(
                        tile, 0, input_table, n_pairs, output_table + 8 * (at + tile * t), n_strips, rate,
                        row_weights.ctypes.data, column_weights.ctypes.data + t * STRIP_BYTES, (),
                        coefficients + t * n_pairs * STRIP_BYTES, loss,
                    )  # fmt: skip
                for t in range(n_tiles):
                    update_tile(
                        tile, 0, only, upcoming, input_table, 0, 0, input_table if t == 0 else sum_table,
                        input_table if t == n_tiles - 1 else sum_table, n_pairs, output_table + 8 * (at + tile * t),
                        n_strips, coefficients + t * n_pairs * STRIP_BYTES, output_table + 8 * (queue + tile * t),
                    )  # fmt: skip
                if uneven:
                    row_weights[:n_pairs] = 1
                if special:
                    reset_column_weights(K, tile, column_weights)
        return words, pairs

    return train_block
