"""The NumPy reference against the equations of `firth.objectives`, pair by pair, in float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firth.objectives import hierarchical_softmax, huffman_tree
from firth.training.hierarchical_softmax import reference

RATE = 0.05


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=8),
    st.integers(0, 6),
    st.lists(st.integers(1, 9), min_size=7, max_size=7),
)
def test_a_step_is_the_sum_of_its_pairs(around, o, counts):
    rng, tree = np.random.default_rng(5), huffman_tree(sorted(counts, reverse=True))
    V, Q = rng.normal(size=(7, 4)), rng.normal(size=(6, 4))
    d_V, d_Q, expected = np.zeros_like(V), np.zeros_like(Q), 0.0
    for c in around:
        pair_loss, d_center, d_nodes = hierarchical_softmax(V[c], o, Q, tree)
        expected += pair_loss
        d_V[c] += d_center
        d_Q += d_nodes
    after = V - RATE * d_V, Q - RATE * d_Q
    loss = reference.path_step(V, Q, np.array(around), tree.path(o), RATE)
    for ours, theirs in zip((V, Q, loss), (*after, expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)  # float64, a few dozen roundings
