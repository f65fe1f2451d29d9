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

EQUAL_TO_GENSIM = {
    "most_similar": [
        {"positive": "w1"},
        {"positive": ["w1"]},
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": ["w1", "w1", "w2"]},
        {"negative": "w4"},
        {"positive": "w1", "topn": 1},
        {"positive": "w1", "topn": V},
        {"positive": "w1", "topn": 10 * V},
        {"positive": "w1", "topn": None},
        {"positive": "w1", "restrict_vocab": 20},
        {"positive": "w150", "restrict_vocab": 20, "topn": 30},
        {"positive": "w1", "clip_start": 50, "clip_end": 90},
        {"positive": [("w1", 2.0), "w2"], "negative": [("w3", -0.25)]},
        {"positive": MATRIX[9]},
        {"positive": MATRIX[[9, 10]], "negative": [MATRIX[3], "w5"]},
        {"positive": [(MATRIX[9], 0.5), ("w2", 1)]},
    ],
    "most_similar_cosmul": [
        {"positive": "w1"},
        {"positive": ["w1", "w2"], "negative": ["w3"]},
        {"positive": ["w1", "w2", "w1"], "negative": ["w3", "w4"], "topn": V},
        {"positive": "w5", "negative": "w6", "topn": 1},
    ],
    "similarity": [{"w1": "w1", "w2": "w2"}],
    "distance": [{"w1": "w1", "w2": "w2"}],
    "distances": [
        {"word_or_vector": item, "other_words": others}
        for item in ("w1", MATRIX[5], 7 * MATRIX[5])
        for others in ((), ["w3", "w1", "w3"])
    ],
    "n_similarity": [{"ws1": ["w1", "w2"], "ws2": ["w3"]}, {"ws1": ["w1", "zzz"], "ws2": ["w4", "w5"]}],
    "relative_cosine_similarity": [{"wa": "w1", "wb": "w2", "topn": topn} for topn in (1, 10)],
    "most_similar_to_given": [{"key1": "w1", "keys_list": ["w7", "w8", "w9"]}],
    "rank": [{"key1": first, "key2": second} for first, second in (("w1", "w2"), ("w9", "w100"), ("w4", "w4"))],
    "closer_than": [{"key1": first, "key2": second} for first, second in (("w1", "w2"), ("w9", "w100"))],
    "doesnt_match": [{"words": WORDS[start : start + 5]} for start in range(0, 100, 5)],
    "rank_by_centrality": [
        {"words": WORDS[start : start + 5], "use_norm": use_norm} for start in range(0, 50, 5) for use_norm in (0, 1)
    ],
    "get_mean_vector": [
        {"keys": keys, "weights": weights, "pre_normalize": pre, "post_normalize": post}
        for keys, weights in (
            (["w1", "w2", "zzz"], None),
            (["w1", MATRIX[4], "w2"], [1, -2.5, 0.5]),
            ([MATRIX[3]], np.array([2.0])),
            (["zzz"], None),
        )
        for pre in (False, True)
        for post in (False, True)
    ],
}


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning")  # gensim calls it
@pytest.mark.parametrize("name", EQUAL_TO_GENSIM)
def test_results_equal_gensim(wv, theirs, name):
    for arguments in EQUAL_TO_GENSIM[name]:
        ours, expected = (getattr(x, name)(**arguments) for x in (wv, theirs))
        assert_same(ours, expected, 10 * TOLERANCE if arguments.get("use_norm") == 0 else TOLERANCE)  # long vectors


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


def test_a_pair_is_a_weighted_word_or_two_words(wv):
    assert wv.most_similar(("w1", 2.0)) == wv.most_similar("w1")
    assert wv.most_similar(("w1", "w2")) == wv.most_similar(["w1", "w2"])


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


