"""The kernel of CBOW against its reference, for random shapes and texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.cbow._checks import SEED, assert_same_training, texts
from training.negative_sampling._rows import random_rows

from firth.text import END
from firth.training.cbow import kernels, reference
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.sampling import alias_table, keep_thresholds
from firth.training.windows import layout

SHAPES = [(1, 1), (3, 5), (16, 6), (17, 7), (50, 10), (100, 5), (33, 17), (16, 64)]
"""(vector_size, negative): rows of one strip and several, whole and not; one tile, several, and unused columns."""


def compiled(K, D):
    return kernels.compile_train_block(*layout.even_tiles(2 + K), layout.strips(D))


def train(function, block, is_mean, D):
    """Train in place; return the words, the positions and the loss."""
    work = kernels.make_workspace(len(block.tokens), D, block.window, block.K, np.zeros(1, np.bool_))
    return *function(block, is_mean, work), work.loss.sum()


def block_of(tokens, V, D, K, *, sample=0.0, key=7, window=2, shrink=False):
    rng = np.random.default_rng(SEED)
    counts = rng.integers(1, 50, V)
    center, outside = random_rows(rng, V, D), random_rows(rng, V, D)
    keep, alias = keep_thresholds(counts, sample), alias_table(counts, 0.75)
    tokens = np.array(tokens, np.int32)
    return TokenBlock(center, outside, tokens, keep, alias, np.uint64(key), window, shrink, K, np.float32(0.05))


def assert_like_the_reference(block, D, is_mean):
    def run(block, as_reference):
        return train(reference.train_block if as_reference else compiled(block.K, D), block, is_mean, D)

    expected = block._replace(center=block.center.copy(), outside=block.outside.copy())
    assert_same_training(run, block, expected, "outside", D)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts(), st.sampled_from(SHAPES), st.sampled_from([0.0, 0.05]), st.integers(0, 2**64 - 1), st.integers(1, 7),
       st.booleans(), st.booleans())  # fmt: skip
def test_the_kernel_does_the_steps_of_the_reference(text, shape, sample, key, window, shrink, is_mean):
    (V, tokens), (D, K) = text, shape
    block = block_of(tokens, V, D, K, sample=sample, key=key, window=window, shrink=shrink)
    assert_like_the_reference(block, D, is_mean)


@pytest.mark.parametrize("D", [1, 2048])
def test_the_smallest_and_the_largest_vectors(D):
    assert_like_the_reference(block_of([0, 1, 2, 1, 0, END, 2, 2, END], 3, D, 5), D, True)


def test_the_widest_window_and_the_most_noise():
    tokens = np.random.default_rng(SEED).integers(0, 40, 230)
    block = block_of(tokens, 40, 16, 64, window=100)._replace(rate=np.float32(0.001))
    assert_like_the_reference(block, 16, True)


def test_more_steps_than_a_slice():
    tokens = np.random.default_rng(SEED).integers(0, 300, 2 * kernels.SLICE + 30)
    block = block_of(tokens, 300, 16, 2)._replace(rate=np.float32(0.001))
    assert_like_the_reference(block, 16, True)


def test_sentences_of_one_word_train_nothing():
    block = block_of([0, END, 1, END, 2, END], 3, 16, 5)
    before = block.center.copy(), block.outside.copy()
    words, positions, loss = train(compiled(5, 16), block, True, 16)
    assert (words, positions, loss) == (3, 0, 0.0)
    np.testing.assert_array_equal(block.center, before[0])
    np.testing.assert_array_equal(block.outside, before[1])


def test_a_halted_block_trains_nothing():
    block = block_of([0, 1, 2, END], 3, 16, 5)
    work = kernels.make_workspace(4, 16, 2, 5, np.ones(1, np.bool_))
    assert compiled(5, 16)(block, True, work) == (3, 0)
    assert reference.train_block(block, True, work) == (3, 0)
