"""PassShare: a member's part in the passes of the exact softmax, with the rows and the counts of its words."""

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import Exchange
from firth.cluster.member import ChunkResult
from firth.cluster.row_files import MATRICES, saved_rows, write_rows
from firth.cluster.setup import Setup
from firth.cluster.tile_exchange import TileExchange
from firth.cluster.tiles import INVERSE, TileShares, by_tile, saved_shapes, tile_slices
from firth.training.loop.engine import Matrix
from firth.training.softmax import batches, kernels
from firth.training.softmax.batches import BatchSteps, compile_steps, count_batches, draw_order, outside_rate
from firth.training.softmax.cooccurrence import Cooccurrence
from firth.training.softmax.exact import ExactSoftmax, Ids
from firth.training.softmax.passes import ADVICE, start_at_random
from firth.training.softmax.stages import PASSES
from firth.training.softmax.steps import balance
from firth.training.windows.frozen import NONE_FROZEN, Frozen

STARTER = 0  # the member that has or draws the vectors to start from


class PassShare:
    """A member's part; methods and arguments are those of `Member`. A chunk is a batch of centers.

    counts  n(c, o), with the columns o that are this member's words
    """

    def __init__(self, setup: Setup, shares: TileShares, counts: Cooccurrence, exchange: Exchange, workers: int):
        self._setup, self._counts, self._number = setup, counts, exchange.number
        self._words = shares.words(exchange.number)
        self._tiles = tile_slices(self._words)
        self._exchange = TileExchange(shares, exchange)
        V, D = setup.vocabulary_size, setup.options.vector_size
        self._softmax = ExactSoftmax(
            V, D, batch=batches.BATCH, workers=workers, words=self._words, combiner=self._exchange
        ).__enter__()
        self._center, self._outside = (np.zeros((len(self._words), D), np.float32) for _ in MATRICES)
        word_counts = setup.counts.astype(np.float64)
        self._steps = BatchSteps(setup.options, self._softmax, counts, word_counts, self._outside)
        self._frozen = NONE_FROZEN
        self._orders: dict[int, Ids] = {}  # of the epoch that is trained

    def compile(self) -> None:
        """Compile the kernels."""
        compile_steps(self._setup.options.vector_size, kernels)

    def start(self, matrices: dict[str, Matrix] | None) -> None:
        """Give all rows their initial values: those of `matrices` by name, whole, which the member `STARTER` has.

        None on that member stands for random rows.
        """
        if self._number == STARTER and matrices is None:
            shape = self._setup.vocabulary_size, self._setup.options.vector_size
            matrices = {name: np.empty(shape, np.float32) for name in MATRICES}
            start_at_random(matrices["center"], matrices["outside"], self._setup.options.seed)
        for name, own in zip(MATRICES, (self._center, self._outside), strict=True):
            self._exchange.give(None if matrices is None else matrices[name], own)

    def set_rows(self, name: str, words: NDArray[np.integer], rows: Matrix) -> None:
        """Overwrite rows of words of this member: (n, D), of the matrix center or outside."""
        self._matrices[name][words - self._words.start] = rows

    def freeze(self, frozen: Frozen) -> None:
        """Keep center rows as they are from now on: those of the words where `frozen`, (V,), is True."""
        self._frozen = frozen

    def run_chunk(self, epoch: int, chunk: int) -> ChunkResult:
        """Train a batch; the root alone knows its loss and its pairs."""
        order = self._order(epoch)
        first, stop = chunk * batches.BATCH, (chunk + 1) * batches.BATCH
        batch, options = order[first:stop], self._setup.options
        center = self._exchange.gather(batch, self._center)
        loss = self._steps.step(batch, center, outside_rate(options, (epoch + first / len(order)) / options.epochs))
        if self._softmax.halt[0]:
            raise InterruptedError("training was interrupted")
        trained = ~self._frozen[batch] if len(self._frozen) else np.ones(len(batch), np.bool_)
        self._exchange.scatter(batch[trained], center[trained], self._center)
        is_end = stop >= len(order) and epoch == options.epochs - 1
        if is_end and not options.warm_epochs and not self._frozen.any():
            self._balance()
        if not self._exchange.gives_results:
            return ChunkResult(0, np.zeros(0), {})
        return ChunkResult(round(self._counts.totals[batch].sum()), np.array([loss]), {})

    def _order(self, epoch: int) -> Ids:
        if epoch not in self._orders:
            self._orders = {epoch: draw_order(self._counts.totals, self._setup.options.seed, epoch)}
        return self._orders[epoch]

    def _balance(self) -> None:
        """Balance both matrices, which the root has whole meanwhile."""
        owns = self._center, self._outside
        center, outside = (self._exchange.collect(own) for own in owns)
        if center is not None and outside is not None:
            balance(center, outside)
        for whole, own in zip((center, outside), owns, strict=True):
            self._exchange.give(whole, own)

    def corpus_loss(self) -> tuple[float, float]:
        """Return the mean loss of all pairs, NaN except at the root, and their number."""
        loss = self._steps.corpus_loss(lambda words: self._exchange.gather(words, self._center))
        return loss.nats, loss.pairs

    def save(self, folder: str) -> None:
        """Write this member's rows and moments, and at the root the inverse curvature."""
        blocks = {name: by_tile(matrix, self._tiles) for name, matrix in self._matrices.items()}
        inverse = {INVERSE: {0: self._steps.inverse_curvature}} if self._exchange.gives_results else {}
        write_rows(folder, self._number, blocks | inverse, ADVICE)

    def load(self, folder: str, epoch: int, chunk: int) -> None:
        """Read what was saved after a batch, by any number of members."""
        matrices, inverse = self._matrices, self._steps.inverse_curvature
        shapes = saved_shapes(self._setup, PASSES, self._words)
        if not self._exchange.gives_results:
            del shapes[INVERSE]
        for saved in saved_rows(folder, shapes):
            rows = inverse if saved.matrix == INVERSE else matrices[saved.matrix][self._tiles[saved.block]]
            rows[:] = saved.rows
        self._steps.done = epoch * count_batches(self._counts.totals) + chunk + 1

    @property
    def _matrices(self) -> dict[str, Matrix]:
        return {"center": self._center, "outside": self._outside, **self._steps.moments}

    def rows(self) -> tuple[list[Matrix], list[Matrix]]:
        """Return both matrices, (n, D) of this member's words, in lists of one."""
        return [self._center], [self._outside]

    def halt(self) -> None:
        """Make the call under way end soon with an error."""
        self._softmax.halt[0] = True

    def close(self) -> None:
        """End its threads."""
        self._softmax.__exit__(None, None, None)
