"""The kernels of the block schedule: corpus -> pairs in buckets, and one bucket of pairs -> changed rows (Numba).

Rows are split into P blocks, word w being row w // P of block w % P. A bucket holds the pairs whose center is in one
block and whose outside word is in another, in the order of the corpus. It is trained in groups of 8 pairs that follow
each other and share K noise words, drawn from the block of outside words. A group's step is exactly that of
`objectives.negative_sampling` summed over its pairs, with all scores computed before any row changes, also where
rows coincide:

- a center, or an outside word, that comes twice is changed twice, by amounts computed from copies of the old rows;
- equal noise words are one row of more weight;
- a noise word that is the outside word of a pair is, for that pair, the word to predict and no noise; the pair's own
  output then has weight 0. For the other pairs of the group it is noise.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import float32, int32, int64, njit

from firth.training.kernels import (
    Array,
    aligned_zeros,
    below,
    draw_word,
    strips,
    subsample,
    tiles,
    window_bits,
)
from firth.training.simd import LANES, STRIP_BYTES, TILE, score_tile, update_tile

GROUP = 8  # most pairs in a group
LEAD = 2  # groups ahead of which rows are fetched into the nearest cache


class GroupWorkspace(NamedTuple):
    """One thread's scratch arrays for `train_bucket`; their contents carry nothing between buckets."""

    tables: Array  # ((LEAD + 1) * (2 GROUP + columns),) int64: each group's row addresses: inputs, owns, outputs
    noise: Array  # ((LEAD + 1) * K,) int32: the noise words of each group
    special: Array  # (LEAD + 1,) int64: whether rows of a group coincide
    copies: Array  # (2 GROUP,) int64: addresses of spare rows for copies of the inputs and of their own outputs
    weights: Array  # (n_tiles, GROUP / 2, 16) float32: the signed weight of each score, see `simd.score_tile`
    ones: Array  # (16,) float32
    coefficients: Array  # (n_tiles, GROUP / 2, 16) float32
    spare: Array  # (3 + 2 GROUP, D padded) float32: rows for an absent input, own output and output; and copies
    loss: Array  # (16,) float64: the loss summed over the bucket


