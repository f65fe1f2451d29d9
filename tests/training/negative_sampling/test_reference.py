"""The NumPy reference against the equations of `firth.objectives`, pair by pair, in float64."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training._by_hand import reach, surviving_sentences
from training.loop._runs import ids, model_of

from firth import Options
from firth.objectives import negative_sampling
from firth.text import END
from firth.training.negative_sampling import block_kernels, buckets, partition, reference
from firth.training.sampling import keep_thresholds

SEED = 20261120
RATE = 0.05
WORDS = st.integers(0, 5)  # few, so that words repeat and coincide


def sum_of_pairs(V, U, pairs, noise):
    """Return both matrices after one step by the summed gradients of (16) for each pair, and the summed loss."""
    d_V, d_U, loss = np.zeros_like(V), np.zeros_like(U), 0.0
    for c, o in pairs:
        pair_loss, d_center, d_outside = negative_sampling(V[c], o, noise[noise != o], U)
        loss += pair_loss
        d_V[c] += d_center
        d_U += d_outside
    return V - RATE * d_V, U - RATE * d_U, loss


def assert_equal(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)  # float64, a few dozen roundings


def random_matrices(D=4):
    return np.random.default_rng(SEED).normal(size=(2, 6, D))


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS, st.lists(WORDS, min_size=1, max_size=8))
def test_a_window_step_is_the_sum_of_its_pairs(around, o, noise):
    (V, U), noise = random_matrices(), np.array(noise)
    expected = sum_of_pairs(V, U, [(c, o) for c in around], noise)
    loss = reference.window_step(V, U, np.array(around), o, noise, RATE)
    assert_equal((V, U, loss), expected)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=60), st.integers(0, 2**64 - 1))
def test_groups_hold_every_pair_once(pairs, key):
    pairs = np.array(sorted(pairs, key=lambda pair: pair[1]), np.int32).reshape(-1, 2)
    groups = reference.groups(pairs, np.uint64(key))
    assert Counter(map(tuple, np.concatenate([pairs[:0], *groups]).tolist())) == Counter(map(tuple, pairs.tolist()))
    fewest = sum(-(-n // buckets.GROUP) for n in Counter(pairs[:, 1].tolist()).values())
    assert len(groups) == fewest
    assert all(len(group) <= buckets.GROUP and len(set(group[:, 1].tolist())) == 1 for group in groups)


@given(st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=4), st.integers(1, 5), st.booleans())
def test_windows_are_those_of_the_sentences_that_survive(text, m, shrink):
    tokens, key = np.array([token for sentence in text for token in [*sentence, END]], np.int32), 9
    keep, block_of = keep_thresholds(np.full(10, 5), 0.05), np.zeros(10, np.uint16)
    found = reference.windows(buckets.Windows(tokens, keep, np.uint64(key), m, shrink, block_of))
    expected = []
    for sentence in surviving_sentences(tokens, keep, key):
        for i, word in enumerate(sentence):
            r = reach(key, len(expected), m) if shrink else m
            expected.append((word, sentence[max(0, i - r) : i] + sentence[i + 1 : i + r + 1]))
    assert [(o, around.tolist()) for o, around in found] == expected


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 5),
    st.booleans(),
)
def test_the_buckets_hold_every_pair_of_every_window_once(text, P, m, shrink):
    halves = [[token for sentence in half for token in [*sentence, END]] for half in (text[::2], text[1::2])]
    counts = np.full(10, 5)
    keep, drawn = (
        keep_thresholds(counts, 0.05),
        partition.draw_partition(partition.words_of(counts, Options()), P, SEED, 1, 0),
    )
    ours, theirs = (buckets.make_chunk_text(2, 60, P) for _ in range(2))
    expected = Counter()
    for row, tokens in enumerate(halves):
        windows = buckets.Windows(np.array(tokens, np.int32), keep, np.uint64(row), m, shrink, drawn.block_of)
        work = buckets.make_text_workspace(len(tokens))
        for module, chunk in ((block_kernels, ours), (reference, theirs)):
            n = module.keep_words(windows, chunk.entries[row], chunk.spans[row], work)
            module.sort_positions(chunk.entries[row], n, drawn.block_of, chunk.order[row], chunk.starts[row])
            chunk.counts[:] += module.count_buckets(chunk.entries[row], chunk.spans[row], n, drawn.block_of, P)
        expected += Counter((c, o) for o, around in reference.windows(windows) for c in around.tolist())
    found = Counter()
    for block in range(P):
        outside = buckets.OutsideUnits(drawn.slot_of, np.arange(10, dtype=np.int32), len(drawn.words[block]))
        made = block_kernels.make_pairs(ours, block, outside)
        for of_kernel, of_reference in zip(made, reference.make_pairs(theirs, block, outside), strict=True):
            np.testing.assert_array_equal(of_kernel, of_reference)
        for center_block in range(P):
            of_bucket = made.pairs[made.starts[center_block] : made.starts[center_block + 1]]
            assert all((drawn.block_of[c], drawn.block_of[o]) == (center_block, block) for c, o in of_bucket)
            assert np.all(np.diff(of_bucket[:, 1]) >= 0), "pairs of one outside word follow each other"
        found += Counter(map(tuple, made.pairs.tolist()))
    assert found == expected


@pytest.mark.parametrize("kind", ["blocks", "hogwild"])
def test_training_by_the_reference_equals_training_by_the_kernels(kind):
    options = {"vector_size": 13, "window": 5, "epochs": 2, "negative": 9, "blocks": 2}
    compiled, plain = (
        model_of(kind, 1, **options).fit(ids(1200, 60, SEED).reshape(100, 12), progress=False, kernels=kernels)
        for kernels in ("compiled", "reference")
    )
    # Each row is updated about 800 times and is of size 1, so rounding to float32 (6e-8) adds up to 5e-5 at most.
    np.testing.assert_allclose(plain.wv.vectors, compiled.wv.vectors, atol=5e-5)
    np.testing.assert_allclose(plain.outside, compiled.outside, atol=5e-5)
    assert not np.array_equal(plain.outside, compiled.outside), "rounding differs: `kernels` has an effect"
    for ours, theirs in zip(plain.history, compiled.history, strict=True):
        assert ours.pairs == theirs.pairs
        assert (ours.loss, ours.end_loss) == pytest.approx((theirs.loss, theirs.end_loss), rel=1e-6)


def test_windows_as_large_as_the_sentence_hold_all_its_words():
    """Each word is a center once for every other word of its sentence, whatever the window beyond it."""
    tokens = np.append(np.arange(700), END).astype(np.int32)
    everything, block_of = np.full(700, 2**32 - 1, np.uint32), np.zeros(700, np.uint16)
    for m in (699, 32_767):
        text = buckets.make_chunk_text(1, len(tokens), 1)
        windows = buckets.Windows(tokens, everything, np.uint64(1), m, False, block_of)
        work, words = buckets.make_text_workspace(len(tokens)), np.arange(700, dtype=np.int32)
        n = block_kernels.keep_words(windows, text.entries[0], text.spans[0], work)
        block_kernels.sort_positions(text.entries[0], n, block_of, text.order[0], text.starts[0])
        text.counts[:] = block_kernels.count_buckets(text.entries[0], text.spans[0], n, block_of, 1)
        made = block_kernels.make_pairs(text, 0, buckets.OutsideUnits(words, words, 700))
        expected = [(c, o) for o in range(700) for c in range(700) if c != o]
        assert sorted(map(tuple, made.pairs.tolist())) == sorted(expected)


def test_a_wide_window_and_many_noise_words_train_as_the_reference_does():
    options = {"vector_size": 5, "window": 32_767, "shrink_windows": False, "sample": 0.0, "negative": 70, "epochs": 1}
    sentence = ids(300, 40, SEED).reshape(1, 300)
    compiled, plain = (
        model_of("blocks", 1, alpha=0.001, **options).fit(sentence, progress=False, kernels=kernels)
        for kernels in ("compiled", "reference")
    )
    assert compiled.history[0].pairs == plain.history[0].pairs == 300 * 299
    # A row is updated up to 9,000 times by steps of about 0.001, and rounding errs by 6e-8 of a number below 1 each.
    np.testing.assert_allclose(plain.wv.vectors, compiled.wv.vectors, atol=5e-5)
