"""The maps of one model and the properties by which words are coloured, each computed when it is first asked for."""

from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.explore import maps
from firth.explore.explored import Explored

MAPS = ("pca",)
COLOURS = ("norm",)


class Scale(NamedTuple):
    """A property of each word as (V,) uint8, and the values that 0 and 255 stand for."""

    values: NDArray[np.uint8]
    low: float
    high: float


class Atlas:
    """The maps of a model. Any thread may call its methods."""

    def __init__(self, explored: Explored):
        self._explored = explored
        self._lock = Lock()
        self._pca: maps.Points | None = None
        self._norm: Scale | None = None

    def points(self, name: str) -> maps.Points | float:
        """Return the points of a map, or the share of the work that is done; raise `OptionError` for no map."""
        _check("map", name, MAPS)
        with self._lock:
            if self._pca is None:
                vectors = self._explored.vectors
                self._pca = maps.quantised(maps.pca_positions(vectors, maps.principal_axes(vectors)))
            return self._pca

    def colours(self, name: str, map_name: str) -> Scale | float:
        """Return a property of each word; raise `OptionError` for an unknown one."""
        _check("of", name, COLOURS)
        with self._lock:
            if self._norm is None:
                self._norm = scaled(self._explored.vectors.norms)
            return self._norm

    def missed(self, name: str, row: int, neighbours: list[int]) -> list[int]:
        """Return those of a word's true neighbours that are far from it on a map; all of none until there is one."""
        points = self.points(name)
        return [] if isinstance(points, float) else maps.missed(points, row, neighbours)


def scaled(values: NDArray[np.floating[Any]]) -> Scale:
    """Return values as bytes, from the 1st to the 99th percentile; values beyond them get the nearest colour."""
    finite = values[np.isfinite(values)]
    low, high = (float(part) for part in np.percentile(finite, [1, 99])) if len(finite) else (0.0, 0.0)
    shares = np.nan_to_num((values - low) / max(high - low, 1e-30), nan=0, posinf=1, neginf=0)
    return Scale(np.round(np.clip(shares, 0, 1) * 255).astype(np.uint8), low, high)


def _check(argument: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise OptionError(f"{argument}={name[:40]!r} is unknown: give one of {', '.join(map(repr, known))}")
