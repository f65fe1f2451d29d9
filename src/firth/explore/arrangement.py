"""The neighbours of all words and the map by them, computed once for each model and then kept on disk."""

from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.explore import maps
from firth.explore.computation import Progress, part_of
from firth.explore.layout import nearest_rows, neighbour_layout
from firth.explore.map_files import kept, name_of, write_array
from firth.vectors import KeyedVectors

_SEARCH_SHARE = 0.4  # of the time that the map by neighbours takes
FloatArray = NDArray[np.floating[Any]]


class Arrangement:
    """What is computed from the neighbours of the words of `vectors`. Any thread may call its methods."""

    def __init__(self, vectors: KeyedVectors):
        self._vectors = vectors
        self._search = Lock()
        self._rows: NDArray[np.int32] | None = None

    @cached_property
    def _name(self) -> str:
        return name_of(self._vectors)

    def neighbours(self, progress: Progress) -> NDArray[np.int32]:
        """Return the (n, k) rows of the ten nearest words of each word that is arranged; search them once."""
        with self._search:
            if self._rows is None:
                self._rows = kept(self._name, "near", "<i4", lambda: self._searched(progress))
            return self._rows

    def _searched(self, progress: Progress) -> NDArray[Any]:
        found = nearest_rows(self._vectors, progress)
        write_array(self._name, "density", _means(found.scores).astype("<f4"))
        return found.rows

    def points(self, start: Callable[[], FloatArray], progress: Progress = maps.silent) -> maps.Points:
        """Return the map by neighbours: that which was kept, or a new one from the positions that `start` returns."""
        return kept(self._name, "map", "<u2", lambda: self._layout(start(), progress))

    def _layout(self, start: FloatArray, progress: Progress) -> maps.Points:
        near = self.neighbours(part_of(progress, 0, _SEARCH_SHARE))
        return maps.quantised(neighbour_layout(self._vectors, near, start, part_of(progress, _SEARCH_SHARE, 1)))

    def density(self, progress: Progress) -> FloatArray:
        """Return the (n,) mean cosines of each word with its ten nearest; NaN where there are none."""
        return kept(self._name, "density", "<f4", lambda: _means(nearest_rows(self._vectors, progress).scores))

    def errors(self, name: str, points: maps.Points, progress: Progress) -> FloatArray:
        """Return the (n,) errors of the map with this name, see `maps.errors`."""
        near = self.neighbours(part_of(progress, 0, 0.8))
        end = part_of(progress, 0.8, 1)
        return kept(self._name, f"{name}-error", "<f4", lambda: maps.errors(points[: len(near)], near, end))


def _means(cosines: FloatArray) -> FloatArray:
    """Return the (n,) means of (n, k) cosines; NaN where there are none."""
    return np.mean(cosines, axis=1) if cosines.shape[1] else np.full(len(cosines), np.nan)
