"""Epochs of a training run as the page shows them: where words stand, and which words are near.

Positions are those of some frequent words in the plane of the two principal axes of their latest unit vectors, in all
epochs, so that a word that does not move in the space does not move on the page.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.vectors.cosines import largest

NEIGHBOURS = 8
_STEPS = 2000  # at most, for the axes of a picture; 100 are usual
_PICTURE = 1000  # positions are whole numbers from -1,000 to 1,000

FloatArray = NDArray[np.floating[Any]]
Neighbours = list[tuple[str, float]]


class Frame(NamedTuple):
    """The unit vectors of some words after an epoch, (n, D) float16."""

    epoch: int
    units: NDArray[np.float16]


class SearchedWords:
    """The words among which neighbours are searched, and their (n, D) vectors after an epoch."""

    def __init__(self, epoch: int, words: Sequence[str], rows: FloatArray):
        self.epoch, self._words, self._rows = epoch, words, rows

    @cached_property
    def _inverse_norms(self) -> FloatArray:
        """(n,), 0 for a row without a direction."""
        norms = np.sqrt(np.einsum("vd,vd->v", self._rows, self._rows))
        inverses: FloatArray = np.divide(1, norms, out=np.zeros_like(norms), where=np.isfinite(norms) & (norms > 0))
        return inverses

    def neighbours(self, word: str) -> Neighbours | None:
        """Return the words with the largest cosines, or None for a word that is not among these."""
        if word not in self._words:
            return None
        row = self._words.index(word)
        with np.errstate(over="ignore", invalid="ignore"):  # rows that are not finite
            # without BLAS, whose threads would compete with those that train
            products = np.einsum("vd,d->v", self._rows, self._rows[row])
            cosines = np.nan_to_num(products * self._inverse_norms * self._inverse_norms[row], posinf=0, neginf=0)
        cosines[row] = -np.inf
        nearest = largest(cosines, min(NEIGHBOURS, len(cosines) - 1))
        return [(self._words[other], round(float(cosines[other]), 4)) for other in nearest]


class Pictures:
    """The positions of words after several epochs, computed once for the same epochs."""

    def __init__(self) -> None:
        self._axes: FloatArray | None = None
        self._frames: tuple[Frame, ...] = ()
        self._points: list[list[int]] = []

    def points(self, frames: tuple[Frame, ...]) -> list[list[int]]:
        """Return x, y, x, y ... of the words for each frame."""
        if frames is not self._frames:
            self._frames, self._points = frames, self._computed(frames)
        return self._points

    def _computed(self, frames: tuple[Frame, ...]) -> list[list[int]]:
        units = [np.nan_to_num(frame.units.astype(np.float32), posinf=0, neginf=0) for frame in frames]
        self._axes = plane_axes(units[-1], self._axes)
        points = [np.einsum("nd,dk->nk", each, self._axes) for each in units]
        center = (points[-1].max(axis=0) + points[-1].min(axis=0)) / 2
        extent = max(1e-9, *(float(np.abs(each - center).max()) for each in points))
        return [np.round((each - center) * (_PICTURE / extent)).astype(int).ravel().tolist() for each in points]


def plane_axes(units: FloatArray, before: FloatArray | None) -> FloatArray:
    """Return orthonormal axes (D, 2) of the plane in which (n, D) vectors vary most, turned as little as possible.

    Orthogonal iteration (Golub and Van Loan 2013, section 8.2.4) with C = XᵀX of the centred vectors X, from the axes
    `before`: A becomes the orthonormal matrix nearest to C A, which is U Vᵀ for C A = U S Vᵀ (Schönemann 1966).
    """
    centred = units - units.mean(axis=0)
    axes = np.ascontiguousarray((_widest_columns(centred) if before is None else before).T)
    for _ in range(_STEPS):  # as rows, and without BLAS: einsum then takes microseconds, and one thread
        products = np.einsum("nd,nk->kd", centred, np.einsum("nd,kd->nk", centred, axes))
        left, _, right = np.linalg.svd(products, full_matrices=False)
        earlier, axes = axes, left @ right
        if np.abs(axes - earlier).max() <= 4 * np.finfo(axes.dtype).eps:
            break
    return axes.T


def _widest_columns(centred: FloatArray) -> FloatArray:
    """Return the (D, 2) axes of the two columns that vary most."""
    axes = np.zeros((centred.shape[1], 2), centred.dtype)
    columns = np.argsort(-centred.var(axis=0), kind="stable")[:2]
    axes[columns, range(len(columns))] = 1
    return axes
