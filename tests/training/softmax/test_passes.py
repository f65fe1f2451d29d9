"""Training on the exact softmax: its steps one by one, and as a whole."""

import dataclasses
import threading

import numpy as np
import pytest

from firth.errors import DivergenceError
from firth.options import Options
from firth.text import read_corpus
from firth.text.pairs import Pairs
from firth.training.loop.progress import Reporter
from firth.training.loop.trainer import Trainer
from firth.training.negative_sampling.hogwild import Hogwild
from firth.training.softmax import batches, exact, steps
from firth.training.softmax.cooccurrence import count_pairs
from firth.training.softmax.exact import ExactSoftmax, exact_loss, unigram_intercept
from firth.training.softmax.given_pairs import sum_pairs
from firth.training.softmax.passes import Passes, SoftmaxTrainer
from firth.training.softmax.steps import Adam, CenterNewton, balance

OPTIONS = Options(vector_size=12, min_count=1, window=3, epochs=4, sample=0, seed=3)


@pytest.fixture(scope="module")
def corpus():
    """Two topics of 40 words each; a sentence has one topic."""
    rng = np.random.default_rng(0)
    topics = rng.integers(0, 2, (1500, 1))
    words = (40 * rng.random((1500, 12)) ** 1.5).astype(np.int64) + 40 * topics
    return read_corpus(words, OPTIONS)


@pytest.fixture(scope="module")
def counts(corpus):
    return count_pairs(corpus.tokens, corpus.vocabulary, OPTIONS)


def train(corpus, *, workers=1, kernels="compiled", **settings):
    trainer = SoftmaxTrainer(corpus, dataclasses.replace(OPTIONS, **settings), workers, Reporter(), kernels=kernels)
    return trainer, list(trainer.epochs())


@pytest.mark.parametrize("warm_epochs", [0, 1])
def test_the_reference_trains_the_same_vectors(corpus, monkeypatch, warm_epochs):
    """Twelve steps. Entries are near 1, and each step adds some roundings of 1e-7; the rate of a step is above 1e-3."""
    monkeypatch.setattr(exact, "TILE_WORDS", 16)
    monkeypatch.setattr(batches, "BATCH", 32)
    compiled, records = train(corpus, warm_epochs=warm_epochs, sample=1e-2)
    plain, plain_records = train(corpus, warm_epochs=warm_epochs, sample=1e-2, kernels="reference")
    for a, b in zip((compiled.center, compiled.outside), (plain.center, plain.outside), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    for a, b in zip(records, plain_records, strict=True):
        assert (a.loss, a.pairs) == (pytest.approx(b.loss, rel=1e-6), b.pairs)


def test_a_newton_step_nearly_solves_a_center_when_scores_are_small(corpus, counts):
    """Small outside vectors keep p near P, so H is nearly each center's own Hessian and one step nearly solves it."""
    V, D = len(corpus.vocabulary), 6
    rng = np.random.default_rng(4)
    center, outside = np.zeros((V, D), np.float32), rng.normal(0, 0.05, (V, D)).astype(np.float32)
    P, everyone = counts.totals / counts.pairs, np.arange(V)
    intercept = np.log(P).astype(np.float32)

    def gradient(engine):
        rows = counts.rows(everyone)
        return engine.gradient(center, outside, intercept, rows, counts.totals, counts.totals)

    with ExactSoftmax(V, D, batch=V, workers=2) as engine:
        before = gradient(engine)
        CenterNewton(outside, P, engine).step(center, before.center, 1.0)
        after = gradient(engine)
    before_size, after_size = (np.linalg.norm(each.center) for each in (before, after))
    # Damping adds a tenth of the mean curvature, so a tenth of the gradient is left where curvature is at its mean.
    assert after_size < 0.35 * before_size
    assert (after.losses < before.losses).mean() > 0.95


def test_the_curvature_of_given_pairs_is_that_of_their_outside_words():
    """Result 46: P(w) is the share of w among the outside words. No outside word is a center here, so shares differ.

    The rounding of float32 in 25 words grows by the condition number of the curvature, which is below 100.
    """
    rng = np.random.default_rng(9)
    users, items = rng.integers(0, 9, 400), rng.geometric(0.3, 400)
    options = dataclasses.replace(OPTIONS, objective="softmax", warm_epochs=0)
    corpus = read_corpus(Pairs([f"user {n}" for n in users], [f"item {n}" for n in items]), options)
    V, D = len(corpus.vocabulary), options.vector_size
    counts = sum_pairs(corpus.tokens.pairs, V)
    outside = rng.normal(size=(V, D)).astype(np.float32)
    P = np.bincount(corpus.tokens.pairs.pairs[:, 1], minlength=V) / 400
    spread = outside - P @ outside
    curvature = spread.T @ (P[:, np.newaxis] * spread)
    with ExactSoftmax(V, D, batch=V, workers=1) as engine:
        trained = Passes(corpus, options, engine, counts, np.zeros((V, D), np.float32), outside.copy())
        task = trained.tasks(0, None, threading.Event()).take()
        trained.train(task, 0.1, None)
    expected = np.linalg.inv(curvature + np.trace(curvature) / (10 * D) * np.eye(D))
    found = trained.state().arrays["inverse_curvature"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_adam_is_that_of_the_paper(monkeypatch):
    monkeypatch.setattr(exact, "TILE_WORDS", 3)
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(8, 5)).astype(np.float32)
    expected, m, v = matrix.astype(np.float64), 0.0, 0.0
    with ExactSoftmax(8, 5, batch=4, workers=2) as engine:
        adam = Adam(matrix, engine)
        for t in range(1, 6):
            g = rng.normal(size=(8, 5)).astype(np.float32)
            adam.step(g, 0.1)
            m, v = 0.9 * m + 0.1 * g.astype(float), 0.999 * v + 0.001 * g.astype(float) ** 2
            expected -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + steps.EPSILON)
    # Five steps of 0.1, each with a few roundings of 6e-8; 1 - 0.999 in float32 is off by 3e-5, in m and v alike.
    np.testing.assert_allclose(matrix, expected, atol=2e-5)