def test_other_names_of_most_similar(wv):
    assert wv.similar_by_word("w1", 5) == wv.similar_by_key("w1", 5) == wv.most_similar("w1", topn=5)
    assert wv.similar_by_word("w1", restrict_vocab=9) == wv.most_similar("w1", restrict_vocab=9)
    assert wv.similar_by_vector(MATRIX[1], 5) == wv.most_similar([MATRIX[1]], topn=5)


@given(st.integers(0, V - 1), st.sampled_from([np.float32, np.float64]))
def test_a_word_and_its_unit_vector_have_the_same_cosines_to_the_bit(row, dtype):
    vectors = KeyedVectors(WORDS, MATRIX.astype(dtype))
    by_word = vectors.most_similar(WORDS[row], topn=None)
    assert np.array_equal(vectors.most_similar(vectors.get_vector(WORDS[row], norm=True), topn=None), by_word)


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


def test_doesnt_match_warns_of_unknown_words(wv):
    with pytest.warns(UserWarning, match=r"not in the vocabulary: \['zzz'\]"):
        wv.doesnt_match(["w1", "w2", "zzz"])


NEITHER = r"is not a key, a vector of 24 numbers or a \(key, weight\) pair"
ERRORS = [
    ("most_similar", [], OptionError, "nothing to compare with"),
    ("most_similar", [[np.ones(3)]], OptionError, NEITHER),
    ("most_similar_cosmul", [], OptionError, "nothing to compare with"),
    ("most_similar_cosmul", [[("w1", 2.0)]], OptionError, "at least one positive word or vector, and no weights"),
    ("most_similar_cosmul", [None, "w1"], OptionError, "at least one positive word or vector, and no weights"),
    ("most_similar_batch", ["w1"], OptionError, r"'w1' is a single key: give a list of keys, such as \['w1'\]"),
    ("most_similar_batch", [["w1", "w1x"]], UnknownWordError, "'w1x'"),
    ("most_similar_batch", [["w1x"], 5.0], OptionError, r"topn=5\.0 is not allowed"),  # numbers are checked first
    ("most_similar_batch", [np.ones((2, 3))], OptionError, r"must be \(n, 24\): found shape \(2, 3\)"),
    ("distances", ["w1", ["zzz"]], UnknownWordError, "'zzz'"),
    ("distances", [np.ones(3)], OptionError, NEITHER),
    ("n_similarity", [["w1"], []], ZeroDivisionError, "at least one word in each list"),
    ("n_similarity", ["w1", ["w2"]], OptionError, "'w1' is a single key"),
    ("relative_cosine_similarity", ["w1", "w2", 0], OptionError, "topn=0 is not allowed: give a whole number of at"),
    ("get_mean_vector", [[]], ValueError, "a mean needs at least one key or vector"),
    ("get_mean_vector", [["w1", "w2"], [1.0]], OptionError, r"one weight for each of 2 keys: found shape \(1,\)"),
    ("get_mean_vector", [["w1", "zzz"], None, True, False, False], UnknownWordError, "'zzz'"),
    ("doesnt_match", [["zzz"]], OptionError, r"none of \['zzz'\] is in the vocabulary"),
]


@pytest.mark.parametrize(("name", "arguments", "error", "message"), ERRORS)
def test_invalid_arguments_are_errors(wv, name, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(wv, name)(*arguments)


def test_limits_of_the_definitions(wv):
    assert wv.most_similar("w1", topn=0) == wv.most_similar("unknown", topn=0) == []
    assert wv.most_similar_cosmul("w1", topn=0) == []
    assert wv.distance("w1", "w1") == 0
    assert wv.n_similarity(["zzz"], ["w1"]) == 0
    assert wv.get_mean_vector(["w1"], [2]).dtype == np.float32
    assert [wv.rank("w1", key) for key, _ in wv.most_similar("w1", topn=4)] == [1, 2, 3, 4]
    with pytest.raises(OptionError, match="cosines of 'w1' with its nearest keys sum to 0"):
        KeyedVectors(["w1"], np.ones((1, 2))).relative_cosine_similarity("w1", "w1")


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
