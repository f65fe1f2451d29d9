"""The table of gradient checks passes, its formulas are what is checked, and no planted mistake gets by."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firth import objectives
from firth.errors import OptionError
from firth.gradcheck import EQUATIONS, Check, Example, check_gradients
from firth.objectives import one_hot, sigmoid, softmax

NAMES = [equation.name for equation in EQUATIONS]


def failed() -> set[str]:
    return {check.name for check in check_gradients() if not check.passed}


@pytest.mark.parametrize("seed", range(10))
def test_every_equation_holds(seed: int):
    checks = check_gradients(seed=seed)
    assert [check.name for check in checks] == NAMES
    assert all(check.passed for check in checks), checks


@pytest.mark.parametrize(
    "sizes", [{"V": 4, "D": 1, "K": 3, "m": 1}, {"V": 20, "D": 10, "K": 15, "m": 8}, {"V": 5, "K": 40}]
)
def test_every_equation_holds_at_other_sizes(sizes: dict[str, int]):
    assert all(check.passed for check in check_gradients(**sizes))


def test_every_equation_is_named_once_and_has_a_right_hand_side():
    assert len(set(NAMES)) == len(NAMES) == 21
    assert all(" = " in equation.equation for equation in EQUATIONS)


def test_the_seed_alone_decides_the_figures():
    assert check_gradients(seed=3) == check_gradients(seed=np.int64(3))
    assert check_gradients(seed=3) != check_gradients(seed=4)


@pytest.mark.parametrize(
    ("difference", "passed"),
    [(0.0, True), (1e-9, True), (1.1e-9, False), (math.nan, False), (math.inf, False)],
)
def test_a_check_passes_up_to_its_tolerance_and_not_without_a_number(difference: float, passed: bool):
    assert Check("name", "equation", difference, 1e-9).passed is passed


def test_tolerances_stay_far_below_what_a_mistake_makes():
    assert max(check.tolerance for check in check_gradients()) < 1e-7


@pytest.mark.parametrize(("name", "least"), [("seed", 0), ("V", 4), ("D", 1), ("K", 3), ("m", 1)])
def test_a_size_too_small_or_not_whole_is_refused(name: str, least: int):
    for value in (least - 1, least + 0.5, "9"):
        with pytest.raises(OptionError, match=f"{name}=.* is not allowed: give .* at least {least}"):
            check_gradients(**{name: value})


@pytest.mark.parametrize("seed", range(20))
def test_an_example_draws_the_words_that_its_equations_need(seed: int):
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


# The formula that a line shows is the gradient that the line checks


def weighed(jacobian: Callable[[Example], Any]) -> Callable[[Example], Any]:
    return lambda e: e.weights @ jacobian(e)


def probability(e: Example) -> np.ndarray:
    return softmax(e.scores)


def score(e: Example, w: int) -> float:
    return float(e.U[w] @ e.v_c)


def noise_gradient(e: Example, w: int, times: int) -> np.ndarray:
    return times * (1 - sigmoid(-score(e, w))) * e.v_c


def outside_gradient(e: Example) -> np.ndarray:
    return -(1 - sigmoid(score(e, e.o))) * e.v_c


def sampling_by_outsides(e: Example) -> np.ndarray:
    rows = [noise_gradient(e, w, e.noise.tolist().count(w)) for w in range(len(e.U))]
    rows[e.o] = rows[e.o] + outside_gradient(e)
    return np.array(rows)


def sampling_by_center(e: Example) -> np.ndarray:
    noise = sum((1 - sigmoid(-score(e, k))) * e.U[k] for k in e.noise)
    return -(1 - sigmoid(score(e, e.o))) * e.U[e.o] + noise


def softmax_error(e: Example) -> np.ndarray:
    return probability(e) - one_hot(e.o, len(e.U))


def pairs_of_window(e: Example) -> list[Example]:
    return [replace(e, o=int(o), noise=noise) for o, noise in zip(e.outsides, e.window_noise, strict=True)]


def window_by_centers(e: Example, by_center: Callable[[Example], np.ndarray]) -> np.ndarray:
    return np.outer(one_hot(e.c, len(e.U)), sum(by_center(pair) for pair in pairs_of_window(e)))


FORMULAS: dict[str, Callable[[Example], Any]] = {
    "sigmoid": weighed(lambda e: np.diag(sigmoid(e.scores) * (1 - sigmoid(e.scores)))),
    "log sigmoid": weighed(lambda e: np.diag(1 - sigmoid(e.scores))),
    "softmax": weighed(lambda e: np.diag(probability(e)) - np.outer(probability(e), probability(e))),
    "naive softmax by v_c": lambda e: e.U.T @ softmax_error(e),
    "naive softmax by u_o": lambda e: (probability(e)[e.o] - 1) * e.v_c,
    "naive softmax by u_w": lambda e: [p * e.v_c for w, p in enumerate(probability(e)) if w != e.o],
    "naive softmax by U": lambda e: np.outer(softmax_error(e), e.v_c),
    "negative sampling by v_c": sampling_by_center,
    "negative sampling by u_o": outside_gradient,
    "negative sampling by u_k": lambda e: noise_gradient(e, e.once, 1),
    "negative sampling by u_k, drawn n times": lambda e: noise_gradient(e, e.twice, e.noise.tolist().count(e.twice)),
    "negative sampling by u_o, also drawn as noise": lambda e: outside_gradient(e) + noise_gradient(e, e.o, 1),
    "negative sampling by U": sampling_by_outsides,
    "window, naive softmax, by V": lambda e: window_by_centers(e, lambda pair: pair.U.T @ softmax_error(pair)),
    "window, naive softmax, by U": lambda e: sum(
        np.outer(softmax_error(pair), pair.v_c) for pair in pairs_of_window(e)
    ),
    "window, negative sampling, by V": lambda e: window_by_centers(e, sampling_by_center),
    "window, negative sampling, by U": lambda e: sum(sampling_by_outsides(pair) for pair in pairs_of_window(e)),
    "network by z": softmax_error,
    "network by W_2": lambda e: np.outer(softmax_error(e), e.v_c),
    "network by h": lambda e: e.U.T @ softmax_error(e),
    "network by W_1": lambda e: np.outer(e.U.T @ softmax_error(e), one_hot(e.c, len(e.U))),
}


@pytest.mark.parametrize("equation", EQUATIONS, ids=NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_formula_of_a_line_is_the_gradient_that_the_line_checks(equation: Any, seed: int):
    drawn = Example.random(np.random.default_rng(seed), V=7, D=3, K=6, m=2)
    function, parameters = equation.problem(drawn)
    _, claimed = function(*parameters)
    np.testing.assert_allclose(claimed, FORMULAS[equation.name](drawn), rtol=1e-12, atol=1e-14)


# Planted mistakes


def changed(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
    """Return the objective `name` with `change` made to its results."""
    right = getattr(objectives, name)
    return lambda *args: change(*args, *right(*args))


def sampling_with_one_sum(center: Any, outside: int, negatives: Any, U: Any) -> Any:
    """The slip of writing u_o for u_k in the second sum, in the loss only."""
    _, d_center, d_U = objectives_negative_sampling(center, outside, negatives, U)
    s = U[outside] @ center
    return -math.log(sigmoid(s)) - len(negatives) * math.log(sigmoid(-s)), d_center, d_U


def sampling_that_counts_repeats_once(center: Any, outside: int, negatives: Any, U: Any) -> Any:
    """NumPy's d_U[negatives] += … adds to a repeated row once."""
    loss, d_center, _ = objectives_negative_sampling(center, outside, negatives, U)
    once = objectives_negative_sampling(center, outside, np.unique(negatives), U)[2]
    return loss, d_center, once


