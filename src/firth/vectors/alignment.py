"""Alignment: two sets of vectors, of two eras or two training runs, in one space.

Training determines vectors only up to a rotation, so those of two runs cannot be compared directly. Orthogonal
Procrustes (Schönemann 1966; for eras Hamilton, Leskovec and Jurafsky 2016, arXiv:1605.09096) finds the rotation that
brings the shared words closest together. It preserves the cosines and lengths within each set.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted
from firth.vectors.query_input import FloatArray, Key, listed
from firth.vectors.table import VectorTable

_BLOCK = 8192  # rows
AnyVectors = TypeVar("AnyVectors", bound=VectorTable)


class Alignment(NamedTuple, Generic[AnyVectors]):
    """Rotated vectors, and how well they match the others.

    vectors   KeyedVectors: every key with its vector rotated
    rotation  (D, D) float64, orthogonal: a row x of the old space is x @ rotation in the new
    keys      the number of keys that the rotation was computed from
    before    the mean cosine of these keys' vectors with their counterparts, before the rotation
    after     the same after the rotation: near 1 for words whose meaning did not change
    """

    vectors: AnyVectors
    rotation: NDArray[np.float64]
    keys: int
    before: float
    after: float


def align(wv: AnyVectors, onto: VectorTable, keys: Iterable[Key] | None = None) -> Alignment[AnyVectors]:
    """Return `wv` rotated onto `onto`: see `KeyedVectors.align`."""
    if wv.vector_size != onto.vector_size:
        raise OptionError(
            f"vectors of {wv.vector_size} and of {counted(onto.vector_size, 'number')} cannot be aligned: train "
            "both with the same vector_size"
        )
    shared = [key for key in wv.index_to_key if onto.has_index_for(key)] if keys is None else listed(keys)
    A, B = (table.unit_rows(table._rows(shared)).astype(np.float64) for table in (wv, onto))
    finite = np.isfinite(A).all(axis=1) & np.isfinite(B).all(axis=1)
    A, B = A[finite], B[finite]
    if not len(A):
        raise OptionError(
            f"the two have no key in common ({counted(len(wv), 'key')} and {counted(len(onto), 'key')}): give vectors "
            "that share words"
        )
    P, _, Q = np.linalg.svd(A.T @ B)
    rotation = P @ Q
    subwords = None if wv.subwords is None else wv.subwords.transformed(rotation)
    rotated = wv._with_vectors(_rotated(wv.vectors, rotation), subwords)
    return Alignment(rotated, rotation, len(A), _mean_cosine(A, B), _mean_cosine(A @ rotation, B))


def _rotated(vectors: FloatArray, rotation: NDArray[np.float64]) -> FloatArray:
    with np.errstate(invalid="ignore"):  # rows that are not finite stay so
        blocks = [vectors[start : start + _BLOCK] @ rotation for start in range(0, len(vectors), _BLOCK)]
        return np.concatenate([block.astype(vectors.dtype) for block in blocks])


def _mean_cosine(A: NDArray[np.float64], B: NDArray[np.float64]) -> float:
    return float(np.einsum("nd,nd->n", A, B).mean())
