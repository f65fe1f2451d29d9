"""The validation loss of CBOW against a computation word by word, and which positions it takes."""

import numpy as np
import pytest

from firth import Options, Word2Vec
from firth.errors import CorpusError
from firth.objectives import context_vector, hierarchical_softmax, huffman_tree, log_softmax
from firth.text import read_corpus
from firth.training.cbow import validation
from firth.training.cbow.validation import choose_positions, positions_loss, positions_path_loss
from firth.training.softmax.exact import unigram_intercept

SEED = 20261122
WHOLE = {"min_count": 1, "sample": 0, "shrink_windows": False, "window": 3}


def positions_of(text, **options):
    options = Options(**WHOLE | {"architecture": "cbow"} | options)
    corpus = read_corpus(text, options)
    return choose_positions(corpus.tokens, corpus.vocabulary, options), corpus


def as_lists(positions):
    """Return (target, context) of each position."""
    return [
        (int(o), [int(word) for word in words if word >= 0])
        for o, words in zip(positions.targets, positions.contexts, strict=True)
    ]


def all_positions(text, m):
    """Return (target, context) of each position of a text of lists of ids."""
    found = []
    for sentence in text:
        for i, o in enumerate(sentence):
            context = sentence[max(0, i - m) : i] + sentence[i + 1 : i + m + 1]
            found += [(o, context)] if context else []
    return found


def random_text(V=9, n=40):
    """Return sentences of 1 to 8 ids, which are the ids of the vocabulary: a lower id occurs more often."""
    rng = np.random.default_rng(SEED)
    text = [rng.integers(0, V, int(rng.integers(1, 9))).tolist() for _ in range(n)]
    return [*text, *([w] for w in range(V) for _ in range(100 * (V - w)))]


def test_a_short_text_gives_all_its_positions_but_those_without_a_context():
    text = random_text()
    positions, corpus = positions_of(text)
    assert corpus.vocabulary.index_to_key == list(range(9))
    assert as_lists(positions) == all_positions(text, 3)


def test_windows_of_all_sizes_are_drawn_where_windows_shrink():
    positions, _ = positions_of([list(range(12))] * 400, shrink_windows=True)
    middle = [(o, context) for o, context in as_lists(positions) if 3 <= o < 9]
    sizes = np.bincount([len(context) for _, context in middle])
    assert sizes[2::2].tolist() == pytest.approx([len(middle) / 3] * 3, rel=0.1)  # 2,400 draws of one of three
    assert all(context == [w for w in range(o - len(context) // 2, o + len(context) // 2 + 1) if w != o]
               for o, context in middle)  # fmt: skip


def test_a_long_text_gives_positions_evenly_spread():
    ids = np.arange(60_000).reshape(-1, 10) // 6
    positions, corpus = positions_of(ids)
    words = np.array(corpus.vocabulary.index_to_key)[positions.targets]
    assert len(words) == validation.MOST_POSITIONS
    np.testing.assert_array_equal(words, np.arange(0, 60_000, 3) // 6)


def test_frequent_words_are_dropped_as_in_training():
    text = [[0, 0, 0, 1, 2]] * 2000
    whole, _ = positions_of(text)
    some, _ = positions_of(text, sample=0.01)
    assert 0.1 < len(some.targets) / len(whole.targets) < 0.4  # 0.12 of the 0s stay, 0.27 of the others
    assert {len(context) for _, context in as_lists(some)} > {1, 2}


@pytest.mark.parametrize("is_mean", [True, False])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_loss_is_the_mean_over_all_positions_word_by_word(is_mean, workers):
    text, rng = random_text(), np.random.default_rng(SEED)
    positions, corpus = positions_of(text)
    center, outside = (rng.normal(0, 0.5, (9, 7)).astype(np.float32) for _ in range(2))
    b = unigram_intercept(corpus.vocabulary.counts)
    losses = []
    for o, context in all_positions(text, 3):
        h = context_vector(context, center, "mean" if is_mean else "sum")
        losses.append(-log_softmax(outside @ h + b)[o])
    found = positions_loss(center, outside, positions, b, is_mean=is_mean, workers=workers)
    assert found.pairs == len(losses)
    assert found.nats == pytest.approx(np.mean(losses), rel=1e-6)  # float32 scores of size 5
    assert found.perplexity == pytest.approx(np.exp(np.mean(losses)), rel=1e-5)


@pytest.mark.parametrize("is_mean", [True, False])
def test_the_loss_of_hierarchical_softmax_is_the_mean_over_all_positions_word_by_word(is_mean):
    text, rng = random_text(), np.random.default_rng(SEED)
    positions, corpus = positions_of(text)
    center, nodes = (rng.normal(0, 0.5, (rows, 7)).astype(np.float32) for rows in (9, 8))
    tree = huffman_tree(corpus.vocabulary.counts)
    contexts = [(o, context_vector(c, center, "mean" if is_mean else "sum")) for o, c in all_positions(text, 3)]
    expected = np.mean([hierarchical_softmax(h, o, nodes, tree)[0] for o, h in contexts])
    found = positions_path_loss(center, nodes, positions, corpus.vocabulary.counts, is_mean=is_mean)
    assert (found.pairs, found.nats) == (len(contexts), pytest.approx(expected, rel=1e-6))


def test_a_text_without_two_words_in_a_sentence_is_an_error():
    with pytest.raises(CorpusError, match="no sentence of two words"):
        positions_of([["a"], ["b"]])


@pytest.mark.parametrize("objective", ["negative_sampling", "hierarchical_softmax"])
def test_the_validation_loss_falls_as_the_model_learns(objective):
    """Two topics of 30 words: at best the target is 1 of 30 words, without its topic 1 of 60."""
    rng = np.random.default_rng(3)
    text = rng.integers(0, 30, (9000, 12)) + 30 * rng.integers(0, 2, (9000, 1))
    options = {"vector_size": 8, "min_count": 1, "epochs": 3, "architecture": "cbow", "workers": 1, "alpha": 0.05}
    options["objective"] = objective
    losses = [
        record.validation_loss for record in Word2Vec(**options).fit(text, validation=0.3, progress=False).history
    ]
    assert all(np.log(30) - 0.01 < loss < np.log(60) + 0.05 for loss in losses)
    assert losses[-1] < np.log(60) - 0.3
