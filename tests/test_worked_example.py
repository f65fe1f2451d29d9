"""The worked example: its numbers against plain arithmetic, and the page that shows them."""

import math
from pathlib import Path

import numpy as np
import pytest

from firth import reports
from firth.objectives import naive_softmax
from firth.worked_example import (
    CENTER,
    CENTER_VECTORS,
    NOISE,
    OUTSIDE,
    OUTSIDE_VECTORS,
    sampling_example,
    softmax_example,
)

ROOT = Path(__file__).parents[1]


def value(quantities, symbol, nth=0):
    return [each.value for each in quantities if each.symbol == symbol][nth]


def test_the_softmax_example_is_what_a_pocket_calculator_gives():
    shown = softmax_example()
    z = [0.5 * 0.4 - 0.2, 0.5 * 0.1 + 0.3, -0.5 * 0.3 + 0.6]
    total = sum(map(math.exp, z))
    y_hat = [math.exp(each) / total for each in z]
    e = [y_hat[0], y_hat[1], y_hat[2] - 1]
    d_h = [0.4 * e[0] + 0.1 * e[1] - 0.3 * e[2], -0.2 * e[0] + 0.3 * e[1] + 0.6 * e[2]]
    for symbol, expected in [
        ("h", [0.5, 1.0]), ("z", z), ("ŷ", y_hat), ("e", e), ("L", -math.log(y_hat[2])), ("∂L/∂h", d_h),
        ("∂L/∂W_2", [[0.5 * each, each] for each in e]), ("∂L/∂W_1", [[d_h[0], 0, 0], [d_h[1], 0, 0]]),
    ]:  # fmt: skip
        np.testing.assert_allclose(value(shown, symbol), expected, atol=1e-15, err_msg=symbol)


def test_the_sampling_example_is_what_a_pocket_calculator_gives():
    shown = sampling_example()
    s = [-0.5 * 0.3 + 0.6, 0.0, 0.5 * 0.1 + 0.3]
    e = [1 / (1 + math.exp(-each)) for each in s]
    e[0] -= 1
    loss = math.log1p(math.exp(-s[0])) + math.log1p(math.exp(s[1])) + math.log1p(math.exp(s[2]))
    d_center = [-0.3 * e[0] + 0.4 * e[1] + 0.1 * e[2], 0.6 * e[0] - 0.2 * e[1] + 0.3 * e[2]]
    for symbol, expected in [
        ("s", s), ("e", e), ("J", loss), ("∂J/∂v_c", d_center), ("∂J/∂u_o", [0.5 * e[0], e[0]]),
        ("∂J/∂u_k", [[0.5 * e[1], e[1]], [0.5 * e[2], e[2]]]),
    ]:  # fmt: skip
        np.testing.assert_allclose(value(shown, symbol), expected, atol=1e-15, err_msg=symbol)


def test_a_step_along_the_shown_gradients_lowers_both_losses():
    network, sampling = softmax_example(), sampling_example()
    assert naive_softmax(CENTER_VECTORS[CENTER], OUTSIDE, OUTSIDE_VECTORS)[0] == pytest.approx(value(network, "L"))
    W_1, W_2 = value(network, "W_1", 1), value(network, "W_2", 1)
    np.testing.assert_allclose(W_2, OUTSIDE_VECTORS - 0.5 * value(network, "∂L/∂W_2"), atol=1e-15)
    assert value(network, "L", 1) == pytest.approx(naive_softmax(W_1[:, CENTER], OUTSIDE, W_2)[0])
    assert value(network, "L", 1) < value(network, "L")
    after = value(sampling, "U")
    np.testing.assert_allclose(after[OUTSIDE], OUTSIDE_VECTORS[OUTSIDE] - 0.5 * value(sampling, "∂J/∂u_o"), atol=1e-15)
    np.testing.assert_allclose(after[NOISE[1]], OUTSIDE_VECTORS[1] - 0.5 * value(sampling, "∂J/∂u_k")[1], atol=1e-15)
    assert value(sampling, "J", 1) < value(sampling, "J")


@pytest.mark.parametrize("page", ["derivation.md", "derivation.ko.md"])
def test_the_derivation_shows_the_same_table(page):
    shown = reports.example_lines(softmax_example(), sampling_example())
    assert f"```text\n{shown}\n```" in (ROOT / "docs" / page).read_text(encoding="utf-8")
