"""The block schedule: pairs in buckets, the group kernel against the equations, and the same bytes for any workers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.objectives import negative_sampling
from firth.training import block_kernels, kernels
from firth.training.sampling import alias_table

SEED = 20261120
SHAPES = [(1, 1), (3, 5), (17, 7), (50, 10), (100, 5), (16, 64)]
"""(vector_size, negative)"""


def random_rows(rng, n, D):
    matrix = kernels.aligned_zeros((n, kernels.LANES * kernels.strips(D)))
    matrix[:, :D] = rng.normal(0, 1 / np.sqrt(D), (n, D))
    return matrix


def oracle(center, outside, pairs, alias, key, K, rate):
    """Do what `train_bucket` does in float64: one step a group, all gradients from before the step."""
    center, outside, loss = center.astype(np.float64), outside.astype(np.float64), 0.0
    noise = np.empty(K, np.int32)
    groups = [pairs[start : start + 8].tolist() for start in range(0, len(pairs), 8)]
    for number, group in enumerate(groups):
        kernels.draw_noise(np.uint64(key), number * K, K, alias, noise)
        d_center, d_outside = np.zeros_like(center), np.zeros_like(outside)
        for c, o in group:
            pair_loss, d_v, d_U = negative_sampling(center[c], o, noise[noise != o], outside)
            loss += pair_loss
            d_center[c] += d_v
            d_outside += d_U
        center -= rate * d_center
        outside -= rate * d_outside
    return center, outside, loss


@st.composite
def buckets(draw):
    """Blocks of few rows, so that centers, outside words and noise words repeat and coincide."""
    n_center, n_outside = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    pair = st.tuples(st.integers(0, n_center - 1), st.integers(0, n_outside - 1))
    pairs = draw(st.lists(pair, max_size=40))
    return n_center, n_outside, np.array(pairs, np.int32).reshape(-1, 2), draw(st.sampled_from(SHAPES))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(buckets(), st.integers(0, 2**64 - 1))
def test_a_bucket_equals_the_oracles_steps(bucket, key):
    n_center, n_outside, pairs, (D, K) = bucket
    rng = np.random.default_rng(SEED)
    center, outside = random_rows(rng, n_center, D), random_rows(rng, n_outside, D)
    alias = alias_table(rng.integers(1, 50, n_outside), 0.75)
    expected_center, expected_outside, expected_loss = oracle(center, outside, pairs, alias, key, K, 0.05)
    work = block_kernels.make_group_workspace(D, K)
    tile, n_tiles = kernels.tiles(K)
    train = block_kernels.compile_train_bucket(tile, n_tiles, kernels.strips(D))
    train(center, outside, pairs, alias, np.uint64(key), K, np.float32(0.05), work)
    # At most 40 groups change rows of size ~1; each adds a few roundings of 6e-8 and passes earlier ones on.
    np.testing.assert_allclose(center, expected_center, atol=2e-5)
    np.testing.assert_allclose(outside, expected_outside, atol=2e-5)
    np.testing.assert_allclose(work.loss.sum(), expected_loss, rtol=1e-5, atol=1e-6)
    assert not center[:, D:].any()
    assert not outside[:, D:].any()
