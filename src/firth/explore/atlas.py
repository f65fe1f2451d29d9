"""The maps of one model and the properties by which words are coloured, each computed when it is first asked for."""

from threading import Event, Lock, Thread
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.explore import maps
from firth.explore.explored import Explored
from firth.explore.layout import neighbour_layout
from firth.explore.map_files import name_of, read_map, write_map

MAPS = ("pca", "neighbours")
COLOURS = ("norm",)


class Scale(NamedTuple):
    """A property of each word as (V,) uint8, and the values that 0 and 255 stand for."""

    values: NDArray[np.uint8]
    low: float
    high: float


class _StoppedError(Exception):
    """The explorer ends."""


class Arrangement(Thread):
    """Computes the map by neighbours in a thread of its own, or reads it if it was computed before."""

    def __init__(self, explored: Explored, start: maps.FloatArray):
        super().__init__(name="explorer-map", daemon=True)
        self._vectors, self._start = explored.vectors, start
        self._ending = Event()
        self.share = 0.0
        self.points: maps.Points | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        """Compute the points, until `stop` is called."""
        try:
            self.points = self._compute()
        except _StoppedError:
            return
        except Exception as error:  # raised again for whoever asks for the map
            self.error = error

    def _compute(self) -> maps.Points:
        name = name_of(self._vectors)
        points = read_map(name, len(self._vectors))
        if points is None:
            points = maps.quantised(neighbour_layout(self._vectors, self._start, self._report))
            write_map(name, points)
        return points

    def _report(self, share: float) -> None:
        if self._ending.is_set():
            raise _StoppedError
        self.share = share

    def stop(self) -> None:
        """End the computation, and wait for it."""
        self._ending.set()
        if self.is_alive():
            self.join(1)


class Atlas:
    """The maps of a model. Any thread may call its methods."""

    def __init__(self, explored: Explored):
        self._explored = explored
        self._lock = Lock()
        self._pca: maps.Points | None = None
        self._arrangement: Arrangement | None = None
        self._norm: Scale | None = None

    def points(self, name: str) -> maps.Points | float:
        """Return the points of a map, or the share of the work that is done; raise `OptionError` for no map."""
        _check("map", name, MAPS)
        with self._lock:
            return self._principal() if name == "pca" else self._arranged()

    def _principal(self) -> maps.Points:
        if self._pca is None:
            self._pca = maps.quantised(self._pca_positions())
        return self._pca

    def _pca_positions(self) -> maps.FloatArray:
        vectors = self._explored.vectors
        return maps.pca_positions(vectors, maps.principal_axes(vectors))

    def _arranged(self) -> maps.Points | float:
        if self._arrangement is None:
            self._arrangement = Arrangement(self._explored, self._pca_positions())
            self._arrangement.start()
        if self._arrangement.error is not None:
            raise self._arrangement.error
        return self._arrangement.share if self._arrangement.points is None else self._arrangement.points

    def colours(self, name: str) -> Scale:
        """Return a property of each word; raise `OptionError` for an unknown one."""
        _check("of", name, COLOURS)
        with self._lock:
            if self._norm is None:
                self._norm = scaled(self._explored.vectors.norms)
            return self._norm

    def missed(self, name: str, row: int, neighbours: list[int]) -> list[int]:
        """Return those of a word's true neighbours that are far from it on a map; none until there is one."""
        points = self.points(name)
        return [] if isinstance(points, float) else maps.missed(points, row, neighbours)

    def close(self) -> None:
        """End what is being computed."""
        if self._arrangement is not None:
            self._arrangement.stop()


def scaled(values: NDArray[np.floating[Any]]) -> Scale:
    """Return values as bytes, from the 1st to the 99th percentile; values beyond them get the nearest colour."""
    finite = values[np.isfinite(values)]
    low, high = (float(part) for part in np.percentile(finite, [1, 99])) if len(finite) else (0.0, 0.0)
    shares = np.nan_to_num((values - low) / max(high - low, 1e-30), nan=0, posinf=1, neginf=0)
    return Scale(np.round(np.clip(shares, 0, 1) * 255).astype(np.uint8), low, high)


def _check(argument: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise OptionError(f"{argument}={name[:40]!r} is unknown: give one of {', '.join(map(repr, known))}")
