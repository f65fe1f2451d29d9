"""One pair of words by hand, with every number: what `firth gradcheck --example` prints.

The vocabulary is "I", "He", "We", a vector has two numbers, the center word is "I" and the outside word "We". The
numbers are computed by `firth.objectives`, and docs/derivation.md has the same table.
"""

from typing import NamedTuple

import numpy as np

from firth.objectives import Array, negative_sampling, one_hot, one_hot_network, sigmoid, softmax

WORDS = ("I", "He", "We")
CENTER, OUTSIDE = 0, 2
NOISE = (0, 1)
RATE = 0.5
CENTER_VECTORS = np.array([[0.5, 1.0], [-1.0, 0.5], [0.2, -0.4]])  # (V, D): the columns of W_1
OUTSIDE_VECTORS = np.array([[0.4, -0.2], [0.1, 0.3], [-0.3, 0.6]])  # (V, D): the rows of U = W_2


class Quantity(NamedTuple):
    """One line of the example: a symbol, its formula, the number of its equation, and its value.

    `value` is float64: a number, a vector, or a matrix.
    """

    symbol: str
    formula: str
    equation: str
    value: Array


def softmax_example() -> list[Quantity]:
    """Return the forward pass, the loss, every gradient, a step and the loss after it, for the naive softmax."""
    W_1, W_2 = CENTER_VECTORS.T, OUTSIDE_VECTORS
    x, y = one_hot(CENTER, len(WORDS)), one_hot(OUTSIDE, len(WORDS))
    loss, gradients = one_hot_network(x, y, W_1, W_2)
    after_1, after_2 = W_1 - RATE * gradients.W_1, W_2 - RATE * gradients.W_2
    return [
        Quantity("W_1", "columns v_I, v_He, v_We", "1", W_1),
        Quantity("W_2", "rows u_I, u_He, u_We", "", W_2),
        Quantity("x", 'one-hot vector of "I"', "1", x),
        Quantity("h", "W_1 x = v_c", "1", W_1 @ x),
        Quantity("z", "W_2 h", "", W_2 @ W_1 @ x),
        Quantity("ŷ", "softmax(z)", "2", softmax(W_2 @ W_1 @ x)),
        Quantity("y", 'one-hot vector of "We"', "", y),
        Quantity("L", "-log ŷ_o", "5a", np.array(loss)),
        Quantity("e", "ŷ - y = ∂L/∂z", "7", gradients.z),
        Quantity("∂L/∂W_2", "e hᵀ", "8", gradients.W_2),
        Quantity("∂L/∂h", "W_2ᵀ e", "9", gradients.h),
        Quantity("∂L/∂W_1", "W_2ᵀ e xᵀ", "10", gradients.W_1),
        Quantity("W_2", "after the step W_2 - η ∂L/∂W_2", "", after_2),
        Quantity("W_1", "after the step W_1 - η ∂L/∂W_1", "", after_1),
        Quantity("L", "after the step", "", np.array(one_hot_network(x, y, after_1, after_2)[0])),
    ]


def sampling_example() -> list[Quantity]:
    """Return the scores, the loss, every gradient, a step and the loss after it, for K = 2 noise words."""
    v_c, U = CENTER_VECTORS[CENTER], OUTSIDE_VECTORS
    rows = [OUTSIDE, *NOISE]
    loss, d_center, d_U = negative_sampling(v_c, OUTSIDE, NOISE, U)
    after_c, after_U = v_c - RATE * d_center, U - RATE * d_U
    return [
        Quantity("s", "(u_o, u_k1, u_k2) · v_c", "17b", U[rows] @ v_c),
        Quantity("σ(s)", "probability of being from the text", "4", sigmoid(U[rows] @ v_c)),
        Quantity("J", "-log σ(s_0) - log σ(-s_1) - log σ(-s_2)", "16", np.array(loss)),
        Quantity("e", "σ(s) - (1, 0, 0)", "17b", sigmoid(U[rows] @ v_c) - one_hot(0, len(rows))),
        Quantity("∂J/∂v_c", "e_0 u_o + e_1 u_k1 + e_2 u_k2", "17", d_center),
        Quantity("∂J/∂u_o", "e_0 v_c", "17a", d_U[OUTSIDE]),
        Quantity("∂J/∂u_k", "e_1 v_c and e_2 v_c, as rows", "17a", d_U[list(NOISE)]),
        Quantity("v_c", "after the step v_c - η ∂J/∂v_c", "", after_c),
        Quantity("U", "after the step U - η ∂J/∂U", "", after_U),
        Quantity("J", "after the step", "", np.array(negative_sampling(after_c, OUTSIDE, NOISE, after_U)[0])),
    ]
