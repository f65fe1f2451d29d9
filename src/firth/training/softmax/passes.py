"""Training on the exact softmax: counts, a warm start, then passes over the vocabulary in batches of center words.

The optima of negative sampling and of the softmax with the intercept log P(o) are both pointwise mutual information, up
to constants (Levy and Goldberg 2014), so a few cheap epochs of negative sampling are a good start. They use the Hogwild
schedule on one thread, which is reproducible. (The block schedule would use all threads, but WordSim-353 was lower
after a start from its vectors, see benchmarks/softmax.md.) `warm_epochs=0` starts from random vectors instead.

A pass visits each center word once, in random order. In its batch, center c has the weight N_c ** center_power. With a
power of 1 the gradient is that of the corpus loss; 1/2 gives rarer words more weight. The reported loss is always that
of the corpus: the mean over all pairs, after each pass.
"""

import math
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.messages import counted, option
from firth.options import Options
from firth.text import Corpus
from firth.training.loop.engine import Engine, Kernels, TaskResult
from firth.training.loop.progress import Reporter
from firth.training.loop.start import StartRows
from firth.training.loop.state import Checkpointer, State
from firth.training.loop.trainer import EpochRecord
from firth.training.negative_sampling.hogwild import Hogwild
from firth.training.negative_sampling.pair_blocks import PairBlocks
from firth.training.softmax import batches, reference
from firth.training.softmax import kernels as compiled
from firth.training.softmax.batches import BatchSteps, compile_steps, count_batches, draw_order, outside_rate
from firth.training.softmax.cooccurrence import Cooccurrence
from firth.training.softmax.exact import Doubles, ExactSoftmax, Floats, Ids
from firth.training.softmax.given_pairs import counts_of
from firth.training.softmax.stages import PASSES, WARM, StagedTrainer, first_stage, warm_options
from firth.training.softmax.steps import balance
from firth.training.windows.frozen import NONE_FROZEN

KERNELS = {"compiled": compiled, "reference": reference}
ADVICE = f"start again with a warm start, {option('warm_epochs', 3)}, or with another {option('seed')}"
COLD_SCALE = 0.1  # standard deviation of the random vectors


class SoftmaxTrainer(StagedTrainer):
    """Trains on the exact softmax, in `options.epochs` passes over the vocabulary.

    workers          threads; the result does not depend on it
    center, outside  (V, D) float32, changed in place by `epochs`
    kernels          "compiled", or "reference" for plain NumPy, in the warm start as well
    """

    def __init__(
        self,
        corpus: Corpus,
        options: Options,
        workers: int,
        reporter: Reporter,
        checkpointer: Checkpointer | None = None,
        kernels: Kernels = "compiled",
    ):
        self._corpus, self._options, self._workers, self._kernels = corpus, options, workers, kernels
        super().__init__(reporter, checkpointer)
        shape = len(corpus.vocabulary), options.vector_size
        self.center, self.outside = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def start_from(self, rows: StartRows) -> None:
        """Replace initial values. If these include outside vectors, there is no warm start."""
        super().start_from(rows)
        if rows.outside is not None:
            start_at_random(self.center, self.outside, self._options.seed)
            rows.copy_into(self.center, self.outside)

    def epochs(self) -> Iterator[EpochRecord]:
        """Count pairs, initialise and train; yield a record after each pass, with the exact loss in nats per pair.

        Raises `CorpusError` if the corpus has no pair, and `DivergenceError` once a batch's loss is not finite.
        """
        stage = first_stage(self._checkpointer, self._options, has_outside=self._starts_with_outside)
        counts = self._count()
        if stage == WARM and not self._stopped:
            self._start_warm()
        if self._stopped:
            return
        if not self._options.warm_epochs and self._start is None:
            start_at_random(self.center, self.outside, self._options.seed)
        with ExactSoftmax(
            *self.center.shape, batch=batches.BATCH, workers=self._workers, kernels=KERNELS[self._kernels]
        ) as softmax:
            engine = Passes(self._corpus, self._options, softmax, counts, self.center, self.outside)
            yield from self._stage_trainer(PASSES, engine, self._options, None).epochs()

    def _count(self) -> Cooccurrence:
        corpus, report = self._corpus, self._reporter
        report.stage("counting pairs", corpus.tokens.n_words)
        started = time.perf_counter()
        counts = counts_of(
            corpus.tokens, corpus.vocabulary, self._options,
            workers=self._workers, progress=report.advance, kernels=KERNELS[self._kernels],
        )  # fmt: skip
        report.show(
            f"counted {counted(round(counts.pairs), 'pair')}, {len(counts.columns):,} of them distinct, "
            f"in {time.perf_counter() - started:.1f} s"
        )
        return counts

    def _start_warm(self) -> None:
        """Train both matrices by negative sampling; after an interrupt they hold the vectors trained so far."""
        options = warm_options(self._options)
        make_engine = Hogwild if self._corpus.tokens.pairs is None else PairBlocks
        engine: Hogwild | PairBlocks = make_engine(self._corpus, options, self._kernels)
        self._reporter.show("warm start: negative sampling, on one thread")
        try:
            for _ in self._stage_trainer(WARM, engine, options, self._start).epochs():
                if self._stopped:
                    break
        finally:
            self.center[:], self.outside[:] = engine.center, engine.outside


