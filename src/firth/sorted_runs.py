"""Sums of equal cells: 64-bit entries are sorted, summed into runs, and runs are merged (Numba).

An entry is a cell, any number of at least 0, and a weight in its low bits. The pairs of the exact softmax and the
candidates of phrases are counted in this way: memory grows with the number of distinct cells, and the sums do not
depend on how the entries are cut into runs.
"""

from typing import Any, NamedTuple

import numpy as np

from firth.compiling.kernel import helper, kernel

DIGIT_BITS = 11  # 2,048 counters: these and a cache line for each of their targets stay in the nearest caches


class SortedRun(NamedTuple):
    """Ascending cells, and the sum of the weights of each."""

    cells: Any  # (n,) int64
    sums: Any  # (n,) int32 or int64


@kernel()
def radix_sort(entries, spare, positions, low, high):
    """Sort by bits low..high-1, stably; return whether the result is in `spare` rather than in `entries`.

    positions (2**DIGIT_BITS,) int64 is overwritten.

    Counting sort of one digit after the other, least significant first: Knuth, The Art of Computer Programming 3,
    section 5.2.5.
    """
    mask = (1 << DIGIT_BITS) - 1
    swapped = False
    for bit in range(low, high, DIGIT_BITS):
        source, target = (spare, entries) if swapped else (entries, spare)
        positions[:] = 0
        for entry in source:
            positions[(entry >> bit) & mask] += 1
        total = 0
        for digit in range(mask + 1):
            count = positions[digit]
            positions[digit] = total
            total += count
        for entry in source:
            digit = (entry >> bit) & mask
            target[positions[digit]] = entry
            positions[digit] += 1
        swapped = not swapped
    return swapped


@kernel()
def sum_equal(entries, weight_bits, cells, sums):
    """Sum the weights of equal cells of sorted `entries`. Return the number of cells."""
    n = -1
    previous = np.int64(-1)
    for entry in entries:
        cell = entry >> weight_bits
        if cell != previous:
            n += 1
            cells[n] = previous = cell
            sums[n] = 0
        sums[n] += entry & ((1 << weight_bits) - 1)
    return n + 1


@kernel()
def merge(cells_a, sums_a, cells_b, sums_b, cells, sums):
    """Merge two sorted runs and add the sums of equal cells; return the number of cells."""
    i = j = n = 0
    last = np.iinfo(np.int64).max
    while i < len(cells_a) or j < len(cells_b):
        a = cells_a[i] if i < len(cells_a) else last
        b = cells_b[j] if j < len(cells_b) else last
        from_a, from_b = a <= b, b <= a
        total = np.int64(0)
        if from_a:
            total += sums_a[i]
        if from_b:
            total += sums_b[j]
        cells[n] = min(a, b)
        sums[n] = total
        i += from_a
        j += from_b
        n += 1
    return n


@helper()
def lower_bound(columns, lo, hi, column):
    """Return the first index in columns[lo:hi] (ascending) whose column is at least `column`, or hi."""
    while lo < hi:
        middle = (lo + hi) >> 1
        if columns[middle] < column:
            lo = middle + 1
        else:
            hi = middle
    return lo
