"""The kernel of the block schedule against its reference, for random shapes and buckets."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from training.negative_sampling._rows import random_rows

from firth.training.negative_sampling import reference
from firth.training.negative_sampling.block_kernels import compile_train_bucket
from firth.training.negative_sampling.buckets import Bucket, make_group_workspace
from firth.training.sampling import alias_table
from firth.training.windows import layout

SEED = 20261120
SHAPES = [(1, 1), (3, 5), (17, 7), (50, 10), (100, 5), (16, 64)]
"""(vector_size, negative): rows of one strip and several, whole and not; one tile, several, and unused columns."""


@st.composite
def buckets(draw):
    """Few rows, so that centers, outside words and noise words repeat and coincide; runs of an outside word."""
    n_center, n_outside = draw(st.integers(1, 30)), draw(st.integers(1, 12))
    center_words = st.lists(st.integers(0, n_center - 1), min_size=1, max_size=20)
    runs = draw(st.lists(st.tuples(st.integers(0, n_outside - 1), center_words), max_size=6))
    pairs = np.array([(c, o) for o, words in runs for c in words], np.int32).reshape(-1, 2)
    D, K = draw(st.sampled_from(SHAPES))
    rng, key = np.random.default_rng(SEED), np.uint64(draw(st.integers(0, 2**64 - 1)))
    center, outside = random_rows(rng, n_center, D), random_rows(rng, n_outside, D)
    words, alias = np.arange(n_outside, dtype=np.int32), alias_table(rng.integers(1, 50, n_outside), 0.75)
    return Bucket(center, outside, pairs, words, alias, key, np.float32(0.05), K, D)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(buckets())
def test_the_kernel_does_the_steps_of_the_reference(bucket):
    D, work = bucket.vector_size, make_group_workspace(bucket.vector_size, bucket.negative)
    expected = bucket._replace(center=bucket.center.copy(), outside=bucket.outside.copy())
    reference.train_bucket(expected, work)
    expected_loss = work.loss.sum()
    compile_train_bucket(*layout.tiles(bucket.negative), layout.strips(D))(bucket, work)
    # A few dozen groups change rows of size ~1; each adds a few roundings of 6e-8 and passes earlier ones on.
    np.testing.assert_allclose(bucket.center, expected.center, atol=2e-5)
    np.testing.assert_allclose(bucket.outside, expected.outside, atol=2e-5)
    np.testing.assert_allclose(work.loss.sum(), expected_loss, rtol=1e-5, atol=1e-6)
    assert not bucket.center[:, D:].any(), "the padding of a row must stay zero"
    assert not bucket.outside[:, D:].any(), "the padding of a row must stay zero"
