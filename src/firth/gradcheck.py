"""Gradient check of every equation of `firth.objectives`: the table that `firth gradcheck` prints.

`EQUATIONS` has one line for each equation. A line makes a loss from a random `Example`, and names the parameter to
differentiate by, or some of its rows; `gradient_check` measures that derivative by central differences. Functions
are looked up in `firth.objectives` when a check runs, so that tests can replace them.
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
"""The allowed difference, before it is multiplied by 1 + |J|, because the rounding of the loss J grows with J. It is 25
times the error of `objectives.STEP`, near 4e-11; a wrong sign, row or factor makes a difference of 1e-3 or more."""


@dataclass(frozen=True)
class Check:
    """One equation and the largest difference found, as `objectives.gradient_check` defines it."""

    name: str
    equation: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; NaN is not."""
        return self.difference <= self.tolerance


def check_gradients(*, seed: int = 1, V: int = 12, D: int = 6, K: int = 5, m: int = 2) -> list[Check]:
    """Check every gradient of `firth.objectives` on random vectors; return one `Check` for each equation.

      seed  int, at least 0    of the random vectors and words
      V     int, at least 4    words in the vocabulary
      D     int, at least 1    numbers in a vector
      K     int, at least 3    noise words of a pair; one of them is drawn twice
      m     int, at least 1    words of a window on either side of the center

    Raises `OptionError` for other values.
    """
    example = _example(seed, V, D, K, m)
    return [_check(equation, example) for equation in EQUATIONS]


def measured_gradients(
    *, seed: int = 1, V: int = 12, D: int = 6, K: int = 5, m: int = 2
) -> dict[str, tuple[Array, Array]]:
    """Return for each equation its gradient, and the same by central differences: the numbers that are compared.

    Arguments and errors are those of `check_gradients`.
    """
    example = _example(seed, V, D, K, m)
    return {equation.name: objectives.gradient_pairs(*equation.problem(example))[0] for equation in EQUATIONS}


def _example(seed: int, V: int, D: int, K: int, m: int) -> "Example":
    whole("seed", seed, "of the random vectors and words", 0)
    whole("V", V, "words in the vocabulary", 4)
    whole("D", D, "numbers in a vector", 1)
    whole("K", K, "noise words of a pair", 3)
    whole("m", m, "words of a window on either side of the center", 1)
    return Example.random(np.random.default_rng(seed), V, D, K, m)


def _check(equation: "Equation", example: "Example") -> Check:
    function, parameters = equation.problem(example)
    loss = float(function(*parameters)[0])
    difference = gradient_check(function, parameters)
    return Check(equation.name, equation.equation, difference, TOLERANCE * (1.0 + abs(loss)))


@dataclass(frozen=True)
class Example:
    """Random vectors, the words of one window, and a Huffman tree, for every equation."""

    centers: Array  # (V, D) center vectors
    U: Array  # (V, D) outside vectors
    c: int  # the center word
    o: int  # the outside word of the pair
    once: int  # a noise word that is drawn once, not o
    twice: int  # a noise word that is drawn at least twice, not o
    noise: NDArray[np.intp]  # (K,): once, twice, twice, and others that are neither o nor once
    outsides: NDArray[np.intp]  # (2m,): the window, whose last word repeats the first; for CBOW the context, for
    # subwords the rows of the center word
    window_noise: NDArray[np.intp]  # (2m, K): noise words of each pair of the window, any words
    weights: Array  # (V,): makes one loss of a vector of V results
    nodes: Array  # (V - 1, D) vectors of the inner nodes of the tree
    tree: objectives.HuffmanTree  # of random counts
    counts: NDArray[np.int64]  # (V, V): n(c, o) of the 12 pairs of a corpus
    intercept: Array  # (V,): fixed numbers that are added to the scores of a corpus

    @classmethod
    def random(cls, rng: np.random.Generator, V: int, D: int, K: int, m: int) -> "Example":
        """Draw vectors whose scores have a standard deviation of about one, and words as described above."""
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
            nodes=rng.normal(0.0, scale, (V - 1, D)),
            tree=objectives.huffman_tree(np.sort(rng.integers(1, 100, V))[::-1]),
            counts=np.bincount(rng.integers(V * V, size=12), minlength=V * V).reshape(V, V),
            intercept=rng.normal(size=V),
        )

    @property
    def v_c(self) -> Array:
        """The center vector, (D,)."""
        return np.asarray(self.centers[self.c])

    @property
    def others(self) -> NDArray[np.bool_]:
        """The mask of all words but `o`, (V,)."""
        return np.asarray(np.arange(len(self.U)) != self.o)

    @property
    def path(self) -> NDArray[np.int32]:
        """The inner nodes on the path to `o`, rows of `nodes`."""
        return self.tree.path(self.o)[0]

    @property
    def scores(self) -> Array:
        """The scores U v_c, (V,)."""
        return np.asarray(self.U @ self.v_c)


