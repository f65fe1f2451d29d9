"""The batches of center words of a pass, and the steps that train one, on all outside words or on some of them."""

import math
from types import ModuleType

import numpy as np

from firth.options import Options
from firth.training.softmax.cooccurrence import Cooccurrence, CountRows
from firth.training.softmax.exact import CenterRows, Doubles, ExactLoss, ExactSoftmax, Floats, Ids, unigram_intercept
from firth.training.softmax.steps import Adam, CenterNewton

BATCH = 512  # centers of a step
CENTER_RATE = 0.3  # initial share of a Newton step; it falls linearly to 0, as Adam's rate does
OUTSIDE_RATE = 0.012  # initial rate of Adam after a warm start,
COLD_OUTSIDE_RATE = 0.02  # and from random vectors


def draw_order(totals: Doubles, seed: int, epoch: int) -> Ids:
    """Return all centers with a pair, in an order set by seed and epoch; `BATCH` of them at a time are a batch."""
    return np.random.default_rng((seed, epoch)).permutation(np.flatnonzero(totals > 0))


def count_batches(totals: Doubles) -> int:
    """Return the number of batches of a pass."""
    return -(-int(np.count_nonzero(totals > 0)) // BATCH)


def outside_rate(options: Options, done: float) -> float:
    """Return Adam's rate when the share `done` of all passes is done: it falls linearly to 0."""
    return (OUTSIDE_RATE if options.warm_epochs else COLD_OUTSIDE_RATE) * (1 - done)


class BatchSteps:
    """The steps of batches: Newton's method for the centers, Adam for the outside vectors.

    softmax         has all tiles, or some of them
    counts          n(c, o), with the columns of the words of `softmax` and the totals of all columns
    outside_counts  (V,): the counts from which the intercept is made
    outside         (n, D) float32: the outside vectors of the words of `softmax`, changed in place
    """

    def __init__(
        self, options: Options, softmax: ExactSoftmax, counts: Cooccurrence, outside_counts: Doubles, outside: Floats
    ):
        V, own = len(counts.totals), slice(softmax.words.start, softmax.words.stop)
        self._options, self._softmax, self._counts, self._outside = options, softmax, counts, outside
        intercept = unigram_intercept(outside_counts) if options.unigram_intercept else np.zeros(V, np.float32)
        self._intercept = intercept[own]
        self._weights = counts.totals**options.center_power
        self._newton = CenterNewton(outside, (counts.outside_totals / counts.pairs)[own], softmax)
        self._adam = Adam(outside, softmax)

    @property
    def done(self) -> int:
        """The number of steps done, in all passes."""
        return self._adam.steps

    @done.setter
    def done(self, steps: int) -> None:
        self._adam.steps = self._newton.steps = steps

    @property
    def inverse_curvature(self) -> Floats:
        """The inverse of the damped H of `CenterNewton`, (D, D); it changes in place."""
        return self._newton.inverse

    @property
    def moments(self) -> dict[str, Floats]:
        """Both moments of `Adam` by name, (n, D); they change in place."""
        return self._adam.arrays()

    def step(self, batch: Ids, center: Floats, rate: float) -> float:
        """Update the rows of a batch, `center` (B, D), and the outside vectors, in place; return the sum of the losses.

        If the `ExactSoftmax` was halted, nothing changes. If the sum is not finite, nothing changes unless others have
        some of the tiles, which do not all know it. `rate` is Adam's.
        """
        softmax, N, weights = self._softmax, self._counts.totals[batch], self._weights[batch]
        gradient = softmax.gradient(
            center, self._outside, self._intercept, self._counts.rows(batch), N, weights / weights.sum()
        )
        loss = float(gradient.losses @ N)
        if softmax.halt[0] or (softmax.combiner.is_alone and not math.isfinite(loss)):
            return loss
        self._newton.step(center, gradient.center, CENTER_RATE * rate / outside_rate(self._options, 0.0))
        self._adam.step(gradient.outside, rate)
        return loss

    def corpus_loss(self, center_of: CenterRows) -> ExactLoss:
        """Return the mean loss of all pairs; `center_of` returns the rows of some centers."""
        return self._softmax.corpus_loss(center_of, self._outside, self._intercept, self._counts)


def compile_steps(D: int, kernels: ModuleType) -> None:
    """Compile the kernels by computing a step for two words."""
    v, U, one = np.zeros((1, D), np.float32), np.zeros((2, D), np.float32), np.ones(1)
    rows = CountRows(np.zeros(1, np.int64), np.ones(1, np.int64), np.zeros(1, np.int32), np.ones(1, np.float32))
    with ExactSoftmax(2, D, batch=1, workers=1, kernels=kernels) as softmax:
        gradient = softmax.gradient(v, U, np.zeros(2, np.float32), rows, one, one)
        Adam(U, softmax).step(gradient.outside, 0.0)
