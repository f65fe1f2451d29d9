"""The exact softmax against `objectives.naive_softmax`, summed over every pair of small corpora."""

import numpy as np
import pytest

from firth.errors import OptionError
from firth.objectives import naive_softmax
from firth.options import Options
from firth.text import read_corpus
from firth.training.softmax import exact, kernels
from firth.training.softmax.cooccurrence import count_pairs
from firth.training.softmax.exact import ExactSoftmax, exact_loss, unigram_intercept

ROUNDING = 2.0**-24  # float32's half unit


def small_corpus(V=37, sentences=60, seed=0):
    """Sentences over V words, a few of them frequent; a fixed window makes every count a whole number."""
    rng = np.random.default_rng(seed)
    words = (V * rng.random((sentences, 12)) ** 2).astype(np.int64)
    words.flat[:V] = np.arange(V)
    return read_corpus(words, Options(min_count=1))


def pairs_of(corpus, window=3):
    options = Options(min_count=1, window=window, shrink_windows=False, sample=0)
    return count_pairs(corpus.tokens, corpus.vocabulary, options)


def vectors(V, D, seed=1, scale=1.0):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(0, scale / D**0.25, (V, D)).astype(np.float32) for _ in range(2))


def over_every_pair(center, outside, counts, intercept):
    """Sum `naive_softmax` over all pairs: loss of each center, dL/dV, dL/dU. The intercept is one more dimension,
    always 1 in v and b in u."""
    V, D = center.shape
    v = np.hstack([center, np.ones((V, 1))]).astype(np.float64)
    u = np.hstack([outside, intercept[:, np.newaxis]]).astype(np.float64)
    losses, d_center, d_outside = np.zeros(V), np.zeros((V, D)), np.zeros((V, D))
    for c in range(V):
        for at in range(counts.indptr[c], counts.indptr[c + 1]):
            loss, d_v, d_u = naive_softmax(v[c], counts.columns[at], u)
            n = round(float(counts.values[at]))
            for _ in range(n):  # every pair by itself
                losses[c] += loss
                d_center[c] += d_v[:D]
                d_outside += d_u[:, :D]
    return losses, d_center, d_outside


def gradient(center, outside, counts, intercept, *, batch=512, workers=1, weights=None, **kwargs):
    """Return losses and gradients of all centers at once, as copies; that of a center is of all its pairs."""
    V, D = center.shape
    everyone = np.arange(V)
    weights = counts.totals if weights is None else weights
    with ExactSoftmax(V, D, batch=batch, workers=workers, **kwargs) as engine:
        result = engine.gradient(center, outside, intercept, counts.rows(everyone), counts.totals, weights)
        return result.losses, result.center * counts.totals[:, np.newaxis], result.outside.copy()


@pytest.mark.parametrize("tile_words", [7, 16, 1024])
@pytest.mark.parametrize("with_intercept", [False, True])
def test_loss_and_gradients_equal_the_sum_over_every_pair(monkeypatch, tile_words, with_intercept):
    monkeypatch.setattr(exact, "TILE_WORDS", tile_words)
    corpus = small_corpus()
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 9)
    intercept = unigram_intercept(corpus.vocabulary.counts) if with_intercept else np.zeros(V, np.float32)
    losses, d_center, d_outside = over_every_pair(center, outside, counts, intercept)
    found, found_center, found_outside = gradient(center, outside, counts, intercept)
    # A score is a sum of 9 products below 4, so it errs by some 9 * 4 roundings, a probability by as many times
    # itself; a gradient adds V such terms, of size N_c (at most 200) times a vector's entry.
    np.testing.assert_allclose(found, losses / counts.totals, rtol=40 * ROUNDING, atol=40 * ROUNDING)
    np.testing.assert_allclose(found_center, d_center, rtol=1e-5, atol=200 * 40 * ROUNDING)
    np.testing.assert_allclose(found_outside, d_outside, rtol=1e-5, atol=200 * 40 * ROUNDING)


def test_gradients_equal_central_differences():
    """The gradient of the corpus's loss along random directions in both matrices; steps of 1/64 round exactly."""
    corpus = small_corpus(V=11, sentences=20)
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 5)
    intercept = unigram_intercept(corpus.vocabulary.counts)
    _, d_center, d_outside = gradient(center, outside, counts, intercept)
    h, rng = 2.0**-6, np.random.default_rng(5)

    def loss(v, u):
        return float(counts.totals @ gradient(v, u, counts, intercept)[0])

    for _ in range(5):
        a, b = (rng.choice([-1.0, 1.0], (V, 5)).astype(np.float32) for _ in range(2))
        by_center = (loss(center + h * a, outside) - loss(center - h * a, outside)) / (2 * h)
        by_outside = (loss(center, outside + h * b) - loss(center, outside - h * b)) / (2 * h)
        # The loss is near 4000 and errs by some 1e-4 (roundings of float32 scores): 1e-4 / 2h = 0.004 here; the third
        # derivative adds h^2/6 times some thousands: 0.2. Slopes are in the hundreds.
        assert by_center == pytest.approx(float((a * d_center).sum()), rel=2e-3, abs=0.3)
        assert by_outside == pytest.approx(float((b * d_outside).sum()), rel=2e-3, abs=0.3)


