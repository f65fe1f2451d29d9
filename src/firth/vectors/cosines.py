"""Cosines of two vectors, cosines of a vector with every row of a table, and the largest scores."""

import numpy as np
from numpy.typing import ArrayLike

from firth.vectors.half_precision import widened
from firth.vectors.query_input import FloatArray, RowIndices
from firth.vectors.table import VectorTable, row_norms

COSMUL_EPSILON = 1e-6
"""As in Levy and Goldberg (2014): keeps the quotient of 3CosMul finite."""

_PART = 1 << 16  # scores that are partitioned at once: the positions of millions would need much memory
_LARGE = 1 << 26  # numbers; a larger matrix is read only once, for both the products and the norms


def unit(vector: ArrayLike) -> FloatArray:
    """Return x / |x| in float32 or float64; a zero vector stays zero."""
    array = np.asarray(vector)
    x: FloatArray = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    norm = np.linalg.norm(x)
    return (x / norm).astype(x.dtype) if norm > 0 else x


def cosine(x: FloatArray, y: FloatArray) -> float:
    """Return x·y / sqrt(x·x y·y) in float64, 0 if one is zero; the cosine of a vector with itself is exactly 1."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    product = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / product) if product > 0 else 0.0


def cosines(table: VectorTable, direction: FloatArray, first: int, last: int) -> FloatArray:
    """Return the cosines of rows `first` to `last` - 1 with a (D,) unit vector; a zero row has cosine 0."""
    direction = direction.astype(table.compute_dtype, copy=False)
    vectors = table.vectors
    in_one_product = vectors.dtype == table.compute_dtype and vectors.size < _LARGE
    with np.errstate(invalid="ignore"):  # rows that are not finite have no cosine
        products = vectors[first:last] @ direction if in_one_product else _in_blocks(table, direction, first, last)
        norms = table.norms[first:last]
        return np.divide(products, norms, out=products, where=norms != 0)  # a zero row's product is 0


def _in_blocks(table: VectorTable, direction: FloatArray, first: int, last: int) -> FloatArray:
    """Return the products of rows and vector block by block, and fill in the norms of all rows if unknown."""
    products = np.empty(len(table), direction.dtype)
    norms = np.empty(len(table), direction.dtype) if table._norms is None else None

    def multiply(start: int, stop: int) -> None:
        rows = widened(table.vectors[start:stop], direction.dtype)
        np.einsum("vd,d->v", rows, direction, out=products[start:stop])
        if norms is not None:
            norms[start:stop] = row_norms(rows)

    if norms is None:
        table._for_each_block(multiply, first, last)
    else:
        table._for_each_block(multiply)
        table._norms = norms
    return products[first:last]


def largest(scores: FloatArray, n: int) -> RowIndices:
    """Return the positions of the n largest scores, the largest first and NaN last."""
    parts = [_candidates(scores[start : start + _PART], n) + start for start in range(0, len(scores), _PART)]
    candidates = np.concatenate([np.empty(0, np.intp), *parts])
    return candidates[np.argsort(-scores[candidates], kind="stable")][:n]  # NumPy sorts NaN to the end


def _candidates(scores: FloatArray, n: int) -> RowIndices:
    """Return the positions of the n largest scores in ascending order, or all."""
    return np.sort(np.argpartition(-scores, n)[:n]) if n < len(scores) else np.arange(len(scores))
