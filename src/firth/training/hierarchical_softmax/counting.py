"""Counts how often each center meets each segment near the root (Numba).

Few segments lie above the last cut of the tree, so a center meets each of them many times in a chunk. These pairs are
counted and not listed: equal pairs become one row of a step, with their number as its weight, at most `MOST_EQUAL` at a
time. They are the same pairs as those of `negative_sampling.block_kernels.make_pairs`, from the windows of the outside
words.

Words whose paths are the same above the last cut form a *class*. `count_classes` goes through the occurrences of each
center and counts the classes of the words in whose windows it is; the counts of a level's segments are sums of these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel, prefetch
from firth.training.negative_sampling.block_kernels import LEAD_WINDOWS, word_of
from firth.training.negative_sampling.buckets import Array, ChunkText
from firth.training.windows.layout import STRIP_BYTES

MOST_EQUAL = 4  # equal pairs in a step; with more, the loss is higher


class CountedPairs(NamedTuple):
    """The pairs of a center block with the segments of a level, sorted by block of the segment, then by segment.

    Those of a segment are in rounds: each round is sorted by center, and takes at most `MOST_EQUAL` pairs of each.
    """

    pairs: NDArray[np.int32]  # (n, 2): center and segment
    weights: NDArray[np.int8]  # (n,): how many equal pairs each stands for
    starts: NDArray[np.int64]  # (blocks of the level + 1,): where each block begins, and the end


class CenterBlock(NamedTuple):
    """A block of center words of a chunk."""

    text: ChunkText  # with positions sorted by the block of the center
    number: int
    slot_of: NDArray[np.int32]  # (V,): the place of each word in its block, in the order of their ids
    n_words: int


class Classes(NamedTuple):
    """The classes of words."""

    class_of: NDArray[np.int32]  # (V,)
    members: NDArray[np.intp]  # (C,): one word of each class


class Counters(NamedTuple):
    """Scratch arrays of `count_classes`."""

    counts: Array  # (C + 1,) int32, zeros; the last is for pairs that do not count, and never zero
    met: Array  # (C + 1,) int32: the classes that the center has met so far


def count_pairs(center: CenterBlock, window: int, classes: Classes) -> NDArray[np.int32]:
    """Return (n, 3) int32: each center, each class that it has pairs with, and their number; sorted by center.

    The same in NumPy: `reference.count_pairs`.
    """
    text, block = center.text, center.number
    n = int((text.starts[:, block + 1] - text.starts[:, block]).sum())
    places, word_starts = np.empty((3, n), np.int32), np.zeros(center.n_words + 1, np.int32)
    sort_places(text, block, center.slot_of, places, word_starts)
    C = len(classes.members)
    counters = Counters(np.zeros(C + 1, np.int32), np.empty(C + 1, np.int32))
    found = np.empty((min(2 * window * n, center.n_words * C), 3), np.int32)
    lengths = text.starts[:, -1].copy()
    return found[: count_classes(text, lengths, places[0], window, classes.class_of, counters, found)]


def weigh_pairs(found: NDArray[np.int32], rank_of: NDArray[np.int32], starts: NDArray[np.int64]) -> CountedPairs:
    """Return the pairs of a level, from counts of classes.

      found    from `count_pairs`
      rank_of  (C,) int32: the rank of each class's segment among those of the level, sorted by block; -1 if it has none
      starts   (blocks + 1,): the rank where each block begins; the last is the number of segments

    `pairs` holds ranks in place of segments. The same in NumPy: `reference.weigh_pairs`.
    """
    rows, ends = np.empty((len(found), 2), np.int32), np.zeros(starts[-1] + 1, np.int64)
    n = sort_counts(found, rank_of, ends, rows)
    pairs, weights = np.empty((n, 2), np.int32), np.empty(n, np.int8)
    spread_counts(rows, ends, pairs, weights)
    return CountedPairs(pairs, weights, ends[starts])


@kernel()
def sort_places(text, block, slot_of, places, word_starts):
    """Sort the places of the words of a center block by word.

    text         ChunkText, sorted by the block of the center
    places       (3, n) int32, overwritten; places[0] becomes row * size + position of each of the n words
    word_starts  (words + 1,) int32, zeros; overwritten
    """
    size, n = text.entries.shape[1], 0
    by_word, unsorted, slots = places[0], places[1], places[2]
    for row in range(len(text.entries)):
        entries, order, end = text.entries[row], text.order[row], text.starts[row, block + 1]
        for k in range(text.starts[row, block], end):
            prefetch(address(entries) + 8 * np.int64(order[min(k + LEAD_WINDOWS, end - 1)]), 0)
            i = np.int64(order[k])
            slot = slot_of[word_of(entries[i])]
            word_starts[slot + 1] += 1
            unsorted[n], slots[n] = row * size + i, slot
            n += 1
    for slot in range(len(word_starts) - 1):
        word_starts[slot + 1] += word_starts[slot]
    for k in range(n):
        by_word[word_starts[slots[k]]] = unsorted[k]
        word_starts[slots[k]] += 1


@helper(inline="always")
def count_entry(entry, is_pair, class_of, counters, n_met):
    """Count the class of an entry's word if it is in a pair with the center; return the number of classes met."""
    number = np.int64(class_of[word_of(entry)]) if is_pair else np.int64(len(counters.counts) - 1)
    counters.met[n_met] = number
    n_met += counters.counts[number] == 0  # without a branch, which would often be mispredicted
    counters.counts[number] += 1
    return n_met


