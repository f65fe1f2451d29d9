"""The kernels of the exact softmax in plain NumPy, to read and to debug: same names and arguments.

`Word2Vec(objective="softmax").fit(corpus, kernels="reference")` trains with these functions. Counts are equal to the
last bit, vectors up to float32 rounding. Numbered results are those of docs/derivation.md.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.training.draws import subsample
from firth.training.softmax.cooccurrence import CountRows
from firth.training.softmax.exact import Doubles, Floats

Integers = NDArray[Any]


def window_pairs(
    block: Integers, keep: Integers, key: np.uint64, window: int, shrink: bool,
    kept: Integers, first: Integers, stop: Integers, shift: int, weight_bits: int, pairs: Integers,
) -> int:  # fmt: skip
    """Write an entry for each pair of positions (t, s) of Result 26, 0 < |t - s| <= m; return the number of entries.

    The weight is m times the term of (26a), m - |t - s| + 1, or m in a fixed window.
    """
    n, _ = subsample(block, keep, key, kept, first, stop)
    w, m, entries = kept[:n].tolist(), window, []
    for t in range(n):
        for s in range(max(first[t], t - m), min(stop[t], t + m + 1)):
            if s != t:
                weight = m - abs(t - s) + 1 if shrink else m
                entries.append(w[t] << shift | w[s] << weight_bits | weight)
    pairs[: len(entries)] = entries
    return len(entries)


def radix_sort(entries: Integers, spare: Integers, positions: Integers, low: int, high: int) -> bool:
    """Sort by cell; return False because the result is in `entries`."""
    entries.sort()
    return False


def sum_equal(entries: Integers, weight_bits: int, cells: Integers, sums: Integers) -> int:
    """Sum the weights of each cell (c, o): m n(c, o) of Result 21. Return the number of cells."""
    return _sum_by_cell(entries >> weight_bits, entries & ((1 << weight_bits) - 1), cells, sums)


def merge(
    cells_a: Integers, sums_a: Integers, cells_b: Integers, sums_b: Integers, cells: Integers, sums: Integers
) -> int:
    """Add the sums of two runs, cell by cell. Return the number of cells."""
    return _sum_by_cell(np.concatenate([cells_a, cells_b]), np.concatenate([sums_a, sums_b]), cells, sums)


def _sum_by_cell(all_cells: Integers, weights: Integers, cells: Integers, sums: Integers) -> int:
    found, index = np.unique(all_cells, return_inverse=True)
    cells[: len(found)], sums[: len(found)] = found, 0
    np.add.at(sums, index, weights)
    return len(found)


def split_cells(
    cells: Integers, sums: Integers, row_start: int, shift: int, unit: float,
    sizes: Integers, totals: Doubles, columns: Integers, values: Floats,
) -> None:  # fmt: skip
    """Split cells into c and o; divide the sums by m, n(c, o), and add them up by row, N_c (Result 19)."""
    c, o = (cells >> shift) - row_start, cells & ((1 << shift) - 1)
    sizes[:] = np.bincount(c, minlength=len(sizes))
    totals[:] = np.bincount(c, sums, minlength=len(totals)) / unit
    columns[:], values[:] = o, sums / unit


def exponentiate(
    tile: Floats, intercept: Floats, first_word: int, rows: CountRows, top: Floats, total: Doubles, observed: Doubles
) -> None:
    """Compute z_w = u_w . v_c + b_w of Result 25, the sum of n(c, o) z_o of (21), and exp(z_w - μ) of (2a)."""
    z = tile + intercept
    observed[:] = (_counts(rows, first_word, tile) * z).sum(axis=1)
    top[:] = z.max(axis=1)  # μ
    tile[:] = np.exp(z - top[:, np.newaxis])
    total[:] = tile.sum(axis=1)


def subtract_observed(tile: Floats, scale: Floats, first_word: int, rows: CountRows, per_pair: Floats) -> None:
    """Compute the error N_c ŷ_c - n_c of (22), divided by N_c."""
    y_hat = tile * scale[:, np.newaxis]
    tile[:] = y_hat - _counts(rows, first_word, tile) * per_pair[:, np.newaxis]


def _counts(rows: CountRows, first_word: int, tile: Floats) -> Doubles:
    """Return n(c, o) for the centers and the words of a tile, zeros included."""
    n = np.zeros(tile.shape)
    for n_c, start, stop in zip(n, rows.start, rows.stop, strict=True):
        o = rows.columns[start:stop] - first_word
        inside = (o >= 0) & (o < len(n_c))
        n_c[o[inside]] = rows.values[start:stop][inside]
    return n


def adam(
    matrix: Floats, gradient: Floats, first: Floats, second: Floats,
    decay_1: np.float32, decay_2: np.float32, rate: np.float32, unbias: np.float32, epsilon: np.float32,
) -> None:  # fmt: skip
    """Take a step of Adam: Kingma and Ba 2014 (arXiv:1412.6980), algorithm 1."""
    first[:] = decay_1 * first + (1 - decay_1) * gradient
    second[:] = decay_2 * second + (1 - decay_2) * gradient**2
    matrix -= rate * first / (np.sqrt(second * unbias) + epsilon)
