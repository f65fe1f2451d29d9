"""Training on the exact softmax: counts, a warm start, then passes over the vocabulary in batches of center words.

Negative sampling's optimum and that of the softmax with the intercept log P(o) are both pointwise mutual information,
up to constants (Levy and Goldberg 2014), so a few cheap epochs of negative sampling are a good place to start from.
They run on one thread, where the seed determines every bit; `warm_epochs=0` starts from random vectors instead. (The
block schedule would use all threads; from its vectors WordSim-353 came out lower, see benchmarks/softmax.md.)

A pass visits each center word once, in random order. Center c weighs N_c ** center_power in its batch: 1 is the
corpus's own loss; 1/2 learns more of the rarer words and gives better vectors. The loss reported is always the corpus's
own: after each pass, over all pairs.
"""

import dataclasses
import math
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.errors import DivergenceError
from firth.options import Options
from firth.text import Corpus
from firth.training.cooccurrence import PIECE_PAIRS, RUN_BYTES, Cooccurrence, count_pairs
from firth.training.hogwild import Hogwild
from firth.training.progress import Reporter
from firth.training.softmax import TILE_BYTES, TILE_WORDS, ExactLoss, ExactSoftmax, Matrix, unigram_intercept
from firth.training.softmax_steps import Adam, CenterNewton, balance
from firth.training.trainer import EpochRecord, Trainer

BATCH = 512  # centers of a step
CENTER_RATE = 0.3  # share of a Newton step, at the start; both rates fall linearly to 0
OUTSIDE_RATE = 0.012  # Adam's, after a warm start
COLD_OUTSIDE_RATE = 0.02  # and from random vectors,
COLD_SCALE = 0.1  # which are normal, with this deviation


class SoftmaxTrainer:
    """Trains on the exact softmax: `options.epochs` passes, on `workers` threads, which change no bit.

    center, outside: (V, D) float32, changed in place by `epochs`.
    """

    def __init__(
        self,
        corpus: Corpus,
        options: Options,
        workers: int,
        reporter: Reporter,
    ):
        self._corpus, self._options, self._workers, self._reporter = corpus, options, workers, reporter
        V, D = len(corpus.vocabulary), options.vector_size
        self.center, self.outside = np.empty((V, D), np.float32), np.empty((V, D), np.float32)
        self.intercept = (
            unigram_intercept(corpus.vocabulary.counts) if options.unigram_intercept else np.zeros(V, np.float32)
        )
        self._rate = OUTSIDE_RATE if options.warm_epochs else COLD_OUTSIDE_RATE
        start_at_random(self.center, self.outside, options.seed)
        self._warm: Trainer | None = None
        self._stopped = False

    def stop(self) -> None:
        """Ask `epochs` to stop; it does after the batch under way."""
        self._stopped = True
        if self._warm is not None:
            self._warm.stop()

    def epochs(self) -> Iterator[EpochRecord]:
        """Count, start, and train, yielding a record after each pass; its loss is exact, in nats per pair.

        Raises `CorpusError` if there is not one pair, `DivergenceError` as soon as a batch's loss is not finite.
        """
        counts = self._count()
        if self._options.warm_epochs:
            self._start_warm()
        V, D = self.center.shape
        with ExactSoftmax(V, D, batch=BATCH, workers=self._workers) as softmax:
            yield from self._passes(softmax, counts)

    def _count(self) -> Cooccurrence:
        corpus, report = self._corpus, self._reporter
        report.stage("counting pairs", corpus.tokens.n_words)
        started = time.perf_counter()
        counts = count_pairs(
            corpus.tokens, corpus.vocabulary, self._options, workers=self._workers, progress=report.advance
        )
        report.say(
            f"counted {counts.pairs:,.0f} pairs, {len(counts.columns):,} of them distinct, "
            f"in {time.perf_counter() - started:.1f} s"
        )
        return counts

    def _start_warm(self) -> None:
        """Fill both matrices by negative sampling, as far as that comes if it is interrupted."""
        options = dataclasses.replace(self._options, epochs=self._options.warm_epochs)
        engine = Hogwild(self._corpus, options)
        self._warm = Trainer(engine, options, 1, self._reporter)
        self._reporter.say("warm start: negative sampling, on one thread")
        try:
            for _ in self._warm.epochs():
                if self._stopped:
                    break
        finally:
            self.center[:], self.outside[:] = engine.center, engine.outside
            self._warm = None

    def _passes(self, softmax: ExactSoftmax, counts: Cooccurrence) -> Iterator[EpochRecord]:
        epochs, V = self._options.epochs, len(self.center)
        step = _Step(self, softmax, counts)
        self._reporter.stage("training", epochs * V)
        for epoch in range(epochs):
            started = time.perf_counter()
            for place, batch in _batches(counts, self._options.seed, epoch):
                if self._stopped:
                    return
                step.take(batch, 1 - (epoch + place / V) / epochs)
                self._reporter.advance(epoch * V + place, note=f"loss {step.loss:.4f}")
            if epoch == epochs - 1 and not self._options.warm_epochs:
                balance(self.center, self.outside)
            loss = softmax.corpus_loss(self.center, self.outside, self.intercept, counts)
            _check_loss(loss.nats)
            record = self._record(epoch, loss, time.perf_counter() - started)
            self._reporter.say(_summary(record, loss, epochs))
            yield record

    def _record(self, epoch: int, loss: ExactLoss, seconds: float) -> EpochRecord:
        rate = self._rate * (1 - (epoch + 1) / self._options.epochs)
        return EpochRecord(epoch + 1, loss.nats, round(loss.pairs), self._corpus.raw_words, seconds, rate)