@kernel()
def count_classes(chunk, lengths, places, window, class_of, counters, found):
    """Write the centers at `places`, which are sorted by word, with the classes they meet and how often, to `found`.

    Return the number of rows. chunk: ChunkText; lengths: (T,), how many words each row of it has.
    """
    entries, size, counts, met = chunk.entries, chunk.entries.shape[1], counters.counts, counters.met
    counts[len(counts) - 1] = 1
    n = n_met = 0
    for number in range(len(places)):
        next_place = np.int64(places[min(number + LEAD_WINDOWS, len(places) - 1)])
        ahead = address(entries) + 8 * next_place
        prefetch(ahead - STRIP_BYTES // 2, 0)
        prefetch(ahead + STRIP_BYTES // 2, 0)
        prefetch(address(chunk.spans) + 4 * next_place, 0)
        place = np.int64(places[number])
        row, i = place // size, place % size
        text, spans, center = entries[row], chunk.spans[row], word_of(entries[row, i])
        for k in range(max(0, i - window), i):
            is_pair = np.int64(spans[k]) >> np.int64(16) >= i - k
            n_met = count_entry(text[k], is_pair, class_of, counters, n_met)
        for k in range(i + 1, min(np.int64(lengths[row]), i + window + 1)):
            is_pair = np.int64(spans[k]) & np.int64(0xFFFF) >= k - i
            n_met = count_entry(text[k], is_pair, class_of, counters, n_met)
        after = np.int64(places[min(number + 1, len(places) - 1)])
        if number + 1 < len(places) and word_of(entries[after // size, after % size]) == center:
            continue
        for k in range(n_met):
            found[n, 0], found[n, 1], found[n, 2] = np.int32(center), met[k], counts[met[k]]
            counts[met[k]] = 0
            n += 1
        n_met = 0
        counts[len(counts) - 1] = 1
    return n


@kernel()
def sort_counts(found, rank_of, starts, rows):
    """Sort counts of classes by the rank of the segment, and sum those of one center; return the pairs they make.

    starts: (S + 1,) int64, zeros; overwritten with where each rank begins. rows: (n, 2) int32, overwritten: centers and
    numbers; where counts were summed, the others are 0.
    """
    S, n = len(starts) - 1, 0
    for k in range(len(found)):
        rank = rank_of[found[k, 1]]
        if rank >= 0:
            starts[rank + 1] += 1
    for rank in range(S):
        starts[rank + 1] += starts[rank]
    for k in range(len(found)):
        rank = rank_of[found[k, 1]]
        if rank >= 0:
            rows[starts[rank], 0], rows[starts[rank], 1] = found[k, 0], found[k, 2]
            starts[rank] += 1
    for rank in range(S, 0, -1):
        starts[rank] = starts[rank - 1]
    starts[0] = 0
    for rank in range(S):
        first = starts[rank]
        for k in range(starts[rank] + 1, starts[rank + 1]):
            if rows[k, 0] == rows[first, 0]:
                rows[first, 1] += rows[k, 1]
                rows[k, 1] = 0
            else:
                first = k
        for k in range(starts[rank], starts[rank + 1]):
            n += (rows[k, 1] + MOST_EQUAL - 1) // MOST_EQUAL
    return n


@kernel()
def spread_counts(rows, starts, pairs, weights):
    """Write the pairs (center, rank) of `rows` in rounds, with weights; `starts` becomes where each rank begins there.

    Overwrites `rows`.
    """
    n, begin = 0, np.int64(0)
    for rank in range(len(starts) - 1):
        end = np.int64(starts[rank + 1])
        stop = end
        while stop > begin:
            left = begin
            for k in range(begin, stop):
                center, number = rows[k, 0], rows[k, 1]
                if number > 0:
                    pairs[n, 0], pairs[n, 1], weights[n] = center, rank, min(number, MOST_EQUAL)
                    n += 1
                rows[left, 0], rows[left, 1] = center, number - MOST_EQUAL
                left += number > MOST_EQUAL
            stop = left
        begin = end
        starts[rank + 1] = n
