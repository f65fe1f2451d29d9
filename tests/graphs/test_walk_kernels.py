"""Kernels of walks: transition probabilities against the definition, and alias tables."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import RandomWalks
from firth.graphs.kernels import fill_alias
from graphs._graphs import chi_square, random_matrix, sparse


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "q"), [(1, 1), (0.25, 4), (4, 0.25), (0.01, 1), (100, 100), (1, 0.01), (1e-3, 1e3)])
def test_steps_follow_the_definition_of_node2vec(directed, weighted, p, q):
    weights = random_matrix(7, 7, directed=directed, weighted=weighted)
    walks = RandomWalks(sparse(weights), 600, 40, p=p, q=q, seed=3)
    statistic, freedom = chi_square(weights, walks, p, q)
    # A chi-square variable exceeds its mean by 5 standard deviations with a probability below 1e-5. Cells with few
    # expected steps widen the tail, which is why the bound is not tighter.
    assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)


def test_a_wrong_bias_would_be_found():
    weights = random_matrix(7, 7, directed=False, weighted=True)
    statistic, freedom = chi_square(weights, RandomWalks(sparse(weights), 600, 40, p=1, q=0.8, seed=3), 1, 0.7)
    assert statistic > freedom + 20 * np.sqrt(2 * freedom)


def test_a_node_whose_candidates_are_all_rejected_is_left_by_sums():
    star = np.zeros((40, 40))
    star[0, 1:] = star[1:, 0] = 1  # from a leaf the only way is back, which p = 1e9 rejects
    walks = list(RandomWalks(sparse(star), 1, 5, p=1e9))
    assert all(len(walk) == 5 for walk in walks)
    assert all((a == 0) != (b == 0) for walk in walks for a, b in pairwise(walk))


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=40))
def test_an_alias_table_holds_the_shares_of_the_weights(weights):
    offsets, n = np.array([0, len(weights)]), len(weights)
    alias, shares = np.zeros(n, np.uint64), np.zeros(n, np.float32)
    fill_alias(offsets, np.array(weights), alias, shares)
    own = (alias >> np.uint64(32)).astype(float) / 2**32
    held = own + np.bincount((alias & np.uint64(2**32 - 1)).astype(int), 1 - own, minlength=n)
    expected = np.array(weights) / np.sum(weights)
    np.testing.assert_allclose(held / n, expected, atol=2e-9)  # thresholds have 32 bits
    np.testing.assert_allclose(shares, expected, rtol=1e-6)
