"""The NumPy reference for subwords against the equations of `firth.objectives`, in float64."""

import numpy as np
from training.subwords.test_subword_kernels import SEED, train

from firth.objectives import hierarchical_softmax, huffman_tree, negative_sampling, subword_pair
from firth.text import END
from firth.training.draws import draw_noise
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.negative_sampling.reference import windows
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.sampling import alias_table
from firth.training.subwords import reference
from firth.training.subwords.kernels import SubwordBlock

RATE = 0.05


def blocks(tokens, V=5, D=6, window=3):
    """Return a block of tokens in float64; no two words share an n-gram, and none has one twice."""
    rng = np.random.default_rng(SEED)
    rows = np.concatenate([[w, V + 2 * w, V + 2 * w + 1] for w in range(V)]).astype(np.int32)
    starts = 3 * np.arange(V + 1)
    inputs, outside = rng.normal(size=(3 * V, D)), rng.normal(size=(V, D))
    keep, alias = np.full(V, 2**32 - 1, np.uint32), alias_table(np.ones(V, int), 0.75)
    block = TokenBlock(inputs[:0], outside, tokens, keep, alias, np.uint64(9), window, False, 3, np.float64(RATE))
    return SubwordBlock(block, inputs, starts, rows)


def test_a_block_is_the_fasttext_step_of_each_window():
    """A window moves each row of a word by n times the gradient by that row, summed over its pairs (38)."""
    tokens = np.array([0, 3, 1, 1, 4, END, 2, 0, 2, END], np.int32)
    block = blocks(tokens)
    Z, U, noise, loss = block.inputs.copy(), block.tokens.outside.copy(), np.empty(3, np.int32), 0.0
    for position, (o, around) in enumerate(windows(block.tokens)):
        draw_noise(block.tokens.key, position * 3, 3, block.tokens.alias, noise)
        d_Z, d_U = np.zeros_like(Z), np.zeros_like(U)
        for c in around.tolist():
            rows = reference.rows_of(block, c)
            pair = subword_pair(rows, o, Z, U, lambda x, o, U: negative_sampling(x, o, noise[noise != o], U))
            loss += pair[0]
            d_Z += len(rows) * pair[1]
            d_U += pair[2]
        Z -= RATE * d_Z
        U -= RATE * d_U
    *_, total = train(reference.train_block, block, 5, 6)
    np.testing.assert_allclose(block.inputs, Z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(block.tokens.outside, U, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(total, loss, rtol=1e-12)


def test_a_block_of_hierarchical_softmax_is_the_fasttext_step_of_each_window():
    tokens = np.array([0, 3, 1, 1, 4, END, 2, 0, 2, END], np.int32)
    block, tree = blocks(tokens), huffman_tree(np.array([3, 2, 2, 1, 1]))
    given, Q = block.tokens, np.random.default_rng(3).normal(size=(4, 6))
    paths = NodeTokenBlock(
        given.center, Q.copy(), tokens, given.keep, tree, given.key, given.window, False, given.rate, 1
    )
    block, Z, loss = block._replace(tokens=paths), block.inputs.copy(), 0.0
    for o, around in windows(paths):
        d_Z, d_Q = np.zeros_like(Z), np.zeros_like(Q)
        for c in around.tolist():
            rows = reference.rows_of(block, c)
            pair = subword_pair(rows, o, Z, Q, lambda x, o, Q: hierarchical_softmax(x, o, Q, tree))
            loss += pair[0]
            d_Z += len(rows) * pair[1]
            d_Q += pair[2]
        Z -= RATE * d_Z
        Q -= RATE * d_Q
    *_, total = train(reference.train_block, block, 5, 6)
    np.testing.assert_allclose(block.inputs, Z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(paths.nodes, Q, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(total, loss, rtol=1e-12)
