"""The kernels of the block schedule: from tokens to pairs in buckets, and the training of one bucket (Numba).

The vocabulary is split into P blocks (`partition`). A bucket holds the pairs (c, o) with c in one given block and o in
another, or the same. Its pairs are made in two passes of a radix sort over the words that survive subsampling, each
with its window: by the block of the word (`keep_words`), then by the word (`place_words`). Each word is the outside
word of its window. Going through the windows in that order gives pairs sorted by outside word, and each is written to
the bucket of its center (`fill_pairs`).

A bucket is trained in groups: at most 16 pairs of one outside word share K noise words from its block. A group is one
step (`steps`). The groups of a bucket are trained in random order.

Token ids are checked by `guards.checked_ids`. A bucket may come from another process: `train_bucket` checks all of it
before any row changes.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel, prefetch
from firth.errors import CorpusError, OptionError
from firth.training.draws import draw_word, shuffle, subsample, window_size
from firth.training.negative_sampling.buckets import (
    GROUP,
    LEAD,
    SEEN,
    Array,
    BlockPairs,
    Bucket,
    ChunkText,
    GroupWorkspace,
    OutsideUnits,
    with_room,
)
from firth.training.negative_sampling.steps import (
    queue_outputs,
    reset_column_weights,
    weigh_outputs,
)
from firth.training.windows.frozen import copy_frozen
from firth.training.windows.layout import LANES, STRIP_BYTES, TILE, Step, tiles
from firth.training.windows.step import compile_step, set_row_weight

LEAD_WINDOWS = 20  # windows ahead of which entries of the text are prefetched
NEAR = 5  # words on each side that are counted, with 0 or 1, for every window
HALT_GROUPS = 256  # groups between two checks of the halt flag


@helper()
def word_of(entry):
    """Return the word of an entry of a `ChunkText`."""
    return entry & np.int64(0xFFFFFFFF)


@helper()
def block_of(entry):
    """Return the block of the word."""
    return entry >> np.int64(32)


@helper()
def window_of(span, place):
    """Return where the window around the entry at `place` begins and ends."""
    return place - (np.int64(span) & np.int64(0xFFFF)), place + np.int64(1) + (np.int64(span) >> np.int64(16))


@helper()
def window_at(packed):
    """Return where a window begins and ends, from its place (bits 0 to 31) and span (32 to 63)."""
    return window_of(packed >> np.int64(32), packed & np.int64(0xFFFFFFFF))


@kernel()
def keep_words(windows, entries, spans, work):
    """Write the words of a block of tokens that survive subsampling, with their windows; return their number.

    The draws are those of `window_kernels.train_block`. windows: Windows; entries, spans: rows of those of a
    `ChunkText`; work: TextWorkspace. The same in NumPy: `reference.keep_words`.
    """
    kept, first, stop = work.kept, work.first, work.stop
    n, _ = subsample(windows.tokens, windows.keep, windows.key, kept, first, stop)
    for i in range(n):
        block = np.int64(windows.block_of[kept[i]])
        r = window_size(windows.key, i, windows.window, windows.shrink)
        before, after = min(r, i - np.int64(first[i])), min(r, np.int64(stop[i]) - 1 - i)
        entries[i] = np.int64(kept[i]) | block << np.int64(32)
        spans[i] = np.uint32(before | after << np.int64(16))
    return n


@kernel()
def sort_positions(entries, n, outside_block, order, starts):
    """Write the positions of the first n entries, sorted by the outside block of their word, to `order`.

    outside_block: (V,) uint16, at most P; starts: (P + 1,), overwritten with where each block begins. Words of block P
    are left out. The same in NumPy: `reference.sort_positions`.
    """
    P = len(starts) - 1
    starts[:] = 0
    for i in range(n):
        block = np.int64(outside_block[word_of(entries[i])])
        if block < P:
            starts[block + 1] += 1
    for block in range(P):
        starts[block + 1] += starts[block]
    for i in range(n):
        block = np.int64(outside_block[word_of(entries[i])])
        if block < P:
            order[starts[block]] = i
            starts[block] += 1
    for block in range(P, 0, -1):
        starts[block] = starts[block - 1]
    starts[0] = 0


def count_buckets(entries: Array, spans: Array, n: int, outside_block: Array, P: int) -> NDArray[np.int32]:
    """Return how many pairs the first n entries have in each bucket (P, P): [block of outside word, block of center].

    outside_block: as in `sort_positions`. The same in NumPy: `reference.count_buckets`.
    """
    counts = np.zeros((P, P), np.int32)
    add_windows(entries, spans, n, outside_block, np.zeros(n + 2 * NEAR, np.uint16), counts)
    return counts


@kernel()
def add_windows(entries, spans, n, outside_block, blocks, counts):
    """Add the pairs of the first n entries to `counts`, see `count_buckets`; blocks: (n + 2 NEAR,) uint16, zeros."""
    for i in range(n):
        blocks[NEAR + i] = block_of(entries[i])
    for i in range(n):
        outside, place = np.int64(outside_block[word_of(entries[i])]), i + NEAR
        if outside < len(counts):
            of_block = counts[outside]
            before, after = np.int64(spans[i]) & np.int64(0xFFFF), np.int64(spans[i]) >> np.int64(16)
            for d in range(1, NEAR + 1):  # as often for any window, because its end would be mispredicted
                of_block[blocks[place - d]] += np.int32(d <= before)
                of_block[blocks[place + d]] += np.int32(d <= after)
            for d in range(NEAR + 1, before + 1):
                of_block[blocks[place - d]] += np.int32(1)
            for d in range(NEAR + 1, after + 1):
                of_block[blocks[place + d]] += np.int32(1)


def make_pairs(text: ChunkText, block: int, outside: OutsideUnits, room: Array | None = None) -> BlockPairs:
    """Return the pairs (26) of a chunk whose outside words are in `block`. In NumPy: `reference.make_pairs`.

    room: (n, 2) int32 for at least as many pairs, overwritten with them; None for new memory.
    """
    sizes = text.starts[:, block + 1] - text.starts[:, block]
    starts = np.append(0, np.cumsum(text.counts[block]))
    places = np.empty((3, int(sizes.sum())), np.int64)
    pairs = np.empty((starts[-1], 2), np.int32) if room is None else room[: starts[-1]]
    firsts = np.cumsum(sizes, dtype=np.int64) - sizes
    place_words(text, block, outside.slot_of, firsts, places, np.zeros(outside.n + 1, np.int32))
    fill_pairs(text.entries.reshape(-1), places[0], outside.unit_of, starts[:-1].copy(), pairs)
    return BlockPairs(pairs, starts)


@helper()
def spreading_step(n):
    """Return a step through n things in a circle that meets all of them, neighbours long after each other.

    It is the next number from 0.618 n on that has no divisor in common with n.
    """
    step = max(1, np.int64(0.6180339887498949 * n))
    while True:
        a, b = n, step
        while b:
            a, b = b, a % b
        if a <= 1:
            return step
        step += 1


@kernel()
def place_words(text, block, slot_of, firsts, places, word_starts):
    """Sort the windows of the words of `block` by the unit of the word.

    text         ChunkText: all rows of a chunk, or those that one member of a cluster has
    slot_of      (V,) int32: the place of each word's unit in its block
    firsts       (T,) int64: how many of the chunk's n words of the block stand before each row
    places       (3, n) int64, overwritten; places[0] becomes row * size + position of each of these words (bits 0 to
                 31) and its span (32 to 63), sorted by unit; those of a unit are spread over the text. A fourth row, if
                 there is one, becomes the rank of each among the n words of the chunk, in the order of spreading
    word_starts  (units + 1,) int32, zeros; overwritten
    """
    size, n, has_ranks = text.entries.shape[1], places.shape[1], len(places) > 3
    unsorted, slots, by_word, ranks = places[1], places[2], places[0], places[-1]
    slots[:] = -1  # those of words that other members have stay so
    for row in range(len(text.entries)):
        entries, spans, order, end = text.entries[row], text.spans[row], text.order[row], text.starts[row, block + 1]
        number = firsts[row]
        for k in range(text.starts[row, block], end):
            ahead = np.int64(order[min(k + LEAD_WINDOWS, end - 1)])
            prefetch(address(entries) + 8 * ahead, 0)
            prefetch(address(spans) + 4 * ahead, 0)
            i = np.int64(order[k])
            slot = np.int64(slot_of[word_of(entries[i])])
            word_starts[slot + 1] += 1
            unsorted[number], slots[number] = row * size + i | np.int64(spans[i]) << np.int64(32), slot
            number += 1
    for slot in range(len(word_starts) - 1):
        word_starts[slot + 1] += word_starts[slot]
    step = spreading_step(n)
    k = 0
    for rank in range(n):
        if slots[k] >= 0:
            position = word_starts[slots[k]]
            word_starts[slots[k]] += 1
            by_word[position] = unsorted[k]
            if has_ranks:
                ranks[position] = rank
        k += step if k + step < n else step - n


@kernel()
def fill_pairs(entries, places, unit_of, positions, pairs):
    """Write the pairs of the words at `places` to `pairs` (n, 2) int32.

    entries    those of a `ChunkText`, row by row
    places     (n,) int64, from `place_words`
    unit_of    (V,) int32: what stands for each outside word
    positions  (P,) int64, where the next pair of each center block is written; advanced in place
    """
    for n in range(len(places)):
        first, stop = window_at(places[min(n + LEAD_WINDOWS, len(places) - 1)])
        prefetch(address(entries) + 8 * first, 0)
        prefetch(address(entries) + 8 * stop - 8, 0)
        place = word_of(places[n])
        outside = np.int32(unit_of[word_of(entries[place])])
        first, stop = window_at(places[n])
        for k in range(first, stop - 1):
            center = entries[k + (k >= place)]  # a condition would be mispredicted in most windows
            block = block_of(center)
            position = positions[block]
            positions[block] = position + 1
            pairs[position, 0], pairs[position, 1] = np.int32(word_of(center)), outside


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


@helper()
def order_groups(pairs, key, order):
    """Write the first pair of each group to `order`, in random order, and return the number of groups.

    A group is at most GROUP pairs that follow each other and have the same outside word.
    """
    n, start = 0, 0
    for i in range(len(pairs)):
        if i == 0 or pairs[i, 1] != pairs[i - 1, 1] or i - start == GROUP:
            order[n] = start = i
            n += 1
    shuffle(key, order, n)
    return n


@helper()
def prefetch_row(row, row_bytes):
    """Prefetch all cache lines of the row at an address."""
    for line in range(0, row_bytes, STRIP_BYTES):
        prefetch(row + line, 1)


@helper()
def list_inputs(inputs, slot, first_column, pairs, start, center, row_bytes, seen):
    """Write the address of each center's row of the group that begins at `start`; return how many there are.

    Also return whether two of them may be equal: every equal pair is found, and one in 40 groups without any.
    `seen` (2**n,) int32 holds the number of the last group that had a center with these n low bits.
    """
    o, most, n, may_repeat = pairs[start, 1], min(GROUP, len(pairs) - start), 0, False
    while n < most and pairs[start + n, 1] == o:
        c = pairs[start + n, 0]
        row = center + np.int64(c) * row_bytes
        inputs[slot, first_column + n] = row
        prefetch_row(row, row_bytes)
        may_repeat |= seen[c & (SEEN - 1)] == start
        seen[c & (SEEN - 1)] = start
        n += 1
    return n, may_repeat


@helper()
def merge_inputs(inputs, slot, first_column, n, weights):
    """Merge equal input rows into one of more weight; return the number of distinct rows."""
    distinct = 0
    for i in range(n):
        same = 0
        while inputs[slot, first_column + same] != inputs[slot, first_column + i]:
            same += 1
        if same < distinct:
            set_row_weight(weights, same, weights[same // 2, TILE * (same % 2)] + np.float32(1))
        else:
            inputs[slot, first_column + distinct] = inputs[slot, first_column + i]
            distinct += 1
    return distinct


class Base(NamedTuple):
    """Addresses: the first rows of both matrices, and the rows that stand in for absent ones (`GroupWorkspace`)."""

    center: Any
    outside: Any
    zero_row: Any
    unused_row: Any


@lru_cache(maxsize=16)
def compile_train_bucket(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_bucket` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    columns = tile * n_tiles
    train_step = compile_step(tile, n_tiles, n_strips, 0)

    @helper()
    def reset_workspace(work, K):
        """Set every weight and every address that no group writes."""
        work.zero_row[:] = 0
        work.unused_row[:] = 0
        work.loss[:] = 0
        work.seen[:] = -1
        work.row_weights[:] = 1
        work.column_weights[:] = 0
        reset_column_weights(K, tile, work.column_weights)
        work.outputs[:] = address(work.unused_row)
        for row in range(len(work.sums)):
            work.sums[row] = address(work.partial) + row * row_bytes

    @kernel()
    def train_groups(bucket, work):
        pairs, noise_words, alias, key, K = bucket.pairs, bucket.noise_words, bucket.alias, bucket.key, bucket.negative
        order, outputs, n_inputs, is_weighted = work.order, work.outputs, work.n_inputs, work.is_weighted
        noise, column_weights, row_weights, halt = work.noise, work.column_weights, work.row_weights, work.halt
        may_repeat, seen = work.may_repeat, work.seen
        largest = max_row_ids(pairs, bucket.noise_words, bucket.alias)
        n_center, n_outside = len(bucket.center), len(bucket.outside)
        rows_exist = largest[0] < n_center and largest[1] < n_outside and largest[2] < n_outside
        if len(pairs) and not (rows_exist and largest[3] < len(bucket.noise_words)):
            return largest
        reset_workspace(work, bucket.negative)
        base = Base(
            address(bucket.center), address(bucket.outside), address(work.zero_row), address(work.unused_row)
        )  # fmt: skip
        n_groups = order_groups(pairs, key, order)
        g, sums, loss, table_bytes = address(work.g), address(work.sums), address(work.loss), 8 * (columns + GROUP)
        for number in range(-LEAD, n_groups):
            queued = number + LEAD
            ahead = queued % (LEAD + 1)
            if queued < n_groups:
                start = order[queued]
                for k in range(K):
                    noise[k] = noise_words[draw_word(key, queued * K + k, alias)]
                is_weighted[ahead] = queue_outputs(
                    outputs, ahead, pairs[start, 1], noise, 0, K, base.outside, row_bytes
                )
                for column in range(K + 1):
                    prefetch_row(outputs[ahead, column], row_bytes)
                n_inputs[ahead], may_repeat[ahead] = list_inputs(
                    outputs, ahead, columns, pairs, start, base.center, row_bytes, seen
                )
            if number < 0:
                continue
            if number % HALT_GROUPS == 0 and halt[0]:
                break
            slot = number % (LEAD + 1)
            n = np.int64(n_inputs[slot])
            if may_repeat[slot]:
                n = merge_inputs(outputs, slot, columns, n, row_weights)
            if len(bucket.frozen) > 0:
                copy_frozen(outputs[slot, columns:], n, bucket.center, bucket.frozen, work.copies, row_bytes)
            if n % 2 == 1:
                outputs[slot, columns + n] = base.zero_row
                set_row_weight(row_weights, n, np.float32(0))
            if is_weighted[slot]:
                weigh_outputs(outputs, slot, K, tile, column_weights, base.unused_row)
            table, upcoming = address(outputs) + table_bytes * slot, address(outputs) + table_bytes * ahead
            step = Step(table + 8 * columns, (n + 1) // 2, n_strips, address(row_weights), bucket.rate, loss)
            train_step(step, table, upcoming, address(column_weights), g, sums)
            if is_weighted[slot]:
                reset_column_weights(K, tile, column_weights)
            if may_repeat[slot]:
                row_weights[:] = 1
            elif n % 2 == 1:
                set_row_weight(row_weights, n, np.float32(1))
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
        if len(bucket.frozen):
            _check_layout("frozen", bucket.frozen, _BOOL, (len(bucket.center),))
        _check_layout("outputs", work.outputs, _INT64, (LEAD + 1, columns + GROUP))
        _check_layout("partial", work.partial, _FLOAT32, (GROUP, width))
        largest = train_groups(bucket, with_room(work, len(bucket.pairs)))
        if len(bucket.pairs):
            _check_row("pairs hold the center", largest[0], len(bucket.center), np.int32)
            _check_row("pairs hold the outside word", largest[1], len(bucket.outside), np.int32)
            _check_row("noise words hold the row", largest[2], len(bucket.outside), np.int32)
            _check_row("alias table holds the slot", largest[3], n_noise, np.uint32)

    return train_bucket


_BOOL, _FLOAT32, _INT32, _INT64, _UINT64 = map(np.dtype, ("?", "f4", "i4", "i8", "u8"))


def _check_layout(name: str, array: Array, dtype: "np.dtype[Any]", shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise OptionError(f"{name} of a bucket is {array.dtype} {array.shape}: give {dtype} {shape}, C-contiguous")


def _check_row(what: str, row: int, n_rows: int, dtype: Any) -> None:
    if row >= n_rows:
        raise CorpusError(
            f"a bucket's {what} {np.uint32(row).view(dtype)} where 0 to {n_rows - 1} are allowed: "
            "it was made for other matrices, or damaged in transfer"
        )
