"""Pairs given directly: what is read, and what training on them equals."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from firth import Options, Pairs, Word2Vec
from firth.errors import CorpusError, OptionError
from firth.text import read_corpus
from firth.training.negative_sampling import partition
from firth.training.negative_sampling.pair_blocks import PairBlocks

PATHS = {"objective": "hierarchical_softmax", "schedule": "blocks"}
SMALL = {"min_count": 1, "vector_size": 12, "epochs": 2, "seed": 3}


def text_and_pairs(window=3):
    """Return sentences, and the pairs of their windows with their counts; word k occurs less often than k - 1."""
    rng = np.random.default_rng(5)
    share = 0.75 ** np.arange(12)
    sentences = [[f"w{k}" for k in rng.choice(12, 15, p=share / share.sum())] for _ in range(300)]
    pairs = Counter(
        (c, s[j])
        for s in sentences
        for i, c in enumerate(s)
        for j in range(max(0, i - window), min(len(s), i + window + 1))
        if j != i
    )
    return sentences, pairs


def given_as_pairs(counts):
    centers, outsides = zip(*counts, strict=True)
    return Pairs(centers, outsides, list(counts.values()))


def test_the_softmax_learns_from_the_pairs_of_a_text_what_it_learns_from_the_text():
    sentences, counts = text_and_pairs()
    options = SMALL | {"objective": "softmax", "warm_epochs": 0, "sample": 0.0, "unigram_intercept": False}
    text = Word2Vec(**options, window=3, shrink_windows=False).fit(sentences, progress=False)
    pairs = Word2Vec(**options).fit(given_as_pairs(counts), progress=False)
    assert pairs.wv.index_to_key == text.wv.index_to_key
    np.testing.assert_array_equal(pairs.wv.vectors, text.wv.vectors)
    np.testing.assert_array_equal(pairs.outside, text.outside)
    assert [record.loss for record in pairs.history] == [record.loss for record in text.history]


@pytest.mark.parametrize("objective", [{}, PATHS])
def test_steps_on_pairs_learn_about_what_is_learned_from_the_text(objective):
    sentences, counts = text_and_pairs()
    options = SMALL | objective | {"sample": 0.0, "epochs": 20}
    text = Word2Vec(**options, window=3, shrink_windows=False).fit(sentences, progress=False)
    pairs = Word2Vec(**options).fit(given_as_pairs(counts), progress=False)
    assert pairs.history[-1].pairs == text.history[-1].pairs == sum(counts.values())
    assert pairs.history[-1].end_loss == pytest.approx(text.history[-1].end_loss, rel=0.03)  # another sample of pairs


@pytest.mark.parametrize("objective", [{}, PATHS])
def test_the_result_is_the_same_on_any_number_of_workers_and_for_the_reference(objective, monkeypatch):
    monkeypatch.setattr(partition, "MIN_BLOCK_WORDS", 3)
    monkeypatch.setattr(partition, "MIN_BUCKET_PAIRS", 100)
    counts = text_and_pairs()[1]
    weights = np.array(list(counts.values())) * 0.7
    pairs = Pairs(*zip(*counts, strict=True), weights)
    options = SMALL | objective | {"blocks": 2, "epochs": 1}
    one = Word2Vec(**options, workers=1).fit(pairs, progress=False, validation=0.1)
    two = Word2Vec(**options, workers=2).fit(pairs, progress=False, validation=0.1)
    np.testing.assert_array_equal(one.wv.vectors, two.wv.vectors)
    assert one.history[-1].validation_loss == two.history[-1].validation_loss
    assert one.history[-1].pairs == two.history[-1].pairs
    plain = Word2Vec(**options).fit(pairs, progress=False, validation=0.1, kernels="reference")
    # Each row is updated about 3,000 times and is of size 1, so rounding to float32 (6e-8) adds up to 2e-4 at most.
    np.testing.assert_allclose(plain.wv.vectors, one.wv.vectors, atol=2e-4)


@pytest.mark.parametrize("objective", [{}, PATHS])
def test_a_run_on_pairs_is_resumed(objective, tmp_path):
    options = SMALL | objective
    pairs = given_as_pairs(text_and_pairs()[1])
    whole = Word2Vec(**options).fit(pairs, progress=False)
    stopped = Word2Vec(**options).fit(
        pairs, progress=False, checkpoint=tmp_path / "run", callbacks=lambda model: len(model.history) == 1
    )
    assert len(stopped.history) == 1
    resumed = Word2Vec(**options).fit(pairs, progress=False, checkpoint=tmp_path / "run", resume=True)
    np.testing.assert_array_equal(resumed.wv.vectors, whole.wv.vectors)
    with pytest.raises(Exception, match=r"text \(sha256\)"):
        Word2Vec(**options).fit(
            Pairs(pairs.table.pairs[:, 0], pairs.table.pairs[:, 1]), progress=False, checkpoint=tmp_path / "run",
            resume=True,
        )  # fmt: skip


def test_a_model_is_trained_further_on_pairs():
    counts = text_and_pairs()[1]
    model = Word2Vec(**SMALL).fit(given_as_pairs(counts), progress=False)
    before = model.wv.counts.copy()
    model.partial_fit(Pairs(["w0", "new"], ["new", "w1"], [5, 5]), update_vocab=True, progress=False)
    assert "new" in model.wv
    assert model.wv.counts[model.wv.key_to_index["w0"]] == before[0] + 5


def test_counts_are_sums_of_weights_and_noise_words_are_outside_words():
    read = read_corpus(Pairs(["u", "u", "v"], ["x", "y", "x"], [2.5, 0.2, 1.0]), Options(min_count=1))
    counts = dict(zip(read.vocabulary.index_to_key, read.vocabulary.counts.tolist(), strict=True))
    assert counts == {"x": 4, "u": 3, "v": 1, "y": 1}
    assert read.note == "2 words never a center, with random vectors"
    engine = PairBlocks(read, Options(min_count=1))
    noise_words, alias = engine._noise(engine._one_block, 0)
    assert {read.vocabulary.index_to_key[word] for word in noise_words} == {"x", "y"}
    assert len(alias) == 2
    np.testing.assert_allclose(
        dict(zip(read.vocabulary.index_to_key, read.outside_counts, strict=True))["x"] * 0.2, 3.5, rtol=1e-12
    )


def test_a_pair_goes_with_either_of_its_words():
    pairs = Pairs(["a", "a", "b"], ["a", "rare", "a"])
    read = read_corpus(pairs, Options(min_count=2))
    assert read.vocabulary.index_to_key == ["a"]
    assert read.tokens.pairs.pairs.tolist() == [[0, 0]]
    assert (read.raw_words, read.tokens.n_words, read.below_min_count) == (6, 2, 2)


def test_pairs_are_read_from_tables_and_columns():
    table = pd.DataFrame({"head": ["a", "b", None], "tail": ["b", "c", "d"], "n": [1.0, 0.0, 3.0]})
    pairs = Pairs.from_table(table, center="head", outside="tail", weight="n")
    assert list(pairs) == [("a", "b")]
    assert repr(pairs) == "<Pairs: 1 pair of 3 words, weights 1 in all; 1 row without a value skipped>"
    assert list(Pairs(np.array([1, 2]), [2, 3])) == [(1, 2), (2, 3)]
    assert repr(Pairs([1], [2])) == "<Pairs: 1 pair of 2 words>"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pairs(["a"], [1]), r"^center has 'a' and outside 1: make both strings, or both whole numbers$"),
        (lambda: Pairs(["a"], ["b"], [-1]), r"^the weight -1 of pair 0 is not allowed: give finite numbers of at le"),
        (
            lambda: Pairs(["a", "b"], ["b", "a"], [1e300, 1]),
            r"^the weights of the pairs sum to 1e\+300: divide all wei",
        ),
        (lambda: Pairs(["a"], ["b"], [np.inf]), r"^the weight inf of pair 0"),
        (lambda: Pairs(["a"], ["b"], ["x"]), r"weights must be numbers$"),
        (lambda: Pairs(["a"], ["b", "c"]), r"^the columns differ in length: center 1, outside 2$"),
        (lambda: Pairs("a", "b"), r"^center='a' is not a column"),
        (lambda: Pairs([1.5], [2]), r"is of type double"),
        (lambda: Word2Vec().fit(Pairs([], [])), r"^the corpus is empty"),
        (lambda: Word2Vec(lowercase=True).fit(Pairs(["A"], ["b"])), r"^lowercase=True is for text"),
        (lambda: Word2Vec(min_count=1).fit(Pairs(["a"], ["b"], [1e12])), r"sum to 1,000,000,000,000, .* divide all"),
        (lambda: Word2Vec(min_count=1).fit(Pairs(["a"], ["b"]), validation=0.5), r"has 1 pair, too few to hold out"),
    ],
)
def test_what_are_no_pairs_is_refused(make, message):
    with pytest.raises(CorpusError, match=message):
        make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "cbow"}, r"^architecture=cbow is not available with pairs: its context is a window of"),
        ({"objective": "hierarchical_softmax"}, r"^schedule=hogwild is not available with pairs: .* and with sch"),
        ({"subwords": (3, 6)}, r"^subwords is not available with pairs: they train windows"),
        (
            {"schedule": "hogwild"},
            r"^schedule=hogwild is not available with pairs: .* with schedule=blocks, which every",
        ),
    ],
)
def test_options_that_need_a_text_are_refused_before_reading(options, message):
    with pytest.raises(OptionError, match=message):
        Word2Vec(**options).fit(Pairs(["a"], ["b"]))