def sampling_that_skips_the_outside_word(center: Any, outside: int, negatives: Any, U: Any) -> Any:
    """As word2vec programs do; here the loss still counts it."""
    others = [k for k in negatives if k != outside]
    loss, d_center, _ = objectives_negative_sampling(center, outside, negatives, U)
    return loss, d_center, objectives_negative_sampling(center, outside, others, U)[2]


def window_of_the_wrong_center(center: int, outsides: Any, V: Any, U: Any, loss: Any) -> Any:
    total, d_V, d_U = objectives_skip_gram(center, outsides, V, U, loss=loss)
    return total, np.roll(d_V, 1, axis=0), d_U


def window_with_a_mean_for_the_sum(center: int, outsides: Any, V: Any, U: Any, loss: Any) -> Any:
    total, d_V, d_U = objectives_skip_gram(center, outsides, V, U, loss=loss)
    return total, d_V, d_U / len(outsides)


objectives_negative_sampling = objectives.negative_sampling
objectives_skip_gram = objectives.skip_gram

WINDOWS_BY_V = {"window, naive softmax, by V", "window, negative sampling, by V"}
WINDOWS_BY_U = {"window, naive softmax, by U", "window, negative sampling, by U"}
NETWORK = {"network by z", "network by W_2", "network by h", "network by W_1"}
NAIVE_BY_U = {"naive softmax by u_o", "naive softmax by u_w", "naive softmax by U"}
SAMPLING = {name for name in NAMES if "negative sampling" in name}

