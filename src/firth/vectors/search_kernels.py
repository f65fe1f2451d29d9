# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls
"""The loops of the search, compiled by Numba: of many scores, the best few for each query.

The best so far of a query are a heap of k scores and their rows, the worst at the root: the lowest score, and of
equal ones the highest row. Rows are met in ascending order, so of equal scores the lowest rows are kept. Scores
are looked at 64 at a time: the comparison with the root vectorises, and few chunks hold one that is better. A
score that is not a number is never better.

All functions release the GIL, and none checks its arguments: `search` does.
"""

import numpy as np
from numba import njit

_CHUNK = 64
_COSMUL_EPSILON = 1e-6


@njit(nogil=True)
def _replace_worst(values, rows, value, row):
    """Put a better score in the place of the heap's root and let it sink to where it belongs."""
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


@njit(nogil=True)
def _offer(scores, first, out, values, rows):
    """Offer (T,) scores, those of rows `first` and on, to one query's heap; rows in `out` are passed over."""
    for start in range(0, len(scores), _CHUNK):
        chunk = scores[start : start + _CHUNK]
        worst = values[0]
        better = 0
        for score in chunk:
            better += score > worst
        if better:
            for j in range(len(chunk)):
                row = first + start + j
                if chunk[j] > values[0] and not _among(row, out):
                    _replace_worst(values, rows, chunk[j], row)


@njit(nogil=True)
def _among(row, out):
    for other in out:  # noqa: SIM110 - Numba compiles no generator expression
        if row == other:
            return True
    return False


@njit(nogil=True)
def keep_best(scores, first, out, values, rows):
    """Offer a block of scores to the heaps of its queries.

    scores (n, T) float: of rows first..first+T-1; out (n, m) intp: rows to pass over, -1 for none;
    values (n, k) float and rows (n, k) intp: the heaps, changed in place.
    """
    for q in range(len(scores)):
        _offer(scores[q], first, out[q], values[q], rows[q])


@njit(nogil=True)
def keep_best_analogies(cosines, first, questions, multiply, out, values, rows):
    """Offer one block of rows to the heaps of n analogies "a is to b as c is to ?".

    The score of a row x is cos(x, b) - cos(x, a) + cos(x, c) (3CosAdd), or with `multiply`
    s(x, b) s(x, c) / (s(x, a) + 1e-6) with s = (1 + cos) / 2 (3CosMul).

    cosines (W, T) float: of each word in use with rows first..first+T-1, with `multiply` s in their place;
    questions (n, 3) intp: a, b, c as numbers of words in use; out, values, rows as in `keep_best`.
    """
    scores = np.empty(cosines.shape[1], cosines.dtype)
    epsilon = cosines.dtype.type(_COSMUL_EPSILON)
    for q in range(len(questions)):
        a, b, c = cosines[questions[q, 0]], cosines[questions[q, 1]], cosines[questions[q, 2]]
        if multiply:
            for j in range(len(scores)):
                scores[j] = b[j] * c[j] / (a[j] + epsilon)
        else:
            for j in range(len(scores)):
                scores[j] = (b[j] - a[j]) + c[j]  # so that a and b that are the same cancel exactly
        _offer(scores, first, out[q], values[q], rows[q])
