"""Projection onto a plane: the two directions in which vectors differ most (principal components)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted
from firth.options import shortened
from firth.vectors import Key, KeyedVectors

Numbers = NDArray[np.float64]


class Plane(NamedTuple):
    """A plane through the mean of vectors, and how much of their variance it shows.

    mean        (D,)
    directions  (D, 2), orthonormal
    shares      the share of the variance along each direction
    """

    mean: Numbers
    directions: Numbers
    shares: tuple[float, float]

    def points(self, vectors: Numbers) -> Numbers:
        """Return the (n, 2) coordinates of (n, D) vectors."""
        return np.asarray((vectors - self.mean) @ self.directions)

    @property
    def percent(self) -> str:
        """The share of the variance in the plane, as text."""
        return f"{sum(self.shares):.0%}"


def check_vectors(*values: object) -> None:
    """Raise `OptionError` for what is not `KeyedVectors`, such as a whole model."""
    for value in values:
        if not isinstance(value, KeyedVectors):
            raise OptionError(f"{shortened(value)} is not KeyedVectors: give the vectors of a model, such as model.wv")


def unit_vectors(wv: KeyedVectors, words: list[Key]) -> Numbers:
    """Return the (n, D) unit vectors of words; raise `UnknownWordError` for an unknown word."""
    return np.array([wv.get_vector(word, norm=True) for word in words], np.float64).reshape(-1, wv.vector_size)


def plane_of(vectors: Numbers) -> Plane:
    """Return the plane of the first two principal components of (n, D) vectors.

    With X the centred vectors and X = P S Qᵀ their singular value decomposition, the directions are the first two
    columns of Q, and their shares of the variance s_i² / sum_j s_j². The largest number of a direction is positive.
    Raises `OptionError` for fewer than two vectors, and for vectors that are not finite.
    """
    n, D = vectors.shape
    if n < 2:
        raise OptionError(f"found {counted(n, 'word')}: a map needs at least two")
    if not np.isfinite(vectors).all():
        raise OptionError("a word drawn has a vector that is not finite, and so has no place on a map: leave it out")
    mean = vectors.mean(axis=0)
    _, s, Q = np.linalg.svd(vectors - mean, full_matrices=False)
    directions, variances = np.zeros((D, 2)), np.zeros(2)
    found = min(2, len(s))
    directions[:, :found], variances[:found] = Q[:found].T, s[:found] ** 2
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), range(2)])
    shares = variances / max(float((s**2).sum()), np.finfo(float).tiny)
    return Plane(mean, directions * np.where(signs == 0, 1, signs), (float(shares[0]), float(shares[1])))
