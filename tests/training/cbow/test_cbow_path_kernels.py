"""The kernel of CBOW with hierarchical softmax against its reference, for random shapes and texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.cbow._checks import SEED, assert_same_training, texts
from training.negative_sampling._rows import random_rows

from firth.text import END
from firth.training.cbow import path_kernels, reference
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.sampling import keep_thresholds
from firth.training.windows import layout


def block_of(tokens, V, D, *, growth=1.0, sample=0.0, key=7, window=2, shrink=False, exchange=3):
    """Return a block for a vocabulary whose counts grow by this factor: paths of log V to V - 1 nodes."""
    rng = np.random.default_rng(SEED)
    counts = (growth ** np.arange(V)).astype(np.int64)[::-1]
    center, nodes, keep = random_rows(rng, V, D), random_rows(rng, V - 1, D), keep_thresholds(counts, sample)
    tokens, rate = np.array(tokens, np.int32), np.float32(0.05)
    return NodeTokenBlock(
        center, nodes, tokens, keep, make_tree(counts), np.uint64(key), window, shrink, rate, exchange
    )


def train(function, block, is_mean, D, halt=False):
    """Train in place; return the words, the positions and the loss."""
    longest = int(block.tree.lengths.max())
    work = path_kernels.make_workspace(len(block.tokens), D, block.window, longest, np.full(1, halt))
    return *function(block, is_mean, work), work.loss.sum()


def assert_like_the_reference(block, D, is_mean):
    def run(block, as_reference):
        function = reference.train_path_block if as_reference else path_kernels.compile_train_block(layout.strips(D))
        return train(function, block, is_mean, D)

    expected = block._replace(center=block.center.copy(), nodes=block.nodes.copy())
    assert_same_training(run, block, expected, "nodes", D)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(texts(), st.sampled_from([1, 16, 17, 100]), st.sampled_from([1.0, 2.0]), st.integers(0, 2**64 - 1),
       st.integers(1, 7), st.integers(1, 5), st.booleans(), st.booleans())  # fmt: skip
def test_the_kernel_does_the_steps_of_the_reference(text, D, growth, key, window, exchange, shrink, is_mean):
    V, tokens = text
    block = block_of(tokens, V, D, growth=growth, sample=0.3, key=key, window=window, shrink=shrink, exchange=exchange)
    assert_like_the_reference(block, D, is_mean)


@pytest.mark.parametrize("growth", [1.0, 1.9])
def test_paths_of_several_tiles_and_nodes_that_no_thread_copies(growth):
    tokens = np.random.default_rng(SEED).integers(0, 30, 60)
    assert_like_the_reference(block_of(tokens, 30, 33, growth=growth), 33, True)


@pytest.mark.parametrize("D", [1, 2048])
def test_the_smallest_and_the_largest_vectors(D):
    assert_like_the_reference(block_of([0, 1, 2, 1, 0, END, 2, 2, END], 3, D), D, True)


def test_sentences_of_one_word_and_a_halted_block_train_nothing():
    for tokens, halt in (([0, END, 1, END], False), ([0, 1, 2, END], True)):
        block = block_of(tokens, 3, 16)
        before = block.center.copy(), block.nodes.copy()
        for function in (path_kernels.compile_train_block(1), reference.train_path_block):
            assert train(function, block, True, 16, halt)[1:] == (0, 0.0)
        np.testing.assert_array_equal(block.center, before[0])
        np.testing.assert_array_equal(block.nodes, before[1])
