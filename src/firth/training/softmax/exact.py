"""The naive softmax, exactly: the loss of all pairs of a batch of center words, and its gradient.

Summed over a corpus, the pairs of a center word c share one softmax (n(c, o) counts the pairs, N_c is their sum):

    L = sum over c of L_c,    L_c = N_c log Z_c - sum over o of n(c, o) s_co
    s_co = u_o . v_c + b_o,   Z_c = sum over w of exp(s_cw)
    dL_c/dv_c = N_c U^T (p_c - n_c / N_c),   dL_c/du_w = N_c (p_cw - n(c, w) / N_c) v_c,   p_cw = exp(s_cw) / Z_c

which is the sum of `objectives.naive_softmax` over the pairs. A center costs 6 V D operations, however many pairs
it has. The scores of a batch are made a tile of the vocabulary at a time, by BLAS; each tile is turned into
exponentials in place while it is in the cache, and kept; once all of Z_c is known each tile becomes p - n / N and
meets its two products. When the tiles of a batch would outgrow the budget, the batch is done in parts.

Every tile is the work of one thread and BLAS itself runs single-threaded, so each number comes from the same operations
in the same order whatever the number of threads.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.training.softmax import kernels
from firth.training.softmax.cooccurrence import Cooccurrence, Rows

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]
T = TypeVar("T")

TILE_WORDS = 1024  # words of a tile: with 512 centers 2 MiB, which stays in a core's caches
TILE_BYTES = 2**28  # all tiles of a part of a batch together
_SILENT: Any = {"over": "ignore", "invalid": "ignore"}  # infinities show in the loss, which whoever trains checks
PART_CENTERS = 512  # centers of a part, at most


class Gradient(NamedTuple):
    """The losses of a batch of centers, and their gradients.

    losses   (B,) float64: L_c / N_c, nats per pair
    center   (B, D) float32: dL_c/dv_c / N_c, each center's own
    outside  (V, D) float32: sum over c of a_c dL_c/dU / N_c, a_c being the weight of center c
    """

    losses: Vector
    center: Matrix
    outside: Matrix


class ExactSoftmax:
    """Loss and gradient of batches of centers, on `workers` threads; use it as a context manager.

    Arrays for tiles and gradients are made once, for V words and D dimensions, and reused: the result of a call is
    overwritten by the next. Once `halt`, (1,) bool, is True, tiles are left out, and results are of no use.
    """

    def __init__(self, V: int, D: int, *, batch: int, workers: int, tile_bytes: int = TILE_BYTES):
        self._tiles = [(first, min(first + TILE_WORDS, V)) for first in range(0, V, TILE_WORDS)]
        self.part = max(1, min(PART_CENTERS, batch, tile_bytes // (4 * V)))
        shape = (len(self._tiles), self.part, min(V, TILE_WORDS))
        self._scores = np.empty(shape, np.float32)
        self._sums = np.empty((*shape[:2], D), np.float32)  # each tile's share of the centers' gradient
        self._outside = np.empty((V, D), np.float32)
        self._workers = workers
        self.halt = np.zeros(1, np.bool_)

    def __enter__(self) -> "ExactSoftmax":
        from threadpoolctl import threadpool_limits

        self._limits = threadpool_limits(1, "blas")
        self._pool = ThreadPoolExecutor(self._workers, "firth-softmax", lambda: np.seterr(**_SILENT))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._limits.restore_original_limits()

    def losses(self, center: Matrix, outside: Matrix, intercept: Matrix, rows: Rows, totals: Vector) -> Vector:
        """Return L_c / N_c, (B,) float64: the loss alone. Arguments as in `gradient`."""
        parts = [
            self._forward(center[part], outside, intercept, _part(rows, part), totals[part]).losses
            for part in self._parts(len(center))
        ]
        return np.concatenate(parts)

    @np.errstate(**_SILENT)
    def gradient(
        self, center: Matrix, outside: Matrix, intercept: Matrix, rows: Rows, totals: Vector, weights: Vector
    ) -> Gradient:
        """Return the losses of a batch of centers and their gradients.

        center     (B, D) float32: v_c of the batch
        outside    (V, D) float32: U
        intercept  (V,) float32: b
        rows       the batch's rows of n(c, o); totals (B,): N_c > 0
        weights    (B,): a_c; with a_c = N_c the outside gradient is the corpus's own
        """
        losses, d_center = np.empty(len(center)), np.empty_like(center)
        for part in self._parts(len(center)):
            v, some = center[part], _part(rows, part)
            forward = self._forward(v, outside, intercept, some, totals[part])
            losses[part] = forward.losses
            per_pair = (1.0 / totals[part]).astype(np.float32)
            weighted = v * weights[part].astype(np.float32)[:, np.newaxis]
            self._backward(forward, weighted, outside, some, per_pair, add=part.start > 0)
            d_center[part] = self._sums[:, : len(v)].sum(axis=0)
        return Gradient(losses, d_center, self._outside)

    @np.errstate(**_SILENT)
    def corpus_loss(self, center: Matrix, outside: Matrix, intercept: Matrix, counts: Cooccurrence) -> "ExactLoss":
        """Return the mean loss of all pairs. Arguments as in `exact_loss`."""
        centers = np.flatnonzero(counts.totals > 0)
        total = 0.0
        for first in range(0, len(centers), self.part):
            batch = centers[first : first + self.part]
            N = counts.totals[batch]
            total += float(N @ self.losses(center[batch], outside, intercept, counts.rows(batch), N))
        nats = total / counts.pairs
        return ExactLoss(nats, float(np.exp(nats)), counts.pairs)

    def over_words(self, work: Callable[[slice], T]) -> list[T]:
        """Return work(words) for each tile of the vocabulary, in order; threads share the tiles."""
        return list(self._pool.map(lambda tile: work(slice(*tile)), self._tiles))

    def _parts(self, B: int) -> Iterator[slice]:
        return (slice(first, min(first + self.part, B)) for first in range(0, B, self.part))

    def _forward(self, v: Matrix, U: Matrix, b: Matrix, rows: Rows, totals: Vector) -> "_Forward":
        """Leave exp(s - top) in the tiles, `top` being the greatest score of a center's tile."""
        shape = (len(self._tiles), len(v))
        tops, sums, seen = np.empty(shape, np.float32), np.empty(shape), np.empty(shape)

        def work(t: int) -> None:
            first, last = self._tiles[t]
            tile = self._tile(t, len(v))
            np.matmul(v, U[first:last].T, out=tile)
            kernels.exponentiate(tile, b[first:last], first, *rows, tops[t], sums[t], seen[t])

        self._over_tiles(work)
        top = tops.max(axis=0)
        Z = (sums * np.exp(tops.astype(np.float64) - top)).sum(axis=0)
        log_Z = top + np.log(Z)
        return _Forward(log_Z - seen.sum(axis=0) / totals, np.exp(tops - log_Z).astype(np.float32))

    def _backward(
        self, forward: "_Forward", weighted: Matrix, U: Matrix, rows: Rows, per_pair: Matrix, add: bool
    ) -> None:
        """Turn the tiles into p - n / N; leave the products with U in `_sums` and those with v in `_outside`."""

        def work(t: int) -> None:
            first, last = self._tiles[t]
            tile = self._tile(t, len(weighted))
            kernels.subtract_observed(tile, forward.scales[t], first, *rows, per_pair)
            np.matmul(tile, U[first:last], out=self._sums[t, : len(weighted)])
            if add:
                self._outside[first:last] += tile.T @ weighted
            else:
                np.matmul(tile.T, weighted, out=self._outside[first:last])

        self._over_tiles(work)

    def _tile(self, t: int, B: int) -> Matrix:
        first, last = self._tiles[t]
        numbers: Matrix = self._scores[t].reshape(-1)
        return numbers[: B * (last - first)].reshape(B, last - first)

    def _over_tiles(self, work: Callable[[int], None]) -> None:
        def unless_halted(t: int) -> None:
            if not self.halt[0]:
                work(t)

        for _ in self._pool.map(unless_halted, range(len(self._tiles))):
            pass  # raises what a thread raised


