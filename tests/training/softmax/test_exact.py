"""The exact softmax against `objectives.naive_softmax`, summed over every pair of small corpora."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from firth.errors import OptionError
from firth.objectives import naive_softmax
from firth.options import Options
from firth.text import Corpus, read_corpus
from firth.training.softmax import exact, kernels, reference
from firth.training.softmax.cooccurrence import Cooccurrence, count_pairs
from firth.training.softmax.exact import ExactSoftmax, exact_loss, unigram_intercept

ROUNDING = 2.0**-24  # float32's half unit


class Problem(NamedTuple):
    """A small corpus, its counts, and random vectors for its words."""

    corpus: Corpus
    counts: Cooccurrence
    center: np.ndarray
    outside: np.ndarray
    intercept: np.ndarray


def problem(V=37, D=9, *, sentences=60, scale=1.0, with_intercept=False):
    """Return a problem of V words, a few of them frequent; a fixed window makes every count a whole number."""
    rng = np.random.default_rng(0)
    words = (V * rng.random((sentences, 12)) ** 2).astype(np.int64)
    words.flat[:V] = np.arange(V)
    corpus = read_corpus(words, Options(min_count=1))
    options = Options(min_count=1, window=3, shrink_windows=False, sample=0)
    counts = count_pairs(corpus.tokens, corpus.vocabulary, options)
    rng = np.random.default_rng(1)
    center, outside = (rng.normal(0, scale / D**0.25, (V, D)).astype(np.float32) for _ in range(2))
    intercept = unigram_intercept(corpus.vocabulary.counts) if with_intercept else np.zeros(V, np.float32)
    return Problem(corpus, counts, center, outside, intercept)


def over_every_pair(problem):
    """Sum `naive_softmax` over all pairs: loss of each center, dL/dV, dL/dU. The intercept is one more dimension,
    always 1 in v and b in u."""
    V, D = problem.center.shape
    v = np.hstack([problem.center, np.ones((V, 1))]).astype(np.float64)
    u = np.hstack([problem.outside, problem.intercept[:, np.newaxis]]).astype(np.float64)
    losses, d_center, d_outside = np.zeros(V), np.zeros((V, D)), np.zeros((V, D))
    for c in range(V):
        row = slice(*problem.counts.indptr[c : c + 2])
        for o, n in zip(problem.counts.columns[row], problem.counts.values[row], strict=True):
            loss, d_v, d_u = naive_softmax(v[c], o, u)
            for _ in range(round(float(n))):  # every pair by itself
                losses[c] += loss
                d_center[c] += d_v[:D]
                d_outside += d_u[:, :D]
    return losses, d_center, d_outside


def gradient(problem, *, workers=1, weights=None, **kwargs):
    """Return losses and gradients of all centers at once, as copies; that of a center is of all its pairs."""
    _, counts, center, outside, intercept = problem
    weights = counts.totals if weights is None else weights
    with ExactSoftmax(*center.shape, batch=512, workers=workers, **kwargs) as engine:
        rows = counts.rows(np.arange(len(center)))
        result = engine.gradient(center, outside, intercept, rows, counts.totals, weights)
        return result.losses, result.center * counts.totals[:, np.newaxis], result.outside.copy()


@pytest.mark.parametrize("module", [kernels, reference])
@pytest.mark.parametrize("tile_words", [7, 16, 1024])
@pytest.mark.parametrize("with_intercept", [False, True])
def test_loss_and_gradients_equal_the_sum_over_every_pair(monkeypatch, tile_words, with_intercept, module):
    monkeypatch.setattr(exact, "TILE_WORDS", tile_words)
    small = problem(with_intercept=with_intercept)
    losses, d_center, d_outside = over_every_pair(small)
    found, found_center, found_outside = gradient(small, kernels=module)
    # A score is a sum of 9 products below 4, so it errs by some 9 * 4 roundings, a probability by as many times
    # itself; a gradient adds V such terms, of size N_c (at most 200) times a vector's entry.
    np.testing.assert_allclose(found, losses / small.counts.totals, rtol=40 * ROUNDING, atol=40 * ROUNDING)
    np.testing.assert_allclose(found_center, d_center, rtol=1e-5, atol=200 * 40 * ROUNDING)
    np.testing.assert_allclose(found_outside, d_outside, rtol=1e-5, atol=200 * 40 * ROUNDING)


def test_gradients_equal_central_differences():
    """The gradient of the corpus's loss along random directions in both matrices; steps of 1/64 round exactly."""
    small = problem(V=11, D=5, sentences=20, with_intercept=True)
    _, d_center, d_outside = gradient(small)
    h, rng = 2.0**-6, np.random.default_rng(5)

    def slope(name, direction):
        ahead, behind = (
            small.counts.totals @ gradient(small._replace(**{name: getattr(small, name) + step * direction}))[0]
            for step in (h, -h)
        )
        return (ahead - behind) / (2 * h)

    for _ in range(5):
        a, b = (rng.choice([-1.0, 1.0], (11, 5)).astype(np.float32) for _ in range(2))
        # The loss is near 4000 and errs by some 1e-4 (roundings of float32 scores): 1e-4 / 2h = 0.004 here; the third
        # derivative adds h^2/6 times some thousands: 0.2. Slopes are in the hundreds.
        assert slope("center", a) == pytest.approx(float((a * d_center).sum()), rel=2e-3, abs=0.3)
        assert slope("outside", b) == pytest.approx(float((b * d_outside).sum()), rel=2e-3, abs=0.3)


