# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls
"""The inner loops of the search, compiled by Numba: the best few of many scores, for each query.

The best scores of a query so far and their rows are a heap of k entries. The worst is at the root: the lowest score,
and of equal scores the highest row. Rows come in ascending order, so of equal scores the lowest rows are kept. Scores
are compared with the root 64 at a time: that comparison vectorises, and few chunks hold a better score. NaN is never
better.

All functions release the GIL. None checks its arguments: `search` does.
"""

import numpy as np

from firth.compiling.kernel import helper, kernel
from firth.vectors.cosines import COSMUL_EPSILON

_CHUNK = 64


@helper()
def _replace_worst(values, rows, value, row):
    """Replace the root of the heap by a better score, and sift it down to its place."""
    k = len(values)
    i = 0
    while True:
        child = 2 * i + 1
        if child >= k:
            break
        other = child + 1
        if other < k and (
            values[other] < values[child] or (values[other] == values[child] and rows[other] > rows[child])
        ):
            child = other
        if values[child] > value or (values[child] == value and rows[child] < row):
            break
        values[i] = values[child]
        rows[i] = rows[child]
        i = child
    values[i] = value
    rows[i] = row


@helper()
def _offer(scores, first, excluded, values, rows):
    """Offer (T,) scores, of rows `first` to `first` + T - 1, to the heap of one query."""
    whole = len(scores) - len(scores) % _CHUNK
    for start in range(0, whole, _CHUNK):
        if _any_above(scores, start, values[0]):
            _offer_each(scores, start, start + _CHUNK, first, excluded, values, rows)
    _offer_each(scores, whole, len(scores), first, excluded, values, rows)


@helper()
def _any_above(scores, start, worst):
    """Return whether any score of a chunk is above `worst`.

    Counting in 32 bits, with unsigned positions and a fixed number of steps, lets the compiler vectorise: 0.05 ns a
    score, where a plain loop over a slice takes 0.3.
    """
    start = np.uint64(start)
    above = np.int32(0)
    for j in range(_CHUNK):
        above += np.int32(scores[start + np.uint64(j)] > worst)
    return above > 0


@helper()
def _offer_each(scores, start, stop, first, excluded, values, rows):
    for j in range(start, stop):
        if scores[j] > values[0] and not _contains(excluded, first + j):
            _replace_worst(values, rows, scores[j], first + j)


@helper()
def _contains(excluded, row):
    for other in excluded:  # noqa: SIM110 - Numba compiles no generator expression
        if row == other:
            return True
    return False


@kernel()
def keep_best(first, scores, excluded, values, rows):
    """Offer a block of scores to the heaps of n queries.

    scores (n, T) float: of rows first to first + T - 1; excluded (n, m) intp: rows to leave out, -1 for none;
    values (n, k) float and rows (n, k) intp: the heaps, changed in place; k may be 0.
    """
    if values.shape[1] == 0:
        return
    for q in range(len(scores)):
        _offer(scores[q], first, excluded[q], values[q], rows[q])


@kernel(error_model="numpy")  # Python's error model checks each division for zero
def keep_best_analogies(first, multiply, cosines, scores, questions, excluded, values, rows):
    """Offer a block of rows to the heaps of n analogies "a is to b as c is to ?".

    The score of a row x is cos(x, b) - cos(x, a) + cos(x, c) (3CosAdd), or with `multiply`
    s(x, b) s(x, c) / (s(x, a) + 1e-6) with s = (1 + cos) / 2 (3CosMul).

    cosines (W, T) float: of W words with rows first to first + T - 1, or s if `multiply`; scores (T,) is overwritten;
    questions (n, 3) intp: a, b, c as rows of `cosines`; excluded, values, rows as in `keep_best`.
    """
    if values.shape[1] == 0:
        return
    epsilon = cosines.dtype.type(COSMUL_EPSILON)
    for q in range(len(questions)):
        a, b, c = cosines[questions[q, 0]], cosines[questions[q, 1]], cosines[questions[q, 2]]
        if multiply:
            for j in range(len(scores)):
                scores[j] = b[j] * c[j] / (a[j] + epsilon)
        else:
            for j in range(len(scores)):
                scores[j] = (b[j] - a[j]) + c[j]  # in this order, a and b cancel exactly if they are the same
        _offer(scores, first, excluded[q], values[q], rows[q])
