"""The maps of one model and the properties by which words are coloured, each computed when it is first asked for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.explore import maps
from firth.explore.arrangement import Arrangement
from firth.explore.computation import Computations, Progress, part_of
from firth.explore.explored import Explored

MAPS = ("pca", "neighbours")
COLOURS = ("norm", "density", "stability", "error")
FloatArray = NDArray[np.floating[Any]]


class Scale(NamedTuple):
    """A property of each word as (V,) uint8, the values that 0 and 255 stand for, and of how many words it is known."""

    values: NDArray[np.uint8]
    low: float
    high: float
    known: int


class Atlas:
    """The maps of a model. Any thread may call its methods."""

    def __init__(self, explored: Explored):
        self._explored = explored
        self._arrangement = Arrangement(explored.vectors)
        self._computations = Computations()

    def prepare(self) -> None:
        """Start what the browser will ask for in a moment."""
        self._computations.result("pca", self._principal, wait=0)

    def points(self, name: str) -> maps.Points | float:
        """Return the points of a map, or the share of the work that is done; raise `OptionError` for no map.

        The map by principal axes takes a moment, and is waited for.
        """
        check_name("map", name, MAPS)
        points: maps.Points | float = (
            self._computations.result("pca", self._principal, wait=None)
            if name == "pca"
            else self._computations.result("map", self._arranged)
        )
        return points

    def colours(self, of: str, name: str = "pca") -> Scale | float:
        """Return a property of each word, or the share that is computed; raise `OptionError` for an unknown one.

        The error is that of the map with this name: the share of a word's ten true neighbours that are not among its
        50 nearest points. Density is the mean cosine of a word with its ten nearest words.
        """
        check_name("of", of, COLOURS)
        check_name("map", name, MAPS)
        compute: dict[str, Callable[[Progress], Scale]] = {
            "norm": lambda progress: scaled(self._explored.vectors.norms),
            "density": self._density,
            "stability": lambda progress: _share_scale(self._stability()),
            "error": lambda progress: self._error(name, progress),
        }
        scale: Scale | float = self._computations.result(f"{of} {name}" if of == "error" else of, compute[of])
        return scale

    def close(self) -> None:
        """End what is being computed."""
        self._computations.close()

    def _stability(self) -> FloatArray:
        if self._explored.stability is None:
            raise OptionError("the stability of words is not known: start firth explore with --stability")
        return self._explored.stability

    # --- in the threads of computations

    def _principal(self, progress: Progress) -> maps.Points:
        return maps.quantised(self._pca_positions(progress))

    def _pca_positions(self, progress: Progress) -> maps.FloatArray:
        vectors = self._explored.vectors
        return maps.pca_positions(vectors, maps.principal_axes(vectors, progress), progress)

    def _arranged(self, progress: Progress) -> maps.Points:
        return self._arrangement.points(lambda: self._pca_positions(part_of(progress, 0, 0)), progress)

    def _density(self, progress: Progress) -> Scale:
        return scaled(self._arrangement.density(progress), len(self._explored.vectors))

    def _error(self, name: str, progress: Progress) -> Scale:
        """Return the errors of a map; those of the map by neighbours first wait for it."""
        points: Any = self._arranged(part_of(progress, 0, 0.9)) if name == "neighbours" else self.points("pca")
        errors = self._arrangement.errors(name, points, part_of(progress, 0.9, 1))
        return _share_scale(errors, len(self._explored.vectors))


def scaled(values: FloatArray, V: int | None = None) -> Scale:
    """Return values as bytes, from the 1st to the 99th percentile; values beyond them get the nearest colour.

    Of V words the values may be those of the first few; the others get 0.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(part) for part in np.percentile(finite, [1, 99])) if len(finite) else (0.0, 0.0)
    return _as_bytes(values, low, high, len(values) if V is None else V)


def _share_scale(values: FloatArray, V: int | None = None) -> Scale:
    """Return shares from 0 to 1 as bytes; NaN is unknown."""
    return _as_bytes(values, 0, 1, len(values) if V is None else V)


def _as_bytes(values: FloatArray, low: float, high: float, V: int) -> Scale:
    shares = np.nan_to_num((values - low) / max(high - low, 1e-30), nan=0, posinf=1, neginf=0)
    whole = np.zeros(V, np.uint8)
    whole[: len(values)] = np.round(np.clip(shares, 0, 1) * 255)
    return Scale(whole, low, high, int(np.isfinite(values).sum()))


def check_name(argument: str, name: str, known: tuple[str, ...]) -> None:
    """Raise `OptionError` if a name is not among the known ones."""
    if name not in known:
        raise OptionError(f"{argument}={name[:40]!r} is unknown: give one of {', '.join(map(repr, known))}")
