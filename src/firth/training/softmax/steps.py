"""How the vectors move: a Newton step for each center word, Adam for the outside vectors.

With U fixed, the loss of a center word is convex in v_c, with the Hessian U^T (diag(p_c) - p_c p_c^T) U. With p_c
replaced by its mean over the corpus, the unigram distribution P, that is one D x D matrix for all centers:

    H = sum over w of P_w (u_w - m)(u_w - m)^T,   m = sum over w of P_w u_w
    v_c <- v_c - rate (H + damping tr(H)/D I)^-1 (1/N_c) dL_c/dv_c

so a handful of visits brings a center near its optimum, where Adam's takes dozens. The outside vectors get Adam (Kingma
and Ba 2014, arXiv:1412.6980): a Newton step overshoots where a rare word's count is far above what the model expects.

The loss leaves both matrices free up to V A, U A^-T for any invertible A; `balance` picks the A that makes their second
moments equal.
"""

import numpy as np
from numpy.typing import NDArray

from firth.training.softmax import kernels
from firth.training.softmax.exact import ExactSoftmax, Matrix, Vector

DAMPING = 0.1  # in units of the mean curvature; 0.03 to 0.3 gave the same vectors
CURVATURE_STEPS = 5  # steps between two computations of H, which changes slowly
DECAY_1, DECAY_2, EPSILON = 0.9, 0.999, 1e-10
WORST_CONDITION = 1e6  # of second moments; float32's rounding, 6e-8, is then still small beside the smallest


class CenterNewton:
    """Newton steps for batches of centers, under one curvature matrix.

    outside  (V, D) float32: U, read at every `CURVATURE_STEPS`-th step
    unigram  (V,): P, summing to one
    """

    def __init__(self, outside: Matrix, unigram: Vector, softmax: ExactSoftmax):
        self._outside, self._unigram, self._softmax = outside, unigram.astype(np.float32), softmax
        self.steps = 0
        self._inverse = np.zeros((outside.shape[1], outside.shape[1]), np.float32)

    def arrays(self) -> dict[str, Matrix]:
        """Return what a step may take from the step before, by name; it changes in place."""
        return {"inverse_curvature": self._inverse}

    def step(self, center: Matrix, batch: NDArray[np.int64], gradient: Matrix, rate: float) -> None:
        """Move the rows `batch` of `center` (V, D), in place; `gradient` (B, D) is that of their losses per pair."""
        if self.steps % CURVATURE_STEPS == 0:
            self._inverse[:] = self._inverse_curvature()
        self.steps += 1
        center[batch] -= np.float32(rate) * (gradient @ self._inverse)

    def _inverse_curvature(self) -> Matrix:
        U, P = self._outside, self._unigram
        D = U.shape[1]
        parts = self._softmax.over_words(lambda words: (U[words].T * P[words]) @ U[words])
        mean = np.sum(self._softmax.over_words(lambda words: P[words] @ U[words]), axis=0, dtype=np.float64)
        H = np.sum(parts, axis=0, dtype=np.float64) - np.outer(mean, mean)
        damping = DAMPING * np.trace(H) / D + np.finfo(np.float32).tiny
        return np.linalg.inv(H + damping * np.eye(D)).astype(np.float32)


class Adam:
    """Adam's two moments for all rows of one matrix (V, D), both as large as the matrix."""

    def __init__(self, matrix: Matrix, softmax: ExactSoftmax):
        self._matrix, self._softmax = matrix, softmax
        self._first, self._second = np.zeros_like(matrix), np.zeros_like(matrix)
        self.steps = 0

    def arrays(self) -> dict[str, Matrix]:
        """Return both moments, by name; they change in place."""
        return {"first_moment": self._first, "second_moment": self._second}

    def step(self, gradient: Matrix, rate: float) -> None:
        """Move the matrix, in place, by at most about `rate` a number."""
        self.steps += 1
        unbias_1, unbias_2 = 1 - DECAY_1**self.steps, 1 - DECAY_2**self.steps

        def move(words: slice) -> None:
            kernels.adam(
                self._matrix[words], gradient[words], self._first[words], self._second[words],
                *map(np.float32, (DECAY_1, DECAY_2, rate / unbias_1, 1 / unbias_2, EPSILON)),
            )  # fmt: skip

        self._softmax.over_words(move)


def balance(center: Matrix, outside: Matrix) -> None:
    """Replace V by V A and U by U A^-T, in place, such that both have the same second moments, V^T V = U^T U.

    No score changes, nor the loss. A is the symmetric root of X = G^-1 # H, the geometric mean of the inverse of
    G = V^T V and of H = U^T U, which is the one positive solution of X G X = H (Bhatia 2007, Positive Definite
    Matrices, section 4.1). Matrices that lack full rank, or nearly, are left alone.
    """
    G, H = (np.asarray(M.T @ M, np.float64) / len(M) for M in (center, outside))
    if max(np.linalg.cond(G), np.linalg.cond(H)) > WORST_CONDITION:
        return
    root = _power(G, 0.5)
    inverse_root = _power(G, -0.5)
    A = _power(inverse_root @ _power(root @ H @ root, 0.5) @ inverse_root, 0.5)
    center[:] = center @ A.astype(np.float32)
    outside[:] = outside @ np.linalg.inv(A).T.astype(np.float32)


def _power(symmetric: Vector, exponent: float) -> Vector:
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * np.maximum(values, 0.0) ** exponent) @ vectors.T)