LossOfExample = Callable[[Example], tuple[Callable[..., tuple[Any, ...]], list[Array]]]
"""Makes a function (*parameters) -> (loss, *gradients), and the parameters to check it at."""


class Equation(NamedTuple):
    """One line of the table: the derivative of a loss by some rows of one parameter."""

    name: str
    equation: str
    loss: LossOfExample
    parameter: int = 0
    rows: str | None = None  # the member of `Example` that selects them; None for all

    def problem(self, example: Example) -> tuple[Callable[[Array], tuple[float, Array]], list[Array]]:
        """Return what `gradient_check` takes: a function of these rows -> (loss, gradient), and the rows."""
        function, point = self.loss(example)
        rows = ... if self.rows is None else getattr(example, self.rows)

        def by_rows(values: Array) -> tuple[float, Array]:
            parameters = [parameter.copy() for parameter in point]
            parameters[self.parameter][rows] = values
            loss, *gradients = function(*parameters)
            return loss, gradients[self.parameter][rows]

        return by_rows, [point[self.parameter][rows]]


# Functions of each score: the weights make one loss of their values


def _sigmoid(e: Example) -> Any:
    return lambda s: (e.weights @ objectives.sigmoid(s), e.weights * objectives.sigmoid_derivative(s)), [e.scores]


def _log_sigmoid(e: Example) -> Any:
    return lambda s: (e.weights @ objectives.log_sigmoid(s), e.weights * (1 - objectives.sigmoid(s))), [e.scores]


def _softmax(e: Example) -> Any:
    return lambda z: (e.weights @ objectives.softmax(z), e.weights @ objectives.softmax_jacobian(z)), [e.scores]


# One pair, by v_c and U


def _naive_softmax(e: Example) -> Any:
    return lambda v_c, U: objectives.naive_softmax(v_c, e.o, U), [e.v_c, e.U]


def _sampling(e: Example) -> Any:
    return lambda v_c, U: objectives.negative_sampling(v_c, e.o, e.noise, U), [e.v_c, e.U]


def _outside_is_noise(e: Example) -> Any:
    return lambda v_c, U: objectives.negative_sampling(v_c, e.o, np.append(e.noise, e.o), U), [e.v_c, e.U]


def _hierarchical(e: Example) -> Any:
    return lambda v_c, Q: objectives.hierarchical_softmax(v_c, e.o, Q, e.tree), [e.v_c, e.nodes]


def _both(e: Example) -> Any:
    return lambda v_c, Q, U: objectives.both_losses(v_c, e.o, e.noise, Q, U, e.tree), [e.v_c, e.nodes, e.U]


# One window of skip-gram, by all v_w and U


def _window_softmax(e: Example) -> Any:
    outsides = e.outsides.tolist()
    return lambda centers, U: objectives.skip_gram(e.c, outsides, centers, U, loss=objectives.naive_softmax), [
        e.centers,
        e.U,
    ]


def _window_hierarchical(e: Example) -> Any:
    outsides, loss = e.outsides.tolist(), _along_the_path(e)
    return lambda centers, Q: objectives.skip_gram(e.c, outsides, centers, Q, loss=loss), [e.centers, e.nodes]


def _along_the_path(e: Example) -> objectives.PairLoss:
    return lambda v_c, o, Q: objectives.hierarchical_softmax(v_c, o, Q, e.tree)


def _window_sampling(e: Example) -> Any:
    def function(centers: Array, U: Array) -> tuple[float, Array, Array]:
        noise = iter(e.window_noise)
        loss: objectives.PairLoss = lambda v_c, o, U: objectives.negative_sampling(v_c, o, next(noise), U)  # noqa: E731
        return objectives.skip_gram(e.c, e.outsides.tolist(), centers, U, loss=loss)

    return function, [e.centers, e.U]


# One position of CBOW, by all v_w and U


def _cbow_softmax(combine: objectives.Combination) -> LossOfExample:
    return _cbow(combine, lambda e: objectives.naive_softmax, lambda e: e.U)