def test_weights_scale_each_centers_share_of_the_outside_gradient():
    corpus = small_corpus()
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 9)
    intercept = np.zeros(V, np.float32)
    weights = np.random.default_rng(2).random(V)
    _, _, d_outside = gradient(center, outside, counts, intercept, weights=weights)
    alone = [gradient(center, outside, counts, intercept, weights=weights * (np.arange(V) == c))[2] for c in range(V)]
    np.testing.assert_allclose(d_outside, sum(alone), atol=1e-6)


def test_result_does_not_depend_on_threads_to_the_last_bit(monkeypatch):
    monkeypatch.setattr(exact, "TILE_WORDS", 8)
    corpus = small_corpus(V=100)
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 20)
    intercept = np.zeros(V, np.float32)
    one = gradient(center, outside, counts, intercept, workers=1)
    for workers in (2, 5):
        several = gradient(center, outside, counts, intercept, workers=workers)
        for a, b in zip(one, several, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_small_budget_gives_the_same_gradient_in_parts():
    corpus = small_corpus(V=50)
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 9)
    intercept = np.zeros(V, np.float32)
    whole = gradient(center, outside, counts, intercept)
    budget = 4 * V * 7  # bytes: scores of 7 centers
    parts = gradient(center, outside, counts, intercept, tile_bytes=budget)
    assert ExactSoftmax(V, 9, batch=512, workers=1, tile_bytes=budget).part == 7
    np.testing.assert_array_equal(whole[0].shape, parts[0].shape)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)  # sums of up to 200 terms, in another order


@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_huge_scores_stay_finite(scale):
    """Scores up to 1e10 overflow exp; the loss is then the gap to the greatest score."""
    corpus = small_corpus()
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 9, scale=scale)
    intercept = np.zeros(V, np.float32)
    losses, *_ = over_every_pair(center, outside, counts, intercept)
    found, d_center, d_outside = gradient(center, outside, counts, intercept)
    np.testing.assert_allclose(found, losses / counts.totals, rtol=1e-5)
    assert np.isfinite(d_center).all()
    assert np.isfinite(d_outside).all()


def test_exact_loss_is_the_mean_over_all_pairs():
    corpus = small_corpus()
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 9)
    intercept = unigram_intercept(corpus.vocabulary.counts)
    for b in (None, intercept):
        losses, *_ = over_every_pair(center, outside, counts, np.zeros(V, np.float32) if b is None else b)
        loss = exact_loss(center, outside, counts, b)
        assert loss.nats == pytest.approx(losses.sum() / counts.totals.sum(), rel=1e-6)
        assert loss.perplexity == pytest.approx(np.exp(loss.nats))
        assert loss.pairs == counts.totals.sum()
        assert exact_loss(center, outside, counts, b, workers=3) == loss


def test_exact_loss_of_zero_vectors_is_known():
    """All words alike: log V. With the intercept: the cross entropy between the pairs' outside words and P."""
    corpus = small_corpus()
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    zeros = np.zeros((V, 4), np.float32)
    assert exact_loss(zeros, zeros, counts).nats == pytest.approx(np.log(V), rel=1e-6)
    P = corpus.vocabulary.counts / corpus.vocabulary.counts.sum()
    expected = -(counts.totals @ np.log(P)) / counts.pairs  # symmetric: a word is outside as often as it is center
    found = exact_loss(zeros, zeros, counts, unigram_intercept(corpus.vocabulary.counts)).nats
    assert found == pytest.approx(expected, rel=1e-6)


def test_exact_loss_of_held_out_text_leaves_out_words_that_do_not_occur():
    corpus = small_corpus()
    held_out = read_corpus([["0", "1", "0"]], Options(min_count=1))
    options = Options(min_count=1, window=2, shrink_windows=False, sample=0)
    counts = count_pairs(held_out.tokens, corpus.vocabulary, options)
    assert np.count_nonzero(counts.totals) == 2
    center, outside = vectors(len(corpus.vocabulary), 9)
    losses, *_ = over_every_pair(center, outside, counts, np.zeros(len(center)))
    assert exact_loss(center, outside, counts).nats == pytest.approx(losses.sum() / 6, rel=1e-6)


def test_shapes_that_do_not_fit_are_refused():
    corpus = small_corpus()
    counts, V = pairs_of(corpus), len(corpus.vocabulary)
    center, outside = vectors(V, 9)
    for wrong in [(center[1:], outside), (center[1:], outside[1:]), (center, outside, np.zeros(V - 1, np.float32))]:
        with pytest.raises(OptionError, match=f"do not fit counts of {V} words"):
            exact_loss(*wrong[:2], counts, *wrong[2:])


def test_exponentials_are_those_of_numpy():
    scores = np.linspace(-100, 0, 100_003, dtype=np.float32)
    found = scores.copy()
    total = kernels.exponentials(found, np.float32(0))
    expected = np.exp(np.maximum(scores, -87).astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=6e-7)  # 1.3e-7 of the series, the rest from reducing x near -87
    assert total == pytest.approx(expected.sum(), rel=1e-5)
