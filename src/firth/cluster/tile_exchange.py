"""What members of a cluster send to each other while they train the exact softmax; each has some tiles of the words.

All members make the same calls in the same order, and so number them alike: the numbers are parts of the keys. The
last member is the root: it gets the sums over all tiles, and computes the steps of the centers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import ROWS, Exchange, Key
from firth.cluster.tiles import TileShares
from firth.training.loop.engine import Matrix
from firth.training.softmax.exact import Combiner, Doubles, Floats, Ids, TileScores, normalised


class TileExchange(Combiner):
    """Combines what the tiles of all members yield, and moves rows of centers.

    gives_results  whether this member is the root
    """

    is_alone = False

    def __init__(self, shares: TileShares, exchange: Exchange):
        self._shares, self._exchange = shares, exchange
        self._me, self._root = exchange.number, exchange.members - 1
        self.gives_results = self._me == self._root
        self._calls = 0

    def normalise(self, scores: TileScores, totals: Doubles) -> tuple[Doubles, Floats]:
        """Return the losses, NaN except at the root, and the scales of this member's tiles."""
        key = self._next("scores")
        if not self.gives_results:
            for name, array in scores._asdict().items():
                self._exchange.send(self._root, (*key, name, self._me), array)
            return np.full(len(totals), np.nan), self._exchange.take(key)
        parts = [self._scores_of(member, key) for member in range(self._root)] + [scores]
        losses, scales = normalised(TileScores(*map(np.concatenate, zip(*parts, strict=True))), totals)
        first = 0
        for member, part in enumerate(parts[:-1]):
            self._exchange.send(member, key, scales[first : first + len(part.tops)])
            first += len(part.tops)
        return losses, scales[first:]

    def _scores_of(self, member: int, key: Key) -> TileScores:
        return TileScores(*(self._exchange.take((*key, name, member)) for name in TileScores._fields))

    def total(self, add_to: Callable[[NDArray[Any] | None], NDArray[Any]]) -> NDArray[Any]:
        """Return a sum over all tiles, NaN except at the root; it passes from member to member, and all add to it."""
        key = self._next("total")
        total = add_to(self._exchange.take(key) if self._me else None)
        if self.gives_results:
            return total
        self._exchange.send(self._me + 1, key, total)
        return np.full_like(total, np.nan)

    def gather(self, words: Ids, own: Matrix) -> Matrix:
        """Return the rows of some words, on every member; `own` are the rows of this member's words."""
        key, owners = self._next("gather"), self._shares.owners(words)
        rows = np.empty((len(words), own.shape[1]), np.float32)
        mine = owners == self._me
        rows[mine] = sent = own[words[mine] - self._first]
        for member in self._others():
            self._exchange.send(member, (*key, self._me), sent)
        for member in self._others():
            rows[owners == member] = self._exchange.take((*key, member))
        return rows

    def scatter(self, words: Ids, rows: Matrix, own: Matrix) -> None:
        """Copy the root's rows of some words into `own`, the rows of the words of each member."""
        key, owners = self._next("scatter"), self._shares.owners(words)
        if self.gives_results:
            for member in self._others():
                self._exchange.send(member, key, rows[owners == member])
        mine = owners == self._me
        own[words[mine] - self._first] = rows[mine] if self.gives_results else self._exchange.take(key)

    def give(self, matrix: Matrix | None, own: Matrix) -> None:
        """Copy a whole matrix, which one member has and the others do not, into the rows `own` of each."""
        key = self._next("give")
        if matrix is not None:
            for member in range(self._shares.members):
                words = self._shares.words(member)
                self._exchange.send(member, key, np.ascontiguousarray(matrix[words.start : words.stop]), ROWS)
                self._exchange.flush(ROWS)
        own[:] = self._exchange.take(key)

    def collect(self, own: Matrix) -> Matrix | None:
        """Return the whole matrix of which all members have their words' rows, at the root; None elsewhere.

        With a single member that is `own` itself.
        """
        key = self._next("collect")
        if not self.gives_results:
            self._exchange.send(self._root, (*key, self._me), own, ROWS)
            self._exchange.flush(ROWS)
            return None
        if self._shares.members == 1:
            return own
        matrix = np.empty((self._shares.words(self._root).stop, own.shape[1]), np.float32)
        matrix[self._first :] = own
        for member in self._others():
            words = self._shares.words(member)
            matrix[words.start : words.stop] = self._exchange.take((*key, member))
        return matrix

    @property
    def _first(self) -> int:
        return self._shares.words(self._me).start

    def _others(self) -> list[int]:
        return [member for member in range(self._shares.members) if member != self._me]

    def _next(self, name: str) -> Key:
        self._calls += 1
        return name, self._calls
