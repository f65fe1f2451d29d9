"""The naive softmax, exactly: the loss of all pairs of a batch of center words, and its gradient.

The pairs of a center word c share one softmax. With z_w = u_w . v_c + b_w and ŷ_c = softmax(z), Results 21, 22 and 25
of docs/derivation.md are

    L_c = N_c log sum over w of exp(z_w) - sum over o of n(c, o) z_o
    dL_c/dv_c = U^T (N_c ŷ_c - n_c),   dL_c/dU = (N_c ŷ_c - n_c) v_c^T

which is the sum of `objectives.naive_softmax` over the pairs of c. A center costs 3 V D multiply-adds, however many
pairs it has (Result 23). BLAS computes the scores of a batch, one tile of the vocabulary at a time. Each tile becomes
exponentials in place while it is in the cache. Once the sums over all tiles are known, each becomes ŷ_c - n_c / N_c and
is multiplied with U and with the centers (22a). A batch whose tiles exceed the memory budget is computed in parts.

One thread computes a tile, and BLAS runs single-threaded, so the result is the same on any number of threads. An
`ExactSoftmax` may have only some of the tiles: then a `Combiner` brings together what all of them yield. Sums over
tiles are computed from the first to the last, so the result does not depend on who has which.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from firth.errors import OptionError
from firth.training.softmax import kernels
from firth.training.softmax.cooccurrence import Cooccurrence, CountRows

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
CenterRows = Callable[[Ids], Floats]
T = TypeVar("T")

TILE_WORDS = 1024  # words of a tile: with 512 centers 2 MiB, which stays in a core's caches
TILE_BYTES = 2**28  # budget of all tiles of a part of a batch
_SILENT: Any = {"over": "ignore", "invalid": "ignore"}  # the trainer checks the loss, which is then not finite
PART_CENTERS = 512  # most centers of a part


class Gradient(NamedTuple):
    """The losses of a batch of centers, and their gradients."""

    losses: Doubles  # (B,): L_c / N_c, nats per pair
    center: Floats  # (B, D): dL_c/dv_c / N_c
    outside: Floats  # (V, D): sum over c of weights[c] dL_c/dU / N_c


class TileScores(NamedTuple):
    """What a batch's softmaxes need to know of some tiles; `exponentiate` has the definitions."""

    tops: Floats  # (tiles, B): the greatest score of a center in each tile
    sums: Doubles  # (tiles, B): the sum of exp(z_w - top) over the tile
    observed: Doubles  # (tiles, B): the sum of n(c, o) z_o over the tile


class Combiner:
    """Brings together what the tiles yield; this one is for a single `ExactSoftmax`, which has all tiles.

    is_alone       whether no other `ExactSoftmax` takes part, which would wait if this one skipped a call
    gives_results  whether losses and totals are those of all tiles here, and not elsewhere alone
    """

    is_alone = True
    gives_results = True

    def normalise(self, scores: TileScores, totals: Doubles) -> tuple[Doubles, Floats]:
        """Return the losses L_c / N_c, (B,), and the scales, (tiles, B), that turn exponentials into probabilities."""
        return normalised(scores, totals)

    def total(self, add_to: Callable[[NDArray[Any] | None], NDArray[Any]]) -> NDArray[Any]:
        """Return a sum over all tiles; `add_to` adds these tiles to the sum of those before, None if there are none."""
        return add_to(None)


