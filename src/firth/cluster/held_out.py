"""The loss of held-out pairs on several members: each computes some tiles of the softmax, and one adds them up.

It is `training.softmax.exact`'s, with the tiles and the batches of one machine, and so are the bytes. Rows must lie as
after `Member.collect`. A tile belongs to the member that has its first word, which gets the rest of its last tile from
the members after it. The center rows of a batch are sent to all members.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import ROWS, Exchange, Key
from firth.cluster.setup import Setup
from firth.training.loop.engine import Matrix
from firth.training.softmax.cooccurrence import Cooccurrence
from firth.training.softmax.exact import (
    PART_CENTERS,
    TILE_WORDS,
    Combiner,
    Doubles,
    ExactLoss,
    ExactSoftmax,
    Floats,
    Ids,
    TileScores,
    normalised,
)

ROOT = 0
"""The member that adds up what all members computed."""


class HeldOut(NamedTuple):
    """What a member knows of the held-out pairs.

    counts     n(c, o), with the columns of the words of its tiles alone, and the totals of all columns
    intercept  (n,) float32: that of these words
    """

    counts: Cooccurrence
    intercept: Floats


def tile_words(setup: Setup) -> list[range]:
    """Return the words of each member's tiles; a member may have none."""
    V = setup.vocabulary_size
    starts = [min(V, -(-bound // TILE_WORDS) * TILE_WORDS) for bound in setup.word_bounds]
    return [range(start, stop) for start, stop in pairwise(starts)]


def part_of(counts: Cooccurrence, intercept: Floats, words: range) -> HeldOut:
    """Return what the member with the tiles of some words knows of the held-out pairs."""
    columns, values = (array[0 : len(array)] for array in (counts.columns, counts.values))
    kept = (columns >= words.start) & (columns < words.stop)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[counts.indptr]
    own = Cooccurrence(starts, columns[kept], values[kept], counts.totals, counts.outside_totals)
    return HeldOut(own, intercept[words.start : words.stop])


class CollectedRows:
    """Rows of consecutive words, from number `first` on, in blocks (n, D)."""

    def __init__(self, first: int, blocks: Sequence[Matrix]):
        self._blocks, self._starts = blocks, first + np.cumsum([0, *map(len, blocks)])

    def take(self, words: NDArray[np.integer]) -> Matrix:
        """Return copies of the rows of those of some ascending words that are here."""
        cuts = pairwise(np.searchsorted(words, self._starts))
        found = zip(self._blocks, self._starts, cuts, strict=False)  # there is a start more than blocks
        return np.concatenate([block[words[i:j] - start] for block, start, (i, j) in found])

    def copy_into(self, rows: Matrix, words: range) -> None:
        """Fill `rows`, (n, D), with those of n consecutive words, as far as they are here."""
        for block, start in zip(self._blocks, self._starts.tolist(), strict=False):
            held = range(start, start + len(block))
            if here := _overlap(words, held):
                rows[_places(here, words)] = block[_places(here, held)]


class ValidatingMember(ABC):
    """The base class of members: the loss of held-out pairs."""

    _setup: Setup
    _exchange: Exchange
    _threads: int  # that train
    _halt: NDArray[np.bool_]
    _held_out: HeldOut | None = None
    _losses = 0

    @abstractmethod
    def collect(self) -> tuple[int, int]:
        """Give each member the rows of consecutive words; return this member's first word, and the end of its words."""

    @abstractmethod
    def rows(self) -> tuple[list[Matrix], list[Matrix]]:
        """Return both matrices' blocks, (n, D) each, in the order of this member's words after `collect`."""

    def hold_out(self, held_out: HeldOut) -> None:
        """Keep what `held_out_loss` needs to know of the held-out pairs."""
        self._held_out = held_out

    def held_out_loss(self) -> ExactLoss:
        """Return the exact softmax's mean loss of the held-out pairs, on ROOT; call it on all members at once."""
        assert self._held_out is not None, "hold_out first"
        self._losses += 1
        first, _ = self.collect()
        center, outside = (CollectedRows(first, blocks) for blocks in self.rows())
        loss = HeldOutLoss(self._setup, self._exchange, ("held out", self._losses), center, outside)
        return loss.of(self._held_out, self._threads, self._halt)


class HeldOutLoss:
    """One computation of the loss, in which all members take part under the same key."""

    def __init__(self, setup: Setup, exchange: Exchange, key: Key, center: CollectedRows, outside: CollectedRows):
        self._setup, self._exchange, self._key = setup, exchange, key
        self._center, self._outside = center, outside
        self._words = tile_words(setup)

    def of(self, held_out: HeldOut, workers: int, halt: NDArray[np.bool_]) -> ExactLoss:
        """Return the mean loss of the pairs, at ROOT; what other members return means nothing."""
        V, D, words = self._setup.vocabulary_size, self._setup.options.vector_size, self._words[self._exchange.number]
        combiner = _RootCombiner(self._exchange, self._key, self._words)
        outside = self._own_tiles()
        with ExactSoftmax(V, D, batch=PART_CENTERS, workers=workers, words=words, combiner=combiner) as softmax:
            softmax.halt = halt
            centers = np.flatnonzero(held_out.counts.totals > 0)
            batches = np.split(centers, range(softmax.part, len(centers), softmax.part))
            center_of = _BatchCenters(self._setup, self._exchange, self._key, self._center, batches)
            return softmax.corpus_loss(center_of, outside, held_out.intercept, held_out.counts)

    def _own_tiles(self) -> Matrix:
        """Send the rows of others' tiles, and return those of this member's, (n, D)."""
        exchange, me = self._exchange, self._exchange.number
        held, own = [range(start, stop) for start, stop in pairwise(self._setup.word_bounds)], self._words[me]
        for member in range(me):
            if border := _overlap(self._words[member], held[me]):
                exchange.send(member, (*self._key, "border", me), self._outside.take(np.asarray(border)), ROWS)
        rows = np.empty((len(own), self._setup.options.vector_size), np.float32)
        self._outside.copy_into(rows, own)
        for member in range(me + 1, exchange.members):
            if border := _overlap(own, held[member]):
                rows[_places(border, own)] = exchange.take((*self._key, "border", member))
        return rows


class _BatchCenters:
    """The center rows of batches, which are asked for one after the other; those of the next are sent beforehand."""

    def __init__(self, setup: Setup, exchange: Exchange, key: Key, center: CollectedRows, batches: Sequence[Ids]):
        self._exchange, self._key, self._center, self._batches = exchange, key, center, batches
        self._bounds = np.array(setup.word_bounds)
        self._taken = self._sent = 0

    def __call__(self, batch: Ids) -> Floats:
        number, me = self._taken, self._exchange.number
        self._taken += 1
        for each in range(self._sent, min(number + 2, len(self._batches))):
            self._send(each)
        owners = np.unique(np.searchsorted(self._bounds, batch, side="right") - 1).tolist()
        return np.concatenate([
            self._center.take(batch) if owner == me else self._exchange.take((*self._key, "centers", number, owner))
            for owner in owners
        ])  # fmt: skip

    def _send(self, number: int) -> None:
        self._sent = number + 1
        rows, me = self._center.take(self._batches[number]), self._exchange.number
        for member in range(self._exchange.members) if len(rows) else ():
            if member != me:
                self._exchange.send(member, (*self._key, "centers", number, me), rows)


class _RootCombiner(Combiner):
    """Brings the scores of all members' tiles together at ROOT; other members get no losses."""

    is_alone = False

    def __init__(self, exchange: Exchange, key: Key, words: Sequence[range]):
        self._exchange, self._key, self._batches = exchange, key, 0
        self._senders = [member for member, own in enumerate(words) if own and member != ROOT]
        self.gives_results = exchange.number == ROOT

    def normalise(self, scores: TileScores, totals: Doubles) -> tuple[Doubles, Floats]:
        self._batches += 1
        me, key = self._exchange.number, (*self._key, "scores", self._batches)
        if me == ROOT:
            others = [self._exchange.take((*key, member)) for member in self._senders]
            tops = np.concatenate([scores.tops, *(each[0].astype(np.float32) for each in others)])
            sums, observed = (np.concatenate([scores[n], *(each[n] for each in others)]) for n in (1, 2))
            return normalised(TileScores(tops, sums, observed), totals)
        if me in self._senders:
            self._exchange.send(ROOT, (*key, me), np.stack(scores), ROWS)
            self._exchange.flush(ROWS)  # so that a fast member does not run far ahead
        return np.zeros_like(totals), scores.tops


def _overlap(one: range, other: range) -> range:
    """Return the numbers that are in both ranges."""
    return range(max(one.start, other.start), min(one.stop, other.stop))


def _places(some: range, words: range) -> slice:
    """Return where some of the words, consecutive ones, lie among them."""
    return slice(some.start - words.start, some.stop - words.start)
