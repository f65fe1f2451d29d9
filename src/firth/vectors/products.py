"""One vector against every row: the cosines, and the largest of them."""

import numpy as np
from numpy.typing import NDArray

from firth.vectors.items import Vector
from firth.vectors.precision import widened
from firth.vectors.table import VectorTable, lengths

_LARGE = 1 << 26  # numbers in a matrix too large to be read twice, for its norms and for an answer


def cosines(table: VectorTable, direction: Vector, first: int, last: int) -> Vector:
    """Return the cosines of rows `first` to `last` with a unit vector; a zero row has cosine 0."""
    direction = direction.astype(table.exact, copy=False)
    vectors = table.vectors
    at_once = vectors.dtype == table.exact and vectors.size < _LARGE
    with np.errstate(invalid="ignore"):  # rows that are not finite have no cosine
        products = vectors[first:last] @ direction if at_once else _blockwise(table, direction, first, last)
        norms = table.norms[first:last]
        return np.divide(products, norms, out=products, where=norms != 0)  # a zero row's product is 0


def _blockwise(table: VectorTable, direction: Vector, first: int, last: int) -> Vector:
    """Return the products of rows, a few thousand at a time, and compute the norms of all with them if unknown."""
    products = np.empty(len(table), direction.dtype)
    norms = None if table.has_norms else np.empty(len(table), direction.dtype)

    def multiply(start: int, stop: int) -> None:
        rows = widened(table.vectors[start:stop], direction.dtype)
        np.einsum("vd,d->v", rows, direction, out=products[start:stop])
        if norms is not None:
            norms[start:stop] = lengths(rows)

    if norms is None:
        table.each_block(multiply, first, last)
    else:
        table.each_block(multiply)
        table._norms = norms
    return products[first:last]


def at_least_single(vector: Vector) -> Vector:
    """Return a vector of any numbers in float32 or float64."""
    array = np.asarray(vector)
    return array.astype(np.result_type(array.dtype, np.float32), copy=False)


def largest(scores: Vector, n: int) -> NDArray[np.intp]:
    """Return the positions of the n largest scores, the largest first; not-a-numbers come last."""
    keys = -scores  # NumPy sorts not-a-numbers behind everything else
    if n < len(keys):
        candidates = np.argpartition(keys, n)[:n]
        return candidates[np.argsort(keys[candidates], kind="stable")]
    return np.argsort(keys, kind="stable")