class ExactSoftmax:
    """Loss and gradient of batches of centers, on `workers` threads; a context manager.

    Arrays for tiles and gradients, of V words and D dimensions, are allocated once, so each call overwrites the result
    of the previous one. While `halt`, (1,) bool, is True, tiles are skipped and results are invalid. `kernels` are the
    compiled loops, or `softmax.reference`.

    words     the words of its tiles, whole tiles of the V words; None for all. Outside vectors, intercepts, columns of
              n(c, o) and outside gradients are those of these words
    combiner  brings together what they and all other tiles yield
    """

    def __init__(
        self,
        V: int,
        D: int,
        *,
        batch: int,
        workers: int,
        tile_bytes: int = TILE_BYTES,
        kernels: ModuleType = kernels,
        words: range | None = None,
        combiner: Combiner | None = None,
    ):
        self.words, self.combiner = range(V) if words is None else words, combiner or Combiner()
        n = len(self.words)
        self._tiles = [slice(first, min(first + TILE_WORDS, n)) for first in range(0, n, TILE_WORDS)]
        self.part = max(1, min(PART_CENTERS, batch, tile_bytes // (4 * V)))
        shape = (len(self._tiles), self.part, min(V, TILE_WORDS))
        self._scores = np.empty(shape, np.float32)
        self._sums = np.empty((*shape[:2], D), np.float32)  # each tile's share of the centers' gradient
        self._outside = np.empty((n, D), np.float32)
        self._workers, self.kernels = workers, kernels
        self.halt = np.zeros(1, np.bool_)

    def __enter__(self) -> "ExactSoftmax":
        self._limits = threadpool_limits(1, "blas")
        self._limits.__enter__()
        self._pool = ThreadPoolExecutor(self._workers, "firth-softmax", lambda: np.seterr(**_SILENT))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._limits.__exit__(*exc_info)  # unlike `restore_original_limits`, lets other threads set limits again

    @np.errstate(**_SILENT)
    def gradient(
        self, center: Floats, outside: Floats, intercept: Floats, rows: CountRows, totals: Doubles, weights: Doubles
    ) -> Gradient:
        """Return the losses of a batch of centers and their gradients.

        center     (B, D) float32: v_c of the batch
        outside    (V, D) float32: U
        intercept  (V,) float32: b
        rows       the batch's rows of n(c, o)
        totals     (B,): N_c > 0
        weights    (B,): of the centers in the outside gradient; N_c gives that of the corpus
        """
        losses, d_center = np.empty(len(center)), np.empty_like(center)
        for first in range(0, len(center), self.part):
            part = slice(first, first + self.part)
            v, some = center[part], rows._replace(start=rows.start[part], stop=rows.stop[part])
            losses[part], scales = self._forward(v, outside, intercept, some, totals[part])
            per_pair = (1.0 / totals[part]).astype(np.float32)
            weighted = v * weights[part].astype(np.float32)[:, np.newaxis]
            self._backward(scales, weighted, outside, some, per_pair, add=first > 0)
            d_center[part] = self.total(self._sums[:, : len(v)], np.float32)
        return Gradient(losses, d_center, self._outside)

    @np.errstate(**_SILENT)
    def corpus_loss(
        self, center_of: CenterRows, outside: Floats, intercept: Floats, counts: Cooccurrence
    ) -> "ExactLoss":
        """Return the mean loss of all pairs; `center_of` returns the rows of some centers."""
        centers = np.flatnonzero(counts.totals > 0)
        total = 0.0
        for first in range(0, len(centers), self.part):
            batch = centers[first : first + self.part]
            N = counts.totals[batch]
            total += float(N @ self.losses(center_of(batch), outside, intercept, counts.rows(batch), N))
        nats = total / counts.pairs
        return ExactLoss(nats, float(np.exp(nats)), counts.pairs)

    @np.errstate(**_SILENT)
    def losses(self, center: Floats, outside: Floats, intercept: Floats, rows: CountRows, totals: Doubles) -> Doubles:
        """Return the losses L_c / N_c of at most `part` centers, (B,); the arguments are those of `gradient`."""
        return self._forward(center, outside, intercept, rows, totals)[0]

    def over_words(self, work: Callable[[slice], T]) -> list[T]:
        """Return work(words) for each tile, in order; threads share the tiles."""
        return list(self._pool.map(work, self._tiles))

    def total(self, of_tiles: Iterable[NDArray[Any]], dtype: type) -> NDArray[Any]:
        """Return the sum over all tiles of arrays of one shape, which are given for these tiles, in order."""
        return self.combiner.total(lambda before: _added_in_order(of_tiles, before, dtype))

    def _forward(self, v: Floats, U: Floats, b: Floats, rows: CountRows, totals: Doubles) -> tuple[Doubles, Floats]:
        """Turn the tiles into exp(z_w - top), with `top` the greatest score of a center in the tile.

        Return the losses and scales of `Combiner.normalise`.
        """
        shape = (len(self._tiles), len(v))
        tops, sums, observed = np.empty(shape, np.float32), np.empty(shape), np.empty(shape)

        def work(t: int) -> None:
            words, tile = self._tiles[t], self._tile(t, len(v))
            np.matmul(v, U[words].T, out=tile)
            self.kernels.exponentiate(tile, b[words], self._first_word(t), rows, tops[t], sums[t], observed[t])

        self._over_tiles(work)
        return self.combiner.normalise(TileScores(tops, sums, observed), totals)

    def _backward(
        self, scales: Floats, weighted: Floats, U: Floats, rows: CountRows, per_pair: Floats, add: bool
    ) -> None:
        """Turn the tiles into ŷ_c - n_c / N_c; multiply with U into `_sums`, and with the centers into `_outside`."""

        def work(t: int) -> None:
            words, tile = self._tiles[t], self._tile(t, len(weighted))
            self.kernels.subtract_observed(tile, scales[t], self._first_word(t), rows, per_pair)
            np.matmul(tile, U[words], out=self._sums[t, : len(weighted)])
            if add:
                self._outside[words] += tile.T @ weighted
            else:
                np.matmul(tile.T, weighted, out=self._outside[words])

        self._over_tiles(work)

    def _tile(self, t: int, B: int) -> Floats:
        width = self._tiles[t].stop - self._tiles[t].start
        numbers: Floats = self._scores[t].reshape(-1)
        return numbers[: B * width].reshape(B, width)

    def _first_word(self, t: int) -> int:
        return self.words.start + self._tiles[t].start

    def _over_tiles(self, work: Callable[[int], None]) -> None:
        def unless_halted(t: int) -> None:
            if not self.halt[0]:
                work(t)

        for _ in self._pool.map(unless_halted, range(len(self._tiles))):
            pass  # re-raises a thread's exception


def normalised(scores: TileScores, totals: Doubles) -> tuple[Doubles, Floats]:
    """Do what `Combiner.normalise` does, for the scores of all tiles."""
    top = scores.tops.max(axis=0)
    total = (scores.sums * np.exp(scores.tops.astype(np.float64) - top)).sum(axis=0)
    log_sum = top + np.log(total)  # log sum over w of exp(z_w)
    return log_sum - scores.observed.sum(axis=0) / totals, np.exp(scores.tops - log_sum).astype(np.float32)


def _added_in_order(arrays: Iterable[NDArray[Any]], before: NDArray[Any] | None, dtype: type) -> NDArray[Any]:
    """Add arrays to the sum `before`, in place, one after the other; return it, or a new sum if it is None."""
    rest = iter(arrays)
    total = np.array(next(rest), dtype) if before is None else before
    for array in rest:
        total += array
    return total


class ExactLoss(NamedTuple):
    """The naive softmax's mean loss of all pairs, in nats per pair; its exponential; the number of pairs."""

    nats: float
    perplexity: float
    pairs: float


def exact_loss(
    center: Floats, outside: Floats, counts: Cooccurrence, intercept: Floats | None = None, *, workers: int = 1
) -> ExactLoss:
    """Return the mean loss L / N, Result 21 of docs/derivation.md, of any vectors, for the counts of any text.

      center, outside  (V, D) float32: all center vectors and all outside vectors; copied if not contiguous
      counts           n(c, o), from `cooccurrence.count_pairs`
      intercept        (V,) float32: b, from `unigram_intercept`; None is 0
      workers          threads; the result does not depend on it

    Raises `OptionError` if the shapes do not fit.
    """
    intercept = np.zeros(len(outside), np.float32) if intercept is None else intercept
    V = len(counts.totals)
    if center.shape != outside.shape or center.shape[0] != V or intercept.shape != (V,):
        raise OptionError(
            f"center {center.shape}, outside {outside.shape} and intercept {intercept.shape} do not fit counts of "
            f"{V:,} words: give two ({V}, D) matrices and ({V},) numbers"
        )
    with ExactSoftmax(*outside.shape, batch=PART_CENTERS, workers=workers) as softmax:
        return softmax.corpus_loss(lambda batch: center[batch], np.ascontiguousarray(outside), intercept, counts)


def unigram_intercept(counts: NDArray[Any]) -> Floats:
    """Return b_w = log p_w, the logarithm of each word's share of the corpus: (V,) counts, (V,) float32.

    Result 25 of docs/derivation.md: with this intercept the optimum is PMI, up to a constant for each center, as under
    negative sampling (Levy and Goldberg 2014), and the vectors do not encode word frequency. With subsampling it is
    shifted: (25a).
    """
    return np.asarray(np.log(np.maximum(counts, 1) / counts.sum()), np.float32)