def make_group_workspace(vector_size: int, negative: int) -> GroupWorkspace:
    """Allocate one thread's scratch arrays."""
    tile, n_tiles = tiles(negative)
    return GroupWorkspace(
        tables=np.zeros((LEAD + 1) * (2 * GROUP + tile * n_tiles), np.int64),
        noise=np.zeros((LEAD + 1) * negative, np.int32),
        special=np.zeros(LEAD + 1, np.int64),
        copies=np.zeros(2 * GROUP, np.int64),
        weights=aligned_zeros((n_tiles, GROUP // 2, LANES)),
        ones=aligned_zeros((LANES,)),
        coefficients=aligned_zeros((n_tiles, GROUP // 2, LANES)),
        spare=aligned_zeros((3 + 2 * GROUP, LANES * strips(vector_size))),
        loss=aligned_zeros((LANES,), np.float64),
    )


class PairWorkspace(NamedTuple):
    """One thread's scratch arrays for making pairs from a block of n tokens; all (n,) int32."""

    kept: Array  # words that survive subsampling
    first: Array  # where the window of each begins in `kept`
    stop: Array  # and where it ends
    part: Array  # the block of each word
    row: Array  # and its row there


def make_pair_workspace(block_size: int) -> PairWorkspace:
    """Allocate one thread's scratch arrays."""
    return PairWorkspace(*(np.zeros(block_size + 1, np.int32) for _ in range(5)))


@njit(nogil=True)
def count_pairs(block, keep, key, window, shrink, P, work, counts):
    """Subsample a block of tokens, draw its windows, and count its pairs by bucket; return (words kept, words).

    The draws are those of `kernels.train_block`. work: PairWorkspace, overwritten, which `fill_pairs` then reads;
    counts: (P * P,) int64, overwritten: bucket P a + b has the pairs of center block a and outside block b.
    """
    kept, first, stop, part = work.kept, work.first, work.stop, work.part
    n, words = subsample(block, keep, key, kept, first, stop)
    for i in range(n):
        work.row[i], part[i] = kept[i] // int32(P), kept[i] % int32(P)
        reach = window
        if shrink:
            reach = 1 + int64(below(window_bits(key, i), window))
        first[i], stop[i] = max(int64(first[i]), i - reach), min(int64(stop[i]), i + reach + 1)
    counts[:] = 0
    for i in range(n):
        for j in range(first[i], stop[i]):
            counts[part[j] * P + part[i]] += 1
        counts[part[i] * P + part[i]] -= 1
    return n, words


@njit(nogil=True)
def fill_pairs(n, P, work, places, pairs):
    """Write each pair of rows to its bucket's next place; `places` (P * P,) moves on. pairs: (n_pairs, 2) int32."""
    first, stop, part, row = work.first, work.stop, work.part, work.row
    for i in range(n):
        for j in range(first[i], stop[i]):
            if j != i:
                place = places[part[j] * P + part[i]]
                places[part[j] * P + part[i]] = place + 1
                pairs[place, 0], pairs[place, 1] = row[j], row[i]


@njit(nogil=True)
def reset_weights(weights, K, tile):
    """Give every pair its own outside word, column 0, with weight -1, and every noise word with 1."""
    for column in range(1 + K):
        for pair in range(GROUP // 2):
            weights[column // tile, pair, column % tile] = 1 if column else -1
            weights[column // tile, pair, column % tile + TILE] = 1 if column else -1


@njit(nogil=True)
def weigh_group(weights, K, tile, pairs, start, n, noise, at, tables, outputs, unused):
    """Make the step of a group exact where noise words are equal, or are a pair's outside word; see above."""
    for k in range(1, K):
        same = 0
        while noise[at + same] != noise[at + k]:
            same += 1
        if same < k:
            tables[outputs + 1 + k] = unused
            for p in range(n):
                weights[(1 + same) // tile, p // 2, TILE * (p % 2) + (1 + same) % tile] += float32(1)
                weights[(1 + k) // tile, p // 2, TILE * (p % 2) + (1 + k) % tile] = 0
    for p in range(n):
        for k in range(K):
            if noise[at + k] == pairs[start + p, 1]:
                weights[(1 + k) // tile, p // 2, TILE * (p % 2) + (1 + k) % tile] = -1
                weights[0, p // 2, TILE * (p % 2)] = 0
                break


@lru_cache(maxsize=16)
def compile_train_bucket(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_bucket` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    columns = tile * n_tiles
    stride = 2 * GROUP + columns
    upcoming = 2 * GROUP + tile  # rows that the first tile prefetches
    tile_bytes = GROUP // 2 * STRIP_BYTES

    @njit(nogil=True)
    def queue_group(number, pairs, V, U, alias, key, K, tables, noise, spare):
        """Draw a group's noise, write down the addresses of its rows, and return whether any of these coincide."""
        slot = number % (LEAD + 1)
        at, first_noise = slot * stride, slot * K
        start = number * GROUP
        n = min(GROUP, len(pairs) - start)
        for p in range(n):
            tables[at + p] = V + int64(pairs[start + p, 0]) * row_bytes
            tables[at + GROUP + p] = U + int64(pairs[start + p, 1]) * row_bytes
        for p in range(n, GROUP):
            tables[at + p] = spare
            tables[at + GROUP + p] = spare + row_bytes
        special = False
        for k in range(K):
            drawn = draw_word(key, number * K + k, alias)
            noise[first_noise + k] = drawn
            tables[at + 2 * GROUP + 1 + k] = U + int64(drawn) * row_bytes
            for earlier in range(k):
                special |= noise[first_noise + earlier] == drawn
            for p in range(n):
                special |= pairs[start + p, 1] == drawn
        return int64(special)

    @njit(nogil=True)
    def train_bucket(center, outside, pairs, alias, key, K, rate, work):
        """Train a bucket of pairs, changing the rows of both blocks in place; the summed loss is in `work.loss`.

        The result depends on the arguments alone.

        center, outside  (rows, D padded to strips) float32, C-contiguous, 64-byte aligned: a block of each matrix
        pairs            (n, 2) int32: row of `center`, row of `outside`
        alias            (rows of outside,) uint64: `sampling.alias_table` of the outside block
        key, K, rate     uint64 seed of the draws; noise words for each group; learning rate, float32
        work             GroupWorkspace, overwritten
        """
        tables, noise, copy_table, weights = work.tables, work.noise, work.copies, work.weights
        V, U, spare = center.ctypes.data, outside.ctypes.data, work.spare.ctypes.data
        table, copies, ones = tables.ctypes.data, copy_table.ctypes.data, work.ones.ctypes.data
        w, g, loss = weights.ctypes.data, work.coefficients.ctypes.data, work.loss.ctypes.data
        work.spare[:] = 0
        work.ones[:] = 1
        work.loss[:] = 0
        tables[:] = spare + 2 * row_bytes
        for row in range(2 * GROUP):
            copy_table[row] = spare + (3 + row) * row_bytes
        weights[:] = 0
        reset_weights(weights, K, tile)
        n_groups = (len(pairs) + GROUP - 1) // GROUP
        for number in range(-LEAD, n_groups):
            if number + LEAD < n_groups:
                queued = queue_group(number + LEAD, pairs, V, U, alias, key, K, tables, noise, spare)
                work.special[(number + LEAD) % (LEAD + 1)] = queued
            if number < 0:
                continue
            start, slot = number * GROUP, number % (LEAD + 1)
            n, at = min(GROUP, len(pairs) - start), slot * stride
            n_pairs = (n + 1) // 2
            special = work.special[slot]
            if special:
                unused = spare + 2 * row_bytes
                weigh_group(weights, K, tile, pairs, start, n, noise, slot * K, tables, at + 2 * GROUP, unused)
            if n % 2 == 1:
                weights[:, n // 2, TILE:] = 0
            inputs, owns, outputs = table + 8 * at, table + 8 * (at + GROUP), table + 8 * (at + 2 * GROUP)
            old_owns = copies + 16 * n_pairs
            ahead = table + 8 * ((number + LEAD) % (LEAD + 1)) * stride
            score_tile(tile, 1, inputs, owns, copies, n_pairs, outputs, n_strips, rate, w, 0, g, loss)
            for t in range(1, n_tiles):
                score_tile(
                    tile, 0, inputs, 0, 0, n_pairs, outputs + 8 * tile * t, n_strips, rate, w + t * tile_bytes, ones,
                    g + t * tile_bytes, loss,
                )  # fmt: skip
            update_tile(
                tile, 1, 0, upcoming, copies, owns, old_owns, inputs, inputs, n_pairs, outputs, n_strips, g, ahead
            )
            for t in range(1, n_tiles):
                update_tile(
                    tile, 0, 0, tile, copies, 0, 0, inputs, inputs, n_pairs, outputs + 8 * tile * t, n_strips,
                    g + t * tile_bytes, ahead + 8 * (2 * GROUP + tile * t),
                )  # fmt: skip
            if special:
                reset_weights(weights, K, tile)

    return train_bucket