def _cbow_sampling(combine: objectives.Combination) -> LossOfExample:
    return _cbow(combine, lambda e: lambda h, o, U: objectives.negative_sampling(h, o, e.noise, U), lambda e: e.U)


def _cbow_hierarchical(combine: objectives.Combination) -> LossOfExample:
    return _cbow(combine, _along_the_path, lambda e: e.nodes)


def _cbow(
    combine: objectives.Combination,
    loss_of: Callable[[Example], objectives.PairLoss],
    outputs: Callable[[Example], Array],
) -> LossOfExample:
    def loss_of_example(e: Example) -> Any:
        loss = loss_of(e)
        return lambda centers, U: objectives.cbow(e.outsides, e.o, centers, U, loss, combine), [e.centers, outputs(e)]

    return loss_of_example


# A pair whose center vector is composed of rows, by Z and U


def _subword_softmax(e: Example) -> Any:
    return lambda Z, U: objectives.subword_pair(e.outsides, e.o, Z, U, objectives.naive_softmax), [e.centers, e.U]


def _subword_sampling(e: Example) -> Any:
    loss: objectives.PairLoss = lambda h, o, U: objectives.negative_sampling(h, o, e.noise, U)  # noqa: E731
    return lambda Z, U: objectives.subword_pair(e.outsides, e.o, Z, U, loss), [e.centers, e.U]


def _subword_hierarchical(e: Example) -> Any:
    loss = _along_the_path(e)
    return lambda Z, Q: objectives.subword_pair(e.outsides, e.o, Z, Q, loss), [e.centers, e.nodes]


# All pairs of a corpus by all v_c and U, and the matrix form of a window by X and Y


def _corpus(e: Example) -> Any:
    return lambda centers, U: objectives.corpus_softmax(e.counts, centers, U), [e.centers, e.U]


def _corpus_with_intercept(e: Example) -> Any:
    return lambda centers, U: objectives.corpus_softmax(e.counts, centers, U, e.intercept), [e.centers, e.U]


def _matrix_form(e: Example) -> Any:
    X, Y = e.centers[e.outsides], e.U[[e.o, *e.noise]]
    T = np.zeros((len(X), len(Y)))
    T[:, 0] = 1.0
    return lambda X, Y: objectives.matrix_sampling(X, Y, T), [X, Y]


# The one-hot network: W_1 has the center vectors as columns, W_2 is U


def _network(name: str, at: Callable[[Example], Array], layers: Callable[[Example, Array], Any]) -> LossOfExample:
    """Differentiate by the variable `name` of `NetworkGradients` at `at`; `layers` makes W_1 and W_2 of its value."""

    def loss_of_example(e: Example) -> Any:
        x, y = (objectives.one_hot(word, len(e.U)) for word in (e.c, e.o))

        def function(value: Array) -> tuple[float, Array]:
            loss, gradients = objectives.one_hot_network(x, y, *layers(e, value))
            return loss, getattr(gradients, name)

        return function, [at(e)]

    return loss_of_example


CENTER, OUTSIDE = 0, 1  # parameters of the losses of a pair, of a window and of a position of CBOW
WINDOW_BY_CENTER = "∂J/∂v_w = 1[w=c] Σ_j ∂J(v_c, w_{t+j}, U)/∂v_c"
WINDOW_BY_U = "∂J/∂U = Σ_j ∂J(v_c, w_{t+j}, U)/∂U"


def _cbow_equations(combine: objectives.Combination, share: str) -> list[Equation]:
    """Return the lines of CBOW for one way to combine the context; `share` is the factor of ∂J/∂h."""
    return [
        Equation(
            f"CBOW, {combine}, naive softmax, by v_w",
            f"∂J/∂v_w = {share} Uᵀ(ŷ - y), r_w the count of w in the context",
            _cbow_softmax(combine),
            CENTER,
        ),
        Equation(f"CBOW, {combine}, naive softmax, by U", "∂J/∂U = (ŷ - y) hᵀ", _cbow_softmax(combine), OUTSIDE),
        Equation(
            f"CBOW, {combine}, negative sampling, by v_w",
            f"∂J/∂v_w = {share} (-(1 - σ(u_o·h)) u_o + Σ_k (1 - σ(-u_k·h)) u_k)",
            _cbow_sampling(combine),
            CENTER,
        ),
        Equation(
            f"CBOW, {combine}, negative sampling, by U",
            "∂J/∂u_w = Σ_k 1[k=w] (1 - σ(-u_w·h)) h - 1[w=o] (1 - σ(u_o·h)) h",
            _cbow_sampling(combine),
            OUTSIDE,
        ),
        Equation(
            f"CBOW, {combine}, hierarchical softmax, by v_w",
            f"∂J/∂v_w = {share} Σ_j (σ(q_j·h) - (1 - β_j)) q_j",
            _cbow_hierarchical(combine),
            CENTER,
        ),
        Equation(
            f"CBOW, {combine}, hierarchical softmax, by Q",
            "∂J/∂q_n = 1[n on the path] (σ(q_n·h) - (1 - β_n)) h",
            _cbow_hierarchical(combine),
            OUTSIDE,
        ),
    ]


