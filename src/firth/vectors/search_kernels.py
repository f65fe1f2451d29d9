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
    whole = len(scores) - len(scores) % _CHUNK
    for start in range(0, whole, _CHUNK):
        if _any_above(scores, start, values[0]):
            _offer_each(scores, start, start + _CHUNK, first, out, values, rows)
    _offer_each(scores, whole, len(scores), first, out, values, rows)


@njit(nogil=True)
def _any_above(scores, start, worst):
    """Tell whether one of the chunk's scores is above `worst`.

    Counting in 32 bits, with unsigned positions and a fixed number of steps, is what the compiler makes vectors of:
    0.05 ns a score where a plain loop over a slice takes 0.3.
    """
    start = np.uint64(start)
    above = np.int32(0)
    for j in range(_CHUNK):
        above += np.int32(scores[start + np.uint64(j)] > worst)
    return above > 0


@njit(nogil=True)
def _offer_each(scores, start, stop, first, out, values, rows):
    for j in range(start, stop):
        if scores[j] > values[0] and not _among(first + j, out):
            _replace_worst(values, rows, scores[j], first + j)


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
    values (n, k) float and rows (n, k) intp: the heaps, changed in place; k may be 0.
    """
    if values.shape[1] == 0:
        return
    for q in range(len(scores)):
        _offer(scores[q], first, out[q], values[q], rows[q])


@njit(nogil=True, error_model="numpy")  # Python's would look for a division by zero at each step
def keep_best_analogies(cosines, first, questions, multiply, out, values, rows):
    """Offer one block of rows to the heaps of n analogies "a is to b as c is to ?".

    The score of a row x is cos(x, b) - cos(x, a) + cos(x, c) (3CosAdd), or with `multiply`
    s(x, b) s(x, c) / (s(x, a) + 1e-6) with s = (1 + cos) / 2 (3CosMul).

    cosines (W, T) float: of each word in use with rows first..first+T-1, with `multiply` s in their place;
    questions (n, 3) intp: a, b, c as numbers of words in use; out, values, rows as in `keep_best`.
    """
    if values.shape[1] == 0:
        return
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
