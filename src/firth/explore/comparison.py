"""Two models side by side: the words that both have, how much their neighbours changed, and one map for both.

The neighbours of a word are its ten nearest among the words compared. Its change is the share of them that the other
model does not have in common. For the maps, the second model is rotated onto the first (orthogonal Procrustes, see
`KeyedVectors.align`): the first decides where words stand, and each word of the second stands between its three nearest
words of the first.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.explore import maps
from firth.explore.atlas import MAPS, check_name
from firth.explore.computation import Computations, Progress, part_of
from firth.explore.explored import Explored
from firth.explore.layout import neighbour_layout
from firth.explore.map_files import kept, name_of, read_array, write_array
from firth.messages import counted
from firth.vectors import KeyedVectors
from firth.vectors.alignment import Alignment
from firth.vectors.cosines import cosine
from firth.vectors.neighbourhoods import neighbourhoods, overlaps
from firth.vectors.search import TopRows

MOST_COMPARED = 30_000
_NEIGHBOURS = 10


class Neighbours(NamedTuple):
    """The nearest words of each of n words in both models, and the (n,) shares that they have in common."""

    one: TopRows
    other: TopRows
    kept: NDArray[np.float64]


class Comparison:
    """Compares `other` with `one`: the 30,000 most frequent words of `one` that both have, in its order.

    Any thread may call its methods. Raises `OptionError` if the two have no word in common.
    """

    def __init__(self, one: Explored, other: Explored):
        self.one, self.other = one, other
        self._computations = Computations()
        rows_of_other = {word: row for row, word in enumerate(other.words)}  # faster than packed words, and dropped
        shared = [row for row, word in enumerate(one.words) if word in rows_of_other]
        if not shared:
            raise OptionError(
                f"{one.name} and {other.name} have no word in common ({counted(len(one.words), 'word')} and "
                f"{counted(len(other.words), 'word')}): give models of the same language and kind of keys"
            )
        self.shared = len(shared)
        rows = np.array(shared[:MOST_COMPARED])
        self.words = [one.words[row] for row in rows]
        self._vectors = _selected(one, rows), _selected(other, np.array([rows_of_other[word] for word in self.words]))

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each word that is compared."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def alignment(self) -> Alignment[KeyedVectors] | None:
        """The second model rotated onto the first; None if their vectors have different sizes."""
        one, other = self._vectors
        return other.align(one) if one.vector_size == other.vector_size else None

    def neighbours(self) -> Neighbours | float:
        """Return the neighbours of all words, or the share of the work that is done."""
        found: Neighbours | float = self._computations.result("neighbours", self._search)
        return found

    def _search(self, progress: Progress) -> Neighbours:
        one, other = (
            _nearest(vectors, part_of(progress, part / 2, part / 2 + 0.5)) for part, vectors in enumerate(self._vectors)
        )
        return Neighbours(one, other, overlaps(one.rows, other.rows))

    def points(self, name: str) -> maps.Points | float:
        """Return the (2 n, 2) points of the words in the first model, then in the second, or the share that is done."""
        check_name("map", name, MAPS)
        compute = self._map if name == "pca" else self._kept_map
        points: maps.Points | float = self._computations.result(f"map {name}", lambda progress: compute(name, progress))
        return points

    def _kept_map(self, name: str, progress: Progress) -> maps.Points:
        """Return the map that was kept in a file, or a new one."""
        return kept(name_of(*self._vectors), "both", "<u2", lambda: self._map(name, progress))

    def _map(self, name: str, progress: Progress) -> maps.Points:
        one, other = self._vectors
        near = None if name == "pca" else self._found(part_of(progress, 0, 0.4))
        layout = part_of(progress, 0.4, 1)
        if self.alignment is None:
            first = _positions(one, one, near and near.one, layout)
            return np.concatenate(
                [maps.quantised(first), maps.quantised(_positions(other, other, near and near.other, layout))]
            )
        rows = np.concatenate([one.vectors, self.alignment.vectors.vectors])
        both = KeyedVectors.trusted([*range(len(rows))], rows)
        return maps.quantised(_positions(one, both, near and near.one, layout))

    def _found(self, progress: Progress) -> Neighbours:
        found = self.neighbours()
        return self._search(progress) if isinstance(found, float) else found

    def similarity(self, row: int) -> float | None:
        """Return the cosine of a word's two vectors, after alignment."""
        if self.alignment is None:
            return None
        return cosine(self._vectors[0].vectors[row], self.alignment.vectors.vectors[row])

    def close(self) -> None:
        """End what is being computed."""
        self._computations.close()


def _nearest(vectors: KeyedVectors, progress: Progress) -> TopRows:
    """Return the nearest rows of each word among all: those that were kept in files, or new ones."""
    name = name_of(vectors)
    rows, cosines = read_array(name, "near", "<i4"), read_array(name, "cosines", "<f4")
    if rows is None or cosines is None:
        found = neighbourhoods(vectors, len(vectors), _NEIGHBOURS, progress)
        rows, cosines = found.rows.astype("<i4"), found.scores.astype("<f4")
        write_array(name, "near", rows)
        write_array(name, "cosines", cosines)
    return TopRows(cosines, rows)


def _selected(explored: Explored, rows: NDArray[np.intp]) -> KeyedVectors:
    return KeyedVectors.trusted([explored.words[row] for row in rows], explored.vectors.vectors[rows])


def _positions(first: KeyedVectors, vectors: KeyedVectors, near: TopRows | None, progress: Progress) -> Any:
    """Return positions of `vectors` on a map that `first`, with which they begin, decides.

    near  the nearest rows of each of `first`; None for the map by principal axes
    """
    start = maps.pca_positions(vectors, maps.principal_axes(first))
    return start if near is None else neighbour_layout(vectors, near.rows, start, progress)
