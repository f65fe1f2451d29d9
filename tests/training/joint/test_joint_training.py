"""The engines: bytes that do not depend on the run, subwords, the end loss, and what is learned."""

import numpy as np
import pytest
from training.loop._runs import SMALL, ids, saved

from firth import Pairs, Word2Vec
from firth.errors import CorpusError, OptionError
from firth.objectives import hierarchical_probabilities, huffman_tree
from firth.options import BOTH
from firth.training.sampling import noise_distribution

EACH = pytest.mark.parametrize("architecture", ["skip_gram", "cbow"])
WORDS = [[f"word{number}" for number in row] for row in ids(3_000, V=60)]


def fit(architecture="skip_gram", corpus=None, kernels="compiled", workers=1, **options):
    model = Word2Vec(**SMALL | {"architecture": architecture, "objective": BOTH} | options, workers=workers)
    return model.fit(ids() if corpus is None else corpus, progress=False, kernels=kernels)


@EACH
def test_one_worker_gives_the_same_bytes_in_every_run(architecture):
    assert saved(fit(architecture)) == saved(fit(architecture))


@EACH
@pytest.mark.parametrize("subwords", [None, pytest.param((3, 4), marks=pytest.mark.slow)])
def test_the_reference_trains_the_same_model(architecture, subwords):
    compiled, reference = (
        fit(architecture, corpus=WORDS, kernels=kernels, subwords=subwords, buckets=100, epochs=1)
        for kernels in ("compiled", "reference")
    )
    for ours, expected in zip(
        (compiled.wv.vectors, *compiled._outputs), (reference.wv.vectors, *reference._outputs), strict=True
    ):
        np.testing.assert_allclose(ours, expected, atol=2e-5)  # some 3,000 steps, each with a few roundings of 6e-8
    for ours, expected in zip(compiled.history, reference.history, strict=True):
        assert ours.pairs == expected.pairs
        assert ours.loss == pytest.approx(expected.loss, rel=1e-5)
        assert ours.end_loss == pytest.approx(expected.end_loss, rel=1e-5)


@EACH
def test_many_workers_reach_the_loss_of_one(architecture):
    corpus = ids(100_000)
    one, many = (fit(architecture, corpus, workers=workers).history[-1].end_loss for workers in (1, 8))
    assert many == pytest.approx(one, rel=0.01)


@EACH
def test_at_a_rate_of_zero_a_pair_costs_a_bit_for_each_node_and_each_word(architecture):
    model = fit(architecture, corpus=ids(2_000, V=40), alpha=1e-12, min_alpha=0, sample=0, epochs=1)
    counts = model.wv.counts
    path = counts @ huffman_tree(counts).lengths / counts.sum()
    noise = model.options.negative * (1 - noise_distribution(counts, 0.75) @ counts / counts.sum())  # not o itself
    expected = np.log(2) * (path + 1 + noise)
    assert model.history[0].loss == pytest.approx(expected, rel=0.02)  # words at the ends of sentences have fewer pairs


def test_both_output_matrices_learn_the_pairs_of_the_text():
    """Words are followed and preceded by their partners alone: the tree learns their shares, outside vectors too."""
    rng = np.random.default_rng(7)
    pairs = np.array([[0, 4], [0, 5], [0, 5], [0, 5], [1, 6], [1, 7], [2, 8], [3, 8]])
    model = Word2Vec(objective=BOTH, vector_size=16, window=1, min_count=1, sample=0, workers=1)
    model.fit(pairs[rng.integers(0, len(pairs), 40_000)], progress=False)
    tree, row = huffman_tree(model.wv.counts), model.wv.key_to_index
    for center, shares in {0: {4: 0.25, 5: 0.75}, 1: {6: 0.5, 7: 0.5}, 4: {0: 1.0}}.items():
        found = hierarchical_probabilities(model.wv[center], model.nodes, tree)
        scores = model.outside @ model.wv[center]
        for outside, share in shares.items():
            assert found[row[outside]] == pytest.approx(share, abs=0.1)
        assert {model.wv.index_to_key[k] for k in np.argsort(-scores)[: len(shares)]} == set(shares)


def test_a_vocabulary_of_one_word_has_no_tree():
    with pytest.raises(CorpusError, match="hierarchical softmax needs two or more to decide between"):
        fit(corpus=[["a", "a"]] * 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"negative": 0}, r"negative=0 is not allowed: give at least 1 .* or use objective='?hierarchical_softmax"),
        ({"schedule": "blocks"}, r"schedule=blocks is not available with objective=hierarchical_softmax\+negative_s"),
        ({"window": 101}, "window=101 is not available with schedule=hogwild"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(OptionError, match=message):
        Word2Vec(objective=BOTH, **options)


def test_pairs_given_directly_have_no_windows_to_train_on():
    with pytest.raises(
        OptionError, match=r"schedule=hogwild is not available with pairs: .* except for the sum of two"
    ):
        Word2Vec(objective=BOTH, min_count=1).fit(Pairs([0, 1], [1, 0]))