class Batch(NamedTuple):
    """A task: some center words; `last` if they are the last of the pass."""

    epoch: int
    centers: Ids
    progress: float
    last: bool


class Batches:
    """The batches of a pass, for one thread: all centers with a pair, in an order set by seed and epoch."""

    def __init__(self, totals: Doubles, seed: int, epoch: int, finished: int, paused: threading.Event):
        self._order = draw_order(totals, seed, epoch)
        self._epoch, self.finished, self._paused = epoch, finished, paused

    def take(self) -> Batch | None:
        first, n = self.finished * batches.BATCH, len(self._order)
        if first >= n or self._paused.is_set():
            return None
        stop = first + batches.BATCH
        return Batch(self._epoch, self._order[first:stop], first / n, stop >= n)

    def done(self) -> list[int]:
        return [self.finished]


class Passes(Engine[Batch, None]):
    """The engine of the passes. All threads work on one batch, so the `Trainer` has one worker.

    A batch that is halted while its gradient is computed changes nothing; the optimiser steps are never interrupted.
    """

    exact = True
    undone_when_halted = True

    @property
    def advice(self) -> str:
        return ADVICE

    def __init__(
        self,
        corpus: Corpus,
        options: Options,
        softmax: ExactSoftmax,
        counts: Cooccurrence,
        center: Floats,
        outside: Floats,
    ):
        super().__init__(options)
        self.n_words, self.raw_words = corpus.tokens.n_words, corpus.raw_words
        self.center, self.outside = center, outside
        self._softmax, self._counts, self.halt = softmax, counts, softmax.halt
        self._steps = BatchSteps(options, softmax, counts, corpus.outside_counts, outside)
        self._batches: Batches | None = None
        self._frozen = NONE_FROZEN

    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        self._frozen = frozen

    def rate(self, done: float) -> float:
        """Return Adam's rate, which falls linearly to 0, as does the rate of the centers."""
        return outside_rate(self._options, done)

    def workspace(self) -> None:
        """Return None: `ExactSoftmax` holds the scratch arrays."""

    def compile(self) -> None:
        compile_steps(self.center.shape[1], self._softmax.kernels)

    def all_done(self, epoch: int) -> list[int]:
        return [count_batches(self._counts.totals)]

    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> Batches:
        self._batches = Batches(self._counts.totals, self._options.seed, epoch, done[0] if done else 0, paused)
        return self._batches

    def train(self, task: Batch, rate: float, work: None) -> TaskResult:
        assert self._batches is not None
        batch, totals = task.centers, self._counts.totals
        center = self.center[batch]
        loss = self._steps.step(batch, center, rate)
        result = TaskResult(round(totals[batch].sum()), loss, len(batch) / np.count_nonzero(totals > 0))
        if self.halt[0] or not math.isfinite(loss):
            return result
        trained = ~self._frozen[batch] if len(self._frozen) else slice(None)
        self.center[batch[trained]] = center[trained]
        is_end = task.last and task.epoch == self._options.epochs - 1
        if is_end and not self._options.warm_epochs and not self._frozen.any():
            balance(self.center, self.outside)
        self._batches.finished += 1
        return result

    def epoch_loss(self, mean: float, pairs: int) -> tuple[float, int]:
        loss = self._steps.corpus_loss(lambda batch: self.center[batch])
        return loss.nats, round(loss.pairs)

    def state(self) -> State:
        """Return both matrices, Adam's moments, the inverse curvature and the number of steps."""
        steps = self._steps
        more = {**steps.moments, "inverse_curvature": steps.inverse_curvature}
        return State({"steps": steps.done}, super().state().arrays | more)

    def restore(self, state: State) -> None:
        super().restore(state)
        most = self._options.epochs * self.all_done(0)[0]
        self._steps.done = state.whole("steps", most)


def start_at_random(center: Floats, outside: Floats, seed: int) -> None:
    """Fill both (V, D) matrices, in place, with normal draws that depend only on the seed and the shape."""
    rng = np.random.default_rng(seed)
    for matrix in (center, outside):
        rng.standard_normal(out=matrix, dtype=np.float32)
        matrix *= np.float32(COLD_SCALE)
