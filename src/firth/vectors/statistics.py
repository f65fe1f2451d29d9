"""Statistics of vectors: norms, duplicates, rows that are zero or not finite, and isotropy."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.vectors.query_input import FloatArray, Key, RowIndices
from firth.vectors.table import VectorTable

_EXAMPLES = 5
_BLOCK = 8192  # rows


class VectorStatistics(NamedTuple):
    """What `KeyedVectors.info` returns. Norms and directions are those of the rows that are finite and not zero.

    keys, vector_size, dtype   V, D and the dtype of the matrix
    zero_rows                  rows that are all zero
    non_finite_rows            rows that contain a NaN or an infinity
    duplicate_rows             rows that equal an earlier one (zero rows aside)
    examples                   up to five keys of each of these: "zero", "non_finite", "duplicate"
    norms                      minimum, 1st, 25th, 50th, 75th and 99th percentile, and maximum
    mean_cosine                mean cosine of two rows: 0 if directions are spread evenly
    isotropy                   min_c Z(c) / max_c Z(c), from 0 to 1: 1 if no direction is favoured
    top_direction              share of the variance of unit rows along one direction: 1/D if spread evenly
    """

    keys: int
    vector_size: int
    dtype: str
    zero_rows: int
    non_finite_rows: int
    duplicate_rows: int
    examples: dict[str, list[Key]]
    norms: list[float]
    mean_cosine: float
    isotropy: float
    top_direction: float


def statistics(wv: VectorTable) -> VectorStatistics:
    """Return the statistics of `wv`, in three passes over the matrix, a few thousand rows at a time."""
    norms, usable = wv.norms, wv._usable_rows()
    odd_rows = {
        "zero": np.flatnonzero(norms == 0),
        "non_finite": np.flatnonzero(~np.isfinite(norms)),
        "duplicate": _duplicates(wv, usable),
    }
    percentiles = [float("nan")] * 7
    if len(usable):
        percentiles = np.percentile(norms[usable].astype(np.float64), [0, 1, 25, 50, 75, 99, 100]).tolist()
    mean_cosine, isotropy, top_direction = _evenness(wv, usable)
    return VectorStatistics(
        keys=len(wv),
        vector_size=wv.vector_size,
        dtype=str(wv.vectors.dtype),
        zero_rows=len(odd_rows["zero"]),
        non_finite_rows=len(odd_rows["non_finite"]),
        duplicate_rows=len(odd_rows["duplicate"]),
        examples={kind: [wv.stored_keys[row] for row in rows[:_EXAMPLES]] for kind, rows in odd_rows.items()},
        norms=percentiles,
        mean_cosine=mean_cosine,
        isotropy=isotropy,
        top_direction=top_direction,
    )


def _evenness(wv: VectorTable, rows: RowIndices) -> tuple[float, float, float]:
    """Return the mean cosine, the isotropy and the share of the top direction."""
    n, D = len(rows), wv.vector_size
    if n < 2:
        return float("nan"), float("nan"), float("nan")
    total, moment = np.zeros(D), np.zeros((D, D))  # float64 sums of blocks in the precision of the vectors
    for units in _unit_blocks(wv, rows):
        total += units.sum(axis=0, dtype=np.float64)
        moment += units.T @ units
    mean_cosine = (total @ total - n) / (n * (n - 1))
    variances = np.linalg.eigvalsh(moment - np.outer(total, total) / n)
    top = variances[-1] / variances.sum() if variances.sum() > 0 else float("nan")
    directions = np.linalg.eigh(moment)[1]
    Z = np.zeros(2 * D)
    for units in _unit_blocks(wv, rows):
        exps = np.exp(units @ directions.astype(units.dtype))
        Z += np.concatenate([exps.sum(axis=0, dtype=np.float64), (1 / exps).sum(axis=0, dtype=np.float64)])
    return float(mean_cosine), float(Z.min() / Z.max()), float(top)


def _unit_blocks(wv: VectorTable, rows: RowIndices) -> Iterator[FloatArray]:
    for start in range(0, len(rows), _BLOCK):
        yield wv.unit_rows(rows[start : start + _BLOCK])


def _duplicates(wv: VectorTable, rows: RowIndices) -> RowIndices:
    """Return those of `rows` that equal an earlier one.

    Rows are sorted by a 64-bit hash, and neighbours with the same hash are compared number by number.
    """
    hashes = _hashes(wv.vectors)[rows]
    order = rows[np.argsort(hashes, kind="stable")]
    collisions = np.flatnonzero(np.diff(np.sort(hashes)) == 0)
    earlier, later = order[collisions], order[collisions + 1]
    equal = [np.array_equal(wv.vectors[i], wv.vectors[j]) for i, j in zip(earlier, later, strict=True)]
    return np.sort(later[np.array(equal, dtype=bool)])


def _hashes(vectors: FloatArray) -> NDArray[np.uint64]:
    """Return sum_i m_i x_i modulo 2^64 for each row: x its bits in words of 16 or 32, m random odd numbers."""
    word = np.uint16 if vectors.dtype.itemsize == 2 else np.uint32
    n = vectors.shape[1] * vectors.dtype.itemsize // np.dtype(word).itemsize
    factors = np.random.default_rng(0).integers(1 << 63, size=n, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    blocks = (vectors[start : start + _BLOCK] for start in range(0, len(vectors), _BLOCK))
    # adding 0 gives -0.0, which equals 0.0, the same bits
    return np.concatenate([(np.ascontiguousarray(rows + 0).view(word) @ factors) for rows in blocks] or [factors[:0]])
