"""TileShares: which member of a cluster owns which tiles of the vocabulary, in a training run on the exact softmax."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firth.training.loop.engine import Matrix
from firth.training.softmax import exact


class TileShares:
    """The words of each member: consecutive whole tiles. Tiles do not depend on the number of members.

    A member owns the rows of both matrices of its words, and of the counts n(c, o) the columns o that are its words.
    """

    def __init__(self, V: int, members: int):
        self._V, self.members = V, members

    @cached_property
    def _starts(self) -> list[int]:
        """The first word of each member, and V."""
        tiles = -(-self._V // exact.TILE_WORDS)
        return [min(self._V, member * tiles // self.members * exact.TILE_WORDS) for member in range(self.members + 1)]

    def words(self, member: int) -> range:
        """Return the words of a member."""
        return range(self._starts[member], self._starts[member + 1])

    def owners(self, words: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the member that owns each of some words."""
        return np.searchsorted(self._starts, words, side="right") - 1

    def tiles(self, member: int | None = None) -> dict[int, slice]:
        """Return where each tile of a member, or of all, lies among its words."""
        words = range(self._V) if member is None else self.words(member)
        firsts = range(words.start, words.stop, exact.TILE_WORDS)
        ends = (min(first + exact.TILE_WORDS, words.stop) - words.start for first in firsts)
        return {
            first // exact.TILE_WORDS: slice(first - words.start, end) for first, end in zip(firsts, ends, strict=True)
        }


def by_tile(matrix: Matrix, tiles: dict[int, slice]) -> dict[int, Matrix]:
    """Return the rows of each tile of a matrix."""
    return {tile: matrix[rows] for tile, rows in tiles.items()}