def test_weights_scale_each_centers_share_of_the_outside_gradient():
    small = problem()
    weights = np.random.default_rng(2).random(37)
    _, _, d_outside = gradient(small, weights=weights)
    alone = [gradient(small, weights=weights * one_hot)[2] for one_hot in np.eye(37)]
    np.testing.assert_allclose(d_outside, sum(alone), atol=1e-6)


def test_result_does_not_depend_on_threads_to_the_last_bit(monkeypatch):
    monkeypatch.setattr(exact, "TILE_WORDS", 8)
    small = problem(V=100, D=20)
    one = gradient(small, workers=1)
    for workers in (2, 5):
        for a, b in zip(one, gradient(small, workers=workers), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_small_budget_gives_the_same_gradient_in_parts():
    small = problem(V=50)
    budget = 4 * 50 * 7  # bytes: scores of 7 centers
    assert ExactSoftmax(50, 9, batch=512, workers=1, tile_bytes=budget).part == 7
    for a, b in zip(gradient(small), gradient(small, tile_bytes=budget), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)  # sums of up to 200 terms, in another order


@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_huge_scores_stay_finite(scale):
    """Scores up to 1e10 overflow exp; the loss is then the gap to the greatest score."""
    small = problem(scale=scale)
    losses, *_ = over_every_pair(small)
    found, d_center, d_outside = gradient(small)
    np.testing.assert_allclose(found, losses / small.counts.totals, rtol=1e-5)
    assert np.isfinite(d_center).all()
    assert np.isfinite(d_outside).all()


@pytest.mark.parametrize("with_intercept", [False, True])
def test_exact_loss_is_the_mean_over_all_pairs(with_intercept):
    small = problem(with_intercept=with_intercept)
    _, counts, center, outside, intercept = small
    b = intercept if with_intercept else None
    loss = exact_loss(center, outside, counts, b)
    assert loss.nats == pytest.approx(over_every_pair(small)[0].sum() / counts.totals.sum(), rel=1e-6)
    assert loss.perplexity == pytest.approx(np.exp(loss.nats))
    assert loss.pairs == counts.totals.sum()
    assert exact_loss(center, outside, counts, b, workers=3) == loss


def test_exact_loss_of_zero_vectors_is_known():
    """All words alike: log V. With the intercept: the cross entropy between the pairs' outside words and P."""
    corpus, counts, _, _, intercept = problem(with_intercept=True)
    zeros = np.zeros((37, 4), np.float32)
    assert exact_loss(zeros, zeros, counts).nats == pytest.approx(np.log(37), rel=1e-6)
    P = corpus.vocabulary.counts / corpus.vocabulary.counts.sum()
    expected = -(counts.totals @ np.log(P)) / counts.pairs  # symmetric: a word is outside as often as it is center
    assert exact_loss(zeros, zeros, counts, intercept).nats == pytest.approx(expected, rel=1e-6)


def test_exact_loss_of_a_held_out_text_skips_words_that_do_not_occur():
    small = problem()
    held_out = read_corpus([["0", "1", "0"]], Options(min_count=1))
    options = Options(min_count=1, window=2, shrink_windows=False, sample=0)
    counts = count_pairs(held_out.tokens, small.corpus.vocabulary, options)
    assert np.count_nonzero(counts.totals) == 2
    losses, *_ = over_every_pair(small._replace(counts=counts))
    assert exact_loss(small.center, small.outside, counts).nats == pytest.approx(losses.sum() / 6, rel=1e-6)


def test_shapes_that_do_not_fit_are_refused():
    _, counts, center, outside, _ = problem()
    for wrong in [(center[1:], outside), (center[1:], outside[1:]), (center, outside, np.zeros(36, np.float32))]:
        with pytest.raises(OptionError, match="do not fit counts of 37 words"):
            exact_loss(*wrong[:2], counts, *wrong[2:])


def test_blas_has_one_thread_in_every_thread_that_trains():
    """A thread that has set the limit before must let others set it."""

    def threads_of_blas():
        with ExactSoftmax(8, 5, batch=4, workers=1):
            return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}

    with ThreadPoolExecutor(1) as other:
        assert threads_of_blas() == other.submit(threads_of_blas).result() == {1}
