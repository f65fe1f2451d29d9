"""The kernels of the block schedule: corpus -> pairs in buckets, and one bucket of pairs -> changed rows (Numba).

The vocabulary is split into P blocks (`partition`). A bucket holds the pairs whose center is in one block and whose
outside word is in another. It is trained in groups of 8 pairs that share K noise words, drawn from the block of outside
words. A group's step is exactly that of `objectives.negative_sampling` summed over its pairs, with all scores computed
before any row changes, also where rows coincide:

- a center, or an outside word, that comes twice is changed twice, by amounts computed from copies of the old rows;
- equal noise words are one row of more weight;
- a noise word that is the outside word of a pair is, for that pair, the word to predict and no noise; the pair's own
  output then has weight 0. For the other pairs of the group it is noise.

Token ids are checked by `guards.checked_ids`. A bucket may come from another process: `train_bucket` checks all of it
before a row changes.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import float32, int32, int64, njit, uint32

from firth.errors import CorpusError, OptionError
from firth.training.draws import below, draw_word, subsample, window_bits
from firth.training.negative_sampling.layout import aligned_zeros, strips, tiles
from firth.training.negative_sampling.simd import LANES, STRIP_BYTES, TILE, score_tile, update_tile
from firth.training.negative_sampling.window_kernels import Array

GROUP = 8  # most pairs in a group
HALT_GROUPS = 256  # groups between two looks at whether to stop
LEAD = 2  # groups ahead of which rows are fetched into the nearest cache


class GroupWorkspace(NamedTuple):
    """One thread's scratch arrays for `train_bucket`; their contents carry nothing between buckets.

    What belongs to a group is written LEAD groups ahead, into slot (number of the group) % (LEAD + 1).
    """

    tables: Array  # (LEAD + 1, 2 GROUP + columns) int64, flat: row addresses of the inputs, their owns, the outputs
    noise: Array  # (LEAD + 1, n_tiles, 16) int32: the noise word in each lane, -1 where there is none
    columns: Array  # (LEAD + 1, n_tiles, 16) float32: the signed weight of each output but the first
    words: Array  # (LEAD + 1, GROUP) int32: the outside word of each pair, -2 where there is none
    own_weights: Array  # (LEAD + 1, GROUP / 2, 16) float32: the signed weight of each pair's own output
    rows: Array  # (GROUP / 2, 16) float32: 1, and 0 for an absent input
    copies: Array  # (2 GROUP,) int64: addresses of spare rows for copies of the inputs and of their own outputs
    coefficients: Array  # (n_tiles, GROUP / 2, 16) float32
    spare: Array  # (3 + 2 GROUP, D padded) float32: rows for an absent input, own output and output; and copies
    loss: Array  # (16,) float64: the loss summed over the bucket
    halt: Array  # (1,) bool, shared by all threads: True asks them to stop soon


def make_group_workspace(vector_size: int, negative: int, halt: Array | None = None) -> GroupWorkspace:
    """Allocate one thread's scratch arrays; `halt` is its flag to watch, if it has one."""
    tile, n_tiles = tiles(negative)
    return GroupWorkspace(
        tables=np.zeros((LEAD + 1) * (2 * GROUP + tile * n_tiles), np.int64),
        noise=aligned_zeros((LEAD + 1, n_tiles, LANES), np.int32),
        columns=aligned_zeros((LEAD + 1, n_tiles, LANES)),
        words=np.zeros((LEAD + 1, GROUP), np.int32),
        own_weights=aligned_zeros((LEAD + 1, GROUP // 2, LANES)),
        rows=aligned_zeros((GROUP // 2, LANES)),
        copies=np.zeros(2 * GROUP, np.int64),
        coefficients=aligned_zeros((n_tiles, GROUP // 2, LANES)),
        spare=aligned_zeros((3 + 2 * GROUP, LANES * strips(vector_size))),
        loss=aligned_zeros((LANES,), np.float64),
        halt=np.zeros(1, np.bool_) if halt is None else halt,
    )


class PairWorkspace(NamedTuple):
    """One thread's scratch arrays for making pairs from a block of n tokens; all (n,) int32."""

    kept: Array  # words that survive subsampling
    first: Array  # where the window of each begins in `kept`
    stop: Array  # and where it ends
    part: Array  # the block of each word


def make_pair_workspace(block_size: int) -> PairWorkspace:
    """Allocate one thread's scratch arrays."""
    return PairWorkspace(*(np.zeros(block_size + 1, np.int32) for _ in range(4)))


@njit(nogil=True)
def count_pairs(block, keep, key, window, shrink, block_of, P, work, counts):
    """Subsample a block of tokens, draw its windows, and count its pairs by bucket; return (words kept, words).

    The draws are those of `kernels.train_block`. block_of: (V,) uint8, the block of each word, below P;
    work: PairWorkspace, overwritten, which `fill_pairs` then reads; counts: (P * P,) int64, overwritten: bucket
    P a + b has the pairs of center block a and outside block b.
    """
    kept, first, stop, part = work.kept, work.first, work.stop, work.part
    n, words = subsample(block, keep, key, kept, first, stop)
    for i in range(n):
        part[i] = block_of[kept[i]]
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
    """Write each pair of words to its bucket's next place, in `pairs` (n_pairs, 2) int32.

    `places` (P * P,) is advanced in place.
    """
    kept, first, stop, part = work.kept, work.first, work.stop, work.part
    for i in range(n):
        for j in range(first[i], stop[i]):
            if j != i:
                place = places[part[j] * P + part[i]]
                places[part[j] * P + part[i]] = place + 1
                pairs[place, 0], pairs[place, 1] = kept[j], kept[i]


@njit(nogil=True)
def max_row_ids(pairs, noise_words, alias):
    """Return the largest center row, outside row and noise row, and the largest slot of the alias table, as uint32.

    A negative number becomes one above 2**31. Without pairs all are 0, because nothing is looked up.
    """
    center = outside = noise = slot = uint32(0)
    for i in range(len(pairs)):
        center = max(center, uint32(pairs[i, 0]))
        outside = max(outside, uint32(pairs[i, 1]))
    if len(pairs):
        for i in range(len(alias)):
            noise = max(noise, uint32(noise_words[i]))
            slot = max(slot, uint32(alias[i]))
    return center, outside, noise, slot


@lru_cache(maxsize=16)
def compile_train_bucket(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_bucket` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    stride = 2 * GROUP + tile * n_tiles
    upcoming = 2 * GROUP + tile  # rows that the first tile prefetches
    tile_bytes = GROUP // 2 * STRIP_BYTES

    @njit(nogil=True)
    def set_column(columns, slot, column, weight):
        columns[slot, column // tile, column % tile] = weight
        columns[slot, column // tile, column % tile + TILE] = weight

    @njit(nogil=True)
    def queue_noise(slot, number, U, noise_words, alias, key, K, tables, noise, columns, unused):
        """Draw a group's noise words; equal ones become one row of more weight."""
        at = slot * stride + 2 * GROUP
        for k in range(K):
            drawn = noise_words[draw_word(key, number * K + k, alias)]
            tables[at + 1 + k] = U + int64(drawn) * row_bytes
            set_column(columns, slot, 1 + k, float32(1))
            for earlier in range(k):
                same = 1 + earlier
                if noise[slot, same // tile, same % tile] == drawn:
                    set_column(columns, slot, same, columns[slot, same // tile, same % tile] + float32(1))
                    set_column(columns, slot, 1 + k, float32(0))
                    tables[at + 1 + k] = unused
                    drawn = int32(-1)
                    break
            noise[slot, (1 + k) // tile, (1 + k) % tile] = drawn
            noise[slot, (1 + k) // tile, (1 + k) % tile + TILE] = drawn

    @njit(nogil=True)
    def queue_pairs(slot, start, n, pairs, V, U, K, tables, noise, words, own_weights, spare):
        """Write down the rows of a group's pairs. A pair's own output counts unless it is among the noise words."""
        at = slot * stride
        for p in range(n):
            word = words[slot, p] = pairs[start + p, 1]
            tables[at + p] = V + int64(pairs[start + p, 0]) * row_bytes
            tables[at + GROUP + p] = U + int64(word) * row_bytes
            counts = float32(-1)
            for column in range(1, 1 + K):
                if noise[slot, column // tile, column % tile] == word:
                    counts = float32(0)
            own_weights[slot, p // 2, TILE * (p % 2)] = counts
        for p in range(n, GROUP):
            words[slot, p] = -2
            tables[at + p] = spare
            tables[at + GROUP + p] = spare + row_bytes

    def train_bucket(
        center: Array, outside: Array, pairs: Array, noise_words: Array, alias: Array, key: Any, K: int, rate: Any,
        work: GroupWorkspace,
    ) -> None:  # fmt: skip
        """Train a bucket of pairs, changing rows of both matrices in place; the summed loss is in `work.loss`.

        The result depends on the arguments alone. With rate 0 no row changes. Raises `OptionError` for arrays of other
        shapes or dtypes than these, and `CorpusError` for a row id out of range.

        center, outside  (rows, D padded to strips) float32, C-contiguous, 64-byte aligned
        pairs            (n, 2) int32: row of `center`, row of `outside`
        noise_words      (n_b,) int32: the rows of `outside` that noise words are drawn from
        alias            (n_b,) uint64: `sampling.alias_table` of their distribution
        key, K, rate     uint64 seed of the draws; noise words for each group; learning rate, float32
        work             GroupWorkspace, overwritten
        """
        if tiles(K) != (tile, n_tiles):
            raise OptionError(f"a kernel for {n_tiles} x {tile} output rows was given negative={K}")
        width = LANES * n_strips
        _check_layout("center", center, _FLOAT32, (len(center), width))
        _check_layout("outside", outside, _FLOAT32, (len(outside), width))
        _check_layout("pairs", pairs, _INT32, (len(pairs), 2))
        _check_layout("noise_words", noise_words, _INT32, (len(noise_words),))
        _check_layout("alias", alias, _UINT64, (len(noise_words),))
        _check_layout("tables", work.tables, _INT64, ((LEAD + 1) * stride,))
        _check_layout("spare", work.spare, _FLOAT32, (3 + 2 * GROUP, width))
        largest = train_groups(center, outside, pairs, noise_words, alias, key, K, rate, work)
        if len(pairs):
            _check_row("pairs hold the center", largest[0], len(center), np.int32)
            _check_row("pairs hold the outside word", largest[1], len(outside), np.int32)
            _check_row("noise words hold the row", largest[2], len(outside), np.int32)
            _check_row("alias table holds the slot", largest[3], len(noise_words), np.uint32)

    @njit(nogil=True)
    def train_groups(center, outside, pairs, noise_words, alias, key, K, rate, work):
        tables, noise, columns, words, own_weights, rows, copy_table, coefficients, spare_rows, losses, halt = work
        largest = max_row_ids(pairs, noise_words, alias)
        rows_exist = largest[0] < len(center) and largest[1] < len(outside) and largest[2] < len(outside)
        if len(pairs) and not (rows_exist and largest[3] < len(noise_words)):
            return largest
        V, U, spare = center.ctypes.data, outside.ctypes.data, spare_rows.ctypes.data
        table, copies = tables.ctypes.data, copy_table.ctypes.data
        g, loss, row_weights = coefficients.ctypes.data, losses.ctypes.data, rows.ctypes.data
        spare_rows[:] = 0
        losses[:] = 0
        rows[:] = 1
        columns[:] = 0
        own_weights[:] = 0
        noise[:] = -1
        tables[:] = spare + 2 * row_bytes
        for row in range(2 * GROUP):
            copy_table[row] = spare + (3 + row) * row_bytes
        n_groups = (len(pairs) + GROUP - 1) // GROUP
        for number in range(-LEAD, n_groups):
            queued = number + LEAD
            ahead = queued % (LEAD + 1)
            if queued < n_groups:
                n = min(GROUP, len(pairs) - queued * GROUP)
                queue_noise(ahead, queued, U, noise_words, alias, key, K, tables, noise, columns, spare + 2 * row_bytes)
                queue_pairs(
                    ahead, queued * GROUP, n, pairs, V, U, K, tables, noise, words, own_weights, spare
                )  # fmt: skip
            if number < 0:
                continue
            if number % HALT_GROUPS == 0 and halt[0]:
                break
            start, slot = number * GROUP, number % (LEAD + 1)
            n = min(GROUP, len(pairs) - start)
            n_pairs = (n + 1) // 2
            if n % 2 == 1:
                own_weights[slot, n // 2, TILE] = 0
                for lane in range(TILE, 2 * TILE):
                    rows[n // 2, lane] = 0
            inputs = table + 8 * slot * stride
            owns, outputs = inputs + 8 * GROUP, inputs + 16 * GROUP
            old_owns, next_rows = copies + 16 * n_pairs, table + 8 * ahead * stride
            for t in range(n_tiles):
                group = (
                    owns, copies, words[slot].ctypes.data, noise[slot, t].ctypes.data, own_weights[slot].ctypes.data
                )  # fmt: skip
                signed = columns[slot, t].ctypes.data
                if t == 0:
                    score_tile(tile, 1, inputs, n_pairs, outputs, n_strips, rate, row_weights, signed, group, g, loss)
                else:
                    score_tile(
                        tile, 0, inputs, n_pairs, outputs + 8 * tile * t, n_strips, rate, row_weights, signed, group,
                        g + t * tile_bytes, loss,
                    )  # fmt: skip
            update_tile(
                tile, 1, 0, upcoming, copies, owns, old_owns, inputs, inputs, n_pairs, outputs, n_strips, g, next_rows
            )
            for t in range(1, n_tiles):
                update_tile(
                    tile, 0, 0, tile, copies, 0, 0, inputs, inputs, n_pairs, outputs + 8 * tile * t, n_strips,
                    g + t * tile_bytes, next_rows + 8 * (2 * GROUP + tile * t),
                )  # fmt: skip
        return largest

    return train_bucket


_FLOAT32, _INT32, _INT64, _UINT64 = map(np.dtype, ("f4", "i4", "i8", "u8"))


def _check_layout(name: str, array: Array, dtype: "np.dtype[Any]", shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise OptionError(f"{name} of a bucket is {array.dtype} {array.shape}: give {dtype} {shape}, C-contiguous")


def _check_row(what: str, row: int, n_rows: int, dtype: Any) -> None:
    if row >= n_rows:
        raise CorpusError(
            f"a bucket's {what} {np.uint32(row).view(dtype)} where 0 to {n_rows - 1} are allowed: "
            "it was made for other matrices, or damaged in transfer"
        )
