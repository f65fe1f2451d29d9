"""TileShares: which member of a cluster owns which words, in a training run on the exact softmax."""

import numpy as np
from numpy.typing import NDArray

from firth.cluster.row_files import MATRICES, Shape
from firth.cluster.setup import Setup
from firth.training.loop.engine import Matrix
from firth.training.softmax import exact
from firth.training.softmax.stages import WARM
from firth.training.softmax.steps import MOMENTS

INVERSE = "inverse_curvature"


class TileShares:
    """The words of each member: consecutive whole tiles. Tiles do not depend on the number of members.

    A member owns the rows of both matrices of its words, and of the counts n(c, o) the columns o that are its words.
    """

    def __init__(self, setup: Setup):
        self.members = setup.members
        self._bounds = np.array(setup.word_bounds)

    def words(self, member: int) -> range:
        """Return the words of a member."""
        return range(int(self._bounds[member]), int(self._bounds[member + 1]))

    def owners(self, words: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the member that owns each of some words."""
        return np.searchsorted(self._bounds, words, side="right") - 1


def tile_slices(words: range) -> dict[int, slice]:
    """Return the number of each tile of some words, whole tiles, and where it lies among them."""
    firsts = range(words.start, words.stop, exact.TILE_WORDS)
    ends = (min(first + exact.TILE_WORDS, words.stop) for first in firsts)
    return {
        first // exact.TILE_WORDS: slice(first - words.start, end - words.start)
        for first, end in zip(firsts, ends, strict=True)
    }


def saved_shapes(setup: Setup, stage: str, words: range) -> dict[str, dict[int, Shape]]:
    """Return by matrix the shape of each block that a checkpoint of a stage has of some words: their tiles.

    That of the passes also has the inverse curvature, in one block.
    """
    D = setup.options.vector_size
    shapes = {tile: (rows.stop - rows.start, D) for tile, rows in tile_slices(words).items()}
    if stage == WARM:
        return dict.fromkeys(MATRICES, shapes)
    return dict.fromkeys((*MATRICES, *MOMENTS), shapes) | {INVERSE: {0: (D, D)}}


def by_tile(matrix: Matrix, tiles: dict[int, slice]) -> dict[int, Matrix]:
    """Return the rows of each tile of a matrix."""
    return {tile: matrix[rows] for tile, rows in tiles.items()}
