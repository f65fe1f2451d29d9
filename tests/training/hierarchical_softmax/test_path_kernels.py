"""The kernel of the Hogwild schedule against its reference, for random shapes, trees and texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.negative_sampling._rows import random_rows

from firth.objectives import huffman_tree
from firth.text import END
from firth.training.hierarchical_softmax import reference
from firth.training.hierarchical_softmax.path_steps import TOP
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock, compile_train_block, make_workspace
from firth.training.sampling import keep_thresholds
from firth.training.windows import layout

SEED = 20261120
SIZES = [1, 16, 33, 100]
"""vector_size: rows of one strip and several, whole and not."""


def train(function, block, D, halt=False):
    """Train in place; return the words, the pairs and the loss."""
    longest = int(block.tree.lengths.max())
    work = make_workspace(len(block.tokens), D, block.window, longest, np.array([halt]))
    return *function(block, work), work.loss.sum()


def block_of(rng, sentences, counts, D, *, window=3, key=1, sample=0.0, shrink=True, exchange=4):
    tokens = np.array([token for sentence in sentences for token in [*sentence, END]], np.int32)
    counts = np.sort(np.array(counts, np.int64))[::-1]
    center, nodes = random_rows(rng, len(counts), D), random_rows(rng, len(counts) - 1, D)
    keep, rate = keep_thresholds(counts, sample), np.float32(0.05)
    return NodeTokenBlock(
        center, nodes, tokens, keep, huffman_tree(counts), np.uint64(key), window, shrink, rate, exchange
    )


@st.composite
def cases(draw):
    """Small vocabularies, so that words repeat in windows; fewer nodes than `TOP` and more; paths of several tiles."""
    V = draw(st.sampled_from([2, 3, 8, 40]))
    counts = draw(st.sampled_from([np.ones(V), 1.9 ** np.arange(V) + 1, np.arange(1, V + 1)])).astype(np.int64)
    sentences = draw(st.lists(st.lists(st.integers(0, V - 1), max_size=12), min_size=1, max_size=4))
    D, window, shrink = draw(st.sampled_from(SIZES)), draw(st.integers(1, 7)), draw(st.booleans())
    key, sample, exchange = draw(st.integers(0, 2**64 - 1)), draw(st.sampled_from([0.0, 0.05])), draw(st.integers(1, 9))
    rng = np.random.default_rng(SEED)
    return D, block_of(
        rng, sentences, counts, D, window=window, key=key, sample=sample, shrink=shrink, exchange=exchange
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cases())
def test_the_kernel_does_the_steps_of_the_reference(case):
    D, block = case
    expected = block._replace(center=block.center.copy(), nodes=block.nodes.copy())
    *counts, loss = train(compile_train_block(layout.strips(D)), block, D)
    *expected_counts, expected_loss = train(reference.train_block, expected, D)
    assert counts == expected_counts
    # At most 48 windows change rows of size ~1; each adds a few roundings of 6e-8 and passes earlier ones on.
    np.testing.assert_allclose(block.center, expected.center, atol=5e-5)
    np.testing.assert_allclose(block.nodes, expected.nodes, atol=5e-5)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5, atol=1e-5)
    assert not block.center[:, D:].any(), "the padding of a row must stay zero"
    assert not block.nodes[:, D:].any(), "the padding of a row must stay zero"


def test_the_cases_have_paths_of_several_tiles_and_nodes_that_are_not_copied():
    tree = huffman_tree(np.sort((1.9 ** np.arange(40) + 1).astype(np.int64))[::-1])
    assert tree.lengths.max() > 24
    assert len(tree.lengths) - 1 > TOP


@pytest.mark.parametrize("exchange", [1, 7, 1000])
def test_a_single_thread_gets_the_same_bytes_however_often_it_exchanges(exchange):
    sentences = np.random.default_rng(3).integers(0, 40, (30, 20)).tolist()
    blocks = [
        block_of(np.random.default_rng(4), sentences, np.arange(1, 41), 20, exchange=number) for number in (3, exchange)
    ]
    for block in blocks:
        train(compile_train_block(layout.strips(20)), block, 20)
    assert blocks[0].center.tobytes() == blocks[1].center.tobytes()
    assert blocks[0].nodes.tobytes() == blocks[1].nodes.tobytes()


def test_changes_of_other_threads_are_kept():
    """A change that another thread makes to the root between two blocks is part of the next block's result."""
    block = block_of(np.random.default_rng(4), [[0, 1, 2, 3]] * 5, np.arange(1, 41), 20)
    block.nodes[-1] += 1
    expected = block._replace(center=block.center.copy(), nodes=block.nodes.copy())
    train(compile_train_block(layout.strips(20)), block, 20)
    train(reference.train_block, expected, 20)
    np.testing.assert_allclose(block.nodes, expected.nodes, atol=5e-5)


@pytest.mark.parametrize("function", [reference.train_block, compile_train_block(layout.strips(20))])
def test_a_halted_thread_trains_nothing(function):
    block = block_of(np.random.default_rng(4), [[0, 1, 2, 3]] * 5, np.arange(1, 41), 20)
    before = block.center.tobytes(), block.nodes.tobytes()
    assert train(function, block, 20, halt=True) == (20, 0, 0.0)
    assert (block.center.tobytes(), block.nodes.tobytes()) == before
