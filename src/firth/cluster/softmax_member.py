"""SoftmaxMember: the member of a cluster that trains the exact softmax, stage by stage."""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import Exchange
from firth.cluster.held_out import ValidatingMember
from firth.cluster.member import ChunkResult
from firth.cluster.pass_share import PassShare
from firth.cluster.setup import Setup
from firth.cluster.tile_counts import PairCounting
from firth.cluster.tiles import TileShares
from firth.cluster.warm_share import WarmShare
from firth.text import TokenStore
from firth.training.loop.engine import Matrix
from firth.training.softmax.cooccurrence import Cooccurrence
from firth.training.softmax.stages import PASSES, WARM, warm_options
from firth.training.windows.frozen import Frozen


class PairSummary(NamedTuple):
    """What was counted."""

    pairs: float  # of the corpus
    distinct: int  # those whose outside words are this member's
    centers: int  # that have a pair, on all members


class SoftmaxMember(ValidatingMember):
    """A member: call `count`, and for each stage `enter`, then what `Member` has; on all members at the same time.

    The arguments are those of `Member`.
    """

    def __init__(self, setup: Setup, tokens: TokenStore, exchange: Exchange, workers: int = 1):
        self._setup, self._tokens, self._exchange, self._threads = setup, tokens, exchange, workers
        self._halt = np.zeros(1, np.bool_)
        self._shares = TileShares(setup)
        self._counting = PairCounting(setup, self._shares, tokens, exchange)
        self._counts: Cooccurrence | None = None
        self._warm: WarmShare | None = None
        self._passes: PassShare | None = None

    def count(self) -> PairSummary:
        """Count the pairs of the corpus."""
        self._counts = self._counting.count(self._threads)
        totals = self._counts.totals
        return PairSummary(self._counts.pairs, len(self._counts.columns), int((totals > 0).sum()))

    def counted_words(self) -> int:
        """Return how many words of this member's text `count` has counted; any thread may ask."""
        return self._counting.words

    def enter(self, stage: str) -> None:
        """Begin a stage: `stages.WARM` or `stages.PASSES`."""
        if self._halt[0]:
            raise InterruptedError("training was interrupted")
        if stage == WARM:
            setup = dataclasses.replace(self._setup, options=warm_options(self._setup.options))
            self._warm = WarmShare(setup, self._tokens, self._exchange)
            return
        assert self._counts is not None, "count first"
        assert stage == PASSES
        self._passes = PassShare(self._setup, self._shares, self._counts, self._exchange, self._threads)

    @property
    def _stage(self) -> WarmShare | PassShare:
        stage = self._passes or self._warm
        assert stage is not None, "enter a stage first"
        return stage

    def compile(self) -> None:
        """Compile the kernels."""
        self._stage.compile()

    def start(self) -> None:
        """Give all rows their initial values; for the passes those of the warm start, if there was one."""
        if self._passes is not None:
            self._passes.start(None if self._warm is None else self._warm.matrices())
            self._warm = None

    def set_rows(self, name: str, words: NDArray[np.integer], rows: Matrix) -> None:
        """Overwrite rows of words that this member has: (n, D), of the matrix center or outside."""
        self._stage.set_rows(name, words, rows)

    def freeze(self, frozen: Frozen) -> None:
        """Keep center rows as they are from now on: those of the words where `frozen`, (V,), is True."""
        self._stage.freeze(frozen)

    def run_chunk(self, epoch: int, chunk: int) -> ChunkResult:
        """Train on some token blocks, or on a batch of centers."""
        return self._stage.run_chunk(epoch, chunk)

    def end_loss(self) -> tuple[float, int]:
        """Return the loss of a fixed sample of pairs of the warm start, in nats, and their number."""
        assert isinstance(self._stage, WarmShare)
        return self._stage.end_loss()

    def corpus_loss(self) -> tuple[float, float]:
        """Return the mean loss of all pairs and their number: `PassShare.corpus_loss`."""
        return self._passed().corpus_loss()

    def save(self, folder: str) -> None:
        """Write this member's rows into a file in a folder that all members see."""
        self._stage.save(folder)

    def load(self, folder: str, epoch: int, chunk: int) -> None:
        """Read the rows that were saved after a chunk, by any number of members."""
        self._stage.load(folder, epoch, chunk)

    def collect(self) -> tuple[int, int]:
        """Return this member's first word, and the end of its words."""
        words = self._shares.words(self._exchange.number)
        return words.start, words.stop

    def rows(self) -> tuple[list[Matrix], list[Matrix]]:
        """Return both matrices, (n, D) of this member's words, in lists of one."""
        return self._passed().rows()

    def sent_bytes(self) -> dict[str, int]:
        """Return the bytes that this member sent to others so far, by lane."""
        return dict(self._exchange.sent_bytes)

    def _passed(self) -> PassShare:
        assert self._passes is not None, "enter the passes first"
        return self._passes

    def halt(self) -> None:
        """Make the call under way end soon with an error, and all later ones."""
        self._halt[0] = True
        for part in (self._counting, self._warm, self._passes):
            if part is not None:
                part.halt()
        self._exchange.fail(InterruptedError("training was interrupted"))

    def close(self) -> None:
        """Free everything; a second call does nothing."""
        self._exchange.close()
        if self._passes is not None:
            self._passes.close()
        self._warm = self._passes = None