EQUATIONS = [
    Equation("sigmoid", "σ′(s) = σ(s) (1 - σ(s))", _sigmoid),
    Equation("log sigmoid", "(log σ)′(s) = 1 - σ(s)", _log_sigmoid),
    Equation("softmax", "∂ŷ_i/∂z_j = ŷ_i (1[i=j] - ŷ_j)", _softmax),
    Equation("naive softmax by v_c", "∂J/∂v_c = Uᵀ(ŷ - y)", _naive_softmax, CENTER),
    Equation("naive softmax by u_o", "∂J/∂u_o = (P(O=o | C=c) - 1) v_c", _naive_softmax, OUTSIDE, "o"),
    Equation("naive softmax by u_w", "∂J/∂u_w = P(O=w | C=c) v_c, w ≠ o", _naive_softmax, OUTSIDE, "others"),
    Equation("naive softmax by U", "∂J/∂U = (ŷ - y) v_cᵀ", _naive_softmax, OUTSIDE),
    Equation(
        "negative sampling by v_c", "∂J/∂v_c = -(1 - σ(u_o·v_c)) u_o + Σ_k (1 - σ(-u_k·v_c)) u_k", _sampling, CENTER
    ),
    Equation("negative sampling by u_o", "∂J/∂u_o = -(1 - σ(u_o·v_c)) v_c", _sampling, OUTSIDE, "o"),
    Equation("negative sampling by u_k", "∂J/∂u_k = (1 - σ(-u_k·v_c)) v_c", _sampling, OUTSIDE, "once"),
    Equation(
        "negative sampling by u_k, drawn r times", "∂J/∂u_k = r (1 - σ(-u_k·v_c)) v_c", _sampling, OUTSIDE, "twice"
    ),
    Equation(
        "negative sampling by u_o, also drawn as noise",
        "∂J/∂u_o = -(1 - σ(u_o·v_c)) v_c + (1 - σ(-u_o·v_c)) v_c",
        _outside_is_noise,
        OUTSIDE,
        "o",
    ),
    Equation(
        "negative sampling by U",
        "∂J/∂u_w = Σ_k 1[k=w] (1 - σ(-u_w·v_c)) v_c - 1[w=o] (1 - σ(u_o·v_c)) v_c",
        _sampling,
        OUTSIDE,
    ),
    Equation("window, naive softmax, by v_w", WINDOW_BY_CENTER, _window_softmax, CENTER),
    Equation("window, naive softmax, by U", WINDOW_BY_U, _window_softmax, OUTSIDE),
    Equation("window, negative sampling, by v_w", WINDOW_BY_CENTER, _window_sampling, CENTER),
    Equation("window, negative sampling, by U", WINDOW_BY_U, _window_sampling, OUTSIDE),
    Equation(
        "network by z",
        "∂L/∂z = e = ŷ - y",
        _network("z", lambda e: e.scores, lambda e, z: (np.ones((1, len(z))), z[:, np.newaxis])),  # h = 1
    ),
    Equation("network by W_2", "∂L/∂W_2 = e hᵀ", _network("W_2", lambda e: e.U, lambda e, W_2: (e.centers.T, W_2))),
    Equation(
        "network by h",
        "∂L/∂h = W_2ᵀ e",
        _network("h", lambda e: e.v_c, lambda e, h: (np.outer(h, objectives.one_hot(e.c, len(e.U))), e.U)),
    ),
    Equation(
        "network by W_1", "∂L/∂W_1 = W_2ᵀ e xᵀ", _network("W_1", lambda e: e.centers.T, lambda e, W_1: (W_1, e.U))
    ),
    Equation("corpus, naive softmax, by v_c", "∂L/∂v_c = Uᵀ(N_c ŷ_c - n_c)", _corpus, CENTER),
    Equation("corpus, naive softmax, by U", "∂L/∂U = Σ_c (N_c ŷ_c - n_c) v_cᵀ", _corpus, OUTSIDE),
    Equation(
        "corpus, softmax with intercept, by v_c",
        "∂L/∂v_c = Uᵀ(N_c ŷ_c - n_c), ŷ_c = softmax(U v_c + b)",
        _corpus_with_intercept,
        CENTER,
    ),
    Equation(
        "corpus, softmax with intercept, by U",
        "∂L/∂U = Σ_c (N_c ŷ_c - n_c) v_cᵀ, ŷ_c = softmax(U v_c + b)",
        _corpus_with_intercept,
        OUTSIDE,
    ),
    Equation("matrix form of a window, by X", "∂(Σ_i J_i)/∂X = G Y, G = σ(X Yᵀ) - T", _matrix_form, CENTER),
    Equation("matrix form of a window, by Y", "∂(Σ_i J_i)/∂Y = Gᵀ X, G = σ(X Yᵀ) - T", _matrix_form, OUTSIDE),
    Equation("hierarchical softmax by v_c", "∂J/∂v_c = Σ_j (σ(q_j·v_c) - (1 - β_j)) q_j", _hierarchical, CENTER),
    Equation("hierarchical softmax by q_j", "∂J/∂q_j = (σ(q_j·v_c) - (1 - β_j)) v_c", _hierarchical, OUTSIDE, "path"),
    Equation(
        "hierarchical softmax by Q", "∂J/∂q_n = 1[n on the path] (σ(q_n·v_c) - (1 - β_n)) v_c", _hierarchical, OUTSIDE
    ),
    Equation(
        "window, hierarchical softmax, by v_w",
        "∂J/∂v_w = 1[w=c] Σ_j ∂J(v_c, w_{t+j}, Q)/∂v_c",
        _window_hierarchical,
        CENTER,
    ),
    Equation("window, hierarchical softmax, by Q", "∂J/∂Q = Σ_j ∂J(v_c, w_{t+j}, Q)/∂Q", _window_hierarchical, OUTSIDE),
    *_cbow_equations("mean", "(r_w/M)"),
    *_cbow_equations("sum", "r_w"),
    Equation(
        "subwords, naive softmax, by Z",
        "∂J/∂Z_g = (r_g/M) Uᵀ(ŷ - y), r_g the count of g among the M rows",
        _subword_softmax,
        CENTER,
    ),
    Equation("subwords, naive softmax, by U", "∂J/∂U = (ŷ - y) hᵀ", _subword_softmax, OUTSIDE),
    Equation(
        "subwords, negative sampling, by Z",
        "∂J/∂Z_g = (r_g/M) (-(1 - σ(u_o·h)) u_o + Σ_k (1 - σ(-u_k·h)) u_k)",
        _subword_sampling,
        CENTER,
    ),
    Equation(
        "subwords, negative sampling, by U",
        "∂J/∂u_w = Σ_k 1[k=w] (1 - σ(-u_w·h)) h - 1[w=o] (1 - σ(u_o·h)) h",
        _subword_sampling,
        OUTSIDE,
    ),
    Equation(
        "subwords, hierarchical softmax, by Z",
        "∂J/∂Z_g = (r_g/M) Σ_j (σ(q_j·h) - (1 - β_j)) q_j",
        _subword_hierarchical,
        CENTER,
    ),
    Equation(
        "subwords, hierarchical softmax, by Q",
        "∂J/∂q_n = 1[n on the path] (σ(q_n·h) - (1 - β_n)) h",
        _subword_hierarchical,
        OUTSIDE,
    ),
    Equation(
        "both losses by v_c",
        "∂J/∂v_c = Σ_j (σ(q_j·v_c) - (1 - β_j)) q_j - (1 - σ(u_o·v_c)) u_o + Σ_k (1 - σ(-u_k·v_c)) u_k",
        _both,
        CENTER,
    ),
    Equation("both losses by Q", "∂J/∂q_n = 1[n on the path] (σ(q_n·v_c) - (1 - β_n)) v_c", _both, OUTSIDE),
    Equation("both losses by U", "∂J/∂u_w = Σ_k 1[k=w] (1 - σ(-u_w·v_c)) v_c - 1[w=o] (1 - σ(u_o·v_c)) v_c", _both, 2),
]
"""The lines of the table, in the order of docs/derivation.md."""
