"""The engine: bytes that do not depend on the run, the end loss, and what is learned."""

import numpy as np
import pytest
from training.loop._runs import ids, model_of, saved

from firth import Word2Vec
from firth.objectives import hierarchical_probabilities, huffman_tree

KIND = "paths"


def fit(workers=1, corpus=None, kernels="compiled", **options):
    model = model_of(KIND, **options)
    model.workers = workers
    return model.fit(ids() if corpus is None else corpus, progress=False, kernels=kernels)


def test_one_worker_gives_the_same_bytes_in_every_run():
    assert saved(fit()) == saved(fit())


def test_the_reference_trains_the_same_model():
    corpus = ids(2_000, V=40)
    compiled, reference = (fit(corpus=corpus, kernels=kernels) for kernels in ("compiled", "reference"))
    np.testing.assert_allclose(compiled.wv.vectors, reference.wv.vectors, atol=1e-5)
    np.testing.assert_allclose(compiled.nodes, reference.nodes, atol=1e-5)
    for ours, expected in zip(compiled.history, reference.history, strict=True):
        assert ours.pairs == expected.pairs
        assert ours.loss == pytest.approx(expected.loss, rel=1e-5)
        assert ours.end_loss == pytest.approx(expected.end_loss, rel=1e-5)


def test_many_workers_reach_the_loss_of_one():
    corpus = ids(200_000)
    one, many = (fit(workers, corpus).history[-1].end_loss for workers in (1, 8))
    assert many == pytest.approx(one, rel=0.01)


@pytest.mark.parametrize("kernels", ["compiled", "reference"])
def test_at_a_rate_of_zero_every_node_of_a_path_costs_a_bit(kernels):
    corpus = ids(2_000, V=40)
    model = fit(corpus=corpus, kernels=kernels, alpha=1e-12, min_alpha=0, sample=0, epochs=1)
    counts = model.wv.counts
    expected = np.log(2) * counts @ huffman_tree(counts).lengths / counts.sum()
    assert model.history[0].loss == pytest.approx(expected, rel=0.02)  # words at the ends of sentences have fewer pairs
    assert np.abs(model.nodes).max() < 1e-9


def test_the_probabilities_become_those_of_the_text():
    """Words are followed and preceded by their partners alone, in known shares: Result 32 of the derivation."""
    rng = np.random.default_rng(7)
    pairs = np.array([[0, 4], [0, 5], [0, 5], [0, 5], [1, 6], [1, 7], [2, 8], [3, 8]])
    text = pairs[rng.integers(0, len(pairs), 40_000)]
    model = Word2Vec(objective="hierarchical_softmax", vector_size=16, window=1, min_count=1, sample=0, workers=1)
    model.fit(text, progress=False)
    tree, row = huffman_tree(model.wv.counts), model.wv.key_to_index
    for center, shares in {0: {4: 0.25, 5: 0.75}, 1: {6: 0.5, 7: 0.5}, 8: {2: 0.5, 3: 0.5}, 4: {0: 1.0}}.items():
        found = hierarchical_probabilities(model.wv[center], model.nodes, tree)
        for outside, share in shares.items():
            assert found[row[outside]] == pytest.approx(share, abs=0.08)


def test_two_words_have_one_node():
    model = Word2Vec(objective="hierarchical_softmax", vector_size=5, min_count=1, sample=0, workers=1)
    model.fit([["a", "b"]] * 2_000, progress=False)
    assert model.nodes.shape == (1, 5)
    probabilities = hierarchical_probabilities(model.wv["a"], model.nodes, huffman_tree(model.wv.counts))
    assert probabilities[model.wv.key_to_index["b"]] > 0.9
