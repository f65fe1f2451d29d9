"""What the page of a training run shows: the records of its epochs, and how words move and which are near.

The thread that trains calls the feed after every epoch; the threads of the server read it. Positions are those of
some frequent words on the two principal axes of their latest unit vectors, in all epochs, so that a word that does
not move in the space does not move on the page.
"""

import json
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.vectors.cosines import largest

if TYPE_CHECKING:
    from firth.model import Word2Vec

TRACKED = 200
"""Words on the picture, spread evenly over the first 3,000."""

SEARCHED = 30_000
"""The most frequent words, among which neighbours are searched."""

NEIGHBOURS = 8
MOST_PINS = 12
_TRACKED_AMONG = 3000
_FREQUENT = 1000  # the words pinned at first are among them
_MOST_FRAMES = 100  # above, every second one is dropped
_SHARE_OF_TIME = 0.02  # of training; an epoch is only recorded if frames would take more
_PICTURE = 1000  # positions are whole numbers from -1,000 to 1,000

FloatArray = NDArray[np.floating[Any]]
Neighbours = list[tuple[str, float]]


class Frame(NamedTuple):
    """The words after an epoch: unit vectors of those tracked, float16, and the neighbours of those pinned."""

    epoch: int
    units: NDArray[np.float16]
    neighbours: dict[str, Neighbours | None]


class TrainingFeed:
    """The state of a page; a callback of `Word2Vec.fit`."""

    def __init__(self, name: str):
        self.version = 0
        self.ended = ""
        self._name, self._lock = name, Lock()
        self._started, self._spent = time.perf_counter(), 0.0
        self._epochs, self._line = 0, ""
        self._records: list[dict[str, float | None]] = []
        self._frames: list[Frame] = []
        self._words: list[str] = []
        self._units: FloatArray = np.zeros((0, 0), np.float32)
        self._pins: list[str] | None = None
        self._axes: FloatArray | None = None
        self._placed: tuple[list[int], list[list[int]]] = [], []
        self._text = -1, ""

    # --- the thread that trains

    def __call__(self, model: "Word2Vec") -> None:
        """Note an epoch, and show its words unless that would take more than 2 % of the time."""
        began = time.perf_counter()
        with self._lock:
            self._epochs = max(model.options.epochs, len(model.history))
            self._records = [record.to_dict() for record in model.history]
            if self._may_look(began):
                self._look(model)
            self.version += 1
        self._spent += time.perf_counter() - began

    def _may_look(self, now: float) -> bool:
        is_last = self._records[-1]["epoch"] == self._epochs
        return is_last or self._spent <= _SHARE_OF_TIME * (now - self._started)

    def _look(self, model: "Word2Vec") -> None:
        vectors = model.wv
        n = min(len(vectors), SEARCHED)
        self._words = self._words or [str(key) for key in vectors.index_to_key[:n]]
        self._units = vectors.unit_rows(np.arange(n))
        if not np.isfinite(self._units.sum()):
            np.nan_to_num(self._units, copy=False, nan=0, posinf=0, neginf=0)
        if self._pins is None:
            self._pins = self._words[:_FREQUENT][25::200]
        neighbours = {word: self._neighbours(word) for word in self._pins}
        self._frames.append(Frame(model.history[-1].epoch, self._units[self._tracked].astype(np.float16), neighbours))
        if len(self._frames) > _MOST_FRAMES:
            del self._frames[1:-1:2]

    def note(self, line: str) -> None:
        """Show a line of progress."""
        with self._lock:
            self._line = line
            self.version += 1

    def end(self, reason: str) -> None:
        """Note that the run is over."""
        with self._lock:
            self.version += 1  # first: whoever reads that the run has ended finds a new version
            self.ended = reason

    # --- the threads of the server

    def pin(self, word: str, *, pinned: bool) -> None:
        """Show the neighbours of a word from the latest epoch on, or no longer; raise `OptionError` for too many."""
        with self._lock:
            pins = [other for other in self._pins or [] if other != word]
            if pinned and len(pins) == MOST_PINS:
                raise OptionError(f"at most {MOST_PINS} words can be pinned: unpin one first")
            self._pins = [*pins, word] if pinned else pins
            if self._frames and pinned:
                self._frames[-1].neighbours[word] = self._neighbours(word)
            self.version += 1

    def text(self) -> str:
        """Return the state as JSON, made once for each version: every tab asks for it."""
        if self._text[0] != self.version:
            version = self.version
            self._text = version, json.dumps(self.state(), allow_nan=False, separators=(",", ":"))
        return self._text[1]

    def state(self) -> dict[str, Any]:
        """Return all that the page shows, for JSON."""
        with self._lock:
            return {
                "name": self._name,
                "epochs": self._epochs,
                "ended": self.ended,
                "line": self._line,
                "records": self._records,
                "tracked": [self._words[row] for row in self._tracked.tolist()],
                "pins": self._pins or [],
                "frames": [
                    {"epoch": frame.epoch, "neighbours": dict(frame.neighbours), "points": points}
                    for frame, points in zip(self._frames, self._positions(), strict=True)
                ],
            }

    @property
    def _tracked(self) -> NDArray[np.intp]:
        """The rows of the tracked words."""
        n = min(len(self._words), _TRACKED_AMONG)
        return np.unique(np.linspace(0, n - 1, min(n, TRACKED)).astype(np.intp)) if n else np.zeros(0, np.intp)

    def _neighbours(self, word: str) -> Neighbours | None:
        """Return the words with the largest cosines, or None for a word that is not among those searched."""
        if word not in self._words:
            return None
        row = self._words.index(word)
        cosines = self._units @ self._units[row]
        cosines[row] = -np.inf
        return [(self._words[other], round(float(cosines[other]), 4)) for other in largest(cosines, NEIGHBOURS)]

    def _positions(self) -> list[list[int]]:
        """Return x, y, x, y ... of the tracked words for each frame."""
        shown = [frame.epoch for frame in self._frames]
        if shown != self._placed[0]:
            self._placed = shown, self._computed_positions()
        return self._placed[1]

    def _computed_positions(self) -> list[list[int]]:
        self._axes = plane_axes(self._frames[-1].units.astype(np.float32), self._axes)
        points = [frame.units.astype(np.float32) @ self._axes for frame in self._frames]
        center = (points[-1].max(axis=0) + points[-1].min(axis=0)) / 2
        extent = max(1e-9, *(float(np.abs(each - center).max()) for each in points))
        return [np.round((each - center) * (_PICTURE / extent)).astype(int).ravel().tolist() for each in points]


def plane_axes(units: FloatArray, before: FloatArray | None) -> FloatArray:
    """Return the two principal axes of (n, D) vectors, (D, 2), turned so that the picture changes least.

    Among all rotations and reflections R, that of axes R with the least sum of squares |X axes R - X before|² comes
    from the singular vectors of (X axes)ᵀ X before (Schönemann 1966).
    """
    centred = units - units.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    axes = np.zeros((units.shape[1], 2), units.dtype)
    axes[:, : min(2, len(directions))] = directions[:2].T
    if before is None:
        return axes
    left, _, right = np.linalg.svd((centred @ axes).T @ (centred @ before))
    turned: FloatArray = axes @ (left @ right)
    return turned
