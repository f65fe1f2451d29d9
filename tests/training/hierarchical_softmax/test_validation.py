"""The loss of held-out pairs, against the sum over every pair."""

import numpy as np
import pytest

from firth import Options, Word2Vec
from firth.errors import OptionError
from firth.objectives import hierarchical_softmax, huffman_tree
from firth.text import read_corpus
from firth.training.hierarchical_softmax.validation import path_loss
from firth.training.softmax.cooccurrence import count_pairs

V, D = 700, 11  # more centers than the 512 that are computed together
COUNTS = np.arange(V, 0, -1) ** 2


def matrices():
    rng = np.random.default_rng(2)
    return rng.normal(size=(V, D)).astype(np.float32), rng.normal(size=(V - 1, D)).astype(np.float32)


def counts_of_pairs():
    ids = np.random.default_rng(3).integers(0, V, (300, 20))
    options = Options(min_count=1, sample=0, window=2)
    corpus = read_corpus([np.arange(V), *ids], options)
    return count_pairs(corpus.tokens, corpus.vocabulary, options)


def test_the_loss_is_the_mean_over_all_pairs():
    (center, nodes), pairs, tree = matrices(), counts_of_pairs(), huffman_tree(COUNTS)
    total = 0.0
    for c in range(V):
        row = slice(pairs.indptr[c], pairs.indptr[c + 1])
        for o, n in zip(pairs.columns[row], pairs.values[row], strict=True):
            total += float(n) * hierarchical_softmax(center[c], int(o), nodes, tree)[0]
    loss = path_loss(center, nodes, pairs, COUNTS)
    assert loss.nats == pytest.approx(total / pairs.pairs, rel=1e-6)  # float32 scores
    assert loss.perplexity == pytest.approx(np.exp(loss.nats))
    assert loss.pairs == pairs.pairs


def test_the_loss_does_not_depend_on_the_number_of_threads():
    pairs = counts_of_pairs()
    first, second = (path_loss(*matrices(), pairs, COUNTS, workers=workers) for workers in (1, 3))
    assert first == second


def test_matrices_that_do_not_fit_are_refused():
    center, _ = matrices()
    with pytest.raises(OptionError, match=r"nodes \(700, 11\) .* give \(700, D\), \(699, D\) and \(700,\)"):
        path_loss(center, center, counts_of_pairs(), COUNTS)


def test_validation_while_training_is_this_loss():
    text = np.random.default_rng(4).integers(0, 50, (400, 20))
    model = Word2Vec(objective="hierarchical_softmax", vector_size=9, min_count=1, sample=0, epochs=2, workers=1)
    model.fit(text, validation=text[:50], progress=False)
    corpus = read_corpus(text, model.options)
    ids = {key: number for number, key in enumerate(corpus.vocabulary.index_to_key)}
    tree, total, weight, m = huffman_tree(model.wv.counts), 0.0, 0.0, model.options.window
    for sentence in text[:50]:
        for i, c in enumerate(sentence):
            for j, o in enumerate(sentence):
                if 0 < abs(i - j) <= m:
                    chance = (m - abs(i - j) + 1) / m
                    total += chance * hierarchical_softmax(model.wv[c], ids[o], model.nodes, tree)[0]
                    weight += chance
    assert model.history[-1].validation_loss == pytest.approx(total / weight, rel=1e-5)
