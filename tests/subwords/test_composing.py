import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subwords._slowly import composed, ids_of
from subwords.test_ngrams import SCHEMES, WORDS

from firth.errors import OptionError
from firth.subwords import NgramScheme, SubwordVectors
from firth.subwords.ngrams import utf8

SCHEME = NgramScheme(2, 4, 50)
RNG = np.random.default_rng(3)
DENSE = RNG.normal(size=(50, 7)).astype(np.float32)
HELD = np.array([0, 3, 4, 11, 12, 30, 49])
VOCABULARY = ["the", "naïve", "강아지", "😀", "a", "</s>"]
OWN = RNG.normal(size=(len(VOCABULARY), 7)).astype(np.float32)
BYTES = [utf8(word) for word in VOCABULARY]


def some(rows=DENSE, held=HELD):
    """Return rows for some of the numbers only; the others are zero."""
    return SubwordVectors(SCHEME, rows[held], held)


@pytest.mark.parametrize("subwords", [SubwordVectors(SCHEME, DENSE), some()], ids=["all rows", "some rows"])
def test_a_vector_is_the_mean_of_the_rows_of_the_word_and_of_its_ngrams(subwords):
    rows = dict(enumerate(subwords.dense_rows(0, 50)))
    vectors = subwords.compose(BYTES, OWN)
    for word, own, vector in zip(VOCABULARY, OWN, vectors, strict=True):
        np.testing.assert_allclose(vector, composed(word, SCHEME, rows, own), rtol=1e-5, atol=1e-6)  # float32
    for word in ("unseen", "고양이", "語😀"):
        np.testing.assert_allclose(subwords.vector(word), composed(word, SCHEME, rows), rtol=1e-5, atol=1e-6)
    assert subwords.vector("</s>") is None


def test_own_rows_give_the_vectors_again():
    for subwords in (SubwordVectors(SCHEME, DENSE), some()):
        own = subwords.own_rows(BYTES, subwords.compose(BYTES, OWN))
        np.testing.assert_allclose(own, OWN, atol=3e-6)  # float32 rounding, times the number of n-grams
        np.testing.assert_allclose(subwords.compose(BYTES, own), subwords.compose(BYTES, OWN), atol=3e-7)


def test_rows_of_all_numbers_hold_zeros_where_there_is_no_row():
    dense = some().dense_rows(2, 13)
    assert np.array_equal(dense[HELD[1:5] - 2], DENSE[HELD[1:5]])
    assert np.count_nonzero(dense.any(axis=1)) == 4


@given(WORDS, SCHEMES)
def test_a_word_has_a_vector_exactly_if_it_has_ngrams(word, scheme):
    subwords = SubwordVectors(scheme, np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
    assert subwords.has_ngrams(word) == bool(ids_of(word, scheme)) == (subwords.vector(word) is not None)


@given(st.integers(0, 2**32))
def test_a_transformed_row_gives_transformed_vectors(seed):
    matrix = np.random.default_rng(seed).normal(size=(7, 7))
    subwords = some()
    changed = subwords.transformed(matrix)
    np.testing.assert_allclose(changed.vector("natal"), subwords.vector("natal") @ matrix, rtol=1e-4, atol=1e-5)


def test_copies_give_the_same_vectors():
    for other in (copy.deepcopy(some()), pickle.loads(pickle.dumps(some()))):
        assert np.array_equal(other.vector("naïf"), some().vector("naïf"))


def test_half_precision_gives_nearly_the_same_vectors():
    np.testing.assert_allclose(some().astype(np.dtype("f2")).vector("the"), some().vector("the"), atol=2e-3)


@pytest.mark.parametrize(
    ("rows", "buckets", "message"),
    [
        (np.zeros((49, 3)), None, r"the rows of 50 n-grams must be \(50, D\) floats: found float64 \(49, 3\)"),
        (np.zeros((2, 3)), [1, 2, 3], "the rows of 3 n-grams"),
        (np.zeros(3), [1, 2, 3], "the rows of 3 n-grams"),
        (np.zeros((2, 3), int), [1, 2], r"found int64 \(2, 3\)"),
        (np.zeros((2, 3)), [2, 1], "must be ascending and from 0 to 49"),
        (np.zeros((2, 3)), [1, 1], "must be ascending"),
        (np.zeros((2, 3)), [1, 50], "must be ascending"),
        (np.zeros((2, 3)), [-1, 50], "must be ascending"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, buckets, message):
    with pytest.raises(OptionError, match=message):
        SubwordVectors(SCHEME, rows, None if buckets is None else np.array(buckets))