def test_balance_keeps_scores_and_makes_second_moments_equal():
    rng = np.random.default_rng(2)
    center = (rng.normal(size=(60, 7)) * np.linspace(0.2, 3, 7)).astype(np.float32)
    outside = (rng.normal(size=(60, 7)) @ rng.normal(size=(7, 7))).astype(np.float32)
    scores = center @ outside.T
    balance(center, outside)
    np.testing.assert_allclose(center @ outside.T, scores, atol=1e-5 * np.abs(scores).max())
    moments = outside.T @ outside
    np.testing.assert_allclose(center.T @ center, moments, atol=1e-5 * np.abs(moments).max())


def test_balance_leaves_matrices_without_full_rank_alone():
    center = np.ones((5, 3), np.float32)
    outside = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    before = outside.copy()
    balance(center, outside)
    np.testing.assert_array_equal(center, 1)
    np.testing.assert_array_equal(outside, before)


@pytest.mark.parametrize("settings", [{}, {"warm_epochs": 0}, {"unigram_intercept": False, "center_power": 1.0}])
def test_loss_falls_and_is_the_exact_loss_of_the_vectors(corpus, counts, settings):
    trainer, records = train(corpus, **settings)
    losses = [record.loss for record in records]
    assert [record.epoch for record in records] == [1, 2, 3, 4]
    assert losses[-1] < losses[0]
    intercept = None if settings.get("unigram_intercept") is False else unigram_intercept(corpus.vocabulary.counts)
    assert losses[-1] == exact_loss(trainer.center, trainer.outside, counts, intercept).nats
    assert records[0].pairs == round(counts.pairs)
    assert records[-1].alpha == 0


def test_learns_more_than_negative_sampling_and_comes_near_the_least_possible(corpus, counts):
    """Result 24: the least loss is the conditional entropy. The topics are worth log 2 beside the unigram."""
    _, records = train(corpus)
    intercept = unigram_intercept(corpus.vocabulary.counts)
    engine = Hogwild(corpus, OPTIONS)
    list(Trainer(engine, OPTIONS, 1, Reporter()).epochs())
    sampled = exact_loss(engine.center, engine.outside, counts, intercept).nats
    zeros = np.zeros_like(engine.center)
    unigram = exact_loss(zeros, zeros, counts, intercept).nats
    n, N = np.asarray(counts.values, np.float64), np.repeat(counts.totals, np.diff(counts.indptr))
    least = -(n @ np.log(n / N)) / counts.pairs
    assert least < records[-1].loss < sampled
    assert records[-1].loss < unigram - 0.9 * np.log(2)


@pytest.mark.parametrize("warm_epochs", [0, 1])
def test_bytes_do_not_depend_on_threads(corpus, monkeypatch, warm_epochs):
    monkeypatch.setattr(exact, "TILE_WORDS", 16)
    monkeypatch.setattr(batches, "BATCH", 32)
    one, records = train(corpus, warm_epochs=warm_epochs)
    for workers in (2, 4):
        other, other_records = train(corpus, workers=workers, warm_epochs=warm_epochs)
        np.testing.assert_array_equal(one.center, other.center)
        np.testing.assert_array_equal(one.outside, other.outside)
        assert [record.loss for record in records] == [record.loss for record in other_records]


def test_stop_ends_training_before_the_next_batch(corpus):
    trainer = SoftmaxTrainer(corpus, dataclasses.replace(OPTIONS, warm_epochs=0), 1, Reporter())
    passes = trainer.epochs()
    next(passes)
    before = trainer.center.copy()
    trainer.stop()
    assert list(passes) == []
    np.testing.assert_array_equal(trainer.center, before)


def test_stop_while_pairs_are_counted_trains_nothing(corpus):
    class Stopping(Reporter):
        def stage(self, name, total):
            if name == "counting pairs":
                trainer.stop()

    trainer = SoftmaxTrainer(corpus, OPTIONS, 1, Stopping())
    assert list(trainer.epochs()) == []
    assert not trainer.center.any()


def test_an_interrupt_of_the_warm_start_leaves_its_vectors(corpus):
    class Interrupting(Reporter):
        def show(self, text):
            if text.startswith("epoch 1"):
                raise KeyboardInterrupt

    trainer = SoftmaxTrainer(corpus, OPTIONS, 1, Interrupting())
    assert not trainer.outside.any()
    with pytest.raises(KeyboardInterrupt):
        next(trainer.epochs())
    assert trainer.outside.any()
    assert np.linalg.norm(trainer.center, axis=1).min() > 0


def test_divergence_is_an_error(corpus, monkeypatch):
    monkeypatch.setattr(batches, "CENTER_RATE", 1e30)
    with pytest.raises(DivergenceError, match=r"the loss became (inf|nan) .* has diverged.*warm_epochs"):
        train(corpus, warm_epochs=0)


def test_a_vocabulary_smaller_than_the_vectors_trains():
    """The second moments of 3 words in 12 dimensions lack full rank, so `balance` changes nothing."""
    tiny = read_corpus([["a", "b", "c", "a"]] * 3, OPTIONS)
    _, records = train(tiny, warm_epochs=0)
    assert np.isfinite(records[-1].loss)
