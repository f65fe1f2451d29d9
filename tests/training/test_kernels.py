"""The compiled kernel against the equations of `firth.objectives`, draw by draw and step by step."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from training._by_hand import reach, surviving_sentences

from firth.objectives import negative_sampling
from firth.text import END
from firth.training import draws
from firth.training.negative_sampling import layout, simd, window_kernels
from firth.training.sampling import alias_table, keep_thresholds

SEED = 20261120
SHAPES = [(1, 1), (3, 5), (16, 8), (17, 5), (50, 10), (100, 5), (33, 17), (16, 64)]
"""(vector_size, negative): rows of one strip and several, whole and not; one tile, several, and unused columns."""


def matrices(rng, V, D, scale=1.0):
    """Return two aligned, padded matrices of random rows."""
    shape = (V, simd.LANES * layout.strips(D))
    pair = []
    for _ in range(2):
        matrix = layout.aligned_zeros(shape)
        matrix[:, :D] = rng.normal(0, scale / np.sqrt(D), (V, D))
        pair.append(matrix)
    return pair


def run_kernel(center, outside, D, block, *, window, negative, shrink, rate, keep, alias, key):
    """Train on one block, in place; return words, pairs and the loss."""
    work = window_kernels.make_workspace(len(block), D, window, negative, np.zeros(1, np.bool_))
    tile, n_tiles = layout.tiles(negative)
    train = window_kernels.compile_train_block(tile, n_tiles, layout.strips(D))
    words, pairs = train(
        center, outside, block, keep, alias, np.uint64(key), window, shrink, negative, np.float32(rate), work
    )
    return words, pairs, work.loss.sum()


def oracle(center, outside, block, *, window, negative, shrink, rate, keep, alias, key):
    """Do the same in float64 with `negative_sampling`: one step a window, all gradients from before the step."""
    center, outside = center.astype(np.float64), outside.astype(np.float64)
    loss, pairs, position = 0.0, 0, 0
    drawn = np.arange(len(block) * negative, dtype=np.int32)
    draws.draw_noise(np.uint64(key), 0, len(drawn), alias, drawn)
    for sentence in surviving_sentences(block, keep, key):
        for i, word in enumerate(sentence):
            m = reach(key, position, window) if shrink else window
            noise = drawn[position * negative : (position + 1) * negative]
            noise = noise[noise != word]
            inputs = sentence[max(0, i - m) : i] + sentence[i + 1 : i + m + 1]
            d_center, d_outside = np.zeros_like(center), np.zeros_like(outside)
            for edge in inputs:
                pair_loss, d_v, d_U = negative_sampling(center[edge], word, noise, outside)
                loss += pair_loss
                d_center[edge] += d_v
                d_outside += d_U
            center -= rate * d_center
            outside -= rate * d_outside
            pairs += len(inputs)
            position += 1
    return center, outside, pairs, loss


@st.composite
def cases(draw):
    """Small vocabularies, so that words repeat in windows and among noise words, and equal one another."""
    V = draw(st.integers(1, 12))
    D, negative = draw(st.sampled_from(SHAPES))
    word = st.integers(0, V - 1)
    sentences = draw(st.lists(st.lists(word, max_size=12), min_size=1, max_size=4))
    block = np.array([token for sentence in sentences for token in [*sentence, END]], np.int32)
    return {
        "V": V,
        "block": block,
        "window": draw(st.integers(1, 7)),
        "D": D,
        "negative": negative,
        "shrink": draw(st.booleans()),
        "key": draw(st.integers(0, 2**64 - 1)),
        "subsample": draw(st.booleans()),
    }


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cases())
def test_a_block_equals_the_oracles_steps(case):
    V, D, block = case["V"], case["D"], case["block"]
    rng = np.random.default_rng(SEED)
    counts = rng.integers(1, 50, V)
    settings_ = {
        "window": case["window"], "negative": case["negative"], "shrink": case["shrink"], "rate": 0.05,
        "keep": keep_thresholds(counts, 0.05 if case["subsample"] else 0.0),
        "alias": alias_table(counts, 0.75), "key": case["key"],
    }  # fmt: skip
    center, outside = matrices(rng, V, D)
    expected_center, expected_outside, expected_pairs, expected_loss = oracle(center, outside, block, **settings_)
    words, pairs, loss = run_kernel(center, outside, D, block, **settings_)
    assert words == np.count_nonzero(block != END)
    assert pairs == expected_pairs
    # At most 48 windows change rows of size ~1; each adds a few roundings of 6e-8 and passes earlier ones on.
    np.testing.assert_allclose(center, expected_center, atol=2e-5)
    np.testing.assert_allclose(outside, expected_outside, atol=2e-5)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5, atol=1e-6)
    assert not center[:, D:].any(), "the padding of a row must stay zero"
    assert not outside[:, D:].any(), "the padding of a row must stay zero"
