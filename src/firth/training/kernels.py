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
does not depend on what ran before it, or where. Threads share the matrices without locks (Hogwild, Recht et
al. 2011); with one thread every bit is determined.

Nothing is checked here: `hogwild` checks every id before a kernel sees it.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import float32, int32, int64, njit, uint32, uint64

from firth.training.simd import LANES, STRIP_BYTES, TILE, score_window, update_tile

END = -1  # ends a sentence in a block of tokens
SLICE = 512  # positions whose noise words are drawn together: they stay in the nearest cache
LEAD = 2  # positions ahead of which rows are fetched into the nearest cache

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_WINDOW_DRAWS = np.uint64(1 << 32)  # draws are numbered: subsampling from 0, window sizes from here,
_NOISE_DRAWS = np.uint64(1 << 33)  # and noise words from here


class Workspace(NamedTuple):
    """One thread's scratch arrays, made by `make_workspace`; their contents carry nothing between blocks."""

    kept: np.ndarray  # (n,) int32: the block's words that survive subsampling
    first: np.ndarray  # (n,) int32: where the sentence of each begins in `kept`
    stop: np.ndarray  # (n,) int32: and where it ends
    previous: np.ndarray  # (n,) int32: the last earlier place of the same word, -1 if none is near
    latest: np.ndarray  # (n,) int32: the largest `previous` so far
    rows: np.ndarray  # (n,) int64: addresses of the inputs; see `train_block`
    noise: np.ndarray  # (SLICE * K,) int32
    tables: np.ndarray  # int64: row addresses, laid out by `_layout`
    slots: np.ndarray  # (n_inputs,) int32: where each input of a window with repeats went
    weights: np.ndarray  # float32: how often each row counts, and the scores' coefficients
    spare: np.ndarray  # float32: rows of zeros and rows for sums
    loss: np.ndarray  # (16,) float64: the loss summed over the block
    halt: np.ndarray  # (1,) bool, shared by all threads: True asks them to stop at the next slice


