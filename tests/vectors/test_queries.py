"""Queries, against gensim; where gensim is wrong, against the definition."""

import sys
from inspect import signature

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import MissingExtraError, OptionError, UnknownWordError
from firth.vectors import KeyedVectors
from vectors._gensim import MATRIX, TOLERANCE, WORDS, V, assert_same

# --- neighbours


@pytest.mark.parametrize(
    "query",
    [
        {"positive": "w1"},
        {"positive": ["w1"]},
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": ["w1", "w1", "w2"]},
        {"negative": "w4"},
        {"positive": "w1", "topn": 1},
        {"positive": "w1", "topn": V},
        {"positive": "w1", "topn": 10 * V},
        {"positive": "w1", "restrict_vocab": 20},
        {"positive": "w150", "restrict_vocab": 20, "topn": 30},
        {"positive": "w1", "clip_start": 50, "clip_end": 90},
        {"positive": [("w1", 2.0), "w2"], "negative": [("w3", -0.25)]},
        {"positive": MATRIX[9]},
        {"positive": MATRIX[[9, 10]], "negative": [MATRIX[3], "w5"]},
        {"positive": [(MATRIX[9], 0.5), ("w2", 1)]},
    ],
)
def test_most_similar_equals_gensim(wv, theirs, query):
    assert_same(wv.most_similar(**query), theirs.most_similar(**query))


@settings(max_examples=60, deadline=None)
@given(
    positive=st.lists(st.tuples(st.sampled_from(WORDS), st.floats(0.1, 3)), min_size=1, max_size=4),
    negative=st.lists(st.sampled_from(WORDS), max_size=3),
    topn=st.integers(1, 30),
)
def test_any_weighted_query_equals_gensim(theirs, positive, negative, topn):
    wv = KeyedVectors(WORDS, MATRIX)
    if {word for word, _ in positive} & set(negative):
        return  # weights may cancel to a zero vector, for which every order is correct
    assert_same(wv.most_similar(positive, negative, topn=topn), theirs.most_similar(positive, negative, topn=topn))


def test_topn_zero_returns_nothing_and_none_returns_every_cosine(wv, theirs):
    assert wv.most_similar("w1", topn=0) == []
    assert wv.most_similar("unknown", topn=0) == []
    scores = wv.most_similar("w1", topn=None)
    np.testing.assert_allclose(scores, theirs.most_similar("w1", topn=None), atol=TOLERANCE)
    assert scores.shape == (V,)


def test_a_pair_is_a_weighted_word_or_two_words(wv):
    assert wv.most_similar(("w1", 2.0)) == wv.most_similar("w1")
    assert wv.most_similar(("w1", "w2")) == wv.most_similar(["w1", "w2"])


def test_queries_without_items_and_with_invalid_ones_are_errors(wv):
    for query in (wv.most_similar, wv.most_similar_cosmul):
        with pytest.raises(OptionError, match="nothing to compare with"):
            query()
    with pytest.raises(OptionError, match=r"is not a key, a vector of 24 numbers or a \(key, weight\) pair"):
        wv.most_similar(positive=[np.ones(3)])


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning")  # gensim calls it
@pytest.mark.parametrize(
    "query",
    [
        {"positive": "w1"},
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": ["w1", "w2", "w1"], "negative": ["w3", "w4"], "topn": V},
        {"positive": "w5", "negative": "w6", "topn": 1},
    ],
)
def test_cosmul_equals_gensim(wv, theirs, query):
    assert_same(wv.most_similar_cosmul(**query), theirs.most_similar_cosmul(**query))


def test_cosmul_does_what_gensim_only_documents(wv):
    few = wv.most_similar_cosmul(["w1", "w2"], "w3", topn=V, restrict_vocab=20)
    every = wv.most_similar_cosmul(["w1", "w2"], "w3", topn=V)
    assert [key for key, _ in few] == [key for key, _ in every if int(key[1:]) < 20]
    assert wv.most_similar_cosmul(100 * MATRIX[1], topn=3) == [
        ("w1", pytest.approx(1, abs=1e-5)),
        *(pytest.approx(pair) for pair in wv.most_similar_cosmul("w1", topn=2)),
    ]  # gensim's score of a vector depends on its length
    scores = wv.most_similar_cosmul("w1", topn=None)
    np.testing.assert_allclose(scores * (1 + 1e-6), (1 + wv.most_similar("w1", topn=None)) / 2, atol=TOLERANCE)
    assert wv.most_similar_cosmul("w1", topn=0) == []


