"""The sampling tables reproduce their distributions exactly, up to the 32 bits in which they are stored."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firth.training.sampling import alias_table, keep_thresholds, noise_distribution

count_lists = st.one_of(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=200),
    st.lists(st.integers(1, 3), min_size=1, max_size=200),  # many of them equal
).map(lambda counts: np.array(counts, np.int64))


def probabilities(table):
    """Return the distribution that an alias table draws from."""
    V = len(table)
    own = (table >> np.uint64(32)).astype(np.float64) / 2**32
    alias = (table & np.uint64(2**32 - 1)).astype(np.int64)
    return (own + np.bincount(alias, weights=1 - own, minlength=V)) / max(1, V)


@given(count_lists, st.floats(-1, 2))
@example(np.ones(49, np.int64), 0.75)  # 49 shares of 1/49 all round to less than 1
@example(np.array([1, 1, 38, 38]), 1.0)  # the first word of more gives exactly what it has
@example(np.zeros(0, np.int64), 0.75)  # an empty block
def test_an_alias_table_is_its_distribution(counts, exponent):
    table = alias_table(counts, exponent)
    # Each slot's probability is cut to 32 bits, and the sums of up to 200 shares round in float64.
    np.testing.assert_allclose(probabilities(table), noise_distribution(counts, exponent), atol=1e-9)


@given(count_lists)
def test_noise_is_proportional_to_a_power_of_the_counts(counts):
    expected = counts.astype(float) ** 0.75 / (counts.astype(float) ** 0.75).sum()
    np.testing.assert_allclose(noise_distribution(counts, 0.75), expected, rtol=1e-12)


@given(count_lists, st.floats(1e-6, 1.0))
def test_words_are_kept_with_the_probability_of_word2vec(counts, sample):
    frequency = counts / counts.sum()
    expected = np.minimum(1, (np.sqrt(frequency / sample) + 1) * sample / frequency)
    np.testing.assert_allclose((keep_thresholds(counts, sample) + 1.0) / 2**32, expected, atol=1e-9)


@pytest.mark.parametrize("counts", [[1], [5, 4, 3], [10**12, 1]])
def test_without_subsampling_every_draw_keeps_the_word(counts):
    assert np.all(keep_thresholds(np.array(counts), 0.0) == 2**32 - 1)
