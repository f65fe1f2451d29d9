"""Maps: a point in the plane for each word, and how wrong they are.

A point is two whole numbers of 16 bits. Both axes have one scale, so that distances on the screen are those of the map.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.explore.computation import Progress
from firth.vectors import KeyedVectors

FloatArray = NDArray[np.floating[Any]]
Points = NDArray[np.uint16]
LARGEST = 65_535
NEAREST_ON_MAP = 50
"""A true neighbour that is not among so many nearest points is an error of the map."""

_MOST_IN_A_PART = 256
_ROWS_OF_COVARIANCE = 200_000  # the most frequent words decide the axes; all words are projected on them
_BLOCK_NUMBERS = 1 << 17  # numbers of a block of rows: 512 KiB of float32


def silent(share: float) -> None:
    """Ignore progress."""


class PrincipalAxes(NamedTuple):
    """The mean (D,) of the unit vectors, their first two principal axes (D, 2), and the share of variance of each."""

    mean: FloatArray
    axes: FloatArray
    shares: FloatArray


def principal_axes(vectors: KeyedVectors, progress: Progress = silent) -> PrincipalAxes:
    """Return the principal axes of the unit vectors of the first 200,000 words: eigenvectors of their covariance.

    The largest component of each axis is positive, so that the map does not depend on the LAPACK in use.
    """
    D = vectors.vector_size
    n, total, products = 0, np.zeros(D), np.zeros((D, D))
    for rows in _blocks(vectors, min(len(vectors), _ROWS_OF_COVARIANCE), progress):
        n += len(rows)
        total += rows.sum(axis=0, dtype=np.float64)
        products += rows.T @ rows
    mean = total / max(1, n)
    values, axes = np.linalg.eigh(products / max(1, n) - np.outer(mean, mean))
    top = axes[:, ::-1][:, :2]
    top = np.pad(top * np.sign(top[np.abs(top).argmax(axis=0), range(top.shape[1])]), ((0, 0), (0, 2 - top.shape[1])))
    shares = np.pad(np.maximum(values[::-1][:2], 0), (0, 2 - min(2, D))) / max(values.sum(), 1e-30)
    return PrincipalAxes(mean, top, shares)


def pca_positions(vectors: KeyedVectors, principal: PrincipalAxes, progress: Progress = silent) -> FloatArray:
    """Return the (V, 2) float32 projections of the unit vectors on two axes; a vector that is not finite is at 0."""
    positions, start = np.zeros((len(vectors), 2), np.float32), 0
    for rows in _blocks(vectors, len(vectors), progress):
        rows -= principal.mean.astype(rows.dtype)
        positions[start : start + len(rows)] = rows @ principal.axes.astype(rows.dtype)
        start += len(rows)
    return positions


def _blocks(vectors: KeyedVectors, n: int, progress: Progress) -> Any:
    """Yield the unit vectors of the first n rows in blocks; those that are not finite become zero."""
    size = max(1, _BLOCK_NUMBERS // vectors.vector_size)
    for start in range(0, n, size):
        progress(start / n)
        rows = vectors.unit_rows(np.arange(start, min(start + size, n)))
        yield np.nan_to_num(rows, copy=False, nan=0, posinf=0, neginf=0)


def quantised(positions: FloatArray) -> Points:
    """Return (V, 2) positions as whole numbers from 0 to 65,535 with one scale for both axes, centred."""
    if not len(positions):
        return np.zeros((0, 2), np.uint16)
    low, high = positions.min(axis=0), positions.max(axis=0)
    extent = max(float((high - low).max()), 1e-30)
    points = np.empty(positions.shape, np.uint16)
    for start in range(0, len(positions), _BLOCK_NUMBERS):
        block = slice(start, start + _BLOCK_NUMBERS)
        points[block] = np.round(((positions[block] - (low + high) / 2) / extent + 0.5) * LARGEST)
    return points


def errors(points: Points, neighbours: NDArray[np.integer[Any]], progress: Progress = silent) -> FloatArray:
    """Return the (n,) shares of each word's (n, k) true neighbours that are not among its 50 nearest points.

    A point as near as the fiftieth counts as among them; a neighbour of -1 does not. `progress` is called with the
    share done.
    """
    shares = np.zeros(len(points), np.float32)
    exact = points.astype(np.float64)
    for rows, done in _parts(exact):
        progress(done)
        limits = _reaches(exact, rows)
        gaps = exact[neighbours[rows]] - exact[rows, None]
        far = (np.einsum("nkd,nkd->nk", gaps, gaps) > limits[:, None]) | (neighbours[rows] < 0)
        shares[rows] = far.mean(axis=1) if far.size else 0
    return shares


def _parts(points: FloatArray) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Yield the rows of small parts of the map, as in a k-d tree, and the share of the points in earlier parts."""
    waiting, done = [np.arange(len(points))], 0
    while waiting:
        rows = waiting.pop()
        if len(rows) > _MOST_IN_A_PART:
            axis = int(np.ptp(points[rows], axis=0).argmax())
            order = rows[np.argpartition(points[rows, axis], len(rows) // 2)]
            waiting += [order[: len(rows) // 2], order[len(rows) // 2 :]]
        elif len(rows):
            yield rows, done / len(points)
            done += len(rows)


def _reaches(points: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
    """Return the squared distance of the fiftieth nearest point of each of the rows, which lie together.

    The fiftieth nearest among the rows themselves bounds it, so only points within that reach are compared.
    """
    among = points[rows]
    reach = float(np.sqrt(_fiftieth(among, among).max())) if len(rows) > NEAREST_ON_MAP else np.inf
    near = ((points >= among.min(axis=0) - reach) & (points <= among.max(axis=0) + reach)).all(axis=1)
    return _fiftieth(among, points[near])


def _fiftieth(of: FloatArray, among: FloatArray) -> FloatArray:
    """Return the squared distances of the fiftieth nearest of `among`, which holds each point of `of` itself too."""
    distances = np.zeros((len(of), len(among)))
    for axis in range(2):
        distances += np.subtract.outer(of[:, axis], among[:, axis]) ** 2
    last = min(NEAREST_ON_MAP, len(among) - 1)  # the nearest is the point itself
    return np.partition(distances, last, axis=1)[:, last]
