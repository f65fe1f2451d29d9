"""What vectors are like, without any task: lengths, copies, broken rows, and how evenly directions are used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.vectors.items import Key, Rows, Vector

if TYPE_CHECKING:
    from firth.vectors.keyed import KeyedVectors

_EXAMPLES = 5
_BLOCK = 8192


class Diagnosis(NamedTuple):
    """What vectors are like; lengths and directions are those of the rows that are finite and not zero.

    keys, vector_size, dtype   V, D and how numbers are stored
    zero_rows                  rows that are all zero
    non_finite_rows            rows with a NaN or an infinity in them
    duplicate_rows             rows that repeat, number for number, an earlier one (zero rows aside)
    examples                   up to five keys of each of these kinds, by its name
    norms                      the least, the 1st, 25th, 50th, 75th and 99th percentile, and the largest length
    mean_cosine                mean cosine of two rows: 0 if directions are spread evenly
    isotropy                   min_c Z(c) / max_c Z(c), from 0 to 1: 1 if no direction is favoured
    top_direction              share of the variance of unit rows that lies along one direction: 1/D if spread evenly
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


def diagnose(wv: "KeyedVectors") -> Diagnosis:
    """Return what vectors are like, in three passes over them, a few thousand rows at a time.

    Z(c) = sum_v exp(c·v) over unit rows v, for c each unit eigenvector of VᵀV and its opposite (Mu and Viswanath
    2018, arXiv:1702.01417, eq. 7, who leave the rows as long as they are; unit rows make it a matter of direction
    alone). A number that has no rows to be taken of is NaN.
    """
    norms = wv.norms
    kinds = {
        "zero": np.flatnonzero(norms == 0),
        "non_finite": np.flatnonzero(~np.isfinite(norms)),
        "duplicate": _repeats(wv),
    }
    sound = norms[np.isfinite(norms) & (norms > 0)].astype(np.float64)
    lengths = np.percentile(sound, [0, 1, 25, 50, 75, 99, 100]).tolist() if len(sound) else [float("nan")] * 7
    examples = {kind: [wv.index_to_key[row] for row in rows[:_EXAMPLES]] for kind, rows in kinds.items()}
    mean_cosine, isotropy, top_direction = _spread(wv, sound)
    return Diagnosis(
        keys=len(wv),
        vector_size=wv.vector_size,
        dtype=str(wv.vectors.dtype),
        zero_rows=len(kinds["zero"]),
        non_finite_rows=len(kinds["non_finite"]),
        duplicate_rows=len(kinds["duplicate"]),
        examples=examples,
        norms=lengths,
        mean_cosine=mean_cosine,
        isotropy=isotropy,
        top_direction=top_direction,
    )


def _spread(wv: "KeyedVectors", sound: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean cosine, the isotropy and the share of the top direction."""
    n, D = len(sound), wv.vector_size
    if n < 2:
        return float("nan"), float("nan"), float("nan")
    total, moment = np.zeros(D), np.zeros((D, D))  # sums in float64 of blocks in the vectors' own precision
    for units in _unit_blocks(wv):
        total += units.sum(axis=0, dtype=np.float64)
        moment += units.T @ units
    mean_cosine = (total @ total - n) / (n * (n - 1))
    scatter = np.linalg.eigvalsh(moment - np.outer(total, total) / n)
    top = scatter[-1] / scatter.sum() if scatter.sum() > 0 else float("nan")
    directions = np.linalg.eigh(moment)[1]
    Z = np.zeros(2 * D)
    for units in _unit_blocks(wv):
        grown = np.exp(units @ directions.astype(units.dtype))
        Z += np.concatenate([grown.sum(axis=0, dtype=np.float64), (1 / grown).sum(axis=0, dtype=np.float64)])
    return float(mean_cosine), float(Z.min() / Z.max()), float(top)


def _unit_blocks(wv: "KeyedVectors") -> Iterator[Vector]:
    """Yield the unit vectors of the rows that are finite and not zero, a few thousand at a time."""
    for start in range(0, len(wv), _BLOCK):
        norms = wv.norms[start : start + _BLOCK]
        rows = start + np.flatnonzero(np.isfinite(norms) & (norms > 0))
        yield wv.unit_rows(rows)


def _repeats(wv: "KeyedVectors") -> Rows:
    """Return the rows that equal an earlier one, zero rows aside.

    Rows are put in the order of a 64-bit hash, and neighbours in that order compared number for number.
    """
    rows = np.flatnonzero(np.isfinite(wv.norms) & (wv.norms > 0))
    hashes = _hashes(wv.vectors)[rows]
    order = rows[np.argsort(hashes, kind="stable")]
    alike = np.flatnonzero(np.diff(np.sort(hashes)) == 0)
    earlier, later = order[alike], order[alike + 1]
    same = [np.array_equal(wv.vectors[i], wv.vectors[j]) for i, j in zip(earlier, later, strict=True)]
    return np.sort(later[np.array(same, dtype=bool)])


def _hashes(vectors: Vector) -> NDArray[np.uint64]:
    """Return sum_i m_i x_i modulo 2^64 for each row, x its bits in words of 16 or 32, m random and odd."""
    word = np.uint16 if vectors.dtype.itemsize == 2 else np.uint32
    n = vectors.shape[1] * vectors.dtype.itemsize // np.dtype(word).itemsize
    factors = np.random.default_rng(0).integers(1 << 63, size=n, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    blocks = (vectors[start : start + _BLOCK] for start in range(0, len(vectors), _BLOCK))
    # adding 0 makes -0, which equals 0, the same bits
    return np.concatenate([(np.ascontiguousarray(rows + 0).view(word) @ factors) for rows in blocks] or [factors[:0]])