class _Forward(NamedTuple):
    losses: Vector  # (B,) L_c / N_c
    scales: Matrix  # (tiles, B) exp(top - log Z): what turns a tile's exponentials into probabilities


class ExactLoss(NamedTuple):
    """The naive softmax's loss over all pairs: mean nats per pair, its exponential, and the number of pairs."""

    nats: float
    perplexity: float
    pairs: float


def exact_loss(
    center: Matrix, outside: Matrix, counts: Cooccurrence, intercept: Matrix | None = None, *, workers: int = 1
) -> ExactLoss:
    """Return L / (number of pairs), exactly, for any vectors: those of negative sampling too, and for held-out counts.

      center, outside  (V, D) float32: V and U; a copy is made of rows that are not contiguous
      counts           the pairs, from `cooccurrence.count_pairs`
      intercept        (V,) float32: b, from `unigram_intercept`; None is 0, the equation to the letter
      workers          threads; the result does not depend on it

    Raises `OptionError` if the shapes do not fit.
    """
    intercept = np.zeros(len(outside), np.float32) if intercept is None else intercept
    _check_shapes(center, outside, counts, intercept)
    V, D = outside.shape
    with ExactSoftmax(V, D, batch=PART_CENTERS, workers=workers) as softmax:
        return softmax.corpus_loss(center, np.ascontiguousarray(outside), intercept, counts)


def unigram_intercept(counts: NDArray[np.int64]) -> Matrix:
    """Return b_o = log P(o), the logarithm of each word's share of the corpus: (V,) counts, (V,) float32.

    With it the optimum is u_o . v_c = log P(o | c) / P(o), up to a number for each c: pointwise mutual information, as
    negative sampling's (Levy and Goldberg 2014), and no vector need say how frequent its word is. Without it, b = 0.
    """
    return np.asarray(np.log(np.maximum(counts, 1) / counts.sum()), np.float32)


def _check_shapes(center: Matrix, outside: Matrix, counts: Cooccurrence, intercept: Matrix) -> None:
    V = len(counts.totals)
    if center.shape != outside.shape or center.shape[0] != V or intercept.shape != (V,):
        raise OptionError(
            f"center {center.shape}, outside {outside.shape} and intercept {intercept.shape} do not fit counts of "
            f"{V:,} words: give two ({V}, D) matrices and ({V},) numbers"
        )


def _part(rows: Rows, part: slice) -> Rows:
    return rows._replace(start=rows.start[part], stop=rows.stop[part])