def tiles(negative: int) -> tuple[int, int]:
    """Return (rows in a tile, tiles) for 1 + K output rows: tiles as even as they can be."""
    n_tiles = -(-(1 + negative) // TILE)
    return -(-(1 + negative) // n_tiles), n_tiles


def strips(vector_size: int) -> int:
    """Return the number of 16-float strips in a row of D floats."""
    return -(-vector_size // LANES)


def aligned_zeros(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """Return zeros whose first byte lies on a strip's boundary, as the kernels require."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(n_bytes + STRIP_BYTES, np.uint8)
    offset = -raw.ctypes.data % STRIP_BYTES
    return raw[offset : offset + n_bytes].view(dtype).reshape(shape)


def make_workspace(
    block_size: int, vector_size: int, window: int, negative: int, halt: np.ndarray
) -> Workspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    tile, n_tiles = tiles(negative)
    n = block_size + 2 * window + LEAD + 2
    positions = [np.zeros(n, np.int32) for _ in range(5)]
    outputs = (LEAD + 1) * (tile * n_tiles + 2)
    floats = (window + n_tiles + n_tiles * window) * LANES
    return Workspace(
        *positions,
        rows=np.zeros(n, np.int64),
        noise=np.zeros(SLICE * negative, np.int32),
        tables=np.zeros(4 * window + outputs, np.int64),
        slots=np.zeros(2 * window + 1, np.int32),
        weights=aligned_zeros((floats,)),
        spare=aligned_zeros((2 + 2 * window, LANES * strips(vector_size))),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


@njit(nogil=True)
def random_bits(key, n):
    """Draw number n under `key`: 64 random bits (the output function of SplitMix64, Steele et al. 2014)."""
    z = uint64(key) + uint64(n) * _GOLDEN
    z = (z ^ (z >> uint64(30))) * _MIX_1
    z = (z ^ (z >> uint64(27))) * _MIX_2
    return z ^ (z >> uint64(31))


@njit(nogil=True)
def below(bits, limit):
    """Turn 64 random bits into a whole number in [0, limit): the high 32 bits, scaled."""
    return ((bits >> uint64(32)) * uint64(limit)) >> uint64(32)


@njit(nogil=True)
def subsample(block, keep, key, kept, first, stop):
    """Fill `kept` with the words of `block` that survive; return how many survive and how many there were.

    Word w stays if 32 random bits are at most keep[w]. Sentences become bounds: first[i] <= i < stop[i].
    """
    n = words = begin = 0
    for i in range(len(block)):
        word = block[i]
        if word == END:
            stop[begin:n] = n
            begin = n
        else:
            words += 1
            kept[n] = word
            first[n] = begin
            n += uint32(random_bits(key, i) >> uint64(32)) <= keep[word]
    stop[begin:n] = n
    return n, words


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
def draw_noise(key, first_draw, count, alias, noise):
    """Draw `count` noise words by Walker's alias method (`sampling.alias_table`)."""
    for m in range(count):
        bits = random_bits(key, _NOISE_DRAWS + uint64(first_draw + m))
        slot = below(bits, len(alias))
        threshold, other = uint32(alias[slot] >> uint64(32)), uint32(alias[slot])
        noise[m] = int32(slot) if uint32(bits) < threshold else int32(other)


@njit(nogil=True)
def set_weight(weights, row, weight):
    """Let input `row` count `weight` times: 8 lanes, one for each output of a tile."""
    for lane in range(8 * row, 8 * row + 8):
        weights[lane] = weight


@njit(nogil=True)
def merge_inputs(rows, lo, i, hi, previous, slots, inputs, weights, nothing):
    """Gather a window's distinct input rows with their weights; return how many pairs of rows there are.

    An odd row out is paired with `nothing`, a row of zeros that counts 0 times.
    """
    n = 0
    for j in range(lo, hi):
        if j == i:
            continue
        earlier = previous[j]
        if earlier == i:
            earlier = previous[i]
        if earlier >= lo:
            slots[j - lo] = slots[earlier - lo]
            set_weight(weights, slots[j - lo], weights[8 * slots[j - lo]] + float32(1))
        else:
            slots[j - lo] = n
            inputs[n] = rows[j - 1 if j > i else j]
            n += 1
    if n % 2 == 1:
        inputs[n] = nothing
        set_weight(weights, n, float32(0))
    return (n + 1) // 2


@lru_cache(maxsize=8)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for rows of `n_strips` strips and `n_tiles` tiles of `tile` output rows."""
    only = 1 if n_tiles == 1 else 0
    columns = tile * n_tiles
    row_bytes = n_strips * STRIP_BYTES

    @njit(nogil=True)
    def set_outputs(table, at, word, noise, first_noise, K, U, nothing):
        """Write the addresses of the 1 + K output rows of a window; return whether a noise word needs weighing."""
        table[at] = U + int64(word) * row_bytes
        special = 0
        for k in range(K):
            drawn = noise[first_noise + k]
            table[at + 1 + k] = U + int64(drawn) * row_bytes
            special |= drawn == word
            for earlier in range(k):
                special |= noise[first_noise + earlier] == drawn
        return special

    @njit(nogil=True)
    def column(j):
        return LANES * (j // tile) + j % tile

    @njit(nogil=True)
    def weigh_outputs(table, at, K, weights, nothing):
        """Leave out noise words equal to the predicted word, and join equal ones into one row of more weight."""
        for k in range(1, K + 1):
            same = 0
            while same < k and table[at + same] != table[at + k]:
                same += 1
            if same < k:
                if same > 0:
                    weights[column(same)] += float32(1)
                    weights[column(same) + 8] += float32(1)
                table[at + k] = nothing
                weights[column(k)] = 0
                weights[column(k) + 8] = 0

    @njit(nogil=True)
    def reset_outputs(K, weights):
        for j in range(K + 1):
            weights[column(j)] = 1
            weights[column(j) + 8] = 1

    @njit(nogil=True)
    def train_block(center, outside, block, keep, alias, key, window, shrink, K, rate, work):
        """Train on one block of tokens, in place; return (words, pairs), and the summed loss in `work.loss`.

        center, outside   (V, 16 * n_strips) float32, C-contiguous, 64-byte aligned; rows change
        block             (n,) int32 ids in [0, V), END after each sentence
        keep              (V,) uint32 from `sampling.keep_thresholds`
        alias             (V,) uint64 from `sampling.alias_table`
        key               uint64: seeds the block's draws
        window, shrink    m, and whether each window's size is drawn from 1..m
        K, rate           noise words for each window; learning rate, float32
        work              Workspace, overwritten
        """
        kept, first, stop, previous, latest, rows, noise, tables, slots, weights, spare, loss, halt = work
        n, words = subsample(block, keep, key, kept, first, stop)
        mark_repeats(kept, n, 2 * window, previous, latest)
        V, U = center.ctypes.data, outside.ctypes.data
        zero_row = spare.ctypes.data
        no_output = zero_row + row_bytes
        # `rows` holds the addresses of all words but one: with the window's middle at i, rows[j] belongs to word j
        # for j < i and to word j + 1 from there on, so any window's inputs are a slice. One entry changes a step.
        for j in range(n - 1):
            rows[j] = V + int64(kept[j + 1]) * row_bytes
        rows[max(n - 1, 0) :] = zero_row
        # tables: merged inputs, rows for sums, then LEAD + 1 windows of output rows + [an input row, special]
        inputs, between = tables[: 2 * window], tables.ctypes.data + 16 * window
        for j in range(2 * window):
            tables[2 * window + j] = no_output + row_bytes * (1 + j)
        outputs, stride = 4 * window, columns + 2
        tables[outputs:] = no_output
        row_weights, column_weights = (
            weights[: window * LANES],
            weights[window * LANES : (window + n_tiles) * LANES],
        )
        row_weights[:] = 1
        column_weights[:] = 0
        reset_outputs(K, column_weights)
        g = weights.ctypes.data + (window + n_tiles) * STRIP_BYTES
        loss[:] = 0
        pairs = 0
        for slice_start in range(0, n, SLICE):
            if halt[0]:
                break
            slice_stop = min(slice_start + SLICE, n)
            draw_noise(key, slice_start * K, (slice_stop - slice_start) * K, alias, noise)
            for i in range(slice_start - LEAD, slice_stop):
                if i + LEAD < slice_stop:
                    at = outputs + (i + LEAD) % (LEAD + 1) * stride
                    first_noise = (i + LEAD - slice_start) * K
                    tables[at + columns + 1] = set_outputs(
                        tables, at, kept[i + LEAD], noise, first_noise, K, U, no_output
                    )
                    tables[at + columns] = rows[min(i + LEAD + window, n - 1)]
                if i < slice_start:
                    continue
                if i > 0:
                    rows[i - 1] = V + int64(kept[i - 1]) * row_bytes
                reach = window
                if shrink:
                    reach = 1 + int64(below(random_bits(key, _WINDOW_DRAWS + uint64(i)), window))
                lo, hi = max(int64(first[i]), i - reach), min(int64(stop[i]), i + reach + 1)
                n_inputs = hi - lo - 1
                if n_inputs == 0:
                    continue
                pairs += n_inputs
                uneven = n_inputs % 2 == 1 or latest[hi - 1] >= lo
                input_table, n_pairs = rows.ctypes.data + 8 * lo, n_inputs // 2
                if uneven:
                    n_pairs = merge_inputs(rows, lo, i, hi, previous, slots, inputs, row_weights, zero_row)
                    input_table = tables.ctypes.data
                at = outputs + i % (LEAD + 1) * stride
                special = tables[at + columns + 1] == 1
                if special:
                    weigh_outputs(tables, at, K, column_weights, no_output)
                output_table = tables.ctypes.data + 8 * at
                upcoming = tables.ctypes.data + 8 * (outputs + (i + LEAD) % (LEAD + 1) * stride)
                score_window(
                    tile,
                    n_strips,
                    input_table,
                    n_pairs,
                    output_table,
                    n_tiles,
                    rate,
                    row_weights.ctypes.data,
                    column_weights.ctypes.data,
                    g,
                    loss.ctypes.data,
                )
                for t in range(n_tiles):
                    before = input_table if t == 0 else between
                    after = input_table if t == n_tiles - 1 else between
                    update_tile(
                        tile,
                        n_strips,
                        only,
                        input_table,
                        before,
                        after,
                        n_pairs,
                        output_table + 8 * tile * t,
                        g + t * n_pairs * STRIP_BYTES,
                        upcoming + 8 * tile * t,
                    )
                if uneven:
                    row_weights[: 2 * 8 * n_pairs] = 1
                if special:
                    reset_outputs(K, column_weights)
        return words, pairs

    return train_block
