"""Means of many texts in one pass, against `get_mean_vector`, gensim and the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import KeyedVectors, Word2Vec
from firth.errors import OptionError, UnknownWordError
from firth.vectors import means
from vectors._gensim import MATRIX, TOLERANCE, WORDS, D

WORD = st.sampled_from([*WORDS[:30], "zzz", "unknown"])
TEXTS = st.lists(st.lists(WORD, max_size=12), max_size=8)
WEIGHT = st.floats(-5, 5)


@settings(deadline=None)
@given(TEXTS, st.data(), st.booleans(), st.booleans())
def test_each_mean_is_what_get_mean_vector_returns(texts, data, pre, post):
    wv = KeyedVectors(WORDS, MATRIX)
    weights = [data.draw(st.lists(WEIGHT, min_size=len(text), max_size=len(text))) for text in texts]
    for given_weights in (None, weights):
        found = wv.mean_vectors(texts, given_weights, pre, post)
        assert found.shape == (len(texts), D)
        assert found.dtype == np.float32
        for number, (text, mean) in enumerate(zip(texts, found, strict=True)):
            weight = given_weights and given_weights[number]
            expected = wv.get_mean_vector(text, weight, pre, post) if text else np.zeros(D)
            np.testing.assert_allclose(mean, expected, atol=TOLERANCE)


@pytest.mark.parametrize("pre", [False, True])
@pytest.mark.parametrize("post", [False, True])
@pytest.mark.parametrize("weights", [None, [[1, 2, -0.5, 3], [0.25]]])
def test_the_means_are_gensims(wv, theirs, weights, pre, post):
    texts = [["w1", "w7", "zzz", "w1"], ["w199"]]
    expected = [
        theirs.get_mean_vector(text, None if weights is None else np.array(weights[number]), pre, post)
        for number, text in enumerate(texts)
    ]
    np.testing.assert_allclose(wv.mean_vectors(texts, weights, pre, post), expected, atol=TOLERANCE)


def test_unknown_words_are_counted_for_each_text(wv):
    vectors, unknown = wv.mean_vectors([["w1", "zzz"], [], ["zzz", "yyy"], ["w2"]], return_unknown=True)
    assert unknown.tolist() == [1, 0, 2, 0]
    assert unknown.dtype == np.int64
    assert not vectors[[1, 2]].any()


def test_an_array_of_weights_has_one_for_each_row(wv):
    weights = np.arange(len(wv), dtype=float)
    found = wv.mean_vectors([["w3", "w5", "w3", "zzz"]], weights, pre_normalize=False)
    np.testing.assert_allclose(found[0], (6 * MATRIX[3] + 5 * MATRIX[5]) / 11, atol=TOLERANCE)


def test_more_texts_and_words_than_are_worked_on_at_once(monkeypatch):
    """Blocks of rows and batches of texts meet in the middle of both."""
    monkeypatch.setattr(means, "_BLOCK_ROWS", 3)
    monkeypatch.setattr(means, "_BATCH_TEXTS", 2)
    wv = KeyedVectors(WORDS, MATRIX)
    texts = [WORDS[start : start + size] for start, size in enumerate((0, 1, 2, 3, 4, 7, 10))]
    expected = [MATRIX[start : start + size].mean(axis=0) if size else np.zeros(D) for start, size in
                enumerate((0, 1, 2, 3, 4, 7, 10))]  # fmt: skip
    weights = ([1.0] * len(text) for text in texts)
    np.testing.assert_allclose(
        wv.mean_vectors((text for text in texts), weights, pre_normalize=False), expected, atol=TOLERANCE
    )
    with pytest.raises(OptionError, match="text 5 holds None"):
        wv.mean_vectors([*texts[:5], ["w1", None]])


def test_a_long_text_keeps_its_precision():
    """In float32 alone, the sum of a million equal numbers is wrong in the third digit.

    Within a block, each of 256 additions has an error of at most 2^-24 of the sum.
    """
    wv = KeyedVectors(["a", "b"], np.array([[0.1, 3], [0.3, 5]], np.float32))
    found = wv.mean_vectors([["a"] * 700_000 + ["b"] * 300_000], pre_normalize=False)
    np.testing.assert_allclose(found, [[0.16, 3.6]], rtol=256 * 2**-24)


def test_means_of_half_and_double_precision():
    for dtype, result in ((np.float16, np.float32), (np.float64, np.float64)):
        matrix = MATRIX.astype(dtype)
        found = KeyedVectors(WORDS, matrix).mean_vectors([["w1", "w2"]], pre_normalize=False)
        assert found.dtype == result
        np.testing.assert_allclose(found[0], matrix[1:3].astype(result).mean(axis=0), atol=TOLERANCE)


def test_words_of_an_array_or_a_series_and_number_keys():
    wv = KeyedVectors([10, 20, 30], np.eye(3, dtype=np.float32))
    expected = [[0.5, 0.5, 0], [0, 0, 1]]
    for texts in (
        [[10, 20], [30, 30]],
        np.array([[10, 20], [30, 30]]),
        [np.array([10, 20]), (30, np.int32(30))],
        (iter(text) for text in ([10, 20], [30])),
    ):
        np.testing.assert_allclose(wv.mean_vectors(texts), expected)
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    for column in (pd.Series, pl.Series, pa.array):
        np.testing.assert_allclose(wv.mean_vectors(column([[10, 20], [30]])), expected)


def test_words_outside_the_vocabulary_have_vectors_of_their_ngrams():
    texts = [["reading", "reader", "reads", "leader", "leading", "leads"]] * 40
    model = Word2Vec(vector_size=8, subwords=(3, 5), buckets=1000, min_count=1, sample=0, epochs=1, workers=1)
    wv = model.fit(texts, progress=False).wv
    text = ["readings", "leads", "readings", "q"]
    for pre in (False, True):
        found, unknown = wv.mean_vectors([["leads"], text], pre_normalize=pre, return_unknown=True)
        np.testing.assert_allclose(found[1], wv.get_mean_vector(text, pre_normalize=pre), atol=TOLERANCE)
        assert unknown.tolist() == [0, sum(word not in wv for word in text)]
    double = wv.mean_vectors([["leads", "readings"]], np.full(len(wv), 3.0), pre_normalize=False)
    np.testing.assert_allclose(double[0], (3 * wv["leads"] + wv["readings"]) / 4, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("texts", "weights", "message"),
    [
        ("w1 w2", None, "texts: 'w1 w2' is not a list of words"),
        (["w1 w2"], None, r"text 0: 'w1 w2' is not a list of words. Each text is a list of words, such as"),
        ([["w1"], None], None, "text 1: None is not a list of words"),
        ([["w1"], b"w1"], None, "text 1: b'w1' is not a list"),
        ({"a": ["w1"]}, None, "texts: {.*} is not a list"),
        (5, None, "texts: 5 is not a list"),
        ([["w1"], ["w2", 2.5]], None, "text 1 holds 2.5, which is not a word or a whole number"),
        ([["w1", ["w2"]]], None, r"text 0 holds \['w2'\]"),
        ([["w1", float("nan")]], None, "text 0 holds nan"),
        ([["w1"], ["w2", "w3"]], [[1], [1]], r"text 1 has 2 words: give one weight for each; found shape \(1,\)"),
        ([["w1"], ["w2"]], [[1]], "text 1 has 1 word: give one weight for each; found none"),
        ([["w1"]], [1.0, 2.0], "the weights of text 0 must be a list: found 1.0. For a weight of each row"),
        ([["w1"]], [[float("nan")]], r"the weights of text 0 must be finite: found \[nan\]"),
        ([["w1"]], np.full(200, np.nan), "an array of weights must hold finite numbers: found nan in row 0"),
        ([["w1"]], [["x"]], r"the weights of text 0 must be numbers: found \['x'\]"),
        ([["w1"]], [[1], [1]], "weights for more texts than were given"),
        ([["w1"]], np.ones(3), "must have one for each of the 200 keys: found 3"),
    ],
)
def test_wrong_texts_and_weights_raise(wv, texts, weights, message):
    with pytest.raises(OptionError, match=message):
        wv.mean_vectors(texts, weights)


def test_an_unknown_word_raises_if_asked(wv):
    with pytest.raises(UnknownWordError, match="'zzz'"):
        wv.mean_vectors([["w1"], ["zzz"]], ignore_missing=False)
    assert wv.mean_vectors([["w1"], []], ignore_missing=False).shape == (2, D)


def test_no_texts_and_no_keys(wv):
    assert wv.mean_vectors([]).shape == (0, D)
    empty = KeyedVectors([], np.zeros((0, 3), np.float32))
    assert empty.mean_vectors([["a"]], np.zeros(0)).tolist() == [[0, 0, 0]]


def test_a_vector_that_is_not_finite_affects_only_its_texts():
    wv = KeyedVectors(["a", "b"], np.array([[np.inf, 1], [1, 2]], np.float32))
    for pre in (False, True):
        found = wv.mean_vectors([["a", "b"], ["b", "zzz"]], pre_normalize=pre)
        assert not np.isfinite(found[0]).all()
        assert np.isfinite(found[1]).all()
