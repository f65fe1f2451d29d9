"""The kernels of a cluster's members: pairs with the ranks of their windows, merged as on one machine (Numba).

The pairs of a bucket are sorted by outside word and, within a word, by the rank of the window, which `place_words`
computes from the number of the window in the whole chunk. Each member has some of the windows, in this order.
"""

import numpy as np

from firth.compiling.kernel import address, helper, kernel, prefetch
from firth.training.draws import draw_word
from firth.training.negative_sampling.block_kernels import LEAD_WINDOWS, block_of, order_groups, window_at, word_of


@kernel()
def fill_runs(entries, places, ranks, slot_of, positions, runs):
    """Write the pairs of the words at `places` to `runs` (n, 3) int32: center, outside word, rank of the window.

    entries    those of a `ChunkText`, row by row
    places     (n,) int64, and ranks, (n,) int64: from `place_words`
    slot_of    (V,) int32: what a word is called: its place in its block
    positions  (P,) int64, where the next pair of each center block is written; advanced in place
    """
    for n in range(len(places)):
        first, stop = window_at(places[min(n + LEAD_WINDOWS, len(places) - 1)])
        prefetch(address(entries) + 8 * first, 0)
        prefetch(address(entries) + 8 * stop - 8, 0)
        place, rank = word_of(places[n]), np.int32(ranks[n])
        outside = slot_of[word_of(entries[place])]
        first, stop = window_at(places[n])
        for k in range(first, stop - 1):
            center = entries[k + (k >= place)]
            block = block_of(center)
            position = positions[block]
            positions[block] = position + 1
            runs[position, 0], runs[position, 1], runs[position, 2] = slot_of[word_of(center)], outside, rank


@helper()
def order_of(run):
    """Return a number by which the pairs of all runs of a bucket are ordered: outside word, then rank."""
    return np.int64(run[1]) << np.int64(32) | np.int64(run[2])


@kernel()
def merge_runs(runs, heads, ends, pairs):
    """Merge sorted runs of one bucket.

    runs   (n, 3) int32, one run after the other; heads, ends: (members,) int64: where each begins and ends. `heads` is
           advanced in place
    pairs  (n, 2) int32, overwritten
    """
    for n in range(len(pairs)):
        best, smallest = -1, np.int64(0)
        for member in range(len(heads)):
            if heads[member] < ends[member]:
                order = order_of(runs[heads[member]])
                if best < 0 or order < smallest:
                    best, smallest = member, order
        pair = runs[heads[best]]
        heads[best] += 1
        pairs[n, 0], pairs[n, 1] = pair[0], pair[1]


@kernel()
def mark_outputs(pairs, key, alias, K, order, seen):
    """Set `seen` (V,) bool for the outside words of a bucket, and for the noise words that its training draws.

    order: (n,) int32 for as many groups as there are pairs, overwritten.
    """
    for i in range(len(pairs)):
        seen[pairs[i, 1]] = True
    for n in range(order_groups(pairs, key, order) * K):
        seen[draw_word(key, n, alias)] = True
