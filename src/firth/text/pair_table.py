"""Pairs of a center and an outside word in memory, and the random order in which an epoch goes through them.

The loss of pairs with weights w_i is J = sum_i w_i J(c_i, o_i). An epoch is a sequence of steps on single pairs whose
sum has the gradient of J as its mean. Put the weights one after another on a line of length W = sum_i w_i, and cut the
line into cells of length 1. An epoch takes one uniformly random point of each cell, and the pair on whose part of the
line it falls. The number of points on the part of pair i is w_i on average, because the density of points is 1
everywhere, and it is never further from w_i than 1 at each end. If all weights are whole numbers, parts and cells
begin at the same places, and pair i occurs exactly w_i times. In the last cell, points beyond W are no pairs.

Cells are taken in an order that spreads the parts of the line evenly over the epoch: cell (a + s t) mod N at step t,
with s the next number from 0.618 N on that has no divisor in common with N, and a random in each epoch. A pair of large
weight, or all pairs of one center in a sorted table, are thus trained throughout the epoch.
"""

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError

BLOCK_PAIRS = 2**14
"""Steps that are drawn together; as entries of center and outside word they have the size of a block of tokens."""

_CELL_DRAWS, _START_DRAWS = 2**32 - 4, 2**32 - 5  # keep these random draws apart from others


class PairTable:
    """Pairs, with weights or without; the entries of a `TokenStore` whose blocks are drawn anew in every epoch.

    pairs    (n, 2) int32: center and outside word
    weights  (n,) float64 above 0; None: every weight is 1
    """

    place = "as pairs"

    def __init__(self, pairs: NDArray[np.int32], weights: NDArray[np.float64] | None = None):
        self.pairs, self.weights = pairs, weights
        self._ends = None if weights is None else np.cumsum(weights)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def total(self) -> float:
        """W, the sum of the weights."""
        if self._ends is None:
            return float(len(self.pairs))
        return float(self._ends[-1]) if len(self._ends) else 0.0

    @property
    def n_steps(self) -> int:
        """N, the number of cells: steps of an epoch, of which the last may be none."""
        return math.ceil(self.total)

    @property
    def n_blocks(self) -> int:
        """Number of blocks of an epoch."""
        return -(-self.n_steps // BLOCK_PAIRS)

    def draw(self, seed: int, epoch: int, block: int) -> NDArray[np.int32]:
        """Return the pairs of a block of an epoch, (at most `BLOCK_PAIRS`, 2), in the order of training.

        They depend on the arguments alone. `n_steps` is below 2**31.
        """
        n = self.n_steps
        start = int(np.random.default_rng((seed, epoch, _START_DRAWS)).integers(max(1, n)))
        steps = np.arange(block * BLOCK_PAIRS, min((block + 1) * BLOCK_PAIRS, n), dtype=np.int64)
        cells = (start + steps * spreading_stride(n)) % max(1, n)
        if self._ends is None:
            return self.pairs[cells]
        rng = np.random.default_rng((seed, epoch, block, _CELL_DRAWS))
        points = cells + rng.random(len(cells))
        points = points[points < self.total]
        sorting = np.argsort(points, kind="stable")  # sorted points are looked up several times faster
        rows = np.empty(len(points), np.int64)
        rows[sorting] = np.searchsorted(self._ends, points[sorting], side="right")
        return self.pairs[rows]

    def taken(self, rows: NDArray[Any]) -> "PairTable":
        """Return some of the pairs."""
        return PairTable(self.pairs[rows], None if self.weights is None else self.weights[rows])

    def sums(self, column: int, V: int) -> NDArray[np.float64]:
        """Return the sum of the weights of the pairs of each of V words as center (0) or as outside word (1)."""
        return np.bincount(self.pairs[:, column], self.weights, V).astype(np.float64)

    def read(self, start: int, out: NDArray[np.int32]) -> None:
        """Raise `CorpusError`: pairs have no sentences, and no order but that of `draw`."""
        raise CorpusError("pairs that were given directly have no sentences to read")

    def digest(self) -> bytes:
        """Return a hash of pairs and weights."""
        digest = hashlib.sha256(np.ascontiguousarray(self.pairs, "<i4").tobytes())
        if self.weights is not None:
            digest.update(np.ascontiguousarray(self.weights, "<f8").tobytes())
        return digest.digest()

    def close(self) -> None:
        """Do nothing: garbage collection frees the arrays."""


def spreading_stride(n: int) -> int:
    """Return a stride through n things in a circle that meets all of them, neighbours long after each other."""
    stride = max(1, int(0.6180339887498949 * n))
    while math.gcd(stride, n) > 1:
        stride += 1
    return stride
