"""The kernel of the Hogwild schedule against its reference, for random shapes and texts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from training.negative_sampling._rows import random_rows

from firth.text import END
from firth.training.negative_sampling import reference
from firth.training.negative_sampling.window_kernels import TokenBlock, compile_train_block, make_workspace
from firth.training.sampling import alias_table, keep_thresholds
from firth.training.windows import layout

SEED = 20261120
SHAPES = [(1, 1), (3, 5), (16, 8), (17, 5), (50, 10), (100, 5), (33, 17), (16, 64)]
"""(vector_size, negative): rows of one strip and several, whole and not; one tile, several, and unused columns."""


def train(function, block, D):
    """Train in place; return the words, the pairs and the loss."""
    work = make_workspace(len(block.tokens), D, block.window, block.K, np.zeros(1, np.bool_))
    return *function(block, work), work.loss.sum()


@st.composite
def cases(draw):
    """Small vocabularies, so that words repeat in windows and among noise words, and equal one another."""
    V = draw(st.integers(1, 12))
    D, negative = draw(st.sampled_from(SHAPES))
    word = st.integers(0, V - 1)
    sentences = draw(st.lists(st.lists(word, max_size=12), min_size=1, max_size=4))
    tokens = np.array([token for sentence in sentences for token in [*sentence, END]], np.int32)
    rng = np.random.default_rng(SEED)
    counts = rng.integers(1, 50, V)
    center, outside = random_rows(rng, V, D), random_rows(rng, V, D)
    keep = keep_thresholds(counts, draw(st.sampled_from([0.0, 0.05])))
    key, window, shrink = np.uint64(draw(st.integers(0, 2**64 - 1))), draw(st.integers(1, 7)), draw(st.booleans())
    alias = alias_table(counts, 0.75)
    return D, TokenBlock(center, outside, tokens, keep, alias, key, window, shrink, negative, np.float32(0.05))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cases())
def test_the_kernel_does_the_steps_of_the_reference(case):
    D, block = case
    expected = block._replace(center=block.center.copy(), outside=block.outside.copy())
    *counts, loss = train(compile_train_block(*layout.tiles(block.K), layout.strips(D)), block, D)
    *expected_counts, expected_loss = train(reference.train_block, expected, D)
    assert counts == expected_counts
    # At most 48 windows change rows of size ~1; each adds a few roundings of 6e-8 and passes earlier ones on.
    np.testing.assert_allclose(block.center, expected.center, atol=2e-5)
    np.testing.assert_allclose(block.outside, expected.outside, atol=2e-5)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5, atol=1e-6)
    assert not block.center[:, D:].any(), "the padding of a row must stay zero"
    assert not block.outside[:, D:].any(), "the padding of a row must stay zero"
