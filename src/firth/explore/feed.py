"""What the page of a training run shows: the records of its epochs, and how words move and which are near.

After an epoch the thread that trains copies some rows and replaces one reference. It takes no lock, so it never waits
for the page. The threads of the server compute the rest, once for all tabs, and only while a tab is open. Both sides
limit their share of the time.
"""

import json
import time
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.explore.epochs import Frame, Neighbours, Pictures, SearchedWords

if TYPE_CHECKING:
    from firth.model import Word2Vec
    from firth.training.loop.trainer import EpochRecord
    from firth.vectors import KeyedVectors

TRACKED = 200
"""Words on the picture, spread evenly over the first 3,000."""

SEARCHED = 30_000
"""The most frequent words, among which neighbours are searched."""

MOST_PINS = 12
_TRACKED_AMONG = 3000
_FREQUENT = 1000  # the words pinned at first are among them
_MOST_FRAMES = 100  # above, every second one is dropped
_SHARE_OF_TIME = 0.01  # for the copies; an epoch is only recorded if they would take more
_SHARE_OF_ONE_CORE = 0.01  # for the states; another is made later if they would take more


class Snapshot(NamedTuple):
    """Everything that the thread that trains has handed over. It never changes: the next epoch makes another."""

    number: int = 0
    epochs: int = 0
    records: tuple["EpochRecord", ...] = ()
    words: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    searched: SearchedWords | None = None

    @property
    def tracked(self) -> NDArray[np.intp]:
        """The rows of the tracked words."""
        n = min(len(self.words), _TRACKED_AMONG)
        return np.unique(np.linspace(0, n - 1, min(n, TRACKED)).astype(np.intp)) if n else np.zeros(0, np.intp)


class Changes(NamedTuple):
    """What a state is made of; a state is made again when one of these differs."""

    ended: str
    pins: tuple[str, ...] | None
    run: int
    line: str


class PageState(NamedTuple):
    """All that the page shows, as JSON."""

    made_of: Changes
    text: str


class TrainingFeed:
    """The state of a page; a callback of `Word2Vec.fit`."""

    def __init__(self, name: str):
        self.ended = ""
        self._name, self._line = name, ""
        self._run = Snapshot()
        self._started, self._spent = time.perf_counter(), 0.0
        self._is_copy_wanted = False  # true once a tab has seen the last one
        # the rest belongs to the threads of the server
        self._lock = Lock()
        self._pins: tuple[str, ...] | None = None
        self._neighbours: dict[int, dict[str, Neighbours | None]] = {}
        self._pictures = Pictures()
        self._state, self._next_state = PageState(Changes("", None, -1, ""), ""), 0.0

    # --- the thread that trains

    def __call__(self, model: "Word2Vec") -> None:
        """Record an epoch, and copy its vectors unless that would take more than 1 % of the time."""
        began, before = time.perf_counter(), self._run
        epochs = max(model.options.epochs, len(model.history))
        run = before._replace(number=before.number + 1, epochs=epochs, records=tuple(model.history))
        is_last = run.records[-1].epoch == epochs
        if is_last or self._spent <= _SHARE_OF_TIME * (began - self._started):
            run = self._with_vectors(run, model.wv, search=is_last or self._is_copy_wanted)
        self._run = run
        self._spent += time.perf_counter() - began

    def _with_vectors(self, run: Snapshot, vectors: "KeyedVectors", *, search: bool) -> Snapshot:
        """Return what is handed over with a frame of this epoch, and with a copy of the words to search if wanted."""
        n, epoch = min(len(vectors), SEARCHED), run.records[-1].epoch
        run = run._replace(words=run.words or tuple(map(str, vectors.index_to_key[:n])))
        frames = (*run.frames, Frame(epoch, vectors.unit_rows(run.tracked).astype(np.float16)))
        if search:
            self._is_copy_wanted = False
            run = run._replace(searched=SearchedWords(epoch, run.words, np.array(vectors.vectors[:n])))
        return run._replace(frames=frames if len(frames) <= _MOST_FRAMES else (frames[0], *frames[2::2]))

    def note(self, line: str) -> None:
        """Show a line of progress."""
        self._line = line

    def end(self, reason: str) -> None:
        """Note that the run is over."""
        self.ended = reason

    # --- the threads of the server

    def pin(self, word: str, *, pinned: bool) -> None:
        """Show the neighbours of a word from the latest epoch on, or no longer; raise `OptionError` for too many."""
        with self._lock:
            pins = [other for other in self._pinned(self._run) if other != word]
            if pinned and len(pins) == MOST_PINS:
                raise OptionError(f"at most {MOST_PINS} words can be pinned: unpin one first")
            self._pins = (*pins, word) if pinned else tuple(pins)

    def _pinned(self, run: Snapshot) -> tuple[str, ...]:
        return run.words[:_FREQUENT][25::200] if self._pins is None else self._pins

    def state(self) -> PageState:
        """Return the state, made again if something changed and that takes less than 1 % of the time.

        The end and another choice of pins are shown at once.
        """
        with self._lock:
            run = self._run
            changes = Changes(self.ended, self._pins, run.number, self._line)
            is_due = changes[:2] != self._state.made_of[:2] or time.perf_counter() >= self._next_state
            if is_due and changes != self._state.made_of:
                began = time.thread_time()
                text = json.dumps(self._content(run, changes), allow_nan=False, separators=(",", ":"))
                self._state, self._is_copy_wanted = PageState(changes, text), True
                self._next_state = time.perf_counter() + (time.thread_time() - began) / _SHARE_OF_ONE_CORE
            return self._state

    def _content(self, run: Snapshot, changes: Changes) -> dict[str, Any]:
        self._search(run)
        neighbours = self._neighbours_of(run.frames)
        return {
            "name": self._name,
            "epochs": run.epochs,
            "ended": changes.ended,
            "line": changes.line,
            "records": [record.to_dict() for record in run.records],
            "tracked": [run.words[row] for row in run.tracked.tolist()],
            "pins": self._pinned(run),
            "frames": [
                {"epoch": frame.epoch, "neighbours": neighbours[frame.epoch], "points": points}
                for frame, points in zip(run.frames, self._pictures.points(run.frames), strict=True)
            ],
        }

    def _search(self, run: Snapshot) -> None:
        """Search the neighbours of the pinned words after the epoch that was copied last."""
        if run.searched is not None:
            known = self._neighbours.setdefault(run.searched.epoch, {})
            known.update({word: run.searched.neighbours(word) for word in self._pinned(run) if word not in known})

    def _neighbours_of(self, frames: tuple[Frame, ...]) -> dict[int, dict[str, Neighbours | None]]:
        """Return the neighbours to show with each frame; one that was dropped leaves its own to the next."""
        shown: dict[int, dict[str, Neighbours | None]] = {frame.epoch: {} for frame in frames}
        for epoch, known in sorted(self._neighbours.items()):
            shown[_first_from(epoch, shown)].update(known)
        return shown


def _first_from(epoch: int, epochs: Iterable[int]) -> int:
    """Return the first of ascending epochs that is not before `epoch`."""
    return next(each for each in epochs if each >= epoch)
