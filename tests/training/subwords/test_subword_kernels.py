"""The kernel for subwords against its reference, for random shapes, texts and lists of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.negative_sampling._rows import random_rows

from firth.objectives import huffman_tree
from firth.text import END
from firth.training.hierarchical_softmax import window_kernels as path_kernels
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.negative_sampling import window_kernels
from firth.training.negative_sampling.reference import window_step
from firth.training.negative_sampling.window_kernels import TokenBlock, make_workspace
from firth.training.sampling import alias_table, keep_thresholds
from firth.training.subwords import kernels, reference
from firth.training.subwords.kernels import SubwordBlock, make_subword_workspace
from firth.training.windows import layout

SEED = 20261122
SHAPES = [(1, 1), (3, 5), (17, 5), (50, 10), (100, 5), (33, 17)]
"""(vector_size, negative)"""


def workspace(V, D, block, halted=False):
    tokens, halt = block.tokens, np.full(1, halted)
    if isinstance(tokens, TokenBlock):
        work = make_workspace(len(tokens.tokens), D, tokens.window, tokens.K, halt)
    else:
        longest = int(tokens.tree.lengths.max())
        work = path_kernels.make_workspace(len(tokens.tokens), D, tokens.window, longest, halt)
    return make_subword_workspace(V, D, window_kernels.SLICE + 2 * tokens.window, work)


def assert_rows_alike(ours, theirs):
    """Compare rows of size ~1 after some 800 windows; each adds a few roundings of 6e-8 and passes earlier ones on."""
    np.testing.assert_allclose(ours, theirs, atol=5e-5)


def train(function, block, V, D):
    """Train in place; return the words, the pairs and the loss."""
    work = workspace(V, D, block)
    block = block._replace(tokens=block.tokens._replace(center=work.vectors))
    return *function(block, work), work.windows.loss.sum()


def random_lists(rng, V, N):
    """Return lists of rows for V words: the own row, and a few of N others, often the same ones."""
    lists = [[w, *(V + rng.integers(0, N, int(rng.integers(0, 6))))] for w in range(V)]
    starts = np.append(0, np.cumsum([len(rows) for rows in lists]))
    return starts, np.concatenate(lists).astype(np.int32)


@st.composite
def cases(draw, fewest_words=1, shapes=SHAPES):
    """Small vocabularies, whose words share n-grams, and texts of one slice and of several."""
    V, long = draw(st.integers(fewest_words, 30)), draw(st.booleans())
    # In a slice of a long text, the changes of all words that share an n-gram add up: of few n-grams, rows grow to 20.
    N = draw(st.integers(30, 60) if long else st.integers(1, 9))
    D, negative = draw(st.sampled_from(shapes))
    word = st.integers(0, V - 1)
    sentences = draw(st.lists(st.lists(word, max_size=12), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if long:
        sentences += rng.integers(0, V, (3, window_kernels.SLICE // 2)).tolist()
    tokens = np.array([token for sentence in sentences for token in [*sentence, END]], np.int32)
    counts = rng.integers(1, 50, V)
    inputs, outside = random_rows(rng, V + N, D), random_rows(rng, V, D)
    keep, alias = keep_thresholds(counts, draw(st.sampled_from([0.0, 0.05]))), alias_table(counts, 0.75)
    key, window, shrink = np.uint64(draw(st.integers(0, 2**64 - 1))), draw(st.integers(1, 7)), draw(st.booleans())
    rate = np.float32(0.001 if long else 0.05)
    block = TokenBlock(inputs[:0], outside, tokens, keep, alias, key, window, shrink, negative, rate)
    return V, D, SubwordBlock(block, inputs, *random_lists(rng, V, N))


@st.composite
def path_cases(draw, shapes=SHAPES):
    """The cases above with a random tree, for hierarchical softmax."""
    V, D, block = draw(cases(2, shapes))
    powers = draw(st.sampled_from([1.0, 1.1, 1.9])) ** np.arange(V)
    tree = huffman_tree(np.sort((100 * powers).astype(np.int64))[::-1])
    tokens = block.tokens
    nodes, exchange = random_rows(np.random.default_rng(SEED), V - 1, D), draw(st.integers(1, 300))
    paths = NodeTokenBlock(
        tokens.center, nodes, tokens.tokens, tokens.keep, tree, tokens.key, tokens.window, tokens.shrink, tokens.rate,
        exchange,
    )  # fmt: skip
    return V, D, block._replace(tokens=paths)


def copied(block):
    if isinstance(block.tokens, NodeTokenBlock):
        tokens = block.tokens._replace(nodes=block.tokens.nodes.copy())
        return block._replace(inputs=block.inputs.copy(), tokens=tokens)
    return block._replace(inputs=block.inputs.copy(), tokens=block.tokens._replace(outside=block.tokens.outside.copy()))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(cases())
def test_the_kernel_does_the_steps_of_the_reference(case):
    V, D, block = case
    expected = copied(block)
    K = block.tokens.K
    *counts, loss = train(kernels.compile_train_block(*layout.tiles(K), layout.strips(D)), block, V, D)
    *expected_counts, expected_loss = train(reference.train_block, expected, V, D)
    assert counts == expected_counts
    assert_rows_alike(block.inputs, expected.inputs)
    assert_rows_alike(block.tokens.outside, expected.tokens.outside)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4, atol=1e-6)
    assert not block.inputs[:, D:].any(), "the padding of a row must stay zero"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(path_cases())
def test_the_kernel_of_hierarchical_softmax_does_the_steps_of_the_reference(case):
    V, D, block = case
    expected = copied(block)
    *counts, loss = train(kernels.compile_train_paths(layout.strips(D)), block, V, D)
    *expected_counts, expected_loss = train(reference.train_block, expected, V, D)
    assert counts == expected_counts
    assert_rows_alike(block.inputs, expected.inputs)
    assert_rows_alike(block.tokens.nodes, expected.tokens.nodes)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4, atol=1e-6)
    assert not block.inputs[:, D:].any(), "the padding of a row must stay zero"
    assert not block.tokens.nodes[:, D:].any(), "the padding of a row must stay zero"


@given(path_cases())
def test_at_rate_zero_hierarchical_softmax_changes_no_byte(case):
    V, D, block = case
    block = block._replace(tokens=block.tokens._replace(rate=np.float32(0)))
    before = copied(block)
    train(kernels.compile_train_paths(layout.strips(D)), block, V, D)
    assert block.inputs.tobytes() == before.inputs.tobytes()
    assert block.tokens.nodes.tobytes() == before.tokens.nodes.tobytes()


def test_words_without_ngrams_train_as_without_subwords_under_hierarchical_softmax():
    V, D, rng = 40, 20, np.random.default_rng(SEED)
    tokens = np.append(rng.integers(0, V, 2000), END).astype(np.int32)
    counts = np.sort(np.bincount(tokens[:-1], minlength=V))[::-1]
    center, nodes = random_rows(rng, V, D), random_rows(rng, V - 1, D)
    shared = tokens, keep_thresholds(counts, 0.01), huffman_tree(counts), np.uint64(7), 5, True, np.float32(0.01), 100
    plain = NodeTokenBlock(random_rows(rng, V, D), random_rows(rng, V - 1, D), *shared)
    plain.center[:], plain.nodes[:] = center, nodes
    work = path_kernels.make_workspace(len(tokens), D, 5, int(plain.tree.lengths.max()), np.zeros(1, np.bool_))
    path_kernels.compile_train_block(layout.strips(D))(plain, work)
    block = NodeTokenBlock(center[:0], nodes, *shared)
    block = SubwordBlock(block, center, np.arange(V + 1), np.arange(V, dtype=np.int32))
    train(kernels.compile_train_paths(layout.strips(D)), block, V, D)
    np.testing.assert_allclose(center, plain.center, atol=1e-5)  # a change is rounded once more in each slice
    np.testing.assert_allclose(nodes, plain.nodes, atol=1e-5)


@given(cases())
def test_at_rate_zero_no_byte_changes(case):
    V, D, block = case
    block = block._replace(tokens=block.tokens._replace(rate=np.float32(0)))
    before = copied(block)
    train(kernels.compile_train_block(*layout.tiles(block.tokens.K), layout.strips(D)), block, V, D)
    assert block.inputs.tobytes() == before.inputs.tobytes()
    assert block.tokens.outside.tobytes() == before.tokens.outside.tobytes()


def test_words_without_ngrams_train_as_without_subwords():
    V, D, K, rng = 9, 20, 5, np.random.default_rng(SEED)
    tokens = np.append(rng.integers(0, V, 2000), END).astype(np.int32)
    counts = np.bincount(tokens[:-1], minlength=V)
    tables = keep_thresholds(counts, 0.01), alias_table(counts, 0.75)
    center, outside, *others = (random_rows(rng, V, D) for _ in range(4))
    for copy, rows in zip(others, (center, outside), strict=True):
        copy[:] = rows
    plain = TokenBlock(*others, tokens, *tables, np.uint64(7), 5, True, K, np.float32(0.01))
    shape = *layout.tiles(K), layout.strips(D)
    halt = np.zeros(1, np.bool_)
    window_kernels.compile_train_block(*shape)(plain, make_workspace(len(tokens), D, 5, K, halt))
    block = SubwordBlock(plain._replace(outside=outside), center, np.arange(V + 1), np.arange(V, dtype=np.int32))
    train(kernels.compile_train_block(*shape), block, V, D)
    np.testing.assert_allclose(center, plain.center, atol=1e-5)  # a change is rounded once more in each slice
    np.testing.assert_allclose(outside, plain.outside, atol=1e-5)


def test_a_step_moves_every_row_of_a_center_by_the_step_of_its_vector():
    """The step of a pair, (38): undivided, as in fastText, so that the composed vector moves by the same step."""
    V, D, N, rng = 2, 8, 5, np.random.default_rng(SEED)
    inputs, outside = random_rows(rng, V + N, D), random_rows(rng, V, D)
    starts, rows = np.array([0, 4, 5]), np.array([0, 2, 4, 5, 1], np.int32)
    keep, alias = np.full(2, 2**32 - 1, np.uint32), np.array([1, 1], np.uint64)
    tokens = TokenBlock(
        inputs[:0], outside, np.array([0, 1], np.int32), keep, alias, np.uint64(3), 1, False, 1, np.float32(0.1)
    )
    block = SubwordBlock(tokens, inputs, starts, rows)
    before = inputs.copy()
    vectors = np.array([before[[0, 2, 4, 5]].mean(axis=0), before[1]], np.float64)[:, :D]
    U, expected = outside[:, :D].astype(np.float64), vectors.copy()
    noise = np.array([1])  # every slot of the alias table is word 1
    for o, around in ((0, [1]), (1, [0])):
        window_step(expected, U, np.array(around), o, noise, 0.1)
    train(kernels.compile_train_block(*layout.tiles(1), layout.strips(D)), block, V, D)
    change = expected - vectors
    for row in (0, 2, 4, 5):
        np.testing.assert_allclose((inputs - before)[row, :D], change[0], atol=1e-6)
    np.testing.assert_allclose((inputs - before)[1, :D], change[1], atol=1e-6)
    assert np.array_equal(inputs[[3, 6]], before[[3, 6]])
    np.testing.assert_allclose(inputs[[0, 2, 4, 5]].mean(axis=0)[:D], expected[0], atol=1e-6)


@pytest.mark.parametrize("function", ["kernel", "reference"])
def test_halt_stops_before_the_first_slice(function):
    V, D, K, rng = 4, 8, 3, np.random.default_rng(SEED)
    inputs, outside = random_rows(rng, V, D), random_rows(rng, V, D)
    tables = np.full(V, 2**32 - 1, np.uint32), alias_table(np.ones(V, int), 0.75)
    tokens = rng.integers(0, V, 50).astype(np.int32)
    block = SubwordBlock(
        TokenBlock(inputs[:0], outside, tokens, *tables, np.uint64(3), 2, False, K, np.float32(0.1)),
        inputs, np.arange(V + 1), np.arange(V, dtype=np.int32),
    )  # fmt: skip
    work, before = workspace(V, D, block, halted=True), inputs.copy()
    block = block._replace(tokens=block.tokens._replace(center=work.vectors))
    compiled = kernels.compile_train_block(*layout.tiles(K), layout.strips(D))
    (compiled if function == "kernel" else reference.train_block)(block, work)
    assert np.array_equal(inputs, before)
