"""The map by neighbours: t-SNE (van der Maaten and Hinton 2008) over exact nearest neighbours.

    L = sum_ij p_ij log (p_ij / q_ij),   q_ij = w_ij / Z,   w_ij = 1 / (1 + |y_i - y_j|^2),   Z = sum_{i != j} w_ij
    dL/dy_i = 4 sum_j (e p_ij w_ij - w_ij^2 / Z) (y_i - y_j)

p_ij is the same for every pair of which one word is among the ten nearest of the other, and 0 for the rest. e
exaggerates attraction in the first third of the steps. The second sum runs over a quadtree in which far cells act as
one point (Barnes-Hut, van der Maaten 2014). Positions start at the two principal axes, so nothing is random.

Each word sums its own terms, and its share of the work depends on nothing but the number of words: the bytes are the
same on any number of threads. Only the 100,000 most frequent words take part; every other word then stands where its
three nearest among these stand on average.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.explore import layout_kernels
from firth.resources import available_cores
from firth.vectors import KeyedVectors
from firth.vectors.neighbourhoods import neighbourhoods
from firth.vectors.search import SearchedRows, TopRows, nearest

FloatArray = NDArray[np.floating[Any]]
Rows = NDArray[np.integer[Any]]
Progress = Callable[[float], None]
"""Called with the share of the work that is done; what it raises ends the work."""

VERSION = 3
"""Increases when the same vectors get another map, so that maps on disk are computed again."""

MOST_ARRANGED = 100_000
_NEIGHBOURS = 10
_PLACED_BY = 3
_STEPS = 300
_EXAGGERATED = 100
_EXAGGERATION = 12
_MOST_LEVELS = 10  # of the quadtree: 512 x 512 cells at the finest
_NEARNESS = 1.0
_SPREAD = np.array([int(f"{i:b}", 4) for i in range(1 << (_MOST_LEVELS - 1))])
"""The bits of a number at the even places of another: those of two numbers together order cells as a quadtree does."""

_START = 1e-4  # standard deviation of the first positions
_TASKS = 16  # shares of the words; constant, so that the number of threads changes nothing
_QUERIES = 4096  # words whose neighbours are searched between two reports of progress


class NeighbourLists(NamedTuple):
    """The neighbours of word i are neighbours[ends[i] : ends[i + 1]]; each pair is in both lists."""

    ends: Rows
    neighbours: NDArray[np.int32]


def neighbour_layout(
    vectors: KeyedVectors, neighbours: Rows, start: FloatArray, progress: Progress, workers: int | None = None
) -> FloatArray:
    """Return (V, 2) float32 positions in which near words stand together.

    neighbours  (n, k) rows of the nearest words of the n words that are arranged, such as those of `nearest_rows`; -1
              for none
    start     (V, 2) positions to start from, the principal axes
    progress  called between the steps
    workers   threads; None: all cores
    """
    V = len(neighbours)
    if V < 3:
        return np.asarray(start, np.float32)
    lists = symmetric(np.maximum(neighbours, 0))  # a vector that is not finite stands by the most frequent word
    arranged = _arranged(start[:V], lists, progress, workers or available_cores())
    return np.concatenate([arranged, *_placed(vectors, arranged, progress)])


def nearest_rows(vectors: KeyedVectors, progress: Progress) -> TopRows:
    """Return the ten nearest rows of each word that is arranged, among these, and their cosines."""
    return neighbourhoods(vectors, min(len(vectors), MOST_ARRANGED), _NEIGHBOURS, progress)


def symmetric(nearest_of_each: Rows) -> NeighbourLists:
    """Return lists with every pair (i, j) of which one is among the nearest of the other, but not (i, i)."""
    V, k = nearest_of_each.shape
    one, other = np.repeat(np.arange(V, dtype=np.int64), k), nearest_of_each.ravel().astype(np.int64)
    pairs = np.sort(np.concatenate([one * V + other, other * V + one]))
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # np.unique is a hundred times slower
    first, second = pairs // V, pairs % V
    first, second = first[first != second], second[first != second]
    return NeighbourLists(np.searchsorted(first, np.arange(V + 1)), second.astype(np.int32))


def _arranged(start: FloatArray, lists: NeighbourLists, progress: Progress, workers: int) -> FloatArray:
    positions = (start * (_START / max(float(start.std()), 1e-30))).astype(np.float32)
    moving = _Moving(positions, lists)
    with ThreadPoolExecutor(workers) as pool:
        for number in range(_STEPS):
            progress(number / _STEPS)
            moving.step(pool, number < _EXAGGERATED)
    return moving.positions


class _Moving:
    """The state of the descent."""

    def __init__(self, positions: FloatArray, lists: NeighbourLists):
        V = len(positions)
        self.positions, self._moved, self._lists = positions, positions.copy(), lists
        self._speeds, self._gains, self._forces = (np.full((V, 2), value, np.float32) for value in (0, 1, 0))
        self._sums = np.zeros(V, np.float32)
        cuts = np.linspace(0, V, min(V, _TASKS) + 1).astype(int)
        self._tasks = [(int(first), int(last)) for first, last in pairwise(cuts)]

    def step(self, pool: ThreadPoolExecutor, exaggerated: bool) -> None:
        """Move all words once."""
        tree = quadtree(self.positions)
        list(pool.map(lambda task: self._repel(tree, *task), self._tasks))
        Z = max(float(self._sums.sum(dtype=np.float64)) - len(self._sums), 1e-12)  # without each word's own term
        exaggeration = _EXAGGERATION if exaggerated else 1
        numbers = (4 * exaggeration / len(self._lists.neighbours), 4 / Z, len(self._sums) / exaggeration)
        settings = [np.float32(number) for number in (*numbers, 0.5 if exaggerated else 0.8)]
        list(pool.map(lambda task: self._move(settings, *task), self._tasks))
        self.positions, self._moved = self._moved, self.positions

    def _repel(self, tree: "Quadtree", first: int, last: int) -> None:
        stack = np.zeros(3 * _MOST_LEVELS + 1, np.int64)
        words = tree.order[first:last]
        layout_kernels.repel(words, self.positions, tree.cells, stack, self._forces, self._sums)

    def _move(self, settings: list[np.float32], first: int, last: int) -> None:
        arrays = (self._speeds, self._gains, self._moved)
        layout_kernels.step(first, last, self.positions, *self._lists, self._forces, *settings, *arrays)


class Quadtree(NamedTuple):
    """The cells as (C, 4) float32, from one for all words to at most 512 x 512.

    Cell c is divided into the cells 4 c + 1 to 4 c + 4. A row is the number of words of a cell, their mean, and the
    squared distance from which on the cell acts as one point: 0 for the finest cells. `order` has the (V,) words by
    their finest cells: words that stand together need the same cells, which are then in the processor's cache.
    """

    order: Rows
    cells: FloatArray


def quadtree(positions: FloatArray, nearness: float = _NEARNESS) -> Quadtree:
    """Return the tree of all words: a cell is one point if its width squared is below `nearness` distances squared."""
    low = positions.min(axis=0)
    side = max(float((positions.max(axis=0) - low).max()), 1e-20) * 1.0001
    depth = _levels(len(positions)) - 1
    n = 1 << depth
    column, row = np.minimum(((positions - low) * (n / side)).astype(np.int64), n - 1).T
    codes = 2 * _SPREAD[column] + _SPREAD[row]  # four cells with a common parent follow each other
    limits = [(side / 2**level) ** 2 / max(nearness, 1e-30) for level in range(depth)]
    n_cells = (4 ** (depth + 1) - 1) // 3
    cells = np.empty((n_cells, 4), np.float32)
    layout_kernels.fill_cells(positions, codes, np.array([*limits, 0]), np.zeros((n_cells, 3)), cells)
    return Quadtree(np.argsort(codes), cells)


def _levels(V: int) -> int:
    """Return how many levels the tree of V words has: at the finest, four to sixteen cells a word if they suffice."""
    return min(_MOST_LEVELS, 2 + math.ceil(math.log(V, 4)))


def _placed(vectors: KeyedVectors, arranged: FloatArray, progress: Progress) -> list[FloatArray]:
    """Return the positions of the words that are not arranged: the means of their nearest among those that are."""
    parts = []
    for first in range(len(arranged), len(vectors), _QUERIES):
        progress(1.0)
        rows = np.arange(first, min(first + _QUERIES, len(vectors)))
        searched = SearchedRows(vectors.vectors, vectors.norms, 0, len(arranged))
        near = nearest(searched, vectors.unit_rows(rows), np.full((len(rows), 1), -1), _PLACED_BY).rows
        parts.append(arranged[np.maximum(near, 0)].mean(axis=1, dtype=np.float32))
    return parts