@pytest.mark.parametrize("items", [{"positive": [("w1", 2.0)]}, {"negative": "w1"}])
def test_cosmul_needs_a_positive_item_and_no_weights(wv, items):
    with pytest.raises(OptionError, match="needs at least one positive word or vector, and no weights"):
        wv.most_similar_cosmul(**items)


def test_other_names_of_most_similar(wv):
    assert wv.similar_by_word("w1", 5) == wv.similar_by_key("w1", 5) == wv.most_similar("w1", topn=5)
    assert wv.similar_by_word("w1", restrict_vocab=9) == wv.most_similar("w1", restrict_vocab=9)
    assert wv.similar_by_vector(MATRIX[1], 5) == wv.most_similar([MATRIX[1]], topn=5)


def test_ranks_equal_gensim(wv, theirs):
    for first, second in (("w1", "w2"), ("w9", "w100"), ("w4", "w4")):
        assert wv.rank(first, second) == theirs.rank(first, second)
        assert wv.closer_than(first, second) == theirs.closer_than(first, second)
    near = wv.most_similar("w1", topn=4)
    assert [wv.rank("w1", key) for key, _ in near] == [1, 2, 3, 4]


# --- similarity


def test_similarities_and_distances_equal_gensim(wv, theirs):
    assert wv.similarity("w1", "w2") == pytest.approx(float(theirs.similarity("w1", "w2")), abs=TOLERANCE)
    assert wv.distance("w1", "w2") == pytest.approx(float(theirs.distance("w1", "w2")), abs=TOLERANCE)
    assert wv.distance("w1", "w1") == 0
    for item in ("w1", MATRIX[5], 7 * MATRIX[5]):
        for others in ((), ["w3", "w1", "w3"]):
            np.testing.assert_allclose(wv.distances(item, others), theirs.distances(item, others), atol=TOLERANCE)
    with pytest.raises(UnknownWordError):
        wv.distances("w1", ["zzz"])
    with pytest.raises(OptionError, match="is not a key, a vector of 24 numbers"):
        wv.distances(np.ones(3))


def test_similarities_of_sets_equal_gensim(wv, theirs):
    pairs = (["w1", "w2"], ["w3"]), (["w1", "zzz"], ["w4", "w5"])
    for first, second in pairs:
        assert wv.n_similarity(first, second) == pytest.approx(float(theirs.n_similarity(first, second)), abs=TOLERANCE)
    with pytest.raises(ZeroDivisionError, match="at least one word in each list"):
        wv.n_similarity(["w1"], [])
    with pytest.raises(OptionError, match="'w1' is a single key"):
        wv.n_similarity("w1", ["w2"])
    assert wv.n_similarity(["zzz"], ["w1"]) == 0
    assert wv.most_similar_to_given("w1", ["w7", "w8", "w9"]) == theirs.most_similar_to_given("w1", ["w7", "w8", "w9"])


def test_relative_cosine_similarity_equals_gensim(wv, theirs):
    for topn in (1, 10):
        ours, expected = (x.relative_cosine_similarity("w1", "w2", topn) for x in (wv, theirs))
        assert ours == pytest.approx(float(expected), abs=TOLERANCE)
    with pytest.raises(OptionError, match="topn=0 is not allowed: give a whole number of at least 1"):
        wv.relative_cosine_similarity("w1", "w2", topn=0)
    with pytest.raises(OptionError, match="'w1' has no neighbours to compare with"):
        KeyedVectors(["w1"], np.ones((1, 2))).relative_cosine_similarity("w1", "w1")


@pytest.mark.parametrize("norm", [True, False])
def test_word_movers_distance_equals_gensim(wv, theirs, norm):
    pytest.importorskip("ot")
    documents = [["w1", "w2", "w3", "w3"], ["w4", "w5", "w1", "zzz"], ["w9"], ["w9", "w9"]]
    for first in documents:
        for second in documents:
            in_gensim = theirs.wmdistance(first, second, norm=norm)
            # for documents with the same words, gensim takes the distance 0 for a failure and returns infinity
            expected = 0 if set(first) == set(second) else in_gensim
            assert wv.wmdistance(first, second, norm=norm) == pytest.approx(expected, abs=1e-5)
    assert wv.wmdistance(["w1"], ["zzz"]) == float("inf")


