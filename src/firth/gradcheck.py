"""Every equation of `firth.objectives` beside its measured gradient: the table that `firth gradcheck` prints.

`EQUATIONS` has one line for each equation. Each turns a random `Example` into a function of the one parameter
that the equation differentiates by, and `gradient_check` measures that function by central differences. The
functions are looked up in `firth.objectives` when a check runs, so what is checked is what is in use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth import objectives
from firth.objectives import Array, gradient_check
from firth.options import whole

TOLERANCE = 1e-9
"""The difference allowed, times 1 + |J|, as rounding of the loss J grows with it. It is 25 times the error
near 4e-11 that `objectives.STEP` leaves; a wrong sign, row or factor makes a difference of 1e-3 or more."""


@dataclass(frozen=True)
class Check:
    """One equation and the largest difference found, as `objectives.gradient_check` defines it."""

    name: str
    equation: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.difference <= self.tolerance


def check_gradients(*, seed: int = 1, V: int = 12, D: int = 6, K: int = 5, m: int = 2) -> list[Check]:
    """Check every gradient of `firth.objectives` on random vectors; return one `Check` for each equation.

      seed  int, at least 0    of the random vectors and word numbers
      V     int, at least 4    words in the vocabulary
      D     int, at least 1    numbers in a vector
      K     int, at least 3    noise words of a pair; one of them is drawn twice
      m     int, at least 1    words of a window to either side of the center

    Raises `OptionError` for anything else.
    """
    whole("seed", seed, "of the random vectors and word numbers", 0)
    whole("V", V, "words in the vocabulary", 4)
    whole("D", D, "numbers in a vector", 1)
    whole("K", K, "noise words of a pair", 3)
    whole("m", m, "words of a window to either side of the center", 1)
    example = Example.random(np.random.default_rng(seed), V, D, K, m)
    return [_check(equation, example) for equation in EQUATIONS]


def _check(equation: "Equation", example: "Example") -> Check:
    function, parameters = equation.problem(example)
    loss = float(function(*parameters)[0])
    difference = gradient_check(function, parameters)
    return Check(equation.name, equation.equation, difference, TOLERANCE * (1.0 + abs(loss)))


@dataclass(frozen=True)
class Example:
    """Random vectors and the words of one window, from which every equation takes what it needs.

    centers   (V, D)      center vectors, of which row `c` is v_c
    U         (V, D)      outside vectors
    o         int         the outside word of the pair
    once      int         a noise word that is drawn once, not o
    twice     int         a noise word that is drawn at least twice, not o
    noise     (K,)        noise words: once, twice, twice, and others that are neither o nor once
    outsides  (2m,)       the window; its first word comes twice
    window_noise (2m, K)  noise words of each pair of the window, any words at all
    weights   (V,)        turns a vector of V results into one loss
    """

    centers: Array
    U: Array
    c: int
    o: int
    once: int
    twice: int
    noise: NDArray[np.intp]
    outsides: NDArray[np.intp]
    window_noise: NDArray[np.intp]
    weights: Array

    @classmethod
    def random(cls, rng: np.random.Generator, V: int, D: int, K: int, m: int) -> "Example":
        """Draw vectors whose scores spread by about one, and words that meet the conditions above."""
        scale = D**-0.25  # the sum of D products of two such numbers has variance 1
        o, once, twice, *_ = others = rng.permutation(V)
        window = rng.integers(V, size=2 * m)
        window[-1] = window[0]
        return cls(
            centers=rng.normal(0.0, scale, (V, D)),
            U=rng.normal(0.0, scale, (V, D)),
            c=int(rng.integers(V)),
            o=int(o),
            once=int(once),
            twice=int(twice),
            noise=np.concatenate([[once, twice, twice], rng.choice(others[2:], K - 3)]),
            outsides=window,
            window_noise=rng.integers(V, size=(2 * m, K)),
            weights=rng.normal(size=V),
        )

    @property
    def v_c(self) -> Array:
        """The center vector, (D,)."""
        return np.asarray(self.centers[self.c])

    @property
    def scores(self) -> Array:
        """The scores U v_c, (V,)."""
        return np.asarray(self.U @ self.v_c)


Problem = tuple[Callable[..., tuple[Any, ...]], list[Array]]
"""What `gradient_check` takes: a function (*parameters) -> (loss, *gradients), and the parameters."""


class Equation(NamedTuple):
    """One line of the table."""

    name: str
    equation: str
    problem: Callable[[Example], Problem]


# Results with an entry for each score: the weights make one loss of them


def _sigmoid(example: Example) -> Problem:
    a = example.weights
    return lambda x: (a @ objectives.sigmoid(x), a * objectives.sigmoid_derivative(x)), [example.scores]


def _log_sigmoid(example: Example) -> Problem:
    a = example.weights
    return lambda x: (a @ objectives.log_sigmoid(x), a * (1.0 - objectives.sigmoid(x))), [example.scores]


def _softmax(example: Example) -> Problem:
    a = example.weights
    return lambda z: (a @ objectives.softmax(z), a @ objectives.softmax_jacobian(z)), [example.scores]


# One pair: the gradient by the center vector, by some rows of U, by all of U

Pair = Callable[[Example, Array, Array], tuple[float, Array, Array]]


def _naive_softmax(example: Example, v_c: Array, U: Array) -> tuple[float, Array, Array]:
    return objectives.naive_softmax(v_c, example.o, U)


def _negative_sampling(example: Example, v_c: Array, U: Array) -> tuple[float, Array, Array]:
    return objectives.negative_sampling(v_c, example.o, example.noise, U)


def _noise_is_outside(example: Example, v_c: Array, U: Array) -> tuple[float, Array, Array]:
    return objectives.negative_sampling(v_c, example.o, np.append(example.noise, example.o), U)


def _by_center(pair: Pair) -> Callable[[Example], Problem]:
    return lambda example: (lambda v_c: pair(example, v_c, example.U)[:2], [example.v_c])


def _by_rows(pair: Pair, rows: Callable[[Example], Any]) -> Callable[[Example], Problem]:
    """Differentiate by the rows `rows(example)` of U alone."""

    def problem(example: Example) -> Problem:
        chosen = rows(example)

        def function(moved: Array) -> tuple[float, Array]:
            U = example.U.copy()
            U[chosen] = moved
            loss, _, d_U = pair(example, example.v_c, U)
            return loss, d_U[chosen]

        return function, [example.U[chosen]]

    return problem


def _every_row(example: Example) -> slice:
    return slice(None)


def _other_rows(example: Example) -> NDArray[np.intp]:
    return np.delete(np.arange(len(example.U)), example.o)


# One window


def _window_softmax(example: Example, centers: Array, U: Array) -> tuple[float, Array, Array]:
    return objectives.skip_gram(example.c, example.outsides.tolist(), centers, U, loss=objectives.naive_softmax)


def _window_negative_sampling(example: Example, centers: Array, U: Array) -> tuple[float, Array, Array]:
    noise = iter(example.window_noise)

    def loss(v_c: Array, o: int, U: Array) -> tuple[float, Array, Array]:
        return objectives.negative_sampling(v_c, o, next(noise), U)

    return objectives.skip_gram(example.c, example.outsides.tolist(), centers, U, loss=loss)


def _by_centers(window: Pair) -> Callable[[Example], Problem]:
    return lambda example: (lambda V: window(example, V, example.U)[:2], [example.centers])


def _by_outsides(window: Pair) -> Callable[[Example], Problem]:
    return lambda example: (lambda U: window(example, example.centers, U)[::2], [example.U])


# The one-hot network, whose W_1 has the center vectors as columns and whose W_2 is U


def _network(example: Example, W_1: Array, W_2: Array) -> tuple[float, objectives.NetworkGradients]:
    V = len(example.U)
    x, y = objectives.one_hot(example.c, V), objectives.one_hot(example.o, V)
    return objectives.one_hot_network(x, y, W_1, W_2)


def _by_z(example: Example) -> Problem:
    def function(z: Array) -> tuple[float, Array]:
        W_1 = np.ones((1, len(z)))  # h is the number 1, so z is W_2 itself
        loss, gradients = _network(example, W_1, z[:, np.newaxis])
        return loss, gradients.z

    return function, [example.scores]


def _by_h(example: Example) -> Problem:
    def function(h: Array) -> tuple[float, Array]:
        W_1 = example.centers.T.copy()
        W_1[:, example.c] = h  # the column that x picks
        loss, gradients = _network(example, W_1, example.U)
        return loss, gradients.h

    return function, [example.v_c]


def _by_first_layer(example: Example) -> Problem:
    def function(W_1: Array) -> tuple[float, Array]:
        loss, gradients = _network(example, W_1, example.U)
        return loss, gradients.W_1

    return function, [example.centers.T]


def _by_second_layer(example: Example) -> Problem:
    def function(W_2: Array) -> tuple[float, Array]:
        loss, gradients = _network(example, example.centers.T, W_2)
        return loss, gradients.W_2

    return function, [example.U]


EQUATIONS = [
    Equation("sigmoid", "σ′(x) = σ(x) (1 - σ(x))", _sigmoid),
    Equation("log sigmoid", "(log σ)′(x) = 1 - σ(x)", _log_sigmoid),
    Equation("softmax", "∂ŷ_i/∂z_j = ŷ_i (1[i=j] - ŷ_j)", _softmax),
    Equation("naive softmax by v_c", "∂J/∂v_c = Uᵀ(ŷ - y)", _by_center(_naive_softmax)),
    Equation(
        "naive softmax by u_o",
        "∂J/∂u_o = (P(O=o | C=c) - 1) v_c",
        _by_rows(_naive_softmax, lambda example: example.o),
    ),
    Equation("naive softmax by u_w", "∂J/∂u_w = P(O=w | C=c) v_c, w ≠ o", _by_rows(_naive_softmax, _other_rows)),
    Equation("naive softmax by U", "∂J/∂U = (ŷ - y) v_cᵀ", _by_rows(_naive_softmax, _every_row)),
    Equation(
        "negative sampling by v_c",
        "∂J/∂v_c = -(1 - σ(u_o·v_c)) u_o + Σ_k (1 - σ(-u_k·v_c)) u_k",
        _by_center(_negative_sampling),
    ),
    Equation(
        "negative sampling by u_o",
        "∂J/∂u_o = -(1 - σ(u_o·v_c)) v_c",
        _by_rows(_negative_sampling, lambda example: example.o),
    ),
    Equation(
        "negative sampling by u_k",
        "∂J/∂u_k = (1 - σ(-u_k·v_c)) v_c",
        _by_rows(_negative_sampling, lambda example: example.once),
    ),
    Equation(
        "negative sampling by u_k, drawn n times",
        "∂J/∂u_k = n (1 - σ(-u_k·v_c)) v_c",
        _by_rows(_negative_sampling, lambda example: example.twice),
    ),
    Equation(
        "negative sampling by u_o, also drawn as noise",
        "∂J/∂u_o = -(1 - σ(u_o·v_c)) v_c + (1 - σ(-u_o·v_c)) v_c",
        _by_rows(_noise_is_outside, lambda example: example.o),
    ),
    Equation(
        "negative sampling by U",
        "∂J/∂u_w = Σ_k 1[k=w] (1 - σ(-u_w·v_c)) v_c - 1[w=o] (1 - σ(u_o·v_c)) v_c",
        _by_rows(_negative_sampling, _every_row),
    ),
    Equation(
        "window, naive softmax, by V",
        "∂J/∂v_w = 1[w=c] Σ_j ∂J(v_c, w_{t+j}, U)/∂v_c",
        _by_centers(_window_softmax),
    ),
    Equation("window, naive softmax, by U", "∂J/∂U = Σ_j ∂J(v_c, w_{t+j}, U)/∂U", _by_outsides(_window_softmax)),
    Equation(
        "window, negative sampling, by V",
        "∂J/∂v_w = 1[w=c] Σ_j ∂J(v_c, w_{t+j}, U)/∂v_c",
        _by_centers(_window_negative_sampling),
    ),
    Equation(
        "window, negative sampling, by U",
        "∂J/∂U = Σ_j ∂J(v_c, w_{t+j}, U)/∂U",
        _by_outsides(_window_negative_sampling),
    ),
    Equation("network by z", "∂L/∂z = e = ŷ - y", _by_z),
    Equation("network by W_2", "∂L/∂W_2 = e hᵀ", _by_second_layer),
    Equation("network by h", "∂L/∂h = W_2ᵀ e", _by_h),
    Equation("network by W_1", "∂L/∂W_1 = W_2ᵀ e xᵀ", _by_first_layer),
]
"""What is checked, in the order of the derivation."""
