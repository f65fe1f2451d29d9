"""Vectors of two eras, or two runs, in one space.

Training fixes vectors only up to a rotation, so those of two corpora cannot be compared as they are. Orthogonal
Procrustes (Schönemann 1966; for eras Hamilton, Leskovec and Jurafsky 2016, arXiv:1605.09096) finds the rotation
that brings the words both have closest together; it keeps every cosine and length within an era.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted
from firth.vectors.items import Key, Vector, listed

if TYPE_CHECKING:
    from firth.vectors.keyed import KeyedVectors


class Alignment(NamedTuple):
    """Rotated vectors, and how well they fit.

    vectors   KeyedVectors: every key, its vector rotated
    rotation  (D, D) float64, orthogonal: a vector x of the old space is x @ rotation in the new
    keys      how many keys the rotation was found with
    before    their mean cosine with their counterparts as they were
    after     and after rotating: for words whose meaning stayed it is near 1
    """

    vectors: "KeyedVectors"
    rotation: NDArray[np.float64]
    keys: int
    before: float
    after: float


def align(wv: "KeyedVectors", onto: "KeyedVectors", keys: Iterable[Key] | None = None) -> Alignment:
    """Return `wv` rotated by argmin_R ||A R - B||_F over orthogonal R; neither argument changes.

    The rotated vectors are new ones and belong to no model. A and B hold, row by row, the unit vectors in `wv` and
    `onto` of `keys`, by default all that both have. With the singular value decomposition AᵀB = P S Qᵀ the answer is
    R = P Qᵀ (Schönemann 1966). Keys whose vector is not finite on either side are left out. Raises `OptionError` if
    sizes differ or no key is shared, and `UnknownWordError` for one of `keys` that is missing on a side.
    """
    if wv.vector_size != onto.vector_size:
        raise OptionError(
            f"vectors of {wv.vector_size} and of {counted(onto.vector_size, 'number')} cannot be aligned: train "
            "both with the same vector_size"
        )
    shared = [key for key in wv.index_to_key if key in onto] if keys is None else listed(keys)
    A, B = _finite_pairs(_units(wv, shared), _units(onto, shared))
    if not len(A):
        raise OptionError(
            f"the two have no key in common ({counted(len(wv), 'key')} and "
            f"{counted(len(onto), 'key')}): there is nothing to align by"
        )
    P, _, Q = np.linalg.svd(A.T @ B)
    rotation = P @ Q
    rotated = type(wv).trusted(list(wv.index_to_key), _rotated(wv.vectors, rotation))
    rotated.expandos = {attr: values.copy() for attr, values in wv.expandos.items()}
    return Alignment(rotated, rotation, len(A), _agreement(A, B), _agreement(A @ rotation, B))


def _units(wv: "KeyedVectors", keys: list[Key]) -> NDArray[np.float64]:
    rows = np.array([wv.get_index(key) for key in keys], dtype=np.intp)
    return wv.unit_rows(rows).astype(np.float64)


def _finite_pairs(A: NDArray[np.float64], B: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    finite = np.isfinite(A).all(axis=1) & np.isfinite(B).all(axis=1)
    return A[finite], B[finite]


def _rotated(vectors: Vector, rotation: NDArray[np.float64]) -> Vector:
    with np.errstate(invalid="ignore"):  # rows that are not finite stay so
        blocks = [vectors[start : start + 8192] @ rotation for start in range(0, len(vectors), 8192)]
        return np.concatenate([block.astype(vectors.dtype) for block in blocks])


def _agreement(A: NDArray[np.float64], B: NDArray[np.float64]) -> float:
    return float(np.einsum("nd,nd->n", A, B).mean())