MISTAKES: dict[str, tuple[str, Callable[..., Any], set[str]]] = {
    "sigmoid: σ for its derivative": ("sigmoid_derivative", sigmoid, {"sigmoid"}),
    "log sigmoid: without its minus sign": (
        "log_sigmoid",
        lambda x: np.logaddexp(0, -x),
        {"log sigmoid"} | SAMPLING,
    ),
    "softmax: no term for i = j": (
        "softmax_jacobian",
        lambda z: -np.outer(softmax(z), softmax(z)),
        {"softmax"},
    ),
    "naive softmax: ∂J/∂v_c with the sign turned": (
        "naive_softmax",
        changed("naive_softmax", lambda v, o, U, loss, d_v, d_U: (loss, -d_v, d_U)),
        {"naive softmax by v_c", "window, naive softmax, by V"},
    ),
    "naive softmax: y left out of ∂J/∂U": (
        "naive_softmax",
        changed("naive_softmax", lambda v, o, U, loss, d_v, d_U: (loss, d_v, np.outer(softmax(U @ v), v))),
        {"naive softmax by u_o", "naive softmax by U", "window, naive softmax, by U"},
    ),
    "naive softmax: P(O=o) for P(O=w)": (
        "naive_softmax",
        changed(
            "naive_softmax",
            lambda v, o, U, loss, d_v, d_U: (
                loss,
                d_v,
                np.outer(softmax(U @ v)[o] - one_hot(o, len(U)), v),
            ),
        ),
        {"naive softmax by u_w", "naive softmax by U", "window, naive softmax, by U"},
    ),
    "naive softmax: the next row of ∂J/∂U": (
        "naive_softmax",
        changed("naive_softmax", lambda v, o, U, loss, d_v, d_U: (loss, d_v, np.roll(d_U, 1, axis=0))),
        NAIVE_BY_U | {"window, naive softmax, by U"},
    ),
    "naive softmax: a gradient that is not a number": (
        "naive_softmax",
        changed("naive_softmax", lambda v, o, U, loss, d_v, d_U: (loss, d_v * math.nan, d_U)),
        {"naive softmax by v_c", "window, naive softmax, by V"},
    ),
    "negative sampling: u_o for u_k in the loss": ("negative_sampling", sampling_with_one_sum, SAMPLING),
    "negative sampling: a repeated noise word counted once": (
        "negative_sampling",
        sampling_that_counts_repeats_once,
        {
            "negative sampling by u_k, drawn n times",
            "negative sampling by U",
            "window, negative sampling, by U",
        },
    ),
    "negative sampling: a noise word equal to the outside word skipped": (
        "negative_sampling",
        sampling_that_skips_the_outside_word,
        {"negative sampling by u_o, also drawn as noise", "window, negative sampling, by U"},
    ),
    "window: the next row of ∂J/∂V": ("skip_gram", window_of_the_wrong_center, WINDOWS_BY_V),
    "window: the mean of ∂J/∂U for the sum": ("skip_gram", window_with_a_mean_for_the_sum, WINDOWS_BY_U),
    "network: the loss without its minus sign": (
        "cross_entropy",
        changed("cross_entropy", lambda z, y, loss, e: (-loss, e)),
        NETWORK,
    ),
    "network: y - ŷ for e": (
        "cross_entropy",
        changed("cross_entropy", lambda z, y, loss, e: (loss, -e)),
        NETWORK,
    ),
    "network: W_2ᵀ e for each column of ∂L/∂W_1": (
        "one_hot_network",
        changed(
            "one_hot_network",
            lambda x, y, W_1, W_2, loss, g: (loss, g._replace(W_1=np.outer(g.h, np.ones_like(x)))),
        ),
        {"network by W_1"},
    ),
    "network: h forgotten in ∂L/∂W_2": (
        "one_hot_network",
        changed(
            "one_hot_network",
            lambda x, y, W_1, W_2, loss, g: (loss, g._replace(W_2=np.outer(g.z, np.ones(len(g.h))))),
        ),
        {"network by W_2"},
    ),
    "network: W_2ᵀ y for ∂L/∂h": (
        "one_hot_network",
        changed("one_hot_network", lambda x, y, W_1, W_2, loss, g: (loss, g._replace(h=W_2.T @ y))),
        {"network by h"},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_fails_the_lines_it_touches_and_no_others(mistake: str, monkeypatch):
    name, wrong, expected = MISTAKES[mistake]
    monkeypatch.setattr(objectives, name, wrong)
    assert failed() == expected


def test_every_line_is_failed_by_some_planted_mistake():
    assert set(NAMES) == set.union(*(expected for _, _, expected in MISTAKES.values()))
