"""The kernels of the block schedule: tokens to pairs in buckets, and the training of one bucket (Numba).

The vocabulary is split into P blocks (`partition`). A bucket holds the pairs (c, o) with c in one given block and o in
another, or the same. It is trained in groups of 8 pairs, which share K noise words from the block of the outside words.
A group is one step: the gradients (17), (17a) of docs/derivation.md summed over its pairs, with all scores computed
before any row changes, also where rows coincide:

- a center or an outside word that occurs in several pairs is updated once for each, from copies of the old rows;
- equal noise words are one row of more weight (Result 18);
- a noise word that is the outside word of one of the pairs is the positive row of that pair, and noise for the others.

Token ids are checked by `guards.checked_ids`. A bucket may come from another process: `train_bucket` checks all of it
before any row changes.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import helper, kernel
from firth.errors import CorpusError, OptionError
from firth.training.draws import draw_word, subsample, window_size
from firth.training.negative_sampling.layout import (
    LANES,
    STRIP_BYTES,
    TILE,
    Group,
    Rows,
    Step,
    address,
    aligned_zeros,
    score_tile,
    strips,
    tiles,
    update_tile,
)
from firth.training.negative_sampling.window_kernels import Array

GROUP = 8  # most pairs in a group
HALT_GROUPS = 256  # groups between two checks of the halt flag
LEAD = 2  # groups ahead of which rows are prefetched


class Bucket(NamedTuple):
    """All that the result of training one bucket depends on."""

    center: NDArray[np.float32]  # (rows, D padded to strips): the matrix, or the rows of it that the bucket needs
    outside: NDArray[np.float32]  # likewise
    pairs: NDArray[np.int32]  # (n, 2): the center's row of `center`, the outside word's row of `outside`
    noise_words: NDArray[np.int32]  # (n_b,): the rows of `outside` that noise words are drawn from
    alias: NDArray[np.uint64]  # (n_b,): `sampling.alias_table` of their distribution
    key: np.uint64  # the seed of the random draws
    rate: np.float32  # learning rate
    negative: int  # K, the noise words of a group
    vector_size: int  # D


class GroupWorkspace(NamedTuple):
    """One thread's scratch arrays for `train_bucket`; they carry nothing from one bucket to the next.

    What belongs to a group is written LEAD groups ahead, to slot (number of the group) % (LEAD + 1). Addresses are
    int64.
    """

    addresses: Array  # (LEAD + 1, 2 GROUP + columns): rows of the inputs, of their positives, and of the outputs
    noise: Array  # (LEAD + 1, n_tiles, 16) int32: the noise word in each lane, -1 where there is none
    column_weights: Array  # (LEAD + 1, n_tiles, 16) float32: the signed weight of each output but the first
    words: Array  # (LEAD + 1, GROUP) int32: the outside word of each pair, -2 where there is none
    positive_weights: Array  # (LEAD + 1, GROUP / 2, 16) float32: the signed weight of the positive of each pair
    row_weights: Array  # (GROUP / 2, 16) float32: 1, and 0 for an absent input
    copy_addresses: Array  # (2 GROUP,): addresses of the rows of `copies`
    g: Array  # (n_tiles, GROUP / 2, 16) float32: -eta times the gradient by each score
    copies: Array  # (2 GROUP, D padded) float32: old rows of the inputs and of their positives
    absent_input: Array  # (D padded,) float32: the row of an input that an incomplete group lacks
    absent_positive: Array  # (D padded,) float32: the row of its positive
    unused_output: Array  # (D padded,) float32: the output row where a tile has none
    loss: Array  # (16,) float64: the loss summed over the bucket
    halt: Array  # (1,) bool, shared by all threads: True stops training soon


def make_group_workspace(vector_size: int, negative: int, halt: Array | None = None) -> GroupWorkspace:
    """Allocate one thread's scratch arrays; `halt` is the flag that all threads share, if there are several."""
    tile, n_tiles = tiles(negative)
    width = LANES * strips(vector_size)
    return GroupWorkspace(
        addresses=np.zeros((LEAD + 1, 2 * GROUP + tile * n_tiles), np.int64),
        noise=aligned_zeros((LEAD + 1, n_tiles, LANES), np.int32),
        column_weights=aligned_zeros((LEAD + 1, n_tiles, LANES)),
        words=np.zeros((LEAD + 1, GROUP), np.int32),
        positive_weights=aligned_zeros((LEAD + 1, GROUP // 2, LANES)),
        row_weights=aligned_zeros((GROUP // 2, LANES)),
        copy_addresses=np.zeros(2 * GROUP, np.int64),
        g=aligned_zeros((n_tiles, GROUP // 2, LANES)),
        copies=aligned_zeros((2 * GROUP, width)),
        absent_input=aligned_zeros((width,)),
        absent_positive=aligned_zeros((width,)),
        unused_output=aligned_zeros((width,)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=np.zeros(1, np.bool_) if halt is None else halt,
    )


class Windows(NamedTuple):
    """What the pairs of a block of tokens depend on; the first five fields are those of `TokenBlock`."""

    tokens: NDArray[np.int32]
    keep: NDArray[np.uint32]
    key: np.uint64
    window: int
    shrink: bool
    block_of: NDArray[np.uint8]  # (V,): the block of each word, below P
    P: int  # the number of blocks


class PairWorkspace(NamedTuple):
    """One thread's scratch arrays for making pairs from a block of n tokens."""

    kept: Array  # (n,) int32: words that survive subsampling
    first: Array  # (n,) int32: where the window of each begins in `kept`
    stop: Array  # (n,) int32: where it ends
    part: Array  # (n,) int32: the block of each word
    counts: Array  # (P * P,) int64: pairs of each bucket


def make_pair_workspace(block_size: int, P: int) -> PairWorkspace:
    """Allocate one thread's scratch arrays."""
    return PairWorkspace(*(np.zeros(block_size + 1, np.int32) for _ in range(4)), np.zeros(P * P, np.int64))


class BlockPairs(NamedTuple):
    """The pairs of one token block, sorted by bucket: bucket P a + b has center block a and outside block b."""

    pairs: NDArray[np.int32]  # (n, 2): center and outside word
    starts: NDArray[np.int64]  # (P * P + 1,): where each bucket begins, and the end


def make_pairs(windows: Windows, work: PairWorkspace) -> BlockPairs:
    """Return the pairs (26) of a block of tokens, after subsampling; the scratch arrays are overwritten.

    The same in plain Python: `reference.make_pairs`.
    """
    n = count_pairs(windows, work)
    starts = np.concatenate([[0], np.cumsum(work.counts)])
    pairs = np.empty((starts[-1], 2), np.int32)
    fill_pairs(n, windows.P, work, starts[:-1].copy(), pairs)
    return BlockPairs(pairs, starts)


@kernel()
def count_pairs(windows, work):
    """Subsample a block of tokens, draw its windows and count its pairs by bucket; return how many words are kept.

    The draws are those of `window_kernels.train_block`. windows: Windows; work: PairWorkspace, overwritten.
    """
    P, kept, first, stop, part, counts = windows.P, work.kept, work.first, work.stop, work.part, work.counts
    n, _ = subsample(windows.tokens, windows.keep, windows.key, kept, first, stop)
    for i in range(n):
        part[i] = windows.block_of[kept[i]]
        r = window_size(windows.key, i, windows.window, windows.shrink)
        first[i], stop[i] = max(np.int64(first[i]), i - r), min(np.int64(stop[i]), i + r + 1)
    counts[:] = 0
    for i in range(n):
        for j in range(first[i], stop[i]):
            counts[part[j] * P + part[i]] += 1
        counts[part[i] * P + part[i]] -= 1
    return n


@kernel()
def fill_pairs(n, P, work, positions, pairs):
    """Write each pair of the n words kept to its bucket's next position in `pairs` (n_pairs, 2) int32.

    `positions` (P * P,) int64 is advanced in place. work: as `count_pairs` left it.
    """
    kept, first, stop, part = work.kept, work.first, work.stop, work.part
    for i in range(n):
        for j in range(first[i], stop[i]):
            if j != i:
                position = positions[part[j] * P + part[i]]
                positions[part[j] * P + part[i]] = position + 1
                pairs[position, 0], pairs[position, 1] = kept[j], kept[i]


@helper()
def max_row_ids(pairs, noise_words, alias):
    """Return the largest center row, outside row, noise row and slot of the alias table, as uint32.

    A negative number becomes one above 2**31. Without pairs all are 0, because nothing is looked up.
    """
    center = outside = noise = slot = np.uint32(0)
    for i in range(len(pairs)):
        center = max(center, np.uint32(pairs[i, 0]))
        outside = max(outside, np.uint32(pairs[i, 1]))
    if len(pairs):
        for i in range(len(alias)):
            noise = max(noise, np.uint32(noise_words[i]))
            slot = max(slot, np.uint32(alias[i]))
    return center, outside, noise, slot


class NoiseSource(NamedTuple):
    """What the noise words of a bucket are drawn from: fields of `Bucket`."""

    words: Any
    alias: Any
    key: Any
    K: Any


class Base(NamedTuple):
    """Addresses: the first rows of both matrices, and the rows that stand in for absent ones (`GroupWorkspace`)."""

    center: Any
    outside: Any
    absent_input: Any
    absent_positive: Any
    unused_output: Any


@lru_cache(maxsize=16)
def compile_train_bucket(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_bucket` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    stride = 2 * GROUP + tile * n_tiles
    n_upcoming = 2 * GROUP + tile  # rows that the first tile prefetches: inputs, positives, outputs
    tile_bytes = GROUP // 2 * STRIP_BYTES

    @helper()
    def set_column_weight(weights, slot, column, weight):
        weights[slot, column // tile, column % tile] = weight
        weights[slot, column // tile, column % tile + TILE] = weight

    @helper()
    def queue_noise(slot, number, source, base, addresses, noise, weights):
        """Draw the noise words of group `number`; equal ones become one row of more weight."""
        for k in range(source.K):
            drawn = source.words[draw_word(source.key, number * source.K + k, source.alias)]
            addresses[slot, 2 * GROUP + 1 + k] = base.outside + np.int64(drawn) * row_bytes
            set_column_weight(weights, slot, 1 + k, np.float32(1))
            for earlier in range(k):
                same = 1 + earlier
                if noise[slot, same // tile, same % tile] == drawn:
                    more = weights[slot, same // tile, same % tile] + np.float32(1)
                    set_column_weight(weights, slot, same, more)
                    set_column_weight(weights, slot, 1 + k, np.float32(0))
                    addresses[slot, 2 * GROUP + 1 + k] = base.unused_output
                    drawn = np.int32(-1)
                    break
            noise[slot, (1 + k) // tile, (1 + k) % tile] = drawn
            noise[slot, (1 + k) // tile, (1 + k) % tile + TILE] = drawn

    @helper()
    def queue_pairs(slot, pairs, K, base, addresses, noise, words, weights):
        """Write the addresses of the rows of up to 8 pairs, and the weights of their positives.

        A positive has weight 0 if it is among the noise words, where that output is the positive of this pair.
        """
        n = len(pairs)
        for p in range(n):
            word = words[slot, p] = pairs[p, 1]
            addresses[slot, p] = base.center + np.int64(pairs[p, 0]) * row_bytes
            addresses[slot, GROUP + p] = base.outside + np.int64(word) * row_bytes
            weight = np.float32(-1)
            for column in range(1, 1 + K):
                if noise[slot, column // tile, column % tile] == word:
                    weight = np.float32(0)
            weights[slot, p // 2, TILE * (p % 2)] = weight
        for p in range(n, GROUP):
            words[slot, p] = -2
            addresses[slot, p] = base.absent_input
            addresses[slot, GROUP + p] = base.absent_positive

    @helper()
    def reset_workspace(work):
        """Set every weight and every address that no group writes."""
        work.absent_input[:] = 0
        work.absent_positive[:] = 0
        work.unused_output[:] = 0
        work.loss[:] = 0
        work.row_weights[:] = 1
        work.column_weights[:] = 0
        work.positive_weights[:] = 0
        work.noise[:] = -1
        work.addresses[:] = address(work.unused_output)
        for row in range(2 * GROUP):
            work.copy_addresses[row] = address(work.copies) + row * row_bytes

    @helper(inline="always")  # a call would cost 5 % of the speed
    def train_group(step, group, column_weights, g, upcoming):
        """Do the step of a group. `column_weights`, `g` and `upcoming` are addresses of its tables."""
        inputs, outputs = step.inputs, step.inputs + 16 * GROUP
        for t in range(n_tiles):
            tile_weights, noise = column_weights + t * STRIP_BYTES, group.noise + t * STRIP_BYTES
            tile_group = Group(group.positives, group.copies, group.words, noise, group.positive_weights)
            if t == 0:
                score_tile(tile, 1, step, outputs, tile_weights, tile_group, g)
            else:
                score_tile(tile, 0, step, outputs + 8 * tile * t, tile_weights, tile_group, g + t * tile_bytes)
        old_positives = group.copies + 16 * step.pairs
        rows = Rows(group.copies, inputs, inputs, group.positives, old_positives, step.pairs, n_strips)
        update_tile(tile, 1, 0, n_upcoming, rows, outputs, g, upcoming)
        for t in range(1, n_tiles):
            rows = Rows(group.copies, inputs, inputs, 0, 0, step.pairs, n_strips)
            upcoming_outputs = upcoming + 8 * (2 * GROUP + tile * t)
            update_tile(tile, 0, 0, tile, rows, outputs + 8 * tile * t, g + t * tile_bytes, upcoming_outputs)

    @kernel()
    def train_groups(bucket, work):
        pairs, addresses, noise, words = bucket.pairs, work.addresses, work.noise, work.words
        column_weights, row_weights, positive_weights = work.column_weights, work.row_weights, work.positive_weights
        largest = max_row_ids(pairs, bucket.noise_words, bucket.alias)
        n_center, n_outside = len(bucket.center), len(bucket.outside)
        rows_exist = largest[0] < n_center and largest[1] < n_outside and largest[2] < n_outside
        if len(pairs) and not (rows_exist and largest[3] < len(bucket.noise_words)):
            return largest
        reset_workspace(work)
        source = NoiseSource(bucket.noise_words, bucket.alias, bucket.key, bucket.negative)
        base = Base(
            address(bucket.center), address(bucket.outside), address(work.absent_input), address(work.absent_positive),
            address(work.unused_output),
        )  # fmt: skip
        n_groups = (len(pairs) + GROUP - 1) // GROUP
        for number in range(-LEAD, n_groups):
            queued = number + LEAD
            ahead = queued % (LEAD + 1)
            if queued < n_groups:
                queue_noise(ahead, queued, source, base, addresses, noise, column_weights)
                group_pairs = pairs[queued * GROUP : queued * GROUP + GROUP]
                queue_pairs(ahead, group_pairs, source.K, base, addresses, noise, words, positive_weights)
            if number < 0:
                continue
            if number % HALT_GROUPS == 0 and work.halt[0]:
                break
            slot, n = number % (LEAD + 1), min(GROUP, len(pairs) - number * GROUP)
            if n % 2 == 1:
                positive_weights[slot, n // 2, TILE] = 0
                for lane in range(TILE, 2 * TILE):
                    row_weights[n // 2, lane] = 0
            inputs, loss = address(addresses) + 8 * stride * slot, address(work.loss)
            step = Step(inputs, (n + 1) // 2, n_strips, address(row_weights), bucket.rate, loss)
            group = Group(
                inputs + 8 * GROUP, address(work.copy_addresses), address(words) + 4 * GROUP * slot,
                address(noise) + n_tiles * STRIP_BYTES * slot, address(positive_weights) + tile_bytes * slot,
            )  # fmt: skip
            weights = address(column_weights) + n_tiles * STRIP_BYTES * slot
            upcoming = address(addresses) + 8 * stride * ahead
            train_group(step, group, weights, address(work.g), upcoming)
        return largest

    def train_bucket(bucket: Bucket, work: GroupWorkspace) -> None:
        """Train a bucket of pairs, changing rows of both matrices in place; the summed loss is in `work.loss`.

        The result depends on the bucket alone. With rate 0 no row changes. `work` is overwritten. The same in NumPy:
        `reference.train_bucket`.

        Raises `OptionError` for arrays of other shapes or dtypes than those of `Bucket`, and `CorpusError` for a row id
        out of range.
        """
        if tiles(bucket.negative) != (tile, n_tiles):
            raise OptionError(f"a kernel for {n_tiles} x {tile} output rows was given negative={bucket.negative}")
        width, n_noise = LANES * n_strips, len(bucket.noise_words)
        _check_layout("center", bucket.center, _FLOAT32, (len(bucket.center), width))
        _check_layout("outside", bucket.outside, _FLOAT32, (len(bucket.outside), width))
        _check_layout("pairs", bucket.pairs, _INT32, (len(bucket.pairs), 2))
        _check_layout("noise_words", bucket.noise_words, _INT32, (n_noise,))
        _check_layout("alias", bucket.alias, _UINT64, (n_noise,))
        _check_layout("addresses", work.addresses, _INT64, (LEAD + 1, stride))
        _check_layout("copies", work.copies, _FLOAT32, (2 * GROUP, width))
        largest = train_groups(bucket, work)
        if len(bucket.pairs):
            _check_row("pairs hold the center", largest[0], len(bucket.center), np.int32)
            _check_row("pairs hold the outside word", largest[1], len(bucket.outside), np.int32)
            _check_row("noise words hold the row", largest[2], len(bucket.outside), np.int32)
            _check_row("alias table holds the slot", largest[3], n_noise, np.uint32)

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
