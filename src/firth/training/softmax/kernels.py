"""Loops of the exact softmax, compiled by Numba: counting pairs, and the work on a tile that BLAS does not do.

Counting: the pairs of a task become 64-bit entries that hold (center, outside, weight). The entries are sorted by cell,
(center, outside), and the weights of equal cells are summed. Weights are whole numbers, so their sums are exact.

Tiles: a tile is a (B, T) float32 array, the scores z of B centers and T words of the vocabulary, computed by BLAS. It
becomes, in place, exponentials and then errors. B and T are chosen so that a tile stays in the cache.

`reference` has a plain NumPy function for each kernel, with the same name and arguments. Numbered results are those of
docs/derivation.md. Kernels release the GIL and do not check their arguments: `cooccurrence` and `exact` do.
"""

import numpy as np

from firth.compiling.kernel import helper, kernel
from firth.sorted_runs import lower_bound
from firth.sorted_runs import merge as merge
from firth.sorted_runs import radix_sort as radix_sort
from firth.sorted_runs import sum_equal as sum_equal
from firth.training.draws import subsample

_FAST: set[str] = {"reassoc", "contract", "arcp", "nsz"}  # allows vector sums; keeps NaN and infinity


@kernel()
def window_pairs(block, keep, key, window, shrink, kept, first, stop, shift, weight_bits, pairs):
    """Write an entry for each pair (c, o) of a block to `pairs`; return the number of entries.

    Result 26, (26a), times m: a pair at distance d has the weight m - d + 1 (m if the window does not shrink), the
    number of window sizes that reach it (Levy, Goldberg and Dagan 2015, TACL 3, section 3.1).

    window  m; the other arguments up to `stop` as in `draws.subsample`
    pairs   (2 * m * len(block),) int64: c << shift | o << weight_bits | weight; overwritten
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


@kernel()
def split_cells(cells, sums, row_start, shift, unit, sizes, totals, columns, values):
    """Turn sorted cells into rows of n(c, o) = sums / unit, from row `row_start` on.

    sizes, totals    (rows,) int64, float64: number of entries and N_c (Result 19) of each row; both start at zero
    columns, values  (len(cells),) int32, float32: o and n(c, o); overwritten
    """
    mask = (1 << shift) - 1
    for n in range(len(cells)):
        row = (cells[n] >> shift) - row_start
        sizes[row] += 1
        columns[n] = cells[n] & mask
        values[n] = sums[n] / unit
        totals[row] += sums[n]  # whole numbers: exact
    for row in range(len(totals)):
        totals[row] /= unit


@helper(fastmath=_FAST)
def _add_intercept(row, intercept):
    """Add b_w to one row of scores, in place; return the greatest score."""
    top = np.float32(-np.inf)
    for j in range(len(row)):
        row[j] += intercept[j]
        top = max(top, row[j])
    return top


@helper(fastmath=_FAST)
def _exponentials(row, top):
    """Replace scores z <= top by exp(z - top), in place; return their sum in float32.

    exp(x) = 2**n exp(r), |r| <= log(2)/2, with exp(r) by its Taylor series to the sixth power: relative error below
    6e-7. Results below exp(-87), near float32's smallest normal number, become exp(-87), negligible next to exp(0).
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


@kernel()
def exponentiate(tile, intercept, first_word, rows, top, total, observed):
    """Turn a tile of scores u_w . v_c into exponentials, in place, and compute what the loss needs of it.

    z_w = u_w . v_c + b_w (Result 25), exp(z_w - μ) with μ = max z_w (2a), and the last sum of the loss (21); for one
    pair that loss is equation (2) of Mikolov et al. 2013 (arXiv:1310.4546).

    tile, intercept  (B, T) and (T,) float32: u_w . v_c, which becomes exp(z_w - μ); b_w
    first_word       the first word of the tile
    rows             `cooccurrence.CountRows`: n(c, o) of the B centers
    top, total       (B,) float32, float64: μ, and the sum of exp(z_w - μ) over the tile; overwritten
    observed         (B,) float64: the sum of n(c, o) z_o over the tile; overwritten
    """
    start, stop, columns, values = rows.start, rows.stop, rows.columns, rows.values
    for c in range(len(tile)):
        row = tile[c]
        top[c] = _add_intercept(row, intercept)
        seen = 0.0
        for at in range(lower_bound(columns, start[c], stop[c], first_word), stop[c]):
            j = columns[at] - first_word
            if j >= len(row):
                break
            seen += np.float64(values[at]) * row[j]
        observed[c] = seen
        total[c] = _exponentials(row, top[c])


@kernel()
def subtract_observed(tile, scale, first_word, rows, per_pair):
    """Turn a tile of exponentials into errors per pair, ŷ_c - n_c / N_c, in place.

    Result 22, (22), divided by N_c: the gradient of the loss, equation (2) of arXiv:1310.4546, by the scores.

    tile             (B, T) float32: exp(z_w - μ)
    scale, per_pair  (B,) float32: exp(a) / sum over all w of exp(z_w), and 1 / N_c
    first_word, rows as in `exponentiate`
    """
    start, stop, columns, values = rows.start, rows.stop, rows.columns, rows.values
    for c in range(len(tile)):
        row, factor = tile[c], scale[c]
        for j in range(len(row)):
            row[j] *= factor
        for at in range(lower_bound(columns, start[c], stop[c], first_word), stop[c]):
            j = columns[at] - first_word
            if j >= len(row):
                break
            row[j] -= values[at] * per_pair[c]


@kernel(fastmath=_FAST)
def adam(matrix, gradient, first, second, decay_1, decay_2, rate, unbias, epsilon):
    """Take a step of Adam, in place: Kingma and Ba 2014 (arXiv:1412.6980), algorithm 1.

    matrix, gradient  (n, D) float32
    first, second     (n, D) float32: the moments, with decay rates `decay_1` and `decay_2`
    rate, unbias      float32: learning rate / (1 - decay_1**t) and 1 / (1 - decay_2**t) at step t
    """
    for i in range(len(matrix)):
        for j in range(matrix.shape[1]):
            g = gradient[i, j]
            first[i, j] = decay_1 * first[i, j] + (np.float32(1) - decay_1) * g
            second[i, j] = decay_2 * second[i, j] + (np.float32(1) - decay_2) * g * g
            matrix[i, j] -= rate * first[i, j] / (np.sqrt(second[i, j] * unbias) + epsilon)
