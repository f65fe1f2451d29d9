"""The loops of the exact softmax, compiled by Numba: counting pairs, and what BLAS leaves over in a tile.

Counting: the pairs of a task of corpus become 64-bit integers that hold (center, outside, weight), which are
sorted by counting digits (least significant first) and summed. Weights are whole numbers, so sums are exact and
no order of adding changes them.

A tile is a (B, T) float32 array: the scores of B centers with T words of the vocabulary, computed by BLAS and
turned in place into exponentials and then into gradients. B and T are chosen so that it stays in the cache.

All functions release the GIL and none checks its arguments: `cooccurrence` and `softmax` do.
"""

import numpy as np
from numba import njit

from firth.training.draws import subsample

DIGIT_BITS = 11  # 2,048 counters: they and one line of each of their targets stay in the nearest caches
_FAST: set[str] = {"reassoc", "contract", "arcp", "nsz"}  # allows vector sums; keeps NaN and infinity


@njit(nogil=True)
def window_pairs(block, keep, key, window, shrink, kept, first, stop, shift, weight_bits, pairs):
    """Write the pairs of one block to `pairs`, both ways round; return how many entries there are.

    An entry is center << shift | outside << weight_bits | weight, where the weight is the number of window sizes, out
    of 1..window, that reach the pair's distance (all `window` of them if the window does not shrink).

    block, keep, key, kept, first, stop as in `kernels.subsample`; pairs (2 * window * len(block),) int64.
    """
    n, _ = subsample(block, keep, key, kept, first, stop)
    at = 0
    for i in range(n):
        a = np.int64(kept[i])
        for j in range(i + 1, min(i + window + 1, np.int64(stop[i]))):
            b = np.int64(kept[j])
            weight = window + 1 - (j - i) if shrink else window
            pairs[at] = a << shift | b << weight_bits | weight
            pairs[at + 1] = b << shift | a << weight_bits | weight
            at += 2
    return at


@njit(nogil=True)
def radix_sort(entries, spare, low, high):
    """Sort by bits low..high-1, stably; return whether the result is in `spare` rather than in `entries`."""
    mask = (1 << DIGIT_BITS) - 1
    places = np.empty(mask + 1, np.int64)
    swapped = False
    for bit in range(low, high, DIGIT_BITS):
        source, target = (spare, entries) if swapped else (entries, spare)
        places[:] = 0
        for entry in source:
            places[(entry >> bit) & mask] += 1
        total = 0
        for digit in range(mask + 1):
            count = places[digit]
            places[digit] = total
            total += count
        for entry in source:
            digit = (entry >> bit) & mask
            target[places[digit]] = entry
            places[digit] += 1
        swapped = not swapped
    return swapped


@njit(nogil=True)
def sum_equal(entries, weight_bits, cells, sums):
    """Sum the weights of equal cells of sorted `entries` into `cells` and `sums`; return how many cells there are."""
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


@njit(nogil=True)
def merge(cells_a, sums_a, cells_b, sums_b, cells, sums):
    """Merge two sorted runs, adding the sums of equal cells; return how many cells there are."""
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


@njit(nogil=True)
def split_cells(cells, sums, row_start, shift, unit, sizes, totals, columns, values):
    """Turn sorted cells into rows: entries and total of each, columns (int32), and sums / `unit` (float32)."""
    mask = (1 << shift) - 1
    for n in range(len(cells)):
        row = (cells[n] >> shift) - row_start
        sizes[row] += 1
        columns[n] = cells[n] & mask
        values[n] = sums[n] / unit
        totals[row] += sums[n]  # whole numbers: exact
    for row in range(len(totals)):
        totals[row] /= unit


@njit(nogil=True)
def lower_bound(columns, lo, hi, column):
    """Return the first place in columns[lo:hi] (ascending) that is not below `column`."""
    while lo < hi:
        middle = (lo + hi) >> 1
        if columns[middle] < column:
            lo = middle + 1
        else:
            hi = middle
    return lo


@njit(nogil=True, fastmath=_FAST)
def add_intercept(row, intercept):
    """Add the intercepts to one row of scores, in place; return the greatest score."""
    top = np.float32(-np.inf)
    for j in range(len(row)):
        row[j] += intercept[j]
        top = max(top, row[j])
    return top


@njit(nogil=True, fastmath=_FAST)
def exponentials(row, top):
    """Replace scores x <= top by exp(x - top), in place; return their sum in float32.

    exp(x) = 2**n exp(r), |r| <= log(2)/2, with exp(r) by its Taylor series to the sixth power: relative error below
    6e-7. Below exp(-87), near float32's smallest normal number, the result stays there: it is lost beside exp(0).
    """
    total = np.float32(0)
    for j in range(len(row)):
        x = row[j] - top
        x = max(x, np.float32(-87.0))
        n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
        r = (x - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
        p = np.float32(1 / 720)
        p = p * r + np.float32(1 / 120)
        p = p * r + np.float32(1 / 24)
        p = p * r + np.float32(1 / 6)
        p = p * r + np.float32(0.5)
        p = p * r + np.float32(1)
        p = p * r + np.float32(1)
        power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
        row[j] = p * power
        total += row[j]
    return total


@njit(nogil=True)
def exponentiate(scores, intercept, words, start, stop, columns, values, top, total, observed):
    """Turn a tile of scores into exponentials, in place, with what the loss needs of it.

    scores     (B, T) float32, u_w . v_c; becomes exp(score + b_w - top_c)
    intercept  (T,) float32, b_w
    words      the tile's first word
    start, stop, columns, values   the rows of the counts n(c, o): `cooccurrence.Rows`
    top, total (B,) float32 and float64: the greatest score and the sum of the exponentials; overwritten
    observed   (B,) float64: sum over o in the tile of n(c, o) (u_o . v_c + b_o); overwritten
    """
    for c in range(len(scores)):
        row = scores[c]
        top[c] = add_intercept(row, intercept)
        seen = 0.0
        for at in range(lower_bound(columns, start[c], stop[c], words), stop[c]):
            j = columns[at] - words
            if j >= len(row):
                break
            seen += np.float64(values[at]) * row[j]
        observed[c] = seen
        total[c] = exponentials(row, top[c])


@njit(nogil=True)
def subtract_observed(tile, scale, words, start, stop, columns, values, weights):
    """Turn a tile of exponentials into ŷ - n(c, o) / N_c, in place.

    tile     (B, T) float32; scale (B,) float32: exp(top_c) / sum of all exponentials of the row
    weights  (B,) float32: 1 / N_c; the rest as in `exponentiate`
    """
    for c in range(len(tile)):
        row, factor = tile[c], scale[c]
        for j in range(len(row)):
            row[j] *= factor
        for at in range(lower_bound(columns, start[c], stop[c], words), stop[c]):
            j = columns[at] - words
            if j >= len(row):
                break
            row[j] -= values[at] * weights[c]


@njit(nogil=True, fastmath=_FAST)
def adam(rows, gradient, first, second, decay_1, decay_2, rate, unbias, epsilon):
    """Take Adam's step for some rows, in place; all arrays (n, D) float32, all numbers float32.

    rate is divided by the first moment's bias correction already, unbias multiplies the second moment.
    """
    for i in range(len(rows)):
        for j in range(rows.shape[1]):
            g = gradient[i, j]
            first[i, j] = decay_1 * first[i, j] + (np.float32(1) - decay_1) * g
            second[i, j] = decay_2 * second[i, j] + (np.float32(1) - decay_2) * g * g
            rows[i, j] -= rate * first[i, j] / (np.sqrt(second[i, j] * unbias) + epsilon)
