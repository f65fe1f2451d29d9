"""Optimiser steps of the exact softmax: Newton's method for the center vectors, Adam for the outside vectors.

Results 46 and 47 of docs/derivation.md. With U fixed, the loss of a center word is convex in v_c, with the Hessian U^T
(diag(ŷ_c) - ŷ_c ŷ_c^T) U per pair. If one distribution P replaces ŷ_c, the share of each word among the outside words
of all pairs, all centers share one D x D matrix:

    H = sum over w of P_w (u_w - m) (u_w - m)^T,   m = sum over w of P_w u_w
    v_c <- v_c - rate (H + damping tr(H)/D I)^-1 (1/N_c) dL_c/dv_c

A few visits then bring a center near its optimum; Adam takes dozens. The outside vectors use Adam (Kingma and Ba 2014,
arXiv:1412.6980), because a Newton step overshoots where a rare word's count is far above the model's expectation.

The loss does not change if V becomes V A and U becomes U A^-T, for any invertible A. `balance` picks the A that makes
the second moments of both matrices equal.
"""

import numpy as np

from firth.training.softmax.exact import Doubles, ExactSoftmax, Floats

DAMPING = 0.1  # of the mean curvature tr(H)/D; 0.03 to 0.3 gave the same vectors
CURVATURE_STEPS = 5  # steps that use one H, which changes slowly
DECAY_1, DECAY_2, EPSILON = 0.9, 0.999, 1e-10
MOMENTS = ("first_moment", "second_moment")
WORST_CONDITION = 1e6  # of second moments: the smallest is still large compared with float32's rounding, 6e-8


class CenterNewton:
    """Newton steps for batches of centers, with one curvature matrix H.

    outside  (V, D) float32: U, read at every `CURVATURE_STEPS`-th step
    share    (V,): P, summing to one

    Both are of the words of `softmax` alone. Unless its combiner gives results, steps change nothing.
    """

    def __init__(self, outside: Floats, share: Doubles, softmax: ExactSoftmax):
        self._outside, self._share, self._softmax = outside, share.astype(np.float32), softmax
        self.steps = 0
        self.inverse = np.zeros((outside.shape[1], outside.shape[1]), np.float32)  # of the damped H

    @np.errstate(over="ignore", invalid="ignore")  # the next batch's loss is then not finite
    def step(self, rows: Floats, gradient: Floats, rate: float) -> None:
        """Update the rows v_c of a batch, (B, D), in place; `gradient` (B, D) holds dL_c/dv_c / N_c."""
        if self.steps % CURVATURE_STEPS == 0:
            self._renew()
        self.steps += 1
        if self._softmax.combiner.gives_results:
            rows -= np.float32(rate) * (gradient @ self.inverse)

    def _renew(self) -> None:
        """Compute the inverse of the damped H from U as it is now."""
        U, P, softmax = self._outside, self._share, self._softmax
        H = softmax.total(softmax.over_words(lambda words: (U[words].T * P[words]) @ U[words]), np.float64)
        mean = softmax.total(softmax.over_words(lambda words: P[words] @ U[words]), np.float64)
        if softmax.combiner.gives_results:
            self.inverse[:] = _damped_inverse(H - np.outer(mean, mean))


class Adam:
    """Adam for the matrix of the words of `softmax`: two moments of the same shape, and the number of steps."""

    def __init__(self, matrix: Floats, softmax: ExactSoftmax):
        self._matrix, self._softmax = matrix, softmax
        self._first, self._second = np.zeros_like(matrix), np.zeros_like(matrix)
        self.steps = 0

    def arrays(self) -> dict[str, Floats]:
        """Return both moments by name; they change in place."""
        return dict(zip(MOMENTS, (self._first, self._second), strict=True))

    def step(self, gradient: Floats, rate: float) -> None:
        """Update the matrix, in place; entries change by at most about `rate`."""
        self.steps += 1
        unbias_1, unbias_2 = 1 - DECAY_1**self.steps, 1 - DECAY_2**self.steps

        def update(words: slice) -> None:
            self._softmax.kernels.adam(
                self._matrix[words], gradient[words], self._first[words], self._second[words],
                *map(np.float32, (DECAY_1, DECAY_2, rate / unbias_1, 1 / unbias_2, EPSILON)),
            )  # fmt: skip

        self._softmax.over_words(update)


def _damped_inverse(H: Doubles) -> Floats:
    D = len(H)
    damping = DAMPING * np.trace(H) / D + np.finfo(np.float32).tiny
    return np.linalg.inv(H + damping * np.eye(D)).astype(np.float32)


@np.errstate(over="ignore", invalid="ignore")  # after divergence
def balance(center: Floats, outside: Floats) -> None:
    """Replace C, `center`, by C A and U, `outside`, by U A^-T, so that their second moments are equal: C^T C = U^T U.

    Both change in place. Scores and loss stay the same. A is the symmetric root of X = G^-1 # H, the geometric mean of
    the inverse of G = C^T C and of H = U^T U, which is the one positive solution of X G X = H (Bhatia 2007, Positive
    Definite Matrices, section 4.1). Matrices without full rank, or close to that, are not changed, nor are those with
    moments that are not finite.
    """
    G, H = (np.asarray(M.T @ M, np.float64) / len(M) for M in (center, outside))
    if not np.isfinite(G + H).all() or max(np.linalg.cond(G), np.linalg.cond(H)) > WORST_CONDITION:
        return
    root = _power(G, 0.5)
    inverse_root = _power(G, -0.5)
    A = _power(inverse_root @ _power(root @ H @ root, 0.5) @ inverse_root, 0.5)
    center[:] = center @ A.astype(np.float32)
    outside[:] = outside @ np.linalg.inv(A).T.astype(np.float32)


def _power(symmetric: Doubles, exponent: float) -> Doubles:
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * np.maximum(values, 0.0) ** exponent) @ vectors.T)