class _Step:
    """The step that trains one batch of centers."""

    def __init__(self, trainer: SoftmaxTrainer, softmax: ExactSoftmax, counts: Cooccurrence):
        self._trainer, self._softmax, self._counts = trainer, softmax, counts
        self._weights = counts.totals**trainer._options.center_power
        self._newton = CenterNewton(trainer.outside, counts.totals / counts.pairs, softmax)
        self._adam = Adam(trainer.outside, softmax)
        self.loss = math.nan

    def take(self, batch: NDArray[np.int64], share: float) -> None:
        """Move the batch's centers and all outside rows; the rates are `share` of those at the start."""
        trainer, N, a = self._trainer, self._counts.totals[batch], self._weights[batch]
        gradient = self._softmax.gradient(
            trainer.center[batch], trainer.outside, trainer.intercept, self._counts.rows(batch), N, a / a.sum()
        )
        self.loss = float(gradient.losses @ N / N.sum())
        _check_loss(self.loss)
        with np.errstate(over="ignore", invalid="ignore"):  # the next loss shows it
            self._newton.step(trainer.center, batch, gradient.center, CENTER_RATE * share)
        self._adam.step(gradient.outside, trainer._rate * share)


def start_at_random(center: Matrix, outside: Matrix, seed: int) -> None:
    """Fill both (V, D) matrices, in place, with normal draws that depend on the seed and the shape alone."""
    rng = np.random.default_rng(seed)
    for matrix in (center, outside):
        rng.standard_normal(out=matrix, dtype=np.float32)
        matrix *= np.float32(COLD_SCALE)


def memory_needed(V: int, n_words: int, options: Options, workers: int) -> dict[str, int]:
    """Return what training will allocate at most: a name and a number of bytes for each part.

    n_words: words of the corpus that are in the vocabulary; each makes at most 2m pairs.
    """
    most_pairs = 2 * options.window * n_words
    matrix = 4 * V * options.vector_size
    tiles = min(TILE_BYTES, 4 * V * BATCH)
    return {
        f"2 matrices of {V:,} x {options.vector_size} floats": 2 * matrix,
        "gradient and Adam's moments": 3 * matrix,
        "scores": tiles + tiles * options.vector_size // TILE_WORDS,
        "runs of pairs": min(RUN_BYTES, 12 * most_pairs),
        "counts of pairs": min(RUN_BYTES, 8 * most_pairs),
        f"pieces of {workers} workers": workers * 3 * 8 * min(PIECE_PAIRS, most_pairs),
    }


def _batches(counts: Cooccurrence, seed: int, epoch: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield all centers that have a pair, in random order, in batches; and how many words came before each."""
    order = np.random.default_rng((seed, epoch)).permutation(np.flatnonzero(counts.totals > 0))
    for first in range(0, len(order), BATCH):
        yield first, order[first : first + BATCH]


def _summary(record: EpochRecord, loss: ExactLoss, epochs: int) -> str:
    return (
        f"pass {record.epoch}/{epochs}  loss {loss.nats:.4f}  perplexity {loss.perplexity:,.1f}  "
        f"{record.seconds:.1f} s  {loss.pairs / record.seconds / 1e6:.2f} M pairs/s"
    )


def _check_loss(loss: float) -> None:
    if not math.isfinite(loss):
        raise DivergenceError(
            f"the loss became {loss}: training has diverged and its vectors are of no use; "
            "start again with a warm start (warm_epochs=3), or with another seed"
        )