def test_without_pot_the_extra_is_named(wv, monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(MissingExtraError, match=r"needs POT: install it with  pip install 'firth\[wmd\]'"):
        wv.wmdistance(["w1"], ["w2"])


# --- means


@pytest.mark.parametrize("pre", [True, False])
@pytest.mark.parametrize("post", [True, False])
def test_means_equal_gensim(wv, theirs, pre, post):
    for keys, weights in (
        (["w1", "w2", "zzz"], None),
        (["w1", MATRIX[4], "w2"], [1, -2.5, 0.5]),
        ([MATRIX[3]], np.array([2.0])),
        (["zzz"], None),
    ):
        ours = wv.get_mean_vector(keys, weights, pre_normalize=pre, post_normalize=post)
        expected = theirs.get_mean_vector(keys, weights, pre_normalize=pre, post_normalize=post)
        np.testing.assert_allclose(ours, expected, atol=TOLERANCE)
        assert ours.dtype == np.float32


def test_means_that_are_not_defined(wv):
    with pytest.raises(ValueError, match="a mean needs at least one key or vector"):
        wv.get_mean_vector([])
    with pytest.raises(OptionError, match=r"give one weight for each of 2 keys: found shape \(1,\)"):
        wv.get_mean_vector(["w1", "w2"], [1.0])
    with pytest.raises(UnknownWordError, match="'zzz'"):
        wv.get_mean_vector(["w1", "zzz"], ignore_missing=False)


@pytest.mark.parametrize("use_norm", [True, False])
def test_centrality_equals_gensim(wv, theirs, use_norm):
    for start in range(0, 100, 5):
        words = WORDS[start : start + 5]
        ours, expected = (x.rank_by_centrality(words, use_norm) for x in (wv, theirs))
        assert_same(ours, expected, TOLERANCE if use_norm else 10 * TOLERANCE)  # vectors of length 5
        assert wv.doesnt_match(words) == theirs.doesnt_match(words)


def test_doesnt_match_warns_of_unknown_words(wv):
    with pytest.warns(UserWarning, match=r"not in the vocabulary: \['zzz'\]"):
        wv.doesnt_match(["w1", "w2", "zzz"])
    with pytest.raises(OptionError, match=r"none of \['zzz'\]"):
        wv.doesnt_match(["zzz"])


# --- arguments that are whole numbers

QUERIES = {
    "most_similar": ["w1"],
    "most_similar_cosmul": ["w1"],
    "most_similar_batch": [["w1"]],
    "similar_by_key": ["w1"],
    "similar_by_word": ["w1"],
    "similar_by_vector": [MATRIX[1]],
    "relative_cosine_similarity": ["w1", "w2"],
    "evaluate_word_analogies": ["absent"],
    "evaluate_word_pairs": ["absent"],
}
NUMBERS = ["topn", "restrict_vocab", "clip_start", "clip_end"]
PAIRS = [
    (name, number)
    for name in QUERIES
    for number in NUMBERS
    if number in signature(getattr(KeyedVectors, name)).parameters
]


@pytest.mark.parametrize(("name", "argument"), PAIRS)
def test_only_whole_numbers_in_range_are_accepted(wv, name, argument):
    negative = [] if argument.startswith("clip") else [-1]
    for value in (5.0, 2.5, "5", True, np.True_, np.float64(5), [5], np.array([5]), *negative):
        with pytest.raises(OptionError) as caught:
            getattr(wv, name)(*QUERIES[name], **{argument: value})
        assert str(caught.value).startswith(f"{argument}={value!r} is not allowed: give a whole number")


@pytest.mark.parametrize(("name", "argument"), [pair for pair in PAIRS if not pair[0].startswith("evaluate")])
def test_integers_of_numpy_are_whole_numbers(wv, name, argument):
    expected = getattr(wv, name)(*QUERIES[name], **{argument: 5})
    for kind in (np.int8, np.int64, np.uint16):
        assert np.array_equal(getattr(wv, name)(*QUERIES[name], **{argument: kind(5)}), expected)


def test_numbers_are_checked_before_words(wv):
    with pytest.raises(OptionError, match=r"topn=5\.0 is not allowed"):
        wv.most_similar_batch(["unknown"], topn=5.0)
