"""The mathematics of word2vec in float64: each function is one result of docs/derivation.md.

A word has two vectors of D numbers: v, a row of V, as a *center* word, and u, a row of U, as an *outside* word. In
skip-gram the center word predicts each word of its window (Mikolov et al. 2013, arXiv:1301.3781). A loss J, in nats,
measures the prediction. Each loss is returned with its gradients:

    naive softmax          J = -log P(O=o | C=c),   P(O=w | C=c) = exp(u_w·v_c) / Σ_x exp(u_x·v_c)
      ∂J/∂v_c = Uᵀ(ŷ - y)                           ŷ_w = P(O=w | C=c),  y the one-hot of o
      ∂J/∂u_o = (P(O=o | C=c) - 1) v_c,             ∂J/∂u_w = P(O=w | C=c) v_c  for w ≠ o
      ∂J/∂U   = (ŷ - y) v_cᵀ
    negative sampling      J = -log σ(u_o·v_c) - Σ_k log σ(-u_k·v_c)
      ∂J/∂v_c = -(1 - σ(u_o·v_c)) u_o + Σ_k (1 - σ(-u_k·v_c)) u_k
      ∂J/∂u_o = -(1 - σ(u_o·v_c)) v_c,              ∂J/∂u_k = (1 - σ(-u_k·v_c)) v_c

The losses are equations (2) and (4) of Mikolov et al. 2013 (arXiv:1310.4546), with the sign of a loss. The gradients
are derived in Rong 2014 (arXiv:1411.2738), Goldberg and Levy 2014 (arXiv:1402.3722) and Stanford's CS224n.

The fast kernels are tested against these functions. They are plain NumPy, change nothing in place, compute in float64
for any input, and are finite for any scores up to 1e300. An array or a row number that does not fit raises
`ShapeError`, because NumPy would broadcast or wrap it silently.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import FirthError
from firth.messages import counted

Array: TypeAlias = NDArray[np.float64]
PairLoss: TypeAlias = Callable[[Array, int, Array], tuple[float, Array, Array]]
"""The loss of one pair: (v_c, o, U) -> (J, ∂J/∂v_c, ∂J/∂U)."""

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
"""The step h of a central difference. Truncating the Taylor series makes an error of about h², rounding one of about
eps / h; their sum is least near h = eps^(1/3) = 6e-6, where it is about eps^(2/3) = 4e-11."""


class ShapeError(FirthError, ValueError):
    """An array has the wrong shape, or a row number is out of range."""


# The two functions that turn scores into probabilities


def sigmoid(x: ArrayLike) -> Array:
    """Return σ(x) = 1 / (1 + exp(-x)), element by element: Result 4."""
    x = np.asarray(x, np.float64)
    small = np.exp(-np.abs(x))  # never overflows; for x < 0, σ(x) = exp(x) / (1 + exp(x))
    return np.asarray(np.where(x >= 0, 1.0, small) / (1.0 + small))


def sigmoid_derivative(x: ArrayLike) -> Array:
    """Return σ′(x) = σ(x) (1 - σ(x)), with σ(-x) for 1 - σ(x), which would round to 0 for a large x."""
    return sigmoid(x) * sigmoid(np.negative(x, dtype=np.float64))


def log_sigmoid(x: ArrayLike) -> Array:
    """Return log σ(x) = -log(1 + exp(-x)), element by element; its derivative is 1 - σ(x): (4a)."""
    return np.asarray(-np.logaddexp(0.0, np.negative(x, dtype=np.float64)))


def softmax(scores: ArrayLike) -> Array:
    """Return ŷ_i = exp(z_i) / Σ_j exp(z_j) over the last axis, which sum to one: Result 2."""
    return np.exp(log_softmax(scores))


def log_softmax(scores: ArrayLike) -> Array:
    """Return log ŷ_i = z_i - log Σ_j exp(z_j) over the last axis: (2a)."""
    z = np.asarray(scores, np.float64)
    shifted = z - z.max(axis=-1, keepdims=True)  # the same ŷ; no exp overflows
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax_jacobian(scores: ArrayLike) -> Array:
    """Return ∂ŷ_i/∂z_j = ŷ_i (1[i=j] - ŷ_j), the (V, V) derivative of the softmax of (V,) scores: Result 3."""
    y_hat = softmax(_array("scores", scores, (None,)))
    return np.diag(y_hat) - np.outer(y_hat, y_hat)


# The loss of one pair: a center vector and an outside word


def naive_softmax(center: ArrayLike, outside: int, U: ArrayLike) -> tuple[float, Array, Array]:
    """Return J = -u_o·v_c + log Σ_w exp(u_w·v_c) and its gradients Uᵀ(ŷ - y) and (ŷ - y) v_cᵀ.

    Results 11 to 13; Mikolov et al. 2013 (arXiv:1310.4546), equation (2). Row o of the second gradient is
    (P(O=o | C=c) - 1) v_c, any other row w is P(O=w | C=c) v_c.

      center   (D,)     the vector v_c
      outside  int      o, the row of U of the word to predict
      U        (V, D)   all outside vectors

    Returns the loss in nats, ∂J/∂v_c of shape (D,) and ∂J/∂U of shape (V, D).
    """
    v_c, U = _vector_and_matrix(center, U)
    o = _row("outside", outside, U)
    log_y_hat = log_softmax(U @ v_c)
    e = np.exp(log_y_hat)  # ŷ, and ŷ - y after the next line
    e[o] -= 1.0
    return float(-log_y_hat[o]), U.T @ e, np.outer(e, v_c)


def negative_sampling(
    center: ArrayLike, outside: int, negatives: ArrayLike, U: ArrayLike
) -> tuple[float, Array, Array]:
    """Return J = -log σ(u_o·v_c) - Σ_k log σ(-u_k·v_c) and its gradients by v_c and by U.

    Results 16 to 18; Mikolov et al. 2013 (arXiv:1310.4546), equation (4), for noise words that are drawn already. A
    noise word drawn twice is two terms of the sum. A noise word equal to the outside word counts as both, so row o gets
    both terms: draw again to avoid that.

      center     (D,)        the vector v_c
      outside    int         o, the row of U of the word in the window
      negatives  (K,) ints   the rows of U of the noise words; K may be 0
      U          (V, D)      all outside vectors

    Returns the loss in nats, ∂J/∂v_c of shape (D,) and ∂J/∂U of shape (V, D), zero in rows neither of o nor of noise.
    """
    v_c, U = _vector_and_matrix(center, U)
    o, ks = _row("outside", outside, U), _rows("negatives", negatives, U)
    score_o, scores_k = U[o] @ v_c, U[ks] @ v_c
    loss = -log_sigmoid(score_o) - log_sigmoid(-scores_k).sum()
    d_score_o = -sigmoid(-score_o)  # -(1 - σ(u_o·v_c))
    d_scores_k = sigmoid(scores_k)  # 1 - σ(-u_k·v_c)
    d_U = np.zeros_like(U)
    d_U[o] = d_score_o * v_c
    np.add.at(d_U, ks, np.outer(d_scores_k, v_c))  # d_U[ks] += … would count a repeated word once
    return float(loss), d_score_o * U[o] + d_scores_k @ U[ks], d_U


# The loss of one window


def skip_gram(
    center: int, outsides: Sequence[int], V: ArrayLike, U: ArrayLike, loss: PairLoss = naive_softmax
) -> tuple[float, Array, Array]:
    """Return the loss of one window, Σ_{-m ≤ j ≤ m, j ≠ 0} J(v_c, w_{t+j}, U), and its gradients by V and U.

    Result 14; Mikolov et al. 2013 (arXiv:1310.4546), equation (1), for one position t of the corpus, as a loss.
    Only row c of ∂J/∂V is not zero. A word that is in the window twice counts twice.

      center    int             c, the row of V of the word in the middle
      outsides  ints            w_{t-m} … w_{t+m} without w_t: rows of U; may be empty
      V, U      (V, D) each     all center vectors, all outside vectors
      loss      (v_c, o, U) -> (J, ∂J/∂v_c, ∂J/∂U)

    Returns the loss in nats, its gradient by V and its gradient by U, both (V, D). For negative sampling, `loss`
    supplies the noise words: here those of the next pair.

    >>> noise = iter([[0, 3, 3], [1, 2, 3]])
    >>> def with_noise(v_c, o, U):
    ...     return negative_sampling(v_c, o, next(noise), U)
    >>> loss, d_V, d_U = skip_gram(1, [2, 0], np.zeros((4, 2)), np.ones((4, 2)), loss=with_noise)
    >>> float(round(loss / np.log(2), 12))
    8.0
    """
    V, U = _array("V", V, (None, None)), _array("U", U, (None, None))
    c, outside_rows = _row("center", center, V), _rows("outsides", outsides, U)
    total, d_V, d_U = 0.0, np.zeros_like(V), np.zeros_like(U)
    for o in outside_rows:
        pair_loss, d_center, d_outside = loss(V[c], int(o), U)
        total += pair_loss
        d_V[c] += d_center
        d_U += d_outside
    return total, d_V, d_U


# The same as a network: one-hot x -> h = W_1 x -> z = W_2 h -> ŷ = softmax(z)


class NetworkGradients(NamedTuple):
    """The four gradients of the one-hot network, each by the variable that it is named after."""

    z: Array
    W_2: Array
    h: Array
    W_1: Array


def one_hot(index: int, V: int) -> Array:
    """Return the (V,) vector that is 1 at `index` and 0 elsewhere."""
    x = np.zeros(V)
    x[_row("index", index, x)] = 1.0
    return x


def cross_entropy(z: ArrayLike, y: ArrayLike) -> tuple[float, Array]:
    """Return L = -Σ_i y_i log ŷ_i with ŷ = softmax(z), and its gradient ∂L/∂z = e = ŷ - y: Results 5 and 7.

    `z` and `y` are (V,); the entries of `y` must sum to one. The loss, in nats, is computed from the scores, because
    small entries of ŷ may round to 0.
    """
    z = _array("z", z, (None,))
    y = _array("y", y, z.shape)
    log_y_hat = log_softmax(z)
    return float(-(y @ log_y_hat)), np.exp(log_y_hat) - y


def one_hot_network(x: ArrayLike, y: ArrayLike, W_1: ArrayLike, W_2: ArrayLike) -> tuple[float, NetworkGradients]:
    """Return the cross entropy of y and ŷ = softmax(W_2 W_1 x), and the four gradients of back-propagation.

    Results 7 to 10; Rong 2014 (arXiv:1411.2738), section 1.1. For one-hot x and y this is `naive_softmax`, with v_c
    for W_1 x and U for W_2.

        ∂L/∂z = e = ŷ - y      ∂L/∂W_2 = e hᵀ      ∂L/∂h = W_2ᵀ e      ∂L/∂W_1 = W_2ᵀ e xᵀ

      x, y  (V,)      the center word and the outside word
      W_1   (D, V)    its columns are the center vectors
      W_2   (V, D)    its rows are the outside vectors

    Returns the loss in nats and the `NetworkGradients`, each of the shape of its variable.
    """
    x = _array("x", x, (None,))
    W_1 = _array("W_1", W_1, (None, x.size))
    W_2 = _array("W_2", W_2, (x.size, W_1.shape[0]))
    h = W_1 @ x
    loss, e = cross_entropy(W_2 @ h, y)
    d_h = W_2.T @ e
    return loss, NetworkGradients(z=e, W_2=np.outer(e, h), h=d_h, W_1=np.outer(d_h, x))


# The gradient check


def gradient_check(
    function: Callable[..., tuple[Any, ...]], parameters: Sequence[ArrayLike], step: float = STEP
) -> float:
    """Return the largest difference between the gradients of a function and central differences.

    For each entry θ of each parameter, n = (J(θ + h) - J(θ - h)) / 2h with h = step · max(1, |θ|). The difference from
    the function's gradient g is |g - n| / max(1, |g|, |n|): relative for large derivatives, absolute for small ones,
    where rounding dominates. With losses and vectors of moderate size, a correct gradient gives 1e-11 to 1e-9.

      function    (*parameters) -> (loss, *gradients), one gradient for each parameter
      parameters  arrays of any shape; the function receives float64 copies of them
      step        `STEP` = eps^(1/3), which balances the two errors of a central difference

    Returns NaN if any difference is NaN, so that no comparison passes. Raises `ShapeError` if the number of gradients,
    or a gradient's shape, does not match the parameters.
    """
    points = [np.array(parameter, np.float64) for parameter in parameters]
    _, *gradients = function(*points)
    if len(gradients) != len(points):
        raise ShapeError(
            f"the function returned {counted(len(gradients), 'gradient')} for {counted(len(points), 'parameter')}: "
            "return one for each"
        )
    differences = [np.zeros(0)]
    for i, (point, gradient) in enumerate(zip(points, gradients, strict=True)):
        claimed = _array(f"gradient {i}", gradient, point.shape)
        differences.append(_difference(claimed, _central_differences(function, points, point, step)))
    return float(np.concatenate(differences).max(initial=0.0))


def _central_differences(function: Callable[..., Any], points: list[Array], point: Array, step: float) -> Array:
    """Return the measured gradient by `point`, one of `points`, which is changed and restored."""
    measured = np.empty_like(point)
    for i in np.ndindex(point.shape):
        here = point[i]
        h = step * max(1.0, abs(float(here)))
        losses = []
        for moved in (here + h, here - h):
            point[i] = moved
            losses.append(float(function(*points)[0]))
        point[i] = here
        measured[i] = (losses[0] - losses[1]) / ((here + h) - (here - h))  # 2h, rounded
    return measured


def _difference(claimed: Array, measured: Array) -> Array:
    scale = np.maximum(1.0, np.maximum(np.abs(claimed), np.abs(measured)))
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, as documented
        return np.ravel(np.abs(claimed - measured) / scale)


# Checks of what NumPy would broadcast, wrap or truncate silently


def _array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return `value` in float64; raise `ShapeError` unless it has this shape, where None is any length."""
    array = np.asarray(value, np.float64)
    fits = [wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=False)]
    if array.ndim != len(shape) or not all(fits):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise ShapeError(f"{name} has shape {array.shape}: give an array of shape ({wanted})")
    return array


def _vector_and_matrix(center: ArrayLike, U: ArrayLike) -> tuple[Array, Array]:
    U = _array("U", U, (None, None))
    return _array("center", center, (U.shape[1],)), U


def _rows(name: str, numbers: ArrayLike, matrix: Array) -> NDArray[np.intp]:
    """Return `numbers`; raise `ShapeError` unless they are integers from 0 to the last row of `matrix`."""
    rows, count = np.asarray(numbers), len(matrix)
    if rows.ndim != 1:
        raise ShapeError(f"{name} has shape {rows.shape}: give a one-dimensional list of row numbers")
    if rows.size and rows.dtype.kind not in "iu":
        raise ShapeError(f"{name} holds {rows.dtype} values: give whole row numbers")
    wrong = rows[(rows < 0) | (rows >= count)]
    if wrong.size:
        raise ShapeError(f"{name} holds {wrong[0]}, which is not a row: give numbers from 0 to {count - 1}")
    return rows.astype(np.intp)


def _row(name: str, number: int, matrix: Array) -> int:
    return int(_rows(name, [number], matrix)[0])
