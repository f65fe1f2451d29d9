"""The kernels of both objectives at once against their references, for random shapes, trees and texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.negative_sampling._rows import random_rows

from firth.objectives import huffman_tree
from firth.text import END
from firth.training.hierarchical_softmax.reference import path_step
from firth.training.joint import cbow_kernels, kernels, reference
from firth.training.joint.kernels import SLICE, JointTokenBlock
from firth.training.negative_sampling.reference import window_step, windows
from firth.training.sampling import alias_table, keep_thresholds
from firth.training.windows import layout

SEED = 20261123
SHAPE, MORE_SHAPES = (12, 5), [(1, 1), (100, 5), (33, 17)]
"""(vector_size, negative)"""
MATRICES = ("center", "outside", "nodes")


def train_windows(block, D, *, compiled=True, halt=False):
    """Train skip-gram in place; return the words, the pairs and the loss."""
    longest = int(block.tree.lengths.max())
    work = kernels.make_workspace(len(block.tokens), D, block.window, block.K, longest, np.array([halt]))
    function = kernels.compile_train_block(*layout.tiles(block.K), layout.strips(D))
    return *(function if compiled else reference.train_block)(block, work), work.loss.sum()


def train_positions(is_mean):
    """Return what does the same for CBOW."""

    def train(block, D, *, compiled=True, halt=False):
        longest = int(block.tree.lengths.max())
        work = cbow_kernels.make_workspace(len(block.tokens), D, block.window, block.K, longest, np.array([halt]))
        function = cbow_kernels.compile_train_block(*layout.even_tiles(2 + block.K), layout.strips(D))
        return *(function if compiled else reference.train_positions)(block, is_mean, work), work.loss.sum()

    return train


TRAIN = {"skip-gram": train_windows, "cbow": train_positions(True), "cbow, sum": train_positions(False)}
EACH = pytest.mark.parametrize("train", TRAIN.values(), ids=TRAIN)


def block_of(rng, sentences, counts, shape, *, window=3, key=1, sample=0.0, shrink=True, rate=0.05, exchange=4):
    D, K = shape
    tokens = np.array([token for sentence in sentences for token in [*sentence, END]], np.int32)
    counts = np.sort(np.array(counts, np.int64))[::-1]
    V = len(counts)
    center, outside, nodes = (random_rows(rng, rows, D) for rows in (V, V, V - 1))
    tables = keep_thresholds(counts, sample), alias_table(counts, 0.75), huffman_tree(counts)
    return JointTokenBlock(
        center, outside, nodes, tokens, *tables, np.uint64(key), window, shrink, K, np.float32(rate), exchange
    )


def copied(block):
    return block._replace(**{name: getattr(block, name).copy() for name in MATRICES})


@st.composite
def cases(draw, shapes=(SHAPE,)):
    """Small vocabularies, so that words repeat; texts of one slice and of several; frozen rows now and then."""
    V, long = draw(st.sampled_from([2, 3, 8, 40])), draw(st.booleans())
    counts = draw(st.sampled_from([np.ones(V), 1.9 ** np.arange(V) + 1, np.arange(1, V + 1)])).astype(np.int64)
    sentences = draw(st.lists(st.lists(st.integers(0, V - 1), max_size=12), min_size=1, max_size=4))
    shape, window, shrink = draw(st.sampled_from(shapes)), draw(st.integers(1, 7)), draw(st.booleans())
    key, sample, exchange = draw(st.integers(0, 2**64 - 1)), draw(st.sampled_from([0.0, 0.05])), draw(st.integers(1, 9))
    rng, rate = np.random.default_rng(SEED), 0.001 if long else 0.05
    if long:
        sentences += rng.integers(0, V, (5, SLICE // 2)).tolist()
    drawn = {"window": window, "key": key, "sample": sample, "shrink": shrink, "rate": rate, "exchange": exchange}
    block = block_of(rng, sentences, counts, shape, **drawn)
    frozen = rng.random(V if draw(st.booleans()) else 0) < 0.4
    return shape[0], block._replace(frozen=frozen)


@EACH
@settings(max_examples=15, deadline=None, derandomize=True)
@given(case=cases())
def test_the_kernel_does_the_steps_of_the_reference(train, case):
    assert_the_same_steps(train, *case)


@EACH
@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=cases(MORE_SHAPES))
def test_the_kernel_does_the_steps_of_the_reference_for_other_shapes(train, case):
    assert_the_same_steps(train, *case)


def assert_the_same_steps(train, D, block):
    """Train a block with the kernel and with its reference, and compare the results."""
    expected, before = copied(block), block.center.copy()
    *counts, loss = train(block, D)
    *expected_counts, expected_loss = train(expected, D, compiled=False)
    assert counts == expected_counts
    # Each of some 1,300 windows adds a few roundings of 6e-8 to rows of size ~1 and passes earlier ones on.
    for name in MATRICES:
        np.testing.assert_allclose(getattr(block, name), getattr(expected, name), atol=1e-4)
        assert not getattr(block, name)[:, D:].any(), "the padding of a row must stay zero"
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4, atol=1e-6)
    if len(block.frozen):
        assert block.center[block.frozen].tobytes() == before[block.frozen].tobytes()


@EACH
@settings(max_examples=10, deadline=None, derandomize=True)
@given(case=cases())
def test_at_rate_zero_no_byte_changes(train, case):
    D, block = case
    block = block._replace(rate=np.float32(0))
    before = copied(block)
    train(block, D)
    for name in MATRICES:
        assert getattr(block, name).tobytes() == getattr(before, name).tobytes()


@EACH
@pytest.mark.parametrize("compiled", [True, False])
def test_a_halted_thread_trains_nothing(train, compiled):
    block = block_of(np.random.default_rng(4), [[0, 1, 2, 3]] * 5, np.arange(1, 41), SHAPE)
    before = copied(block)
    assert train(block, 12, compiled=compiled, halt=True) == (20, 0, 0.0)
    for name in MATRICES:
        assert getattr(block, name).tobytes() == getattr(before, name).tobytes()


def test_the_windows_of_a_slice_do_the_steps_of_one_objective_and_then_those_of_the_other():
    block = block_of(np.random.default_rng(4), [[3, 1, 0, 2, 1]], [9, 5, 5, 2], SHAPE, window=4, shrink=False)
    V, Q, U = (getattr(block, name)[:, :12].astype(float) for name in ("center", "nodes", "outside"))
    loss, tree = 0.0, huffman_tree([9, 5, 5, 2])
    for word, around in windows(block):
        loss += path_step(V, Q, around, tree.path(word), 0.05)
    for position, (word, around) in enumerate(windows(block)):
        loss += window_step(V, U, around, word, reference.noise_of(block, position), 0.05)
    found = train_windows(block, 12)
    assert found[:2] == (5, 20)
    assert found[2] == pytest.approx(loss, rel=1e-5)
    for ours, expected in zip((block.center, block.nodes, block.outside), (V, Q, U), strict=True):
        np.testing.assert_allclose(ours[:, :12], expected, atol=1e-5)
