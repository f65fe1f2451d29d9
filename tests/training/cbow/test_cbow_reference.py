"""The NumPy reference of CBOW against the equations of `firth.objectives`, position by position, in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.loop._runs import ids, model_of

from firth.objectives import cbow, hierarchical_softmax, huffman_tree, negative_sampling
from firth.training.cbow import reference

SEED = 20261122
RATE = 0.05
WORDS = st.integers(0, 5)  # few, so that words repeat and coincide
CONTEXTS = st.lists(WORDS, min_size=1, max_size=8)


def gradient(V, U, o, context, noise, combine):
    def loss(h, target, U):
        return negative_sampling(h, target, noise[noise != target], U)

    return cbow(context, o, V, U, loss, combine)


@given(
    st.lists(st.tuples(WORDS, CONTEXTS), min_size=1, max_size=2),
    st.lists(WORDS, min_size=1, max_size=8),
    st.sampled_from(["mean", "sum"]),
)
def test_a_step_follows_the_gradient_and_for_the_mean_is_m_times_as_long(pair, noise, combine):
    V, U = np.random.default_rng(SEED).normal(size=(2, 6, 4))
    noise, expected_V, expected_U, expected_loss = np.array(noise), V.copy(), U.copy(), 0.0
    for o, context in pair:
        loss, d_V, d_U = gradient(V, U, o, context, noise, combine)
        M = len(context) if combine == "mean" else 1
        expected_V, expected_U = expected_V - RATE * M * d_V, expected_U - RATE * d_U
        expected_loss += loss
    loss = reference.position_step(
        V, U, [(o, np.array(context)) for o, context in pair], noise, RATE, is_mean=combine == "mean"
    )
    np.testing.assert_allclose(V, expected_V, rtol=1e-12, atol=1e-12)  # float64, a few dozen roundings
    np.testing.assert_allclose(U, expected_U, rtol=1e-12, atol=1e-12)
    assert loss == pytest.approx(expected_loss, rel=1e-12)


@given(WORDS, CONTEXTS, st.sampled_from(["mean", "sum"]))
def test_a_step_along_a_path_follows_the_gradient_likewise(o, context, combine):
    tree, rng = huffman_tree([9, 5, 5, 2, 1, 1]), np.random.default_rng(SEED)
    V, Q = rng.normal(size=(6, 4)), rng.normal(size=(5, 4))
    expected_loss, d_V, d_Q = cbow(context, o, V, Q, lambda h, o, Q: hierarchical_softmax(h, o, Q, tree), combine)
    M = len(context) if combine == "mean" else 1
    expected_V, expected_Q = V - RATE * M * d_V, Q - RATE * d_Q
    loss = reference.path_position_step(V, Q, tree.path(o), np.array(context), RATE, is_mean=combine == "mean")
    np.testing.assert_allclose(V, expected_V, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(Q, expected_Q, rtol=1e-12, atol=1e-12)
    assert loss == pytest.approx(expected_loss, rel=1e-12)


@pytest.mark.parametrize("cbow_mean", [True, False])
@pytest.mark.parametrize("kind", ["cbow", "cbow paths"])
def test_training_by_the_reference_equals_training_by_the_kernels(kind, cbow_mean):
    options = {"vector_size": 13, "window": 5, "epochs": 2, "negative": 9, "cbow_mean": cbow_mean}
    compiled, plain = (
        model_of(kind, 1, **options).fit(ids(1200, 60, SEED).reshape(100, 12), progress=False, kernels=kernels)
        for kernels in ("compiled", "reference")
    )
    # Each row is updated about 800 times and is of size 1, so rounding to float32 (6e-8) adds up to 5e-5 at most.
    np.testing.assert_allclose(plain.wv.vectors, compiled.wv.vectors, atol=5e-5)
    ours, theirs = (model.outside if kind == "cbow" else model.nodes for model in (plain, compiled))
    np.testing.assert_allclose(ours, theirs, atol=5e-5)
    assert not np.array_equal(ours, theirs), "rounding differs: `kernels` has an effect"
    for ours, theirs in zip(plain.history, compiled.history, strict=True):
        assert ours.pairs == theirs.pairs
        assert (ours.loss, ours.end_loss) == pytest.approx((theirs.loss, theirs.end_loss), rel=1e-6)
