"""The NumPy reference against the equations of `firth.objectives`, pair by pair, in float64."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training._by_hand import reach, surviving_sentences

from firth import Options
from firth.objectives import negative_sampling
from firth.text import END, read_corpus
from firth.training.loop.progress import Reporter
from firth.training.loop.trainer import Trainer
from firth.training.negative_sampling import block_kernels, blocks, hogwild, reference
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


def random_matrices(D=4):
    return np.random.default_rng(SEED).normal(size=(2, 6, D))


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS, st.lists(WORDS, min_size=1, max_size=8))
def test_a_window_step_is_the_sum_of_its_pairs(around, o, noise):
    (V, U), noise = random_matrices(), np.array(noise)
    expected = sum_of_pairs(V, U, [(c, o) for c in around], noise)
    loss = reference.window_step(V, U, np.array(around), o, noise, RATE)
    for ours, theirs in zip((V, U, loss), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)  # float64, a few dozen roundings


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8), st.lists(WORDS, min_size=1, max_size=8))
def test_a_group_step_is_the_sum_of_its_pairs(pairs, noise):
    (V, U), noise = random_matrices(), np.array(noise)
    expected = sum_of_pairs(V, U, pairs, noise)
    loss = reference.group_step(V, U, np.array(pairs), noise, RATE)
    for ours, theirs in zip((V, U, loss), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)  # float64, a few dozen roundings


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=4), st.integers(1, 5), st.booleans())
def test_windows_are_those_of_the_sentences_that_survive(text, m, shrink):
    tokens, key = np.array([token for sentence in text for token in [*sentence, END]], np.int32), 9
    keep, block_of = keep_thresholds(np.full(10, 5), 0.05), np.zeros(10, np.uint8)
    found = reference.windows(block_kernels.Windows(tokens, keep, np.uint64(key), m, shrink, block_of, 1))
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
    tokens = np.array([token for sentence in text for token in [*sentence, END]], np.int32)
    keep, block_of = keep_thresholds(np.full(10, 5), 0.05), np.random.default_rng(SEED).integers(0, P, 10, np.uint8)
    windows = block_kernels.Windows(tokens, keep, np.uint64(9), m, shrink, block_of, P)
    made = block_kernels.make_pairs(windows, block_kernels.make_pair_workspace(len(tokens), P))
    for bucket in range(P * P):
        of_bucket = made.pairs[made.starts[bucket] : made.starts[bucket + 1]]
        assert all((block_of[c], block_of[o]) == divmod(bucket, P) for c, o in of_bucket)
    expected = Counter((c, o) for o, around in reference.windows(windows) for c in around.tolist())
    assert Counter(map(tuple, made.pairs.tolist())) == expected
    for ours, theirs in zip(reference.make_pairs(windows, None), made, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("engine", "schedule"), [(hogwild.Hogwild, "hogwild"), (blocks.Blocks, "blocks")])
def test_training_by_the_reference_equals_training_by_the_kernels(engine, schedule):
    weights = 1 / np.arange(1, 61)
    ids = np.random.default_rng(SEED).choice(60, (100, 12), p=weights / weights.sum())
    options = Options(vector_size=13, epochs=2, min_count=1, sample=0.01, negative=9, blocks=2, schedule=schedule)
    corpus, trained, history = read_corpus(ids, options), {}, {}
    for kernels in ("reference", "compiled"):
        trained[kernels] = engine(corpus, options, kernels)
        records = Trainer(trained[kernels], options, 1, Reporter()).epochs()
        history[kernels] = [(record.pairs, record.loss, record.end_loss) for record in records]
    # Each row is updated about 800 times and is of size 1, so rounding to float32 (6e-8) adds up to 5e-5 at most.
    for matrix in ("center", "outside"):
        ours, theirs = (getattr(trained[kernels], matrix) for kernels in ("reference", "compiled"))
        np.testing.assert_allclose(ours, theirs, atol=5e-5)
    np.testing.assert_allclose(history["reference"], history["compiled"], rtol=1e-6)
