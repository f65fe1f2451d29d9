"""The table of gradient checks: every line passes, and fails for the mistakes that concern it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firth import objectives
from firth.errors import OptionError
from firth.gradcheck import EQUATIONS, Check, Example, check_gradients
from firth.objectives import one_hot, sigmoid, softmax

NAMES = [equation.name for equation in EQUATIONS]


@pytest.mark.parametrize("seed", range(10))
def test_every_equation_holds(seed: int):
    checks = check_gradients(seed=seed)
    assert [check.name for check in checks] == NAMES
    assert all(check.passed for check in checks), checks
    assert max(check.tolerance for check in checks) < 1e-7  # far below what a mistake makes


@pytest.mark.parametrize(
    "sizes", [{"V": 4, "D": 1, "K": 3, "m": 1}, {"V": 20, "D": 10, "K": 15, "m": 8}, {"V": 5, "K": 40}]
)
def test_every_equation_holds_at_other_sizes(sizes: dict[str, int]):
    assert all(check.passed for check in check_gradients(**sizes))


def test_every_equation_has_its_own_name_and_a_right_hand_side():
    assert len(set(NAMES)) == len(NAMES) == 53
    assert all(" = " in equation.equation for equation in EQUATIONS)


def test_every_equation_shows_the_derivative_that_its_name_states():
    for equation in EQUATIONS[3:]:  # the others have one parameter
        parameter = equation.name.split(" by ")[1].split(",")[0]
        shown = equation.equation.split(" = ")[0].split("/∂")[-1]
        assert shown in {
            parameter,
            {"U": "u_w", "Q": "q_n", "Z": "Z_g"}.get(parameter),
        }  # a matrix by name or row


def test_the_result_depends_on_the_seed_alone():
    assert check_gradients(seed=3) == check_gradients(seed=np.int64(3))
    assert check_gradients(seed=3) != check_gradients(seed=4)


@pytest.mark.parametrize(
    ("difference", "passed"),
    [(0.0, True), (1e-9, True), (1.1e-9, False), (math.nan, False), (math.inf, False)],
)
def test_a_check_passes_up_to_its_tolerance_and_fails_for_nan(difference: float, passed: bool):
    assert Check("name", "equation", difference, 1e-9).passed is passed


@pytest.mark.parametrize(("name", "least"), [("seed", 0), ("V", 4), ("D", 1), ("K", 3), ("m", 1)])
def test_a_size_that_is_too_small_or_not_whole_is_refused(name: str, least: int):
    for value in (least - 1, least + 0.5, "9"):
        with pytest.raises(OptionError, match=f"{name}=.* is not allowed: give .* at least {least}"):
            check_gradients(**{name: value})


@pytest.mark.parametrize("seed", range(20))
def test_an_example_has_the_words_that_its_equations_need(seed: int):
    V, K, m = 4, 9, 2
    drawn = Example.random(np.random.default_rng(seed), V, 3, K, m)
    noise = drawn.noise.tolist()
    assert len(noise) == K
    assert drawn.o not in noise
    assert noise.count(drawn.once) == 1
    assert noise.count(drawn.twice) >= 2
    assert len({drawn.o, drawn.once, drawn.twice}) == 3
    assert len(drawn.outsides) == 2 * m
    assert drawn.outsides[0] == drawn.outsides[-1]
    assert drawn.nodes.shape == (V - 1, 3)
    assert 0 < len(drawn.path) == drawn.tree.lengths[drawn.o] < V


# Mistakes: a change of the results of an objective, and the lines that must fail


def sampling_with_one_sum(loss: float, d_v: Any, d_U: Any, v_c: Any, o: int, negatives: Any, U: Any) -> Any:
    """Write u_o for u_k in the second sum of the loss."""
    s = U[o] @ v_c
    return -math.log(sigmoid(s)) - len(negatives) * math.log(sigmoid(-s)), d_v, d_U


def with_negatives(select: Callable[[Any, int], Any]) -> Callable[..., Any]:
    """Take ∂J/∂U from some of the noise words, the loss from all."""
    right = objectives.negative_sampling
    return lambda loss, d_v, d_U, v_c, o, negatives, U: (loss, d_v, right(v_c, o, select(negatives, o), U)[2])


def naive_by_outsides(error: Callable[[Any, int], Any]) -> Callable[..., Any]:
    """Take another error for ŷ - y in ∂J/∂U."""
    return lambda loss, d_v, d_U, v_c, o, U: (loss, d_v, np.outer(error(softmax(U @ v_c), o), v_c))


def hierarchical_by_labels(labels: Callable[[Any], Any]) -> Callable[..., Any]:
    """Take other labels than 1 - code, in both gradients."""

    def change(loss: float, d_v: Any, d_Q: Any, v_c: Any, o: int, Q: Any, tree: objectives.HuffmanTree) -> Any:
        nodes, codes = tree.path(o)
        e, d_Q = sigmoid(Q[nodes] @ v_c) - labels(codes), np.zeros_like(Q)
        d_Q[nodes] = np.outer(e, v_c)
        return loss, e @ Q[nodes], d_Q

    return change


def cbow_inputs(factor: Callable[[str, int], float]) -> Callable[..., Any]:
    """Multiply ∂J/∂V by a factor of (combine, M)."""
    return lambda loss, d_V, d_U, context, o, centers, U, _, combine: (loss, d_V * factor(combine, len(context)), d_U)


def cbow_outputs(factor: Callable[[str, int], float]) -> Callable[..., Any]:
    """Multiply ∂J/∂U by a factor of (combine, M)."""
    return lambda loss, d_V, d_U, context, o, V, U, _, combine: (loss, d_V, d_U * factor(combine, len(context)))


def cbow_without_repeats(loss: float, d_V: Any, d_U: Any, context: Any, *_: Any) -> Any:
    return loss, d_V / np.maximum(1, np.bincount(context, minlength=len(d_V)))[:, np.newaxis], d_U


def corpus_without_a_center(loss: float, d_v: Any, d_U: Any, n: Any, centers: Any, U: Any, b: Any = 0.0) -> Any:
    c = np.argmax(n.sum(axis=1))
    return loss, d_v, d_U - np.outer(n[c].sum() * softmax(U @ centers[c] + b) - n[c], centers[c])


def corpus_without_intercept(loss: float, d_v: Any, d_U: Any, n: Any, centers: Any, U: Any, *_: Any) -> Any:
    E = n.sum(axis=1, keepdims=True) * softmax(centers @ U.T) - n
    return loss, E @ U, E.T @ centers


def composed_lines(end: str) -> set[str]:
    """Return the lines of CBOW and of subwords, whose gradients are made of those of a pair."""
    return {name for name in NAMES if name.startswith(("CBOW", "subwords")) and name.endswith(end)}


NAIVE_BY_U = {"naive softmax by U", "window, naive softmax, by U"} | composed_lines("naive softmax, by U")
NAIVE_BY_CENTER = (
    {"naive softmax by v_c", "window, naive softmax, by v_w"}
    | composed_lines("naive softmax, by v_w")
    | {"subwords, naive softmax, by Z"}
)
SAMPLING = {name for name in NAMES if "negative sampling" in name} | {"both losses by v_c", "both losses by U"}
SAMPLING_BY_U = {"negative sampling by U", "window, negative sampling, by U", "both losses by U"} | composed_lines(
    "negative sampling, by U"
)
HIERARCHICAL = {name for name in NAMES if "hierarchical softmax" in name} | {"both losses by v_c", "both losses by Q"}
HIERARCHICAL_BY_Q = {name for name in HIERARCHICAL if name.endswith("by Q")} | {"hierarchical softmax by q_j"}
CBOW_MEAN = {name for name in NAMES if name.startswith("CBOW, mean")}
CBOW_SUM = {name for name in NAMES if name.startswith("CBOW, sum")}
CBOW_BY_V = {name for name in CBOW_MEAN | CBOW_SUM if name.endswith("by v_w")}
SUBWORDS_BY_Z = {name for name in NAMES if name.startswith("subwords") and name.endswith("by Z")}
SUBWORDS_BY_OUTPUT = {name for name in NAMES if name.startswith("subwords")} - SUBWORDS_BY_Z
BY_U_O = {"negative sampling by u_o", "negative sampling by u_o, also drawn as noise"}
NETWORK = {name for name in NAMES if name.startswith("network")}

MISTAKES: dict[str, tuple[str, Callable[..., Any], set[str]]] = {
    "σ for σ′": ("sigmoid_derivative", lambda right, x: sigmoid(x), {"sigmoid"}),
    "log σ without its minus sign": ("log_sigmoid", lambda right, x: -right, {"log sigmoid"} | SAMPLING | HIERARCHICAL),
    "no term for i = j": ("softmax_jacobian", lambda right, z: -np.outer(softmax(z), softmax(z)), {"softmax"}),
    "the wrong sign": ("naive_softmax", lambda loss, d_v, d_U, *_: (loss, -d_v, d_U), NAIVE_BY_CENTER),
    "not a number": ("naive_softmax", lambda loss, d_v, d_U, *_: (loss, d_v * math.nan, d_U), NAIVE_BY_CENTER),
    "y left out": ("naive_softmax", naive_by_outsides(lambda y_hat, o: y_hat), {"naive softmax by u_o"} | NAIVE_BY_U),
    "P(O=o) for P(O=w)": (
        "naive_softmax",
        naive_by_outsides(lambda y_hat, o: y_hat[o] - one_hot(o, len(y_hat))),
        {"naive softmax by u_w"} | NAIVE_BY_U,
    ),
    "the next row of ∂J/∂U": (
        "naive_softmax",
        naive_by_outsides(lambda y_hat, o: np.roll(y_hat - one_hot(o, len(y_hat)), 1)),
        {"naive softmax by u_o", "naive softmax by u_w"} | NAIVE_BY_U,
    ),
    "u_o for u_k in the loss": ("negative_sampling", sampling_with_one_sum, SAMPLING),
    "u_o as noise in ∂J/∂v_c": (
        "negative_sampling",
        lambda loss, d_v, d_U, v_c, o, negatives, U: (loss, d_v + sigmoid(U[o] @ v_c) * U[o], d_U),
        {"negative sampling by v_c", "window, negative sampling, by v_w", "both losses by v_c"}
        | composed_lines("negative sampling, by v_w")
        | {"subwords, negative sampling, by Z"},
    ),
    "∂J/∂u_o left out": (
        "negative_sampling",
        lambda loss, d_v, d_U, v_c, o, _, U: (loss, d_v, np.where(np.arange(len(U)) == o, 0, d_U.T).T),
        BY_U_O | SAMPLING_BY_U,
    ),
    "a repeated noise word counted once": (
        "negative_sampling",
        with_negatives(lambda negatives, o: np.unique(negatives)),
        {"negative sampling by u_k, drawn r times"} | SAMPLING_BY_U,
    ),
    "the first noise word left out": (
        "negative_sampling",
        with_negatives(lambda negatives, o: negatives[1:]),
        {"negative sampling by u_k"} | SAMPLING_BY_U,
    ),
    "a noise word equal to the outside word skipped": (
        "negative_sampling",
        with_negatives(lambda negatives, o: [k for k in negatives if k != o]),
        {"negative sampling by u_o, also drawn as noise", "window, negative sampling, by U"},
    ),
    "the next row of ∂J/∂V": (
        "skip_gram",
        lambda loss, d_V, d_U, *_: (loss, np.roll(d_V, 1, axis=0), d_U),
        {"window, naive softmax, by v_w", "window, negative sampling, by v_w", "window, hierarchical softmax, by v_w"},
    ),
    "the mean of ∂J/∂U for the sum": (
        "skip_gram",
        lambda loss, d_V, d_U, c, outsides, *_: (loss, d_V, d_U / len(outsides)),
        {"window, naive softmax, by U", "window, negative sampling, by U", "window, hierarchical softmax, by Q"},
    ),
    "the code for the label": ("hierarchical_softmax", hierarchical_by_labels(lambda codes: codes), HIERARCHICAL),
    "the wrong sign of ∂J/∂v_c along the path": (
        "hierarchical_softmax",
        lambda loss, d_v, d_Q, *_: (loss, -d_v, d_Q),
        {"hierarchical softmax by v_c", "window, hierarchical softmax, by v_w", "both losses by v_c"}
        | composed_lines("hierarchical softmax, by v_w")
        | {"subwords, hierarchical softmax, by Z"},
    ),
    "the next row of ∂J/∂Q": (
        "hierarchical_softmax",
        lambda loss, d_v, d_Q, *_: (loss, d_v, np.roll(d_Q, 1, axis=0)),
        HIERARCHICAL_BY_Q,
    ),
    "a gradient for nodes off the path": (
        "hierarchical_softmax",
        lambda loss, d_v, d_Q, *_: (loss, d_v, np.where(d_Q.any(axis=1), 0, 0.1)[:, np.newaxis] + d_Q),
        HIERARCHICAL_BY_Q - {"hierarchical softmax by q_j"},
    ),
    "the mean of both gradients": (
        "both_losses",
        lambda loss, d_v, d_Q, d_U, *_: (loss, d_v / 2, d_Q / 2, d_U / 2),
        {name for name in NAMES if name.startswith("both losses")},
    ),
    "no factor 1/M for the mean": (
        "cbow",
        cbow_inputs(lambda combine, M: M if combine == "mean" else 1),
        CBOW_BY_V & CBOW_MEAN,
    ),
    "a factor 1/M for the sum": (
        "cbow",
        cbow_inputs(lambda combine, M: 1 / M if combine == "sum" else 1),
        CBOW_BY_V & CBOW_SUM,
    ),
    "a repeated word of the context counted once": ("cbow", cbow_without_repeats, CBOW_BY_V),
    "the sum of the context in ∂J/∂U of the mean": (
        "cbow",
        cbow_outputs(lambda combine, M: M if combine == "mean" else 1),
        CBOW_MEAN - CBOW_BY_V,
    ),
    "the mean of the context in ∂J/∂U of the sum": (
        "cbow",
        cbow_outputs(lambda combine, M: 1 / M if combine == "sum" else 1),
        CBOW_SUM - CBOW_BY_V,
    ),
    "no factor 1/n for the rows of a word": (
        "subword_pair",
        lambda loss, d_Z, d_U, rows, *_: (loss, d_Z * len(rows), d_U),
        SUBWORDS_BY_Z,
    ),
    "a repeated row of a word counted once": ("subword_pair", cbow_without_repeats, SUBWORDS_BY_Z),
    "the sum of the rows in ∂J/∂U": (
        "subword_pair",
        lambda loss, d_Z, d_U, rows, *_: (loss, d_Z, d_U * len(rows)),
        SUBWORDS_BY_OUTPUT,
    ),
    "observed minus expected counts by v_c": (
        "corpus_softmax",
        lambda loss, d_v, d_U, *_: (loss, -d_v, d_U),
        {"corpus, naive softmax, by v_c", "corpus, softmax with intercept, by v_c"},
    ),
    "a center left out of the sum of outer products": (
        "corpus_softmax",
        corpus_without_a_center,
        {"corpus, naive softmax, by U", "corpus, softmax with intercept, by U"},
    ),
    "the intercept left out of ŷ": (
        "corpus_softmax",
        corpus_without_intercept,
        {"corpus, softmax with intercept, by v_c", "corpus, softmax with intercept, by U"},
    ),
    "the labels left out of G Y": (
        "matrix_sampling",
        lambda loss, d_X, d_Y, X, Y, T: (loss, sigmoid(X @ Y.T) @ Y, d_Y),
        {"matrix form of a window, by X"},
    ),
    "one row of X in Gᵀ X": (
        "matrix_sampling",
        lambda loss, d_X, d_Y, X, Y, T: (loss, d_X, np.outer((sigmoid(X @ Y.T) - T)[0], X[0])),
        {"matrix form of a window, by Y"},
    ),
    "the loss without its minus sign": ("cross_entropy", lambda loss, e, *_: (-loss, e), NETWORK),
    "y - ŷ for e": ("cross_entropy", lambda loss, e, *_: (loss, -e), NETWORK),
    "W_2ᵀ e for each column": (
        "one_hot_network",
        lambda loss, g, x, *_: (loss, g._replace(W_1=np.outer(g.h, np.ones_like(x)))),
        {"network by W_1"},
    ),
    "h left out": (
        "one_hot_network",
        lambda loss, g, *_: (loss, g._replace(W_2=np.outer(g.z, np.ones(len(g.h))))),
        {"network by W_2"},
    ),
    "W_2ᵀ y for ∂L/∂h": (
        "one_hot_network",
        lambda loss, g, x, y, W_1, W_2: (loss, g._replace(h=W_2.T @ y)),
        {"network by h"},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_fails_the_lines_it_concerns_and_no_others(mistake: str, monkeypatch):
    name, change, expected = MISTAKES[mistake]
    right = getattr(objectives, name)

    def wrong(*args: Any, **options: Any) -> Any:
        results = right(*args, **options)
        return change(*(results if isinstance(results, tuple) else (results,)), *args)

    monkeypatch.setattr(objectives, name, wrong)
    assert {check.name for check in check_gradients() if not check.passed} == expected


def test_no_two_lines_fail_for_the_same_mistakes():
    """So no line checks the derivative of another."""
    failures = {name: {mistake for mistake, (*_, lines) in MISTAKES.items() if name in lines} for name in NAMES}
    assert all(failures.values())
    assert len(set(map(frozenset, failures.values()))) == len(NAMES)
