"""One pair by hand, as the page shows it: every number is that of `firth.objectives`."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import objectives
from firth.errors import OptionError
from firth.explore.proof import pair_by_hand
from firth.worked_example import CENTER, CENTER_VECTORS, NOISE, OUTSIDE, OUTSIDE_VECTORS, RATE

LOSSES = {
    "softmax": lambda v_c, U: objectives.naive_softmax(v_c, OUTSIDE, U),
    "sampling": lambda v_c, U: objectives.negative_sampling(v_c, OUTSIDE, NOISE, U),
}
numbers = st.lists(st.floats(-1e6, 1e6), min_size=9, max_size=9)


@pytest.mark.parametrize("loss", LOSSES)
@given(numbers=numbers)
def test_losses_gradients_and_the_step_are_those_of_objectives(loss, numbers):
    found = pair_by_hand(loss, ",".join(map(repr, numbers)))
    v_c, U, rate = np.array(numbers[:2]), np.reshape(numbers[2:8], (3, 2)), numbers[8]
    J, d_center, d_U = LOSSES[loss](v_c, U)
    after = v_c - rate * d_center, U - rate * d_U
    values = {}
    for symbol, _, _, value in found["quantities"]:
        values.setdefault(symbol, []).append(value)
    assert values["J"] == [J, LOSSES[loss](*after)[0]]
    np.testing.assert_array_equal(values["∂J/∂v_c"][0], d_center)
    np.testing.assert_array_equal(values["∂J/∂U"][0], d_U)
    assert found["pair"] == numbers
    np.testing.assert_array_equal(found["after"], [*after[0], *after[1].ravel(), rate])
    json.dumps(found, allow_nan=False)  # the page cannot read NaN
    line = eval(found["python"], {"firth": __import__("firth")})
    assert line[0] == J


def test_without_numbers_it_is_the_example_of_the_derivation():
    assert pair_by_hand("softmax", "")["pair"] == [*CENTER_VECTORS[CENTER], *OUTSIDE_VECTORS.ravel(), RATE]


@pytest.mark.parametrize(
    "text", ["1", "1,2,3,4,5,6,7,8", "1,2,3,4,5,6,7,8,x", "nan" + ",1" * 8, "1e7" + ",1" * 8, ",,,,,,,,"]
)
def test_a_pair_is_nine_numbers(text):
    with pytest.raises(OptionError, match="nine numbers of at most 1,000,000"):
        pair_by_hand("softmax", text)


def test_an_unknown_loss_is_refused():
    with pytest.raises(OptionError, match="give one of 'softmax', 'sampling'"):
        pair_by_hand("<b>", "")
