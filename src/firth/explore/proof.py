"""The proof as numbers for the page: both sides of every comparison of `firth gradcheck`, and one pair by hand."""

import json
import math
from typing import Any

import numpy as np

from firth.errors import OptionError
from firth.gradcheck import check_gradients, measured_gradients
from firth.objectives import naive_softmax, negative_sampling, one_hot, sigmoid, softmax
from firth.worked_example import CENTER, CENTER_VECTORS, NOISE, OUTSIDE, OUTSIDE_VECTORS, RATE

_LOSSES = {
    "softmax": lambda v_c, U: naive_softmax(v_c, OUTSIDE, U),
    "sampling": lambda v_c, U: negative_sampling(v_c, OUTSIDE, NOISE, U),
}
_EXAMPLE = [*CENTER_VECTORS[CENTER], *OUTSIDE_VECTORS.ravel(), RATE]
_LARGEST = 1e6
"""Of a number of the pair: the squares of larger ones would overflow after a few steps."""


def gradient_comparison(seed: int) -> list[dict[str, Any]]:
    """Return for each equation its check, and each number of its gradient by the equation and by differences."""
    numbers = measured_gradients(seed=seed)
    return [
        {
            "name": check.name,
            "equation": check.equation,
            "difference": check.difference,
            "tolerance": check.tolerance,
            "passed": check.passed,
            "analytic": numbers[check.name][0].ravel().tolist(),
            "numeric": numbers[check.name][1].ravel().tolist(),
        }
        for check in check_gradients(seed=seed)
    ]


def pair_by_hand(loss: str, text: str) -> dict[str, Any]:
    """Return every number of one pair of words, and the pair after a step.

    loss  "softmax" or "sampling"
    text  nine numbers, separated by commas: v_c, the three rows of U, and the learning rate; "" for the example of the
          derivation

    The words are those of `firth.worked_example`. `quantities` are rows of a symbol, its formula, the number of its
    equation, and its value. Raises `OptionError` for other text.
    """
    if loss not in _LOSSES:
        raise OptionError(f"loss={loss[:20]!r} is unknown: give one of {', '.join(map(repr, _LOSSES))}")
    numbers = np.array(_numbers(text) if text else _EXAMPLE)
    v_c, U = numbers[:2], numbers[2:8].reshape(3, 2)
    after_c, after_U = _after_step(loss, v_c, U, numbers[8])
    first = _softmax_rows if loss == "softmax" else _sampling_rows
    rows = [
        *first(v_c, U),
        ("v_c", "after the step v_c − η ∂J/∂v_c", "", after_c),
        ("U", "after the step U − η ∂J/∂U", "", after_U),
        ("J", "after the step", "", _LOSSES[loss](after_c, after_U)[0]),
    ]
    return {
        "pair": numbers.tolist(),
        "after": [*after_c.tolist(), *after_U.ravel().tolist(), float(numbers[8])],
        "quantities": [[*texts, np.asarray(value).tolist()] for *texts, value in rows],
        "python": _python(loss, v_c.tolist(), U.tolist()),
    }


def _after_step(loss: str, v_c: Any, U: Any, rate: float) -> tuple[Any, Any]:
    _, d_center, d_U = _LOSSES[loss](v_c, U)
    return v_c - rate * d_center, U - rate * d_U


def _numbers(text: str) -> list[float]:
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != len(_EXAMPLE) or not all(math.isfinite(x) and abs(x) <= _LARGEST for x in numbers):
        raise OptionError(
            f"a pair is nine numbers of at most {_LARGEST:,.0f}, separated by commas: found {text[:99]!r}"
        )
    return numbers


def _softmax_rows(v_c: Any, U: Any) -> list[tuple[Any, ...]]:
    J, d_center, d_U = naive_softmax(v_c, OUTSIDE, U)
    y = one_hot(OUTSIDE, len(U))
    return [
        ("z", "U v_c", "", U @ v_c),
        ("ŷ", "softmax(z)", "2", softmax(U @ v_c)),
        ("y", "one-hot vector of “We”", "", y),
        ("J", "−log ŷ_o", "5a", J),
        ("e", "ŷ − y", "7", softmax(U @ v_c) - y),
        ("∂J/∂U", "e v_cᵀ, as rows", "8", d_U),
        ("∂J/∂v_c", "Uᵀ e", "9", d_center),
    ]


def _sampling_rows(v_c: Any, U: Any) -> list[tuple[Any, ...]]:
    J, d_center, d_U = negative_sampling(v_c, OUTSIDE, NOISE, U)
    scores = U[[OUTSIDE, *NOISE]] @ v_c
    return [
        ("s", "(u_o, u_k1, u_k2) · v_c", "17b", scores),
        ("σ(s)", "probability of being from the text", "4", sigmoid(scores)),
        ("J", "−log σ(s_0) − log σ(−s_1) − log σ(−s_2)", "16", J),
        ("e", "σ(s) − (1, 0, 0)", "17b", sigmoid(scores) - one_hot(0, len(scores))),
        ("∂J/∂v_c", "e_0 u_o + e_1 u_k1 + e_2 u_k2", "17", d_center),
        ("∂J/∂U", "e_1 v_c, e_2 v_c and e_0 v_c, as rows", "17a", d_U),
    ]


def _python(loss: str, v_c: list[float], U: list[list[float]]) -> str:
    """Return the line of Python that computes the loss and both gradients."""
    name, noise = ("naive_softmax", "") if loss == "softmax" else ("negative_sampling", f", {list(NOISE)}")
    return f"firth.objectives.{name}({json.dumps(v_c)}, {OUTSIDE}{noise}, {json.dumps(U)})"
